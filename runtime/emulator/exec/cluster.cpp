#include "emulator/exec/cluster.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/async.h"
#include "emulator/exec/groups.h"

#include <algorithm>

namespace emu {
namespace {

bool can_go_on(const Block& block) {
  return std::ranges::any_of(block.warps, [](const auto& warp) {
    return std::ranges::any_of(warp->groups, [](const auto& group) { return group->ready(); });
  });
}

// All threads that have not left have come, and some have.
bool is_complete(const Cluster& cluster) {
  bool any = false;
  for (const auto& block : cluster.blocks)
    for (std::size_t i = 0; i < block->warps.size(); ++i) {
      const Mask come = block->cluster_arrived.empty() ? 0 : block->cluster_arrived[i];
      any |= come != 0;
      if ((block->warps[i]->alive & ~come) != 0)
        return false;
    }
  return any;
}

void complete(Cluster& cluster) {
  if (Checker* checker = cluster.launch->checker)
    checker->cluster_completes(cluster);
  for (const auto& block : cluster.blocks) {
    std::ranges::fill(block->cluster_arrived, 0);
    ++block->changes;
    for (auto& warp : block->warps)
      for (auto& group : warp->groups)
        if (group->wait.what == Wait::For::cluster)
          group->wait = {};
  }
}

} // namespace

Flow arrive_at_cluster(Group& group, const Instruction& instruction, Mask mask, bool aligned) {
  Block& block = *group.warp->block;
  block.cluster_arrived.resize(block.warps.size());
  block.cluster_owing.resize(block.warps.size());
  Mask& owing = block.cluster_owing[group.warp->index];
  if (const Mask again = owing & mask; again != 0)
    return fault(
        group, instruction, __builtin_ctz(again), Status::illegal_instruction,
        "the thread has arrived at the cluster's barrier before: expected barrier.cluster.wait between");
  if (Checker* checker = block.launch->checker)
    checker->cluster_arrives(group, instruction, mask, aligned);
  owing |= mask;
  block.cluster_arrived[group.warp->index] |= mask;
  ++block.changes;
  if (is_complete(*block.cluster))
    complete(*block.cluster);
  return Flow::go;
}

Flow wait_for_cluster(Group& group, const Instruction& instruction, Mask mask) {
  if (mask != group.mask) // those that wait are a group of their own
    return split(group, mask, instruction.index);
  Block& block = *group.warp->block;
  const std::uint32_t warp = group.warp->index;
  const Mask owing = block.cluster_owing.empty() ? 0 : block.cluster_owing[warp];
  if (const Mask never = mask & ~owing; never != 0)
    return fault(
        group, instruction, __builtin_ctz(never), Status::illegal_instruction,
        "the thread has not arrived at the cluster's barrier: expected barrier.cluster.arrive before");
  const Mask missing = block.cluster_arrived[warp] & mask; // of these the barrier is not complete
  if (missing != 0 && missing != mask)
    return split(group, missing, instruction.index);
  if (missing != 0) {
    group.wait = {.what = Wait::For::cluster, .where = &instruction};
    return Flow::retry;
  }
  block.cluster_owing[warp] &= ~mask;
  ++block.changes;
  if (Checker* checker = block.launch->checker)
    checker->cluster_waits(group, mask);
  return Flow::go;
}

void cluster_after_leaving(Cluster& cluster) {
  if (is_complete(cluster))
    complete(cluster);
}

bool unblock(Block& block) {
  constexpr std::uint32_t patience = 64; // times
  Cluster& cluster = *block.cluster;
  if (block.async->finish_next())
    return true;
  if (std::ranges::any_of(cluster.blocks, [](const auto& one) { return can_go_on(*one); }))
    return true;
  std::uint64_t progress = 0;
  for (const auto& one : cluster.blocks) {
    if (one->async->finish_next())
      return true;
    progress += one->changes + one->looks;
  }
  if (progress != cluster.progress_at_timeout)
    cluster.timeouts = 0;
  cluster.progress_at_timeout = progress;
  if (++cluster.timeouts > patience)
    return false;
  bool any = false;
  for (const auto& one : cluster.blocks) {
    for (auto& warp : one->warps)
      for (auto& group : warp->groups)
        any |= group->timed_out = group->wait.what == Wait::For::async;
    wake_async(*one);
  }
  return any;
}

} // namespace emu
