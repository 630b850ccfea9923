// Device memory: one reserved range of the host's addresses, so that a device address is a host address.
// Pages come into being when touched.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace emu {

struct Allocation {
  std::uint64_t address = 0, size = 0;
  std::uint64_t serial = 0; ///< counts allocations of this memory, from 1
  std::string name;         ///< of a module's variable; else empty
  bool read_only = false;   ///< .const variables
  bool host = false;        ///< pinned or managed memory, which the host may touch at any time
  std::uint64_t end() const { return address + size; }
};

/// Thread-safe, but for accesses through the addresses themselves.
class Memory {
public:
  /// Reserves `capacity` bytes of addresses (rounded up to 2 MiB).
  explicit Memory(std::uint64_t capacity);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// 0 if no room is left. Freed ranges are used again only when nothing else is left, so that a use after
  /// free is seen; and until then something lies between neighbours, so that running over an end is.
  std::uint64_t allocate(std::uint64_t bytes, std::uint64_t align = 256, Allocation attributes = {});
  /// False if no allocation begins there.
  bool release(std::uint64_t address);
  /// The allocation that `address` lies in.
  std::optional<Allocation> find(std::uint64_t address) const;
  /// The most recently freed one that it lay in.
  std::optional<Allocation> find_freed(std::uint64_t address) const;
  std::vector<Allocation> allocations() const;

  /// What hardware would let through: the pages hold at least one allocation. Cheap, lock-free.
  bool accessible(std::uint64_t address, std::uint64_t bytes) const {
    const std::uint64_t offset = address - base_;
    if (offset >= capacity_ || bytes > capacity_ - offset)
      return false;
    for (std::uint64_t page = offset / page_bytes; page <= (offset + bytes - 1) / page_bytes; ++page)
      if (pages_[page].load(std::memory_order_relaxed) == 0)
        return false;
    return true;
  }
  std::uint64_t base() const { return base_; }
  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t used() const;

  static constexpr std::uint64_t page_bytes = std::uint64_t(2) << 20;

private:
  std::uint64_t place(std::uint64_t bytes, std::uint64_t align);
  void count_pages(const Allocation& allocation, int change);

  std::uint64_t base_ = 0, capacity_ = 0, fresh_ = 0, used_ = 0, serials_ = 0;
  std::unique_ptr<std::atomic<std::uint32_t>[]> pages_; ///< allocations that touch a page
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Allocation> live_;
  std::vector<Allocation> freed_; ///< oldest first
};

} // namespace emu
