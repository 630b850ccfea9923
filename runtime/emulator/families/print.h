// printf on the device: its format, and how its arguments lie in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace emu {

/// Reads memory of the thread that prints.
struct PrintMemory {
  /// `bytes` (4 or 8) of the arguments, at an offset from their begin.
  std::function<std::uint64_t(std::uint64_t offset, std::uint32_t bytes)> argument;
  std::function<std::string(std::uint64_t address)> string;
};

struct Printed {
  std::string text;
  int arguments = 0; ///< that were used: what vprintf returns
};

/// As CUDA's printf, which hands each conversion to the host's.
Printed print(std::string_view format, const PrintMemory& memory);

} // namespace emu
