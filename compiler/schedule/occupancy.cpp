#include "compiler/schedule/occupancy.h"

#include <algorithm>

namespace attile::schedule {

static std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::int64_t blocks_per_sm(const GpuDescription& gpu, const BlockResources& block) {
  constexpr std::int64_t register_unit = 256, shared_unit = 128;
  std::int64_t reserved =
      gpu.shared_per_sm > gpu.shared_per_block ? gpu.shared_per_sm - gpu.shared_per_block : 0;
  std::int64_t shared = round_up(block.shared_bytes + reserved, shared_unit);
  if (block.shared_bytes > gpu.shared_per_block || block.registers > gpu.registers_per_thread)
    return 0;
  std::int64_t warps = (std::max<std::int64_t>(block.threads, 1) + 31) / 32;
  std::int64_t warp_registers = round_up(32 * std::max<std::int64_t>(block.registers, 1), register_unit);
  return std::min({gpu.registers_per_sm / warp_registers / warps, gpu.threads_per_sm / (32 * warps),
                   gpu.blocks_per_sm, shared > 0 ? gpu.shared_per_sm / shared : gpu.blocks_per_sm});
}

} // namespace attile::schedule
