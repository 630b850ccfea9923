// Loops that do nothing but reach a peak.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace attile::cpu {

/// run(n) does n rounds of `flops_per_round` in registers.
struct ComputeLoop {
  std::string_view instructions;
  double flops_per_round = 0;
  void (*run)(std::int64_t rounds) = nullptr;
};

/// The fastest that this CPU has; `run` is null where there is none.
ComputeLoop f32_loop();
ComputeLoop bf16_loop();

/// Reads `bytes` (a multiple of 4096, aligned to 64) once. The result only shows that it did.
std::uint64_t read_memory(const std::byte* data, std::size_t bytes);

} // namespace attile::cpu
