// RUN: attile-opt %s | attile-opt | FileCheck %s
//
// Two plans as attn-to-tile writes them, by hand: what the lowerings below `tile` may rely on.
//   * one block: a row tile of `heads_per_tile` x `q_per_tile` query rows that share a kv head, and one range of keys;
//   * rows past `count` repeat the last valid row, so any/all and maxima over the tile stay right;
//   * scalars are computed once, before the loop over keys;
//   * the same main kernel serves one range of keys per row (it finalizes) and several (it stores its state).

!qkv = !tile.buffer<?x?x?x128xf32, global>
!stat = !tile.buffer<?x?x?xf32, global>
!index = !tile.buffer<64xi64, local>
!row = !tile.buffer<64xf32, local>
!q = !tile.buffer<64x128xf32, local>
!s = !tile.buffer<64x96xf32, local>
!o = !tile.buffer<64x128xf32, local>
!keys = !tile.buffer<?x128xf32, global>

// ---- (a) softmax over all keys, with its logarithm of the sum --------------------------------------
// CHECK-LABEL: tile.plan @softmax
tile.plan @softmax {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c4 = arith.constant 4 : i64
  %rows = arith.constant 64 : i64
  %split_keys = arith.constant 768 : i64
  %batch = tile.size "batch"
  %heads = tile.size "heads"
  %kv_heads = tile.size "kv_heads"
  %q_len = tile.size "q_len"
  %kv_len = tile.size "kv_len"
  %threads = tile.size "threads"
  %group = arith.divsi %heads, %kv_heads : i64
  %q_some = arith.maxsi %q_len, %c1 : i64
  %q_per_tile = arith.minsi %q_some, %rows : i64
  %fit = arith.divsi %rows, %q_per_tile : i64
  %heads_per_tile = arith.minsi %group, %fit : i64
  %head_tiles = arith.ceildivsi %group, %heads_per_tile : i64
  %q_tiles = arith.ceildivsi %q_len, %q_per_tile : i64
  %per_head = arith.muli %head_tiles, %q_tiles : i64
  %kv_rows = arith.muli %batch, %kv_heads : i64
  %tiles = arith.muli %kv_rows, %per_head : i64
  %tiles_some = arith.maxsi %tiles, %c1 : i64
  %wanted = arith.ceildivsi %threads, %tiles_some : i64
  %worth = arith.ceildivsi %kv_len, %split_keys : i64
  %bounded = arith.minsi %wanted, %worth : i64
  %splits = arith.maxsi %bounded, %c1 : i64
  %grid = arith.muli %tiles, %splits : i64
  tile.value "q_per_tile" = %q_per_tile
  tile.value "heads_per_tile" = %heads_per_tile
  tile.value "head_tiles" = %head_tiles
  tile.value "q_tiles" = %q_tiles
  tile.value "splits" = %splits
  %split = arith.cmpi sgt, %splits, %c1 : i64
  %stored = arith.select %split, %grid, %c0 : i64
  %stored_rows = arith.muli %stored, %rows : i64
  %row_bytes = arith.muli %stored_rows, %c4 : i64
  %c128 = arith.constant 128 : i64
  %o_bytes = arith.muli %row_bytes, %c128 : i64
  tile.scratch "partial.m" bytes %row_bytes
  tile.scratch "partial.l" bytes %row_bytes
  tile.scratch "partial.o" bytes %o_bytes
  tile.launch @softmax_main grid(%grid)
  tile.launch @softmax_merge grid(%tiles) when(%split)
}

