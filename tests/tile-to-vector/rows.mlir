// RUN: attile-opt %s --convert-tile-to-vector="lanes=8" | FileCheck %s
// Rows of an operand become lanes: some are staged as f32, then squares of 8 x 8 are transposed by one function.

// CHECK-LABEL: llvm.func internal @attile_transpose_8
// CHECK-COUNT-8: llvm.load {{.*}} -> vector<8xf32>
// Three rounds of interleaving.
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: llvm.store
// CHECK-NOT: llvm.func internal

// CHECK-LABEL: llvm.func @rows
tile.kernel @rows(%q: !tile.buffer<?x?x?x20xbf16, global> {tile.name = "q"}, %o: !tile.buffer<?x?x?x20xbf16, global> {tile.name = "o"},
                  %lse: !tile.buffer<?x?x?xf32, global> {tile.name = "lse"}) {
  %b = tile.block_index
  %count = tile.size "q_len"
  %row_h = tile.alloc : !tile.buffer<16xi64, local>
  %row_q = tile.alloc : !tile.buffer<16xi64, local>
  %t = tile.alloc : !tile.buffer<16x20xf32, local, col_major>
  %l = tile.alloc : !tile.buffer<16xf32, local>
  // 20 columns of bf16: two vectors of 8, and 4 columns that are not read past.
  // CHECK: llvm.load {{.*}} -> vector<8xbf16>
  // CHECK: arith.shli %{{.*}} : vector<8xi32>
  // CHECK: llvm.intr.masked.load
  // CHECK: llvm.call @attile_transpose_8
  tile.gather %t, %q[%b, %row_h, %row_q] count(%count) : !tile.buffer<16x20xf32, local, col_major>, !tile.buffer<?x?x?x20xbf16, global>, !tile.buffer<16xi64, local>
  // CHECK: llvm.call @attile_transpose_8
  // CHECK: llvm.intr.masked.store
  tile.scatter %o[%b, %row_h, %row_q], %t count(%count) : !tile.buffer<?x?x?x20xbf16, global>, !tile.buffer<16x20xf32, local, col_major>, !tile.buffer<16xi64, local>
  // One statistic a row.
  // CHECK: %[[S:.*]] = llvm.load {{.*}} -> f32
  // CHECK: llvm.store %[[S]]
  tile.scatter %lse[%b, %row_h, %row_q], %l count(%count) : !tile.buffer<?x?x?xf32, global>, !tile.buffer<16xf32, local>, !tile.buffer<16xi64, local>
  tile.return
}
