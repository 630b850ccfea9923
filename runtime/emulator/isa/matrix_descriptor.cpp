#include "emulator/isa/matrix_descriptor.h"

#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::uint64_t known_bits = 0x3fff | 0x3fffull << 16 | 0x3fffull << 32 | 7ull << 49 | 3ull << 62;

std::uint32_t bytes_at(std::uint64_t bits, int first) {
  return static_cast<std::uint32_t>(bits >> first & 0x3fff) * MatrixDescriptor::chunk_bytes;
}

} // namespace

MatrixDescriptor::MatrixDescriptor(std::uint64_t bits)
    : start(bytes_at(bits, 0)), leading(bytes_at(bits, 16)), stride(bytes_at(bits, 32)),
      base_offset(static_cast<std::uint32_t>(bits >> 49 & 7)), reserved(bits & ~known_bits) {
  constexpr std::uint32_t widths[] = {1, 8, 4, 2};
  width = widths[bits >> 62];
}

std::string MatrixDescriptor::fault() const {
  if (reserved != 0)
    return fmt::format(
        "bits 0x{:x} of a matrix descriptor are set: expected zero in all that it does not use", reserved);
  const std::uint32_t phase = start / 128 & (width - 1), rows = width * 8;
  if (width == 1 && base_offset != 0)
    return fmt::format("base offset {} of a matrix descriptor without swizzle: expected 0", base_offset);
  if (phase != (base_offset & (width - 1)))
    return fmt::format("base offset {} of a matrix descriptor whose start address 0x{:x} lies {} x 128 bytes "
                       "after a multiple of {}, the swizzle's period: expected {}",
                       base_offset, start, phase, 16 * rows, phase);
  return {};
}

} // namespace emu
