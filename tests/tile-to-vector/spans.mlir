// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" | FileCheck %s
// Dots within spans: each register block walks the keys that its own rows need.

// CHECK-LABEL: llvm.func @spans
tile.kernel @spans(%v: !tile.buffer<?x?x?x4xf32, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 48, dot_rows = 32, score_keys = 3, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<64x128xf32, local, col_major>
  %k = tile.alloc : !tile.buffer<48x128xf32, local>
  %s = tile.alloc : !tile.buffer<64x48xf32, local, col_major>
  %o = tile.alloc : !tile.buffer<64x4xf32, local, col_major>
  %seen = tile.alloc : !tile.buffer<64x48xi1, local, col_major>
  %first = tile.alloc : !tile.buffer<64xi64, local>
  %last = tile.alloc : !tile.buffer<64xi64, local>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x4xf32, global> -> !tile.buffer<?x4xf32, global>
  // The flags of 32 rows are one number for each key.
  // CHECK: scf.for %{{.*}} step %c32
  // CHECK: %[[SPAN:.*]]:2 = scf.for %[[C:.*]] = %{{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %c0{{.*}})
  // CHECK: llvm.load {{.*}} -> i32
  // CHECK: arith.cmpi ne
  // A span without keys is (0, 0).
  // CHECK: %[[FIRST:.*]] = arith.minsi %[[SPAN]]#0, %[[SPAN]]#1
  // CHECK: vector.broadcast %[[FIRST]] : i64 to vector<16xi64>
  // CHECK: vector.broadcast %[[SPAN]]#1 : i64 to vector<16xi64>
  tile.spans %first, %last of %seen cols(%n) group 32 : !tile.buffer<64xi64, local>, !tile.buffer<64x48xi1, local, col_major>
  // Whole blocks of 3 keys from the first one, moved back where they would leave the tile of 48.
  // CHECK: scf.for %{{.*}} step %c32
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> i64
  // CHECK: %[[Z:.*]] = llvm.load {{.*}} -> i64
  // CHECK: %[[LENGTH:.*]] = arith.subi %[[Z]], %[[A]]
  // CHECK: arith.divui
  // CHECK: %[[WHOLE:.*]] = arith.muli
  // CHECK: %[[LATEST:.*]] = arith.subi %c48{{.*}}, %[[WHOLE]]
  // CHECK: %[[LO:.*]] = arith.minsi %[[A]], %[[LATEST]]
  // CHECK: %[[HI:.*]] = arith.addi %[[LO]], %[[WHOLE]]
  // CHECK: scf.for %{{.*}} = %[[LO]] to %[[HI]] step %c3
  tile.dot %s, %q, %k within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) transpose_b : !tile.buffer<64x48xf32, local, col_major>, !tile.buffer<64x128xf32, local, col_major>, !tile.buffer<48x128xf32, local>
  // Columns two by two, as dots of pairs take them.
  // CHECK: scf.for %{{.*}} step %c32
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> i64
  // CHECK: %[[LO:.*]] = arith.andi %[[A]], %c-2
  // CHECK: %[[Z:.*]] = llvm.load {{.*}} -> i64
  // CHECK: %[[PAST:.*]] = arith.addi %[[Z]], %c1
  // CHECK: %[[EVEN:.*]] = arith.andi %[[PAST]], %c-2
  // CHECK: %[[HI:.*]] = arith.minsi %[[EVEN]], %{{.*}}
  // CHECK: scf.for %{{.*}} = %[[LO]] to %[[HI]] step
  tile.generic rows(64) cols(%n) within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) ins(%s : !tile.buffer<64x48xf32, local, col_major>) outs(%s : !tile.buffer<64x48xf32, local, col_major>) {
  ^bb0(%x: f32):
    tile.yield %x : f32
  }
  // CHECK: scf.for %{{.*}} step %c32
  // CHECK: %[[A:.*]] = llvm.load {{.*}} -> i64
  // CHECK: %[[Z:.*]] = llvm.load {{.*}} -> i64
  // CHECK: scf.for %{{.*}} = %[[A]] to %[[Z]] step %{{.*}} -> (vector<16xf32>
  tile.dot %o, %s, %vt within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) accumulate : !tile.buffer<64x4xf32, local, col_major>, !tile.buffer<64x48xf32, local, col_major>, !tile.buffer<?x4xf32, global>
  tile.return
}
