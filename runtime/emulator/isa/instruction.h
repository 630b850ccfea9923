// Decoded instructions: what the executor runs. The table of instructions (table.h) makes them from the
// parsed text.
#pragma once

#include "emulator/exec/lanes.h"
#include <memory>
#include <span>
#include <vector>

namespace emu {

struct Group;
struct Instruction;

/// What the executor does after an instruction. group.pc is the next instruction already when one is
/// executed; those that jump set it.
enum class Flow : std::uint8_t {
  go,       ///< goes on at group.pc
  switched, ///< groups were split, merged, woken, removed, or this one waits: choose anew who runs
  yields,   ///< goes on, but waits for what others do by looking again and again: let them run
  retry,    ///< nothing was done: the same instruction runs again later (group.wait may say when)
  fault,    ///< the launch ends with an error, which has been reported
};

/// Runs an instruction for the lanes of `mask` (never 0; guard and activity are already in it).
using Execute = Flow (*)(Group& group, const Instruction& instruction, Mask mask);

/// Data of one instruction beyond its slots (branch targets, call records, matrix shapes), made by its
/// decoder.
struct Extra {
  virtual ~Extra() = default;
};

/// How definedness travels through an instruction, and what a reader of the counters calls it.
enum class Kind : std::uint8_t {
  compute,   ///< undefined in, tainted out
  copy,      ///< moves bits: undefined bytes stay undefined bytes (mov, selp, prmt, shifts, shuffles)
  control,   ///< branches, exit: an undefined predicate or target is reported
  call,      ///< as control; `immediate` of its sources are the target, the others are handed on as they are
  memory,    ///< checks its address registers; data travels through the shadow of memory
  sync,      ///< barriers, votes, fences
  matrix,    ///< mma and its relatives: propagates by itself
  warpgroup, ///< wgmma: for four warps at a time, and later than it is executed
};

struct Instruction {
  Execute execute = nullptr;
  const Slot* slot = nullptr; ///< destinations and sources in operand order, vectors expanded
  std::uint16_t slots = 0;
  std::uint16_t destinations = 0; ///< the first so many slots are written
  /// Where in `slot` operand i of the table begins; first[i + 1] - first[i] are its parts, none if left out.
  std::uint16_t first[9] = {};
  std::uint8_t operands = 0;
  Kind kind = Kind::compute;
  bool guarded = false, guard_negated = false;
  bool partial = false;      ///< may leave lanes of its destinations as they were, even unguarded
  bool holds = false;        ///< accesses registers after it was executed, too
  bool touches_held = false; ///< accesses registers of its function that another instruction holds
  std::uint8_t width = 0;    ///< bytes of one element, where the family needs it
  std::uint8_t vector = 1;   ///< elements of ld, st and their like
  std::uint8_t order = 0, scope = 0, space = 0; ///< of memory accesses: see exec/access.h
  std::uint8_t negated = 0;                     ///< a bit for each operand that is a negated predicate
  Slot guard;
  std::int64_t immediate = 0;   ///< offset of an address, or what the family makes of it
  std::uint64_t flags = 0;      ///< modifiers as bits, as the family defines them
  std::uint32_t flops = 0;      ///< of one execution by a warp, if it is a matrix instruction
  std::uint32_t first_slot = 0; ///< of `slot`, in its function's
  std::uint32_t index = 0;      ///< in its function: the program counter
  std::uint32_t line = 0;       ///< of the PTX text
  std::uint32_t entry = 0;      ///< of the table: names and classes for counters
  const Extra* extra = nullptr; ///< the program owns it

  Slot operand(int i, int part = 0) const { return slot[first[i] + part]; }
  int parts(int i) const { return first[i + 1] - first[i]; }
};

} // namespace emu
