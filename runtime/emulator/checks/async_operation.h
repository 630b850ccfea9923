// What wgmma, bulk and tensor copies tell a Checker. Such an operation is an agent of its own: it begins with
// what its issuer knows through the asynchronous proxy (generic writes only as far as a fence.proxy.async of
// somebody who knew them came before), touches ranges of bytes at some time until it completes, and who waits
// for that learns of it. All ranges are told when it is issued, whenever their bytes move:
//
//     AsyncRef copy = checker->async_begins(group, instruction, lane, {AsyncBy::mbarrier});
//     checker->async_reads(copy, {.address = global address, .bytes = n});
//     checker->async_writes(copy, {&block, offset in block.shared, n}, &from);
//     ... and when its last byte is written, just before change() of the mbarrier:
//     checker->async_signals(copy, owner, shared_address(owner, mbarrier));
//
// - Lanes that copy the same bytes to the same place are one operation, which knows what its issuer does.
// - A copy whose pieces signal one by one, or that goes to several blocks, is an operation for each of them.
// - wgmma is one for each of the four warps, with the warp's first lane: of A, that warp's rows, and B. They
//   are all issued once the fourth warp has come.
// - What is sure to be in bounds needs no more. Else the addresses go through resolve() with
//   Doing::agent_read or agent_write, which checks bounds, and nothing else.
#pragma once

#include <cstdint>
#include <memory>

namespace emu {

struct Block;
class AsyncOperation;
using AsyncRef = std::shared_ptr<AsyncOperation>;

/// How a program learns that an operation is complete.
enum class AsyncBy : std::uint8_t {
  mbarrier,     ///< async_signals()
  bulk_group,   ///< of the thread: bulk_commits(), bulk_waits()
  matrix_group, ///< of the warpgroup: matrix_commits(), matrix_waits()
};

struct AsyncIssue {
  AsyncBy by = AsyncBy::mbarrier;
  /// Its accesses are generic ones (st.async, red.async): they need no fence.proxy.async.
  bool generic = false;
  /// By bulk group: the lanes of the warp, from the issuer on, that do it together; it is complete when the
  /// group of each is.
  std::uint32_t lanes = 0;
};

/// Bytes that an operation touches.
struct AsyncRange {
  Block* block = nullptr;    ///< whose shared memory; null: global memory
  std::uint64_t address = 0; ///< in block->shared, from 0; in global memory
  std::uint64_t bytes = 0;
};

} // namespace emu
