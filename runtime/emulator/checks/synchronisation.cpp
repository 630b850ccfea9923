// Barriers, mbarriers and asynchronous copies: who waits for whom, and whether all come that must.
#include "emulator/checks/block_checks.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {
namespace {

std::string count_text(std::uint32_t count) {
  return count == 0 ? "all threads of the block" : fmt::format("{} threads", count);
}

} // namespace

void Checker::barrier_arrives(Group& group, const Instruction& instruction, Mask mask,
                              const Arrival& arrival) {
  BlockChecks& block = checks_of(group);
  BarrierState& state = block.barriers[arrival.id];
  const std::uint32_t warp = group.warp->index;
  const int lane = __builtin_ctz(mask);
  const bool checks = data->options.barriers;
  if (state.first == nullptr) {
    state.first = &instruction;
    state.count = arrival.count;
  } else if (checks && state.count != arrival.count) {
    data->report(Report::Kind::barrier_count, group, instruction, lane,
                 {fmt::format("barrier {} of {}: others came to it, at line {}, as one of {}", arrival.id,
                              count_text(arrival.count), state.first->line, count_text(state.count))});
  }
  // A whole warp may arrive and then come again, in the same phase: that counts twice.
  const Mask there = (state.waiting[warp] | state.arrived[warp]) & ~mask;
  if (checks && arrival.aligned && there != 0 && state.where[warp] != &instruction)
    data->report(
        Report::Kind::barrier_divergence, group, instruction, lane,
        {fmt::format("lanes of one warp come to barrier {} at different instructions, this one and line {}",
                     arrival.id, state.where[warp]->line),
         "all of them at one (.aligned)"});
  state.where[warp] = &instruction;
  state.aligned[warp] = arrival.aligned;
  if (arrival.waits) {
    state.waiting[warp] |= mask;
    return;
  }
  state.arrived[warp] |= mask;
  if (!data->options.races)
    return;
  if (state.told == nullptr)
    state.told = std::make_unique<View>();
  block.races.clocks.publish(warp, mask, *state.told);
}

void Checker::barrier_completes(Block& owner, std::uint32_t id) {
  BlockChecks& block = checks_of(owner);
  BarrierState& state = block.barriers[id];
  for (std::size_t w = 0; w < owner.warps.size() && data->options.barriers; ++w) {
    const Warp& warp = *owner.warps[w];
    const Mask there = state.waiting[w] | state.arrived[w];
    const Mask missing = warp.alive & ~there;
    if (there == 0 || missing == 0 || !state.aligned[w])
      continue;
    const auto group =
        std::ranges::find_if(warp.groups, [&](const auto& one) { return (one->mask & missing) != 0; });
    if (group != warp.groups.end())
      data->report(
          Report::Kind::barrier_divergence, **group, *state.where[w], __builtin_ctz((*group)->mask & missing),
          {fmt::format("barrier {} is complete without this thread, whose warp is among those that came", id),
           "all lanes of the warp (.aligned)"});
  }
  if (data->options.races)
    block.races.meet({state.waiting.data(), owner.warps.size()}, state.told.get(), state.count == 0);
  state = {};
}

void Checker::warp_syncs(Group& group, Mask mask) {
  if (data->options.races)
    checks_of(group).races.meet(group.warp->index, mask);
}

// The last thread of a block leaves: what threads of others did with its shared memory must come before.
void Checker::Data::check_visits(const Group& group, const Instruction& instruction, int lane) {
  const Block& block = *group.warp->block;
  const BlockChecks& checks = checks_of(block);
  if (checks.visitors.empty())
    return;
  const GridClock known = checks.races.clocks.known_to_any();
  for (std::size_t rank = 0; rank < checks.visitors.size(); ++rank) {
    const Block& from = *block.cluster->blocks[rank];
    const std::uint32_t number = checks_of(from).races.clocks.block_number();
    for (std::uint32_t thread = 0; thread < checks.visitors[rank].size(); ++thread)
      if (const BlockChecks::Visit& visit = checks.visitors[rank][thread];
          visit.step > known.of(number, thread))
        report_visit(block,
                     {.instruction = &instruction,
                      .function = group.activation->function,
                      .thread = thread_of(group, lane)},
                     visit, from, thread);
  }
}

