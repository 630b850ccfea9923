// Fragments to and from global memory.
#pragma once

#include "attile/copy.cuh"
#include "attile/fragment.cuh"

namespace attile {
namespace detail {

/// The four lanes of a quad have word w[b] of blocks b = 0 to 3; afterwards lane t has the four words of
/// block t, in the order of lanes.
__device__ __forceinline__ void transpose_quad(unsigned (&w)[4]) {
  const int t = lane_of_thread() % 4;
#pragma unroll
  for (int bit = 1; bit < 4; bit *= 2)
#pragma unroll
    for (int b = 0; b < 4; ++b)
      if ((b & bit) == 0) {
        const bool upper = (t & bit) != 0; // this lane keeps w[b + bit], and gives w[b] away
        const unsigned got = __shfl_xor_sync(0xffffffffu, upper ? w[b] : w[b + bit], bit);
        (upper ? w[b] : w[b + bit]) = got;
      }
}

/// 16 or 8 aligned bytes, by one instruction: the compiler takes some stores of vectors apart.
__device__ __forceinline__ void store_words(void* to, const unsigned (&w)[4]) {
  asm volatile("st.global.v4.b32 [%0], {%1,%2,%3,%4};" ::"l"(to), "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3])
               : "memory");
}
__device__ __forceinline__ void store_floats(float* to, float first, float second) {
  asm volatile("st.global.v2.f32 [%0], {%1,%2};" ::"l"(to), "f"(first), "f"(second) : "memory");
}

/// A row of 16-bit elements, pairs[j] in columns column_of(j, 0) and (j, 1): by four blocks of columns, a
/// lane of the quad one each, and what is left by pairs.
template <class T, int Blocks>
__device__ __forceinline__ void store_wide(T* row, const unsigned (&pairs)[Blocks], bool valid) {
  constexpr int fours = Blocks / 4 * 4;
  T* const block = row + 8 * (lane_of_thread() % 4);
#pragma unroll
  for (int j = 0; j < fours; j += 4) {
    unsigned words[4] = {pairs[j], pairs[j + 1], pairs[j + 2], pairs[j + 3]};
    transpose_quad(words);
    if (valid)
      store_words(block + 8 * j, words);
  }
  if (valid)
#pragma unroll
    for (int j = fours; j < Blocks; ++j)
      *reinterpret_cast<unsigned*>(row + column_of(j, 0)) = pairs[j];
}

/// Row i of x, if `valid`. `wide`: the row's address is a multiple of 16 bytes; then elements are stored by
/// 16 bytes (f32: 8), else one by one. Columns past `Columns` are left out.
template <int Columns, class T, int C>
__device__ __forceinline__ void store_row(T* row, const float (&x)[C / 8][4], int i, bool wide, bool valid) {
  T* const first = row + column_of(0, 0);
  if constexpr (sizeof(T) == 2) {
    unsigned pairs[C / 8];
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
      pairs[j] = narrow_pair<T>(x[j][2 * i], x[j][2 * i + 1]);
    if (Columns == C && wide)
      store_wide<T>(row, pairs, valid);
    else if (valid)
#pragma unroll
      for (int j = 0; j < C / 8; ++j) {
        if (column_of(j, 0) < Columns)
          first[8 * j] = first_of<T>(pairs[j]);
        if (column_of(j, 1) < Columns)
          first[8 * j + 1] = second_of<T>(pairs[j]);
      }
  } else if (valid) {
#pragma unroll
    for (int j = 0; j < C / 8; ++j)
      if (Columns == C && wide)
        store_floats(first + 8 * j, x[j][2 * i], x[j][2 * i + 1]);
      else
#pragma unroll
        for (int c = 0; c < 2; ++c)
          if (column_of(j, c) < Columns)
            first[8 * j + c] = x[j][2 * i + c];
  }
}

} // namespace detail

/// Row r of the fragment, as T, goes to base + row_h * stride_h + row_q * stride_q, for rows r < count. By 16
/// bytes (f32: 8) if base and strides are multiples of 16 bytes, as `Aligned` promises, else by elements, as
/// where there are only `Columns` < C of them. All threads of a warp call it.
template <bool Aligned = false, int Columns = 0, class T, int R, int C>
__device__ __forceinline__ void
scatter_rows(T* base, i64 stride_h, i64 stride_q, const RowFragment<int, R>& row_h,
             const RowFragment<int, R>& row_q, const Fragment<float, R, C>& x, int count) {
  const bool wide =
      Aligned || (detail::aligned_to(16, base, stride_h) && detail::aligned_to(16, base, stride_q));
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      detail::store_row<Columns == 0 ? C : Columns, T, C>(base + row_h.x[m][i] * stride_h +
                                                              row_q.x[m][i] * stride_q,
                                                          x.x[m], i, wide, row_of<R>(m, i) < count);
}

/// One element a row.
template <class T, int R>
__device__ __forceinline__ void
scatter_rows(T* base, i64 stride_h, i64 stride_q, const RowFragment<int, R>& row_h,
             const RowFragment<int, R>& row_q, const RowFragment<float, R>& x, int count) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (lane_of_thread() % 4 == 0 && row_of<R>(m, i) < count)
        base[row_h.x[m][i] * stride_h + row_q.x[m][i] * stride_q] = narrow<T>(x.x[m][i]);
}

