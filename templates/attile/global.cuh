// Tensors in global memory, read one element at a time.
#pragma once

#include "attile/types.cuh"

namespace attile {

/// Extents and strides in elements, outermost dimension first.
template <int N, class T> struct Global {
  T* data;
  i64 dim[N > 0 ? N : 1], stride[N > 0 ? N : 1];
};

/// make_global(data, extents..., strides...)
template <class T, class... I>
__device__ __forceinline__ Global<int(sizeof...(I) / 2), T> make_global(T* data, I... extents_and_strides) {
  static_assert(sizeof...(I) % 2 == 0, "as many strides as extents");
  constexpr int N = sizeof...(I) / 2;
  const i64 values[2 * N + 1] = {i64(extents_and_strides)..., 0};
  Global<N, T> global = {};
  global.data = data;
#pragma unroll
  for (int d = 0; d < N; ++d) {
    global.dim[d] = values[d];
    global.stride[d] = values[N + d];
  }
  return global;
}

/// index, made to lie in [0, extent - 1]; 0 if that is empty.
__device__ __forceinline__ i64 clamp_index(i64 index, i64 extent) {
  const i64 below = index < extent ? index : extent - 1;
  return below > 0 ? below : 0;
}

/// The element at the indices, each clamped into its dimension: there is always one to read.
template <int N, class T, class... I>
__device__ __forceinline__ auto lookup(const Global<N, T>& global, I... indices) {
  static_assert(sizeof...(I) == N, "one index for each dimension");
  const i64 values[N + 1] = {i64(indices)..., 0};
  i64 offset = 0;
#pragma unroll
  for (int d = 0; d < N; ++d)
    offset += clamp_index(values[d], global.dim[d]) * global.stride[d];
  return widen(global.data[offset]);
}

} // namespace attile
