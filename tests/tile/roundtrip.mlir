// A plan of three kernels with symbolic sizes (summaries, main, merge), and every op outside the asynchronous ones.
// RUN: attile-opt %s > %t
// RUN: attile-opt %t | diff %t -
// RUN: attile-opt %s -mlir-print-op-generic | attile-opt | diff %t -
// RUN: attile-opt %s -emit-bytecode | attile-opt | diff %t -
// RUN: FileCheck %s < %t

!operand = !tile.buffer<?x?x?x64xbf16, global>
!keys = !tile.buffer<?x64xbf16, global>
!ids = !tile.buffer<?x?xi32, global>
!summary = !tile.buffer<?x?x2xi64, global>
!rows = !tile.buffer<32xi64, local>
!row = !tile.buffer<32xf32, local>
!s = !tile.buffer<32x48xf32, local, col_major>
!p = !tile.buffer<32x48xbf16, local, col_pairs>
!o = !tile.buffer<32x64xf32, local, col_major>

// CHECK-LABEL: tile.plan @documents {
tile.plan @documents {
  // CHECK: %batch = tile.size "batch"
  // CHECK: %document.dim.1 = tile.size "document.dim.1"
  %batch = tile.size "batch"
  %q_len = tile.size "q_len"
  %threads = tile.size "threads"
  %len = tile.size "document.dim.1"
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c16 = arith.constant 16 : i64
  %c32 = arith.constant 32 : i64
  %c256 = arith.constant 256 : i64
  %blocks = arith.ceildivsi %len, %c256 : i64
  %slots = arith.addi %blocks, %c1 : i64
  %per_row = arith.muli %slots, %c16 : i64
  %summary_bytes = arith.muli %batch, %per_row : i64
  %tiles = arith.ceildivsi %q_len, %c32 : i64
  %blocks_all = arith.muli %batch, %tiles : i64
  %some = arith.maxsi %blocks_all, %c1 : i64
  %splits = arith.ceildivsi %threads, %some : i64
  %grid = arith.muli %blocks_all, %splits : i64
  %partial = arith.muli %grid, %c256 : i64
  %split = arith.cmpi sgt, %splits, %c1 : i64
  // CHECK: tile.value "splits" = %{{.*}}
  tile.value "splits" = %splits
  // CHECK: tile.scratch "document.summary" bytes %{{.*}}
  tile.scratch "document.summary" bytes %summary_bytes
  tile.scratch "partial" bytes %partial
  // CHECK: tile.launch @summaries grid(%batch)
  // CHECK-NEXT: tile.launch @main grid(%{{[0-9]+}})
  // CHECK-NEXT: tile.launch @merge grid(%{{[0-9]+}}) when(%{{[0-9]+}})
  tile.launch @summaries grid(%batch)
  tile.launch @main grid(%grid)
  tile.launch @merge grid(%blocks_all) when(%split)
}

// CHECK-LABEL: tile.kernel @summaries(%document: !tile.buffer<?x?xi32, global> {tile.name = "document"}, %document.summary: !tile.buffer<?x?x2xi64, global>
tile.kernel @summaries(%document: !ids {tile.name = "document"}, %summary: !summary {tile.name = "document.summary"}) {
  // CHECK: %block = tile.block_index
  // CHECK: tile.summarize %document.summary, %document row %block block 256 : <?x?x2xi64, global>, <?x?xi32, global>
  %row = tile.block_index
  tile.summarize %summary, %document row %row block 256 : !summary, !ids
  tile.return
}

