// RUN: attile-opt %s --convert-tile-to-vector="lanes=16 dot-bf16=llvm.x86.avx512bf16.dpbf16ps.512" | FileCheck %s
// Eight rows in vectors of 16 lanes: keys and values are read where they lie, once for all rows.

// CHECK-LABEL: llvm.func @scores
tile.kernel @scores(%k: !tile.buffer<?x40xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x40xf32, local>
  %s = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x40xf32, global> -> !tile.buffer<?x40xf32, global>
  // Two keys, the second of which may be past the last.
  // CHECK: scf.for %[[KEY:.*]] = %{{.*}} to %[[N:.*]] step %{{.*}} : i64 {
  // CHECK: arith.minsi
  // Sixteen sums, of eight rows with two keys, over 16 channels a step; the same channels of the next tile are asked for.
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, {{.*}}vector<16xf32>)
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK: llvm.intr.prefetch
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK: llvm.intr.prefetch
  // CHECK-COUNT-16: llvm.intr.fmuladd
  // CHECK: scf.yield
  // The last eight channels: of rows and keys, so that neither reads what is not its own.
  // CHECK: llvm.intr.masked.load
  // CHECK-COUNT-2: llvm.intr.fmuladd
  // CHECK: llvm.intr.masked.load
  // The lanes of all sums are added at once: halves, quarters, pairs, neighbours.
  // CHECK: vector.shuffle {{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31]
  // CHECK: vector.shuffle {{.*}} [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
  // CHECK: arith.addf
  // CHECK: vector.shuffle {{.*}} [0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31]
  // CHECK: vector.shuffle {{.*}} [1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30]
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK: llvm.store %[[SUM]], {{.*}} : vector<16xf32>
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<8x40xf32, local>, !tile.buffer<?x40xf32, global>
  tile.return
}

// CHECK-LABEL: llvm.func @outputs
tile.kernel @outputs(%v: !tile.buffer<?x40xf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %p = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %f = tile.alloc : !tile.buffer<8xf32, local>
  %o = tile.alloc : !tile.buffer<8x40xf32, local>
  %values = tile.slice %v[%c0, %c0] sizes(%n) : !tile.buffer<?x40xf16, global> -> !tile.buffer<?x40xf16, global>
  // Eight rows of two vectors of columns; values are widened once, and a weight is one broadcast.
  // CHECK: scf.for
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, {{.*}}vector<16xf32>)
  // CHECK: llvm.load {{.*}} -> vector<16xf16>
  // CHECK: arith.extf
  // CHECK: llvm.load {{.*}} -> vector<16xf16>
  // CHECK: arith.extf
  // CHECK: %[[W:.*]] = llvm.load {{.*}} -> f32
  // CHECK: vector.broadcast %[[W]]
  // CHECK-COUNT-2: llvm.intr.fmuladd
  // CHECK: llvm.load {{.*}} -> f32
  // CHECK: scf.yield
  // The old output meets the sum last.
  // CHECK: %[[OLD:.*]] = llvm.load {{.*}} -> vector<16xf32>
  // CHECK: %[[FACTOR:.*]] = vector.broadcast
  // CHECK: llvm.intr.fmuladd(%[[OLD]], %[[FACTOR]],
  // The last eight columns.
  // CHECK: scf.for
  // CHECK: llvm.intr.masked.load
  // CHECK: llvm.intr.masked.store
  tile.dot %o, %p, %values rescale(%f : !tile.buffer<8xf32, local>) accumulate : !tile.buffer<8x40xf32, local>, !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<?x40xf16, global>
  tile.return
}

// Pairs of bf16: two rows of values are interleaved as they are read; the last of an odd number has zeros beside it.
// CHECK-LABEL: llvm.func @pairs
tile.kernel @pairs(%v: !tile.buffer<?x32xbf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %p = tile.alloc : !tile.buffer<8x48xbf16, local, col_pairs>
  %o = tile.alloc : !tile.buffer<8x32xf32, local>
  %values = tile.slice %v[%c0, %c0] sizes(%n) : !tile.buffer<?x32xbf16, global> -> !tile.buffer<?x32xbf16, global>
  // CHECK: scf.for {{.*}} -> (vector<16xf32>,
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> vector<32xbf16>
  // CHECK: %[[B:.*]] = llvm.load {{.*}} -> vector<32xbf16>
  // CHECK: vector.shuffle %[[A]], %[[B]] [0, 32, 1, 33, 2, 34, 3, 35, 8, 40, 9, 41,
  // CHECK: vector.shuffle %[[A]], %[[B]] [4, 36, 5, 37, 6, 38, 7, 39, 12, 44, 13, 45,
  // CHECK: llvm.load {{.*}} -> i32
  // CHECK: dpbf16ps
  // CHECK: scf.for {{.*}} -> (vector<16xf32>,
  // CHECK: %[[LAST:.*]] = llvm.load {{.*}} -> vector<32xbf16>
  // CHECK: vector.shuffle %[[LAST]], %{{.*}} [0, 32, 1, 33,
  // Columns return to their order.
  // CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
  // CHECK: vector.shuffle %{{.*}} [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31]
  tile.dot %o, %p, %values : !tile.buffer<8x32xf32, local>, !tile.buffer<8x48xbf16, local, col_pairs>, !tile.buffer<?x32xbf16, global>
  tile.return
}

// Weights are rounded two columns at a time, which are the pairs; the last of an odd number has zeros beside it.
// CHECK-LABEL: llvm.func @weights
tile.kernel @weights(%n: i64 {tile.name = "param.n"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %p = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %narrow = tile.alloc : !tile.buffer<8x48xbf16, local, col_pairs>
  %used = tile.slice %p[%c0, %c0] sizes(%n) : !tile.buffer<8x48xf32, local, col_major> -> !tile.buffer<8x?xf32, local, col_major>
  // CHECK: %[[TWO:.*]] = arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  // CHECK: %[[PAIRS:.*]] = vector.shuffle %[[TWO]], %[[TWO]] [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]
  // CHECK: llvm.store %[[PAIRS]]
  // CHECK: scf.if
  // CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
  // CHECK: vector.interleave
  // CHECK: arith.subf {{.*}} : vector<16xf32>
  tile.copy %narrow, %used : !tile.buffer<8x48xbf16, local, col_pairs>, !tile.buffer<8x?xf32, local, col_major>
  tile.residual %narrow, %used : !tile.buffer<8x48xbf16, local, col_pairs>, !tile.buffer<8x?xf32, local, col_major>
  tile.return
}

// Rows that are gathered one by one need no transposition; a tile that changes its layout does.
// CHECK-LABEL: llvm.func @turn
tile.kernel @turn(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %n = tile.size "q_len"
  %r = tile.alloc : !tile.buffer<8xi64, local>
  %rows = tile.alloc : !tile.buffer<8x64xf32, local>
  %lanes = tile.alloc : !tile.buffer<8x64xf32, local, col_major>
  // CHECK-NOT: llvm.call @attile_transpose
  // CHECK: llvm.store {{.*}} : vector<16xf32>
  // CHECK: llvm.call @attile_transpose_8
  // CHECK: llvm.call @attile_transpose_8
  // CHECK: llvm.store {{.*}} : vector<16xf32>
  tile.gather %rows, %q[%n, %r, %r] count(%n) : !tile.buffer<8x64xf32, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xi64, local>
  tile.copy %lanes, %rows : !tile.buffer<8x64xf32, local, col_major>, !tile.buffer<8x64xf32, local>
  tile.copy %rows, %lanes : !tile.buffer<8x64xf32, local>, !tile.buffer<8x64xf32, local, col_major>
  tile.return
}
