// RUN: attile-opt %s -canonicalize | FileCheck %s

!operand = tensor<?x?x?x64xf32>
!scores = tensor<?x?x?x?xf32>
!visible = tensor<?x?x?x?xi1>

attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32):  %0 = arith.mulf %s, %v : f32  attn.yield %0 : f32 }
merge { ^bb0(%a: f32, %b: f32):  %0 = arith.addf %a, %b : f32  attn.yield %0 : f32 }
finalize { ^bb0(%o: f32):  attn.yield %o : f32 }

// Division rounds down, and by zero gives zero.
// CHECK-LABEL: func.func @division
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : i64
// CHECK-DAG: %[[CM4:.*]] = arith.constant -4 : i64
// CHECK-DAG: %[[MIN:.*]] = arith.constant -9223372036854775808 : i64
// CHECK: return %[[C3]], %[[CM4]], %[[CM4]], %[[C3]], %[[C0]], %[[MIN]] :
func.func @division() -> (i64, i64, i64, i64, i64, i64) {
  %p7 = arith.constant 7 : i64
  %m7 = arith.constant -7 : i64
  %p2 = arith.constant 2 : i64
  %m2 = arith.constant -2 : i64
  %m1 = arith.constant -1 : i64
  %c0 = arith.constant 0 : i64
  %min = arith.constant -9223372036854775808 : i64
  %0 = attn.floordiv %p7, %p2
  %1 = attn.floordiv %m7, %p2
  %2 = attn.floordiv %p7, %m2
  %3 = attn.floordiv %m7, %m2
  %4 = attn.floordiv %p7, %c0
  %5 = attn.floordiv %min, %m1
  return %0, %1, %2, %3, %4, %5 : i64, i64, i64, i64, i64, i64
}

// The remainder has the divisor's sign.
// CHECK-LABEL: func.func @remainder
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : i64
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : i64
// CHECK-DAG: %[[CM1:.*]] = arith.constant -1 : i64
// CHECK-DAG: %[[CM2:.*]] = arith.constant -2 : i64
// CHECK: return %[[C1]], %[[C2]], %[[CM2]], %[[CM1]], %[[C0]], %[[C0]] :
func.func @remainder() -> (i64, i64, i64, i64, i64, i64) {
  %p7 = arith.constant 7 : i64
  %m7 = arith.constant -7 : i64
  %p3 = arith.constant 3 : i64
  %m3 = arith.constant -3 : i64
  %m1 = arith.constant -1 : i64
  %c0 = arith.constant 0 : i64
  %min = arith.constant -9223372036854775808 : i64
  %0 = attn.floormod %p7, %p3
  %1 = attn.floormod %m7, %p3
  %2 = attn.floormod %p7, %m3
  %3 = attn.floormod %m7, %m3
  %4 = attn.floormod %p7, %c0
  %5 = attn.floormod %min, %m1
  return %0, %1, %2, %3, %4, %5 : i64, i64, i64, i64, i64, i64
}

// CHECK-LABEL: func.func @units(%arg0: i64)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[C5:.*]] = arith.constant 5 : i64
// CHECK-DAG: %[[KEPT:.*]] = attn.floordiv %[[C5]], %arg0
// CHECK: return %arg0, %[[C0]], %[[C0]], %[[C0]], %[[KEPT]] :
func.func @units(%x: i64) -> (i64, i64, i64, i64, i64) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c5 = arith.constant 5 : i64
  %0 = attn.floordiv %x, %c1
  %1 = attn.floordiv %c0, %x
  %2 = attn.floormod %x, %c1
  %3 = attn.floormod %c0, %x
  %4 = attn.floordiv %c5, %x
  return %0, %1, %2, %3, %4 : i64, i64, i64, i64, i64
}

// Modifications and hooks that change nothing disappear; a hook that converts stays.
// CHECK-LABEL: func.func @identities
// CHECK-NEXT: %[[T:.*]] = attn.transform %arg1
// CHECK: } : tensor<?x?x?x64xf32> -> tensor<?x?x?x64xbf16>
// CHECK-NEXT: return %arg0, %arg1, %[[T]]
func.func @identities(%s: !scores, %q: !operand) -> (!scores, !operand, tensor<?x?x?x64xbf16>) {
  %0 = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    attn.yield %x : f32
  } : !scores -> !scores
  %1 = attn.modify %0 {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    attn.yield %x : f32
  } : !scores -> !scores
  %2 = attn.transform %q {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    attn.yield %x : f32
  } : !operand -> !operand
  %3 = attn.transform %q {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    attn.yield %x : f32
  } : !operand -> tensor<?x?x?x64xbf16>
  return %1, %2, %3 : !scores, !operand, tensor<?x?x?x64xbf16>
}

// A mask that hides nothing and one that is listed twice are not asked; constants stay in the region that uses them.
// CHECK-LABEL: func.func @masks
// CHECK-NEXT: %visible = attn.mask {
// CHECK-NEXT: ^bb0
// CHECK-NEXT: %[[C9:.*]] = arith.constant 9 : i64
// CHECK-NEXT: arith.cmpi slt, %{{.*}}, %[[C9]]
// CHECK: attn.reduce @sum {{.*}} where(%visible : tensor<?x?x?x?xi1>)
// CHECK-NOT: attn.mask
func.func @masks(%s: !scores, %v: !operand) -> !operand {
  %all = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %x = arith.cmpi eq, %qi, %qi : i64
    attn.yield %x : i1
  } : !visible
  %some = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c4 = arith.constant 4 : i64
    %c5 = arith.constant 5 : i64
    %c9 = arith.addi %c4, %c5 : i64
    %x = arith.cmpi slt, %ki, %c9 : i64
    attn.yield %x : i1
  } : !visible
  %o = attn.reduce @sum scores(%s : !scores) values(%v : !operand)
      where(%all, %some, %some : !visible, !visible, !visible) outputs ["o"] -> !operand
  return %o : !operand
}

// CHECK-LABEL: func.func @fold
// CHECK: attn.fold @sum
// CHECK-NOT: mask
// CHECK: step
func.func @fold(%q: !operand, %k: !operand, %v: !operand) -> !operand {
  %o = attn.fold @sum queries(%q : !operand) keys(%k : !operand) values(%v : !operand) outputs ["o"]
  score {
  ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    attn.yield %s : f32
  } mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %true = arith.constant true
    attn.yield %true : i1
  } step {
  ^bb0(%o_acc: tensor<?x?xf32>, %s: tensor<?x?xf32>, %visible: tensor<?x?xi1>, %v_tile: tensor<?x?xf32>):
    %new = attn.contract %s, %v_tile, %o_acc : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
    attn.yield %new : tensor<?x?xf32>
  } -> !operand
  return %o : !operand
}
