// Products of tiles. 16-bit elements go through the matrix units (mma.sync), with sums in f32; f32 elements
// through fused multiply-adds.
#pragma once

#include "attile/fragment.cuh"
#include "attile/shared.cuh"

namespace attile {
namespace detail {

template <class A, class B> inline constexpr bool same = false;
template <class A> inline constexpr bool same<A, A> = true;

/// Four (two) 8x8 matrices; lanes 8i to 8i + 7 give the rows of matrix i.
__device__ __forceinline__ void load_matrices(unsigned (&d)[4], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(at)
               : "memory");
}
__device__ __forceinline__ void load_matrices(unsigned (&d)[2], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(at)
               : "memory");
}
__device__ __forceinline__ void load_transposed(unsigned (&d)[4], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(at)
               : "memory");
}
__device__ __forceinline__ void load_transposed(unsigned (&d)[2], unsigned at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(at)
               : "memory");
}

#define ATTILE_MMA_K8(type)                                                                                  \
  asm("mma.sync.aligned.m16n8k8.row.col.f32." type "." type                                                  \
      ".f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"                                                    \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                       \
      : "r"(a0), "r"(a1), "r"(b))
#define ATTILE_MMA_K16(type)                                                                                 \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type                                                 \
      ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                           \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                       \
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1))

/// d[16][8] += a[16][8] b[8][8]
template <class T16>
__device__ __forceinline__ void mma_k8(float (&d)[4], unsigned a0, unsigned a1, unsigned b) {
#if __CUDA_ARCH__ < 800
  static_assert(!same<T16, bf16>, "sm_75 has no matrix instruction for bf16: use f16 or f32");
#else
  if constexpr (same<T16, bf16>)
    ATTILE_MMA_K8("bf16");
#endif
  if constexpr (same<T16, f16>)
    ATTILE_MMA_K8("f16");
}

/// d[16][8] += a[16][16] b[16][8]
template <class T16>
__device__ __forceinline__ void mma_k16(float (&d)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3,
                                        unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ < 800
  mma_k8<T16>(d, a0, a1, b0);
  mma_k8<T16>(d, a2, a3, b1);
#else
  if constexpr (same<T16, bf16>)
    ATTILE_MMA_K16("bf16");
  else
    ATTILE_MMA_K16("f16");
#endif
}

#undef ATTILE_MMA_K8
#undef ATTILE_MMA_K16

template <class T, int R, int C, int Rows, int D>
__device__ __forceinline__ void add_dot_nt_16(Fragment<float, R, C>& acc, const SharedTile<T, Rows, D>& a,
                                              const SharedTile<T, C, D>& b) {
  using A = SharedTile<T, Rows, D>;
  using B = SharedTile<T, C, D>;
  // More steps at once load more operands ahead than a warp of 32 rows has registers for.
  constexpr int steps = A::chunks / 2, unroll = R > 16 || steps > 16 ? 4 : steps;
  const int thread = thread_again(), lane = thread % 32;
  const unsigned a_base = shared_address(a.base), b_base = shared_address(b.base);
  const int a_offset = A::offset(thread / 32 * R + lane % 16, lane / 16);
  const int b_offset =
      B::offset(lane % 8 + lane / 16 * 8, lane / 8 % 2); // two j, each with both halves of 16
#pragma unroll unroll
  for (int s = 0; s < steps; ++s) {
    unsigned left[R / 16][4];
#pragma unroll
    for (int m = 0; m < R / 16; ++m)
      load_matrices(left[m], a_base + A::advance(a_offset, 2 * s) + 16 * m * A::pitch);
#pragma unroll
    for (int j = 0; j + 1 < C / 8; j += 2) {
      unsigned right[4];
      load_matrices(right, b_base + B::advance(b_offset, 2 * s) + 8 * j * B::pitch);
#pragma unroll
      for (int m = 0; m < R / 16; ++m) {
        mma_k16<T>(acc.x[m][j], left[m][0], left[m][1], left[m][2], left[m][3], right[0], right[1]);
        mma_k16<T>(acc.x[m][j + 1], left[m][0], left[m][1], left[m][2], left[m][3], right[2], right[3]);
      }
    }
    if constexpr (C / 8 % 2 == 1) {
      constexpr int j = C / 8 - 1;
      unsigned right[2];
      load_matrices(right, b_base + B::advance(b_offset, 2 * s) + 8 * j * B::pitch);
#pragma unroll
      for (int m = 0; m < R / 16; ++m)
        mma_k16<T>(acc.x[m][j], left[m][0], left[m][1], left[m][2], left[m][3], right[0], right[1]);
    }
  }
}

