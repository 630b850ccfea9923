// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" | FileCheck %s
// The function of a kernel: its C signature, what its slots mean, and where its memory comes from.

tile.plan @p {
  %q = tile.size "q_len"
  tile.scratch "partial" bytes %q
  tile.launch @main grid(%q)
}

// CHECK-LABEL: llvm.func @main(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// 2112 is the 16x16 tile of f32, 16 i64, and the square of vectors that transposing may read past the end.
// CHECK-SAME: attile.worker_scratch = 2176 : i64
// Slots in the order of their first use; a scratch buffer is dense, so only inner dynamic extents are asked for.
// CHECK-SAME: tile.slots = ["pointer:x", "value:x.dim.0", "value:x.stride.0", "value:x.stride.1", "scratch:partial", "param:cap", "param:causal", "value:q_len"]
tile.kernel @main(%x: !tile.buffer<?x8xf32, global> {tile.name = "x"}, %p: !tile.buffer<?x16xf32, global> {tile.name = "partial"},
                  %cap: f32 {tile.name = "param.cap"}, %causal: i1 {tile.name = "param.causal"}) {
  // A bool is 64 bits wide, an f32 has its bits in the low half.
  // CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> f32
  // CHECK: %[[B:.*]] = llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr -> i64
  // CHECK: %[[CAUSAL:.*]] = arith.cmpi ne, %[[B]], %{{.*}} : i64
  %n = tile.size "q_len"
  %b = tile.block_index
  %zero = arith.constant 0.0 : f32
  %t = tile.alloc : !tile.buffer<16x16xf32, local, col_major>
  %row = tile.alloc : !tile.buffer<16xi64, local>
  // The size is loaded at the top, though it is first used here.
  // CHECK: scf.if %[[CAUSAL]]
  // CHECK-NOT: llvm.load
  // CHECK: llvm.return
  scf.if %causal {
    tile.fill %t, %cap : !tile.buffer<16x16xf32, local, col_major>, f32
    tile.fill %row, %n : !tile.buffer<16xi64, local>, i64
  }
  tile.return
}
// Nothing of the tile dialect is left but the plan.
// CHECK-NOT: tile.kernel
