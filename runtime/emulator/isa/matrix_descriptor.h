// Where a matrix of wgmma lies in shared memory (PTX ISA, "Shared Memory Matrix Layout" and "Matrix
// Descriptor" of wgmma): chunks of 16 bytes, which a descriptor of 64 bits gives the addresses of.
//
//     bits   0-13  start address / 16         bits 32-45  stride byte offset / 16
//           16-29  leading byte offset / 16         49-51  base offset       62-63  swizzle
//
// Let a chunk be 16 bytes, and w chunks the width of the swizzle (1, 2, 4, 8). Of a K-major matrix a row has
// two chunks; rows lie w chunks apart, each 8 rows a stride apart; without a swizzle the second chunk lies a
// leading offset after the first. Of an MN-major one a chunk has 8 rows (of A; columns of B) of one k; w of
// them lie side by side, the next w a leading offset apart; k lies w chunks apart, each 8 of them a stride
// apart; without a swizzle the two offsets change places. Then the swizzle exchanges chunks: bits 4 to 6 of
// the address are XORed with bits 7 to 9, which count from where the pattern begins, as far as w goes.
#pragma once

#include <cstdint>
#include <string>

namespace emu {

struct MatrixDescriptor {
  static constexpr std::uint32_t chunk_bytes = 16;

  std::uint32_t start = 0, leading = 0, stride = 0; ///< bytes
  std::uint32_t base_offset = 0;                    ///< of the pattern's begin, in 128 bytes
  std::uint32_t width = 1;                          ///< of the swizzle, in chunks; 1: none
  std::uint64_t reserved = 0;                       ///< bits that must be zero

  explicit MatrixDescriptor(std::uint64_t bits);

  /// Chunk 0 or 1 of a row of a K-major matrix.
  std::uint32_t k_major(std::uint32_t row, std::uint32_t chunk) const {
    const std::uint32_t along = width == 1 ? chunk * leading : chunk * chunk_bytes;
    return swizzled(start + row / 8 * stride + row % 8 * width * chunk_bytes + along);
  }
  /// Rows 8 * chunk to 8 * chunk + 7 of an MN-major matrix, at k.
  std::uint32_t mn_major(std::uint32_t chunk, std::uint32_t k) const {
    const std::uint32_t across = width == 1 ? stride : leading, along = width == 1 ? leading : stride;
    return swizzled(start + chunk % width * chunk_bytes + chunk / width * across +
                    k % 8 * width * chunk_bytes + k / 8 * along);
  }

  /// What is wrong with it, wherever it points; empty: nothing.
  std::string fault() const;

private:
  std::uint32_t swizzled(std::uint32_t address) const {
    return address ^ ((address / 128 - base_offset) & (width - 1)) * chunk_bytes;
  }
};

} // namespace emu
