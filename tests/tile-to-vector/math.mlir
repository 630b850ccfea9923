// RUN: attile-opt %s --convert-tile-to-vector="lanes=16 reciprocal=llvm.x86.avx512.rcp14.ps.512" | FileCheck %s
// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" | FileCheck %s --check-prefix=DIVIDES
// The quotient of tanh's polynomials: the reciprocal's first 14 bits, and what they leave; a division where there is no such instruction.

// CHECK-LABEL: func @soft
// CHECK: %[[INVERSE:.*]] = llvm.call_intrinsic "llvm.x86.avx512.rcp14.ps.512"(%[[B:.*]], %{{.*}}, %{{.*}}) : (vector<16xf32>, vector<16xf32>, i16) -> vector<16xf32>
// CHECK-NEXT: %[[NEAR:.*]] = arith.mulf %[[A:.*]], %[[INVERSE]] : vector<16xf32>
// CHECK-NEXT: %[[MINUS:.*]] = arith.negf %[[NEAR]]
// CHECK-NEXT: %[[LEFT:.*]] = math.fma %[[MINUS]], %[[B]], %[[A]]
// CHECK-NEXT: math.fma %[[LEFT]], %[[INVERSE]], %[[NEAR]]
// CHECK-NOT: arith.divf
// DIVIDES-LABEL: func @soft
// DIVIDES: arith.divf %{{.*}} : vector<16xf32>
tile.kernel @soft(%x: !tile.buffer<64xf32, global> {tile.name = "x"}) {
  %c0 = arith.constant 0 : i64
  %xs = tile.slice %x[%c0] : !tile.buffer<64xf32, global> -> !tile.buffer<64xf32, global>
  tile.generic rows(64) ins(%xs : !tile.buffer<64xf32, global>) outs(%xs : !tile.buffer<64xf32, global>) {
  ^bb0(%a: f32):
    %r = math.tanh %a : f32
    tile.yield %r : f32
  }
  tile.return
}
