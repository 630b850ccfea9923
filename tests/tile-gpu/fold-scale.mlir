// RUN: attile-opt %s --fold-scale | FileCheck %s
// Scores that are only scaled stay as the product has left them; weights' multiply-adds scale them.

!scores = !tile.buffer<16x32xf32, register, fragment>
!rows = !tile.buffer<16xf32, register>

// CHECK-LABEL: tile.kernel @causal
tile.kernel @causal(%n: i64 {tile.name = "param.n"}, %full: i1 {tile.name = "param.full"}) {
  %ninf = arith.constant 0xFF800000 : f32
  %half = arith.constant 0.5 : f32
  %k = arith.constant 2.0 : f32
  // CHECK: %[[RAW:.*]] = tile.alloc : <16xf32, register>
  // CHECK-NEXT: %[[S:.*]] = tile.alloc : <16x32xf32
  %s = tile.alloc : !scores
  %m = tile.alloc : !rows
  %w = tile.alloc : !scores
  %q = tile.alloc : !tile.buffer<16x64xbf16, shared, swizzle_128>
  %keys = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  tile.dot %s, %q, %keys transpose_b : !scores, !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<32x64xbf16, shared, swizzle_128>
  // CHECK: scf.if
  scf.if %full {
    // CHECK: tile.fill %[[RAW]], %{{.*}}
    // CHECK-NEXT: tile.generic rows(16) cols(%{{.*}}) ins(%[[S]] {{.*}}) outs(%[[S]] {{.*}}) reduces(%[[RAW]] {{.*}}) combiners [#tile.combiner<max>] {
    // CHECK-NEXT: ^bb0(%[[X:.*]]: f32):
    // CHECK-NEXT: tile.yield %[[X]], %[[X]]
    // CHECK: tile.generic rows(16) ins(%[[M:.*]], %[[RAW]] {{.*}}) outs(%[[M]] {{.*}}) {
    // CHECK-NEXT: ^bb0(%[[OLD:.*]]: f32, %[[NEW:.*]]: f32):
    // CHECK-NEXT: %[[C:.*]] = arith.constant 5.000000e-01
    // CHECK-NEXT: %[[SCALED:.*]] = arith.mulf %[[NEW]], %[[C]]
    // CHECK-NEXT: %[[MAX:.*]] = arith.maxnumf %[[OLD]], %[[SCALED]]
    // CHECK-NEXT: tile.yield %[[MAX]]
    tile.generic rows(16) cols(%n) ins(%s : !scores) outs(%s : !scores) reduces(%m : !rows) combiners [#tile.combiner<max>] {
    ^bb0(%x: f32):
      %y = arith.mulf %x, %half : f32
      tile.yield %y, %y : f32, f32
    }
  } else {
    // CHECK: reduces(%[[RAW]]
    // CHECK: %[[Y:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
    // CHECK-NEXT: tile.yield %[[Y]], %[[Y]]
    tile.generic rows(16) cols(%n) ins(%s : !scores) outs(%s : !scores) reduces(%m : !rows) combiners [#tile.combiner<max>] {
    ^bb0(%x: f32):
      %col = tile.index 1
      %row = tile.index 0
      %visible = arith.cmpi sle, %col, %row : i64
      %y = arith.mulf %x, %half : f32
      %z = arith.select %visible, %y, %ninf : f32
      tile.yield %z, %z : f32, f32
    }
  }
  // CHECK: %[[BOTH:.*]] = arith.constant 1.000000e+00 : f32
  // CHECK-NEXT: math.fma %{{.*}}, %[[BOTH]], %{{.*}}
  tile.generic rows(16) cols(%n) ins(%s, %m : !scores, !rows) outs(%w : !scores) {
  ^bb0(%x: f32, %max: f32):
    %r = arith.mulf %max, %k : f32
    %d = arith.negf %r : f32
    %e = math.fma %x, %k, %d : f32
    %p = math.exp2 %e : f32
    tile.yield %p : f32
  }
  tile.return
}

// Scores that something else reads keep their scale, as do those whose factor may be negative.
// CHECK-LABEL: tile.kernel @others
tile.kernel @others(%n: i64 {tile.name = "param.n"}, %scale: f32 {tile.name = "param.scale"}) {
  %half = arith.constant 0.5 : f32
  %k = arith.constant 2.0 : f32
  %m = tile.alloc : !rows
  %w = tile.alloc : !scores
  %q = tile.alloc : !tile.buffer<16x64xbf16, shared, swizzle_128>
  %keys = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  %s = tile.alloc : !scores
  tile.dot %s, %q, %keys transpose_b : !scores, !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<32x64xbf16, shared, swizzle_128>
  // CHECK-NOT: tile.fill
  // CHECK: arith.mulf
  tile.generic rows(16) cols(%n) ins(%s : !scores) outs(%s : !scores) reduces(%m : !rows) combiners [#tile.combiner<max>] {
  ^bb0(%x: f32):
    %y = arith.mulf %x, %half : f32
    tile.yield %y, %y : f32, f32
  }
  // CHECK: math.exp
  tile.generic rows(16) cols(%n) ins(%s : !scores) outs(%w : !scores) {
  ^bb0(%x: f32):
    %p = math.exp %x : f32
    tile.yield %p : f32
  }
  %t = tile.alloc : !scores
  tile.dot %t, %q, %keys transpose_b : !scores, !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<32x64xbf16, shared, swizzle_128>
  // CHECK: arith.mulf %{{.*}}, %param.scale
  tile.generic rows(16) cols(%n) ins(%t : !scores) outs(%t : !scores) reduces(%m : !rows) combiners [#tile.combiner<max>] {
  ^bb0(%x: f32):
    %y = arith.mulf %x, %scale : f32
    tile.yield %y, %y : f32, f32
  }
  tile.generic rows(16) cols(%n) ins(%t, %m : !scores, !rows) outs(%w : !scores) {
  ^bb0(%x: f32, %max: f32):
    %r = arith.mulf %max, %k : f32
    %d = arith.negf %r : f32
    %e = math.fma %x, %k, %d : f32
    %p = math.exp2 %e : f32
    tile.yield %p : f32
  }
  // CHECK: tile.return
  tile.return
}
