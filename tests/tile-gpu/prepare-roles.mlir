// RUN: attile-opt %s --prepare-for-emission | FileCheck %s
// Roles: threads, stages, barriers and the tensor maps that copies read.

!operand = !tile.buffer<?x?x?x96xbf16, global>
!keys = !tile.buffer<?x96xbf16, global>
!stages = !tile.buffer<2x64x96xbf16, shared, swizzle_128>
!tile = !tile.buffer<64x96xbf16, shared, swizzle_128>

// CHECK-LABEL: tile.kernel @pipeline
// Queries have two panels of 128 rows of 128 bytes, each stage of keys two of 64; then 128 offsets of rows, and two
// pairs of barriers.
// CHECK-SAME: tile.shared_bytes = 66592 : i64
// CHECK-SAME: "map:64:k"
// Three warpgroups.
// CHECK-SAME: tile.threads = 384 : i64
tile.kernel @pipeline(%q: !operand {tile.name = "q"}, %k: !operand {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 96>} {
  %c0 = arith.constant 0 : i64
  %bytes = arith.constant 16384 : i64
  %n = tile.size "kv_len"
  // CHECK: tile.alloc {tile.id = "q_tile", tile.offset = 0 : i64}
  %qt = tile.alloc : !tile.buffer<128x96xbf16, shared, swizzle_128>
  // CHECK: tile.alloc {tile.id = "k_tile", tile.offset = 32768 : i64}
  %kt = tile.alloc : !stages
  %h = tile.alloc : !tile.buffer<128xi32, register>
  %s = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  // A copy arrives once; two warpgroups arrive warp by warp.
  // CHECK: tile.barrier_alloc arrivals 1 {tile.count = 1 : i64, tile.id = "{{.*}}_full", tile.offset = 66560 : i64}
  %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  // CHECK: tile.barrier_alloc arrivals 2 {tile.count = 8 : i64, tile.id = "{{.*}}_empty", tile.offset = 66576 : i64}
  %empty = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
  tile.sync block
  tile.roles [#tile.role<consumer : 2 warpgroup, registers = 232>, #tile.role<producer : 1 warpgroup, registers = 40>] {
    // CHECK: tile.gather {{.*}} {tile.offset = 65536 : i64}
    tile.gather %qt, %q[%n, %h, %h] count(%n) : !tile.buffer<128x96xbf16, shared, swizzle_128>, !operand, !tile.buffer<128xi32, register>
    tile.sync role
    %now = tile.slice %kt[%c0, %c0, %c0] : !stages -> !tile
    tile.barrier_wait %full[%c0] parity %c0 : !tile.barrier<2>
    tile.dot %s, %qt, %now transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x96xbf16, shared, swizzle_128>, !tile
    tile.barrier_arrive %empty[%c0] : !tile.barrier<2>
    tile.yield
  }, {
    %to = tile.slice %kt[%c0, %c0, %c0] : !stages -> !tile
    %from = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%n) : !operand -> !keys
    tile.barrier_arrive %full[%c0] expect %bytes : !tile.barrier<2>
    tile.copy_async %to, %from signals %full[%c0] : !tile.barrier<2> : !tile, !keys
    tile.yield
  }
  tile.return
}
