// Instructions that lanes of a warp execute together: each lane names those that it expects, in its member
// mask. Lanes that have left are not waited for.
#pragma once

#include "emulator/exec/groups.h"

namespace emu {

/// What lanes of a warp bring that execute one operation with one member mask, but at different instructions,
/// as the ISA lets them ("the same qualifiers and the same membermask"): their source operands, one after the
/// other, as the slots of the instruction; predicates are not negated.
struct Exchange {
  Mask members = 0;
  std::vector<std::byte> sources;
};

/// The group's next instruction is part of an exchange: nobody may join it before.
inline bool exchanges_next(const Group& group) { return group.exchange != nullptr && group.exchanged == 0; }

/// Puts the sources of the exchange's other lanes into the operands of `instruction`, for as long as it
/// lives; when it dies, lanes of other groups have what they had.
class Borrowed {
public:
  Borrowed(Group& group, const Instruction& instruction);
  ~Borrowed();
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

private:
  Group& group;
  const Instruction& instruction;
  std::vector<std::byte> saved; ///< all slots
};

/// Waits until all lanes that `mask` names in the instruction's last operand have come to it with the same
/// member mask. `go`: the group is lanes of which that holds, perhaps of several member masks, or
/// with an exchange; the instruction is executed for group.mask.
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

/// The same after gather(): with an exchange, for its lanes.
template <class F> void for_gathered(Group& group, const Instruction& instruction, F f) {
  if (group.exchange == nullptr || group.exchanged != group.warp->executed)
    return for_members(group, instruction, f);
  const Borrowed others(group, instruction);
  f(group.exchange->members);
}

} // namespace emu
