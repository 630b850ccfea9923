// RUN: attile-opt %s --assign-gpu-layouts --lower-visits --specialise-warps --canonicalize --cse | FileCheck %s
// RUN: attile-opt %s --assign-gpu-layouts --lower-visits --canonicalize --cse | FileCheck %s --check-prefix=OFF
// Without the pass all warps do everything.
// OFF-NOT: tile.roles

// One role brings tiles to two stages, the other multiplies; both count alike the tiles that they visit.
// CHECK-LABEL: tile.kernel @attention
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 16384 : i64
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: %[[Q:.*]] = tile.alloc : <128x64xbf16, shared, swizzle_128>
// CHECK: %[[K:.*]] = tile.alloc : <2x128x64xbf16, shared, swizzle_128>
// CHECK-NEXT: %[[K_FULL:.*]] = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
// CHECK-NEXT: %[[K_EMPTY:.*]] = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
// CHECK-NEXT: %[[V:.*]] = tile.alloc : <2x128x64xbf16, shared, swizzle_128>
// CHECK-NEXT: %[[V_FULL:.*]] = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
// CHECK-NEXT: %[[V_EMPTY:.*]] = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
// CHECK-NEXT: tile.sync block
// CHECK-NEXT: tile.roles [#tile.role<consumer : 2 warpgroup, registers = 232>, #tile.role<producer : 1 warpgroup, registers = 40>] {
// What stood before the loop and works on buffers is the consumers'.
// CHECK-NEXT: tile.gather %[[Q]]
// CHECK-NEXT: tile.sync role
// CHECK-NEXT: tile.fill
// CHECK-NEXT: %[[END:.*]] = scf.for {{.*}} iter_args(%[[COUNT:.*]] = %{{.*}}) -> (i32)
// CHECK: %[[NEXT:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK: %[[ROUND:.*]] = arith.divsi %[[COUNT]], %{{.*}} : i32
// CHECK: %[[AT:.*]] = arith.remsi %[[COUNT]], %{{.*}} : i32
// CHECK: %[[STAGE:.*]] = arith.extsi %[[AT]]
// CHECK: %[[PARITY:.*]] = arith.extsi
// CHECK: %[[K_TILE:.*]] = tile.slice %[[K]][%[[STAGE]],
// CHECK: %[[V_TILE:.*]] = tile.slice %[[V]][%[[STAGE]],
// CHECK-NEXT: tile.barrier_wait %[[K_FULL]][%[[STAGE]]] parity %[[PARITY]]
// CHECK-NEXT: tile.dot %{{.*}}, %[[Q]], %[[K_TILE]] transpose_b
// CHECK-NEXT: tile.barrier_arrive %[[K_EMPTY]][%[[STAGE]]] : !tile.barrier<2>
// CHECK: tile.barrier_wait %[[V_FULL]][%[[STAGE]]] parity %[[PARITY]]
// CHECK-NEXT: tile.dot %{{.*}}, %{{.*}}, %[[V_TILE]] rescale
// The residuals read the tile, too.
// CHECK: tile.dot %{{.*}}, %{{.*}}, %[[V_TILE]] accumulate
// CHECK: tile.barrier_arrive %[[V_EMPTY]][%[[STAGE]]] : !tile.barrier<2>
// CHECK: scf.yield
// A tile that is not visited leaves the count as it is.
// CHECK: } else {
// CHECK-NEXT: scf.yield %[[COUNT]] : i32
// CHECK: tile.scatter
// CHECK-NEXT: tile.yield
// CHECK-NEXT: }, {
// The first round finds all stages free.
// CHECK: scf.for {{.*}} iter_args(%[[COUNT2:.*]] = %{{.*}}) -> (i32)
// CHECK: scf.if
// CHECK-NEXT: %[[KEYS:.*]] = tile.slice %k[
// CHECK: %[[FREE:.*]] = arith.subi %[[ONE]], %{{.*}} : i64
// CHECK-NEXT: %[[TO:.*]] = tile.slice %[[K]][%[[STAGE2:.*]], %{{.*}}, %{{.*}}]
// CHECK-NEXT: tile.barrier_wait %[[K_EMPTY]][%[[STAGE2]]] parity %[[FREE]]
// CHECK-NEXT: tile.barrier_arrive %[[K_FULL]][%[[STAGE2]]] expect %[[BYTES]]
// CHECK-NEXT: tile.copy_async %[[TO]], %[[KEYS]] signals %[[K_FULL]][%[[STAGE2]]]
// CHECK: tile.barrier_wait %[[V_EMPTY]][%[[STAGE2]]] parity %[[FREE]]
// CHECK-NEXT: tile.barrier_arrive %[[V_FULL]][%[[STAGE2]]] expect %[[BYTES]]
// CHECK-NEXT: tile.copy_async %{{.*}}, %{{.*}} signals %[[V_FULL]][%[[STAGE2]]]
// CHECK-NOT: tile.dot
// CHECK-NOT: tile.generic
// CHECK: tile.yield
// CHECK-NEXT: }
// CHECK-NEXT: tile.return
tile.kernel @attention(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                       %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                       %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"},
                       %o: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "o"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 128, dot_rows = 64, score_keys = 128, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %zero = arith.constant 0.0 : f32
  %qt = tile.alloc : !tile.buffer<128x64xbf16, local>
  %s = tile.alloc : !tile.buffer<128x128xf32, local>
  %out = tile.alloc : !tile.buffer<128x64xf32, local>
  %row = tile.alloc : !tile.buffer<128xi64, local>
  %f = tile.alloc : !tile.buffer<128xf32, local>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<128x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128xi64, local>
  tile.fill %out, %zero : !tile.buffer<128x64xf32, local>, f32
  tile.visit keys(%c0 to %n) tile 128 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi slt, %k0, %n : i64
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %s, %qt, %kt transpose_b : !tile.buffer<128x128xf32, local>, !tile.buffer<128x64xbf16, local>, !tile.buffer<?x64xbf16, global>
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %out, %s, %vt rescale(%f : !tile.buffer<128xf32, local>) accumulate : !tile.buffer<128x64xf32, local>, !tile.buffer<128x128xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  tile.scatter %o[%c0, %row, %row], %out count(%n) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128x64xf32, local>, !tile.buffer<128xi64, local>
  tile.return
}

