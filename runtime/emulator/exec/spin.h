// Threads that look at memory again and again until another thread writes it: they let others run; and when
// nobody is left who could write, that is a deadlock.
//
// A group spins if it comes back to the same load, or to an atomic that changes nothing, with the same
// registers, while its block changes nothing: what it does then depends on memory alone. Reading a clock
// counts as a change, so that a loop that waits for a time does not spin.
#pragma once

#include "emulator/exec/access.h"

#include <span>

namespace emu {

/// For an instruction that has looked at memory, perhaps in a loop that waits: `yields` if the group has been
/// there before and its block has changed nothing since.
Flow look(Group& group, const Instruction& instruction, const Access& access);

/// It has looked at the same memory lap after lap, without a change, and is in that loop still.
bool spins(const Group& group);
/// The group is at `where`, after `ran` instructions: were its registers the same when it was there before?
bool came_round(Group& group, const Instruction& where, std::uint64_t ran);
/// It is in a loop that changes nothing, which it went through completely; perhaps with plain loads of global
/// memory.
void goes_round(Group& group, bool reads_global);

/// Nothing in the block goes on until others write what its groups look at.
bool is_quiet(const Block& block);
/// It is quiet, and there is still what its groups have found. (Of each, one lane.)
bool is_still(const Block& block);
/// One of its groups looks at memory that the host may write at any time.
bool looks_at_host(const Block& block);

/// Ends the launch because nothing can go on in any of its blocks, of which these are some. `begun` of them
/// run or have run.
void report_endless_wait(Launch& launch, std::span<Block* const> blocks, std::uint64_t begun);

} // namespace emu
