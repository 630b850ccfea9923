// The inner loops of matrix.cpp. Columns come in panels of 8: a panel of b is k rows of 8 values, so that
// vectors run along the columns and the elements of a are broadcast.
#pragma once

#include "emulator/numeric/bits.h"

namespace emu::numeric {
inline namespace EMU_HOST {

inline constexpr int panel = 8;

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif
template <class T>
inline constexpr int lanes = register_bytes / sizeof(T) < panel ? register_bytes / sizeof(T) : panel;

template <class T, int N> struct VectorOf {
  using Type [[gnu::vector_size(N * sizeof(T))]] = T;
};
template <class T, int N = lanes<T>> using Vector = VectorOf<T, N>::Type;

template <class V, class T> EMU_INLINE V load(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

// acc + x v, in one rounding where the host can. (In the others, only for products that are exact.)
template <class T> EMU_INLINE Vector<T> multiply_add(T x, Vector<T> v, Vector<T> acc) {
#ifdef __FMA__
  Vector<T> result;
  for (int i = 0; i < lanes<T>; ++i)
    if constexpr (sizeof(T) == 4)
      result[i] = __builtin_fmaf(x, v[i], acc[i]);
    else
      result[i] = __builtin_fma(x, v[i], acc[i]);
  return result;
#else
  return acc + x * v;
#endif
}

// A panel's width of elements of c to T, and of T to elements of d, as `Result` does it: at once, or one by
// one.
template <class Result, class T, class Element>
EMU_INLINE void load_all(const Element* c, T (&values)[panel]) {
  if constexpr (requires { Result::load_all(c, values); })
    Result::load_all(c, values);
  else
    for (int j = 0; j < panel; ++j)
      values[j] = Result::load(c[j]);
}
template <class Result, class T, class Element>
EMU_INLINE void store_all(const T (&values)[panel], const Element* c, Element* d) {
  if constexpr (requires { Result::store_all(values, d); })
    Result::store_all(values, d);
  else
    for (int j = 0; j < panel; ++j)
      d[j] = Result::store(values[j], c[j]);
}

// d = c + a b for Rows x (8 Panels) elements whose sums stay in registers over all of k. `Result` says how an
// element of c becomes a T and a T one of d; `stride` is of c and d.
template <int Rows, int Panels, class Result, class T, class Element>
EMU_INLINE void multiply_tile(int k, const T* a, const T* b, const Element* c, Element* d, int stride) {
  constexpr int vectors = Panels * panel / lanes<T>, in_panel = panel / lanes<T>;
  Vector<T> acc[Rows][vectors];
  for (int i = 0; i < Rows; ++i)
    for (int p = 0; p < Panels; ++p) {
      T values[panel];
      load_all<Result>(c + i * stride + p * panel, values);
      for (int v = 0; v < in_panel; ++v)
        acc[i][p * in_panel + v] = load<Vector<T>>(values + v * lanes<T>);
    }
  for (int l = 0; l < k; ++l) {
    Vector<T> row[vectors];
    for (int v = 0; v < vectors; ++v)
      row[v] = load<Vector<T>>(b + (v / in_panel * k + l) * panel + v % in_panel * lanes<T>);
    for (int i = 0; i < Rows; ++i)
      for (int v = 0; v < vectors; ++v)
        acc[i][v] = multiply_add(a[i * k + l], row[v], acc[i][v]);
  }
  for (int i = 0; i < Rows; ++i)
    for (int p = 0; p < Panels; ++p) {
      T values[panel];
      __builtin_memcpy(values, &acc[i][p * in_panel], sizeof values);
      store_all<Result>(values, c + i * stride + p * panel, d + i * stride + p * panel);
    }
}

template <int Rows, int Panels, class Result, class T, class Element>
void multiply_rows(int m, int k, const T* a, const T* b, const Element* c, Element* d, int stride) {
  for (int i = 0; i < m; i += Rows)
    multiply_tile<Rows, Panels, Result>(k, a + i * k, b, c + i * stride, d + i * stride, stride);
}

// d = c + a b for `panels` panels of b, which follow each other, and m rows, a multiple of 8.
template <class Result, class T, class Element>
void multiply_panels(int m, int panels, int k, const T* a, const T* b, const Element* c, Element* d,
                     int stride) {
  constexpr int rows = register_bytes == 64 ? 8 : register_bytes == 32 ? 4 : 2;
  constexpr int wide = register_bytes == 64 ? 2 : 1;
  int p = 0;
  for (; p + wide <= panels; p += wide)
    multiply_rows<rows, wide, Result>(m, k, a, b + p * k * panel, c + p * panel, d + p * panel, stride);
  for (; p < panels; ++p)
    multiply_rows<rows, 1, Result>(m, k, a, b + p * k * panel, c + p * panel, d + p * panel, stride);
}

// Eight rows of eight floats, transposed.
EMU_INLINE void transpose_8x8(const float* from, int stride, Vector<float, 8> (&to)[8]) {
  using V = Vector<float, 8>;
  V rows[8], pairs[8], fours[8];
  for (int i = 0; i < 8; ++i)
    rows[i] = load<V>(from + i * stride);
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      fours[i + 2 * j] = __builtin_shufflevector(pairs[i + j], pairs[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * j + 1] =
          __builtin_shufflevector(pairs[i + j], pairs[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; ++i) {
    to[i] = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    to[i + 4] = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// Eight columns of k elements each to a panel.
template <class T, class Element> void make_panel(int k, const Element* columns, T* rows) {
  int l = 0;
  if constexpr (sizeof(Element) == 4)
    for (; l + 8 <= k; l += 8) {
      Vector<float, 8> block[8];
      transpose_8x8(columns + l, k, block);
      for (int i = 0; i < 8; ++i) {
        auto values = __builtin_convertvector(block[i], Vector<T, 8>);
        __builtin_memcpy(rows + (l + i) * panel, &values, sizeof values);
      }
    }
  for (; l < k; ++l)
    for (int j = 0; j < panel; ++j)
      rows[l * panel + j] = columns[j * k + l]; // NOLINT(clang-analyzer-core.*): as many as were widened
}

} // namespace EMU_HOST
} // namespace emu::numeric
