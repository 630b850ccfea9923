// A sliding window: both ends of the key range are solved. The window is any i64; it is cut before it is added.
// RUN: attile-opt %s --test-mask-analysis --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @mask_0
// CHECK-SAME: %[[W:arg8]]: i64)
// CHECK:      %[[OFF:.*]] = arith.subi
// CHECK-DAG:  %[[P0:.*]] = arith.addi %[[OFF]], %arg4
// CHECK-DAG:  %[[P1:.*]] = arith.addi %[[OFF]], %arg5
// The lower end, from q_pos - k <= w - 1.
// CHECK:      %[[W1:.*]] = arith.addi %[[W]], %c-1
// CHECK-NEXT: %[[CUT:.*]] = arith.maxsi %[[W1]],
// CHECK-NEXT: %[[CUTW:.*]] = arith.minsi %[[CUT]],
// CHECK-NEXT: %[[LO:.*]] = arith.subi %[[P0]], %[[CUTW]]
// A tile: four comparisons.
// CHECK:      %[[KLAST:.*]] = arith.addi %arg7, %c-1
// CHECK-NOT:  arith.floordivsi
// CHECK-COUNT-4: arith.cmpi
// CHECK-NOT:  arith.cmpi
// CHECK:      return
attn.kernel @window(%w: i64 {attn.name = "window", attn.role = "param"}) {
  %0 = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    %kv = attn.size "kv_len"
    %ql = attn.size "q_len"
    %offset = arith.subi %kv, %ql : i64
    %p = arith.addi %q, %offset : i64
    %1 = arith.cmpi sle, %k, %p : i64
    %2 = arith.subi %p, %k : i64
    %3 = arith.cmpi slt, %2, %w : i64
    %4 = arith.andi %1, %3 : i1
    attn.yield %4 : i1
  } : tensor<?x?x?x?xi1>
  attn.return
}
