// The loop that executes instructions.
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/rendezvous.h"
#include "emulator/exec/schedule.h"
#include "emulator/exec/spin.h"

#include <algorithm>

namespace emu {
namespace {

constexpr std::uint32_t nowhere = ~0u;

struct Ran {
  Flow flow = Flow::go;
  std::uint32_t instructions = 0;
};

// Runs a group until it reaches `meeting` (another group is there), waits, or has used its budget.
Ran run_group(Group& group, std::uint32_t budget, std::uint32_t meeting) {
  std::uint64_t threads = 0;
  Warp& warp = *group.warp;
  CounterShard* counts = warp.block->counts;
  const std::uint64_t begin = warp.executed; // clocks read it
  const std::uint64_t changes = warp.block->changes;
  group.began = begin;
  Checker* checker = warp.block->launch->checker;
  Ran ran;
  while (warp.executed - begin < budget) {
    const Instruction& instruction = group.code[group.pc];
    Mask mask = group.mask;
    ++warp.executed;
    if (instruction.guarded) {
      const Mask guard = predicate(group.frame, instruction.guard);
      mask &= instruction.guard_negated ? ~guard : guard;
    }
    ++group.pc;
    if (counts != nullptr)
      counts->executed(group, instruction, mask);
    if (mask != 0 || checker != nullptr) { // a checker looks at guards, too
      threads += static_cast<std::uint32_t>(__builtin_popcount(mask));
      ran.flow = checker == nullptr ? instruction.execute(group, instruction, mask)
                                    : checker->execute(group, instruction, group.mask, mask);
      if (ran.flow != Flow::go) {
        if (ran.flow == Flow::retry)
          group.pc = instruction.index;
        break;
      }
    }
    if (group.pc == meeting)
      break;
  }
  ran.instructions = static_cast<std::uint32_t>(warp.executed - begin);
  warp.block->executed += ran.instructions;
  warp.block->thread_instructions += threads;
  if (ran.flow != Flow::switched) { // else it may be gone
    group.ran += ran.instructions;
    group.unchanged = warp.block->changes == changes ? group.unchanged + ran.instructions : 0;
  }
  return ran;
}

// Runs on a group that has changed nothing for long, until it is where it is now again: if with the same
// registers, it goes round for ever, or until others write what it reads.
Ran run_round(Group& group) {
  constexpr std::uint32_t longest = 1024; // instructions of a loop
  constexpr int laps = 2;                 // the first one only remembers the registers
  const Instruction& here = group.code[group.pc];
  Ran all;
  bool reads_global = false;
  came_round(group, here, group.ran);
  for (int lap = 0; lap < laps && all.instructions < laps * longest;) {
    const Instruction& next = group.code[group.pc];
    const auto space = static_cast<Space>(next.space);
    reads_global |= next.kind == Kind::memory && (space == Space::global || space == Space::generic);
    const Ran ran = run_group(group, 1, nowhere);
    all.instructions += ran.instructions;
    all.flow = ran.flow;
    if (ran.flow != Flow::go)
      return all;
    if (&group.code[group.pc] != &here)
      continue;
    ++lap;
    if (came_round(group, here, group.ran)) {
      goes_round(group, reads_global);
      all.flow = Flow::yields;
      return all;
    }
  }
  group.unchanged = 0;
  group.patience *= 2;
  return all;
}

Ran run_turn(Group& group, std::uint32_t budget, std::uint32_t meeting) {
  // Of a loop that looks, it is known already, and where it looks: that is not to be forgotten.
  const bool endless = group.spin.endless || (group.unchanged >= group.patience && !spins(group));
  return endless ? run_round(group) : run_group(group, budget, meeting);
}

// Deeper calls first, then the lowest pc: lanes that are behind catch up with those that wait for them at the
// end of a loop or an if.
bool runs_before(const Group& a, const Group& b) {
  return a.activation->depth != b.activation->depth ? a.activation->depth > b.activation->depth : a.pc < b.pc;
}

Group* first_ready(Warp& warp) {
  Group* best = nullptr;
  for (auto& group : warp.groups)
    if (group->ready() && (best == nullptr || runs_before(*group, *best)))
      best = group.get();
  return best;
}

Group* longest_idle(Warp& warp) {
  Group* best = nullptr;
  for (auto& group : warp.groups)
    if (group->ready() && (best == nullptr || group->last_run < best->last_run))
      best = group.get();
  return best;
}

// Merges into `group` the ready ones that are where it is.
void meet_ready(Group& group) {
  auto& groups = group.warp->groups;
  for (std::size_t i = 0; i < groups.size();) {
    Group& other = *groups[i];
    if (&other != &group && other.ready() && other.pc == group.pc && other.activation == group.activation &&
        !exchanges_next(group) && !exchanges_next(other))
      merge(group, other);
    else
      ++i;
  }
}

// The next instruction at which another ready group stands.
std::uint32_t meeting_of(const Group& group) {
  std::uint32_t nearest = nowhere;
  for (const auto& other : group.warp->groups)
    if (other.get() != &group && other->ready() && other->activation == group.activation &&
        other->pc >= group.pc)
      nearest = std::min(nearest, other->pc);
  return nearest;
}

} // namespace

Progress run_warp(Warp& warp, std::uint32_t budget) {
  constexpr std::uint32_t slice = 512; // of a group that others wait beside
  bool ran_any = false, fair = false;
  std::size_t yielded = 0;
  while (budget > 0) {
    if (warp.groups.empty())
      return Progress::finished;
    Group* group = fair ? longest_idle(warp) : first_ready(warp);
    if (group == nullptr)
      return ran_any ? Progress::ran : Progress::waiting;
    const bool alone = warp.groups.size() == 1;
    if (!alone)
      meet_ready(*group);
    group->last_run = warp.executed;
    const std::uint32_t turn = alone ? budget : std::min(budget, slice);
    const Ran ran = run_turn(*group, turn, alone ? nowhere : meeting_of(*group));
    ran_any = true;
    budget -= std::min(budget, ran.instructions);
    // A spin loop, perhaps: let the others go on, of this warp and then of other warps.
    fair = (ran.instructions >= turn || ran.flow == Flow::yields) && !alone;
    if (ran.flow == Flow::yields && ++yielded >= warp.groups.size())
      return Progress::ran;
    if (ran.flow == Flow::fault)
      return Progress::finished;
  }
  return Progress::ran;
}

Progress run_warp_randomly(Warp& warp, std::uint32_t budget, Random& random) {
  if (warp.groups.empty())
    return Progress::finished;
  std::vector<Group*> ready;
  for (auto& group : warp.groups)
    if (group->ready())
      ready.push_back(group.get());
  if (ready.empty())
    return Progress::waiting;
  // Lanes meet again most of the time, as on hardware; nothing promises it.
  const bool meets = random.below(8) != 0;
  Group* group = meets ? first_ready(warp) : ready[random.below(ready.size())];
  if (meets && warp.groups.size() > 1 && random.below(4) == 0)
    group = longest_idle(warp);
  if (meets)
    meet_ready(*group);
  group->last_run = warp.executed;
  run_turn(*group, budget, meets && warp.groups.size() > 1 ? meeting_of(*group) : nowhere);
  return Progress::ran;
}

} // namespace emu