// CHECK-LABEL: tile.kernel @main
// CHECK-SAME: %param.cap: f32 {tile.name = "param.cap"}
// CHECK-SAME: attributes {schedule = #tile.schedule<rows = 32, keys = 48, dot_rows = 16, score_keys = 12, value_cols = 4>}
tile.kernel @main(%q: !operand {tile.name = "q"}, %k: !operand {tile.name = "k"}, %v: !operand {tile.name = "v"},
                  %document: !ids {tile.name = "document"}, %summary: !summary {tile.name = "document.summary"},
                  %cap: f32 {tile.name = "param.cap"}, %causal: i1 {tile.name = "param.causal"},
                  %partial: !tile.buffer<?x32x64xf32, global> {tile.name = "partial"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 48, dot_rows = 16, score_keys = 12, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %count = arith.constant 32 : i64
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %kv_len = tile.size "kv_len"
  %block = tile.block_index
  %row_h = tile.alloc : !rows
  %row_q = tile.alloc : !rows
  // CHECK: tile.generic rows(32) outs(%{{.*}}, %{{.*}} : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) {
  // CHECK-NEXT: %row = tile.index 0
  tile.generic rows(32) outs(%row_h, %row_q : !rows, !rows) {
    %r = tile.index 0
    tile.yield %c0, %r : i64, i64
  }
  %q_tile = tile.alloc : !tile.buffer<32x64xbf16, local>
  // CHECK: tile.gather %{{.*}}, %q[%{{.*}}, %{{.*}}, %{{.*}}] count(%{{.*}}) : <32x64xbf16, local>, <?x?x?x64xbf16, global>, <32xi64, local>
  tile.gather %q_tile, %q[%c0, %row_h, %row_q] count(%count) : !tile.buffer<32x64xbf16, local>, !operand, !rows
  %s = tile.alloc : !s
  %p = tile.alloc : !p
  %o = tile.alloc : !o
  %l = tile.alloc : !row
  %m = tile.alloc : !row
  %seen = tile.alloc : !tile.buffer<32x48xi1, local>
  // CHECK: tile.fill %{{.*}}, %{{.*}} : <32xf32, local>, f32
  tile.fill %l, %zero : !row, f32
  tile.fill %m, %one : !row, f32
  tile.fill %o, %zero : !o, f32
  // CHECK: %[[MY:.*]] = tile.lookup %document[%{{.*}}, %{{.*}}] : <?x?xi32, global> -> i64
  %my = tile.lookup %document[%c0, %block] : !ids -> i64
  // CHECK: tile.visit keys(%{{.*}} to %kv_len) tile 48 classify {
  // CHECK-NEXT: ^bb0(%k0: i64, %k1: i64):
  tile.visit keys(%c0 to %kv_len) tile 48 classify {
  ^bb0(%k0: i64, %k1: i64):
    %last = arith.subi %k1, %c1 : i64
    // CHECK: %min, %max = tile.range_of %document.summary of %document[%{{.*}}] from %k0 to %{{.*}} block 256 : <?x?x2xi64, global>, <?x?xi32, global>
    %min, %max = tile.range_of %summary of %document[%c0] from %k0 to %last block 256 : !summary, !ids
    %ge = arith.cmpi sge, %my, %min : i64
    %le = arith.cmpi sle, %my, %max : i64
    %any = arith.andi %ge, %le : i1
    %lo = arith.cmpi eq, %my, %min : i64
    %hi = arith.cmpi eq, %my, %max : i64
    %all = arith.andi %lo, %hi : i1
    tile.yield %any, %all : i1, i1
  } body {
  // CHECK: ^bb0(%k0: i64, %n: i64, %full: i1):
  ^bb0(%k0: i64, %n: i64, %full: i1):
    // CHECK: tile.slice %k[{{.*}}] sizes(%n) : <?x?x?x64xbf16, global> -> <?x64xbf16, global>
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%n) : !operand -> !keys
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%n) : !operand -> !keys
    // CHECK: tile.dot {{.*}} transpose_b : <32x48xf32, local, col_major>, <32x64xbf16, local>, <?x64xbf16, global>
    tile.dot %s, %q_tile, %kt transpose_b : !s, !tile.buffer<32x64xbf16, local>, !keys
    tile.generic rows(32) cols(%n) ins(%row_q : !rows) outs(%seen : !tile.buffer<32x48xi1, local>) {
    ^bb0(%qq: i64):
      // CHECK: %col = tile.index 1
      %j = tile.index 1
      %kk = arith.addi %k0, %j : i64
      // CHECK: tile.lookup %document
      %other = tile.lookup %document[%c0, %kk] : !ids -> i64
      %same = arith.cmpi eq, %other, %my : i64
      tile.yield %same : i1
    }
    // CHECK: tile.any_all
    %any, %all = tile.any_all %seen cols(%n) : !tile.buffer<32x48xi1, local>
    // A 16-bit weight for the dot, an f32 one for the sum; two reductions at once.
    // CHECK: reduces(%{{.*}}, %{{.*}} : !tile.buffer<32xf32, local>, !tile.buffer<32xf32, local>) combiners [#tile.combiner<add>, #tile.combiner<max>] {
    tile.generic rows(32) cols(%n) ins(%s, %seen : !s, !tile.buffer<32x48xi1, local>) outs(%p : !p)
        reduces(%l, %m : !row, !row) combiners [#tile.combiner<add>, #tile.combiner<max>] {
    ^bb0(%x: f32, %see: i1):
      %y = math.exp %x : f32
      %w = arith.select %see, %y, %zero : f32
      %z = arith.minimumf %w, %cap : f32
      tile.yield %z, %z, %x : f32, f32, f32
    }
    // CHECK: tile.spans %[[FIRST:.*]], %[[LAST:.*]] of %{{.*}} cols(%n) group 16 : <32xi64, local>, <32x48xi1, local>
    %first = tile.alloc : !rows
    %last = tile.alloc : !rows
    tile.spans %first, %last of %seen cols(%n) group 16 : !rows, !tile.buffer<32x48xi1, local>
    // CHECK: tile.generic rows(32) cols(%n) within(%[[FIRST]], %[[LAST]] : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) ins(
    tile.generic rows(32) cols(%n) within(%first, %last : !rows, !rows) ins(%s : !s) outs(%s : !s) {
    ^bb0(%x: f32):
      tile.yield %x : f32
    }
    // CHECK: tile.dot {{.*}} within(%[[FIRST]], %[[LAST]] : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) transpose_b :
    tile.dot %s, %q_tile, %kt within(%first, %last : !rows, !rows) transpose_b : !s, !tile.buffer<32x64xbf16, local>, !keys
    // CHECK: tile.dot {{.*}} accumulate : <32x64xf32, local, col_major>, <32x48xbf16, local, col_pairs>, <?x64xbf16, global>
    tile.dot %o, %p, %vt accumulate : !o, !p, !keys
    // CHECK: tile.dot {{.*}} rescale(%{{.*}} : !tile.buffer<32xf32, local>) accumulate :
    tile.dot %o, %p, %vt rescale(%m : !row) accumulate : !o, !p, !keys
    tile.yield
  }
  %out = tile.slice %partial[%block, %c0, %c0] : !tile.buffer<?x32x64xf32, global> -> !tile.buffer<32x64xf32, global>
  // CHECK: tile.copy %{{.*}}, %{{.*}} : <32x64xf32, global>, <32x64xf32, local, col_major>
  tile.copy %out, %o : !tile.buffer<32x64xf32, global>, !o
  tile.return
}

