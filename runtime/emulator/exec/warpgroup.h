// A warpgroup: four warps, the first of which has a number that is a multiple of four, that execute wgmma
// together.
#pragma once

#include "emulator/exec/groups.h"

#include <array>

namespace emu {

/// A group of each of its warps, all lanes of which are at the same instruction.
using WarpgroupLanes = std::array<Group*, warps_of_warpgroup>;

/// The group, which has all lanes of its warp, comes to an instruction of its warpgroup. `go` when all four
/// warps have come: then `all` are theirs, and the other three go on behind the instruction. `switched`: it
/// waits for them, and whoever comes last does what the instruction says for all.
Flow meet_warpgroup(Group& group, const Instruction& instruction, WarpgroupLanes& all);

/// For whom a warp waits: " of its warpgroup, of which warps 2 and 3 have not come".
std::string describe_warpgroup(const Group& group);

} // namespace emu
