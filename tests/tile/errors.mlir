// One case per constraint of dialect/tile/TileOps.td, under its identifier.
// RUN: attile-opt %s -split-input-file -verify-diagnostics

// (plan_c1)
tile.plan @p {
  %q = tile.size "q_len"
  // expected-note@+1 {{first used here}}
  tile.value "tiles" = %q
  // expected-error@+1 {{'tile.scratch' op name 'tiles' is taken}}
  tile.scratch "tiles" bytes %q
}

// -----
// (plan_c2)
tile.plan @p {
  %later = tile.size "q_len"
  // expected-error@+1 {{name is 'tiles', expected a size of the launch or a value named earlier in the plan}}
  %tiles = tile.size "tiles"
  tile.value "tiles" = %later
}

// -----
// (launch_c1)
tile.plan @p {
  %q = tile.size "q_len"
  // expected-error@+1 {{@missing is not a tile.kernel}}
  tile.launch @missing grid(%q)
}

// -----
// (kernel_c1)
// expected-error@+1 {{argument 0 has no tile.name}}
tile.kernel @k(%x: f32) { tile.return }

// -----
// (kernel_c1)
// expected-error@+1 {{arguments 0 and 1 are both named 'x'}}
tile.kernel @k(%x: f32 {tile.name = "x"}, %y: f32 {tile.name = "x"}) { tile.return }

// -----
// (kernel_c2)
// expected-error@+1 {{argument 'x' has type '!tile.buffer<8xf32, shared>', expected a buffer in global memory}}
tile.kernel @k(%x: !tile.buffer<8xf32, shared> {tile.name = "x"}) { tile.return }

// -----
// (kernel_c2)
// expected-error@+1 {{argument 'x' has type 'i32', expected a global buffer, f32, i64 or i1}}
tile.kernel @k(%x: i32 {tile.name = "x"}) { tile.return }

// -----
// (kernel_c3)
// expected-error@+1 {{has 1 results, expected none; results are written to buffers}}
tile.kernel @k() -> f32 { tile.return }

// -----
// (kernel_c4)
// expected-error@+1 {{body does not end in tile.return}}
tile.kernel @k() { llvm.unreachable }

// -----
// (types: element)
// expected-error@+1 {{element type is 'f64', expected f32, f16, bf16, i64, i32, i8 or i1}}
tile.kernel @k(%x: !tile.buffer<8xf64, global> {tile.name = "x"}) { tile.return }

// -----
// (types: space)
// expected-error@+1 {{unknown memory space 'host'}}
tile.kernel @k(%x: !tile.buffer<8xf32, host> {tile.name = "x"}) { tile.return }

// -----
// (types: layout)
// expected-error@+1 {{unknown layout 'diagonal'}}
tile.kernel @k(%x: !tile.buffer<8x8xf32, global, diagonal> {tile.name = "x"}) { tile.return }

// -----
// (types: layout)
// expected-error@+1 {{layout is col_major, but the rank is 1; expected at least 2}}
tile.kernel @k(%x: !tile.buffer<8xf32, global, col_major> {tile.name = "x"}) { tile.return }

// -----
// (alloc_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{allocates in global memory, expected shared, local or register; tile.scratch of the plan gives global memory}}
  %a = tile.alloc : !tile.buffer<8xf32, global>
  tile.return
}

// -----
// (alloc_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{allocates '!tile.buffer<?x8xf32, local>', expected a static shape}}
  %a = tile.alloc : !tile.buffer<?x8xf32, local>
  tile.return
}

// -----
// (slice_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{has 1 offsets for a source of rank 4}}
  %a = tile.slice %g[%c] : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<64xbf16, global>
  tile.return
}

// -----
// (slice_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{has 0 sizes for 1 dynamic extents of '!tile.buffer<?x64xbf16, global>'}}
  %a = tile.slice %g[%c, %c, %c, %c] : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
  tile.return
}

// -----
// (slice_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{source has type '!tile.buffer<?x?x?x64xbf16, global>', but result has '!tile.buffer<64xbf16, shared>'; element type and space must agree}}
  %a = tile.slice %g[%c, %c, %c, %c] : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<64xbf16, shared>
  tile.return
}

// -----
// (slice_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{result has rank 3, expected at most 2}}
  %a = tile.slice %t[%c, %c] : !tile.buffer<?x?xi32, global> -> !tile.buffer<1x1x1xi32, global>
  tile.return
}

// -----
// (slice_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{dimension 0 of the result is 128, expected at most 64}}
  %a = tile.slice %g[%c, %c, %c, %c] : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<128xbf16, global>
  tile.return
}

