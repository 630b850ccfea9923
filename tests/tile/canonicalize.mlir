// RUN: attile-opt %s -canonicalize | FileCheck %s

!b = !tile.buffer<8x16xf32, local>

// CHECK-LABEL: tile.plan @known
// CHECK-NEXT: %[[GRID:.*]] = tile.size "q_len"
// CHECK-NEXT: tile.launch @k grid(%[[GRID]])
// CHECK-NEXT: }
tile.plan @known {
  %q_len = tile.size "q_len"
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %yes = arith.cmpi slt, %c1, %c2 : i64
  %no = arith.cmpi sgt, %c1, %c2 : i64
  tile.launch @k grid(%q_len) when(%yes)
  tile.launch @k grid(%q_len) when(%no)
}

// A whole window is its source, and a copy onto itself nothing; a smaller window and one elsewhere stay.
// CHECK-LABEL: tile.kernel @k
// CHECK: %[[A:.*]] = tile.alloc : <8x16xf32, local>
// CHECK: %[[SMALL:.*]] = tile.slice
// CHECK: %[[MOVED:.*]] = tile.slice
// CHECK-NOT: tile.slice
// CHECK-NOT: tile.copy
// CHECK: tile.fill %[[A]]
// CHECK: tile.fill %[[SMALL]]
// CHECK: tile.fill %[[MOVED]]
tile.kernel @k(%x: f32 {tile.name = "param.x"}, %i: i64 {tile.name = "param.i"}) {
  %c0 = arith.constant 0 : i64
  %a = tile.alloc : !b
  %whole = tile.slice %a[%c0, %c0] : !b -> !b
  %small = tile.slice %a[%c0, %c0] : !b -> !tile.buffer<4x16xf32, local>
  %moved = tile.slice %a[%i, %c0] : !b -> !b
  tile.copy %a, %whole : !b, !b
  tile.fill %whole, %x : !b, f32
  tile.fill %small, %x : !tile.buffer<4x16xf32, local>, f32
  tile.fill %moved, %x : !b, f32
  tile.return
}
