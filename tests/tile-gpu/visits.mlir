// RUN: attile-opt %s --lower-visits | FileCheck %s
// Loops over tiles, classified one by one; a cut tile counts as partial.

// CHECK-LABEL: tile.kernel @causal
tile.kernel @causal(%last: i64 {tile.name = "param.last"}) {
  %lo = tile.size "q_len"
  %hi = tile.size "kv_len"
  %zero = arith.constant 0.0 : f32
  %s = tile.alloc : !tile.buffer<16x64xf32, register, fragment>
  // CHECK: %[[STEP:.*]] = arith.constant 64 : i64
  // CHECK: %[[TILE:.*]] = arith.divsi %[[LO:.*]], %[[STEP]]
  // CHECK: %[[BASE:.*]] = arith.muli %[[TILE]], %[[STEP]]
  // CHECK: %[[FIRST:.*]] = arith.minsi %[[LO]], %[[HI:.*]] : i64
  // CHECK: scf.for %[[AT:.*]] = %[[BASE]] to %[[HI]] step %[[STEP]] : i64 {
  // CHECK-NEXT: %[[K0:.*]] = arith.maxsi %[[AT]], %[[FIRST]]
  // CHECK-NEXT: %[[END:.*]] = arith.addi %[[AT]], %[[STEP]]
  // CHECK-NEXT: %[[K1:.*]] = arith.minsi %[[END]], %[[HI]]
  // CHECK: %[[ANY:.*]] = arith.cmpi sle, %[[K0]]
  // CHECK: %[[ALL:.*]] = arith.cmpi sle, %[[K1]]
  // CHECK-NEXT: %[[N:.*]] = arith.subi %[[K1]], %[[K0]]
  // CHECK-NEXT: %[[WHOLE:.*]] = arith.cmpi eq, %[[N]], %[[STEP]]
  // CHECK-NEXT: scf.if %[[ANY]] {
  // CHECK-NEXT: %[[SEEN:.*]] = arith.andi %[[ALL]], %[[WHOLE]]
  tile.visit keys(%lo to %hi) tile 64 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi sle, %k0, %last : i64
    %all = arith.cmpi sle, %k1, %last : i64
    tile.yield %any, %all : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    // The code for tiles that are wholly seen knows their width.
    // CHECK: %[[C64:.*]] = arith.constant 64 : i64
    // CHECK: scf.if %[[SEEN]] {
    // CHECK: tile.generic rows(16) cols(%[[C64]])
    // CHECK: } else {
    // CHECK: tile.generic rows(16) cols(%[[N]])
    scf.if %full {
      tile.generic rows(16) cols(%n) outs(%s : !tile.buffer<16x64xf32, register, fragment>) {
        tile.yield %zero : f32
      }
    } else {
      tile.generic rows(16) cols(%n) outs(%s : !tile.buffer<16x64xf32, register, fragment>) {
        tile.yield %zero : f32
      }
    }
    // Others are doubled.
    // CHECK: scf.if %[[WHOLE]] {
    // CHECK: tile.generic rows(16) cols(%{{.*}})
    // CHECK: } else {
    // CHECK: tile.generic rows(16) cols(%[[N]])
    tile.generic rows(16) cols(%n) outs(%s : !tile.buffer<16x64xf32, register, fragment>) {
      tile.yield %zero : f32
    }
    tile.yield
  }
  // CHECK-NOT: tile.visit
  tile.return
}
