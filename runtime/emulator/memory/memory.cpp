#include "emulator/memory/memory.h"

#include <algorithm>
#include <new>
#include <sys/mman.h>

namespace emu {
namespace {

constexpr std::size_t remembered = 4096; // freed allocations
constexpr std::uint64_t gap = 256;       // after each allocation, as long as there is room

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }

} // namespace

Memory::Memory(std::uint64_t capacity)
    : capacity_(round_up(std::max<std::uint64_t>(capacity, 1), page_bytes)) {
  void* range = mmap(nullptr, capacity_ + page_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    throw std::bad_alloc();
  // Trim to whole pages of 2 MiB.
  const auto begin = reinterpret_cast<std::uint64_t>(range);
  base_ = round_up(begin, page_bytes);
  if (base_ > begin)
    munmap(range, base_ - begin);
  if (const std::uint64_t rest = begin + page_bytes - base_; rest > 0)
    munmap(pointer(base_ + capacity_), rest);
  pages_ = std::make_unique<std::atomic<std::uint32_t>[]>(capacity_ / page_bytes);
}

Memory::~Memory() { munmap(pointer(base_), capacity_); }

// Never used addresses first; then the gaps between what lives.
std::uint64_t Memory::place(std::uint64_t bytes, std::uint64_t align) {
  const std::uint64_t at = round_up(base_ + fresh_, align);
  if (at - base_ <= capacity_ && bytes <= capacity_ - (at - base_)) {
    fresh_ = at + std::min(bytes + gap, base_ + capacity_ - at) - base_;
    return at;
  }
  std::uint64_t gap = base_;
  for (const auto& [address, allocation] : live_) {
    if (const std::uint64_t begin = round_up(gap, align); begin + bytes <= address)
      return begin;
    gap = allocation.end();
  }
  const std::uint64_t begin = round_up(gap, align);
  return begin + bytes <= base_ + capacity_ ? begin : 0;
}

std::uint64_t Memory::allocate(std::uint64_t bytes, std::uint64_t align, Allocation attributes) {
  const std::lock_guard lock(mutex_);
  if (bytes == 0 || bytes > capacity_ || align == 0 || (align & (align - 1)) != 0 || align > page_bytes)
    return 0;
  const std::uint64_t address = place(bytes, std::max<std::uint64_t>(align, 16));
  if (address == 0)
    return 0;
  attributes.address = address;
  attributes.size = bytes;
  attributes.serial = ++serials_;
  std::erase_if(freed_,
                [&](const Allocation& old) { return old.address < attributes.end() && address < old.end(); });
  used_ += bytes;
  count_pages(attributes, +1);
  live_.emplace(address, std::move(attributes));
  return address;
}

bool Memory::release(std::uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(address);
  if (found == live_.end())
    return false;
  used_ -= found->second.size;
  count_pages(found->second, -1);
  if (freed_.size() == remembered)
    freed_.erase(freed_.begin());
  freed_.push_back(std::move(found->second));
  live_.erase(found);
  return true;
}

void Memory::count_pages(const Allocation& allocation, int change) {
  const std::uint64_t first = (allocation.address - base_) / page_bytes;
  const std::uint64_t last = (allocation.end() - 1 - base_) / page_bytes;
  for (std::uint64_t page = first; page <= last; ++page) {
    const bool empty =
        pages_[page].fetch_add(static_cast<std::uint32_t>(change), std::memory_order_relaxed) == 1;
    if (change < 0 && empty) // give the memory back to the host
      madvise(pointer(base_ + page * page_bytes), page_bytes, MADV_DONTNEED);
  }
}

std::optional<Allocation> Memory::find(std::uint64_t address) const {
  const std::lock_guard lock(mutex_);
  auto after = live_.upper_bound(address);
  if (after == live_.begin() || address >= std::prev(after)->second.end())
    return std::nullopt;
  return std::prev(after)->second;
}

std::optional<Allocation> Memory::find_freed(std::uint64_t address) const {
  const std::lock_guard lock(mutex_);
  for (auto old = freed_.rbegin(); old != freed_.rend(); ++old)
    if (address >= old->address && address < old->end())
      return *old;
  return std::nullopt;
}

std::vector<Allocation> Memory::allocations() const {
  const std::lock_guard lock(mutex_);
  std::vector<Allocation> all;
  all.reserve(live_.size());
  for (const auto& [address, allocation] : live_)
    all.push_back(allocation);
  return all;
}

std::uint64_t Memory::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

} // namespace emu
