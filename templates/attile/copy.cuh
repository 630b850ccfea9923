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

/// 16 bytes, or zeros and no access if not `valid`. `from` is a multiple of 16 in any case.
__device__ __forceinline__ void copy_chunk_async(void* to, const void* from, bool valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
#endif
}

/// 16 bytes, read element by element.
template <class T> __device__ __forceinline__ uint4 read_elements(const T* from) {
  unsigned words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if constexpr (sizeof(T) == 2) {
      const auto* halves = reinterpret_cast<const unsigned short*>(from);
      words[i] = unsigned(halves[2 * i]) | unsigned(halves[2 * i + 1]) << 16;
    } else {
      words[i] = reinterpret_cast<const unsigned*>(from)[i];
    }
  return make_uint4(words[0], words[1], words[2], words[3]);
}

/// Which chunks a thread copies: in step `unit`, a group of eight threads has `across` neighbouring chunks of
/// each of 8 / across rows.
template <class Tile> struct ChunkOrder {
  static constexpr int across = Tile::chunks % 8 == 0 ? 8 : Tile::chunks % 4 == 0 ? 4 : 2;
  static constexpr int groups = Tile::chunks / across;
  static constexpr int units = Tile::rows * Tile::chunks / 8;
  static __device__ __forceinline__ int row(int unit) {
    const int line = unit / groups, eighth = int(threadIdx.x) % 8;
    return line / across * 8 + line % across + eighth / across * across;
  }
  static __device__ __forceinline__ int chunk(int unit) {
    return unit % groups * across + int(threadIdx.x) % across;
  }
};

/// Row r comes from row_pointer(r); rows past `rows` and columns past the tile's become 0. `aligned`: all
/// rows begin at multiples of 16 bytes.
template <bool Async, class T, int Rows, int Cols, class RowPointer>
__device__ __forceinline__ void copy_chunks(const SharedTile<T, Rows, Cols>& to, RowPointer row_pointer,
                                            int rows, bool aligned) {
  using Tile = SharedTile<T, Rows, Cols>;
  using Order = ChunkOrder<Tile>;
  const int step = int(blockDim.x) / 8;
  int unit = int(threadIdx.x) / 8;
  const auto valid = [&](int r, int c) { return r < rows && c * Tile::chunk < Cols; };
  if (!aligned) {
#pragma unroll 1
    for (; unit < Order::units; unit += step) {
      const int r = Order::row(unit), c = Order::chunk(unit);
      uint4 value = make_uint4(0, 0, 0, 0);
      if (valid(r, c))
        value = read_elements(row_pointer(r) + c * Tile::chunk);
      *reinterpret_cast<uint4*>(to.chunk_at(r, c)) = value;
    }
  } else if constexpr (Async) {
#pragma unroll 1
    for (; unit < Order::units; unit += step) {
      const int r = Order::row(unit), c = Order::chunk(unit);
      const bool there = valid(r, c);
      copy_chunk_async(to.chunk_at(r, c), there ? row_pointer(r) + c * Tile::chunk : row_pointer(0), there);
    }
  } else {
    constexpr int batch = 4; // loads under way
#pragma unroll 1
    for (; unit < Order::units; unit += batch * step) {
      uint4 values[batch];
#pragma unroll
      for (int b = 0; b < batch; ++b) {
        const int r = Order::row(unit + b * step), c = Order::chunk(unit + b * step);
        values[b] = make_uint4(0, 0, 0, 0);
        if (r < Rows && valid(r, c))
          values[b] = *reinterpret_cast<const uint4*>(row_pointer(r) + c * Tile::chunk);
      }
#pragma unroll
      for (int b = 0; b < batch; ++b) {
        const int r = Order::row(unit + b * step), c = Order::chunk(unit + b * step);
        if (r < Rows)
          *reinterpret_cast<uint4*>(to.chunk_at(r, c)) = values[b];
      }
    }
  }
}

template <class T> __device__ __forceinline__ bool aligned_to(int bytes, const T* base, i64 stride) {
  return ((reinterpret_cast<i64>(base) | stride * i64(sizeof(T))) & (bytes - 1)) == 0;
}

} // namespace detail

/// Row r of the tile becomes that at first_row + r * row_stride; rows past `rows` become 0. By whole chunks
/// if pointer and stride are multiples of 16 bytes, else element by element. What was written is seen by
/// other threads after a barrier of the block.
template <class T, int Rows, int Cols>
__device__ __forceinline__ void copy_rows(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                          i64 row_stride, int rows) {
  detail::copy_chunks<false>(
      to, [=](int r) { return first_row + r * row_stride; }, rows,
      detail::aligned_to(16, first_row, row_stride));
}

/// The same by asynchronous copies, which commit_copies and wait_copies order; where the chip has none, or
/// rows are not aligned, as copy_rows.
template <class T, int Rows, int Cols>
__device__ __forceinline__ void copy_rows_async(const SharedTile<T, Rows, Cols>& to, const T* first_row,
                                                i64 row_stride, int rows) {
#if __CUDA_ARCH__ >= 800
  detail::copy_chunks<true>(
      to, [=](int r) { return first_row + r * row_stride; }, rows,
      detail::aligned_to(16, first_row, row_stride));
#else
  copy_rows(to, first_row, row_stride, rows);
#endif
}

/// Row r of the tile becomes that at base + row_h * stride_h + row_q * stride_q, where a warp's lanes know
/// row_h and row_q of its rows; rows past `count` become 0. `row_offsets` is shared memory of Rows entries,
/// which may be used again at once. The last barrier is the caller's.
template <class T, int Rows, int Cols, int R>
__device__ __forceinline__ void gather_rows(const SharedTile<T, Rows, Cols>& to, const T* base, i64 stride_h,
                                            i64 stride_q, const RowFragment<i64, R>& row_h,
                                            const RowFragment<i64, R>& row_q, i64* row_offsets, int count) {
  __syncthreads(); // earlier readers of row_offsets
  if (lane_of_thread() % 4 == 0)
#pragma unroll
    for (int m = 0; m < R / 16; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        if (row_of<R>(m, i) < Rows)
          row_offsets[row_of<R>(m, i)] = row_h.x[m][i] * stride_h + row_q.x[m][i] * stride_q;
  __syncthreads();
  detail::copy_chunks<false>(
      to, [=](int r) { return base + row_offsets[r]; }, count,
      detail::aligned_to(16, base, stride_h) && detail::aligned_to(16, base, stride_q));
}

} // namespace attile