// ---- the cluster's barrier ----

void Checker::cluster_arrives(Group& group, const Instruction& instruction, Mask mask, bool aligned) {
  BlockChecks& block = checks_of(group);
  ClusterBarrierState& state = block.cluster;
  const std::uint32_t warp = group.warp->index;
  if (data->options.barriers && aligned && state.arrived[warp] != 0 && state.where[warp] != &instruction)
    data->report(
        Report::Kind::barrier_divergence, group, instruction, __builtin_ctz(mask),
        {fmt::format("lanes of one warp come to the cluster's barrier at different instructions, this "
                     "one and line {}",
                     state.where[warp]->line),
         "all of them at one (.aligned)"});
  state.arrived[warp] |= mask;
  state.where[warp] = &instruction;
  if (!data->options.races)
    return;
  if (static_cast<Order>(instruction.order) == Order::release)
    block.races.clocks.publish(warp, mask, state.phase);
  else
    block.races.clocks.publish_fenced(warp, mask, Reach::cluster, state.phase.others);
}

void Checker::cluster_completes(Cluster& cluster) {
  View all;
  for (const auto& block : cluster.blocks) {
    ClusterBarrierState& state = checks_of(*block).cluster;
    all.join_abroad(checks_of(*block).races.clocks.block_number(), state.phase);
    state.phase = {};
    state.arrived.fill(0);
  }
  for (const auto& block : cluster.blocks)
    checks_of(*block).cluster.done = all;
}

void Checker::cluster_waits(Group& group, Mask mask) {
  if (!data->options.races)
    return;
  BlockChecks& block = checks_of(group);
  block.races.clocks.learn_abroad(group.warp->index, mask, block.cluster.done);
}

// ---- launches that overlap ----

void Checker::grid_waits(Group& group, Mask mask) {
  if (!data->options.races)
    return;
  BlockClock end;
  end.known.base = 1;
  View complete;
  complete.others.join(GlobalCells::launch_before, end);
  checks_of(group).races.clocks.learn_abroad(group.warp->index, mask, complete);
}

void Checker::grid_triggers(const Group&) { data->triggered = true; }

void Checker::leaves(Group& group, const Instruction& instruction, Mask mask) {
  if (!data->options.races)
    return;
  BlockRaces& races = checks_of(group).races;
  Mask lanes = 0;
  if (const Instruction* copy = races.in_flight(group.warp->index, mask, lanes);
      copy != nullptr && data->options.barriers)
    data->report(Report::Kind::async_leak, group, instruction, __builtin_ctz(lanes),
                 {fmt::format("the thread ends while its cp.async of line {} may be in flight", copy->line),
                  "cp.async.wait_group or cp.async.wait_all before"});
  if (const Instruction* product = checks_of(group).held[group.warp->index].in_flight();
      product != nullptr && data->options.barriers)
    data->report(Report::Kind::async_leak, group, instruction, __builtin_ctz(mask),
                 {fmt::format("the thread ends while its wgmma of line {} may be in flight", product->line),
                  "wgmma.wait_group before"});
  races.leave(group.warp->index, mask);
  const bool last = std::ranges::all_of(group.warp->block->warps, [&](const auto& warp) {
    return (warp->alive & ~(warp.get() == group.warp ? mask : 0)) == 0;
  });
  const AsyncOperation* left = last && data->options.barriers ? races.left_behind() : nullptr;
  if (left != nullptr)
    data->report(Report::Kind::async_leak, group, instruction, __builtin_ctz(mask),
                 {fmt::format("the block ends while the {} of line {} may still access its shared memory",
                              what_is(*left), left->instruction->line),
                  std::string(wait_for(*left, false))});
  if (last && data->options.barriers)
    data->check_visits(group, instruction, __builtin_ctz(mask));
}

