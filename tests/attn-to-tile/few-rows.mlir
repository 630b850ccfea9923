// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 few-rows=16" | FileCheck %s
// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 few-rows=16 most-few-rows=40" | FileCheck %s --check-prefix=MOST
// RUN: attile-opt %s --fuse-fold --convert-attn-to-tile="rows=64 keys=96 few-rows=16 count" | FileCheck %s --check-prefix=COUNT
// A sum without a gauge, of which nothing says whether a row has seen a key; a second tile for a handful of rows.

attn.monoid @mean fields [#attn.field<n : row sum>, #attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %z = arith.constant 0.0 : f32
  attn.yield %z, %z : f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %p = arith.mulf %s, %s : f32
  %pv = arith.mulf %p, %v : f32
  attn.yield %p, %pv : f32, f32
} merge {
^bb0(%an: f32, %ao: f32, %bn: f32, %bo: f32):
  %n = arith.addf %an, %bn : f32
  %o = arith.addf %ao, %bo : f32
  attn.yield %n, %o : f32, f32
} finalize {
^bb0(%n: f32, %o: f32):
  %r = arith.divf %o, %n : f32
  attn.yield %r : f32
}

// CHECK-LABEL: tile.plan @mean_kernel
// CHECK: %[[FEW:.*]] = arith.cmpi slt
// CHECK: %[[MANY:.*]] = arith.cmpi sgt
// CHECK: tile.scratch "partial.n"
// CHECK: tile.scratch "partial.o"
// CHECK: tile.scratch "partial.row.seen"
// CHECK: tile.launch @mean_kernel_main grid(%{{.*}}) when(%[[MANY]])
// CHECK: tile.launch @mean_kernel_few_main grid(%{{.*}}) when(%[[FEW]])
// CHECK-LABEL: tile.kernel @mean_kernel_main
// One generic makes the weights, their sum, and notes which rows have seen a key.
// CHECK: tile.dot %[[S:.*]], %{{.*}} transpose_b
// CHECK: tile.generic rows(64) {{.*}} outs(%[[P:.*]] : {{.*}}) reduces(%[[N:.*]], %[[SEEN:.*]] : {{.*}}) combiners [#tile.combiner<add>, #tile.combiner<max>]
// CHECK: tile.dot %[[O:.*]], %[[P]], %{{.*}} accumulate
// CHECK: arith.divf
// CHECK: arith.cmpf oeq
// CHECK: arith.select
// CHECK: tile.scatter
// CHECK-LABEL: tile.kernel @mean_kernel_few_main
// CHECK-SAME: rows = 16
// CHECK: tile.generic rows(16)

// A kv head of 40 rows still has tiles of 16.
// MOST-LABEL: tile.plan @mean_kernel
// MOST: %[[C41:.*]] = arith.constant 41 : i64
// MOST: %[[FEW:.*]] = arith.cmpi slt, %[[ROWS:.*]], %[[C41]]
// MOST: %[[MANY:.*]] = arith.cmpi sgt, %[[ROWS]],
// MOST: %[[C16:.*]] = arith.constant 16 : i64
// MOST: arith.select %[[FEW]], %[[C16]],
// MOST: tile.launch @mean_kernel_main grid(%{{.*}}) when(%[[MANY]])
// MOST: tile.launch @mean_kernel_few_main grid(%{{.*}}) when(%[[FEW]])

// COUNT-LABEL: tile.plan @mean_kernel_count
// COUNT: tile.value "tile_rows"
// COUNT: tile.launch @mean_kernel_count_main grid(%{{.*}}) when(
// COUNT: tile.launch @mean_kernel_few_count_main grid(%{{.*}}) when(
// COUNT-LABEL: tile.kernel @mean_kernel_count_main(%counts: !tile.buffer<?x5x64xf32, global> {tile.name = "counts"})
// COUNT-NOT: tile.dot
// COUNT: tile.visit
// COUNT: tile.any_all
// COUNT: tile.copy
// COUNT-LABEL: tile.kernel @mean_kernel_few_count_main(%counts: !tile.buffer<?x5x16xf32, global> {tile.name = "counts"})
attn.kernel @mean_kernel(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                         %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                         %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x32xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  %near = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c = arith.cmpi slt, %ki, %qi : i64
    attn.yield %c : i1
  } : tensor<?x?x?x?xi1>
  %o = attn.reduce @mean scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>) where(%near : tensor<?x?x?x?xi1>) outputs ["o"] -> tensor<?x?x?x32xf32>
  attn.return %o : tensor<?x?x?x32xf32>
}