template <int R, int C, int Rows, int D>
__device__ __forceinline__ void add_dot_nt_32(Fragment<float, R, C>& acc, const SharedTile<float, Rows, D>& a,
                                              const SharedTile<float, C, D>& b) {
  const int thread = thread_again(), lane = thread % 32;
#pragma unroll 1
  for (int c = 0; c < D / 4; ++c) {
    float4 left[R / 16][2];
#pragma unroll
    for (int m = 0; m < R / 16; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        left[m][i] = *reinterpret_cast<const float4*>(a.chunk_at(thread / 32 * R + lane / 4, c) +
                                                      (16 * m + 8 * i) * (a.pitch / 4));
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const float4 right =
            *reinterpret_cast<const float4*>(b.chunk_at(2 * (lane % 4) + k, c) + 8 * j * (b.pitch / 4));
#pragma unroll
        for (int m = 0; m < R / 16; ++m)
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            float& sum = acc.x[m][j][2 * i + k];
            sum = fmaf(left[m][i].x, right.x, sum);
            sum = fmaf(left[m][i].y, right.y, sum);
            sum = fmaf(left[m][i].z, right.z, sum);
            sum = fmaf(left[m][i].w, right.w, sum);
          }
      }
  }
}

} // namespace detail

/// acc = a b^T, contracted over D: each warp its rows of `a` with all rows of `b`.
template <class T, int R, int C, int Rows, int D>
__device__ __forceinline__ void dot_nt(Fragment<float, R, C>& acc, const SharedTile<T, Rows, D>& a,
                                       const SharedTile<T, C, D>& b) {
  fill(acc, 0.0f);
  if constexpr (sizeof(T) == 2)
    detail::add_dot_nt_16(acc, a, b);
  else
    detail::add_dot_nt_32(acc, a, b);
}

/// acc += p v, contracted over C.
template <class T16, int R, int C, int D>
__device__ __forceinline__ void dot_nn(Fragment<float, R, D>& acc, const Operand<T16, R, C>& p,
                                       const SharedTile<T16, C, D>& v) {
  using V = SharedTile<T16, C, D>;
  const int thread = thread_again(), lane = thread % 32;
  const unsigned base = shared_address(v.base);
  const int offset = V::offset(lane % 16, lane / 16); // two j, each with both halves of 16 rows
#pragma unroll
  for (int s = 0; s < C / 16; ++s)
#pragma unroll
    for (int j = 0; j < D / 8; j += 2) {
      unsigned right[4];
      detail::load_transposed(right, base + V::advance(offset, j) + 16 * s * V::pitch);
#pragma unroll
      for (int m = 0; m < R / 16; ++m) {
        const unsigned (&first)[2] = p.x[m][2 * s];
        const unsigned (&second)[2] = p.x[m][2 * s + 1];
        detail::mma_k16<T16>(acc.x[m][j], first[0], first[1], second[0], second[1], right[0], right[1]);
        if (j + 1 < D / 8)
          detail::mma_k16<T16>(acc.x[m][j + 1], first[0], first[1], second[0], second[1], right[2], right[3]);
      }
    }
  if constexpr (C / 8 % 2 == 1) {
    constexpr int s = C / 8 - 1;
    const int last = V::offset(lane % 8, lane / 8 % 2);
#pragma unroll
    for (int j = 0; j < D / 8; j += 2) {
      unsigned right[2];
      detail::load_transposed(right, base + V::advance(last, j) + 8 * s * V::pitch);
#pragma unroll
      for (int m = 0; m < R / 16; ++m) {
        detail::mma_k8<T16>(acc.x[m][j], p.x[m][s][0], p.x[m][s][1], right[0]);
        if (j + 1 < D / 8)
          detail::mma_k8<T16>(acc.x[m][j + 1], p.x[m][s][0], p.x[m][s][1], right[1]);
      }
    }
  }
}

/// The same with weights in f32, by fused multiply-adds; with values in a tile of any kind.
template <class V, int R, int C, int D>
__device__ __forceinline__ void dot_nn(Fragment<float, R, D>& acc, const Fragment<float, R, C>& p,
                                       const V& v) {
  using T = typename V::Element;
  const int t = lane_of_thread() % 4;
  Fragment<float, R, C> left = p;
  // A loop that is not unrolled keeps the code small; so that its registers have constant numbers, the
  // columns of `left` move down by eight in each turn.
#pragma unroll 1
  for (int rows = 0; rows < C; rows += 8) {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      float factor[R / 16][2];
#pragma unroll
      for (int m = 0; m < R / 16; ++m)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          factor[m][i] = __shfl_sync(0xffffffffu, left.x[m][0][2 * i + k % 2], k / 2, 4);
#pragma unroll
      for (int j = 0; j < D / 8; ++j) {
        const int column = 8 * j + 2 * t;
        const auto& pair = *reinterpret_cast<const Pair<T>*>(
            v.chunk_at(k, column / V::chunk) + rows * (V::pitch / int(sizeof(T))) + column % V::chunk);
        const float right[2] = {widen(pair.first), widen(pair.second)};
#pragma unroll
        for (int m = 0; m < R / 16; ++m)
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            acc.x[m][j][2 * i] = fmaf(factor[m][i], right[0], acc.x[m][j][2 * i]);
            acc.x[m][j][2 * i + 1] = fmaf(factor[m][i], right[1], acc.x[m][j][2 * i + 1]);
          }
      }
    }
#pragma unroll
    for (int m = 0; m < R / 16; ++m)
#pragma unroll
      for (int j = 0; j + 1 < C / 8; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          left.x[m][j][e] = left.x[m][j + 1][e];
  }
}

} // namespace attile