void Checker::deadlocked(const Block& block, std::string_view message) {
  for (const auto& warp : block.warps)
    for (const auto& group : warp->groups)
      if (const Instruction* where = group->ready() ? group->spin.where : group->wait.where) {
        data->report(Report::Kind::deadlock, *group, *where, __builtin_ctz(group->mask),
                     {std::string(message)});
        return;
      }
}

// ---- asynchronous copies ----

void Checker::async_commits(Group& group, Mask mask) {
  if (data->options.races)
    checks_of(group).races.commit(group.warp->index, mask);
}

void Checker::async_waits(Group& group, Mask mask, std::uint32_t keep) {
  if (data->options.races)
    checks_of(group).races.wait(group.warp->index, mask, keep);
}

void Checker::async_waits_all(Group& group, Mask mask) {
  if (data->options.races)
    checks_of(group).races.wait_all(group.warp->index, mask);
}

// The thread itself may use what it copied only once it has waited, too; that is not checked.
void Checker::async_arrives(Group& group, int lane, std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  checks_of(group).races.wait_all(group.warp->index, Mask(1) << lane);
  mbarrier_arrives(group, lane, *group.warp->block, mbarrier);
}

// ---- mbarriers ----

void Checker::mbarrier_begins(Group& group, const Instruction& instruction, int lane,
                              std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  BlockChecks& block = checks_of(group);
  const std::uint32_t thread = thread_of(group, lane);
  MbarrierState fresh;
  fresh.initialised = {.instruction = &instruction,
                       .function = group.activation->function,
                       .step = block.races.clocks.now(thread),
                       .wrote = true};
  fresh.initialiser = thread;
  MbarrierState& state = block.mbarriers[mbarrier];
  fresh.completed = state.completed;
  state = std::move(fresh);
}

void Checker::mbarriers_fenced(Group& group, Mask mask) {
  for (auto& [address, state] : checks_of(group).mbarriers)
    if (state.initialiser / warp_size == group.warp->index &&
        (mask >> state.initialiser % warp_size & 1) != 0)
      state.init_fenced = true;
}

void Checker::mbarrier_arrives(Group& group, int lane, Block& owner, std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  MbarrierState& state = checks_of(owner).mbarriers[mbarrier];
  state.arrivals.come(group.code[group.pc - 1], group.warp->block->rank, group.warp->index, false);
  ThreadClocks& clocks = checks_of(group).races.clocks;
  if (&owner == group.warp->block)
    clocks.publish(group.warp->index, Mask(1) << lane, state.phase);
  else
    clocks.publish_abroad(group.warp->index, Mask(1) << lane, state.phase_abroad);
}

void Checker::mbarrier_completes(Block& block, std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  MbarrierState& state = checks_of(block).mbarriers[mbarrier];
  state.done.join(state.phase);
  state.done_abroad.join(state.phase_abroad);
  state.done.own.complete(Completion::channel_of(Completion::What::mbarrier, mbarrier), ++state.completed);
  state.phase = state.phase_abroad = {};
  state.arrivals.complete_phase();
}

std::string Checker::mbarrier_history(const Block& block, std::uint64_t mbarrier) const {
  const auto& all = checks_of(block).mbarriers;
  const auto at = all.find(mbarrier);
  return at == all.end() ? "" : at->second.arrivals.text();
}

// All lanes at once: those that knew the same before go on sharing what they know.
void Checker::mbarrier_waits(Group& group, Mask mask, std::uint64_t mbarrier) {
  if (!data->options.races)
    return;
  BlockChecks& block = checks_of(group);
  const MbarrierState& state = block.mbarriers[mbarrier];
  block.races.clocks.learn(group.warp->index, mask, state.done);
  if (!state.done_abroad.others.empty())
    block.races.clocks.learn_abroad(group.warp->index, mask, state.done_abroad);
}

} // namespace emu
