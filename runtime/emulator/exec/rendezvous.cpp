#include "emulator/exec/rendezvous.h"
#include "emulator/checks/checker.h"

#include <fmt/format.h>

namespace emu {
namespace {

// The lanes of a guard that does not hold go on; those of `mask` are alone at the instruction.
bool apart(const Group& group, Mask mask) { return mask != group.mask; }

Flow check_members(Group& group, const Instruction& instruction) {
  const Mask* members = lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
  const Mask left_out = lanes_where(group.mask, [=](int i) { return (members[i] >> i & 1) == 0; });
  if (left_out == 0)
    return Flow::go;
  const int lane = __builtin_ctz(left_out);
  return fault(
      group, instruction, lane, Status::illegal_instruction,
      fmt::format("member mask 0x{:08x} does not name lane {}, which executes it", members[lane], lane));
}

// Lanes of the group that have all come whom they name, and in `missing` whom the others wait for.
Mask complete_lanes(const Group& group, const Instruction& instruction, Mask& missing) {
  const Mask* members = lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
  const Mask alive = group.warp->alive;
  Mask complete = 0;
  for_members(group, instruction, [&](Mask together) {
    const Mask absent = members[__builtin_ctz(together)] & alive & ~together;
    (absent == 0 ? complete : missing) |= absent == 0 ? together : absent;
  });
  return complete;
}

void wait(Group& group, const Instruction& instruction, Mask missing) {
  group.pc = instruction.index;
  group.wait = {.what = Wait::For::warp, .lanes = missing, .where = &instruction};
}

void merge_waiting(Group& group, const Instruction& instruction) {
  auto& groups = group.warp->groups;
  for (std::size_t i = 0; i < groups.size();) {
    Group& other = *groups[i];
    if (&other != &group && other.wait.what == Wait::For::warp && other.wait.where == &instruction &&
        other.activation == group.activation)
      merge(group, other);
    else
      ++i;
  }
}

} // namespace

Flow gather(Group& group, const Instruction& instruction, Mask mask) {
  if (apart(group, mask))
    return split(group, mask, instruction.index);
  if (check_members(group, instruction) == Flow::fault)
    return Flow::fault;
  merge_waiting(group, instruction);
  Mask missing = 0;
  const Mask complete = complete_lanes(group, instruction, missing);
  if (complete == 0) {
    wait(group, instruction, missing);
    return Flow::retry;
  }
  if (complete != group.mask)
    wait(split_off(group, group.mask & ~complete), instruction, missing);
  return Flow::go;
}

Flow synchronise(Group& group, const Instruction& instruction, Mask mask) {
  if (apart(group, mask))
    return split(group, mask, instruction.index);
  if (check_members(group, instruction) == Flow::fault)
    return Flow::fault;
  Warp& warp = *group.warp;
  // Who is at such a barrier, and with which mask.
  Mask come = 0, named[warp_size] = {};
  std::vector<Group*> here;
  for (const auto& other : warp.groups) {
    const bool waits =
        other->wait.what == Wait::For::warp && other->wait.where->execute == instruction.execute;
    if (other.get() != &group && !waits)
      continue;
    const Instruction& at = waits ? *other->wait.where : instruction;
    const Mask* members = lanes<Mask>(other->frame, at.operand(at.operands - 1));
    for_lanes(other->mask, [&](int i) { named[i] = members[i]; });
    come |= other->mask;
    here.push_back(other.get());
  }
  const Mask complete = lanes_where(come, [&](int i) {
    const Mask same = lanes_where(come, [&](int k) { return named[k] == named[i]; });
    return (named[i] & warp.alive & ~same) == 0;
  });
  if (Checker* checker = warp.block->launch->checker; checker != nullptr)
    for (Mask rest = complete; rest != 0;) {
      const Mask wanted = named[__builtin_ctz(rest)];
      const Mask together = lanes_where(rest, [&](int i) { return named[i] == wanted; });
      checker->warp_syncs(group, together);
      rest &= ~together;
    }
  for (Group* at : here) {
    const Instruction& barrier = at == &group ? instruction : *at->wait.where;
    const Mask go = at->mask & complete;
    Group* stays = go == 0 ? at : go == at->mask ? nullptr : &split_off(*at, at->mask & ~go);
    if (stays != nullptr) {
      Mask missing = 0;
      for_lanes(stays->mask, [&](int i) { missing |= named[i] & warp.alive & ~come; });
      wait(*stays, barrier, missing);
    }
    if (stays != at) {
      at->wait = {};
      at->pc = barrier.index + 1;
    }
  }
  return complete == group.mask && here.size() == 1 ? Flow::go : Flow::switched;
}

} // namespace emu
