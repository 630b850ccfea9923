// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" -split-input-file | FileCheck %s
// Each value is computed where it varies: once, by row, by column, or for both.

!tile = !tile.buffer<32x48xf32, local, col_major>
!row = !tile.buffer<32xf32, local>

// CHECK-LABEL: llvm.func @where
tile.kernel @where(%bias: !tile.buffer<?xf32, global> {tile.name = "bias"}, %cap: f32 {tile.name = "param.cap"}, %n: i64 {tile.name = "param.n"}) {
  %s = tile.alloc : !tile
  %m = tile.alloc : !row
  // Uniform: before all loops, as a scalar.
  // CHECK: arith.divf %{{.*}} : f32
  // CHECK: scf.for
  // By row: before the loop over columns, as vectors.
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK: arith.negf %{{.*}} : vector<16xf32>
  // The maximum goes on from its old value.
  // CHECK: %[[OLD:.*]] = llvm.load {{.*}} -> vector<16xf32>
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[OLD]]) -> (vector<16xf32>)
  // By column: a scalar in the loop.
  // CHECK: arith.mulf %{{.*}} : f32
  // Both: vectors in the loop.
  // CHECK: arith.addf %{{.*}} : vector<16xf32>
  // CHECK: arith.mulf %{{.*}} : vector<16xf32>
  // CHECK: arith.cmpf ogt
  tile.generic rows(32) cols(%n) ins(%s, %m : !tile, !row) outs(%s : !tile) reduces(%m : !row) combiners [#tile.combiner<max>] {
  ^bb0(%x: f32, %r: f32):
    %one = arith.constant 1.0 : f32
    %uniform = arith.divf %one, %cap : f32
    %byrow = arith.negf %r : f32
    %j = tile.index 1
    %b = tile.lookup %bias[%j] : !tile.buffer<?xf32, global> -> f32
    %bycolumn = arith.mulf %b, %uniform : f32
    %y = arith.addf %x, %byrow : f32
    %z = arith.mulf %y, %bycolumn : f32
    tile.yield %z, %z : f32, f32
  }
  tile.return
}

// -----

// Sums start from zero and meet the old value after the loop.
// CHECK-LABEL: llvm.func @sums
tile.kernel @sums(%n: i64 {tile.name = "param.n"}) {
  %s = tile.alloc : !tile.buffer<16x48xf32, local, col_major>
  %l = tile.alloc : !tile.buffer<16xf32, local>
  // CHECK: %[[ZERO:.*]] = vector.broadcast %{{.*}} : f32 to vector<16xf32>
  // CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]])
  // CHECK: scf.yield
  // CHECK: %[[OLD:.*]] = llvm.load {{.*}} -> vector<16xf32>
  // CHECK: %[[NEW:.*]] = arith.addf %[[OLD]], %[[SUM]]
  // CHECK: llvm.store %[[NEW]]
  tile.generic rows(16) cols(%n) ins(%s : !tile.buffer<16x48xf32, local, col_major>) reduces(%l : !tile.buffer<16xf32, local>) combiners [#tile.combiner<add>] {
  ^bb0(%x: f32):
    tile.yield %x : f32
  }
  tile.return
}

// -----

