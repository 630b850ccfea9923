// Tiles in shared memory, laid out so that neither 16-byte copies nor matrix loads meet a bank twice.
#pragma once

#include "attile/types.cuh"

namespace attile {

__device__ __forceinline__ unsigned shared_address(const void* at) {
  return unsigned(__cvta_generic_to_shared(at));
}

/// Rows of 16-byte chunks, in memory of `bytes` that starts at a multiple of 128. A row is padded to a
/// multiple of 32 bytes with columns that copies fill with zeros. If it is a multiple of 128 bytes, chunk c
/// of row r lies at c ^ (r & 7); else rows are an odd number of chunks apart. The host computes the same:
///
///     chunks = round_up(Cols * sizeof(T), 32) / 16
///     pitch  = chunks % 8 == 0 ? 16 * chunks : 16 * (chunks + 1)
///     bytes  = round_up(Rows * pitch, 128)
template <class T, int Rows, int Cols> struct SharedTile {
  static_assert(Rows % 8 == 0 && Cols * sizeof(T) % 16 == 0, "rows come by 8, columns by 16 bytes");
  using Element = T;
  static constexpr int rows = Rows, cols = Cols;
  static constexpr int chunk = 16 / int(sizeof(T));                       ///< elements of one
  static constexpr int chunks = round_up(Cols * int(sizeof(T)), 32) / 16; ///< of a row, with its padding
  static constexpr bool swizzled = chunks % 8 == 0;
  static constexpr int pitch = 16 * (swizzled ? chunks : chunks + 1); ///< bytes
  static constexpr int bytes = round_up(Rows * pitch, 128);

  T* base;

  /// Bytes from `base` to chunk `c` of row `r`.
  static __device__ __forceinline__ int offset(int r, int c) {
    return r * pitch + 16 * (swizzled ? c ^ (r & 7) : c);
  }
  /// The same for chunk c + step, when c is 0 or 1 and step even, from the offset of chunk c: with a constant
  /// step it costs one instruction at most.
  static __device__ __forceinline__ int advance(int offset, int step) {
    return swizzled ? (offset ^ 16 * (step & 7)) + 16 * (step & ~7) : offset + 16 * step;
  }
  __device__ __forceinline__ T* chunk_at(int r, int c) const {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(base) + offset(r, c));
  }
  __device__ __forceinline__ T& at(int r, int col) const { return chunk_at(r, col / chunk)[col % chunk]; }
};

} // namespace attile
