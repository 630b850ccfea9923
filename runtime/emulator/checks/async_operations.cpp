// Operations of the asynchronous proxy: what they know, touch, and tell.
#include "emulator/checks/block_checks.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr unsigned part_bytes = 32; // as many as a ByteBits holds

/// Calls f(offset, bytes) for parts of a range of `bytes`.
template <class F> void each_part(std::uint64_t bytes, F f) {
  for (std::uint64_t done = 0; done < bytes; done += part_bytes)
    f(done, static_cast<unsigned>(std::min<std::uint64_t>(part_bytes, bytes - done)));
}

Doer doer_of(const AsyncOperation& operation, bool writes) {
  return {.instruction = operation.instruction,
          .function = operation.function,
          .thread = operation.thread,
          .operation = &operation,
          .writes = writes};
}

ReportAddress address_of(const AsyncRange& range) {
  if (range.block == nullptr)
    return {name(Space::global), range.address, range.bytes};
  return {name(Space::shared), range.block->shared_begin + range.address, range.bytes};
}

} // namespace

// ---- issue ----

AsyncRef Checker::async_begins(Group& group, const Instruction& instruction, int lane, AsyncIssue issue) {
  auto operation = std::make_shared<AsyncOperation>();
  operation->instruction = &instruction;
  operation->function = group.activation->function;
  operation->issuer = group.warp->block;
  operation->thread = thread_of(group, lane);
  operation->issue = issue;
  if (!data->options.races)
    return operation;
  BlockChecks& block = checks_of(group);
  const ThreadClocks& clocks = block.races.clocks;
  operation->block = block.races.number();
  operation->view = clocks.share_view(operation->thread);
  operation->proxied = clocks.proxied(operation->thread);
  using What = Completion::What;
  if (issue.by == AsyncBy::bulk_group) {
    const auto group_of = [&](What what) {
      Completion done = block.group_of(what, operation->thread);
      done.threads |= issue.lanes >> lane;
      return done;
    };
    operation->completes(group_of(What::bulk_reads), group_of(What::bulk));
  }
  if (issue.by == AsyncBy::matrix_group) {
    const Completion done = block.group_of(What::matrix, group.warp->index);
    operation->completes(done, done);
  }
  return operation;
}

bool Checker::async_reads(const AsyncRef& operation, const AsyncRange& range) {
  data->touch(operation, Touch::read, range);
  return !data->options.defined || data->all_defined(range);
}

void Checker::async_writes(const AsyncRef& operation, const AsyncRange& range, const AsyncRange* from) {
  data->touch(operation, Touch::write, range);
  if (data->options.defined)
    data->define(range, from);
}

void Checker::async_reduces(const AsyncRef& operation, const AsyncRange& range) {
  data->touch(operation, Touch::atomic, range);
  if (data->options.defined && !data->all_defined(range))
    data->report_undefined_sum(*operation, range);
}

void Checker::Data::report_undefined_sum(const AsyncOperation& operation, const AsyncRange& range) {
  const Reports::Key key(Report::Kind::undefined_use, operation.instruction, nullptr);
  if (!reports.first(key))
    return;
  reports.add(key, {.kind = Report::Kind::undefined_use,
                    .place = report_place(*operation.issuer, doer_of(operation, true)),
                    .message = "the value that is updated was never defined",
                    .expected = {},
                    .address = address_of(range),
                    .other = {},
                    .other_what = {}});
}

// What an operation's accesses to one range meet.
class Checker::Data::Meetings final : public RaceSink {
public:
  Meetings(Data& data, const AsyncOperation& operation, Touch touch, const AsyncRange& range)
      : data(data), operation(operation), touch(touch), range(range) {}
  void race(const OtherAccess& other) override {
    data.report_race(*operation.issuer, doer_of(operation, touch != Touch::read), address_of(range), other);
  }

private:
  Data& data;
  const AsyncOperation& operation;
  Touch touch;
  const AsyncRange& range;
};