// Positions are computed in 32 bits; a scalar of any size is clamped before it is compared with them, so that the
// comparison stays exact.
// CHECK-LABEL: llvm.func @causal
tile.kernel @causal(%n: i64 {tile.name = "param.n"}, %window: i64 {tile.name = "param.window"}) {
  %q = tile.alloc : !tile.buffer<16xi64, local>
  %see = tile.alloc : !tile.buffer<16x48xi1, local, col_major>
  // CHECK: arith.trunci %{{.*}} : vector<16xi64> to vector<16xi32>
  // CHECK: %[[D:.*]] = arith.subi %{{.*}} : vector<16xi32>
  // CHECK: %[[LO:.*]] = arith.constant -2147483648 : i64
  // CHECK: %[[UP:.*]] = arith.maxsi %{{.*}}, %[[LO]] : i64
  // CHECK: %[[HI:.*]] = arith.constant 2147483647 : i64
  // CHECK: %[[CLAMPED:.*]] = arith.minsi %[[UP]], %[[HI]] : i64
  // CHECK: %[[NARROW:.*]] = arith.trunci %[[CLAMPED]] : i64 to i32
  // CHECK: %[[SPLAT:.*]] = vector.broadcast %[[NARROW]] : i32 to vector<16xi32>
  // CHECK: %[[BIT:.*]] = arith.cmpi slt, %[[D]], %[[SPLAT]] : vector<16xi32>
  // A mask has one bit per element.
  // CHECK: vector.bitcast %[[BIT]] : vector<16xi1> to vector<1xi16>
  tile.generic rows(16) cols(%n) ins(%q : !tile.buffer<16xi64, local>) outs(%see : !tile.buffer<16x48xi1, local, col_major>) {
  ^bb0(%i: i64):
    %j = tile.index 1
    %d = arith.subi %i, %j : i64
    %c = arith.cmpi slt, %d, %window : i64
    tile.yield %c : i1
  }
  // any, all: ORs and ANDs of 16 bits at a time.
  // CHECK: scf.for {{.*}} -> (i16, i16)
  // CHECK: arith.ori %{{.*}} : i16
  // CHECK: arith.andi %{{.*}} : i16
  // CHECK: arith.cmpi ne, %{{.*}} : i16
  // CHECK: arith.cmpi eq, %{{.*}} : i16
  %any, %all = tile.any_all %see cols(%n) : !tile.buffer<16x48xi1, local, col_major>
  tile.return
}

// -----

// What 32 bits may not hold is computed in 64; unsigned comparisons are not narrowed by clamping.
// CHECK-LABEL: llvm.func @wide
tile.kernel @wide(%table: !tile.buffer<?xi64, global> {tile.name = "table"}, %big: i64 {tile.name = "param.big"}) {
  %out = tile.alloc : !tile.buffer<16xi64, local>
  // CHECK: arith.muli %{{.*}} : vector<16xi64>
  // CHECK: arith.cmpi ult, %{{.*}} : vector<16xi64>
  tile.generic rows(16) outs(%out : !tile.buffer<16xi64, local>) {
    %i = tile.index 0
    %x = tile.lookup %table[%i] : !tile.buffer<?xi64, global> -> i64
    %y = arith.muli %x, %i : i64
    %c = arith.cmpi ult, %i, %big : i64
    %z = arith.select %c, %y, %i : i64
    tile.yield %z : i64
  }
  tile.return
}

// -----

// Division in 32 bits is one of f64, rounded down; of what is not negative without the rounding. A narrow shift stops
// at 31 bits.
// CHECK-LABEL: llvm.func @divide
tile.kernel @divide(%n: i64 {tile.name = "param.n"}) {
  %q = tile.alloc : !tile.buffer<16xi64, local>
  %out = tile.alloc : !tile.buffer<16xi64, local>
  // CHECK: arith.divf %{{.*}} : vector<16xf64>
  // CHECK-NOT: math.floor
  // CHECK: arith.fptosi %{{.*}} : vector<16xf64> to vector<16xi32>
  // CHECK: arith.divf %{{.*}} : vector<16xf64>
  // CHECK: math.floor
  // CHECK: %[[C:.*]] = arith.constant 31 : i32
  // CHECK: %[[MOST:.*]] = vector.broadcast %[[C]]
  // CHECK: %[[AMOUNT:.*]] = arith.minsi %{{.*}}, %[[MOST]] : vector<16xi32>
  // CHECK: arith.shrsi %{{.*}}, %[[AMOUNT]] : vector<16xi32>
  tile.generic rows(16) ins(%q : !tile.buffer<16xi64, local>) outs(%out : !tile.buffer<16xi64, local>) {
  ^bb0(%i: i64):
    %c7 = arith.constant 7 : i64
    %c40 = arith.constant 40 : i64
    %up = arith.floordivsi %i, %c7 : i64
    %less = arith.subi %up, %c40 : i64
    %down = arith.floordivsi %less, %c7 : i64
    %r = arith.shrsi %down, %c40 : i64
    tile.yield %r : i64
  }
  tile.return
}

