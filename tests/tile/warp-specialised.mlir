// A pipeline for a GPU with asynchronous copies and dots, by hand: one producer warpgroup keeps two stages of K and V
// in flight with bulk copies; two consumer warpgroups of 64 query rows each overlap the dots of one tile of keys
// with the softmax of the next, in registers, and take turns at the matrix unit. Every order is explicit: tokens
// for operations of one's own, barriers (with stage and parity) between roles, numbered syncs within a role.
// RUN: attile-opt %s > %t
// RUN: attile-opt %t | diff %t -
// RUN: attile-opt %s -mlir-print-op-generic | attile-opt | diff %t -
// RUN: attile-opt %s -canonicalize -cse | FileCheck %s
// RUN: FileCheck %s < %t

!operand = !tile.buffer<?x?x?x128xbf16, global>
!keys = !tile.buffer<?x128xbf16, global>
!staged = !tile.buffer<2x128x128xbf16, shared, swizzle_128>
!stage = !tile.buffer<128x128xbf16, shared, swizzle_128>
!q_all = !tile.buffer<128x128xbf16, shared, swizzle_128>
!q_own = !tile.buffer<64x128xbf16, shared, swizzle_128>
!acc = !tile.buffer<64x128xf32, register, fragment>
!p = !tile.buffer<64x128xbf16, register, fragment>
!row = !tile.buffer<64xf32, register>

// CHECK-LABEL: tile.plan @attention
tile.plan @attention {
  %batch = tile.size "batch"
  %heads = tile.size "heads"
  %q_len = tile.size "q_len"
  %rows = arith.constant 128 : i64
  %tiles = arith.ceildivsi %q_len, %rows : i64
  %per_batch = arith.muli %heads, %tiles : i64
  %grid = arith.muli %batch, %per_batch : i64
  tile.value "q_tiles" = %tiles
  tile.launch @attention_main grid(%grid)
}

