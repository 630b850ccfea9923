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

// -----

tile.kernel @products_with_tokens(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  %q_tile = tile.alloc : !tile.buffer<128x64xbf16, shared, swizzle_128>
  %k_tile = tile.alloc : !tile.buffer<64x64xbf16, shared, swizzle_128>
  %scores = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  // expected-error@+1 {{has no CUDA form}}
  %token = tile.dot_async %scores, %q_tile, %k_tile transpose_b : !tile.buffer<128x64xf32, register, fragment>, !tile.buffer<128x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128> -> !tile.token
  tile.return
}

// -----

tile.kernel @products_of_warps(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 32, score_keys = 64, value_cols = 64>} {
  %scores = tile.alloc : !tile.buffer<128x64xf32, register, fragment>
  // expected-error@+1 {{has no CUDA form}}
  tile.wait of(%scores : !tile.buffer<128x64xf32, register, fragment>)
  tile.return
}

// -----

tile.kernel @turns_without_roles(%k: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "k"})
    attributes {schedule = #tile.schedule<rows = 128, keys = 64, dot_rows = 64, score_keys = 64, value_cols = 64>} {
  // expected-error@+1 {{has no CUDA form}}
  tile.sync block id 3
  tile.return
}
