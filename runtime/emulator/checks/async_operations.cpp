// Operations of the asynchronous proxy: what they know, touch, and tell.
#include "emulator/checks/block_checks.h"

#include <algorithm>

namespace emu {
namespace {

constexpr unsigned part_bytes = 32; // as many as a ByteBits holds

BlockChecks& checks_of(const Block& block) { return *static_cast<BlockChecks*>(block.checks.get()); }

/// Calls f(offset, bytes) for parts of a range of `bytes`.
template <class F> void each_part(std::uint64_t bytes, F f) {
  for (std::uint64_t done = 0; done < bytes; done += part_bytes)
    f(done, static_cast<unsigned>(std::min<std::uint64_t>(part_bytes, bytes - done)));
}

} // namespace

class AsyncOperation {};

AsyncRef Checker::async_begins(Group&, const Instruction&, int, AsyncIssue) {
  return std::make_shared<AsyncOperation>();
}

bool Checker::async_reads(const AsyncRef&, const AsyncRange& range) {
  if (!data->options.defined)
    return true;
  return data->all_defined(range);
}

void Checker::async_writes(const AsyncRef&, const AsyncRange& range, const AsyncRange* from) {
  if (data->options.defined)
    data->define(range, from);
}

void Checker::async_reduces(const AsyncRef&, const AsyncRange&) {}

void Checker::async_signals(const AsyncRef&, Block&, std::uint64_t) {}

void Checker::bulk_commits(Group&, Mask) {}
void Checker::bulk_waits(Group&, Mask, std::uint32_t, bool) {}
void Checker::matrix_commits(Group& group) { emu::checks_of(group).held[group.warp->index].commit(); }
void Checker::matrix_waits(Group& group, std::uint32_t keep) {
  emu::checks_of(group).held[group.warp->index].wait(keep);
}
void Checker::proxy_fence(Group&, Mask) {}

// ---- definedness ----

ByteBits Checker::Data::defined_bytes(const AsyncRange& range, std::uint64_t offset, unsigned bytes) const {
  const std::uint64_t at = range.address + offset;
  if (range.block == nullptr)
    return defined.get(at - memory.base(), bytes);
  const OwnShadow& shared = checks_of(*range.block).shared;
  return shared.defined.get(at, bytes) & ~(shared.any_tainted ? shared.tainted.get(at, bytes) : 0);
}

bool Checker::Data::all_defined(const AsyncRange& range) const {
  bool all = true;
  each_part(range.bytes, [&](std::uint64_t offset, unsigned bytes) {
    all &= defined_bytes(range, offset, bytes) == all_bytes(bytes);
  });
  return all;
}

void Checker::Data::define(const AsyncRange& range, const AsyncRange* from) {
  each_part(range.bytes, [&](std::uint64_t offset, unsigned bytes) {
    const ByteBits bits = from == nullptr ? all_bytes(bytes) : defined_bytes(*from, offset, bytes);
    const std::uint64_t at = range.address + offset;
    if (range.block == nullptr) {
      defined.put(at - memory.base(), bytes, bits);
      return;
    }
    OwnShadow& shared = checks_of(*range.block).shared;
    shared.defined.put(at, bytes, bits);
    if (shared.any_tainted)
      shared.tainted.put(at, bytes, 0);
  });
}

} // namespace emu
