// RUN: attile-opt %s --assign-cpu-layouts="lanes=16" | FileCheck %s
// RUN: attile-opt %s --assign-cpu-layouts="lanes=16 dot-bf16" | FileCheck %s --check-prefix=PAIRS
// Which layout each buffer gets, and what is staged for a dot.

// CHECK-LABEL: tile.kernel @attention
// CHECK-SAME: {{(!tile.buffer)?}}<?x32x64xf32, global, col_major>
// PAIRS-LABEL: tile.kernel @attention
tile.kernel @attention(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                       %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                       %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"},
                       %partial: !tile.buffer<?x32x64xf32, global> {tile.name = "partial.o"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 48, dot_rows = 32, score_keys = 6, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<32x64xbf16, local>
  %s = tile.alloc : !tile.buffer<32x48xf32, local>
  %o = tile.alloc : !tile.buffer<32x64xf32, local>
  %row = tile.alloc : !tile.buffer<32xi64, local>
  %kt = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<32x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<32xi64, local>
  // Without 16-bit dots everything is f32, rows across lanes; keys and values are widened once a tile.
  // CHECK-DAG: %[[QT:.*]] = tile.alloc : <32x64xf32, local, col_major>
  // CHECK-DAG: %[[KS:.*]] = tile.alloc : <48x64xf32, local>
  // CHECK: tile.gather %[[QT]],
  // CHECK: tile.copy %{{.*}}, %{{.*}} : {{(!tile.buffer)?}}<48x64xf32, local>, {{(!tile.buffer)?}}<?x64xbf16, global>
  // CHECK: tile.dot %{{.*}}, %[[QT]], %{{.*}} transpose_b : {{(!tile.buffer)?}}<32x48xf32, local, col_major>, {{(!tile.buffer)?}}<32x64xf32, local, col_major>, {{(!tile.buffer)?}}<?x64xf32, local>
  // CHECK: tile.copy %{{.*}}, %{{.*}} : {{(!tile.buffer)?}}<48x64xf32, local>, {{(!tile.buffer)?}}<?x64xbf16, global>
  // CHECK: tile.dot {{.*}} accumulate : {{(!tile.buffer)?}}<32x64xf32, local, col_major>, {{(!tile.buffer)?}}<32x48xf32, local, col_major>, {{(!tile.buffer)?}}<?x64xf32, local>
  // With them, queries and weights are pairs of columns, values pairs of rows.
  // PAIRS-DAG: %[[QT:.*]] = tile.alloc : <32x64xbf16, local, col_pairs>
  // PAIRS: tile.gather %[[QT]],
  // PAIRS: tile.dot %{{.*}}, %[[QT]], %{{.*}} transpose_b : {{(!tile.buffer)?}}<32x48xf32, local, col_major>, {{(!tile.buffer)?}}<32x64xbf16, local, col_pairs>, {{(!tile.buffer)?}}<?x64xbf16, local>
  // PAIRS: tile.copy %[[P:.*]], %{{.*}} : {{(!tile.buffer)?}}<32x48xbf16, local, col_pairs>, {{(!tile.buffer)?}}<32x?xf32, local, col_major>
  // PAIRS: tile.dot %{{.*}}, %[[P]], %{{.*}} accumulate : {{(!tile.buffer)?}}<32x64xf32, local, col_major>, {{(!tile.buffer)?}}<32x48xbf16, local, col_pairs>, {{(!tile.buffer)?}}<?x64xbf16, local, row_pairs>
  tile.dot %s, %qt, %kt transpose_b : !tile.buffer<32x48xf32, local>, !tile.buffer<32x64xbf16, local>, !tile.buffer<?x64xbf16, global>
  tile.dot %o, %s, %vt accumulate : !tile.buffer<32x64xf32, local>, !tile.buffer<32x48xf32, local>, !tile.buffer<?x64xbf16, global>
  tile.return
}

// f32 keys and values are read where they lie.
// CHECK-LABEL: tile.kernel @in_place
// CHECK-NOT: tile.copy
// CHECK: tile.dot {{.*}} transpose_b : {{.*}}, {{(!tile.buffer)?}}<16x8xf32, local, col_major>, {{(!tile.buffer)?}}<?x8xf32, global>
tile.kernel @in_place(%k: !tile.buffer<?x?x?x8xf32, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 4, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<16x8xf32, local>
  %s = tile.alloc : !tile.buffer<16x16xf32, local>
  %kt = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x8xf32, global> -> !tile.buffer<?x8xf32, global>
  tile.dot %s, %qt, %kt transpose_b : !tile.buffer<16x16xf32, local>, !tile.buffer<16x8xf32, local>, !tile.buffer<?x8xf32, global>
  tile.return
}

// An odd number of channels has no pairs for the scores.
// CHECK-LABEL: tile.kernel @odd
// PAIRS-LABEL: tile.kernel @odd
tile.kernel @odd(%k: !tile.buffer<?x?x?x7xbf16, global> {tile.name = "k"}, %v: !tile.buffer<?x?x?x8xf32, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 4, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<16x7xbf16, local>
  %s = tile.alloc : !tile.buffer<16x16xf32, local>
  %o = tile.alloc : !tile.buffer<16x8xf32, local>
  %kt = tile.slice %k[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x7xbf16, global> -> !tile.buffer<?x7xbf16, global>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%n) : !tile.buffer<?x?x?x8xf32, global> -> !tile.buffer<?x8xf32, global>
  // PAIRS: tile.dot {{.*}} transpose_b : {{.*}}, {{(!tile.buffer)?}}<16x7xf32, local, col_major>, {{(!tile.buffer)?}}<?x7xf32, local>
  // PAIRS: tile.dot {{.*}}, {{(!tile.buffer)?}}<16x16xf32, local, col_major>, {{(!tile.buffer)?}}<?x8xf32, global>
  // CHECK: tile.dot {{.*}}, {{(!tile.buffer)?}}<16x16xf32, local, col_major>, {{(!tile.buffer)?}}<?x8xf32, global>
  tile.dot %s, %qt, %kt transpose_b : !tile.buffer<16x16xf32, local>, !tile.buffer<16x7xbf16, local>, !tile.buffer<?x7xbf16, global>
  tile.dot %o, %s, %vt : !tile.buffer<16x8xf32, local>, !tile.buffer<16x16xf32, local>, !tile.buffer<?x8xf32, global>
  tile.return
}

// Few rows: keys and values are read where they lie; queries and the output have their columns across lanes.
// CHECK-LABEL: tile.kernel @few_rows
// PAIRS-LABEL: tile.kernel @few_rows
tile.kernel @few_rows(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                      %k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"},
                      %v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %zero = arith.constant 0.0 : f32
  %true = arith.constant true
  %n = tile.size "kv_len"
  %qt = tile.alloc : !tile.buffer<8x64xbf16, local>
  %s = tile.alloc : !tile.buffer<8x48xf32, local>
  %o = tile.alloc : !tile.buffer<8x64xf32, local>
  %row = tile.alloc : !tile.buffer<8xi64, local>
  // CHECK: %[[ACROSS:.*]] = tile.alloc : <8x64xf32, local>
  // CHECK: %[[QT:.*]] = tile.alloc : <8x64xf32, local, col_words>
  // CHECK: %[[S:.*]] = tile.alloc : <8x48xf32, local, col_major>
  // CHECK: %[[O:.*]] = tile.alloc : <8x64xf32, local, col_major>
  // CHECK: tile.gather %[[QT]],
  // What the tiles start from is filled in, what they end with changes its layout once.
  // CHECK: tile.fill %[[O]],
  // CHECK: tile.fill %[[ACROSS]],
  // CHECK: tile.visit
  // CHECK-NOT: tile.copy
  // CHECK: tile.dot %[[S]], %[[QT]], %{{.*}} transpose_b : {{.*}}, {{(!tile.buffer)?}}<?x64xbf16, global>
  // CHECK: tile.dot %[[ACROSS]], %[[S]], %{{.*}} accumulate : {{.*}}, {{(!tile.buffer)?}}<?x64xbf16, global>
  // CHECK: tile.copy %[[O]], %[[ACROSS]]
  // PAIRS: tile.visit
  // PAIRS: tile.dot %{{.*}}, %{{.*}}, %{{.*}} transpose_b : {{.*}}, {{(!tile.buffer)?}}<8x64xbf16, local, col_words>, {{(!tile.buffer)?}}<?x64xbf16, global>
  // PAIRS: tile.copy %[[P:.*]], %{{.*}} : {{(!tile.buffer)?}}<8x48xbf16, local, col_pairs>,
  // PAIRS: tile.dot %[[ACROSS:.*]], %[[P]], %{{.*}} accumulate : {{(!tile.buffer)?}}<8x64xf32, local>, {{.*}}, {{(!tile.buffer)?}}<?x64xbf16, global>
  // PAIRS: scf.if
  // PAIRS: tile.residual
  // PAIRS: tile.dot %[[ACROSS]],
  tile.gather %qt, %q[%c0, %row, %row] count(%n) : !tile.buffer<8x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8xi64, local>
  tile.fill %o, %zero : !tile.buffer<8x64xf32, local>, f32
  tile.visit keys(%c0 to %n) tile 48 classify {
  ^bb0(%k0: i64, %k1: i64):
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %kt = tile.slice %k[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
    tile.dot %s, %qt, %kt transpose_b : !tile.buffer<8x48xf32, local>, !tile.buffer<8x64xbf16, local>, !tile.buffer<?x64xbf16, global>
    tile.dot %o, %s, %vt accumulate : !tile.buffer<8x64xf32, local>, !tile.buffer<8x48xf32, local>, !tile.buffer<?x64xbf16, global>
    tile.yield
  }
  tile.return
}

// An output that others read in between changes its layout around the dot.
// CHECK-LABEL: tile.kernel @few_rows_read
// CHECK: tile.visit
// CHECK: tile.copy %[[ACROSS:.*]], %[[O:.*]] : {{(!tile.buffer)?}}<8x64xf32, local>, {{(!tile.buffer)?}}<8x64xf32, local, col_major>
// CHECK-NEXT: tile.dot %[[ACROSS]],
// CHECK-NEXT: tile.copy %[[O]], %[[ACROSS]]
// CHECK: tile.generic
tile.kernel @few_rows_read(%v: !tile.buffer<?x?x?x64xf32, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 8, keys = 48, dot_rows = 8, score_keys = 2, value_cols = 32>} {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %true = arith.constant true
  %n = tile.size "kv_len"
  %s = tile.alloc : !tile.buffer<8x48xf32, local>
  %o = tile.alloc : !tile.buffer<8x64xf32, local>
  tile.visit keys(%c0 to %n) tile 48 classify {
  ^bb0(%k0: i64, %k1: i64):
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%k0: i64, %m: i64, %full: i1):
    %vt = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%m) : !tile.buffer<?x?x?x64xf32, global> -> !tile.buffer<?x64xf32, global>
    tile.dot %o, %s, %vt accumulate : !tile.buffer<8x64xf32, local>, !tile.buffer<8x48xf32, local>, !tile.buffer<?x64xf32, global>
    tile.generic rows(8) cols(%c64) ins(%o : !tile.buffer<8x64xf32, local>) outs(%o : !tile.buffer<8x64xf32, local>) {
    ^bb0(%x: f32):
      %y = arith.addf %x, %x : f32
      tile.yield %y : f32
    }
    tile.yield
  }
  tile.return
}

// Kernels without a schedule keep what they have.
// CHECK-LABEL: tile.kernel @plain
// CHECK: tile.alloc : <16x8xf32, local>
tile.kernel @plain() {
  %t = tile.alloc : !tile.buffer<16x8xf32, local>
  tile.return
}
