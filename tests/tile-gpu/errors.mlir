// RUN: attile-opt %s --split-input-file --verify-diagnostics --assign-gpu-layouts --prepare-for-emission

tile.kernel @barriers() {
  // expected-error@+1 {{has no CUDA form}}
  %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  tile.return
}

// -----

tile.kernel @unscaled(%v: !tile.buffer<?x?x?x16xf16, global> {tile.name = "v"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 16, value_cols = 16>} {
  %c0 = arith.constant 0 : i64
  %s = tile.alloc : !tile.buffer<16x16xf32, local>
  %o = tile.alloc : !tile.buffer<16x16xf32, local>
  %vt = tile.slice %v[%c0, %c0, %c0, %c0] sizes(%c0) : !tile.buffer<?x?x?x16xf16, global> -> !tile.buffer<?x16xf16, global>
  // expected-error@+1 {{multiplies weights that no running maximum scales, which need not fit into f16; use bf16 or f32}}
  tile.dot %o, %s, %vt accumulate : !tile.buffer<16x16xf32, local>, !tile.buffer<16x16xf32, local>, !tile.buffer<?x16xf16, global>
  tile.return
}

// -----

tile.kernel @unsigned(%x: i64 {tile.name = "param.x"}) {
  %c3 = arith.constant 3 : i64
  // expected-error@+1 {{has no CUDA form}}
  %y = arith.divui %x, %c3 : i64
  tile.return
}