// ---- dense and row-major, [rows of the block, Columns] or [rows of the block], aligned to 16 bytes;
// `Columns` is C, or fewer: the others are not stored, and are 0 when loaded ----

namespace detail {
template <int Columns, class T, int R, int C, class Move>
__device__ __forceinline__ void for_pairs(T* base, Move move) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      T* const row = base + row_of<R>(m, i) * Columns + column_of(0, 0);
#pragma unroll
      for (int j = 0; j < C / 8; ++j)
        move(row + 8 * j, m, i, j);
    }
}
} // namespace detail

template <int Columns = 0, class T, int R, int C>
__device__ __forceinline__ void store(T* base, const Fragment<T, R, C>& x) {
  constexpr int columns = Columns == 0 ? C : Columns;
  detail::for_pairs<columns, T, R, C>(base, [&](T* at, int m, int i, int j) {
    if constexpr (columns == C) {
      *reinterpret_cast<Pair<T>*>(at) = {x.x[m][j][2 * i], x.x[m][j][2 * i + 1]};
    } else {
#pragma unroll
      for (int c = 0; c < 2; ++c)
        if (column_of(j, c) < columns)
          at[c] = x.x[m][j][2 * i + c];
    }
  });
}
template <int Columns = 0, class T, int R, int C>
__device__ __forceinline__ void load(Fragment<T, R, C>& x, const T* base) {
  constexpr int columns = Columns == 0 ? C : Columns;
  detail::for_pairs<columns, const T, R, C>(base, [&](const T* at, int m, int i, int j) {
    if constexpr (columns == C) {
      const auto pair = *reinterpret_cast<const Pair<T>*>(at);
      x.x[m][j][2 * i] = pair.first;
      x.x[m][j][2 * i + 1] = pair.second;
    } else {
#pragma unroll
      for (int c = 0; c < 2; ++c)
        x.x[m][j][2 * i + c] = column_of(j, c) < columns ? at[c] : T{};
    }
  });
}
template <class T, int R> __device__ __forceinline__ void store(T* base, const RowFragment<T, R>& x) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (lane_of_thread() % 4 == 0)
        base[row_of<R>(m, i)] = x.x[m][i];
}
template <class T, int R> __device__ __forceinline__ void load(RowFragment<T, R>& x, const T* base) {
#pragma unroll
  for (int m = 0; m < R / 16; ++m)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      x.x[m][i] = base[row_of<R>(m, i)];
}

} // namespace attile
