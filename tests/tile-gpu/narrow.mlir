// RUN: attile-opt %s --narrow-integers --canonicalize | FileCheck %s
// Positions are computed in 32 bits, where their ranges allow it.

// CHECK-LABEL: tile.kernel @window
tile.kernel @window(%window: i64 {tile.name = "param.window"}) {
  %lo = tile.size "q_len"
  %hi = tile.size "kv_len"
  %c64 = arith.constant 64 : i64
  %q = tile.alloc : !tile.buffer<16xi32, register>
  %v = tile.alloc : !tile.buffer<16x64xi1, register, fragment>
  // CHECK-DAG: %[[LO:.*]] = arith.trunci %{{.*}} : i64 to i32
  // CHECK-DAG: %[[HI:.*]] = arith.trunci %{{.*}} : i64 to i32
  // CHECK: scf.for %[[AT:.*]] = %[[LO]] to %[[HI]] step %{{.*}} : i32 {
  scf.for %at = %lo to %hi step %c64 : i64 {
    // A param may be anything: it is brought into reach, where it compares as before.
    // CHECK: %[[LIMIT:.*]] = arith.trunci %{{.*}} : i64 to i32
    // CHECK: tile.generic
    // CHECK: ^bb0(%[[ROW:.*]]: i64):
    // CHECK: %[[Q:.*]] = arith.trunci %[[ROW]] : i64 to i32
    // CHECK: %[[K:.*]] = arith.addi %[[AT]], %{{.*}} : i32
    // CHECK: %[[D:.*]] = arith.subi %[[Q]], %[[K]] : i32
    // CHECK: arith.cmpi slt, %[[D]], %[[LIMIT]] : i32
    tile.generic rows(16) cols(%c64) ins(%q : !tile.buffer<16xi32, register>) outs(%v : !tile.buffer<16x64xi1, register, fragment>) {
    ^bb0(%row: i64):
      %col = tile.index 1
      %k = arith.addi %at, %col : i64
      %d = arith.subi %row, %k : i64
      %in = arith.cmpi slt, %d, %window : i64
      tile.yield %in : i1
    }
  }
  tile.return
}

// Sums with a param, products of sizes, and loops to a param stay in 64 bits; so does a comparison of a param with one.
// CHECK-LABEL: tile.kernel @wide
// CHECK-NOT: i32{{$}}
// CHECK: tile.return
tile.kernel @wide(%n: i64 {tile.name = "param.n"}) {
  %len = tile.size "kv_len"
  %c1 = arith.constant 1 : i64
  %s = tile.alloc : !tile.buffer<16xf32, register>
  %area = arith.muli %len, %len : i64
  scf.for %at = %area to %n step %c1 : i64 {
    tile.generic rows(16) outs(%s : !tile.buffer<16xf32, register>) {
      %sum = arith.addi %at, %n : i64
      %more = arith.cmpi slt, %sum, %area : i64
      %x = arith.uitofp %more : i1 to f32
      tile.yield %x : f32
    }
  }
  tile.return
}

// A loop that begins beyond its end does nothing, also in 32 bits.
// CHECK-LABEL: tile.kernel @beyond
// CHECK: %[[FIRST:.*]] = arith.minsi
// CHECK: %[[NARROW:.*]] = arith.trunci %[[FIRST]]
// CHECK: scf.for %{{.*}} = %[[NARROW]] to
tile.kernel @beyond(%o: !tile.buffer<16xf32, global> {tile.name = "o"}) {
  %len = tile.size "kv_len"
  %c1 = arith.constant 1 : i64
  %zero = arith.constant 0.0 : f32
  %area = arith.muli %len, %len : i64
  scf.for %at = %area to %len step %c1 : i64 {
    tile.fill %o, %zero : !tile.buffer<16xf32, global>, f32
  }
  tile.return
}

// Positions divided by a param, which may be anything: the quotient is that by the nearest divisor of 32 bits, which greater
// ones have, too.
// CHECK-LABEL: tile.kernel @grid
// CHECK-DAG: %[[MOST:.*]] = arith.constant 2147483646 : i64
// CHECK-DAG: %[[LEAST:.*]] = arith.constant -2147483647 : i64
// CHECK: %[[MIN:.*]] = arith.minsi %param.width, %[[MOST]] : i64
// CHECK: %[[MAX:.*]] = arith.maxsi %[[MIN]], %[[LEAST]] : i64
// CHECK: %[[WIDTH:.*]] = arith.trunci %[[MAX]] : i64 to i32
// CHECK: tile.generic
// CHECK: arith.floordivsi %{{.*}}, %[[WIDTH]] : i32
// A divisor that is computed for each element is clamped there; a dividend that may be anything stays.
// CHECK: arith.minsi
// CHECK: arith.divsi %{{.*}}, %{{.*}} : i32
// CHECK: arith.divsi %{{.*}}, %{{.*}} : i64
tile.kernel @grid(%width: i64 {tile.name = "param.width"}) {
  %c64 = arith.constant 64 : i64
  %q = tile.alloc : !tile.buffer<16xi32, register>
  %v = tile.alloc : !tile.buffer<16x64xi1, register, fragment>
  tile.generic rows(16) cols(%c64) ins(%q : !tile.buffer<16xi32, register>) outs(%v : !tile.buffer<16x64xi1, register, fragment>) {
  ^bb0(%row: i64):
    %col = tile.index 1
    %y = arith.floordivsi %row, %width : i64
    %sum = arith.addi %width, %col : i64
    %z = arith.divsi %row, %sum : i64
    %wide = arith.divsi %sum, %row : i64
    %one = arith.cmpi slt, %y, %z : i64
    %two = arith.cmpi slt, %wide, %y : i64
    %both = arith.andi %one, %two : i1
    tile.yield %both : i1
  }
  tile.return
}
