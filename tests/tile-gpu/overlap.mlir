// RUN: attile-opt %s --assign-gpu-layouts --lower-visits --specialise-warps --overlap-products --canonicalize --cse | FileCheck %s
// RUN: attile-opt %s --assign-gpu-layouts --lower-visits --specialise-warps --canonicalize --cse | FileCheck %s --check-prefix=OFF
// RUN: attile-opt %s --assign-gpu-layouts --lower-visits --specialise-warps --overlap-products --canonicalize --cse --prepare-for-emission | FileCheck %s --check-prefix=PENDING
// Without the pass products are complete where they stand.
// OFF-NOT: dot_async

// CHECK-LABEL: tile.kernel @attention
// CHECK: %[[LOW:.*]] = tile.alloc : <128x128xbf16, register, fragment>
// CHECK: %[[W:.*]] = tile.alloc : <128x128xbf16, register, fragment>
// CHECK: %[[S:.*]] = tile.alloc : <128x128xf32, register, fragment>
// CHECK: %[[O:.*]] = tile.alloc : <128x64xf32, register, fragment>
// CHECK: %[[F:.*]] = tile.alloc : <128xf32, register>
// CHECK: %[[K:.*]] = tile.alloc : <2x128x64xbf16, shared, swizzle_128>
// CHECK-NEXT: %[[K_FULL:.*]] = tile.barrier_alloc
// CHECK-NEXT: %[[K_EMPTY:.*]] = tile.barrier_alloc
// CHECK-NEXT: %[[V:.*]] = tile.alloc
// CHECK-NEXT: %[[V_FULL:.*]] = tile.barrier_alloc
// CHECK-NEXT: %[[V_EMPTY:.*]] = tile.barrier_alloc
// CHECK: tile.roles
// CHECK: %[[RUNS:.*]] = scf.for {{.*}} iter_args(%[[COUNT:.*]] = %{{.*}}) -> (i32)
// CHECK: tile.barrier_wait %[[K_FULL]][%[[STAGE:.*]]] parity
// CHECK-NEXT: tile.dot_async %[[S]], %{{.*}}, %{{.*}} transpose_b :
// The sum of the tile before, if there was one, starts as well, in the order in which the scores are waited for.
// CHECK-NEXT: %[[DUE:.*]] = arith.cmpi sgt, %[[COUNT]], %{{.*}} : i32
// CHECK-NEXT: scf.if %[[DUE]] {
// CHECK-NEXT: %[[BEFORE:.*]] = arith.subi %[[COUNT]], %{{.*}} : i32
// CHECK: %[[AT:.*]] = arith.remsi %[[BEFORE]]
// CHECK: %[[WAS:.*]] = arith.extsi %[[AT]]
// CHECK: tile.barrier_wait %[[V_FULL]][%[[WAS]]] parity
// CHECK-NEXT: %[[V_WAS:.*]] = tile.slice %[[V]][%[[WAS]],
// CHECK-NEXT: tile.dot_async %[[O]], %[[W]], %[[V_WAS]] accumulate
// CHECK-NEXT: tile.wait of(%[[S]] : {{[^)]*}})
// CHECK-NEXT: } else {
// CHECK-NEXT: tile.wait of(%[[S]] : {{[^)]*}})
// CHECK-NEXT: }
// CHECK-NEXT: tile.barrier_arrive %[[K_EMPTY]][%[[STAGE]]]
// Elementwise work stands here, beside that sum, whose stage is free afterwards.
// CHECK: math.exp2
// CHECK: math.exp2
// CHECK: tile.wait of(%[[O]] : {{[^)]*}}) computed(%[[S]] : {{[^)]*}})
// CHECK-NEXT: scf.if %[[DUE]] {
// CHECK: tile.barrier_arrive %[[V_EMPTY]]
// CHECK-NEXT: }
// CHECK-NEXT: tile.generic rows(128) {{.*}} ins(%[[O]], %[[F]] : {{.*}}) outs(%[[O]] :
// CHECK: arith.mulf
// CHECK: tile.copy %[[W]], %[[S]]
// Residuals, of few keys, meet this tile's values at once.
// CHECK-NEXT: scf.if
// CHECK-NEXT: tile.residual %[[LOW]], %[[S]]
// CHECK-NEXT: tile.barrier_wait %[[V_FULL]][%[[STAGE]]]
// CHECK-NEXT: tile.dot %[[O]], %[[LOW]], %{{.*}} accumulate
// CHECK: scf.yield %{{.*}} : i32
// The last tile's weights are still due.
// CHECK: %[[LAST:.*]] = arith.cmpi sgt, %[[RUNS]], %{{.*}} : i32
// CHECK-NEXT: scf.if %[[LAST]] {
// CHECK: tile.barrier_wait %[[V_FULL]]
// CHECK: tile.dot %[[O]], %[[W]], %{{.*}} accumulate
// CHECK-NEXT: tile.barrier_arrive %[[V_EMPTY]]
// CHECK-NEXT: }
// CHECK-NEXT: tile.scatter

// Behind the scores one group may be under way, if it has started.
// PENDING-LABEL: tile.kernel @attention
// PENDING: tile.wait of({{.*}}tile.pending = 1 : i64
// PENDING: } else {
// PENDING: tile.wait of({{.*}}tile.pending = 0 : i64
// PENDING: tile.wait of({{.*}}computed{{.*}}tile.pending = 0 : i64
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
    tile.generic rows(128) cols(%m) ins(%s : !tile.buffer<128x128xf32, local>) outs(%s : !tile.buffer<128x128xf32, local>) {
    ^bb0(%x: f32):
      %y = math.exp2 %x : f32
      tile.yield %y : f32
    }
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %out, %s, %vt rescale(%f : !tile.buffer<128xf32, local>) accumulate : !tile.buffer<128x64xf32, local>, !tile.buffer<128x128xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  tile.scatter %o[%c0, %row, %row], %out count(%n) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128x64xf32, local>, !tile.buffer<128xi64, local>
  tile.return
}

// Sums of two streams stay as they are: each would need its own weights beside the scores.
// CHECK-LABEL: tile.kernel @two_sums
// CHECK: tile.roles
// CHECK-NOT: dot_async
// CHECK: tile.return
tile.kernel @two_sums(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                      %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                      %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<128x64xbf16, local>
  %s = tile.alloc : !tile.buffer<128x64xf32, local>
  %one = tile.alloc : !tile.buffer<128x64xf32, local>
  %two = tile.alloc : !tile.buffer<128x64xf32, local>
  %row = tile.alloc : !tile.buffer<128xi64, local>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<128x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<128xi64, local>
  tile.visit keys(%c0 to %n) tile 64 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi slt, %k0, %n : i64
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %s, %qt, %kt transpose_b : !tile.buffer<128x64xf32, local>, !tile.buffer<128x64xbf16, local>, !tile.buffer<?x64xbf16, global>
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %one, %s, %vt accumulate : !tile.buffer<128x64xf32, local>, !tile.buffer<128x64xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.dot %two, %s, %vt accumulate : !tile.buffer<128x64xf32, local>, !tile.buffer<128x64xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  tile.return
}
