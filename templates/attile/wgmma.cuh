// Products of tiles by warpgroups, asynchronous: four warps of 16 rows multiply 64 rows at once, with sums in
// f32. (PTX ISA, "wgmma"; descriptors and layouts for the 128-byte swizzle.) The accumulators lie as those of
// mma.m16n8 do, so fragments of 16 rows a warp serve both.
#pragma once

#include "attile/panel.cuh"
#include "attile/wgmma_shapes.cuh"

namespace attile {
namespace detail {

/// The compiler keeps what it computes of these registers on its side of this place.
template <int C> __device__ __forceinline__ void pin(float (&x)[C][4]) {
#pragma unroll
  for (int j = 0; j < C; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e)
      asm volatile("" : "+f"(x[j][e])::"memory");
}
template <int C> __device__ __forceinline__ void pin(unsigned (&x)[C][2]) {
#pragma unroll
  for (int j = 0; j < C; ++j)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      asm volatile("" : "+r"(x[j][i])::"memory");
}

/// A matrix descriptor: where an operand begins, and how far apart its parts are, in bytes.
__device__ __forceinline__ unsigned long long descriptor(unsigned at, int leading, int stride) {
  return (unsigned long long)((at & 0x3ffff) >> 4) | (unsigned long long)(leading >> 4) << 16 |
         (unsigned long long)(stride >> 4) << 32 | 1ull << 62;
}

} // namespace detail

/// Before the first product of a group that reads or writes registers which this warpgroup has written.
__device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// What is computed of these elements is computed before what follows.
template <int C> __device__ __forceinline__ void settle(Fragment<float, 16, C>& x) { detail::pin(x.x[0]); }
/// Waits until at most the N latest groups are under way; those that made these sums are complete then.
template <int N, class... Sums> __device__ __forceinline__ void wait_products(Sums&... sums) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
  (detail::pin(sums.x[0]), ...);
}

/// Starts acc = a b^T, contracted over D: each warpgroup its 64 rows of `a` with all rows of `b`.
template <class T, int C, int Rows, int D>
__device__ __forceinline__ void start_dot_nt(Fragment<float, 16, C>& acc, const PanelTile<T, Rows, D>& a,
                                             const PanelTile<T, C, D>& b) {
  using A = PanelTile<T, Rows, D>;
  using B = PanelTile<T, C, D>;
  constexpr int group = 1024; // eight rows
  // The same in all lanes, which the compiler needs to be told.
  const int rows = __shfl_sync(0xffffffffu, thread_again() / warpgroup * 64, 0);
  const unsigned long long left = detail::descriptor(shared_address(a.base) + rows * A::pitch, 16, group),
                           right = detail::descriptor(shared_address(b.base), 16, group);
  detail::pin(acc.x[0]);
  begin_products();
#pragma unroll
  for (int s = 0; s < A::chunks / 2; ++s) // four steps of 32 bytes in a panel
    detail::Wgmma<C>::template shared<T>(acc.x[0], left + (s / 4 * A::panel_bytes + s % 4 * 32) / 16,
                                         right + (s / 4 * B::panel_bytes + s % 4 * 32) / 16, s != 0);
  commit_products();
}

/// Starts acc += p v, contracted over C.
template <class T, int C, int D>
__device__ __forceinline__ void start_dot_nn(Fragment<float, 16, D>& acc, Operand<T, 16, C>& p,
                                             const PanelTile<T, C, D>& v) {
  static_assert(C % 16 == 0, "keys come by 16");
  using V = PanelTile<T, C, D>;
  const unsigned long long right = detail::descriptor(shared_address(v.base), V::panel_bytes, 1024);
  detail::pin(acc.x[0]);
  detail::pin(p.x[0]);
  begin_products();
#pragma unroll
  for (int s = 0; s < C / 16; ++s)
    detail::Wgmma<D>::template registers<T>(acc.x[0], p.x[0][2 * s], p.x[0][2 * s + 1],
                                            right + s * 16 * V::pitch / 16);
  commit_products();
}

/// Complete when they return.
template <class T, int C, int Rows, int D>
__device__ __forceinline__ void dot_nt(Fragment<float, 16, C>& acc, const PanelTile<T, Rows, D>& a,
                                       const PanelTile<T, C, D>& b) {
  start_dot_nt(acc, a, b);
  wait_products<0>(acc);
}
template <class T, int C, int D>
__device__ __forceinline__ void dot_nn(Fragment<float, 16, D>& acc, Operand<T, 16, C>& p,
                                       const PanelTile<T, C, D>& v) {
  start_dot_nn(acc, p, v);
  wait_products<0>(acc);
}

} // namespace attile
