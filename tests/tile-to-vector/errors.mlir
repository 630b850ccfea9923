// What the CPU lowering refuses, and where.
// RUN: attile-opt %s --convert-tile-to-vector="lanes=16" -split-input-file -verify-diagnostics

tile.kernel @alloc() {
  // expected-error@+1 {{allocates in space 'shared', a CPU worker has only local memory}}
  %t = tile.alloc : !tile.buffer<16x16xf32, shared>
  tile.return
}

// -----
tile.kernel @layout() {
  // expected-error@+1 {{has layout 'swizzle_128', which no CPU buffer has}}
  %t = tile.alloc : !tile.buffer<16x64xbf16, local, swizzle_128>
  tile.return
}

// -----
tile.kernel @slice() {
  %c1 = arith.constant 1 : i64
  %t = tile.alloc : !tile.buffer<16x64xf32, local, col_major>
  // expected-error@+1 {{moves into a buffer of layout 'col_major', only a window at 0 is known there}}
  %w = tile.slice %t[%c1, %c1] : !tile.buffer<16x64xf32, local, col_major> -> !tile.buffer<8x64xf32, local, col_major>
  tile.return
}

// -----
tile.kernel @fill(%x: !tile.buffer<16xf32, global> {tile.name = "x"}) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{fills a buffer that is not local}}
  tile.fill %x, %zero : !tile.buffer<16xf32, global>, f32
  tile.return
}

// -----
tile.kernel @fill_bits() {
  %true = arith.constant true
  %t = tile.alloc : !tile.buffer<16x16xi1, local, col_major>
  // expected-error@+1 {{on a CPU only floats and i64 are filled}}
  tile.fill %t, %true : !tile.buffer<16x16xi1, local, col_major>, i1
  tile.return
}

// -----
tile.kernel @copy(%x: !tile.buffer<?x64xf32, global> {tile.name = "x"}) {
  %t = tile.alloc : !tile.buffer<16x64xf32, local, col_major>
  // expected-error@+1 {{has no CPU lowering from '!tile.buffer<?x64xf32, global>' to '!tile.buffer<16x64xf32, local, col_major>'}}
  tile.copy %t, %x : !tile.buffer<16x64xf32, local, col_major>, !tile.buffer<?x64xf32, global>
  tile.return
}

// -----
tile.kernel @gather(%q: !tile.buffer<?x?x?x64xf32, global> {tile.name = "q"}) {
  %n = tile.size "q_len"
  %r = tile.alloc : !tile.buffer<16xi64, local>
  %t = tile.alloc : !tile.buffer<16x64xf32, local, row_pairs>
  // expected-error@+1 {{has rows neither across lanes nor one by one}}
  tile.gather %t, %q[%n, %r, %r] count(%n) : !tile.buffer<16x64xf32, local, row_pairs>, !tile.buffer<?x?x?x64xf32, global>, !tile.buffer<16xi64, local>
  tile.return
}

// -----
tile.kernel @scatter(%o: !tile.buffer<?x?x?x64xf32, global> {tile.name = "o"}) {
  %n = tile.size "q_len"
  %r = tile.alloc : !tile.buffer<16xi64, local>
  %t = tile.alloc : !tile.buffer<16x64xf32, local>
  // expected-error@+1 {{does not have rows across lanes}}
  tile.scatter %o[%n, %r, %r], %t count(%n) : !tile.buffer<?x?x?x64xf32, global>, !tile.buffer<16x64xf32, local>, !tile.buffer<16xi64, local>
  tile.return
}

// -----
tile.kernel @dot()
    attributes {schedule = #tile.schedule<rows = 16, keys = 48, dot_rows = 16, score_keys = 2, value_cols = 2>} {
  %q = tile.alloc : !tile.buffer<16x64xf32, local>
  %k = tile.alloc : !tile.buffer<48x64xf32, local>
  %s = tile.alloc : !tile.buffer<16x48xf32, local, col_major>
  // expected-error@+1 {{operands have layouts that the CPU lowering does not multiply}}
  tile.dot %s, %q, %k transpose_b : !tile.buffer<16x48xf32, local, col_major>, !tile.buffer<16x64xf32, local>, !tile.buffer<48x64xf32, local>
  tile.return
}

// -----
// Few rows have the queries in words, and the score's rows across lanes.
tile.kernel @few_rows(%k: !tile.buffer<?x64xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 32, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %q = tile.alloc : !tile.buffer<8x64xf32, local, col_major>
  %s = tile.alloc : !tile.buffer<8x32xf32, local, col_major>
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x64xf32, global> -> !tile.buffer<?x64xf32, global>
  // expected-error@+1 {{has 8 rows, fewer than a vector has lanes: expected words of channels and weights with rows across lanes}}
  tile.dot %s, %q, %keys transpose_b : !tile.buffer<8x32xf32, local, col_major>, !tile.buffer<8x64xf32, local, col_major>, !tile.buffer<?x64xf32, global>
  tile.return
}

// -----
// Pairs of bf16 need the instruction.
tile.kernel @pairs()
    attributes {schedule = #tile.schedule<rows = 16, keys = 48, dot_rows = 16, score_keys = 2, value_cols = 2>} {
  %q = tile.alloc : !tile.buffer<16x64xbf16, local, col_pairs>
  %k = tile.alloc : !tile.buffer<48x64xbf16, local>
  %s = tile.alloc : !tile.buffer<16x48xf32, local, col_major>
  // expected-error@+1 {{operands have layouts that the CPU lowering does not multiply}}
  tile.dot %s, %q, %k transpose_b : !tile.buffer<16x48xf32, local, col_major>, !tile.buffer<16x64xbf16, local, col_pairs>, !tile.buffer<48x64xbf16, local>
  tile.return
}

// -----
tile.kernel @generic(%n: i64 {tile.name = "param.n"}) {
  %t = tile.alloc : !tile.buffer<16x48xf32, local>
  // expected-error@+1 {{takes '!tile.buffer<16x48xf32, local>', whose rows do not lie across lanes}}
  tile.generic rows(16) cols(%n) ins(%t : !tile.buffer<16x48xf32, local>) outs(%t : !tile.buffer<16x48xf32, local>) {
  ^bb0(%x: f32):
    tile.yield %x : f32
  }
  tile.return
}

// -----
tile.kernel @sync() {
  // expected-error@+1 {{has no CPU lowering}}
  tile.sync block
  tile.return
}

// -----
tile.kernel @carries(%c: i1 {tile.name = "param.c"}) {
  %a = tile.alloc : !tile.buffer<16xf32, local>
  %lo = arith.constant 0 : i64
  %hi = arith.constant 4 : i64
  %step = arith.constant 1 : i64
  // expected-error@+1 {{carries a buffer through control flow}}
  %r = scf.for %i = %lo to %hi step %step iter_args(%b = %a) -> (!tile.buffer<16xf32, local>) : i64 {
    scf.yield %b : !tile.buffer<16xf32, local>
  }
  tile.return
}

// -----
tile.kernel @spans(%n: i64 {tile.name = "param.n"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 48, dot_rows = 32, score_keys = 3, value_cols = 4>} {
  %seen = tile.alloc : !tile.buffer<64x48xi1, local, col_major>
  %first = tile.alloc : !tile.buffer<64xi64, local>
  // expected-error@+1 {{has groups of 16 rows, expected those of a dot: 32}}
  tile.spans %first, %first of %seen cols(%n) group 16 : !tile.buffer<64xi64, local>, !tile.buffer<64x48xi1, local, col_major>
  tile.return
}