// -----
// (lookup_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{has 1 indices for a buffer of rank 2}}
  %a = tile.lookup %t[%c] : !tile.buffer<?x?xi32, global> -> i64
  tile.return
}

// -----
// (lookup_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{result has type 'f32', but an element of '!tile.buffer<?x?xi32, global>' is read as 'i64'}}
  %a = tile.lookup %t[%c, %c] : !tile.buffer<?x?xi32, global> -> f32
  tile.return
}

// -----
// (fill_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{value has type 'f32', expected 'i64' for dest of type '!tile.buffer<?x?xi32, global>'}}
  tile.fill %t, %x : !tile.buffer<?x?xi32, global>, f32
  tile.return
}

// -----
// (copy_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, local>
  %b = tile.alloc : !tile.buffer<8x8xf32, local>
  // expected-error@+1 {{source has rank 2, but dest has rank 1}}
  tile.copy %a, %b : !tile.buffer<8xf32, local>, !tile.buffer<8x8xf32, local>
  tile.return
}

// -----
// (copy_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x8xf32, local>
  %b = tile.alloc : !tile.buffer<8x9xf32, local>
  // expected-error@+1 {{dimension 1 of source is 9, expected at most dest's 8}}
  tile.copy %a, %b : !tile.buffer<8x8xf32, local>, !tile.buffer<8x9xf32, local>
  tile.return
}

// -----
// (copy_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, local>
  %b = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{source holds 'i64', but dest 'f32'; expected equal types or floats}}
  tile.copy %a, %b : !tile.buffer<8xf32, local>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (gather_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<64xbf16, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{dest has type '!tile.buffer<64xbf16, local>', expected rank 2}}
  tile.gather %a, %g[%c, %r, %r] count(%c) : !tile.buffer<64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (gather_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x64xi32, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{source has type '!tile.buffer<?x?xi32, global>', expected rank 4}}
  tile.gather %a, %t[%c, %r, %r] count(%c) : !tile.buffer<8x64xi32, local>, !tile.buffer<?x?xi32, global>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (gather_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x64xbf16, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{row_h and row_q have type '!tile.buffer<8xf32, local>', expected integers of rank 1}}
  tile.gather %a, %g[%c, %r, %r] count(%c) : !tile.buffer<8x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xf32, local>
  tile.return
}

// -----
// (gather_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x64xi64, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{source holds 'bf16', but dest 'i64'; expected equal types or floats}}
  tile.gather %a, %g[%c, %r, %r] count(%c) : !tile.buffer<8x64xi64, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (scatter_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<1x8x64xf32, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{source has type '!tile.buffer<1x8x64xf32, local>', expected rank 1 or 2}}
  tile.scatter %g[%c, %r, %r], %a count(%c) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<1x8x64xf32, local>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (scatter_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{dest has type '!tile.buffer<?x?x?x64xbf16, global>', expected rank 3}}
  tile.scatter %g[%c, %r, %r], %a count(%c) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xf32, local>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (scatter_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x64xf32, local>
  %r = tile.alloc : !tile.buffer<8x1xi64, local>
  // expected-error@+1 {{row_h and row_q have type '!tile.buffer<8x1xi64, local>', expected integers of rank 1}}
  tile.scatter %g[%c, %r, %r], %a count(%c) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8x64xf32, local>, !tile.buffer<8x1xi64, local>
  tile.return
}

// -----
// (scatter_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8x64xi64, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{source holds 'i64', but dest 'bf16'; expected equal types or floats}}
  tile.scatter %g[%c, %r, %r], %a count(%c) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8x64xi64, local>, !tile.buffer<8xi64, local>
  tile.return
}

// -----
// (dot_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<4x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  // expected-error@+1 {{acc has 8 rows, but lhs has 4}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xf32, local>, !tile.buffer<4x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x8xf32, local>
  // expected-error@+1 {{acc has 16 columns, but rhs gives 8}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x8xf32, local>
  tile.return
}

// -----
// (dot_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  // expected-error@+1 {{acc has 16 columns, but rhs gives 32}}
  tile.dot %acc, %lhs, %rhs transpose_b : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<31x16xf32, local>
  // expected-error@+1 {{lhs sums over 32 elements, but rhs over 31}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<31x16xf32, local>
  tile.return
}

