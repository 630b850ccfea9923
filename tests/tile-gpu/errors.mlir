// RUN: attile-opt %s --split-input-file --verify-diagnostics --assign-gpu-layouts --prepare-for-emission

tile.kernel @barriers() {
  // expected-error@+1 {{has no CUDA form}}
  %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  tile.return
}

// -----

tile.kernel @unsigned(%x: i64 {tile.name = "param.x"}) {
  %c3 = arith.constant 3 : i64
  // expected-error@+1 {{has no CUDA form}}
  %y = arith.divui %x, %c3 : i64
  tile.return
}
