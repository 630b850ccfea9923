#include "emulator/exec/bulk.h"
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/async.h"
#include "emulator/exec/mbarrier.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace emu {
namespace {

constexpr std::uint32_t chunk_bytes = 16; // what is never cut

// Who issued it, for what goes wrong later.
struct Issuer {
  const Warp* warp = nullptr;
  const Function* function = nullptr;
  const Instruction* instruction = nullptr;
  int lane = 0;
};

/// Some pieces of a copy.
class BulkPart final : public AsyncWork {
public:
  BulkPart(BulkCopy part, const Issuer& issuer, AsyncRef operation)
      : copy(std::move(part)), issuer(issuer), operation(std::move(operation)) {}

  void read() override {
    taken.resize(copy.bytes());
    std::byte* at = taken.data();
    for (const BulkPiece& piece : copy.pieces) {
      if (piece.from == nullptr)
        fill(at, piece.bytes);
      else
        std::memcpy(at, piece.from, piece.bytes);
      if (piece.from != nullptr && copy.convert != nullptr)
        copy.convert(at, piece.bytes);
      at += piece.bytes;
    }
  }

  void write() override {
    const std::byte* at = taken.data();
    for (const BulkPiece& piece : copy.pieces) {
      put(piece, at);
      at += piece.bytes;
    }
    ++issuer.warp->block->changes;
    if (copy.to != nullptr)
      ++copy.to->changes;
    if (copy.mbarrier == nullptr)
      return;
    Launch& launch = *issuer.warp->block->launch;
    if (launch.checker != nullptr)
      launch.checker->async_signals(operation, *copy.signalled,
                                    shared_address(*copy.signalled, copy.mbarrier));
    const auto bytes = static_cast<std::int64_t>(taken.size());
    if (const std::string wrong =
            change(*copy.signalled, copy.mbarrier, {.complete_transactions = bytes, .may_complete = true});
        !wrong.empty())
      fail(launch, Status::illegal_instruction,
           fmt::format("{}: when {} of its bytes are there, {}",
                       describe(*issuer.warp, *issuer.function, *issuer.instruction, issuer.lane), bytes,
                       wrong));
  }

private:
  void fill(std::byte* at, std::uint32_t bytes) const {
    for (std::uint32_t i = 0; i < bytes; i += copy.element)
      std::memcpy(at + i, &copy.fill, copy.element);
  }

  void put(const BulkPiece& piece, const std::byte* at) const {
    if (copy.update != nullptr) {
      bool changed = false;
      for (std::uint32_t i = 0; i < piece.bytes; i += copy.element) {
        Wide b = 0;
        std::memcpy(&b, at + i, copy.element);
        copy.update(piece.to + i, copy.to != nullptr ? Space::shared : Space::global, changed, b, 0);
      }
    } else if (copy.bytes_of_16 == 0xffff) {
      std::memcpy(piece.to, at, piece.bytes);
    } else {
      for (std::uint32_t i = 0; i < piece.bytes; ++i)
        if ((copy.bytes_of_16 >> i % chunk_bytes & 1) != 0)
          piece.to[i] = at[i];
    }
  }

  BulkCopy copy;
  Issuer issuer;
  AsyncRef operation; ///< null: nothing is checked, or another lane's is the same
  std::vector<std::byte> taken;
};

// The first `bytes` of the copy, which are taken out of it; a multiple of 16 of each piece.
BulkCopy take(BulkCopy& copy, std::uint64_t bytes) {
  std::vector<BulkPiece> pieces = std::exchange(copy.pieces, {});
  BulkCopy part = copy;
  for (BulkPiece& piece : pieces) {
    std::uint32_t taken = piece.bytes;
    if (taken > bytes)
      taken = static_cast<std::uint32_t>(bytes / chunk_bytes * chunk_bytes);
    bytes = taken == piece.bytes ? bytes - taken : 0;
    if (taken > 0)
      part.pieces.push_back({.to = piece.to, .from = piece.from, .bytes = taken});
    if (taken == piece.bytes)
      continue;
    piece.to += taken;
    piece.from += piece.from != nullptr ? taken : 0;
    piece.bytes -= taken;
    copy.pieces.push_back(piece);
  }
  return part;
}

AsyncRange range_of(Block* block, const std::byte* host, std::uint64_t bytes) {
  return {.block = block,
          .address = block != nullptr ? static_cast<std::uint64_t>(host - block->shared.data())
                                      : reinterpret_cast<std::uintptr_t>(host),
          .bytes = bytes};
}

// Lanes that do the same as this one, and learn with it that it is complete: those of the first one's group.
Mask together(const Warp& warp, const BulkCopy& part, int lane) {
  if (part.mbarrier != nullptr || part.alike == 0)
    return 0;
  const auto group = [&](int of) { return warp.bulk_groups[static_cast<std::size_t>(of)]; };
  const int first = __builtin_ctz(part.alike);
  return group(lane) == group(first)
             ? lanes_where(part.alike, [&](int of) { return group(of) == group(first); })
             : 0;
}

// The checker is told of all bytes of a part when it is issued.
AsyncRef tell(Group& group, const Instruction& instruction, int lane, const BulkCopy& part) {
  Checker* checker = group.warp->block->launch->checker;
  if (checker == nullptr)
    return nullptr;
  const Mask lanes = together(*group.warp, part, lane);
  if (lanes != 0 && lane != __builtin_ctz(lanes))
    return nullptr; // the first of them has told it
  const AsyncRef operation = checker->async_begins(
      group, instruction, lane,
      {.by = part.mbarrier != nullptr ? AsyncBy::mbarrier : AsyncBy::bulk_group, .lanes = lanes});
  const auto writes = [&](const BulkPiece& piece, std::uint32_t first, std::uint32_t bytes) {
    const AsyncRange to = range_of(part.to, piece.to + first, bytes);
    if (piece.from == nullptr)
      return checker->async_writes(operation, to);
    const AsyncRange from = range_of(part.from, piece.from + first, bytes);
    checker->async_writes(operation, to, &from);
  };
  for (const BulkPiece& piece : part.pieces) {
    if (piece.from != nullptr)
      checker->async_reads(operation, range_of(part.from, piece.from, piece.bytes));
    if (part.update != nullptr)
      checker->async_reduces(operation, range_of(part.to, piece.to, piece.bytes));
    else if (part.bytes_of_16 == 0xffff)
      writes(piece, 0, piece.bytes);
    else
      for (std::uint32_t i = 0; i < piece.bytes; ++i)
        if ((part.bytes_of_16 >> i % chunk_bytes & 1) != 0)
          writes(piece, i, 1);
  }
  return operation;
}

} // namespace

