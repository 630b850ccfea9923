#include "emulator/exec/groups.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/barriers.h"
#include "emulator/exec/cluster.h"
#include "emulator/exec/register_pool.h"

#include <algorithm>

namespace emu {
namespace {

void remove(Group& group) {
  auto& groups = group.warp->groups;
  groups.erase(std::ranges::find(groups, &group, &std::unique_ptr<Group>::get));
}

std::unique_ptr<Group> part(const Group& group, Mask lanes) {
  auto other = std::make_unique<Group>();
  other->warp = group.warp;
  other->code = group.code;
  other->frame = group.frame;
  other->activation = group.activation;
  other->pc = group.pc;
  other->mask = lanes;
  other->last_run = group.last_run;
  return other;
}

void activate(Group& group, std::shared_ptr<Frame> frame, std::uint32_t pc) {
  group.frame = frame->registers;
  group.code = frame->function->code.data();
  group.activation = std::move(frame);
  group.pc = pc;
}

} // namespace

Group& split_off(Group& group, Mask lanes) {
  auto other = part(group, lanes);
  Group& result = *other;
  group.mask &= ~lanes;
  group.warp->groups.push_back(std::move(other));
  return result;
}

Flow split(Group& group, Mask lanes, std::uint32_t pc) {
  if (lanes == group.mask) {
    group.pc = pc;
    return Flow::go;
  }
  split_off(group, lanes).pc = pc;
  return Flow::switched;
}

void merge(Group& group, Group& other) {
  group.mask |= other.mask;
  remove(other);
}

void wake(Warp& warp) {
  for (auto& group : warp.groups)
    if (group->wait.what == Wait::For::warp)
      group->wait = {};
}

void wake_barrier(Block& block, std::uint32_t id) {
  for (auto& warp : block.warps)
    for (auto& group : warp->groups)
      if (group->wait.what == Wait::For::barrier && group->wait.id == id)
        group->wait = {};
}

void wake_async(Block& block) {
  for (auto& warp : block.warps)
    for (auto& group : warp->groups)
      if (group->wait.what == Wait::For::async)
        group->wait = {};
}

Flow leave(Group& group, Mask lanes) {
  Warp& warp = *group.warp;
  if (Checker* checker = warp.block->launch->checker)
    checker->leaves(group, group.code[group.pc - 1], lanes);
  warp.alive &= ~lanes;
  if (std::string wrong = registers_after_leaving(warp); !wrong.empty())
    return fault(group, group.code[group.pc - 1], __builtin_ctz(lanes), Status::illegal_instruction, wrong);
  ++warp.block->changes;
  wake(warp); // those that meet wait only for lanes that have not left
  Block& block = *warp.block;
  group.mask &= ~lanes;
  if (group.mask == 0)
    remove(group);
  block.exited =
      warp.alive == 0 && std::ranges::all_of(block.warps, [](const auto& one) { return one->alive == 0; });
  barriers_after_leaving(block);
  if (!block.cluster_arrived.empty() || block.cluster->blocks.size() > 1)
    cluster_after_leaving(*block.cluster);
  return Flow::switched;
}

Flow meet(Group& group, const Instruction& instruction, Mask needed) {
  Warp& warp = *group.warp;
  auto here = [&](const Group& other) {
    return &other != &group && other.wait.where == &instruction && other.wait.what == Wait::For::warp &&
           other.activation == group.activation;
  };
  for (std::size_t i = 0; i < warp.groups.size();) {
    Group& other = *warp.groups[i];
    if (here(other)) {
      merge(group, other);
      i = 0;
    } else {
      ++i;
    }
  }
  if ((needed & warp.alive & ~group.mask) == 0)
    return Flow::go;
  group.wait = {.what = Wait::For::warp, .lanes = needed, .where = &instruction};
  return Flow::retry;
}

Entered enter(Group& group, const Instruction& call, const Function& callee, Mask lanes) {
  Group* called = &group;
  std::unique_ptr<Group> other;
  if (lanes != group.mask) {
    other = part(group, lanes);
    group.mask &= ~lanes;
    called = other.get();
  }
  auto frame = make_frame(*group.warp, callee, called->activation, lanes);
  frame->call = &call;
  const Frame* entered = frame.get();
  activate(*called, std::move(frame), 0);
  if (!other)
    return {Flow::go, entered};
  group.warp->groups.push_back(std::move(other));
  return {Flow::switched, entered};
}

Flow leave_function(Group& group, Mask lanes) {
  Group* returned = &group;
  std::unique_ptr<Group> other;
  if (lanes != group.mask) {
    other = part(group, lanes);
    group.mask &= ~lanes;
    returned = other.get();
  }
  const std::uint32_t pc = returned->activation->call->index + 1;
  activate(*returned, returned->activation->caller, pc);
  if (!other)
    return Flow::go;
  group.warp->groups.push_back(std::move(other));
  return Flow::switched;
}

} // namespace emu