// CHECK-LABEL: tile.kernel @softmax_main
tile.kernel @softmax_main(%q: !qkv {tile.name = "q"}, %k: !qkv {tile.name = "k"}, %v: !qkv {tile.name = "v"},
                          %o_out: !qkv {tile.name = "o"}, %lse_out: !stat {tile.name = "lse"},
                          %partial_m: !tile.buffer<?x64xf32, global> {tile.name = "partial.m"},
                          %partial_l: !tile.buffer<?x64xf32, global> {tile.name = "partial.l"},
                          %partial_o: !tile.buffer<?x64x128xf32, global> {tile.name = "partial.o"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 96, dot_rows = 64, score_keys = 6, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %keys = arith.constant 96 : i64
  %dv = arith.constant 128 : i64
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %ninf = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.0883883461 : f32
  %heads = tile.size "heads"
  %kv_heads = tile.size "kv_heads"
  %q_len = tile.size "q_len"
  %kv_len = tile.size "kv_len"
  %q_per_tile = tile.size "q_per_tile"
  %heads_per_tile = tile.size "heads_per_tile"
  %head_tiles = tile.size "head_tiles"
  %q_tiles = tile.size "q_tiles"
  %splits = tile.size "splits"
  %group = arith.divsi %heads, %kv_heads : i64

  // The block index, fastest first: range of keys, row tile (late rows first), head tile, kv head, batch.
  %block = tile.block_index
  %split = arith.remsi %block, %splits : i64
  %tile = arith.divsi %block, %splits : i64
  %q_rev = arith.remsi %tile, %q_tiles : i64
  %tile_h = arith.divsi %tile, %q_tiles : i64
  %q_last = arith.subi %q_tiles, %c1 : i64
  %q_tile = arith.subi %q_last, %q_rev : i64
  %head_tile = arith.remsi %tile_h, %head_tiles : i64
  %tile_kv = arith.divsi %tile_h, %head_tiles : i64
  %kv_h = arith.remsi %tile_kv, %kv_heads : i64
  %b = arith.divsi %tile_kv, %kv_heads : i64

  // The row box: heads [h_lo, h_lo + h_count), queries [q_lo, q_lo + q_count).
  %h_off = arith.muli %head_tile, %heads_per_tile : i64
  %h_left = arith.subi %group, %h_off : i64
  %h_count = arith.minsi %heads_per_tile, %h_left : i64
  %h_first = arith.muli %kv_h, %group : i64
  %h_lo = arith.addi %h_first, %h_off : i64
  %q_lo = arith.muli %q_tile, %q_per_tile : i64
  %q_left = arith.subi %q_len, %q_lo : i64
  %q_count = arith.minsi %q_per_tile, %q_left : i64
  %count = arith.muli %h_count, %q_count : i64
  %last = arith.subi %count, %c1 : i64

  %row_h = tile.alloc : !index
  %row_q = tile.alloc : !index
  tile.generic rows(64) outs(%row_h, %row_q : !index, !index) {
    %r = tile.index 0
    %i = arith.minsi %r, %last : i64
    %hi = arith.divsi %i, %q_count : i64
    %qi = arith.remsi %i, %q_count : i64
    %h = arith.addi %h_lo, %hi : i64
    %qq = arith.addi %q_lo, %qi : i64
    tile.yield %h, %qq : i64, i64
  }
  %qt = tile.alloc : !q
  tile.gather %qt, %q[%b, %row_h, %row_q] count(%count) : !q, !qkv, !index

  %m = tile.alloc : !row
  %l = tile.alloc : !row
  %o = tile.alloc : !o
  tile.fill %m, %ninf : !row, f32
  tile.fill %l, %zero : !row, f32
  tile.fill %o, %zero : !o, f32

  // This block's share of the keys, in whole tiles.
  %base_tile = arith.divsi %c0, %keys : i64
  %base = arith.muli %base_tile, %keys : i64
  %span = arith.subi %kv_len, %base : i64
  %share = arith.ceildivsi %span, %splits : i64
  %share_tiles = arith.ceildivsi %share, %keys : i64
  %chunk = arith.muli %share_tiles, %keys : i64
  %off = arith.muli %split, %chunk : i64
  %start = arith.addi %base, %off : i64
  %end = arith.addi %start, %chunk : i64
  %lo = arith.maxsi %start, %c0 : i64
  %hi = arith.minsi %end, %kv_len : i64

  %lse = tile.alloc : !row
  %s = tile.alloc : !s
  %p = tile.alloc : !s
  %m_old = tile.alloc : !row
  %m_ref = tile.alloc : !row
  %alpha = tile.alloc : !row
  // CHECK: tile.visit
  tile.visit keys(%lo to %hi) tile 96 classify {
  ^bb0(%k0: i64, %k1: i64):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    %kt = tile.slice %k[%b, %kv_h, %k0, %c0] sizes(%n) : !qkv -> !keys
    tile.dot %s, %qt, %kt transpose_b : !s, !q, !keys
    // Scores and the new gauge: `reduces` starts from the old content.
    tile.copy %m_old, %m : !row, !row
    tile.generic rows(64) cols(%n) ins(%s : !s) outs(%s : !s) reduces(%m : !row) combiners [#tile.combiner<max>] {
    ^bb0(%x: f32):
      %y = arith.mulf %x, %scale : f32
      tile.yield %y, %y : f32, f32
    }
    // Per row: the reference for the weights, the factor of the old state.
    tile.generic rows(64) ins(%m_old, %m, %l : !row, !row, !row) outs(%m_ref, %alpha, %l : !row, !row, !row) {
    ^bb0(%was: f32, %now: f32, %sum: f32):
      %none = arith.cmpf oeq, %now, %ninf : f32
      %ref = arith.select %none, %zero, %now : f32
      %first = arith.cmpf oeq, %was, %ninf : f32
      %d = arith.subf %was, %ref : f32
      %e = math.exp %d : f32
      %a = arith.select %first, %zero, %e : f32
      %scaled = arith.mulf %sum, %a : f32
      tile.yield %ref, %a, %scaled : f32, f32, f32
    }
    // Weights and their row sum.
    tile.generic rows(64) cols(%n) ins(%s, %m_ref : !s, !row) outs(%p : !s) reduces(%l : !row) combiners [#tile.combiner<add>] {
    ^bb0(%x: f32, %ref: f32):
      %d = arith.subf %x, %ref : f32
      %e = math.exp %d : f32
      tile.yield %e, %e : f32, f32
    }
    %vt = tile.slice %v[%b, %kv_h, %k0, %c0] sizes(%n) : !qkv -> !keys
    tile.dot %o, %p, %vt rescale(%alpha : !row) accumulate : !o, !s, !keys
    tile.yield
  }

  %whole = arith.cmpi eq, %splits, %c1 : i64
  scf.if %whole {
    tile.generic rows(64) ins(%m, %l : !row, !row) outs(%lse : !row) {
    ^bb0(%mm: f32, %ll: f32):
      %log = math.log %ll : f32
      %r = arith.addf %mm, %log : f32
      tile.yield %r : f32
    }
    tile.generic rows(64) cols(%dv) ins(%o, %m, %l : !o, !row, !row) outs(%o : !o) {
    ^bb0(%x: f32, %mm: f32, %ll: f32):
      %y = arith.divf %x, %ll : f32
      %empty = arith.cmpf oeq, %mm, %ninf : f32
      %z = arith.select %empty, %zero, %y : f32
      tile.yield %z : f32
    }
    tile.scatter %o_out[%b, %row_h, %row_q], %o count(%count) : !qkv, !o, !index
    tile.scatter %lse_out[%b, %row_h, %row_q], %lse count(%count) : !stat, !row, !index
  } else {
    %pm = tile.slice %partial_m[%block, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.copy %pm, %m : !tile.buffer<64xf32, global>, !row
    %pl = tile.slice %partial_l[%block, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.copy %pl, %l : !tile.buffer<64xf32, global>, !row
    %po = tile.slice %partial_o[%block, %c0, %c0] : !tile.buffer<?x64x128xf32, global> -> !tile.buffer<64x128xf32, global>
    tile.copy %po, %o : !tile.buffer<64x128xf32, global>, !o
  }
  tile.return
}

// One block per row tile merges the states of its ranges of keys, then finalizes.
// CHECK-LABEL: tile.kernel @softmax_merge
tile.kernel @softmax_merge(%o_out: !qkv {tile.name = "o"}, %lse_out: !stat {tile.name = "lse"},
                           %partial_m: !tile.buffer<?x64xf32, global> {tile.name = "partial.m"},
                           %partial_l: !tile.buffer<?x64xf32, global> {tile.name = "partial.l"},
                           %partial_o: !tile.buffer<?x64x128xf32, global> {tile.name = "partial.o"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 96, dot_rows = 64, score_keys = 6, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %dv = arith.constant 128 : i64
  %zero = arith.constant 0.0 : f32
  %ninf = arith.constant 0xFF800000 : f32
  %heads = tile.size "heads"
  %kv_heads = tile.size "kv_heads"
  %q_len = tile.size "q_len"
  %q_per_tile = tile.size "q_per_tile"
  %heads_per_tile = tile.size "heads_per_tile"
  %head_tiles = tile.size "head_tiles"
  %q_tiles = tile.size "q_tiles"
  %splits = tile.size "splits"
  %group = arith.divsi %heads, %kv_heads : i64
  %tile = tile.block_index
  %q_rev = arith.remsi %tile, %q_tiles : i64
  %tile_h = arith.divsi %tile, %q_tiles : i64
  %q_last = arith.subi %q_tiles, %c1 : i64
  %q_tile = arith.subi %q_last, %q_rev : i64
  %head_tile = arith.remsi %tile_h, %head_tiles : i64
  %tile_kv = arith.divsi %tile_h, %head_tiles : i64
  %kv_h = arith.remsi %tile_kv, %kv_heads : i64
  %b = arith.divsi %tile_kv, %kv_heads : i64
  %h_off = arith.muli %head_tile, %heads_per_tile : i64
  %h_left = arith.subi %group, %h_off : i64
  %h_count = arith.minsi %heads_per_tile, %h_left : i64
  %h_first = arith.muli %kv_h, %group : i64
  %h_lo = arith.addi %h_first, %h_off : i64
  %q_lo = arith.muli %q_tile, %q_per_tile : i64
  %q_left = arith.subi %q_len, %q_lo : i64
  %q_count = arith.minsi %q_per_tile, %q_left : i64
  %count = arith.muli %h_count, %q_count : i64
  %last = arith.subi %count, %c1 : i64
  %row_h = tile.alloc : !index
  %row_q = tile.alloc : !index
  tile.generic rows(64) outs(%row_h, %row_q : !index, !index) {
    %r = tile.index 0
    %i = arith.minsi %r, %last : i64
    %hi = arith.divsi %i, %q_count : i64
    %qi = arith.remsi %i, %q_count : i64
    %h = arith.addi %h_lo, %hi : i64
    %qq = arith.addi %q_lo, %qi : i64
    tile.yield %h, %qq : i64, i64
  }
  %m = tile.alloc : !row
  %l = tile.alloc : !row
  %o = tile.alloc : !o
  tile.fill %m, %ninf : !row, f32
  tile.fill %l, %zero : !row, f32
  tile.fill %o, %zero : !o, f32
  %first = arith.muli %tile, %splits : i64
  %past = arith.addi %first, %splits : i64
  %m_old = tile.alloc : !row
  %l_old = tile.alloc : !row
  scf.for %part = %first to %past step %c1 : i64 {
    %pm = tile.slice %partial_m[%part, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %pl = tile.slice %partial_l[%part, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %po = tile.slice %partial_o[%part, %c0, %c0] : !tile.buffer<?x64x128xf32, global> -> !tile.buffer<64x128xf32, global>
    tile.copy %m_old, %m : !row, !row
    tile.copy %l_old, %l : !row, !row
    // The merge of the monoid; merging with the identity is skipped.
    tile.generic rows(64) cols(%dv) ins(%m_old, %o, %pm, %po : !row, !o, !tile.buffer<64xf32, global>, !tile.buffer<64x128xf32, global>) outs(%o : !o) {
    ^bb0(%am: f32, %ao: f32, %bm: f32, %bo: f32):
      %x = arith.maximumf %am, %bm : f32
      %da = arith.subf %am, %x : f32
      %ea = math.exp %da : f32
      %sa = arith.mulf %ao, %ea : f32
      %db = arith.subf %bm, %x : f32
      %eb = math.exp %db : f32
      %sb = arith.mulf %bo, %eb : f32
      %sum = arith.addf %sa, %sb : f32
      %a_none = arith.cmpf oeq, %am, %ninf : f32
      %b_none = arith.cmpf oeq, %bm, %ninf : f32
      %keep_a = arith.select %b_none, %ao, %sum : f32
      %r = arith.select %a_none, %bo, %keep_a : f32
      tile.yield %r : f32
    }
    tile.generic rows(64) ins(%m_old, %l_old, %pm, %pl : !row, !row, !tile.buffer<64xf32, global>, !tile.buffer<64xf32, global>) outs(%m, %l : !row, !row) {
    ^bb0(%am: f32, %al: f32, %bm: f32, %bl: f32):
      %x = arith.maximumf %am, %bm : f32
      %da = arith.subf %am, %x : f32
      %ea = math.exp %da : f32
      %sa = arith.mulf %al, %ea : f32
      %db = arith.subf %bm, %x : f32
      %eb = math.exp %db : f32
      %sb = arith.mulf %bl, %eb : f32
      %sum = arith.addf %sa, %sb : f32
      %a_none = arith.cmpf oeq, %am, %ninf : f32
      %b_none = arith.cmpf oeq, %bm, %ninf : f32
      %keep_a = arith.select %b_none, %al, %sum : f32
      %rl = arith.select %a_none, %bl, %keep_a : f32
      %keep_m = arith.select %b_none, %am, %x : f32
      %rm = arith.select %a_none, %bm, %keep_m : f32
      tile.yield %rm, %rl : f32, f32
    }
  }
  %lse = tile.alloc : !row
  tile.generic rows(64) ins(%m, %l : !row, !row) outs(%lse : !row) {
  ^bb0(%mm: f32, %ll: f32):
    %log = math.log %ll : f32
    %r = arith.addf %mm, %log : f32
    tile.yield %r : f32
  }
  tile.generic rows(64) cols(%dv) ins(%o, %m, %l : !o, !row, !row) outs(%o : !o) {
  ^bb0(%x: f32, %mm: f32, %ll: f32):
    %y = arith.divf %x, %ll : f32
    %empty = arith.cmpf oeq, %mm, %ninf : f32
    %z = arith.select %empty, %zero, %y : f32
    tile.yield %z : f32
  }
  tile.scatter %o_out[%b, %row_h, %row_q], %o count(%count) : !qkv, !o, !index
  tile.scatter %lse_out[%b, %row_h, %row_q], %lse count(%count) : !stat, !row, !index
  tile.return
}

// ---- (b) causal with ALiBi: a captured tensor, a mask; plan and merge kernel are those of (a) --------
// CHECK-LABEL: tile.kernel @alibi_main
tile.kernel @alibi_main(%q: !qkv {tile.name = "q"}, %k: !qkv {tile.name = "k"}, %v: !qkv {tile.name = "v"},
                        %slope: !tile.buffer<?xf32, global> {tile.name = "slope"},
                        %o_out: !qkv {tile.name = "o"},
                        %partial_m: !tile.buffer<?x64xf32, global> {tile.name = "partial.m"},
                        %partial_l: !tile.buffer<?x64xf32, global> {tile.name = "partial.l"},
                        %partial_o: !tile.buffer<?x64x128xf32, global> {tile.name = "partial.o"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 96, dot_rows = 64, score_keys = 6, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %keys = arith.constant 96 : i64
  %dv = arith.constant 128 : i64
  %zero = arith.constant 0.0 : f32
  %ninf = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.0883883461 : f32
  %true = arith.constant true
  %heads = tile.size "heads"
  %kv_heads = tile.size "kv_heads"
  %q_len = tile.size "q_len"
  %kv_len = tile.size "kv_len"
  %q_per_tile = tile.size "q_per_tile"
  %heads_per_tile = tile.size "heads_per_tile"
  %head_tiles = tile.size "head_tiles"
  %q_tiles = tile.size "q_tiles"
  %splits = tile.size "splits"
  %group = arith.divsi %heads, %kv_heads : i64
  %block = tile.block_index
  %split = arith.remsi %block, %splits : i64
  %tile = arith.divsi %block, %splits : i64
  %q_rev = arith.remsi %tile, %q_tiles : i64
  %tile_h = arith.divsi %tile, %q_tiles : i64
  %q_last = arith.subi %q_tiles, %c1 : i64
  %q_tile = arith.subi %q_last, %q_rev : i64
  %head_tile = arith.remsi %tile_h, %head_tiles : i64
  %tile_kv = arith.divsi %tile_h, %head_tiles : i64
  %kv_h = arith.remsi %tile_kv, %kv_heads : i64
  %b = arith.divsi %tile_kv, %kv_heads : i64
  %h_off = arith.muli %head_tile, %heads_per_tile : i64
  %h_left = arith.subi %group, %h_off : i64
  %h_count = arith.minsi %heads_per_tile, %h_left : i64
  %h_first = arith.muli %kv_h, %group : i64
  %h_lo = arith.addi %h_first, %h_off : i64
  %q_lo = arith.muli %q_tile, %q_per_tile : i64
  %q_left = arith.subi %q_len, %q_lo : i64
  %q_count = arith.minsi %q_per_tile, %q_left : i64
  %q_past = arith.addi %q_lo, %q_count : i64
  %q_hi = arith.subi %q_past, %c1 : i64
  %count = arith.muli %h_count, %q_count : i64
  %last = arith.subi %count, %c1 : i64
  %row_h = tile.alloc : !index
  %row_q = tile.alloc : !index
  tile.generic rows(64) outs(%row_h, %row_q : !index, !index) {
    %r = tile.index 0
    %i = arith.minsi %r, %last : i64
    %hi = arith.divsi %i, %q_count : i64
    %qi = arith.remsi %i, %q_count : i64
    %h = arith.addi %h_lo, %hi : i64
    %qq = arith.addi %q_lo, %qi : i64
    tile.yield %h, %qq : i64, i64
  }
  %qt = tile.alloc : !q
  tile.gather %qt, %q[%b, %row_h, %row_q] count(%count) : !q, !qkv, !index
  %m = tile.alloc : !row
  %l = tile.alloc : !row
  %o = tile.alloc : !o
  tile.fill %m, %ninf : !row, f32
  tile.fill %l, %zero : !row, f32
  tile.fill %o, %zero : !o, f32

  // The mask analysis: keys beyond the last row's position are never visible.
  %shift = arith.subi %kv_len, %q_len : i64
  %pos_lo = arith.addi %q_lo, %shift : i64
  %pos_hi = arith.addi %q_hi, %shift : i64
  %past_hi = arith.addi %pos_hi, %c1 : i64
  %clipped = arith.minsi %past_hi, %kv_len : i64
  %key_end = arith.maxsi %clipped, %c0 : i64
  %base_tile = arith.divsi %c0, %keys : i64
  %base = arith.muli %base_tile, %keys : i64
  %span = arith.subi %key_end, %base : i64
  %share = arith.ceildivsi %span, %splits : i64
  %share_tiles = arith.ceildivsi %share, %keys : i64
  %chunk = arith.muli %share_tiles, %keys : i64
  %off = arith.muli %split, %chunk : i64
  %start = arith.addi %base, %off : i64
  %end = arith.addi %start, %chunk : i64
  %lo = arith.maxsi %start, %c0 : i64
  %hi = arith.minsi %end, %key_end : i64

  %s = tile.alloc : !s
  %p = tile.alloc : !s
  %visible = tile.alloc : !tile.buffer<64x96xi1, local>
  %m_old = tile.alloc : !row
  %m_ref = tile.alloc : !row
  %alpha = tile.alloc : !row
  // CHECK: tile.visit
  tile.visit keys(%lo to %hi) tile 96 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi sle, %k0, %pos_hi : i64
    %all = arith.cmpi sle, %k1, %pos_lo : i64
    tile.yield %any, %all : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    // A partial tile first finds out what it holds: no dot is spent on an empty one, no mask on a full one.
    %any, %all = scf.if %full -> (i1, i1) {
      scf.yield %true, %true : i1, i1
    } else {
      tile.generic rows(64) cols(%n) ins(%row_q : !index) outs(%visible : !tile.buffer<64x96xi1, local>) {
      ^bb0(%qq: i64):
        %j = tile.index 1
        %kk = arith.addi %k0, %j : i64
        %pos = arith.addi %qq, %shift : i64
        %see = arith.cmpi sle, %kk, %pos : i64
        tile.yield %see : i1
      }
      %some, %every = tile.any_all %visible cols(%n) : !tile.buffer<64x96xi1, local>
      scf.yield %some, %every : i1, i1
    }
    scf.if %any {
      %kt = tile.slice %k[%b, %kv_h, %k0, %c0] sizes(%n) : !qkv -> !keys
      tile.dot %s, %qt, %kt transpose_b : !s, !q, !keys
      tile.copy %m_old, %m : !row, !row
      scf.if %all {
        tile.generic rows(64) cols(%n) ins(%s, %row_h, %row_q : !s, !index, !index) outs(%s : !s) reduces(%m : !row) combiners [#tile.combiner<max>] {
        ^bb0(%x: f32, %h: i64, %qq: i64):
          %j = tile.index 1
          %kk = arith.addi %k0, %j : i64
          %y = arith.mulf %x, %scale : f32
          %sl = tile.lookup %slope[%h] : !tile.buffer<?xf32, global> -> f32
          %pos = arith.addi %qq, %shift : i64
          %dist = arith.subi %pos, %kk : i64
          %distf = arith.sitofp %dist : i64 to f32
          %bias = arith.mulf %sl, %distf : f32
          %z = arith.subf %y, %bias : f32
          tile.yield %z, %z : f32, f32
        }
      } else {
        tile.generic rows(64) cols(%n) ins(%s, %row_h, %row_q, %visible : !s, !index, !index, !tile.buffer<64x96xi1, local>) outs(%s : !s) reduces(%m : !row) combiners [#tile.combiner<max>] {
        ^bb0(%x: f32, %h: i64, %qq: i64, %see: i1):
          %j = tile.index 1
          %kk = arith.addi %k0, %j : i64
          %y = arith.mulf %x, %scale : f32
          %sl = tile.lookup %slope[%h] : !tile.buffer<?xf32, global> -> f32
          %pos = arith.addi %qq, %shift : i64
          %dist = arith.subi %pos, %kk : i64
          %distf = arith.sitofp %dist : i64 to f32
          %bias = arith.mulf %sl, %distf : f32
          %z = arith.subf %y, %bias : f32
          %zm = arith.select %see, %z, %ninf : f32
          tile.yield %zm, %zm : f32, f32
        }
      }
      tile.generic rows(64) ins(%m_old, %m, %l : !row, !row, !row) outs(%m_ref, %alpha, %l : !row, !row, !row) {
      ^bb0(%was: f32, %now: f32, %sum: f32):
        %none = arith.cmpf oeq, %now, %ninf : f32
        %ref = arith.select %none, %zero, %now : f32
        %first = arith.cmpf oeq, %was, %ninf : f32
        %d = arith.subf %was, %ref : f32
        %e = math.exp %d : f32
        %a = arith.select %first, %zero, %e : f32
        %scaled = arith.mulf %sum, %a : f32
        tile.yield %ref, %a, %scaled : f32, f32, f32
      }
      // exp(-inf - ref) is 0: masked scores need no second select.
      tile.generic rows(64) cols(%n) ins(%s, %m_ref : !s, !row) outs(%p : !s) reduces(%l : !row) combiners [#tile.combiner<add>] {
      ^bb0(%x: f32, %ref: f32):
        %d = arith.subf %x, %ref : f32
        %e = math.exp %d : f32
        tile.yield %e, %e : f32, f32
      }
      %vt = tile.slice %v[%b, %kv_h, %k0, %c0] sizes(%n) : !qkv -> !keys
      tile.dot %o, %p, %vt rescale(%alpha : !row) accumulate : !o, !s, !keys
    }
    tile.yield
  }
  %whole = arith.cmpi eq, %splits, %c1 : i64
  scf.if %whole {
    tile.generic rows(64) cols(%dv) ins(%o, %m, %l : !o, !row, !row) outs(%o : !o) {
    ^bb0(%x: f32, %mm: f32, %ll: f32):
      %y = arith.divf %x, %ll : f32
      %empty = arith.cmpf oeq, %mm, %ninf : f32
      %z = arith.select %empty, %zero, %y : f32
      tile.yield %z : f32
    }
    tile.scatter %o_out[%b, %row_h, %row_q], %o count(%count) : !qkv, !o, !index
  } else {
    %pm = tile.slice %partial_m[%block, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.copy %pm, %m : !tile.buffer<64xf32, global>, !row
    %pl = tile.slice %partial_l[%block, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.copy %pl, %l : !tile.buffer<64xf32, global>, !row
    %po = tile.slice %partial_o[%block, %c0, %c0] : !tile.buffer<?x64x128xf32, global> -> !tile.buffer<64x128xf32, global>
    tile.copy %po, %o : !tile.buffer<64x128xf32, global>, !o
  }
  tile.return
}
