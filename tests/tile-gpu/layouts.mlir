// RUN: attile-opt %s --assign-gpu-layouts | FileCheck %s
// Where each buffer goes, what is staged for a dot, and what waits for it.

// CHECK-LABEL: tile.kernel @attention
tile.kernel @attention(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                       %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                       %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 48, dot_rows = 32, score_keys = 48, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<32x64xbf16, local>
  %s = tile.alloc : !tile.buffer<32x48xf32, local>
  %o = tile.alloc : !tile.buffer<32x64xf32, local>
  %row = tile.alloc : !tile.buffer<32xi64, local>
  %f = tile.alloc : !tile.buffer<32xf32, local>
  // CHECK-DAG: %[[QT:.*]] = tile.alloc : <32x64xbf16, shared, swizzle_128>
  // CHECK-DAG: %[[S:.*]] = tile.alloc : <32x48xf32, register, fragment>
  // CHECK-DAG: %[[O:.*]] = tile.alloc : <32x64xf32, register, fragment>
  // CHECK-DAG: %[[ROW:.*]] = tile.alloc : <32xi32, register>
  // CHECK-DAG: %[[F:.*]] = tile.alloc : <32xf32, register>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<32x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<32xi64, local>
  tile.visit keys(%c0 to %n) tile 48 classify {
  ^bb0(%k0: i64, %k1: i64):
    %yes = arith.constant true
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %s, %qt, %kt transpose_b : !tile.buffer<32x48xf32, local>, !tile.buffer<32x64xbf16, local>, !tile.buffer<?x64xbf16, global>
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %o, %s, %vt rescale(%f : !tile.buffer<32xf32, local>) accumulate : !tile.buffer<32x64xf32, local>, !tile.buffer<32x48xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  // Few keys: 16-bit weights are not enough.
  // CHECK: %[[FEW:.*]] = arith.cmpi sle, %{{.*}}, %{{.*}} : i64
  // CHECK: tile.visit
  // Each dot waits for its own copy, and all warps meet: nobody reads keys any more when the next ones come, nor
  // values when theirs do.
  // CHECK: %[[TK:.*]] = tile.copy_async %[[KT:.*]], %{{.*}} : <48x64xbf16, shared, swizzle_128>, <?x64xbf16, global> -> !tile.token
  // CHECK-NEXT: tile.wait %[[TK]]
  // CHECK-NEXT: tile.sync block
  // CHECK: %[[TV:.*]] = tile.copy_async %[[VT:.*]], %{{.*}} : <48x64xbf16, shared, swizzle_128>, <?x64xbf16, global> -> !tile.token
  // CHECK-NEXT: tile.dot %[[S]], %[[QT]], %[[KT]] transpose_b
  // CHECK-NEXT: tile.copy %[[W:.*]], %[[S]] : {{(!tile.buffer)?}}<32x48xbf16, register, fragment>
  // CHECK-NEXT: scf.if %[[FEW]] {
  // CHECK-NEXT:   tile.residual %[[LOW:.*]], %[[S]]
  // CHECK-NEXT: }
  // CHECK-NEXT: tile.wait %[[TV]]
  // CHECK-NEXT: tile.sync block
  // CHECK-NEXT: tile.dot %[[O]], %[[W]], %[[VT]] rescale(%[[F]]
  // CHECK-NEXT: scf.if %[[FEW]] {
  // CHECK-NEXT:   tile.dot %[[O]], %[[LOW]], %[[VT]] accumulate
  // CHECK-NEXT: }
  // CHECK-NEXT: tile.yield
  tile.return
}

// A state in scratch memory is loaded; a tile is what it was classified as.
// CHECK-LABEL: tile.kernel @merge
tile.kernel @merge(%partial: !tile.buffer<?x16x64xf32, global> {tile.name = "partial.o"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 16, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %c16 = arith.constant 16 : i64
  %c64 = arith.constant 64 : i64
  %zero = arith.constant 0.0 : f32
  %o = tile.alloc : !tile.buffer<16x64xf32, local>
  %visible = tile.alloc : !tile.buffer<16x16xi1, local>
  %at = tile.slice %partial[%c0, %c0, %c0] : !tile.buffer<?x16x64xf32, global> -> !tile.buffer<16x64xf32, global>
  // CHECK: %[[LOADED:.*]] = tile.alloc : <16x64xf32, register, fragment>
  // CHECK: tile.copy %[[LOADED]], %{{.*}} : {{(!tile.buffer)?}}<16x64xf32, register, fragment>, {{(!tile.buffer)?}}<16x64xf32, global>
  // CHECK-NEXT: tile.generic rows(16) cols(%{{.*}}) ins(%[[LOADED]]
  tile.generic rows(16) cols(%c64) ins(%at : !tile.buffer<16x64xf32, global>) outs(%o : !tile.buffer<16x64xf32, local>) {
  ^bb0(%x: f32):
    tile.yield %x : f32
  }
  // CHECK-NOT: tile.any_all
  %any, %all = tile.any_all %visible cols(%c16) : !tile.buffer<16x16xi1, local>
  scf.if %any {
    tile.fill %o, %zero : !tile.buffer<16x64xf32, local>, f32
  }
  tile.return
}

// Keys that a dot may leave out by row stay in it: warps take all of them.
// CHECK-LABEL: tile.kernel @spans
tile.kernel @spans(%n: i64 {tile.name = "param.n"}, %k: !tile.buffer<?x?x?x32xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 32, dot_rows = 16, score_keys = 32, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %q = tile.alloc : !tile.buffer<32x32xf32, local>
  %s = tile.alloc : !tile.buffer<32x32xf32, local>
  %visible = tile.alloc : !tile.buffer<32x32xi1, local>
  %first = tile.alloc : !tile.buffer<32xi64, local>
  %last = tile.alloc : !tile.buffer<32xi64, local>
  tile.fill %first, %c0 : !tile.buffer<32xi64, local>, i64
  // CHECK-NOT: tile.spans
  // CHECK-NOT: xi32
  // CHECK-NOT: within
  tile.spans %first, %last of %visible cols(%n) group 16 : !tile.buffer<32xi64, local>, !tile.buffer<32x32xi1, local>
  %kt = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x32xf32, global> -> !tile.buffer<?x32xf32, global>
  tile.dot %s, %q, %kt within(%first, %last : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) transpose_b : !tile.buffer<32x32xf32, local>, !tile.buffer<32x32xf32, local>, !tile.buffer<?x32xf32, global>
  // One copy a tile: nobody overwrites it before all have read it.
  // CHECK: tile.dot
  // CHECK-NEXT: tile.sync block
  // CHECK-NEXT: tile.return
  tile.return
}

// Rows are found again where results are stored; what nobody reads any more is gone.
// CHECK-LABEL: tile.kernel @rows
tile.kernel @rows(%n: i64 {tile.name = "param.n"}, %o: !tile.buffer<?x?x?x32xf32, global> {tile.name = "o"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 16, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %row_h = tile.alloc : !tile.buffer<16xi64, local>
  %row_q = tile.alloc : !tile.buffer<16xi64, local>
  %out = tile.alloc : !tile.buffer<16x32xf32, local>
  %zero = arith.constant 0.0 : f32
  // CHECK-NOT: tile.generic
  tile.generic rows(16) outs(%row_h, %row_q : !tile.buffer<16xi64, local>, !tile.buffer<16xi64, local>) {
    %row = tile.index 0
    tile.yield %c0, %row : i64, i64
  }
  // CHECK: tile.fill
  // CHECK-NEXT: tile.generic rows(16) outs(%[[H:.*]], %[[Q:.*]] : {{.*}}<16xi32, register>
  // CHECK: tile.scatter %{{.*}}[%{{.*}}, %[[H]], %[[Q]]]
  tile.fill %out, %zero : !tile.buffer<16x32xf32, local>, f32
  tile.scatter %o[%c0, %row_h, %row_q], %out count(%n) : !tile.buffer<?x?x?x32xf32, global>, !tile.buffer<16x32xf32, local>, !tile.buffer<16xi64, local>
  tile.return
}

// Weights that no running maximum scales need not fit into f16: they stay in f32.
// CHECK-LABEL: tile.kernel @unscaled
tile.kernel @unscaled(%v: !tile.buffer<?x?x?x16xf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 16, value_cols = 16>} {
  %c0 = arith.constant 0 : i64
  %s = tile.alloc : !tile.buffer<16x16xf32, local>
  %o = tile.alloc : !tile.buffer<16x16xf32, local>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%c0) : !tile.buffer<?x?x?x16xf16, global> -> !tile.buffer<?x16xf16, global>
  // CHECK-NOT: tile.residual
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} accumulate : <16x16xf32, register, fragment>, <16x16xf32, register, fragment>, <16x16xf16, shared, swizzle_128>
  tile.dot %o, %s, %vt accumulate : !tile.buffer<16x16xf32, local>, !tile.buffer<16x16xf32, local>, !tile.buffer<?x16xf16, global>
  tile.return
}
