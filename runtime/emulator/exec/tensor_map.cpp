#include "emulator/exec/tensor_map.h"

#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::uint32_t mark = 0x70614d54;                     // "TMap"
constexpr std::uint64_t most_dim = std::uint64_t(1) << 32;     // elements
constexpr std::uint64_t stride_limit = std::uint64_t(1) << 40; // bytes
constexpr std::uint32_t most_box = 256, most_step = 8;
constexpr std::uint32_t chunk_bytes = 16;

struct Bits {
  std::uint32_t mark, checksum;
  std::uint64_t not_used;
  std::uint64_t address;
  std::uint8_t rank, type, interleave, swizzle, atom, promotion, fill_nan, padding;
  std::uint32_t last_index[5]; // dims - 1
  std::uint8_t last_of_box[5]; // box - 1
  std::uint8_t steps[5];
  std::uint8_t more_padding[2];
  std::uint64_t strides[4];
  std::uint8_t rest[32];
};
static_assert(sizeof(Bits) == TensorMap::size);

// FNV-1a of all but the first two words.
std::uint32_t checksum(const Bits& bits) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&bits);
  std::uint32_t sum = 2166136261u;
  for (std::size_t i = 16; i < sizeof bits; ++i)
    sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

bool is_packed(TensorMap::Type type) { return type >= TensorMap::Type::u4_aligned_8; }

std::uint32_t span_of(TensorMap::Swizzle swizzle) {
  constexpr std::uint32_t spans[] = {0, 32, 64, 128};
  return spans[static_cast<int>(swizzle)];
}

} // namespace

std::uint32_t TensorMap::element_bytes() const {
  constexpr std::uint8_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4, 1, 1, 1};
  return bytes[static_cast<int>(type)];
}

bool TensorMap::is_float() const { return type >= Type::f16 && type <= Type::tf32_ftz; }

std::uint32_t TensorMap::row_pitch() const {
  return swizzle == Swizzle::none ? box[0] * element_bytes() : span_of(swizzle);
}

std::uint32_t TensorMap::count(std::uint32_t dimension) const {
  return dimension == 0 ? box[0] : (box[dimension] + steps[dimension] - 1) / steps[dimension];
}

std::uint64_t TensorMap::box_bytes() const {
  std::uint64_t bytes = element_bytes();
  for (std::uint32_t i = 0; i < rank; ++i)
    bytes *= count(i);
  return bytes;
}

// Bits of the address that count 128-byte lines are added (xor) to those that count chunks of a line.
std::uint64_t TensorMap::swizzled(std::uint64_t at) const {
  const std::uint64_t line = at / 128;
  switch (swizzle) {
  case Swizzle::none:
    return at;
  case Swizzle::span_32:
    return at ^ (line & 1) << 4;
  case Swizzle::span_64:
    return at ^ (line & 3) << 4;
  default:
    break;
  }
  switch (atom) {
  case Atom::bytes_16:
    return at ^ (line & 7) << 4;
  case Atom::bytes_32:
    return at ^ (line & 3) << 5;
  case Atom::bytes_32_flip_8:
    return at ^ (line & 3) << 5 ^ (line & 1) << 3;
  default:
    return at ^ (line & 1) << 6;
  }
}

// The ISA leaves open which NaN it is.
std::uint64_t TensorMap::fill() const {
  if (!fill_nan)
    return 0;
  return element_bytes() == 2 ? 0x7fff : element_bytes() == 4 ? 0x7fffffff : 0x7fffffffffffffff;
}

std::string TensorMap::not_supported() const {
  if (is_packed(type))
    return "elements of 4 or 6 bits, which the emulator does not have";
  if (interleave != Interleave::none)
    return "an interleaved layout, which the emulator does not have";
  return {};
}

