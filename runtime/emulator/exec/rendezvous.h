// Instructions that lanes of a warp execute together: each lane names those that it expects, in its member
// mask. Lanes that have left are not waited for.
#pragma once

#include "emulator/exec/groups.h"

namespace emu {

/// Waits until all lanes that `mask` names in the instruction's last operand have come to it with the same
/// member mask. `go`: the group is lanes of which that holds, perhaps of several member masks; the
/// instruction is executed for group.mask.
Flow gather(Group& group, const Instruction& instruction, Mask mask);

/// The same for a barrier, which lanes may reach at different instructions (of the same semantic function):
/// lets those go on that all have come.
Flow synchronise(Group& group, const Instruction& instruction, Mask mask);

/// Calls f(lanes) for the group's lanes of each member mask.
template <class F> void for_members(const Group& group, const Instruction& instruction, F f) {
  const Mask* members = lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
  for (Mask rest = group.mask; rest != 0;) {
    const Mask wanted = members[__builtin_ctz(rest)];
    const Mask together = lanes_where(rest, [=](int i) { return members[i] == wanted; });
    f(together);
    rest &= ~together;
  }
}

} // namespace emu