// -----
// (dot_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xbf16, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  // expected-error@+1 {{acc has type '!tile.buffer<8x16xbf16, local>', expected f32: sums are kept in f32}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xbf16, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  %r = tile.alloc : !tile.buffer<4xf32, local>
  // expected-error@+1 {{rescale has type '!tile.buffer<4xf32, local>', expected f32 of rank 1, one per row of acc of type '!tile.buffer<8x16xf32, local>'}}
  tile.dot %acc, %lhs, %rhs rescale(%r : !tile.buffer<4xf32, local>) accumulate : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<16xf32, local>
  // expected-error@+1 {{rhs has type '!tile.buffer<16xf32, local>', expected rank 2}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<16xf32, local>
  tile.return
}

// -----
// (dot_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xi64, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  // expected-error@+1 {{lhs has type '!tile.buffer<8x32xi64, local>', expected floats}}
  tile.dot %acc, %lhs, %rhs : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xi64, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c4)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{has rescale but not accumulate: there is no old value to rescale}}
  tile.dot %acc, %lhs, %rhs rescale(%r : !tile.buffer<8xf32, local>) : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_async_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, register>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, shared>
  %rhs = tile.alloc : !tile.buffer<31x16xf32, shared>
  // expected-error@+1 {{lhs sums over 32 elements, but rhs over 31}}
  %tok = tile.dot_async %acc, %lhs, %rhs : !tile.buffer<8x16xf32, register>, !tile.buffer<8x32xf32, shared>, !tile.buffer<31x16xf32, shared> -> !tile.token
  tile.return
}

// -----
// (wait_c1)
tile.kernel @k(%g: !tile.buffer<8xf32, global> {tile.name = "g"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, register>
  %s = tile.alloc : !tile.buffer<8xf32, shared>
  %t = tile.copy_async %s, %g : !tile.buffer<8xf32, shared>, !tile.buffer<8xf32, global> -> !tile.token
  // expected-error@+1 {{names 1 tokens and 1 accumulators, expected one of the two}}
  tile.wait %t : !tile.token of(%acc : !tile.buffer<8x16xf32, register>)
  tile.return
}

// -----
// (wait_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, register>
  // expected-error@+1 {{has computed but no `of`: nothing is said to go on beside it}}
  tile.wait computed(%acc : !tile.buffer<8x16xf32, register>)
  tile.return
}

// -----
// (sync_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  // expected-error@+1 {{has plus but no id to add it to}}
  tile.sync block plus %c
  tile.return
}

// -----
// (sync_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  // expected-error@+1 {{has groups but no id: all groups meet}}
  tile.sync block groups 2
  tile.return
}

// -----
// (sync_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  // expected-error@+1 {{has arrive but no id: nobody meets there}}
  tile.sync block arrive
  tile.return
}

// -----
// (generic_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  %i = tile.alloc : !tile.buffer<8xi32, local>
  // expected-error@+1 {{body region takes (f32), expected (f32, i64)}}
  tile.generic rows(8) cols(%c) ins(%s, %i : !tile.buffer<8x16xf32, local>, !tile.buffer<8xi32, local>) outs(%s : !tile.buffer<8x16xf32, local>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{body region yields (f32), expected (f32, f32)}}
  tile.generic rows(8) cols(%c) ins(%s : !tile.buffer<8x16xf32, local>) outs(%s : !tile.buffer<8x16xf32, local>) reduces(%r : !tile.buffer<8xf32, local>) combiners [#tile.combiner<max>] {
  ^bb0(%a: f32):
    // expected-note@+1 {{yielded here}}
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{has 1 reductions, but 2 combiners}}
  tile.generic rows(8) cols(%c) ins(%s : !tile.buffer<8x16xf32, local>) reduces(%r : !tile.buffer<8xf32, local>) combiners [#tile.combiner<max>, #tile.combiner<add>] {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{has reductions, but no cols to reduce}}
  tile.generic rows(8) ins(%r : !tile.buffer<8xf32, local>) reduces(%r : !tile.buffer<8xf32, local>) combiners [#tile.combiner<max>] {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{input 0 has type '!tile.buffer<8x16xf32, local>', expected rank 1}}
  tile.generic rows(8) ins(%s : !tile.buffer<8x16xf32, local>) outs(%r : !tile.buffer<8xf32, local>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{output 0 has type '!tile.buffer<8xf32, local>', expected rank 2}}
  tile.generic rows(8) cols(%c) ins(%s : !tile.buffer<8x16xf32, local>) outs(%r : !tile.buffer<8xf32, local>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (generic_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{input 0 has 8 rows, expected at least 9}}
  tile.generic rows(9) ins(%r : !tile.buffer<8xf32, local>) outs(%r : !tile.buffer<8xf32, local>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}

// -----
// (index_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{is not inside a tile.generic}}
  %i = tile.index 0
  tile.return
}

// -----
// (index_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %r = tile.alloc : !tile.buffer<8xf32, local>
  tile.generic rows(8) outs(%r : !tile.buffer<8xf32, local>) {
    // expected-error@+1 {{dimension is 1, but the domain of the tile.generic has rank 1}}
    %i = tile.index 1
    tile.yield %x : f32
  }
  tile.return
}

// -----
// (any_all_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  // expected-error@+1 {{tile has type '!tile.buffer<8x16xf32, local>', expected i1 of rank 2}}
  %a, %b = tile.any_all %s cols(%c) : !tile.buffer<8x16xf32, local>
  tile.return
}