// -----

// Eight rows: a vector holds two columns. What varies by row is repeated, what varies by column is a scalar for each; past
// the last column it is repeated, and does not count.
// CHECK-LABEL: llvm.func @two_columns
tile.kernel @two_columns(%bias: !tile.buffer<?xf32, global> {tile.name = "bias"}, %n: i64 {tile.name = "param.n"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %s = tile.alloc : !tile.buffer<8x48xf32, local, col_major>
  %full = tile.alloc : !tile.buffer<8x48xi1, local, col_major>
  %m = tile.alloc : !tile.buffer<8xf32, local>
  // CHECK: scf.for
  // CHECK: %[[ROWS:.*]] = llvm.load {{.*}} -> vector<8xf32>
  // CHECK: vector.shuffle %[[ROWS]], %[[ROWS]] [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]
  // CHECK: %[[OLD:.*]] = llvm.load {{.*}} -> vector<8xf32>
  // CHECK: %[[BOTH:.*]] = vector.shuffle %[[OLD]], %[[OLD]]
  // CHECK: %[[MAX:.*]] = scf.for %[[C:.*]] = {{.*}} iter_args(%[[CARRIED:.*]] = %[[BOTH]]) -> (vector<16xf32>)
  // CHECK: arith.minsi
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK: %[[FIRST:.*]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
  // CHECK: %[[SECOND:.*]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
  // CHECK: vector.shuffle %[[FIRST]], %[[SECOND]] [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
  // CHECK: %[[COUNTS:.*]] = arith.cmpi slt, {{.*}} : vector<16xi32>
  // CHECK: %[[COUNTED:.*]] = arith.select %[[COUNTS]], %{{.*}}, %{{.*}} : vector<16xi1>, vector<16xf32>
  // CHECK: arith.cmpf ogt, %[[COUNTED]], %[[CARRIED]]
  // Sixteen bits, two columns.
  // CHECK: vector.bitcast %{{.*}} : vector<16xi1> to vector<1xi16>
  // CHECK: scf.yield
  // CHECK: vector.extract_strided_slice %[[MAX]] {offsets = [0], sizes = [8]
  // CHECK: vector.extract_strided_slice %[[MAX]] {offsets = [8], sizes = [8]
  // CHECK: llvm.store {{.*}} : vector<8xf32>
  tile.generic rows(8) cols(%n) ins(%s, %m : !tile.buffer<8x48xf32, local, col_major>, !tile.buffer<8xf32, local>) outs(%full : !tile.buffer<8x48xi1, local, col_major>) reduces(%m : !tile.buffer<8xf32, local>) combiners [#tile.combiner<max>] {
  ^bb0(%x: f32, %r: f32):
    %j = tile.index 1
    %b = tile.lookup %bias[%j] : !tile.buffer<?xf32, global> -> f32
    %y = arith.addf %x, %r : f32
    %z = arith.addf %y, %b : f32
    %c = arith.cmpf ogt, %z, %r : f32
    tile.yield %c, %z : i1, f32
  }
  tile.return
}

// -----

// An odd number of columns could not be stored two by two.
// CHECK-LABEL: llvm.func @odd_columns
tile.kernel @odd_columns(%n: i64 {tile.name = "param.n"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %s = tile.alloc : !tile.buffer<8x47xf32, local, col_major>
  // CHECK: llvm.store {{.*}} : vector<8xf32>
  tile.generic rows(8) cols(%n) ins(%s : !tile.buffer<8x47xf32, local, col_major>) outs(%s : !tile.buffer<8x47xf32, local, col_major>) {
  ^bb0(%x: f32):
    %y = arith.addf %x, %x : f32
    tile.yield %y : f32
  }
  tile.return
}
