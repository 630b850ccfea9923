// RUN: attile-opt %s --convert-tile-to-vector="lanes=16 dot-bf16=llvm.x86.avx512bf16.dpbf16ps.512" | FileCheck %s
// Eight rows in vectors of 16 lanes: a word of a key, two f32, is broadcast to all of them.

// CHECK-LABEL: llvm.func @scores
tile.kernel @scores(%k: !tile.buffer<?x40xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x40xf32, local, col_words>
  %s = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x40xf32, global> -> !tile.buffer<?x40xf32, global>
  // The first 32 channels of the first sixteen keys are staged.
  // CHECK: scf.for
  // CHECK: llvm.store
  // Sixteen sums, one for each key; the last of which may be past the last one.
  // CHECK: scf.for
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, {{.*}}vector<16xf32>)
  // While the staged channels are multiplied, the last eight are staged, and those of the next tile are asked for.
  // CHECK: arith.minsi
  // CHECK: llvm.intr.prefetch
  // CHECK: llvm.intr.masked.load
  // CHECK: llvm.store
  // CHECK: %[[Q:.*]] = llvm.load {{.*}} -> vector<8xf64>
  // CHECK: vector.bitcast %[[Q]] : vector<8xf64> to vector<16xf32>
  // CHECK: %[[WORD:.*]] = llvm.load {{.*}} -> f64
  // CHECK: vector.broadcast %[[WORD]] : f64 to vector<8xf64>
  // CHECK-COUNT-64: llvm.intr.fmuladd
  // CHECK: scf.yield
  // While those are multiplied, the first ones of the next sixteen keys are.
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, {{.*}}vector<16xf32>)
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK-COUNT-64: llvm.intr.fmuladd
  // A row's two lanes are added, those of two keys at once.
  // CHECK: vector.shuffle {{.*}} [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]
  // CHECK: vector.shuffle {{.*}} [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31]
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK: llvm.store %[[SUM]], {{.*}} : vector<16xf32>
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<8x40xf32, local, col_words>, !tile.buffer<?x40xf32, global>
  tile.return
}

// bf16 become f32 as the upper halves of words whose lower ones are 0, in an order that costs one instruction a vector.
// CHECK-LABEL: llvm.func @widened
tile.kernel @widened(%k: !tile.buffer<?x32xbf16, global> {tile.name = "k"}, %v: !tile.buffer<?x32xbf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x32xf32, local, col_words>
  %s = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %o = tile.alloc : !tile.buffer<8x32xf32, local>
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x32xbf16, global> -> !tile.buffer<?x32xbf16, global>
  %values = tile.slice %v[%c0, %c0] sizes(%n) : !tile.buffer<?x32xbf16, global> -> !tile.buffer<?x32xbf16, global>
  // CHECK: %[[KEY:.*]] = llvm.load {{.*}} -> vector<32xi16>
  // CHECK: vector.shuffle %{{.*}}, %[[KEY]] [0, 32, 1, 33, 2, 34, 3, 35, 8, 40,
  // CHECK: vector.shuffle %{{.*}}, %[[KEY]] [4, 36, 5, 37, 6, 38, 7, 39, 12, 44,
  // CHECK: vector.bitcast {{.*}} : vector<32xi16> to vector<16xf32>
  // CHECK-COUNT-64: llvm.intr.fmuladd
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<8x32xf32, local, col_words>, !tile.buffer<?x32xbf16, global>
  // CHECK: %[[VALUE:.*]] = llvm.load {{.*}} -> vector<32xi16>
  // CHECK: vector.shuffle %{{.*}}, %[[VALUE]] [0, 32, 1, 33,
  // CHECK-COUNT-16: llvm.intr.fmuladd
  // CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23]
  tile.dot %o, %s, %values : !tile.buffer<8x32xf32, local>, !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<?x32xbf16, global>
  tile.return
}

// CHECK-LABEL: llvm.func @outputs
tile.kernel @outputs(%v: !tile.buffer<?x40xf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
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
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %p = tile.alloc : !tile.buffer<8x48xbf16, local, col_pairs>
  %o = tile.alloc : !tile.buffer<8x32xf32, local>
  %values = tile.slice %v[%c0, %c0] sizes(%n) : !tile.buffer<?x32xbf16, global> -> !tile.buffer<?x32xbf16, global>
  // CHECK: scf.for {{.*}} -> (vector<16xf32>,
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> vector<32xi16>
  // CHECK: %[[B:.*]] = llvm.load {{.*}} -> vector<32xi16>
  // CHECK: vector.shuffle %[[A]], %[[B]] [0, 32, 1, 33, 2, 34, 3, 35, 8, 40, 9, 41,
  // CHECK: vector.shuffle %[[A]], %[[B]] [4, 36, 5, 37, 6, 38, 7, 39, 12, 44, 13, 45,
  // CHECK: llvm.load {{.*}} -> i32
  // CHECK: dpbf16ps
  // CHECK: scf.for {{.*}} -> (vector<16xf32>,
  // CHECK: %[[LAST:.*]] = llvm.load {{.*}} -> vector<32xi16>
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
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
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

// Queries are gathered by words; a tile that changes its layout is transposed.
// CHECK-LABEL: llvm.func @turn
tile.kernel @turn(%q: !tile.buffer<?x?x?x40xbf16, global> {tile.name = "q"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 16, value_cols = 32>} {
  %n = tile.size "q_len"
  %r = tile.alloc : !tile.buffer<8xi64, local>
  %words = tile.alloc : !tile.buffer<8x40xf32, local, col_words>
  %rows = tile.alloc : !tile.buffer<8x64xf32, local>
  %lanes = tile.alloc : !tile.buffer<8x64xf32, local, col_major>
  // CHECK-NOT: llvm.call @attile_transpose
  // CHECK: llvm.intr.masked.load
  // CHECK: %[[WORD:.*]] = llvm.load {{.*}} -> i64
  // CHECK: llvm.store %[[WORD]]
  // CHECK: llvm.call @attile_transpose_8
  // CHECK: llvm.call @attile_transpose_8
  // CHECK: llvm.store {{.*}} : vector<16xf32>
  tile.gather %words, %q[%n, %r, %r] count(%n) : !tile.buffer<8x40xf32, local, col_words>, !tile.buffer<?x?x?x40xbf16, global>, !tile.buffer<8xi64, local>
  tile.copy %lanes, %rows : !tile.buffer<8x64xf32, local, col_major>, !tile.buffer<8x64xf32, local>
  tile.copy %rows, %lanes : !tile.buffer<8x64xf32, local>, !tile.buffer<8x64xf32, local, col_major>
  tile.return
}
