#include "emulator/exec/access.h"
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/groups.h"
#include "emulator/memory/spaces.h"

#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

std::string_view name(Space space) {
  constexpr std::string_view names[] = {"generic",   "global",   "shared", "local",
                                        "parameter", "constant", "shared"};
  return names[static_cast<int>(space)];
}

struct Found {
  Space space;
  std::uint64_t address;   // in it
  bool of_cluster = false; // or that of the cluster
};

Found locate(Space space, std::uint64_t address) {
  if (space == Space::cluster)
    return {Space::shared, address, true};
  if (space != Space::generic)
    return {space, address};
  switch (address / shared_window) {
  case shared_window / shared_window:
    return {Space::shared, address - shared_window, true};
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

// A block that has left has no shared memory any more.
std::byte* find_in_cluster(Block& block, std::uint64_t address, std::uint32_t bytes, int lane, Mask& remote) {
  Block* const owner = owner_of(block, address);
  if (owner == nullptr || owner->exited)
    return nullptr;
  remote |= Mask(owner != &block ? 1 : 0) << lane;
  return inside(own_address(address), bytes, owner->shared_begin, owner->shared.size(), owner->shared.data());
}

std::byte* find(Group& group, const Found& at, std::uint32_t bytes, int lane, Mask& remote) {
  Warp& warp = *group.warp;
  Block& block = *warp.block;
  Launch& launch = *block.launch;
  switch (at.space) {
  case Space::shared:
    if (at.of_cluster)
      return find_in_cluster(block, at.address, bytes, lane, remote);
    return inside(at.address, bytes, block.shared_begin, block.shared.size(), block.shared.data());
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

// Bits in which the addresses differ, and those that any of them has.
struct Spread {
  std::uint64_t differing = 0, any = 0;
};

Spread spread(const std::uint64_t* address) {
  Spread result;
  const std::uint64_t first = address[0];
  for (int i = 0; i < warp_size; ++i) {
    result.differing |= address[i] ^ first;
    result.any |= address[i];
  }
  return result;
}

// host[i] = address[i] + delta + i * stride, if all of [address, address + bytes) lie in [begin, begin +
// size).
bool translate(Access& access, std::uint64_t begin, std::uint64_t size, const std::byte* host,
               std::uint64_t stride) {
  if (size < access.bytes)
    return false;
  const std::uint64_t last = size - access.bytes, base = reinterpret_cast<std::uint64_t>(host);
  std::uint64_t outside = 0; // its highest bit
  std::uint64_t at[warp_size];
  for (int i = 0; i < warp_size; ++i) {
    const std::uint64_t offset = access.address[i] - begin;
    outside |= offset | (last - offset);
    at[i] = base + offset + static_cast<std::uint64_t>(i) * stride;
  }
  std::memcpy(access.host, at, sizeof at);
  return outside >> 63 == 0;
}

// Shared memory of the block; or, of lanes that name the cluster's, of one other block.
bool translate_shared(Access& access, Block& block, std::uint64_t window, std::uint64_t differing) {
  if (translate(access, window + block.shared_begin, block.shared.size(), block.shared.data(), 0))
    return true;
  if (access.space == Space::shared || differing >= rank_stride)
    return false;
  const std::uint64_t address = access.address[0] - window;
  Block* const owner = owner_of(block, address);
  if (owner == nullptr || owner->exited)
    return false;
  access.remote = owner != &block ? all_lanes : 0;
  return translate(access, window + address - own_address(address) + owner->shared_begin,
                   owner->shared.size(), owner->shared.data(), 0);
}

// All lanes at once, if they are in one space, aligned, and inside. False says nothing.
bool resolve_together(Group& group, Access& access, std::uint32_t align) {
  const Spread all = spread(access.address);
  if (all.any & (align - 1))
    return false;
  Space space = access.space;
  std::uint64_t window = 0;
  if (space == Space::generic) {
    if (all.differing >> 48)
      return false;
    const Found first = locate(space, access.address[0]);
    space = first.space;
    window = access.address[0] - first.address;
  } else if (space == Space::cluster) {
    space = Space::shared;
  }
  std::memset(access.found, static_cast<int>(space), sizeof access.found);
  Warp& warp = *group.warp;
  Block& block = *warp.block;
  const Launch& launch = *block.launch;
  switch (space) {
  case Space::shared:
    return translate_shared(access, block, window, all.differing);
  case Space::local:
    return translate(access, window + local_begin, warp.local_bytes, warp.local.data(), warp.local_bytes);
  case Space::param:
    return translate(access, window, launch.params.size(), launch.params.data(), 0);
  default:
    break;
  }
  // What is aligned lies in one page.
  if (all.differing >= Memory::page_bytes || access.bytes > align ||
      !launch.memory->accessible(access.address[0], access.bytes))
    return false;
  std::memcpy(access.host, access.address, sizeof access.host);
  return true;
}

bool resolve_each(Group& group, const Instruction& instruction, Access& access, std::uint32_t align) {
  access.remote = 0;
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
    access.host[lane] = find(group, at, access.bytes, lane, access.remote);
    if (access.host[lane] == nullptr) {
      if (leave_out(group, instruction, access, lane, Status::illegal_address))
        continue;
      fault(group, instruction, lane, Status::illegal_address,
            fmt::format("{} bytes at {} address 0x{:x} lie {}", access.bytes, name(at.space), at.address,
                        at.of_cluster && is_gone(*group.warp->block, at.address)
                            ? "in the shared memory of a block that has left"
                            : "outside all memory of that space"));
      return false;
    }
  }
  return true;
}

} // namespace

void addresses(const Group& group, Slot base, std::int64_t offset, Access& access) {
  if (base.bytes == 4) {
    const auto* from = lanes<std::uint32_t>(group.frame, base);
    // 32-bit addresses wrap as 32-bit numbers do.
    for (int i = 0; i < warp_size; ++i)
      access.address[i] = static_cast<std::uint32_t>(from[i] + static_cast<std::uint32_t>(offset));
  } else {
    const auto* from = lanes<std::uint64_t>(group.frame, base);
    for (int i = 0; i < warp_size; ++i)
      access.address[i] = from[i] + static_cast<std::uint64_t>(offset);
  }
  if (access.mask == all_lanes)
    return;
  const std::uint64_t instead = access.address[__builtin_ctz(access.mask)];
  for (int i = 0; i < warp_size; ++i)
    access.address[i] = (access.mask >> i & 1) ? access.address[i] : instead;
}

void addresses(const Group& group, const Instruction& instruction, int operand, Access& access) {
  addresses(group, instruction.operand(operand), instruction.immediate, access);
}

Access access_of(const Group& group, const Instruction& instruction, int operand, Mask mask, Doing doing) {
  Access access;
  access.space = static_cast<Space>(instruction.space);
  access.doing = doing;
  access.order = static_cast<Order>(instruction.order);
  access.scope = static_cast<Scope>(instruction.scope);
  access.bytes = std::uint32_t(instruction.width) * instruction.vector;
  access.mask = mask;
  addresses(group, instruction, operand, access);
  return access;
}

Block& owner(const Group& group, const Access& access, int lane) {
  Block& block = *group.warp->block;
  return (access.remote >> lane & 1) != 0 ? *owner_of(block, access.address[lane] % window_bytes) : block;
}

bool resolve(Group& group, const Instruction& instruction, Access& access) {
  const std::uint32_t align = access.align ? access.align : access.bytes;
  if (!resolve_together(group, access, align) && !resolve_each(group, instruction, access, align))
    return false;
  access.remote &= access.mask;
  const bool reads =
      access.doing == Doing::read || access.doing == Doing::async_read || access.doing == Doing::agent_read;
  if (access.remote != 0 && !reads)
    for_lanes(access.remote, [&](int lane) { ++owner(group, access, lane).changes; });
  if (Checker* checker = group.warp->block->launch->checker)
    checker->accessed(group, instruction, access);
  if (CounterShard* counts = group.warp->block->counts; counts != nullptr && !by_agent(access.doing))
    counts->accessed(group, instruction, access);
  return true;
}

} // namespace emu