std::string TensorMap::wrong() const {
  if (std::string what = not_supported(); !what.empty())
    return what;
  if (rank < 1 || rank > most_rank)
    return fmt::format("a rank of {}: expected 1 to {}", rank, most_rank);
  if (address % chunk_bytes != 0)
    return fmt::format("global address 0x{:x}: expected a multiple of {}", address, chunk_bytes);
  for (std::uint32_t i = 0; i < rank; ++i) {
    if (dims[i] == 0 || dims[i] > most_dim)
      return fmt::format("globalDim[{}] of {}: expected 1 to {}", i, dims[i], most_dim);
    if (box[i] == 0 || box[i] > most_box)
      return fmt::format("boxDim[{}] of {}: expected 1 to {}", i, box[i], most_box);
    if (i > 0 && (steps[i] == 0 || steps[i] > most_step))
      return fmt::format("elementStrides[{}] of {}: expected 1 to {}", i, steps[i], most_step);
  }
  for (std::uint32_t i = 0; i + 1 < rank; ++i)
    if (strides[i] % chunk_bytes != 0 || strides[i] >= stride_limit)
      return fmt::format("globalStrides[{}] of {} bytes: expected a multiple of {} below {}", i, strides[i],
                         chunk_bytes, stride_limit);
  const std::uint32_t row = box[0] * element_bytes();
  if (row % chunk_bytes != 0)
    return fmt::format("boxDim[0] of {} elements, {} bytes: expected a multiple of {} bytes", box[0], row,
                       chunk_bytes);
  if (swizzle != Swizzle::none && row > span_of(swizzle))
    return fmt::format("boxDim[0] of {} elements, {} bytes: expected at most {}, the span of its swizzle",
                       box[0], row, span_of(swizzle));
  if (atom != Atom::bytes_16 && swizzle != Swizzle::span_128)
    return fmt::format("a swizzle of chunks of more than {} bytes within {}: expected 128", chunk_bytes,
                       span_of(swizzle));
  if (fill_nan && !is_float())
    return "NaN for what lies out of bounds of integers: expected zeros";
  return {};
}

void TensorMap::encode(std::byte* to) const {
  Bits bits = {};
  bits.mark = mark;
  bits.address = address;
  bits.rank = static_cast<std::uint8_t>(rank);
  bits.type = static_cast<std::uint8_t>(type);
  bits.interleave = static_cast<std::uint8_t>(interleave);
  bits.swizzle = static_cast<std::uint8_t>(swizzle);
  bits.atom = static_cast<std::uint8_t>(atom);
  bits.promotion = promotion;
  bits.fill_nan = fill_nan ? 1 : 0;
  for (std::size_t i = 0; i < most_rank; ++i) {
    bits.last_index[i] = static_cast<std::uint32_t>(dims[i] - 1);
    bits.last_of_box[i] = static_cast<std::uint8_t>(box[i] - 1);
    bits.steps[i] = static_cast<std::uint8_t>(steps[i]);
  }
  for (std::size_t i = 0; i + 1 < most_rank; ++i)
    bits.strides[i] = strides[i];
  bits.checksum = checksum(bits);
  std::memcpy(to, &bits, sizeof bits);
}

std::optional<TensorMap> TensorMap::decode(const std::byte* from) {
  Bits bits;
  std::memcpy(&bits, from, sizeof bits);
  if (bits.mark != mark || bits.checksum != checksum(bits))
    return std::nullopt;
  TensorMap map = {.type = static_cast<Type>(bits.type),
                   .rank = bits.rank,
                   .address = bits.address,
                   .interleave = static_cast<Interleave>(bits.interleave),
                   .swizzle = static_cast<Swizzle>(bits.swizzle),
                   .atom = static_cast<Atom>(bits.atom),
                   .promotion = bits.promotion,
                   .fill_nan = bits.fill_nan != 0};
  for (std::size_t i = 0; i < most_rank; ++i) {
    map.dims[i] = std::uint64_t(bits.last_index[i]) + 1;
    map.box[i] = std::uint32_t(bits.last_of_box[i]) + 1;
    map.steps[i] = bits.steps[i];
  }
  for (std::size_t i = 0; i + 1 < most_rank; ++i)
    map.strides[i] = bits.strides[i];
  return map;
}

} // namespace emu
