#include "emulator/checks/shadow.h"

#include <algorithm>
#include <new>
#include <sys/mman.h>

namespace emu {
namespace {

// Calls f(word, mask) for the words that hold `count` bits from `at` on.
template <class F> void each_word(std::uint64_t at, std::uint64_t count, F f) {
  while (count > 0) {
    const std::uint64_t shift = at % 64, part = std::min(count, 64 - shift);
    f(at / 64, (part == 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << part) - 1) << shift);
    at += part;
    count -= part;
  }
}

std::uint64_t mapped_bytes(std::uint64_t bytes) { return (bytes / 64 + 2) * sizeof(std::uint64_t); }

} // namespace

void OwnBits::fill(std::uint64_t at, std::uint64_t count, bool bit) {
  each_word(at, count, [&](std::uint64_t i, std::uint64_t mask) {
    words[i] = bit ? words[i] | mask : words[i] & ~mask;
  });
}

SharedBits::SharedBits(std::uint64_t bytes) : size(mapped_bytes(bytes)) {
  void* range =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    throw std::bad_alloc();
  words = static_cast<std::uint64_t*>(range);
}

SharedBits::~SharedBits() { munmap(words, size); }

// Words that are as wanted are not written: pages of memory that was never used stay unmapped.
void SharedBits::fill(std::uint64_t at, std::uint64_t count, bool bit) {
  each_word(at, count, [&](std::uint64_t i, std::uint64_t mask) { change(i, mask, bit ? mask : 0); });
}

std::uint64_t SharedBits::first_zero(std::uint64_t at, std::uint64_t count) const {
  std::uint64_t found = at + count;
  each_word(at, count, [&](std::uint64_t i, std::uint64_t mask) {
    if (const std::uint64_t zeros = ~word(i).load(std::memory_order_relaxed) & mask)
      found = std::min(found, i * 64 + static_cast<std::uint64_t>(__builtin_ctzll(zeros)));
  });
  return found;
}

} // namespace emu
