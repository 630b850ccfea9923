// Minima and maxima of integer tensors, by blocks along the last dimension. Level 0 has a (min, max) pair for
// each `block` elements, level 1 one for each `block` of those, and so on up to a single pair; the levels of
// a row lie one after the other in a tensor [rows, slots, 2].
#pragma once

#include "attile/fragment.cuh"
#include "attile/global.cuh"

namespace attile {
namespace detail {

struct Bounds {
  i64 min = greatest_integer, max = least_integer;
  __device__ __forceinline__ void add(i64 low, i64 high) {
    min = low < min ? low : min;
    max = high > max ? high : max;
  }
};

/// Slot by slot, a warp each: the bounds of items [slot * block, (slot + 1) * block) of `count`, where
/// item(i, bounds) adds one.
template <class Item>
__device__ __forceinline__ void summarize_level(i64* out, i64 count, int block, Item item) {
  const i64 slots = ceil_div(count, i64(block));
#pragma unroll 1
  for (i64 slot = warp_of_thread(); slot < slots; slot += blockDim.x / 32) {
    Bounds bounds;
    const i64 past = (slot + 1) * block < count ? (slot + 1) * block : count;
#pragma unroll 1
    for (i64 i = slot * block + lane_of_thread(); i < past; i += 32)
      item(i, bounds);
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
      bounds.add(__shfl_xor_sync(0xffffffffu, bounds.min, distance),
                 __shfl_xor_sync(0xffffffffu, bounds.max, distance));
    if (lane_of_thread() == 0) {
      out[2 * slot] = bounds.min;
      out[2 * slot + 1] = bounds.max;
    }
  }
}

} // namespace detail

/// Writes the summary of one row of `source`; `row` counts its rows in their order. By all threads of the
/// block.
template <int N, class T>
__device__ __forceinline__ void summarize(const Global<3, i64>& summary, const Global<N, T>& source, i64 row,
                                          int block) {
  i64* out = summary.data + row * summary.stride[0];
  const T* elements = source.data;
#pragma unroll
  for (int d = N - 2; d >= 0; --d) {
    const i64 extent = source.dim[d] > 1 ? source.dim[d] : 1;
    elements += row % extent * source.stride[d];
    row /= extent;
  }
  const i64 stride = source.stride[N - 1];
  i64 count = source.dim[N - 1];
  detail::summarize_level(out, count, block, [=](i64 i, detail::Bounds& bounds) {
    const i64 value = i64(widen(elements[i * stride]));
    bounds.add(value, value);
  });
  count = ceil_div(count, i64(block));
#pragma unroll 1
  while (count > 1) {
    __syncthreads(); // the level below is written
    detail::summarize_level(out + 2 * count, count, block,
                            [=](i64 i, detail::Bounds& bounds) { bounds.add(out[2 * i], out[2 * i + 1]); });
    out += 2 * count;
    count = ceil_div(count, i64(block));
  }
}

/// range_of(min, max, summary, source, leading indices..., lo, hi, block): bounds of source[indices..., i]
/// for i in [lo, hi], indices clamped as a lookup's. They may be wider, never narrower. 0 and 0 if `source`
/// is empty.
template <class S, int N, class T, class... I>
__device__ __forceinline__ void range_of(i64& min, i64& max, const Global<3, S>& summary,
                                         const Global<N, T>& source, I... indices_lo_hi_block) {
  static_assert(sizeof...(I) == N + 2, "an index for each dimension but the last, then lo, hi, block");
  const i64 values[N + 2] = {i64(indices_lo_hi_block)...};
  const i64 n = source.dim[N - 1];
  min = max = 0;
  bool empty = n == 0;
  i64 row = 0;
#pragma unroll
  for (int d = 0; d < N - 1; ++d) {
    empty |= source.dim[d] == 0;
    row = row * source.dim[d] + clamp_index(values[d], source.dim[d]);
  }
  if (empty) // there is no summary
    return;
  const S* level = summary.data + row * summary.stride[0];
  const i64 block = values[N + 1];
  i64 first = clamp_index(values[N - 1], n) / block, last = clamp_index(values[N], n) / block;
  i64 count = ceil_div(n, i64(block));
  detail::Bounds bounds;
  // At each level the slots at both ends that do not fill a parent; then the parents between them.
#pragma unroll 1
  while (first <= last) {
    const i64 past = last + 1;
    const i64 left_end =
        ceil_div(first, i64(block)) * block < past ? ceil_div(first, i64(block)) * block : past;
    const i64 right_start = past / block * block > left_end ? past / block * block : left_end;
#pragma unroll 1
    for (i64 i = first; i < left_end; ++i)
      bounds.add(level[2 * i], level[2 * i + 1]);
#pragma unroll 1
    for (i64 i = right_start; i < past; ++i)
      bounds.add(level[2 * i], level[2 * i + 1]);
    first = ceil_div(left_end, i64(block));
    last = right_start / block - 1;
    level += 2 * count;
    count = ceil_div(count, i64(block));
  }
  min = bounds.min;
  max = bounds.max;
}

} // namespace attile
