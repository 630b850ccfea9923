// Bulk copies (cp.async.bulk and its relatives): what one thread begins, and the copy engine does beside all
// threads. A copy has pieces; the schedule cuts it into parts that are read, written and signalled each at a
// time of its own. It is complete through an mbarrier, which counts the bytes as transactions, or through the
// thread's bulk groups.
#pragma once

#include "emulator/exec/access.h"
#include "emulator/exec/wide.h"

#include <array>
#include <string>
#include <vector>

namespace emu {

/// Combines what is at `at` with `b`, atomically; the value that was there. See families/atomics.h.
using Update = Wide (*)(std::byte* at, Space space, bool& changed, Wide b, Wide c);
/// Changes elements on their way: `bytes` of them at `at`.
using Convert = void (*)(std::byte* at, std::uint32_t bytes);

/// Bytes that lie together at both ends.
struct BulkPiece {
  std::byte* to = nullptr;
  const std::byte* from = nullptr; ///< null: out of bounds, filled
  std::uint32_t bytes = 0;
};

struct BulkCopy {
  std::vector<BulkPiece> pieces;
  Block* to = nullptr;                ///< whose shared memory the pieces go to; null: global memory
  Block* from = nullptr;              ///< and where they come from
  std::uint32_t element = 1;          ///< bytes; pieces have whole ones
  std::uint64_t fill = 0;             ///< an element out of bounds
  Mask alike = 0;                     ///< lanes of the instruction that copy the same bytes to the same place
  bool shares_source = false;         ///< of a multicast: it is read once, for another copy
  Convert convert = nullptr;          ///< null: bits stay as they are
  Update update = nullptr;            ///< of a reduction
  std::uint16_t bytes_of_16 = 0xffff; ///< those that are written of each 16 bytes (.cp_mask)
  // Completion: an mbarrier in the shared memory of `signalled`; null: the thread's bulk group.
  Block* signalled = nullptr;
  std::byte* mbarrier = nullptr;

  std::uint64_t bytes() const;
};

/// Begins a copy of a lane: in the fast mode it is done when this returns.
Flow begin_bulk(Group& group, const Instruction& instruction, int lane, BulkCopy copy);

/// The lane's copies that are in no group yet become one.
void commit_bulk(Group& group, Mask mask);
/// The lanes wait for all but their latest `keep` committed groups; `reads`: only until their sources are
/// read.
void wait_bulk(Group& group, Mask mask, std::uint32_t keep, bool reads);

/// What one end of a copy is said to be.
struct BulkPlace {
  Space space = Space::global;
  Doing doing = Doing::agent_read;
  std::uint64_t address = 0, bytes = 0;
  std::uint32_t align = 16;
};
/// Where it is. An address that is not allowed is reported: with checks on the lane goes on without the copy,
/// else it is a fault.
struct BulkRange {
  enum class Is : std::uint8_t { there, left_out, fault } is = Is::there;
  std::byte* host = nullptr;
  Space space = Space::global; ///< never generic
  Block* block = nullptr;      ///< of shared memory
};
BulkRange bulk_range(Group& group, const Instruction& instruction, int lane, const BulkPlace& place);

} // namespace emu
