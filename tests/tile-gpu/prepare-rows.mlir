// RUN: attile-opt %s --prepare-rows | FileCheck %s
// What a row's elements have in common is computed once for the row.

// CHECK-LABEL: tile.kernel @weights
tile.kernel @weights(%n: i64 {tile.name = "param.n"}) {
  %s = tile.alloc : !tile.buffer<16x32xf32, register, fragment>
  %m = tile.alloc : !tile.buffer<16xf32, register>
  // CHECK: ^bb0(%[[S:.*]]: f32, %[[M:.*]]: f32):
  // CHECK: %[[LOG2E:.*]] = arith.constant 1.44269502 : f32
  // CHECK: %[[SCALED:.*]] = arith.mulf %[[M]], %[[LOG2E]]
  // CHECK: %[[ROW:.*]] = arith.negf %[[SCALED]]
  // CHECK: %[[X:.*]] = math.fma %[[S]], %[[LOG2E]], %[[ROW]]
  // CHECK: %[[P:.*]] = math.exp2 %[[X]]
  // CHECK-NEXT: tile.yield %[[P]]
  tile.generic rows(16) cols(%n) ins(%s, %m : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16xf32, register>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
  ^bb0(%x: f32, %max: f32):
    %d = arith.subf %x, %max : f32
    %p = math.exp %d : f32
    tile.yield %p : f32
  }
  // CHECK: ^bb0(%[[O:.*]]: f32, %[[L:.*]]: f32):
  // CHECK: %[[ONE:.*]] = arith.constant 1.0{{.*}} : f32
  // CHECK: %[[INVERSE:.*]] = arith.divf %[[ONE]], %[[L]]
  // CHECK: %[[Y:.*]] = arith.mulf %[[O]], %[[INVERSE]]
  // CHECK-NEXT: tile.yield %[[Y]]
  tile.generic rows(16) cols(%n) ins(%s, %m : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16xf32, register>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
  ^bb0(%x: f32, %sum: f32):
    %y = arith.divf %x, %sum : f32
    tile.yield %y : f32
  }
  // A scalar is the same for all rows, too; what depends on the column is none.
  // CHECK: ^bb0(%[[A:.*]]: f32):
  // CHECK: %[[COUNT:.*]] = arith.sitofp %param.n
  // CHECK: %[[SHARE:.*]] = arith.divf %{{.*}}, %[[COUNT]]
  // CHECK: arith.mulf %[[A]], %[[SHARE]]
  // CHECK: %[[COL:.*]] = arith.sitofp
  // CHECK: arith.divf %[[A]], %[[COL]]
  tile.generic rows(16) cols(%n) ins(%s : !tile.buffer<16x32xf32, register, fragment>) outs(%s, %s : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16x32xf32, register, fragment>) {
  ^bb0(%x: f32):
    %count = arith.sitofp %n : i64 to f32
    %mean = arith.divf %x, %count : f32
    %col = tile.index 1
    %number = arith.sitofp %col : i64 to f32
    %y = arith.divf %x, %number : f32
    tile.yield %mean, %y : f32, f32
  }
  tile.return
}

// A row's own values, and what is not a difference with them, stay exact.
// CHECK-LABEL: tile.kernel @rows
tile.kernel @rows(%n: i64 {tile.name = "param.n"}) {
  %s = tile.alloc : !tile.buffer<16x32xf32, register, fragment>
  %m = tile.alloc : !tile.buffer<16xf32, register>
  %l = tile.alloc : !tile.buffer<16xf32, register>
  // CHECK: math.exp %
  // CHECK: arith.divf %
  // CHECK-NOT: math.exp2
  tile.generic rows(16) ins(%m, %l : !tile.buffer<16xf32, register>, !tile.buffer<16xf32, register>) outs(%l : !tile.buffer<16xf32, register>) {
  ^bb0(%old: f32, %new: f32):
    %d = arith.subf %old, %new : f32
    %p = math.exp %d : f32
    %r = arith.divf %p, %new : f32
    tile.yield %r : f32
  }
  // CHECK: math.exp %
  tile.generic rows(16) cols(%n) ins(%s, %m : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16xf32, register>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
  ^bb0(%x: f32, %max: f32):
    %p = math.exp %x : f32
    tile.yield %p : f32
  }
  tile.return
}
