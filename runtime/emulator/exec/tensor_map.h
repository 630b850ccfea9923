// Tensor maps: what cp.async.bulk.tensor copies boxes of, and how they lie in shared memory (CUDA Driver API,
// "Tensor Map Object Management"; PTX ISA, "Tensors"). Made by cuTensorMapEncodeTiled, changed by
// tensormap.replace.
//
// 128 bytes, opaque to programs. Our layout, from the first byte: a mark, a checksum of what follows but for
// the second word, that word, which is 0 and which programs may change (CUTLASS clears its bit 21, to get
// round an error of some drivers), and the fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace emu {

struct TensorMap {
  static constexpr std::size_t size = 128, alignment = 64;
  static constexpr std::uint32_t most_rank = 5;

  /// Numbered as CUtensorMapDataType.
  enum class Type : std::uint8_t {
    u8,
    u16,
    u32,
    s32,
    u64,
    s64,
    f16,
    f32,
    f64,
    bf16,
    f32_ftz,
    tf32,
    tf32_ftz,
    u4_aligned_8,
    u4_aligned_16,
    u6_aligned_16,
  };
  enum class Interleave : std::uint8_t { none, bytes_16, bytes_32 };
  /// 16-byte chunks change places within 32, 64 or 128 bytes.
  enum class Swizzle : std::uint8_t { none, span_32, span_64, span_128 };
  /// What changes places within 128 bytes, in place of 16-byte chunks.
  enum class Atom : std::uint8_t { bytes_16, bytes_32, bytes_32_flip_8, bytes_64 };

  Type type = Type::u8;
  std::uint32_t rank = 1;
  std::uint64_t address = 0;
  std::array<std::uint64_t, most_rank> dims = {1, 1, 1, 1,
                                               1};    ///< elements; the first dimension is the innermost
  std::array<std::uint64_t, most_rank - 1> strides{}; ///< bytes, of the dimensions from the second on
  std::array<std::uint32_t, most_rank> box = {1, 1, 1, 1, 1};   ///< elements to traverse
  std::array<std::uint32_t, most_rank> steps = {1, 1, 1, 1, 1}; ///< from one to the next
  Interleave interleave = Interleave::none;
  Swizzle swizzle = Swizzle::none;
  Atom atom = Atom::bytes_16;
  std::uint8_t promotion = 0; ///< of fetches to L2: of no effect
  bool fill_nan = false;      ///< else zeros are what lies out of bounds

  /// What it does not fulfil of what is required of maps: "box[0] of 48 bytes: expected at most 32, the span
  /// of its swizzle". Empty: nothing.
  std::string wrong() const;
  /// What of it the emulator does not have. Empty: nothing.
  std::string not_supported() const;

  std::uint32_t element_bytes() const;
  bool is_float() const;
  /// Bytes between rows of a box in shared memory.
  std::uint32_t row_pitch() const;
  /// Elements of the box that are copied along a dimension.
  std::uint32_t count(std::uint32_t dimension) const;
  /// Bytes that a copy of the box transfers, those out of bounds included: what it counts at its mbarrier.
  std::uint64_t box_bytes() const;
  /// Where the byte at an address of shared memory would lie without swizzle: there it goes.
  std::uint64_t swizzled(std::uint64_t shared_address) const;
  /// What lies out of bounds.
  std::uint64_t fill() const;

  void encode(std::byte* to) const;
  /// Nothing if the bytes are no map.
  static std::optional<TensorMap> decode(const std::byte* from);
};

} // namespace emu
