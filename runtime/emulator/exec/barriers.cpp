#include "emulator/exec/barriers.h"
#include "emulator/checks/checker.h"

#include <algorithm>

namespace emu {
namespace {

std::uint32_t count_lanes(Mask mask) { return static_cast<std::uint32_t>(__builtin_popcount(mask)); }

std::uint32_t alive_threads(const Block& block) {
  std::uint32_t alive = 0;
  for (const auto& warp : block.warps)
    alive += count_lanes(warp->alive);
  return alive;
}

// Warps of which all lanes have come count in full.
void count_whole_warps(Block& block, Barrier& barrier) {
  for (std::size_t i = 0; i < barrier.parts.size(); ++i)
    if (barrier.parts[i] != 0 && (block.warps[i]->alive & ~barrier.parts[i]) == 0) {
      barrier.arrived += warp_size;
      barrier.parts[i] = 0;
    }
}

bool is_complete(const Block& block, const Barrier& barrier) {
  if (barrier.threads == 0)
    return false;
  return barrier.expected != 0 ? barrier.arrived >= barrier.expected
                               : barrier.threads == alive_threads(block);
}

void complete(Block& block, std::uint32_t id) {
  if (Checker* checker = block.launch->checker)
    checker->barrier_completes(block, id);
  Barrier& barrier = block.barriers[id];
  for (auto& warp : block.warps)
    for (auto& group : warp->groups)
      if (group->wait.what == Wait::For::barrier && group->wait.id == id && group->wait.result != nullptr)
        group->wait.result(*group, *group->wait.where, barrier);
  barrier = {.generation = barrier.generation + 1};
  ++block.changes;
  wake_barrier(block, id);
}

} // namespace

Flow arrive(Group& group, const Instruction& instruction, const BarrierArrival& arrival) {
  Warp& warp = *group.warp;
  Block& block = *warp.block;
  Barrier& barrier = block.barriers[arrival.id];
  if (Checker* checker = block.launch->checker)
    checker->barrier_arrives(
        group, instruction, group.mask,
        {.id = arrival.id, .count = arrival.count, .waits = arrival.waits, .aligned = arrival.aligned});
  if (barrier.threads == 0) { // the first one says for how many it is
    barrier.expected = arrival.count;
    barrier.where = &instruction;
  }
  const std::uint32_t come = count_lanes(group.mask);
  barrier.threads += come;
  barrier.voted += arrival.result != nullptr ? come : 0;
  barrier.held += count_lanes(arrival.vote & group.mask);
  if (arrival.aligned && group.mask == warp.alive) {
    barrier.arrived += warp_size;
  } else if (arrival.aligned) {
    barrier.parts.resize(block.warps.size());
    barrier.parts[warp.index] |= group.mask;
    count_whole_warps(block, barrier);
  } else {
    barrier.arrived += come;
  }
  ++block.changes;
  if (arrival.waits)
    group.wait = {
        .what = Wait::For::barrier, .id = arrival.id, .where = &instruction, .result = arrival.result};
  if (is_complete(block, barrier))
    complete(block, arrival.id);
  return Flow::switched;
}

void barriers_after_leaving(Block& block) {
  for (std::uint32_t id = 0; id < block.barriers.size(); ++id) {
    count_whole_warps(block, block.barriers[id]);
    if (is_complete(block, block.barriers[id]))
      complete(block, id);
  }
}

} // namespace emu