// -----
// (spans_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %first = tile.alloc : !tile.buffer<8xi64, local>
  %last = tile.alloc : !tile.buffer<8xi64, local>
  %s = tile.alloc : !tile.buffer<8x16xf32, local>
  // expected-error@+1 {{tile has type '!tile.buffer<8x16xf32, local>', expected i1 of rank 2}}
  tile.spans %first, %last of %s cols(%c) group 4 : !tile.buffer<8xi64, local>, !tile.buffer<8x16xf32, local>
  tile.return
}

// -----
// (spans_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %first = tile.alloc : !tile.buffer<4xi64, local>
  %last = tile.alloc : !tile.buffer<4xi64, local>
  %s = tile.alloc : !tile.buffer<8x16xi1, local>
  // expected-error@+1 {{first has type '!tile.buffer<4xi64, local>', expected i64 of rank 1, one for each of 8 rows}}
  tile.spans %first, %last of %s cols(%c) group 4 : !tile.buffer<4xi64, local>, !tile.buffer<8x16xi1, local>
  tile.return
}

// -----
// (spans_c3)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %first = tile.alloc : !tile.buffer<8xi64, local>
  %last = tile.alloc : !tile.buffer<8xi64, local>
  %s = tile.alloc : !tile.buffer<8x16xi1, local>
  // expected-error@+1 {{group is 3, expected a divisor of the 8 rows}}
  tile.spans %first, %last of %s cols(%c) group 3 : !tile.buffer<8xi64, local>, !tile.buffer<8x16xi1, local>
  tile.return
}

// -----
// (dot_c5)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xf32, local>
  // expected-error@+1 {{within has type '!tile.buffer<8xf32, local>', expected i64 of rank 1, one for each of 8 rows}}
  tile.dot %acc, %lhs, %rhs within(%r, %r : !tile.buffer<8xf32, local>, !tile.buffer<8xf32, local>) accumulate : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (dot_c5)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %acc = tile.alloc : !tile.buffer<8x16xf32, local>
  %lhs = tile.alloc : !tile.buffer<8x32xf32, local>
  %rhs = tile.alloc : !tile.buffer<32x16xf32, local>
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{within has 1 buffers, expected first and last}}
  tile.dot %acc, %lhs, %rhs within(%r : !tile.buffer<8xi64, local>) accumulate : !tile.buffer<8x16xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<32x16xf32, local>
  tile.return
}

// -----
// (generic_c4)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  %r = tile.alloc : !tile.buffer<8xi64, local>
  // expected-error@+1 {{is within spans of columns, but has no cols}}
  tile.generic rows(8) within(%r, %r : !tile.buffer<8xi64, local>, !tile.buffer<8xi64, local>) outs(%r : !tile.buffer<8xi64, local>) {
    tile.yield %c : i64
  }
  tile.return
}

// -----
// (generic_c4)
tile.kernel @k(%c: i64 {tile.name = "c"}) {
  %r = tile.alloc : !tile.buffer<8xi64, local>
  %t = tile.alloc : !tile.buffer<8x16xi64, local>
  // expected-error@+1 {{within has 1 buffers, expected first and last}}
  tile.generic rows(8) cols(%c) within(%r : !tile.buffer<8xi64, local>) outs(%t : !tile.buffer<8x16xi64, local>) {
    tile.yield %c : i64
  }
  tile.return
}

// -----
// (visit_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{classify region yields (i1), expected (i1, i1)}}
  tile.visit keys(%c to %c) tile 64 classify {
  ^bb0(%k0: i64, %k1: i64):
    %true = arith.constant true
    // expected-note@+1 {{yielded here}}
    tile.yield %true : i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    tile.yield
  }
  tile.return
}

// -----
// (visit_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{body region takes (i64, i64), expected (i64, i64, i1)}}
  tile.visit keys(%c to %c) tile 64 classify {
  ^bb0(%k0: i64, %k1: i64):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64):
    tile.yield
  }
  tile.return
}

