#include "emulator/exec/warpgroup.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace emu {
namespace {

std::uint32_t first_warp(const Group& group) {
  return group.warp->index / warps_of_warpgroup * warps_of_warpgroup;
}

Flow misused(Group& group, const Instruction& instruction, const std::string& message) {
  return fault(group, instruction, __builtin_ctz(group.mask), Status::illegal_instruction, message);
}

} // namespace

Flow meet_warpgroup(Group& group, const Instruction& instruction, WarpgroupLanes& all) {
  Block& block = *group.warp->block;
  const std::uint32_t first = first_warp(group);
  if (first + warps_of_warpgroup > block.warps.size())
    return misused(
        group, instruction,
        fmt::format("warp {} belongs to no warpgroup: expected four warps from warp {} on, the block has {}",
                    group.warp->index, first, block.warps.size()));
  for (std::uint32_t i = 0; i < warps_of_warpgroup; ++i)
    if (const Mask alive = block.warps[first + i]->alive; alive != all_lanes)
      return misused(group, instruction,
                     fmt::format("lanes 0x{:08x} of warp {} have left: expected all lanes of the warpgroup",
                                 ~alive, first + i));
  block.warpgroups.resize(block.warps.size() / warps_of_warpgroup);
  Warpgroup& meeting = block.warpgroups[first / warps_of_warpgroup];
  if (meeting.where == nullptr)
    meeting.where = &instruction;
  if (meeting.where != &instruction)
    return misused(
        group, instruction,
        fmt::format("another warp of the warpgroup is at line {}: expected all four at the same instruction",
                    meeting.where->line));
  meeting.come[group.warp->index - first] = &group;
  ++block.changes;
  if (std::ranges::find(meeting.come, nullptr) != meeting.come.end()) {
    group.wait = {.what = Wait::For::warpgroup, .id = first, .where = &instruction};
    return Flow::switched;
  }
  all = meeting.come;
  meeting = {};
  for (Group* one : all)
    one->wait = {};
  return Flow::go;
}

std::string describe_warpgroup(const Group& group) {
  const Block& block = *group.warp->block;
  const std::uint32_t first = first_warp(group);
  const Warpgroup& meeting = block.warpgroups[first / warps_of_warpgroup];
  std::vector<std::uint32_t> missing;
  for (std::uint32_t i = 0; i < warps_of_warpgroup; ++i)
    if (meeting.come[i] == nullptr)
      missing.push_back(first + i);
  return fmt::format("warps {} of its warpgroup to come to the same instruction", fmt::join(missing, ", "));
}

} // namespace emu
