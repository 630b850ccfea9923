// Tile kernels from their text to mapped machine code, for tests of the CPU lowering.
#pragma once

#include "runtime/cpu/image.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attile::test {

/// The vector widths that a machine may have; "native" has the most instructions.
inline constexpr const char* cpu_targets[] = {"native", "x86-64-v3", "x86-64-v2"};
/// Whether this machine runs code for `target`.
bool can_run(const std::string& target);

/// What a slot receives: a view of global memory (row_major unless strides are given), or a scalar.
struct Argument {
  std::uint64_t value = 0;
  std::vector<std::int64_t> extents = {}, strides = {};
};
template <class T>
Argument memory(T* data, std::vector<std::int64_t> extents, std::vector<std::int64_t> strides = {}) {
  return {reinterpret_cast<std::uint64_t>(data), std::move(extents), std::move(strides)};
}
using Arguments = std::map<std::string, Argument>;

class CpuKernels {
public:
  static Result<CpuKernels> compile(std::string_view text, const std::string& target);
  /// Runs blocks [0, blocks) of a kernel with poisoned worker memory. A slot without argument fails the test.
  void run(const std::string& kernel, const Arguments& arguments, std::uint64_t blocks = 1) const;

private:
  struct Kernel {
    cpu::KernelFunction entry = nullptr;
    std::vector<std::string> slots;
    std::int64_t worker_scratch = 0;
  };
  explicit CpuKernels(cpu::Image image) : image(std::move(image)) {}

  cpu::Image image;
  std::map<std::string, Kernel> kernels;
};

} // namespace attile::test
