// mbarrier objects (PTX ISA, "mbarrier"): 64 bits of shared memory, opaque to programs. Our layout, from the
// lowest bit:
//     20 bits  arrivals that the current phase still needs
//     20 bits  arrivals that a phase needs
//     21 bits  transaction count, signed
//      2 bits  mark: 01, so that memory that holds something else is told from an mbarrier
//      1 bit   parity of the current phase
// The state that an arrival returns is the object as it was before.
//
// Objects are changed by one host thread only: that which runs their cluster.
#pragma once

#include "emulator/exec/groups.h"

#include <string>
#include <string_view>

namespace emu {

struct Mbarrier {
  static constexpr std::int64_t most = (1 << 20) - 1; ///< arrivals; transactions, either sign
  std::int64_t pending = 0, expected = 0, transactions = 0;
  bool parity = false;

  static Mbarrier from(std::uint64_t bits);
  static bool is_valid(std::uint64_t bits);
  std::uint64_t bits() const;
};

/// Said where an object is expected and there is none.
inline constexpr std::string_view no_mbarrier =
    "there is no mbarrier object: expected one that mbarrier.init made";

/// What an operation does to an object, in this order.
struct MbarrierChange {
  std::int64_t expect_transactions = 0;
  std::int64_t complete_transactions = 0;
  std::int64_t arrivals = 0;
  bool drops = false;           ///< later phases need so many arrivals less
  bool may_complete = true;     ///< false: an error if it completes the phase
  std::int64_t add_pending = 0; ///< of cp.async.mbarrier.arrive without .noinc
};

/// Makes the change to the object at `at` in the block's shared memory; the phase completes when neither
/// arrivals nor transactions are missing, which wakes the block's threads. Empty, or what is wrong.
std::string change(Block& block, std::byte* at, const MbarrierChange& change);

/// Of bytes of the block's shared memory.
std::uint64_t shared_address(const Block& block, const std::byte* at);

/// "mbarrier at shared address 0x400: 2 of 4 arrivals of the phase of parity 0 are missing".
std::string describe_mbarrier(const Block& block, std::uint64_t address);

} // namespace emu
