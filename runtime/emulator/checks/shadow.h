// Which bytes hold a value that somebody gave them: one bit a byte.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace emu {

/// Bits of up to 32 bytes, the lowest for the first byte.
using ByteBits = std::uint32_t;
constexpr ByteBits all_bytes(unsigned count) {
  return count >= 32 ? ~ByteBits(0) : (ByteBits(1) << count) - 1;
}

/// The bits of the bytes from `first` on, and the other way round.
constexpr ByteBits bytes_from(ByteBits bits, unsigned first) { return first < 32 ? bits >> first : 0; }
constexpr ByteBits bytes_at(ByteBits bits, unsigned first) { return first < 32 ? bits << first : 0; }

/// A bit for each byte of a range that one host thread uses.
class OwnBits {
public:
  explicit OwnBits(std::uint64_t bytes = 0) : words(bytes / 64 + 2) {}
  std::uint64_t bytes() const { return (words.size() - 2) * 64; }
  void grow(std::uint64_t bytes) {
    if (bytes / 64 + 2 > words.size())
      words.resize(bytes / 64 + 2);
  }
  ByteBits get(std::uint64_t at, unsigned count) const {
    const unsigned shift = at % 64;
    std::uint64_t bits = words[at / 64] >> shift;
    if (shift + count > 64)
      bits |= words[at / 64 + 1] << (64 - shift);
    return static_cast<ByteBits>(bits) & all_bytes(count);
  }
  void put(std::uint64_t at, unsigned count, ByteBits bits) {
    const std::uint64_t mask = all_bytes(count), value = bits & mask;
    const unsigned shift = at % 64;
    words[at / 64] = (words[at / 64] & ~(mask << shift)) | value << shift;
    if (shift + count > 64)
      words[at / 64 + 1] = (words[at / 64 + 1] & ~(mask >> (64 - shift))) | value >> (64 - shift);
  }
  /// Any number of bytes.
  void fill(std::uint64_t at, std::uint64_t count, bool bit);

private:
  std::vector<std::uint64_t> words;
};

/// The same for a large range, which is mapped when it is touched, and which several host threads use.
class SharedBits {
public:
  explicit SharedBits(std::uint64_t bytes);
  ~SharedBits();
  SharedBits(const SharedBits&) = delete;
  SharedBits& operator=(const SharedBits&) = delete;
  ByteBits get(std::uint64_t at, unsigned count) const {
    const unsigned shift = at % 64;
    std::uint64_t bits = word(at / 64).load(std::memory_order_relaxed) >> shift;
    if (shift + count > 64)
      bits |= word(at / 64 + 1).load(std::memory_order_relaxed) << (64 - shift);
    return static_cast<ByteBits>(bits) & all_bytes(count);
  }
  void put(std::uint64_t at, unsigned count, ByteBits bits) {
    const std::uint64_t mask = all_bytes(count), value = bits & mask;
    const unsigned shift = at % 64;
    change(at / 64, mask << shift, value << shift);
    if (shift + count > 64)
      change(at / 64 + 1, mask >> (64 - shift), value >> (64 - shift));
  }
  void fill(std::uint64_t at, std::uint64_t count, bool bit);
  /// The first byte from `at` on, before at + count, whose bit is 0; at + count if there is none.
  std::uint64_t first_zero(std::uint64_t at, std::uint64_t count) const;

private:
  std::atomic_ref<std::uint64_t> word(std::uint64_t i) const { return std::atomic_ref(words[i]); }
  void change(std::uint64_t i, std::uint64_t mask, std::uint64_t value) {
    const std::uint64_t before = word(i).load(std::memory_order_relaxed);
    if (const std::uint64_t missing = value & ~before)
      word(i).fetch_or(missing, std::memory_order_relaxed);
    if (const std::uint64_t extra = before & mask & ~value)
      word(i).fetch_and(~extra, std::memory_order_relaxed);
  }
  std::uint64_t size;
  std::uint64_t* words;
};

} // namespace emu
