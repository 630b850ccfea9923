#include "emulator/counters/touched.h"

#include <algorithm>
#include <bit>

namespace emu {

Touched::Touched(const Memory& memory) : base(memory.base()), pages(memory.capacity() / Memory::page_bytes) {}

Touched::~Touched() {
  for (auto& page : pages)
    delete page.load();
}

std::atomic<std::uint64_t>& Touched::word(std::uint64_t index) {
  std::atomic<PageHolder*>& slot = pages[index / words];
  PageHolder* page = slot.load(std::memory_order_acquire);
  if (page == nullptr) {
    auto made = std::make_unique<PageHolder>();
    if (slot.compare_exchange_strong(page, made.get(), std::memory_order_acq_rel))
      page = made.release();
  }
  return page->bits[index % words];
}

void Touched::add(std::uint64_t address, std::uint64_t bytes) {
  std::uint64_t offset = address - base;
  while (bytes > 0) {
    const std::uint64_t bit = offset % 64, count = std::min(bytes, 64 - bit);
    const std::uint64_t mask = (count == 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << count) - 1) << bit;
    std::atomic<std::uint64_t>& bits = word(offset / 64);
    if ((bits.load(std::memory_order_relaxed) & mask) != mask)
      bits.fetch_or(mask, std::memory_order_relaxed);
    offset += count;
    bytes -= count;
  }
}

std::uint64_t Touched::bytes() const {
  std::uint64_t count = 0;
  for (const auto& slot : pages)
    if (const PageHolder* page = slot.load(std::memory_order_acquire))
      for (const auto& bits : page->bits)
        count += static_cast<std::uint64_t>(std::popcount(bits.load(std::memory_order_relaxed)));
  return count;
}

} // namespace emu
