// RUN: attile-opt %s --convert-tile-to-vector="lanes=16 dot-bf16=llvm.x86.avx512bf16.dpbf16ps.512" | FileCheck %s
// Pairs of bf16: one step of the inner loop takes two channels, by the instruction that the target names.

// CHECK-LABEL: llvm.func @scores
tile.kernel @scores()
    attributes {schedule = #tile.schedule<rows = 16, keys = 48, dot_rows = 16, score_keys = 2, value_cols = 2>} {
  %q = tile.alloc : !tile.buffer<16x64xbf16, local, col_pairs>
  %k = tile.alloc : !tile.buffer<48x64xbf16, local>
  %s = tile.alloc : !tile.buffer<16x48xf32, local, col_major>
  // 32 steps for 64 channels.
  // CHECK: %[[STEPS:.*]] = arith.constant 32 : i64
  // CHECK: scf.for %{{.*}} = %{{.*}} to %[[STEPS]] step %{{.*}} iter_args
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> vector<16xi32>
  // CHECK: %[[KEY:.*]] = llvm.load {{.*}} -> i32
  // CHECK: %[[B:.*]] = vector.broadcast %[[KEY]] : i32 to vector<16xi32>
  // CHECK: vector.bitcast %[[A]] : vector<16xi32> to vector<32xbf16>
  // CHECK: vector.bitcast %[[B]] : vector<16xi32> to vector<32xbf16>
  // CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
  // CHECK-NOT: fmuladd
  tile.dot %s, %q, %k transpose_b : !tile.buffer<16x48xf32, local, col_major>, !tile.buffer<16x64xbf16, local, col_pairs>, !tile.buffer<48x64xbf16, local>
  tile.return
}