// CHECK-LABEL: tile.kernel @merge
tile.kernel @merge(%partial: !tile.buffer<?x32x64xf32, global> {tile.name = "partial"}, %o_out: !operand {tile.name = "o"},
                   %lse_out: !tile.buffer<?x?x?xf32, global> {tile.name = "lse"}) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %count = arith.constant 32 : i64
  %zero = arith.constant 0.0 : f32
  %dv = arith.constant 64 : i64
  %splits = tile.size "splits"
  %block = tile.block_index
  %row_h = tile.alloc : !rows
  %row_q = tile.alloc : !rows
  tile.fill %row_h, %c0 : !rows, i64
  tile.fill %row_q, %block : !rows, i64
  %o = tile.alloc : !o
  %lse = tile.alloc : !row
  tile.fill %o, %zero : !o, f32
  tile.fill %lse, %zero : !row, f32
  %first = arith.muli %block, %splits : i64
  %past = arith.addi %first, %splits : i64
  scf.for %i = %first to %past step %c1 : i64 {
    %part = tile.slice %partial[%i, %c0, %c0] : !tile.buffer<?x32x64xf32, global> -> !tile.buffer<32x64xf32, global>
    tile.generic rows(32) cols(%dv) ins(%o, %part : !o, !tile.buffer<32x64xf32, global>) outs(%o : !o) {
    ^bb0(%a: f32, %b: f32):
      %sum = arith.addf %a, %b : f32
      tile.yield %sum : f32
    }
  }
  // CHECK: tile.scatter %o[%{{.*}}, %{{.*}}, %{{.*}}], %{{.*}} count(%{{.*}}) : <?x?x?x64xbf16, global>, <32x64xf32, local, col_major>, <32xi64, local>
  // CHECK: tile.scatter %lse[%{{.*}}, %{{.*}}, %{{.*}}], %{{.*}} count(%{{.*}}) : <?x?x?xf32, global>, <32xf32, local>, <32xi64, local>
  tile.scatter %o_out[%c0, %row_h, %row_q], %o count(%count) : !operand, !o, !rows
  tile.scatter %lse_out[%c0, %row_h, %row_q], %lse count(%count) : !tile.buffer<?x?x?xf32, global>, !row, !rows
  tile.return
}