void Checker::Data::touch(const AsyncRef& operation, Touch touch, const AsyncRange& range) {
  if (!options.races || range.bytes == 0)
    return;
  Meetings meetings(*this, *operation, touch, range);
  if (range.block != nullptr)
    checks_of(*range.block).races.shared(operation, touch, range.address, range.bytes, meetings);
  else
    checks_of(*operation->issuer).races.global(operation, touch, range.address, range.bytes, meetings);
}

// ---- completion ----

Completion BlockChecks::group_of(Completion::What what, std::uint32_t index) {
  const bool matrix = what == Completion::What::matrix; // by warp, but complete by warpgroup
  return {.block = races.number(),
          .channel = Completion::channel_of(what, matrix ? index / warps_of_warpgroup : index),
          .count = (matrix ? matrix_groups[index] : bulk_groups[index]) + 1};
}

void Checker::async_signals(const AsyncRef& operation, Block& owner, std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  BlockChecks& block = checks_of(owner);
  MbarrierState& state = block.mbarriers[mbarrier];
  data->check_initialised(*operation, owner, mbarrier);
  state.arrivals.come(*operation->instruction, operation->issuer->rank, operation->thread / warp_size, true);
  operation->signals({.block = block.races.number(),
                      .channel = Completion::channel_of(Completion::What::mbarrier, mbarrier),
                      .count = state.completed + 1});
}

// The object that it changes must be there for it, as what it reads and writes.
void Checker::Data::check_initialised(const AsyncOperation& operation, const Block& owner,
                                      std::uint64_t mbarrier) {
  const BlockChecks& block = checks_of(owner);
  const MbarrierState& state = block.mbarriers.at(mbarrier);
  if (state.init_fenced || state.initialised.instruction == nullptr)
    return;
  OtherAccess other{.record = state.initialised, .block = block.races.number(), .thread = state.initialiser};
  const auto seen = operation.sees(other.block, other.thread, other.record.step, true);
  other.unfenced = seen == AsyncOperation::Sees::unfenced;
  if (seen != AsyncOperation::Sees::all)
    report_race(*operation.issuer, doer_of(operation, true),
                {name(Space::shared), mbarrier, sizeof(std::uint64_t)}, other);
}

void Checker::bulk_commits(Group& group, Mask mask) {
  BlockChecks& block = checks_of(group);
  for_lanes(mask, [&](int lane) { ++block.bulk_groups[thread_of(group, lane)]; });
}

void Checker::bulk_waits(Group& group, Mask mask, std::uint32_t keep, bool read_only) {
  if (!data->options.races)
    return;
  BlockChecks& block = checks_of(group);
  ThreadClocks& clocks = block.races.clocks;
  for_lanes(mask, [&](int lane) {
    const std::uint32_t thread = thread_of(group, lane), committed = block.bulk_groups[thread];
    if (committed <= keep)
      return;
    for (const auto what : {Completion::What::bulk_reads, Completion::What::bulk})
      if (what == Completion::What::bulk_reads || !read_only)
        clocks.complete(group.warp->index, Mask(1) << lane, Completion::channel_of(what, thread),
                        committed - keep);
  });
}

void Checker::matrix_commits(Group& group) {
  BlockChecks& block = checks_of(group);
  ++block.matrix_groups[group.warp->index];
  block.held[group.warp->index].commit();
}

void Checker::matrix_waits(Group& group, std::uint32_t keep) {
  BlockChecks& block = checks_of(group);
  block.held[group.warp->index].wait(keep);
  if (!data->options.races)
    return;
  const std::uint32_t warp = group.warp->index, committed = block.matrix_groups[warp];
  if (committed > keep)
    block.races.clocks.complete(warp, group.mask,
                                Completion::channel_of(Completion::What::matrix, warp / warps_of_warpgroup),
                                committed - keep);
}

void Checker::proxy_fence(Group& group, Mask mask) {
  if (data->options.races)
    checks_of(group).races.clocks.fence_proxy(group.warp->index, mask);
}

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
