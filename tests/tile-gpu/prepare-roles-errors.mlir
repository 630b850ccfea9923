// RUN: attile-opt %s --split-input-file --verify-diagnostics --prepare-for-emission

tile.kernel @roles_of_warps(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  // expected-error@+1 {{has no CUDA form}}
  tile.roles [#tile.role<consumer : 2 warpgroup>, #tile.role<producer : 1 warp>] {
    tile.yield
  }, {
    tile.yield
  }
  tile.return
}

// -----

tile.kernel @bytes_that_nobody_brings(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  %c0 = arith.constant 0 : i64
  %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
  // expected-error@+1 {{has no CUDA form}}
  tile.barrier_arrive %full[%c0] expect %c0 : !tile.barrier<2>
  tile.return
}
