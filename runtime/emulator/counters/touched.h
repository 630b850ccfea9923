// Which bytes of device memory were touched: a bit a byte, made where it is needed.
#pragma once

#include "emulator/memory/memory.h"
#include <atomic>
#include <memory>
#include <vector>

namespace emu {

class Touched {
public:
  explicit Touched(const Memory& memory);
  ~Touched();
  Touched(const Touched&) = delete;
  Touched& operator=(const Touched&) = delete;
  /// Thread-safe. The bytes lie in the memory.
  void add(std::uint64_t address, std::uint64_t bytes);
  std::uint64_t bytes() const;

private:
  static constexpr std::uint64_t words = Memory::page_bytes / 64;
  using Page = std::atomic<std::uint64_t>[words];
  struct PageHolder {
    Page bits = {};
  };
  std::atomic<std::uint64_t>& word(std::uint64_t index);
  std::uint64_t base;
  std::vector<std::atomic<PageHolder*>> pages;
};

} // namespace emu
