// setmaxnreg: warps give registers back to their block, and take them (PTX ISA, "setmaxnreg"). All warps of a
// warpgroup execute the same ones in the same order, with a barrier between.
#pragma once

#include "emulator/exec/groups.h"

namespace emu {

/// Registers that each thread of the kernel begins with, if its directives say it: .maxnreg, or .minnctapersm
/// with .maxntid or .reqntid, for which ptxas gives all that there are. 0: unknown; setmaxnreg has no effect
/// then.
std::uint32_t registers_at_entry(const Function& kernel, const Chip& chip);

/// The warp has `count` registers a thread from now on; with `takes` it waits until its block has so many.
Flow change_registers(Group& group, const Instruction& instruction, std::uint32_t count, bool takes);

/// Empty, or what is wrong when a warp has left: others of its warpgroup executed what it did not.
std::string registers_after_leaving(const Warp& warp);

/// "... registers: 72 a thread more than the 24 it has, but of the block's pool 1024 are free".
std::string describe_registers(const Group& group);

} // namespace emu
