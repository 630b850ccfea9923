// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" | FileCheck %s

// One function answers all queries of the image: at each level it reads the pairs of both ends.
// CHECK-LABEL: llvm.func internal @attile_range_of(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64) -> !llvm.struct<(i64, i64)>
// CHECK: scf.while
// CHECK-COUNT-2: scf.for
// CHECK-NOT: llvm.func internal

// CHECK-LABEL: llvm.func @summarize
tile.kernel @summarize(%doc: !tile.buffer<?x?xi32, global> {tile.name = "doc"}, %s: !tile.buffer<?x?x2xi64, global> {tile.name = "doc.summary"}) {
  %row = tile.block_index
  // Level 0 reads elements, the levels above read pairs.
  // CHECK: scf.for
  // CHECK: scf.for
  // CHECK: arith.extsi %{{.*}} : i32 to i64
  // CHECK: scf.while
  // CHECK: scf.for
  tile.summarize %s, %doc row %row block 64 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?x?xi32, global>
  tile.return
}

// Both ends are clamped; an empty tensor reads as 0, and its range is empty: block 1 to block 0.
// CHECK-LABEL: llvm.func @query
tile.kernel @query(%doc: !tile.buffer<?x?xi32, global> {tile.name = "doc"}, %s: !tile.buffer<?x?x2xi64, global> {tile.name = "doc.summary"},
                   %out: !tile.buffer<16xi64, global> {tile.name = "out"}) {
  %b = tile.block_index
  %n = tile.size "kv_len"
  // CHECK: %[[EMPTY:.*]] = arith.cmpi eq
  // CHECK: %[[FIRST:.*]] = arith.select %[[EMPTY]], %c64
  // CHECK: llvm.call @attile_range_of(%{{.*}}, %{{.*}}, %[[FIRST]]
  // CHECK: arith.select %[[EMPTY]]
  // CHECK: arith.select %[[EMPTY]]
  %min, %max = tile.range_of %s of %doc[%b] from %b to %n block 64 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?x?xi32, global>
  tile.return
}