std::uint64_t BulkCopy::bytes() const {
  return std::accumulate(pieces.begin(), pieces.end(), std::uint64_t(0),
                         [](std::uint64_t sum, const BulkPiece& piece) { return sum + piece.bytes; });
}

Flow begin_bulk(Group& group, const Instruction& instruction, int lane, BulkCopy copy) {
  constexpr std::uint64_t most_parts = 4;
  Warp& warp = *group.warp;
  Block& block = *warp.block;
  if (CounterShard* counts = block.counts)
    counts->copied(group, instruction, copy);
  const Issuer issuer = {&warp, group.activation->function, &instruction, lane};
  const auto part_of = [&](BulkCopy part) {
    AsyncRef operation = tell(group, instruction, lane, part);
    return std::make_unique<BulkPart>(std::move(part), issuer, std::move(operation));
  };
  Random* random = block.launch->random;
  if (random == nullptr) {
    const std::unique_ptr<BulkPart> all = part_of(std::move(copy));
    all->read();
    all->write();
    return block.launch->stopped ? Flow::fault : Flow::go;
  }
  const AsyncOwner owner = {.thread = thread_of(group, lane),
                            .chain = Chain::bulk,
                            .group = copy.mbarrier != nullptr
                                         ? AsyncOwner::no_group
                                         : warp.bulk_groups[static_cast<std::size_t>(lane)]};
  const std::uint64_t parts = copy.bytes() > 0 ? 1 + random->below(most_parts) : 1;
  for (std::uint64_t i = 1; i < parts; ++i)
    if (BulkCopy part = take(copy, random->below(copy.bytes())); !part.pieces.empty())
      block.async->issue(block, owner, part_of(std::move(part)));
  block.async->issue(block, owner, part_of(std::move(copy)));
  return block.launch->stopped ? Flow::fault : Flow::go;
}

void commit_bulk(Group& group, Mask mask) {
  if (Checker* checker = group.warp->block->launch->checker)
    checker->bulk_commits(group, mask);
  for_lanes(mask, [&](int lane) { ++group.warp->bulk_groups[static_cast<std::size_t>(lane)]; });
}

void wait_bulk(Group& group, Mask mask, std::uint32_t keep, bool reads) {
  Block& block = *group.warp->block;
  for_lanes(mask, [&](int lane) {
    const std::uint32_t committed = group.warp->bulk_groups[static_cast<std::size_t>(lane)];
    if (committed <= keep || block.async->empty())
      return;
    if (reads)
      block.async->finish_reads(thread_of(group, lane), Chain::bulk, committed - keep);
    else
      block.async->finish(thread_of(group, lane), Chain::bulk, committed - keep);
  });
  if (Checker* checker = block.launch->checker)
    checker->bulk_waits(group, mask, keep, reads);
}

BulkRange bulk_range(Group& group, const Instruction& instruction, int lane, const BulkPlace& place) {
  Access access;
  access.space = place.space;
  access.doing = place.doing;
  access.bytes = static_cast<std::uint32_t>(place.bytes);
  access.align = place.align;
  access.mask = Mask(1) << lane;
  std::ranges::fill(access.address, place.address);
  if (!resolve(group, instruction, access))
    return {.is = BulkRange::Is::fault};
  if (access.mask == 0)
    return {.is = BulkRange::Is::left_out};
  return {.host = access.host[lane],
          .space = access.found[lane],
          .block = access.found[lane] == Space::shared ? &owner(group, access, lane) : nullptr};
}

} // namespace emu
