// RUN: attile-opt %s --fuse-masks | FileCheck %s
// A mask is evaluated where scores meet it.

// CHECK-LABEL: tile.kernel @causal
// CHECK-NOT: xi1
tile.kernel @causal() {
  %c0 = arith.constant 0 : i64
  %kv = tile.size "kv_len"
  %low = arith.constant 0xFF800000 : f32
  %s = tile.alloc : !tile.buffer<16x32xf32, register, fragment>
  %q = tile.alloc : !tile.buffer<16xi32, register>
  %visible = tile.alloc : !tile.buffer<16x32xi1, register, fragment>
  tile.visit keys(%c0 to %kv) tile 32 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi sle, %k0, %kv : i64
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    scf.if %full {
    } else {
      tile.generic rows(16) cols(%n) ins(%q : !tile.buffer<16xi32, register>) outs(%visible : !tile.buffer<16x32xi1, register, fragment>) {
      ^bb0(%row: i64):
        %col = tile.index 1
        %k = arith.addi %k0, %col : i64
        %in = arith.cmpi sle, %k, %row : i64
        tile.yield %in : i1
      }
    }
    tile.sync block
    scf.if %full {
    } else {
      // CHECK: tile.sync
      // CHECK: tile.generic rows(16) cols(%{{.*}}) ins(%[[S:.*]], %[[Q:.*]] : {{.*}}) outs(%[[S]]
      // CHECK: ^bb0(%[[X:.*]]: f32, %[[ROW:.*]]: i64):
      // CHECK: %[[IN:.*]] = arith.cmpi sle, %{{.*}}, %[[ROW]]
      // CHECK: arith.select %[[IN]], %[[X]]
      tile.generic rows(16) cols(%n) ins(%s, %visible : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16x32xi1, register, fragment>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
      ^bb0(%x: f32, %in: i1):
        %y = arith.select %in, %x, %low : f32
        tile.yield %y : f32
      }
    }
    tile.yield
  }
  tile.return
}

// Not where the mask's inputs change meanwhile, nor where it has not always run.
// CHECK-LABEL: tile.kernel @changing
// CHECK: outs(%[[V:.*]] : {{.*}}xi1
// CHECK: ins(%{{.*}}, %[[V]] :
// CHECK: outs(%[[W:.*]] : {{.*}}xi1
// CHECK: ins(%{{.*}}, %[[W]] :
tile.kernel @changing(%flag: i1 {tile.name = "param.flag"}) {
  %c0 = arith.constant 0 : i64
  %kv = tile.size "kv_len"
  %low = arith.constant 0xFF800000 : f32
  %s = tile.alloc : !tile.buffer<16x32xf32, register, fragment>
  %q = tile.alloc : !tile.buffer<16xi32, register>
  %p = tile.alloc : !tile.buffer<16xi32, register>
  %v = tile.alloc : !tile.buffer<16x32xi1, register, fragment>
  %w = tile.alloc : !tile.buffer<16x32xi1, register, fragment>
  tile.visit keys(%c0 to %kv) tile 32 classify {
  ^bb0(%k0: i64, %k1: i64):
    %any = arith.cmpi sle, %k0, %kv : i64
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    tile.generic rows(16) cols(%n) ins(%q : !tile.buffer<16xi32, register>) outs(%v : !tile.buffer<16x32xi1, register, fragment>) {
    ^bb0(%row: i64):
      %in = arith.cmpi sle, %k0, %row : i64
      tile.yield %in : i1
    }
    tile.fill %q, %k0 : !tile.buffer<16xi32, register>, i64
    tile.generic rows(16) cols(%n) ins(%s, %v : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16x32xi1, register, fragment>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
    ^bb0(%x: f32, %in: i1):
      %y = arith.select %in, %x, %low : f32
      tile.yield %y : f32
    }
    scf.if %flag {
      tile.generic rows(16) cols(%n) ins(%p : !tile.buffer<16xi32, register>) outs(%w : !tile.buffer<16x32xi1, register, fragment>) {
      ^bb0(%row: i64):
        %in = arith.cmpi sle, %k0, %row : i64
        tile.yield %in : i1
      }
    }
    tile.generic rows(16) cols(%n) ins(%s, %w : !tile.buffer<16x32xf32, register, fragment>, !tile.buffer<16x32xi1, register, fragment>) outs(%s : !tile.buffer<16x32xf32, register, fragment>) {
    ^bb0(%x: f32, %in: i1):
      %y = arith.select %in, %x, %low : f32
      tile.yield %y : f32
    }
    tile.yield
  }
  tile.return
}
