// RUN: attile-opt %s --split-input-file --verify-diagnostics --assign-gpu-layouts --prepare-for-emission

tile.kernel @spans(%n: i64 {tile.name = "param.n"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 32, dot_rows = 16, score_keys = 32, value_cols = 32>} {
  %q = tile.alloc : !tile.buffer<32x32xf32, local>
  %k = tile.alloc : !tile.buffer<32x32xf32, local>
  %s = tile.alloc : !tile.buffer<32x32xf32, local>
  %first = tile.alloc : !tile.buffer<32xi64, local>
  // expected-error@+1 {{leaves out keys by row, which the warps of a GPU do not}}
  tile.dot %s, %q, %k within(%first, %first : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) transpose_b : !tile.buffer<32x32xf32, local>, !tile.buffer<32x32xf32, local>, !tile.buffer<32x32xf32, local>
  tile.return
}

// -----

tile.kernel @barriers() {
  // expected-error@+1 {{has no CUDA form}}
  %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  tile.return
}
