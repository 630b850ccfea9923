// Which bytes of device memory were touched: a bit a byte, in pages that are made where they are needed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace emu {

/// For one host thread.
class ByteSet {
public:
  void add(std::uint64_t address, std::uint64_t bytes);
  void add(const ByteSet& other);
  std::uint64_t bytes() const;

private:
  static constexpr std::uint64_t page_bytes = 4096;
  using Page = std::array<std::uint64_t, page_bytes / 64>;
  Page& page(std::uint64_t number);
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages;
  std::uint64_t last_number = ~std::uint64_t(0);
  Page* last = nullptr; ///< accesses come close to each other
};

/// What instructions touched, by direction.
struct Touched {
  ByteSet read, written;
  void add(const Touched& other) {
    read.add(other.read);
    written.add(other.written);
  }
};

} // namespace emu
