// A tile of rows in the registers of a block's warps. Warp w owns rows [w * R, (w + 1) * R); its lanes hold
// elements as the accumulator of mma.m16n8 does: four neighbouring lanes, a quad, share each row.
#pragma once

#include "attile/types.cuh"

namespace attile {

__device__ __forceinline__ int lane_of_thread() { return int(threadIdx.x % 32); }
__device__ __forceinline__ int warp_of_thread() { return int(threadIdx.x / 32); }

/// The thread's number, read anew. What follows from threadIdx compilers compute once and keep in registers
/// from tile to tile, where accumulators need them; what follows from this is computed for each tile.
__device__ __forceinline__ unsigned thread_again() {
  unsigned thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
}

/// x[m][j][2 * i + c] is at row row_of<R>(m, i) and column column_of(j, c).
template <class T, int R, int C> struct Fragment {
  static_assert(R % 16 == 0 && C % 8 == 0, "a warp's rows come by 16, columns by 8");
  T x[R / 16][C / 8][4];
};

/// One value a row; x[m][i] is the one of row row_of<R>(m, i), the same in all lanes of a quad.
template <class T, int R> struct RowFragment {
  static_assert(R % 16 == 0, "a warp's rows come by 16");
  T x[R / 16][2];
};

template <int R> __device__ __forceinline__ int row_of(int m, int i) {
  const unsigned thread = thread_again();
  return int(thread / 32 * R + thread % 32 / 4) + 16 * m + 8 * i;
}
__device__ __forceinline__ int column_of(int j, int c) { return 8 * j + 2 * (lane_of_thread() % 4) + c; }

template <class T, int R, int C, class V>
__device__ __forceinline__ void fill(Fragment<T, R, C>& to, V value) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        to.x[m][j][e] = T(value);
}
template <class T, int R, class V> __device__ __forceinline__ void fill(RowFragment<T, R>& to, V value) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      to.x[m][i] = T(value);
}

// ---- reductions along a row ----

struct Add {
  static __device__ __forceinline__ float of(float a, float b) { return a + b; }
};
struct Mul {
  static __device__ __forceinline__ float of(float a, float b) { return a * b; }
};
struct Max {
  static __device__ __forceinline__ float of(float a, float b) { return fmaxf(a, b); }
};
struct Min {
  static __device__ __forceinline__ float of(float a, float b) { return fminf(a, b); }
};

/// Combines what the four lanes of a quad have of a row; all of them get the same result.
template <class Combiner> __device__ __forceinline__ float reduce_columns(float partial) {
  partial = Combiner::of(partial, __shfl_xor_sync(0xffffffffu, partial, 1));
  return Combiner::of(partial, __shfl_xor_sync(0xffffffffu, partial, 2));
}

/// x *= the factor of its row.
template <int R, int C>
__device__ __forceinline__ void scale_rows(Fragment<float, R, C>& x, const RowFragment<float, R>& factor) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        x.x[m][j][e] *= factor.x[m][e / 2];
}

// ---- 16-bit operands of matrix products ----

/// Elements of a fragment as pairs of columns: x[m][j][i] holds those of x[m][j][2 * i] and [2 * i + 1]. Two
/// neighbouring j are the left operand of mma.m16n8k16.
template <class T16, int R, int C> struct Operand {
  static_assert(sizeof(T16) == 2, "operands in registers are of 16-bit elements");
  unsigned x[R / 16][C / 8][2];
};

template <class T16, int R, int C>
__device__ __forceinline__ void round(Operand<T16, R, C>& to, const Fragment<float, R, C>& from) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        to.x[m][j][i] = narrow_pair<T16>(from.x[m][j][2 * i], from.x[m][j][2 * i + 1]);
}

/// What rounding takes away, itself rounded: round + residual have twice the bits.
template <class T16, int R, int C>
__device__ __forceinline__ void residual(Operand<T16, R, C>& to, const Fragment<float, R, C>& from) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float first = from.x[m][j][2 * i], second = from.x[m][j][2 * i + 1];
        const unsigned rounded = narrow_pair<T16>(first, second); // as in round(), whose result serves
        to.x[m][j][i] =
            narrow_pair<T16>(first - widen_first<T16>(rounded), second - widen_second<T16>(rounded));
      }
}

} // namespace attile
