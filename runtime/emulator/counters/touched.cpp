#include "emulator/counters/touched.h"

#include <algorithm>
#include <bit>

namespace emu {

ByteSet::Page& ByteSet::page(std::uint64_t number) {
  if (last == nullptr || last_number != number) {
    std::unique_ptr<Page>& found = pages[number];
    if (found == nullptr)
      found = std::make_unique<Page>();
    last = found.get();
    last_number = number;
  }
  return *last;
}

void ByteSet::add(std::uint64_t address, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::uint64_t bit = address % 64, count = std::min(bytes, 64 - bit);
    const std::uint64_t mask = (count == 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << count) - 1) << bit;
    page(address / page_bytes)[address % page_bytes / 64] |= mask;
    address += count;
    bytes -= count;
  }
}

void ByteSet::add(const ByteSet& other) {
  for (const auto& [number, from] : other.pages) {
    Page& to = page(number);
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] |= (*from)[i];
  }
}

std::uint64_t ByteSet::bytes() const {
  std::uint64_t count = 0;
  for (const auto& [number, page] : pages)
    for (const std::uint64_t bits : *page)
      count += static_cast<std::uint64_t>(std::popcount(bits));
  return count;
}

} // namespace emu
