// Rows of a tensor from global to shared memory, by all threads of a block. In every group of eight threads
// the chunks lie in different banks, and neighbouring ones read neighbouring memory.
#pragma once

#include "attile/fragment.cuh"
#include "attile/shared.cuh"

namespace attile {

/// Ends a group of asynchronous copies of this thread. (Where a chip has none, copies are done at once.)
__device__ __forceinline__ void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until at most the N latest groups of this thread are under way. Other threads' copies can be read
/// after a barrier of the block.
template <int N> __device__ __forceinline__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

namespace detail {

#if __CUDA_ARCH__ >= 800
inline constexpr bool has_async_copies = true;
#else
inline constexpr bool has_async_copies = false;
#endif

/// 16 bytes, or zeros and no access if not `valid`. `from` is a multiple of 16 in either case.
__device__ __forceinline__ void copy_chunk_async(void* to, const void* from, bool valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
#endif
}

/// The order in which threads, eight at a time, copy the chunks of a tile: each eight has `across`
/// neighbouring chunks of 8 / across rows that lie `across` apart, so that they meet different banks in
/// either layout. `chunks` eights make eight rows: number v has the rows that begin at v % across, and chunks
/// v / across * across and on.
template <class Tile> struct ChunkOrder {
  static constexpr int across = Tile::chunks % 8 == 0 ? 8 : Tile::chunks % 4 == 0 ? 4 : 2;
  int thread = thread_again();
  __device__ __forceinline__ int row(int v) const { return v % across + thread % 8 / across * across; }
  __device__ __forceinline__ int chunk(int v) const { return v / across * across + thread % across; }
};

/// Row r comes from row_pointer(r); rows past `rows` and columns past `Columns` become 0.
template <int Columns, class T, int Rows, int Cols, class RowPointer>
__device__ __forceinline__ void copy_elements(const SharedTile<T, Rows, Cols>& to, RowPointer row_pointer,
                                              int rows) {
  using Tile = SharedTile<T, Rows, Cols>;
  constexpr int columns = Tile::chunks * Tile::chunk;
#pragma unroll 1
  for (int i = thread_again(); i < Rows * columns; i += int(blockDim.x)) {
    const int r = i / columns, c = i % columns;
    T value = {};
    if (r < rows && c < Columns)
      value = row_pointer(r)[c];
    to.at(r, c) = value;
  }
}

/// The same for rows that are aligned to 16 bytes.
template <class T, int Rows, int Cols, class RowPointer>
__device__ __forceinline__ void copy_chunks(const SharedTile<T, Rows, Cols>& to, RowPointer row_pointer,
                                            int rows) {
  using Tile = SharedTile<T, Rows, Cols>;
  const ChunkOrder<Tile> order;
#pragma unroll 1
  for (int unit = order.thread / 8; unit < Rows / 8 * Tile::chunks; unit += int(blockDim.x) / 8) {
    const int v = unit % Tile::chunks, r = unit / Tile::chunks * 8 + order.row(v), c = order.chunk(v);
    const bool there = r < rows && c * Tile::chunk < Cols;
    const T* from = row_pointer(r) + c * Tile::chunk;
    if constexpr (has_async_copies)
      copy_chunk_async(to.chunk_at(r, c), from, there);
    else
      *reinterpret_cast<uint4*>(to.chunk_at(r, c)) =
          there ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
  }
}

__device__ constexpr int divisor_from(int n, int least) {
  while (n % least != 0)
    ++least;
  return least;
}

/// The same for rows `row_stride` apart and a known number of warps: addresses advance by constants.
template <int Warps, class T, int Rows, int Cols>
__device__ __forceinline__ void copy_aligned(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                             i64 row_stride, int rows) {
  using Tile = SharedTile<T, Rows, Cols>;
  const ChunkOrder<Tile> order;
  constexpr int units = 4 * Warps;
  constexpr int passes = divisor_from(Tile::chunks, (Tile::chunks + units - 1) / units); // for eight rows
  constexpr int together = Tile::chunks / passes, octets = units / together;             // in one pass
  constexpr int turns = (Rows / 8 + octets - 1) / octets;
  const int unit = order.thread / 8, octet = unit / together;
  if (units % together != 0 && octet >= octets)
    return; // threads that no eight rows are left for
#pragma unroll
  for (int pass = 0; pass < passes; ++pass) {
    const int v = unit % together + pass * together, r = 8 * octet + order.row(v), c = order.chunk(v);
    const bool in_row = Tile::chunks * Tile::chunk == Cols || c * Tile::chunk < Cols;
    const T* from = first_row + r * row_stride + c * Tile::chunk;
    T* at = to.chunk_at(r, c);
    constexpr int most = has_async_copies ? 8 : 4; // copies, or loads, that are issued one after the other
    constexpr int batch = turns < most ? turns : most;
    constexpr bool whole = Rows % (8 * octets * batch) == 0;
    constexpr int distance = 8 * octets * (Tile::pitch / int(sizeof(T))); // from turn to turn
#pragma unroll 1
    for (int first = 0; first < turns; first += batch) {
      uint4 values[batch];
#pragma unroll
      for (int b = 0; b < batch; ++b) {
        const int row = r + (first + b) * 8 * octets;
        const bool there = in_row && row < rows;
        T* chunk = at + b * distance;
        if (!whole && row >= Rows)
          continue;
        if constexpr (has_async_copies) {
          copy_chunk_async(chunk, from, there);
        } else {
          values[b] = make_uint4(0, 0, 0, 0);
          if (there)
            values[b] = *reinterpret_cast<const uint4*>(from);
        }
        from += 8 * octets * row_stride;
      }
      if constexpr (!has_async_copies)
#pragma unroll
        for (int b = 0; b < batch; ++b)
          if (whole || r + (first + b) * 8 * octets < Rows)
            *reinterpret_cast<uint4*>(at + b * distance) = values[b];
      at += batch * distance;
    }
  }
}

template <class T> __device__ __forceinline__ bool aligned_to(int bytes, const T* base, i64 stride) {
  return ((reinterpret_cast<i64>(base) | stride * i64(sizeof(T))) & (bytes - 1)) == 0;
}

template <int Warps, bool Aligned, int Columns, class T, int Rows, int Cols>
__device__ __forceinline__ void copy_strided(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                             i64 row_stride, int rows) {
  const auto row_pointer = [=](int r) { return first_row + r * row_stride; };
  if (Columns < Cols || (!Aligned && !aligned_to(16, first_row, row_stride)))
    copy_elements<Columns>(to, row_pointer, rows);
  else if constexpr (Warps == 0)
    copy_chunks(to, row_pointer, rows);
  else
    copy_aligned<Warps>(to, first_row, row_stride, rows);
}

} // namespace detail

/// Row r of the tile becomes that at first_row + r * row_stride; rows past `rows` become 0. If pointer and
/// stride are multiples of 16 bytes, by asynchronous copies, which commit_copies and wait_copies order; else,
/// and where the chip has none, at once. Less code where `Aligned` promises that, and faster where the
/// block's number of warps is given. Where there are only `Columns` < Cols columns, the others become 0, and
/// elements are copied one by one.
template <int Warps = 0, bool Aligned = false, int Columns = 0, class T, int Rows, int Cols>
__device__ __forceinline__ void copy_rows_async(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                                i64 row_stride, int rows) {
  detail::copy_strided<Warps, Aligned, Columns == 0 ? Cols : Columns>(to, first_row, row_stride, rows);
}

/// The same, complete when it returns; earlier asynchronous copies are, too. What was written is seen by
/// other threads after a barrier of the block.
template <int Warps = 0, bool Aligned = false, class T, int Rows, int Cols>
__device__ __forceinline__ void copy_rows(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                          i64 row_stride, int rows) {
  copy_rows_async<Warps, Aligned>(to, first_row, row_stride, rows);
  commit_copies();
  wait_copies<0>();
}

/// Row r of the tile becomes that at base + row_h * stride_h + row_q * stride_q, where a warp's lanes know
/// row_h and row_q of its rows; rows past `count` become 0. `row_offsets` is shared memory of Rows entries,
/// which may be used again at once. The last barrier is the caller's. `Columns` as in copy_rows_async.
template <bool Aligned = false, int Columns = 0, class T, int Rows, int Cols, int R>
__device__ __forceinline__ void gather_rows(const SharedTile<T, Rows, Cols>& to, const T* base, i64 stride_h,
                                            i64 stride_q, const RowFragment<int, R>& row_h,
                                            const RowFragment<int, R>& row_q, i64* row_offsets, int count) {
  __syncthreads(); // earlier readers of row_offsets
  if (lane_of_thread() % 4 == 0)
#pragma unroll
    for (int m = 0; m < R / 16; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        if (row_of<R>(m, i) < Rows)
          row_offsets[row_of<R>(m, i)] = row_h.x[m][i] * stride_h + row_q.x[m][i] * stride_q;
  __syncthreads();
  const auto row_pointer = [=](int r) { return base + row_offsets[r]; };
  constexpr int columns = Columns == 0 ? Cols : Columns;
  if (columns == Cols &&
      (Aligned || (detail::aligned_to(16, base, stride_h) && detail::aligned_to(16, base, stride_q))))
    detail::copy_chunks(to, row_pointer, count);
  else
    detail::copy_elements<columns>(to, row_pointer, count);
  commit_copies();
  wait_copies<0>();
}

} // namespace attile
