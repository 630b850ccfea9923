// RUN: attile-opt %s --ping-pong --canonicalize | FileCheck %s
// RUN: attile-opt %s --canonicalize | FileCheck %s --check-prefix=OFF
// OFF-NOT: tile.role_index

// The first turn is the first warpgroup's: the second passes it on before it has had one. Hardware barriers up to 2 are those
// of the two roles.
// CHECK-LABEL: tile.kernel @two
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: tile.roles
// CHECK-NEXT: %[[WHO:.*]] = tile.role_index
// CHECK-NEXT: %[[LAST:.*]] = arith.cmpi eq, %[[WHO]], %[[ONE]] : i64
// CHECK-NEXT: %[[AFTER:.*]] = arith.addi %[[WHO]], %[[ONE]] : i64
// CHECK-NEXT: %[[OTHER:.*]] = arith.select %[[LAST]], %[[ZERO]], %[[AFTER]] : i64
// CHECK-NEXT: scf.if %[[LAST]] {
// CHECK-NEXT: tile.sync role id 3 plus %[[OTHER]] groups 2 arrive
// CHECK-NEXT: }
// CHECK: scf.for
// A turn lasts until both products have started.
// CHECK: tile.sync role id 3 plus %[[WHO]] groups 2{{$}}
// CHECK-NEXT: tile.dot_async {{.*}} transpose_b
// CHECK-NEXT: scf.if
// CHECK-NEXT: tile.dot_async
// CHECK-NEXT: tile.sync role id 3 plus %[[OTHER]] groups 2 arrive
// CHECK-NEXT: tile.wait
// CHECK-NEXT: } else {
// CHECK-NEXT: tile.sync role id 3 plus %[[OTHER]] groups 2 arrive
// CHECK-NEXT: tile.wait
// CHECK-NEXT: }
// CHECK-NEXT: tile.wait
// CHECK-NOT: tile.sync
// CHECK: tile.return
tile.kernel @two(%n: i64 {tile.name = "param.n"}) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %q = tile.alloc : !tile.buffer<128x64xbf16, shared, swizzle_128>
  %k = tile.alloc : !tile.buffer<64x64xbf16, shared, swizzle_128>
  %s = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  %w = tile.alloc : !tile.buffer<128x64xbf16, register, fragment>
  %o = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  tile.roles [#tile.role<consumer : 2 warpgroup>, #tile.role<producer : 1 warpgroup>] {
    scf.for %i = %c0 to %n step %c1 : i64 {
      %due = arith.cmpi sgt, %i, %c0 : i64
      tile.dot_async %s, %q, %k transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128>
      scf.if %due {
        tile.dot_async %o, %w, %k accumulate : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, register, fragment>, !tile.buffer<64x64xbf16, shared, swizzle_128>
        tile.wait of(%s : !tile.buffer<128x64xf32, register, fragment>)
      } else {
        tile.wait of(%s : !tile.buffer<128x64xf32, register, fragment>)
      }
      tile.wait of(%o : !tile.buffer<128x64xf32, register, fragment>)
    }
    tile.yield
  }, {
    tile.yield
  }
  tile.return
}

// Three pass turns round, at barriers behind those of three roles; one has nobody to take turns with, and complete products
// hide nothing.
// CHECK-LABEL: tile.kernel @others
// CHECK: tile.roles
// CHECK-NOT: tile.sync
// CHECK: }, {
// CHECK-NOT: tile.sync
// CHECK: }, {
// CHECK: arith.cmpi eq, %{{.*}}, %c2
// CHECK: tile.sync role id 4 plus %[[NEXT:.*]] groups 2 arrive
// CHECK: tile.sync role id 4 plus %{{.*}} groups 2{{$}}
// CHECK: tile.sync role id 4 plus %[[NEXT]] groups 2 arrive
// CHECK: tile.return
tile.kernel @others(%n: i64 {tile.name = "param.n"}) {
  %q = tile.alloc : !tile.buffer<128x64xbf16, shared, swizzle_128>
  %k = tile.alloc : !tile.buffer<64x64xbf16, shared, swizzle_128>
  %s = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  tile.roles [#tile.role<one : 1 warpgroup>, #tile.role<two : 2 warpgroup>, #tile.role<three : 3 warpgroup>] {
    tile.dot_async %s, %q, %k transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128>
    tile.wait of(%s : !tile.buffer<128x64xf32, register, fragment>)
    tile.yield
  }, {
    tile.dot %s, %q, %k transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128>
    tile.yield
  }, {
    tile.dot_async %s, %q, %k transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128>
    tile.wait of(%s : !tile.buffer<128x64xf32, register, fragment>)
    tile.yield
  }
  tile.return
}
