// RUN: attile-opt %s --prefetch-tiles | FileCheck %s
// The next tile's keys are on their way while weights meet values.

// CHECK-LABEL: tile.kernel @attention
tile.kernel @attention(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                       %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"}, %last: i64 {tile.name = "param.last"}) {
  %c0 = arith.constant 0 : i64
  %c32 = arith.constant 32 : i64
  %kv = tile.size "kv_len"
  %kt = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  %vt = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  // CHECK: %[[KT:.*]] = tile.alloc
  // CHECK: %[[VT:.*]] = tile.alloc
  // CHECK: %[[SOME:.*]] = arith.cmpi slt, %[[LO:.*]], %[[HI:.*]] : i64
  // CHECK-NEXT: scf.if %[[SOME]] {
  // CHECK: %[[ANY0:.*]] = arith.cmpi sle, %[[LO]], %[[LAST:.*]] : i64
  // CHECK: scf.if %[[ANY0]] {
  // CHECK-NEXT: tile.slice %k[%{{.*}}, %{{.*}}, %[[LO]],
  // CHECK-NEXT: tile.copy_async %[[KT]]
  // CHECK-NEXT: }
  // CHECK-NEXT: scf.for %[[AT:.*]] = %[[LO]] to %[[HI]] step %[[STEP:.*]] : i64 {
  // CHECK: %[[ANY:.*]] = arith.cmpi sle, %[[AT]], %[[LAST]]
  // CHECK: scf.if %[[ANY]] {
  // CHECK-NEXT: tile.wait
  // CHECK-NEXT: tile.sync block
  // CHECK: %[[V:.*]] = tile.copy_async %[[VT]]
  // CHECK-NEXT: tile.wait %[[V]]
  // CHECK-NEXT: tile.sync block
  // CHECK: %[[AFTER:.*]] = arith.addi %[[AT]], %[[STEP]]
  // CHECK: %[[MORE:.*]] = arith.cmpi slt, %[[AFTER]], %[[HI]]
  // CHECK: %[[NEXT:.*]] = arith.select %[[MORE]], %[[AFTER]], %[[AT]]
  // CHECK: %[[NEXT_ANY:.*]] = arith.cmpi sle, %[[NEXT]], %[[LAST]]
  // CHECK: %[[GO:.*]] = arith.andi %[[MORE]], %[[NEXT_ANY]]
  // CHECK: scf.if %[[GO]] {
  // CHECK-NEXT: tile.slice %k[%{{.*}}, %{{.*}}, %[[NEXT]],
  // CHECK-NEXT: tile.copy_async %[[KT]]
  // CHECK: } else {
  // CHECK: tile.copy_async %[[KT]]
  // CHECK-NOT: tile.copy_async
  // CHECK: tile.return
  scf.for %at = %c0 to %kv step %c32 : i64 {
    %any = arith.cmpi sle, %at, %last : i64
    scf.if %any {
      %ks = tile.slice %k[%c0, %c0, %at, %c0] sizes(%c32) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
      %0 = tile.copy_async %kt, %ks : !tile.buffer<32x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
      tile.wait %0 : !tile.token
      tile.sync block
      %vs = tile.slice %v[%c0, %c0, %at, %c0] sizes(%c32) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
      %1 = tile.copy_async %vt, %vs : !tile.buffer<32x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
      tile.wait %1 : !tile.token
      tile.sync block
    }
  }
  tile.return
}

// What asks a tensor whether a tile is visited does so once: the loop carries it.
// CHECK-LABEL: tile.kernel @carried
// CHECK: %[[FIRST:.*]] = tile.lookup
// CHECK: scf.for {{.*}} iter_args(%[[CARRIED:.*]] = %[[FIRST]]) -> (i1)
// CHECK: tile.lookup
// CHECK: %[[NEXT:.*]] = arith.andi
// CHECK: scf.if %[[CARRIED]] {
// CHECK: scf.yield %[[NEXT]] : i1
tile.kernel @carried(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"}, %flags: !tile.buffer<?xi1, global> {tile.name = "flags"}) {
  %c0 = arith.constant 0 : i64
  %c32 = arith.constant 32 : i64
  %kv = tile.size "kv_len"
  %kt = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  %vt = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  scf.for %at = %c0 to %kv step %c32 : i64 {
    %any = tile.lookup %flags[%at] : !tile.buffer<?xi1, global> -> i1
    scf.if %any {
      %ks = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%c32) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
      %0 = tile.copy_async %kt, %ks : !tile.buffer<32x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
      tile.wait %0 : !tile.token
      tile.sync block
      %1 = tile.copy_async %vt, %ks : !tile.buffer<32x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
      tile.wait %1 : !tile.token
      tile.sync block
    }
  }
  tile.return
}

// A tile with one copy has nothing to hide it behind.
// CHECK-LABEL: tile.kernel @one
// CHECK-NOT: scf.if
// CHECK: scf.for
tile.kernel @one(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"}, %flag: i1 {tile.name = "param.flag"}) {
  %c0 = arith.constant 0 : i64
  %c32 = arith.constant 32 : i64
  %kv = tile.size "kv_len"
  %kt = tile.alloc : !tile.buffer<32x64xbf16, shared, swizzle_128>
  scf.for %at = %c0 to %kv step %c32 : i64 {
    scf.if %flag {
      %ks = tile.slice %k[%c0, %c0, %at, %c0] sizes(%c32) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
      %0 = tile.copy_async %kt, %ks : !tile.buffer<32x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
      tile.wait %0 : !tile.token
      tile.sync block
    }
  }
  tile.return
}
