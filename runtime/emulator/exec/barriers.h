// The 16 named barriers of a block (PTX ISA, "barrier{.cta}", and "exit" for threads that leave).
//
// A barrier without a count is for all threads of the block that have not left, one by one, from whatever
// instruction they come; it completes also when those that are missing leave. One with a count is for that
// many threads; an aligned instruction counts a warp as warp_size threads once all its lanes have come,
// whether or not it ever had so many, and threads that leave change nothing but that.
#pragma once

#include "emulator/exec/groups.h"

namespace emu {

struct BarrierArrival {
  std::uint32_t id = 0;
  std::uint32_t count = 0; ///< of threads; 0: all
  bool waits = true;       ///< false: barrier.arrive
  bool aligned = false;
  Mask vote = 0;                  ///< of barrier.red: lanes whose predicate holds
  BarrierResult result = nullptr; ///< of barrier.red: called for the group when the barrier completes
};

/// All lanes of the group arrive. Those that wait do so, in Wait::For::barrier, until the barrier completes,
/// and go on after the instruction.
Flow arrive(Group& group, const Instruction& instruction, const BarrierArrival& arrival);

/// Completes the barriers for which those that have left were all that was missing.
void barriers_after_leaving(Block& block);

} // namespace emu
