// Tiles of 16-bit elements in shared memory as wgmma and TMA want them (CUDA C++ Programming Guide, "Tensor
// Memory Access", 128-byte swizzle; PTX ISA, "wgmma").
#pragma once

#include "attile/copy.cuh"
#include "attile/roles.cuh"

namespace attile {

/// Panels of 64 columns, one after the other; a panel's rows are 128 bytes, in which chunk c of 16 bytes of
/// row r lies at c ^ (r & 7). In memory of `bytes` that starts at a multiple of 1024. Columns past Cols are
/// there up to the end of a panel, and read up to the next multiple of 16: who fills the tile makes those 0.
/// The host computes the same:
///
///     bytes = ceil(Cols / 64) * Rows * 128
template <class T, int Rows, int Cols> struct PanelTile {
  static_assert(sizeof(T) == 2 && Rows % 8 == 0, "elements have 16 bits, rows come by 8");
  using Element = T;
  static constexpr int rows = Rows, cols = Cols, chunk = 8; ///< elements of one chunk
  static constexpr int panels = (Cols + 63) / 64, chunks = round_up(Cols, 16) / chunk;
  static constexpr int pitch = 128, panel_bytes = Rows * pitch, bytes = panels * panel_bytes;

  T* base;

  /// Bytes from `base` to chunk `c` of row `r`.
  static __device__ __forceinline__ int offset(int r, int c) {
    return c / 8 * panel_bytes + r * pitch + 16 * (c % 8 ^ r % 8);
  }
  __device__ __forceinline__ T* chunk_at(int r, int c) const {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(base) + offset(r, c));
  }
  __device__ __forceinline__ T& at(int r, int col) const { return chunk_at(r, col / chunk)[col % chunk]; }
};

/// Tiles one after the other, of which a pipeline fills one while others are read.
template <class Tile, int Stages> struct Staged {
  static constexpr int stages = Stages, bytes = Stages * Tile::bytes;
  decltype(Tile::base) base;
  __device__ __forceinline__ Tile stage(int i) const { return {base + i * (Tile::bytes / 2)}; }
};

namespace detail {

/// Row r comes from row_pointer(r), for r < rows; what else is read becomes 0. By threads `thread`, thread +
/// Threads, ...; complete for this thread when it returns.
template <int Threads, int Columns, class T, int Rows, int Cols, class RowPointer>
__device__ __forceinline__ void fill_panels(const PanelTile<T, Rows, Cols>& to, RowPointer row_pointer,
                                            bool aligned, int thread, int rows) {
  using Tile = PanelTile<T, Rows, Cols>;
  if (aligned && Columns % Tile::chunk == 0) {
#pragma unroll 1
    for (int unit = thread; unit < Rows * Tile::chunks; unit += Threads) {
      const int r = unit / Tile::chunks, c = unit % Tile::chunks;
      copy_chunk_async(to.chunk_at(r, c), row_pointer(r) + c * Tile::chunk,
                       r < rows && c * Tile::chunk < Columns);
    }
    commit_copies();
    wait_copies<0>();
  } else {
    constexpr int columns = Tile::chunks * Tile::chunk;
#pragma unroll 1
    for (int i = thread; i < Rows * columns; i += Threads) {
      const int r = i / columns, c = i % columns;
      T value = {};
      if (r < rows && c < Columns)
        value = row_pointer(r)[c];
      to.at(r, c) = value;
    }
  }
}

} // namespace detail

/// Row r of the tile becomes that at base + row_h * stride_h + row_q * stride_q, where a warp's lanes know
/// row_h and row_q of its rows; rows past `count` become 0. By the block's first Threads threads, which meet
/// at hardware barrier Id; the last meeting, after which wgmma may read, is the caller's. `row_offsets` is
/// shared memory of Rows entries. `Columns` as in copy_rows_async.
template <int Threads, int Id, int Columns = 0, class T, int Rows, int Cols>
__device__ __forceinline__ void gather_rows(const PanelTile<T, Rows, Cols>& to, const T* base, i64 stride_h,
                                            i64 stride_q, const RowFragment<int, 16>& row_h,
                                            const RowFragment<int, 16>& row_q, i64* row_offsets, int count) {
  meet<Id, Threads>(); // earlier readers of row_offsets
  if (lane_of_thread() % 4 == 0)
#pragma unroll
    for (int i = 0; i < 2; ++i)
      row_offsets[row_of<16>(0, i)] = row_h.x[0][i] * stride_h + row_q.x[0][i] * stride_q;
  meet<Id, Threads>();
  const bool aligned = detail::aligned_to(16, base, stride_h) && detail::aligned_to(16, base, stride_q);
  detail::fill_panels<Threads, Columns == 0 ? Cols : Columns>(
      to, [=](int r) { return base + row_offsets[r]; }, aligned, thread_again(), count);
  fence_async();
}

} // namespace attile
