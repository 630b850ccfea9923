// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" | FileCheck %s
// Eight rows in vectors of 16 lanes: each row takes two lanes, that work on neighbouring channels.

// CHECK-LABEL: llvm.func @scores
tile.kernel @scores(%k: !tile.buffer<?x64xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 2>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x64xf32, local, col_major>
  %stage = tile.alloc : !tile.buffer<48x64xf32, local>
  %s = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %kt = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x64xf32, global> -> !tile.buffer<?x64xf32, global>
  tile.copy %stage, %kt : !tile.buffer<48x64xf32, local>, !tile.buffer<?x64xf32, global>
  %keys = tile.slice %stage[%c0, %c0] sizes(%n) : !tile.buffer<48x64xf32, local> -> !tile.buffer<?x64xf32, local>
  // Queries are spread once: lanes 2r and 2r + 1 hold channels c and c + 1 of row r.
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15] : vector<8xf32>, vector<8xf32>
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>)
  // The same rows of the next tile are asked for.
  // CHECK: llvm.intr.prefetch
  // Two channels of a key at once.
  // CHECK: %[[TWO:.*]] = llvm.load {{.*}} -> vector<2xf32>
  // CHECK: vector.shuffle %[[TWO]], %[[TWO]] [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
  // CHECK: llvm.intr.fmuladd
  // The lanes of a row are added at the end.
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 2, 4, 6, 8, 10, 12, 14] : vector<16xf32>, vector<16xf32>
  // CHECK: vector.shuffle %{{.*}}, %{{.*}} [1, 3, 5, 7, 9, 11, 13, 15] : vector<16xf32>, vector<16xf32>
  // CHECK: arith.addf %{{.*}} : vector<8xf32>
  // CHECK: llvm.store %{{.*}} : vector<8xf32>
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<8x64xf32, local, col_major>, !tile.buffer<?x64xf32, local>
  tile.return
}