// CHECK-LABEL: tile.kernel @attention_main
tile.kernel @attention_main(%q: !operand {tile.name = "q"}, %k: !operand {tile.name = "k"}, %v: !operand {tile.name = "v"},
                            %o: !operand {tile.name = "o"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 128, dot_rows = 64, score_keys = 128, value_cols = 128>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %rows = arith.constant 128 : i64
  %keys = arith.constant 128 : i64
  %own_rows = arith.constant 64 : i64
  %tile_bytes = arith.constant 32768 : i64
  %scale = arith.constant 0.127517432 : f32 // log2(e) / sqrt(128): weights are powers of two
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %heads = tile.size "heads"
  %kv_heads = tile.size "kv_heads"
  %q_len = tile.size "q_len"
  %kv_len = tile.size "kv_len"
  %q_tiles = tile.size "q_tiles"
  %block = tile.block_index
  %q_tile = arith.remsi %block, %q_tiles : i64
  %bh = arith.divsi %block, %q_tiles : i64
  %h = arith.remsi %bh, %heads : i64
  %b = arith.divsi %bh, %heads : i64
  %group = arith.divsi %heads, %kv_heads : i64
  %kv_h = arith.divsi %h, %group : i64
  %q0 = arith.muli %q_tile, %rows : i64
  %tiles = arith.ceildivsi %kv_len, %keys : i64

  // CHECK: tile.alloc : <2x128x128xbf16, shared, swizzle_128>
  %q_s = tile.alloc : !q_all
  %k_s = tile.alloc : !staged
  %v_s = tile.alloc : !staged
  // A phase of `full` ends when the producer has announced the bytes and they have come; of `empty`, when both
  // consumers have arrived.
  // CHECK: tile.barrier_alloc arrivals 1 : !tile.barrier
  // CHECK: tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  %q_full = tile.barrier_alloc arrivals 1 : !tile.barrier
  %k_full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  %v_full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  %k_empty = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
  %v_empty = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
  // CHECK: tile.sync block
  tile.sync block

  // CHECK: tile.roles [#tile.role<producer : 1 warpgroup, registers = 24>, #tile.role<consumer : 2 warpgroup, registers = 240>] {
  tile.roles [#tile.role<producer : 1 warpgroup, registers = 24>, #tile.role<consumer : 2 warpgroup, registers = 240>] {
    %q_left = arith.subi %q_len, %q0 : i64
    %q_n = arith.minsi %rows, %q_left : i64
    %q_tile_src = tile.slice %q[%b, %h, %q0, %c0] sizes(%q_n) : !operand -> !keys
    // CHECK: tile.barrier_arrive %{{.*}}[%{{.*}}] expect %{{.*}} : !tile.barrier
    tile.barrier_arrive %q_full[%c0] expect %tile_bytes : !tile.barrier
    // CHECK: tile.copy_async %{{.*}}, %{{.*}} signals %{{.*}}[%{{.*}}] : !tile.barrier
    tile.copy_async %q_s, %q_tile_src signals %q_full[%c0] : !tile.barrier : !q_all, !keys
    scf.for %i = %c0 to %tiles step %c1 : i64 {
      %at = arith.remsi %i, %c2 : i64
      %round = arith.divsi %i, %c2 : i64
      %parity = arith.remsi %round, %c2 : i64
      %free = arith.subi %c1, %parity : i64 // the first round finds both stages free
      %k0 = arith.muli %i, %keys : i64
      %left = arith.subi %kv_len, %k0 : i64
      %n = arith.minsi %keys, %left : i64
      %k_src = tile.slice %k[%b, %kv_h, %k0, %c0] sizes(%n) : !operand -> !keys
      %v_src = tile.slice %v[%b, %kv_h, %k0, %c0] sizes(%n) : !operand -> !keys
      %k_dst = tile.slice %k_s[%at, %c0, %c0] : !staged -> !stage
      %v_dst = tile.slice %v_s[%at, %c0, %c0] : !staged -> !stage
      // CHECK: tile.barrier_wait %{{.*}}[%{{.*}}] parity %{{.*}} : !tile.barrier<2>
      tile.barrier_wait %k_empty[%at] parity %free : !tile.barrier<2>
      tile.barrier_arrive %k_full[%at] expect %tile_bytes : !tile.barrier<2>
      tile.copy_async %k_dst, %k_src signals %k_full[%at] : !tile.barrier<2> : !stage, !keys
      tile.barrier_wait %v_empty[%at] parity %free : !tile.barrier<2>
      tile.barrier_arrive %v_full[%at] expect %tile_bytes : !tile.barrier<2>
      tile.copy_async %v_dst, %v_src signals %v_full[%at] : !tile.barrier<2> : !stage, !keys
    }
    tile.yield
  }, {
    // CHECK: tile.role_index
    %who = tile.role_index
    %row0 = arith.muli %who, %own_rows : i64
    %first_group = arith.cmpi eq, %who, %c0 : i64
    %q_own = tile.slice %q_s[%row0, %c0] : !q_all -> !q_own
    %s = tile.alloc : !acc
    %p = tile.alloc : !p
    %acc = tile.alloc : !acc
    %m = tile.alloc : !row
    %m_old = tile.alloc : !row
    %l = tile.alloc : !row
    %alpha = tile.alloc : !row
    tile.fill %m, %ninf : !row, f32
    tile.fill %l, %zero : !row, f32
    tile.fill %alpha, %zero : !row, f32
    tile.fill %acc, %zero : !acc, f32
    tile.fill %p, %zero : !p, f32
    tile.barrier_wait %q_full[%c0] parity %c0 : !tile.barrier

    // The first turn is the first group's: the second opens it.
    scf.if %first_group {
    } else {
      // CHECK: tile.sync role id 1 arrive
      tile.sync role id 1 arrive
    }
    // Round i issues the scores of tile i and the weighted sum of tile i - 1. The first sum has weights 0; the scores of
    // the last round are all past the end, and masked.
    %past = arith.addi %tiles, %c1 : i64
    %none = arith.cmpi eq, %tiles, %c0 : i64
    %rounds = arith.select %none, %c0, %past : i64
    scf.for %i = %c0 to %rounds step %c1 : i64 {
      %at = arith.remsi %i, %c2 : i64
      %round = arith.divsi %i, %c2 : i64
      %parity = arith.remsi %round, %c2 : i64
      %has_scores = arith.cmpi slt, %i, %tiles : i64
      %has_sum = arith.cmpi sgt, %i, %c0 : i64
      %before = arith.maxsi %i, %c1 : i64
      %j = arith.subi %before, %c1 : i64
      %j_at = arith.remsi %j, %c2 : i64
      %j_round = arith.divsi %j, %c2 : i64
      %j_parity = arith.remsi %j_round, %c2 : i64
      %k_now = tile.slice %k_s[%at, %c0, %c0] : !staged -> !stage
      %v_was = tile.slice %v_s[%j_at, %c0, %c0] : !staged -> !stage

      scf.if %first_group {
        tile.sync role id 1
      } else {
        tile.sync role id 2
      }
      scf.if %has_scores {
        tile.barrier_wait %k_full[%at] parity %parity : !tile.barrier<2>
      }
      // CHECK: %[[SCORES:.*]] = tile.dot_async %{{.*}}, %{{.*}}, %{{.*}} transpose_b : <64x128xf32, register, fragment>, <64x128xbf16, shared, swizzle_128>, <128x128xbf16, shared, swizzle_128> -> !tile.token
      %scores = tile.dot_async %s, %q_own, %k_now transpose_b : !acc, !q_own, !stage -> !tile.token
      tile.barrier_wait %v_full[%j_at] parity %j_parity : !tile.barrier<2>
      // CHECK: %[[SUM:.*]] = tile.dot_async %{{.*}}, %{{.*}}, %{{.*}} accumulate
      %sum = tile.dot_async %acc, %p, %v_was accumulate : !acc, !p, !stage -> !tile.token
      scf.if %first_group {
        tile.sync role id 2 arrive
      } else {
        tile.sync role id 1 arrive
      }

      // CHECK: tile.wait %[[SCORES]] : !tile.token
      tile.wait %scores : !tile.token
      scf.if %has_scores {
        tile.barrier_arrive %k_empty[%at] : !tile.barrier<2>
      }
      // The softmax of tile i runs while the weighted sum of tile i - 1 is in flight.
      tile.copy %m_old, %m : !row, !row
      // CHECK: tile.generic rows(64) cols(%{{.*}}) {{.*}} combiners [#tile.combiner<max>]
      tile.generic rows(64) cols(%keys) ins(%s : !acc) outs(%s : !acc) reduces(%m : !row) combiners [#tile.combiner<max>] {
      ^bb0(%x: f32):
        %col = tile.index 1
        %k0 = arith.muli %i, %keys : i64
        %key = arith.addi %k0, %col : i64
        %see = arith.cmpi slt, %key, %kv_len : i64
        %y = arith.mulf %x, %scale : f32
        %z = arith.select %see, %y, %ninf : f32
        tile.yield %z, %z : f32, f32
      }
      tile.generic rows(64) ins(%m_old, %m, %l : !row, !row, !row) outs(%alpha, %l : !row, !row) {
      ^bb0(%was: f32, %now: f32, %old: f32):
        %d = arith.subf %was, %now : f32
        %a = math.exp2 %d : f32
        %scaled = arith.mulf %old, %a : f32
        tile.yield %a, %scaled : f32, f32
      }
      tile.generic rows(64) cols(%keys) ins(%s, %m : !acc, !row) outs(%s : !acc) reduces(%l : !row) combiners [#tile.combiner<add>] {
      ^bb0(%x: f32, %now: f32):
        %d = arith.subf %x, %now : f32
        %e = math.exp2 %d : f32
        tile.yield %e, %e : f32, f32
      }
      // CHECK: tile.wait %[[SUM]] : !tile.token
      tile.wait %sum : !tile.token
      scf.if %has_sum {
        tile.barrier_arrive %v_empty[%j_at] : !tile.barrier<2>
      }
      // p is free again: the weights of tile i take its place, the sum follows the new gauge.
      tile.copy %p, %s : !p, !acc
      tile.generic rows(64) cols(%keys) ins(%acc, %alpha : !acc, !row) outs(%acc : !acc) {
      ^bb0(%x: f32, %a: f32):
        %y = arith.mulf %x, %a : f32
        tile.yield %y : f32
      }
    }

    scf.if %first_group { // the turn that the second group passed on last
      tile.sync role id 1
    }

    // Results leave through the query's place in shared memory, by a bulk copy that cuts rows past the end.
    tile.generic rows(64) cols(%keys) ins(%acc, %l : !acc, !row) outs(%q_own : !q_own) {
    ^bb0(%x: f32, %sum: f32):
      %y = arith.divf %x, %sum : f32
      %empty = arith.cmpf oeq, %sum, %zero : f32
      %z = arith.select %empty, %zero, %y : f32
      tile.yield %z : f32
    }
    // CHECK: tile.sync warpgroup
    tile.sync warpgroup
    %o0 = arith.addi %q0, %row0 : i64
    %o_left = arith.subi %q_len, %o0 : i64
    %o_some = arith.maxsi %o_left, %c0 : i64
    %o_n = arith.minsi %own_rows, %o_some : i64
    %o_dst = tile.slice %o[%b, %h, %o0, %c0] sizes(%o_n) : !operand -> !keys
    // CHECK: %[[OUT:.*]] = tile.copy_async {{.*}} -> !tile.token
    %out = tile.copy_async %o_dst, %q_own : !keys, !q_own -> !tile.token
    // CHECK: tile.wait %[[OUT]]
    tile.wait %out : !tile.token
    tile.yield
  }
  tile.return
}