// A block table's loop stands around the visit: the count goes through both loops, and through what they carry.
// CHECK-LABEL: tile.kernel @listed
// CHECK: tile.roles
// CHECK: %{{.*}}:2 = scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %[[OUTER:.*]] = %{{.*}}) -> (i64, i32)
// CHECK: %[[INNER:.*]] = scf.for {{.*}} iter_args(%[[COUNT:.*]] = %[[OUTER]]) -> (i32)
// CHECK: arith.addi %[[COUNT]], %{{.*}} : i32
// CHECK: scf.yield %{{.*}}, %[[INNER]] : i64, i32
tile.kernel @listed(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                    %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                    %t: !tile.buffer<?xi32, global> {tile.name = "param.table"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c64 = arith.constant 64 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<128x64xbf16, local>
  %s = tile.alloc : !tile.buffer<128x64xf32, local>
  %row = tile.alloc : !tile.buffer<128xi64, local>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<128x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128xi64, local>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%was = %c0) -> (i64) : i64 {
    %entry = tile.lookup %t[%i] : !tile.buffer<?xi32, global> -> i64
    %listed = arith.muli %entry, %c64 : i64
    %from = arith.maxsi %listed, %was : i64
    tile.visit keys(%from to %n) tile 64 classify {
    ^bb0(%k0: i64, %k1: i64):
      %any = arith.cmpi slt, %k0, %n : i64
      tile.yield %any, %any : i1, i1
    } body {
    ^bb0(%k0: i64, %m: i64, %full: i1):
      %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
      tile.dot %s, %qt, %kt transpose_b : !tile.buffer<128x64xf32, local>, !tile.buffer<128x64xbf16, local>, !tile.buffer<?x64xbf16, global>
      tile.yield
    }
    scf.yield %entry : i64
  }
  tile.return
}

// Warps of their own rows stay alike.
// CHECK-LABEL: tile.kernel @warps
// CHECK-NOT: tile.roles
// CHECK: tile.return
tile.kernel @warps(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                       %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                       %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"},
                       %o: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "o"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 128, dot_rows = 32, score_keys = 128, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %zero = arith.constant 0.0 : f32
  %qt = tile.alloc : !tile.buffer<128x64xbf16, local>
  %s = tile.alloc : !tile.buffer<128x128xf32, local>
  %out = tile.alloc : !tile.buffer<128x64xf32, local>
  %row = tile.alloc : !tile.buffer<128xi64, local>
  %f = tile.alloc : !tile.buffer<128xf32, local>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<128x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128xi64, local>
  tile.fill %out, %zero : !tile.buffer<128x64xf32, local>, f32
  tile.visit keys(%c0 to %n) tile 128 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi slt, %k0, %n : i64
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %s, %qt, %kt transpose_b : !tile.buffer<128x128xf32, local>, !tile.buffer<128x64xbf16, local>, !tile.buffer<?x64xbf16, global>
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %out, %s, %vt rescale(%f : !tile.buffer<128xf32, local>) accumulate : !tile.buffer<128x64xf32, local>, !tile.buffer<128x128xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  tile.scatter %o[%c0, %row, %row], %out count(%n) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128x64xf32, local>, !tile.buffer<128xi64, local>
  tile.return
}
