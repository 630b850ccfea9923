// Groups of lanes: how they part and meet, call and return, wait and leave.
#pragma once

#include "emulator/exec/launch.h"
#include "emulator/exec/state.h"

namespace emu {

/// The lanes, which are not all of the group, become one of their own, at the same place.
Group& split_off(Group& group, Mask lanes);

/// Lanes `lanes` of the group go on at `pc`; the others stay where they are. Flow for the instruction that
/// did it.
Flow split(Group& group, Mask lanes, std::uint32_t pc);

/// The lanes leave the kernel.
Flow leave(Group& group, Mask lanes);

/// For instructions that the lanes `needed` of a warp execute together (as far as they have not left): the
/// first ones wait. `go` when all have come: then `group` has them all, and executes the instruction for
/// group.mask.
Flow meet(Group& group, const Instruction& instruction, Mask needed);

/// A new activation of `callee` for the lanes; the group goes on at its first instruction. The caller copies
/// arguments.
struct Entered {
  Flow flow = Flow::go;
  const Frame* frame = nullptr;
};
Entered enter(Group& group, const Instruction& call, const Function& callee, Mask lanes);
/// The lanes go on after the call.
Flow leave_function(Group& group, Mask lanes);

/// Merges `other` into `group`, both at the same instruction of the same activation.
void merge(Group& group, Group& other);

/// Lets groups go on that wait for what just happened.
void wake(Warp& warp);
void wake_barrier(Block& block, std::uint32_t id);
void wake_async(Block& block);

std::shared_ptr<Frame> make_frame(Warp& warp, const Function& function, std::shared_ptr<Frame> caller,
                                  Mask lanes);
/// Where the variables of what `frame` calls begin in local memory.
std::uint64_t locals_end(const Frame& frame);
/// Local memory has room for so many bytes a lane.
void reserve_local(Warp& warp, std::uint64_t bytes);
/// Where lane `lane`'s local memory begins; it has warp.local_bytes bytes, at address `local_begin`.
inline std::byte* local_memory(Warp& warp, int lane) { return warp.local.data() + lane * warp.local_bytes; }

} // namespace emu
