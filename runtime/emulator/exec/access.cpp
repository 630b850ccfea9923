#include "emulator/exec/access.h"
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/groups.h"
#include "emulator/memory/spaces.h"

#include <fmt/format.h>

namespace emu {
namespace {

std::string_view name(Space space) {
  constexpr std::string_view names[] = {"generic", "global", "shared", "local", "parameter", "constant"};
  return names[static_cast<int>(space)];
}

struct Found {
  Space space;
  std::uint64_t address; // in it
};

Found locate(Space space, std::uint64_t address) {
  if (space != Space::generic)
    return {space, address};
  switch (address / shared_window) {
  case shared_window / shared_window:
    return {Space::shared, address - shared_window};
  case local_window / shared_window:
    return {Space::local, address - local_window};
  case param_window / shared_window:
    return {Space::param, address - param_window};
  default:
    return {Space::global, address};
  }
}

// `bytes` at `address` of a region that begins at `begin` and has `size` bytes, which lie at `host`.
std::byte* inside(std::uint64_t address, std::uint64_t bytes, std::uint64_t begin, std::uint64_t size,
                  std::byte* host) {
  const std::uint64_t offset = address - begin;
  return address >= begin && offset <= size && bytes <= size - offset ? host + offset : nullptr;
}

std::byte* find(Group& group, const Found& at, std::uint32_t bytes, int lane) {
  Warp& warp = *group.warp;
  Block& block = *warp.block;
  Launch& launch = *block.launch;
  switch (at.space) {
  case Space::shared:
    return inside(at.address, bytes, shared_base, block.shared.size(), block.shared.data());
  case Space::local:
    return inside(at.address, bytes, local_begin, warp.local_bytes, local_memory(warp, lane));
  case Space::param:
    return inside(at.address, bytes, 0, launch.params.size(), launch.params.data());
  default:
    return launch.memory->accessible(at.address, bytes) ? reinterpret_cast<std::byte*>(at.address) : nullptr;
  }
}

// With checks on, an access that cannot be done is reported, and the lane goes on without it.
bool leave_out(Group& group, const Instruction& instruction, Access& access, int lane, Status status) {
  Checker* checker = group.warp->block->launch->checker;
  if (checker == nullptr || !checker->refused(group, instruction, access, lane, status))
    return false;
  access.mask &= ~(Mask(1) << lane);
  return true;
}

} // namespace

void addresses(const Group& group, const Instruction& instruction, int operand, Access& access) {
  const Slot base = instruction.operand(operand);
  const auto offset = static_cast<std::uint64_t>(instruction.immediate);
  if (base.bytes == 4) {
    const auto* from = lanes<std::uint32_t>(group.frame, base);
    // 32-bit addresses wrap as 32-bit numbers do.
    for (int i = 0; i < warp_size; ++i)
      access.address[i] = static_cast<std::uint32_t>(from[i] + static_cast<std::uint32_t>(offset));
  } else {
    const auto* from = lanes<std::uint64_t>(group.frame, base);
    for (int i = 0; i < warp_size; ++i)
      access.address[i] = from[i] + offset;
  }
}

bool resolve(Group& group, const Instruction& instruction, Access& access) {
  const std::uint32_t align = access.align ? access.align : access.bytes;
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const Found at = locate(access.space, access.address[lane]);
    access.found[lane] = at.space;
    if (at.address & (align - 1)) {
      if (leave_out(group, instruction, access, lane, Status::misaligned_address))
        continue;
      fault(group, instruction, lane, Status::misaligned_address,
            fmt::format("misaligned {} address 0x{:x}: expected a multiple of {}", name(at.space), at.address,
                        align));
      return false;
    }
    access.host[lane] = find(group, at, access.bytes, lane);
    if (access.host[lane] == nullptr) {
      if (leave_out(group, instruction, access, lane, Status::illegal_address))
        continue;
      fault(group, instruction, lane, Status::illegal_address,
            fmt::format("{} bytes at {} address 0x{:x} lie outside all memory of that space", access.bytes,
                        name(at.space), at.address));
      return false;
    }
  }
  if (Checker* checker = group.warp->block->launch->checker)
    checker->accessed(group, instruction, access);
  if (CounterShard* counts = group.warp->block->counts)
    counts->accessed(group, instruction, access);
  return true;
}

} // namespace emu
