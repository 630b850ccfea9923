// Bottom-right causal: the range of keys is solved from k <= q + (kv_len - q_len), and a tile costs two comparisons.
// RUN: attile-opt %s --test-mask-analysis --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @mask_0
// CHECK-SAME: %[[Q0:arg4]]: i64, %[[Q1:arg5]]: i64, %[[K0:arg6]]: i64, %[[K1:arg7]]: i64
// CHECK-DAG:  %[[KV:.*]] = attn.size "kv_len"
// CHECK-DAG:  %[[Q:.*]] = attn.size "q_len"
// CHECK:      %[[OFF:.*]] = arith.subi %[[KV]], %[[Q]]
// CHECK-DAG:  %[[P0:.*]] = arith.addi %[[OFF]], %[[Q0]]
// CHECK-DAG:  %[[P1:.*]] = arith.addi %[[OFF]], %[[Q1]]
// CHECK:      %[[LAST:.*]] = arith.addi %[[KV]], %c-1
// CHECK-NEXT: %[[CUT:.*]] = arith.minsi %[[P1]], %[[LAST]]
// CHECK-NEXT: %[[CUT0:.*]] = arith.maxsi %[[CUT]], %c-1
// CHECK-NEXT: %[[HI:.*]] = arith.addi %[[CUT0]], %c1
// CHECK-NEXT: %[[KLAST:.*]] = arith.addi %[[K1]], %c-1
// CHECK-NEXT: %[[ANY:.*]] = arith.cmpi sle, %[[K0]], %[[P1]]
// CHECK-NEXT: %[[ALL:.*]] = arith.cmpi sle, %[[KLAST]], %[[P0]]
// CHECK-NEXT: return %c0_i64, %[[HI]], %[[ANY]], %[[ALL]]
attn.kernel @causal() {
  %0 = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    %kv = attn.size "kv_len"
    %ql = attn.size "q_len"
    %offset = arith.subi %kv, %ql : i64
    %p = arith.addi %q, %offset : i64
    %1 = arith.cmpi sle, %k, %p : i64
    attn.yield %1 : i1
  } : tensor<?x?x?x?xi1>
  attn.return
}
