#include "emulator/exec/spin.h"
#include "emulator/exec/async.h"

#include <algorithm>
#include <cstring>

namespace emu {
namespace {

constexpr std::uint32_t enough = 16; // laps in which nothing changed
constexpr std::uint32_t others = 64; // looks at other instructions, until one of them begins the laps instead

// What the group's next instructions depend on, beside memory.
std::uint64_t state_of(const Group& group) {
  const std::size_t bytes = group.activation->function->constants_begin;
  std::uint64_t hash = reinterpret_cast<std::uintptr_t>(group.frame) ^ std::uint64_t(group.mask) << 32;
  for (std::size_t at = 0; at < bytes; at += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, group.frame + at, std::min(sizeof word, bytes - at));
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash;
}

std::uint64_t word_at(const std::byte* at, int width) {
  switch (width) {
  case 1:
    return load_element<std::uint8_t>(at);
  case 2:
    return load_element<std::uint16_t>(at);
  case 4:
    return load_element<std::uint32_t>(at);
  default:
    return load_element<std::uint64_t>(at);
  }
}

template <class F> bool any_group(const Block& block, F f) {
  return std::ranges::any_of(block.warps, [&](const auto& warp) {
    return std::ranges::any_of(warp->groups, [&](const auto& group) { return f(*group); });
  });
}

} // namespace

bool spins(const Group& group) {
  const Spin& spin = group.spin;
  return spin.laps >= enough && spin.changes == group.warp->block->changes &&
         group.ran - spin.looked <= spin.lap; // else it has left the loop
}

bool came_round(Group& group, const Instruction& where, std::uint64_t ran) {
  Spin& spin = group.spin;
  const std::uint64_t changes = group.warp->block->changes;
  const bool unchanged = spin.where == &where && spin.changes == changes;
  const std::uint64_t state = unchanged ? state_of(group) : 0; // it takes its time
  const bool same = unchanged && spin.state == state;
  spin = {.where = &where,
          .state = state,
          .changes = changes,
          .looked = ran,
          .lap = spin.where == &where ? ran - spin.looked : 0,
          .laps = same ? spin.laps + 1 : 0,
          .endless = same && spin.endless};
  return same;
}

void goes_round(Group& group, bool reads_global) {
  group.spin.space = reads_global ? Space::global : Space::generic;
  group.spin.laps = enough;
  group.spin.endless = true;
}

Flow look(Group& group, const Instruction& instruction, const Access& access) {
  if (access.mask == 0) // all that it would look at was reported, and is left out
    return Flow::go;
  Block& block = *group.warp->block;
  Spin& spin = group.spin;
  ++block.looks;
  if (spin.where != nullptr && spin.where != &instruction && ++spin.others < others)
    return Flow::go;
  const bool nothing_changed = spin.where == &instruction && spin.changes == block.changes;
  came_round(group, instruction, group.ran + group.warp->executed - group.began);
  const int lane = __builtin_ctz(access.mask);
  spin.address = access.address[lane];
  spin.space = access.found[lane];
  spin.at = access.host[lane];
  spin.width = instruction.width;
  spin.found = word_at(spin.at, spin.width);
  return nothing_changed ? Flow::yields : Flow::go;
}

bool is_quiet(const Block& block) {
  return block.async->empty() &&
         !any_group(block, [](const Group& group) { return group.ready() && !spins(group); });
}

bool is_still(const Block& block) {
  return is_quiet(block) && !any_group(block, [](const Group& group) {
           const Spin& spin = group.spin;
           return group.ready() && (spin.endless || word_at(spin.at, spin.width) != spin.found);
         });
}

bool looks_at_host(const Block& block) {
  const Memory& memory = *block.launch->memory;
  return any_group(block, [&](const Group& group) {
    if (!group.ready() || group.spin.space != Space::global)
      return false;
    if (group.spin.endless) // nobody knows where
      return std::ranges::any_of(memory.allocations(), &Allocation::host);
    const auto allocation = memory.find(group.spin.address);
    return allocation && allocation->host;
  });
}

} // namespace emu
