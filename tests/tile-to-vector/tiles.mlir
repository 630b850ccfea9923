// RUN: attile-opt %s --assign-cpu-layouts="lanes=16 tiles-bf16" --convert-tile-to-vector="lanes=16 tiles-bf16" | FileCheck %s
// Scores of eight rows by tile registers: keys of bf16 are multiplied where they lie.

// CHECK-LABEL: llvm.func @scores
tile.kernel @scores(%k: !tile.buffer<?x72xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 64, dot_rows = 8, score_keys = 16, value_cols = 32>} {
  // Shapes for as long as the kernel runs: sums, 16 keys and 16 pairs of channels; of the last 8 channels a quarter.
  // CHECK: %[[SHAPES:.*]] = arith.constant dense<[1, {{(0, )+}}32, 0, 32, 0, 64, 0, 64, 0, 32, 0, 16, 0, 16, 0, 32, {{(0, )+}}16, 16, 16, 16, 16, 16, 16, 4, {{[0, ]+}}]> : vector<64xi8>
  // CHECK: llvm.store %[[SHAPES]]
  // CHECK: llvm.call_intrinsic "llvm.x86.ldtilecfg"
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x72xf32, local>
  %s = tile.alloc : !tile.buffer<8x64xf32, local>
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x72xbf16, global> -> !tile.buffer<?x72xbf16, global>
  // Of 32 keys that are not all there a copy is made, in which the last one is repeated.
  // CHECK: %[[THIRTY_TWO:.*]] = arith.constant 32 : i64
  // CHECK: scf.for %[[KEY:.*]] = {{.*}} step %[[THIRTY_TWO]]
  // CHECK: %[[BEYOND:.*]] = arith.cmpi sgt
  // CHECK: scf.if %[[BEYOND]]
  // CHECK: scf.for
  // CHECK: arith.minsi
  // CHECK: %[[BASE:.*]] = arith.select %[[BEYOND]]
  // CHECK: %[[STRIDE:.*]] = arith.select %[[BEYOND]]
  // CHECK-COUNT-2: llvm.x86.tilezero
  // CHECK: scf.for
  // CHECK-COUNT-32: llvm.intr.prefetch
  // CHECK: "llvm.x86.tileloadd64"
  // CHECK: "llvm.x86.tileloadd64"({{.*}}, %[[STRIDE]])
  // CHECK: "llvm.x86.tdpbf16ps"
  // CHECK: "llvm.x86.tileloadd64"({{.*}}, %[[STRIDE]])
  // CHECK: "llvm.x86.tdpbf16ps"
  // The last channels.
  // CHECK: "llvm.x86.tileloadd64"
  // CHECK: "llvm.x86.tdpbf16ps"
  // CHECK: "llvm.x86.tdpbf16ps"
  // CHECK-COUNT-2: "llvm.x86.tilestored64"
  // CHECK: "llvm.x86.tilerelease"
  // CHECK-NEXT: llvm.return
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x64xf32, local>, !tile.buffer<8x72xf32, local>, !tile.buffer<?x72xbf16, global>
  tile.return
}
