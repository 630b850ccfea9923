// RUN: attile-opt %s --convert-tile-to-vector="lanes=8" | FileCheck %s
// RUN: attile-opt %s --convert-tile-to-vector="lanes=4 converts-f16=false fma=false" | FileCheck %s --check-prefix=NONE
// f16 by instructions where the CPU has them, else by integer arithmetic; never by a call.

// CHECK-LABEL: llvm.func @f16
// CHECK: arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xf16>
// NONE-LABEL: llvm.func @f16
// NONE-NOT: arith.extf
// NONE-NOT: arith.truncf
// NONE: arith.trunci %{{.*}} : vector<4xi32> to vector<4xi16>
tile.kernel @f16(%x: !tile.buffer<64xf16, global> {tile.name = "x"}, %y: !tile.buffer<64xf16, global> {tile.name = "y"}) {
  tile.generic rows(64) ins(%x : !tile.buffer<64xf16, global>) outs(%y : !tile.buffer<64xf16, global>) {
  ^bb0(%a: f32):
    %r = math.exp %a : f32
    tile.yield %r : f32
  }
  tile.return
}
