// setmaxnreg, which divides a block's registers between its warpgroups; griddepcontrol, for launches that
// overlap.
#include "emulator/checks/checker.h"
#include "emulator/exec/register_pool.h"
#include "emulator/families/modifiers.h"

#include <fmt/format.h>

namespace emu {
namespace {

enum Flag : std::uint64_t { takes = 1 };

Flow set_registers(Group& group, const Instruction& instruction, Mask mask) {
  if (mask != group.mask) // all lanes of the warp or none: the others are somewhere else
    return split(group, mask, instruction.index);
  if (const Flow flow = meet(group, instruction, all_lanes); flow != Flow::go)
    return flow;
  return change_registers(group, instruction, static_cast<std::uint32_t>(instruction.immediate),
                          (instruction.flags & takes) != 0);
}

void decode_registers(Decoding& d) {
  constexpr std::int64_t least = 24, most = 256, unit = 8;
  d.out.immediate = constant_operand(d, 0);
  d.out.flags = d.has("inc") ? std::uint64_t(takes) : 0;
  d.out.execute = set_registers;
  if (d.error.empty() && (d.out.immediate < least || d.out.immediate > most || d.out.immediate % unit != 0))
    d.fail(
        fmt::format("{} registers: expected {} to {}, a multiple of {}", d.out.immediate, least, most, unit));
}

// Kernels run one after the other: what a launch must not rely on is an affair of the checks.
Flow wait_for_launch(Group& group, const Instruction&, Mask mask) {
  if (Checker* checker = group.warp->block->launch->checker)
    checker->grid_waits(group, mask);
  return Flow::go;
}

Flow trigger_next(Group& group, const Instruction&, Mask) {
  if (Checker* checker = group.warp->block->launch->checker)
    checker->grid_triggers(group);
  return Flow::go;
}

} // namespace

std::span<const Entry> grid_entries() {
  static constexpr Entry entries[] = {
      {"setmaxnreg(.inc|.dec).sync.aligned.u32", "u32", decode_registers, Kind::sync, Class::control},
      {"griddepcontrol.wait", "", decode_as<wait_for_launch>, Kind::sync, Class::control},
      {"griddepcontrol.launch_dependents", "", decode_as<trigger_next>, Kind::sync, Class::control},
  };
  return entries;
}

} // namespace emu
