// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" -split-input-file | FileCheck %s
// RUN: attile-opt %s --convert-tile-to-vector="lanes=16 dot-bf16=llvm.x86.avx512bf16.dpbf16ps.512" -split-input-file | FileCheck %s

// Scores: a block of dot_rows rows (two vectors) times score_keys keys stays in registers over the channels.
// CHECK-LABEL: llvm.func @scores
tile.kernel @scores()
    attributes {schedule = #tile.schedule<rows = 64, keys = 48, dot_rows = 32, score_keys = 3, value_cols = 2>} {
  %q = tile.alloc : !tile.buffer<64x128xf32, local, col_major>
  %k = tile.alloc : !tile.buffer<48x128xf32, local>
  %s = tile.alloc : !tile.buffer<64x48xf32, local, col_major>
  // Panels of 32 rows, then blocks of 3 keys.
  // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c32
  // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c3
  // CHECK: %[[SUMS:.*]]:6 = scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
  // CHECK-COUNT-2: llvm.load {{.*}} -> vector<16xf32>
  // Each key is one number, broadcast, against both vectors of rows.
  // CHECK: %[[X:.*]] = llvm.load {{.*}} -> f32
  // CHECK: %[[B:.*]] = vector.broadcast %[[X]] : f32 to vector<16xf32>
  // CHECK: llvm.intr.fmuladd(%{{.*}}, %[[B]], %{{.*}})
  // CHECK: llvm.intr.fmuladd(%{{.*}}, %[[B]], %{{.*}})
  // CHECK-COUNT-4: llvm.intr.fmuladd
  // CHECK: scf.yield
  // CHECK-COUNT-6: llvm.store %[[SUMS]]
  tile.dot %s, %q, %k transpose_b : !tile.buffer<64x48xf32, local, col_major>, !tile.buffer<64x128xf32, local, col_major>, !tile.buffer<48x128xf32, local>
  tile.return
}

// -----

// Output: the sum of a tile starts from zero, and meets the rescaled old value last.
// CHECK-LABEL: llvm.func @outputs
tile.kernel @outputs(%v: !tile.buffer<?x?x?x6xf32, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 48, dot_rows = 16, score_keys = 3, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %w = tile.alloc : !tile.buffer<16x48xf32, local, col_major>
  %o = tile.alloc : !tile.buffer<16x6xf32, local, col_major>
  %alpha = tile.alloc : !tile.buffer<16xf32, local>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x6xf32, global> -> !tile.buffer<?x6xf32, global>
  // CHECK: %[[FACTOR:.*]] = llvm.load {{.*}} -> vector<16xf32>
  // CHECK: scf.for %{{.*}} step %c4
  // CHECK: %[[NONE:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
  // CHECK: %[[SUM:.*]]:4 = scf.for %{{.*}} = %{{.*}} to %[[N:.*]] step %{{.*}} iter_args(%{{.*}} = %[[NONE]], %{{.*}} = %[[NONE]], %{{.*}} = %[[NONE]], %{{.*}} = %[[NONE]])
  // CHECK: scf.yield
  // CHECK: %[[OLD:.*]] = llvm.load {{.*}} -> vector<16xf32>
  // CHECK: llvm.intr.fmuladd(%[[OLD]], %[[FACTOR]], %[[SUM]]#0)
  // The two columns that are left over.
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>)
  tile.dot %o, %w, %vt rescale(%alpha : !tile.buffer<16xf32, local>) accumulate : !tile.buffer<16x6xf32, local, col_major>, !tile.buffer<16x48xf32, local, col_major>, !tile.buffer<?x6xf32, global>
  tile.return
}
