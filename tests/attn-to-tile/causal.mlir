// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 split-keys=512" | FileCheck %s
// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 split-keys=512 dot-rows=32" | FileCheck %s --check-prefix=SPANS
// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 ascending-tiles=8" | FileCheck %s --check-prefix=ASCEND
// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 dot-rows=32 count" | FileCheck %s --check-prefix=COUNT
// A causal variant with a bias per head, through fusion: the plan, the loop over keys, the merge kernel.

attn.monoid @softmax fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
  outputs [#attn.output<o : row_dv>, #attn.output<lse : row>]
identity {
  %m = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  attn.yield %m, %z, %z : f32, f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
} merge {
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.maximumf %am, %bm : f32
  %da = arith.subf %am, %m : f32
  %ea = math.exp %da : f32
  %db = arith.subf %bm, %m : f32
  %eb = math.exp %db : f32
  %la = arith.mulf %al, %ea : f32
  %lb = arith.mulf %bl, %eb : f32
  %l = arith.addf %la, %lb : f32
  %oa = arith.mulf %ao, %ea : f32
  %ob = arith.mulf %bo, %eb : f32
  %o = arith.addf %oa, %ob : f32
  attn.yield %m, %l, %o : f32, f32, f32
} finalize {
^bb0(%m: f32, %l: f32, %o: f32):
  %r = arith.divf %o, %l : f32
  %log = math.log %l : f32
  %lse = arith.addf %m, %log : f32
  attn.yield %r, %lse : f32, f32
}

// CHECK-NOT: attn.
// CHECK-LABEL: tile.plan @alibi
// CHECK-DAG: %[[WORTH:.*]] = arith.constant 512 : i64
// CHECK-DAG: %[[THREADS:.*]] = tile.size "threads"
// CHECK: tile.value "q_per_tile"
// CHECK: tile.value "heads_per_tile"
// CHECK: tile.value "splits" = %[[SPLITS:.*]]
// CHECK: tile.scratch "partial.m"
// CHECK: tile.scratch "partial.l"
// CHECK: tile.scratch "partial.o"
// CHECK: tile.launch @alibi_main grid(%{{.*}})
// CHECK: tile.launch @alibi_merge grid(%{{.*}}) when(%{{.*}})

// CHECK-LABEL: tile.kernel @alibi_main(%q: {{.*}} {tile.name = "q"}, %k: {{.*}}, %v: {{.*}}, %o: !tile.buffer<?x?x?x32xbf16, global> {tile.name = "o"}
// CHECK-SAME: tile.name = "param.shift"
// CHECK-SAME: tile.name = "slope"
// CHECK-SAME: schedule = #tile.schedule<rows = 64, keys = 96
// CHECK: tile.gather
// CHECK: tile.visit keys(%{{.*}} to %{{.*}}) tile 96 classify {
// CHECK: body {
// CHECK-NEXT: ^bb0(%[[K0:.*]]: i64, %[[N:.*]]: i64, %[[FULL:.*]]: i1):
// A partial tile evaluates its mask before any dot, a full one never does.
// CHECK: %[[SEEN:.*]]:2 = scf.if %[[FULL]]
// CHECK: tile.generic rows(64) cols(%[[N]]) {{.*}} outs(%[[VIS:.*]] : !tile.buffer<64x96xi1, local>)
// CHECK: tile.any_all %[[VIS]]
// CHECK: scf.if %[[SEEN]]#0 {
// CHECK: tile.dot %[[S:.*]], %{{.*}}, %{{.*}} transpose_b
// CHECK: tile.copy %[[MOLD:.*]], %[[M:.*]] :
// CHECK: scf.if %[[SEEN]]#1 {
// CHECK: tile.generic rows(64) cols(%[[N]]) ins(%[[S]], %{{.*}}, %{{.*}} : {{.*}}) outs(%[[S]] : {{.*}}) reduces(%[[M]] : {{.*}}) combiners [#tile.combiner<max>]
// CHECK-NOT: arith.select
// CHECK: } else {
// CHECK: tile.generic rows(64) cols(%[[N]]) ins(%[[S]], %{{.*}}, %{{.*}}, %[[VIS]] :
// CHECK: tile.lookup
// CHECK: arith.select
// CHECK: tile.generic rows(64) ins(%[[M]], %[[MOLD]], %[[L:.*]] : {{.*}}) outs(%[[REF:.*]], %[[ALPHA:.*]], %[[L]] :
// CHECK: tile.generic rows(64) cols(%[[N]]) ins(%[[S]], %[[REF]] : {{.*}}) outs(%[[P:.*]] : {{.*}}) reduces(%[[L]] : {{.*}}) combiners [#tile.combiner<add>]
// CHECK: tile.dot %[[O:.*]], %[[P]], %{{.*}} rescale(%[[ALPHA]] : {{.*}}) accumulate :
// One range of keys: finalize. Several: store the raw state.
// CHECK: scf.if
// CHECK: arith.divf
// CHECK: tile.scatter
// CHECK: } else {
// CHECK-COUNT-3: tile.copy
// CHECK: tile.return

// Where a dot takes fewer rows than the tile has, it works on the keys that these see: all in a full tile.
// SPANS-LABEL: tile.kernel @alibi_main
// SPANS: scf.if %{{.*}} -> (i1, i1) {
// SPANS-NEXT: tile.fill %[[FIRST:.*]], %c0
// SPANS-NEXT: tile.fill %[[LAST:.*]], %n
// SPANS: } else {
// SPANS: tile.any_all %[[VIS:.*]] cols(%n)
// SPANS: tile.spans %[[FIRST]], %[[LAST]] of %[[VIS]] cols(%n) group 32
// SPANS: tile.dot {{.*}} within(%[[FIRST]], %[[LAST]] : {{.*}}) transpose_b
// SPANS: tile.generic rows(64) cols(%n) within(%[[FIRST]], %[[LAST]] : {{.*}}) ins({{.*}} reduces(
// SPANS: tile.dot {{.*}} rescale({{.*}}) within(%[[FIRST]], %[[LAST]] : {{.*}}) accumulate
// Eight row tiles ascend, then come the eight before them, the last of which may be fewer.
// ASCEND: %[[INDEX:.*]] = arith.remsi %{{.*}}, %q_tiles
// ASCEND: %[[GROUP:.*]] = arith.divsi %[[INDEX]], %c8
// ASCEND: %[[BEFORE:.*]] = arith.muli %[[GROUP]], %c8
// ASCEND: %[[END:.*]] = arith.addi %[[BEFORE]], %c8
// ASCEND: %[[START:.*]] = arith.subi %q_tiles, %[[END]]
// ASCEND: %[[FIRST:.*]] = arith.maxsi %[[START]], %c0
// ASCEND: %[[WITHIN:.*]] = arith.subi %[[INDEX]], %[[BEFORE]]
// ASCEND: arith.addi %[[FIRST]], %[[WITHIN]]
// Executed scores are counted so.
// COUNT-LABEL: tile.kernel @alibi_count_main
// COUNT: tile.spans %[[FIRST:.*]], %[[LAST:.*]] of
// COUNT: tile.generic rows(64) ins({{.*}}, %[[FIRST]], %[[LAST]] :
// COUNT: arith.subi %{{.*}}, %{{.*}} : i64
// COUNT: arith.sitofp

// CHECK-LABEL: tile.kernel @alibi_merge
// CHECK-NOT: tile.dot
// CHECK: scf.for
// CHECK: arith.maximumf
// CHECK: tile.scatter
attn.kernel @alibi(%q: tensor<?x?x?x64xbf16> {attn.name = "q", attn.role = "input"},
                   %k: tensor<?x?x?x64xbf16> {attn.name = "k", attn.role = "input"},
                   %v: tensor<?x?x?x32xbf16> {attn.name = "v", attn.role = "input"},
                   %slope: tensor<?xf32> {attn.name = "slope", attn.role = "param", attn.dims = ["heads"]},
                   %shift: i64 {attn.name = "shift", attn.role = "param"})
    -> (tensor<?x?x?x32xbf16> {attn.name = "o"}) {
  %s = attn.scores %q, %k : tensor<?x?x?x64xbf16>, tensor<?x?x?x64xbf16> -> tensor<?x?x?x?xf32>
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %a = attn.lookup %slope[%h] : tensor<?xf32> -> f32
    %d = arith.subi %qi, %ki : i64
    %f = arith.sitofp %d : i64 to f32
    %g = arith.mulf %a, %f : f32
    %y = arith.subf %x, %g : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  %causal = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %p = arith.addi %qi, %shift : i64
    %c = arith.cmpi sle, %ki, %p : i64
    attn.yield %c : i1
  } : tensor<?x?x?x?xi1>
  %o = attn.reduce @softmax scores(%t : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xbf16>)
    where(%causal : tensor<?x?x?x?xi1>) outputs ["o"] -> tensor<?x?x?x32xbf16>
  attn.return %o : tensor<?x?x?x32xbf16>
}