// -----
// (visit_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{tile is 0, expected a positive number of keys}}
  tile.visit keys(%c to %c) tile 0 classify {
  ^bb0(%k0: i64, %k1: i64):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    tile.yield
  }
  tile.return
}

// -----
// (summarize_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{summary has type '!tile.buffer<?x?xi32, global>', expected i64 [rows, slots, 2]}}
  tile.summarize %t, %t row %c block 64 : !tile.buffer<?x?xi32, global>, !tile.buffer<?x?xi32, global>
  tile.return
}

// -----
// (summarize_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<2x8x2xi64, local>
  // expected-error@+1 {{source has type '!tile.buffer<?x?x?x64xbf16, global>', expected integers of rank 1 or more}}
  tile.summarize %s, %g row %c block 64 : !tile.buffer<2x8x2xi64, local>, !tile.buffer<?x?x?x64xbf16, global>
  tile.return
}

// -----
// (summarize_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<2x8x2xi64, local>
  // expected-error@+1 {{block is 1, expected at least 2}}
  tile.summarize %s, %t row %c block 1 : !tile.buffer<2x8x2xi64, local>, !tile.buffer<?x?xi32, global>
  tile.return
}

// -----
// (range_of_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<2x8x2xi64, local>
  // expected-error@+1 {{has 2 indices for a source of rank 2, expected 1}}
  %a, %b = tile.range_of %s of %t[%c, %c] from %c to %c block 64 : !tile.buffer<2x8x2xi64, local>, !tile.buffer<?x?xi32, global>
  tile.return
}

// -----
// (range_of_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %s = tile.alloc : !tile.buffer<2x8x2xi64, local>
  // expected-error@+1 {{block is 0, expected at least 2}}
  %a, %b = tile.range_of %s of %t[%c] from %c to %c block 0 : !tile.buffer<2x8x2xi64, local>, !tile.buffer<?x?xi32, global>
  tile.return
}

// -----
// (roles_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{has 2 roles, but 1 regions}}
  tile.roles [#tile.role<producer : 1 warp>, #tile.role<consumer : 2 warpgroup>] {
    tile.yield
  }
  tile.return
}

// -----
// (roles_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{two roles are named 'worker'}}
  tile.roles [#tile.role<worker : 1 warp>, #tile.role<worker : 2 warpgroup>] {
    tile.yield
  }, {
    tile.yield
  }
  tile.return
}

// -----
// (roles_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{role 'worker' has 0 warps, expected a positive number}}
  tile.roles [#tile.role<worker : 0 warp>] {
    tile.yield
  }
  tile.return
}

// -----
// (roles_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{worker region yields (f32), expected ()}}
  tile.roles [#tile.role<worker : 1 warp>] {
    // expected-note@+1 {{yielded here}}
    tile.yield %x : f32
  }
  tile.return
}

// -----
// (role_index_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{is not inside a region of tile.roles}}
  %i = tile.role_index
  tile.return
}

// -----
// (barrier_alloc_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{has 0 arrivals and 2 stages, expected positive numbers}}
  %b = tile.barrier_alloc arrivals 0 : !tile.barrier<2>
  tile.return
}

// -----
// (copy_async_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, shared>
  // expected-error@+1 {{has neither a barrier nor a token, expected one of them to tell its completion}}
  tile.copy_async %a, %a : !tile.buffer<8xf32, shared>, !tile.buffer<8xf32, shared>
  tile.return
}

// -----
// (copy_async_c1)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, shared>
  %b = tile.barrier_alloc arrivals 1 : !tile.barrier
  // expected-error@+1 {{has both a barrier and a token, expected one of them to tell its completion}}
  %t0 = tile.copy_async %a, %a signals %b[%c] : !tile.barrier : !tile.buffer<8xf32, shared>, !tile.buffer<8xf32, shared> -> !tile.token
  tile.return
}

// -----
// (copy_async_c2)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  %a = tile.alloc : !tile.buffer<8xf32, shared>
  %b = tile.alloc : !tile.buffer<8x8xf32, shared>
  // expected-error@+1 {{source has rank 2, but dest has rank 1}}
  %t0 = tile.copy_async %a, %b : !tile.buffer<8xf32, shared>, !tile.buffer<8x8xf32, shared> -> !tile.token
  tile.return
}

// -----
// (sync)
tile.kernel @k(%c: i64 {tile.name = "c"}, %x: f32 {tile.name = "x"}, %g: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "g"}, %t: !tile.buffer<?x?xi32, global> {tile.name = "t"}) {
  // expected-error@+1 {{unknown scope 'lane'}}
  tile.sync lane
  tile.return
}
