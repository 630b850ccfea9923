#include "emulator/exec/rendezvous.h"
#include "emulator/checks/checker.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

// The lanes of a guard that does not hold go on; those of `mask` are alone at the instruction.
bool apart(const Group& group, Mask mask) { return mask != group.mask; }

Flow check_members(Group& group, const Instruction& instruction) {
  const Mask* members = lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
  const Mask left_out = lanes_where(group.mask, [=](int i) { return (members[i] >> i & 1) == 0; });
  if (left_out == 0)
    return Flow::go;
  const int lane = __builtin_ctz(left_out);
  return fault(
      group, instruction, lane, Status::illegal_instruction,
      fmt::format("member mask 0x{:08x} does not name lane {}, which executes it", members[lane], lane));
}

// Lanes of the group that have all come whom they name, and in `missing` whom the others wait for.
Mask complete_lanes(const Group& group, const Instruction& instruction, Mask& missing) {
  const Mask* members = lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
  const Mask alive = group.warp->alive;
  Mask complete = 0;
  for_members(group, instruction, [&](Mask together) {
    const Mask absent = members[__builtin_ctz(together)] & alive & ~together;
    (absent == 0 ? complete : missing) |= absent == 0 ? together : absent;
  });
  return complete;
}

void wait(Group& group, const Instruction& instruction, Mask missing) {
  group.pc = instruction.index;
  group.wait = {.what = Wait::For::warp, .lanes = missing, .where = &instruction};
}

void merge_waiting(Group& group, const Instruction& instruction) {
  auto& groups = group.warp->groups;
  for (std::size_t i = 0; i < groups.size();) {
    Group& other = *groups[i];
    if (&other != &group && other.wait.what == Wait::For::warp && other.wait.where == &instruction &&
        other.activation == group.activation)
      merge(group, other);
    else
      ++i;
  }
}

// ---- lanes at different instructions ----

const Mask* members_of(const Group& group, const Instruction& instruction) {
  return lanes<Mask>(group.frame, instruction.operand(instruction.operands - 1));
}

bool same_operation(const Instruction& a, const Instruction& b) {
  return a.execute == b.execute && a.flags == b.flags && a.slots == b.slots &&
         std::equal(a.slot, a.slot + a.slots, b.slot, [](Slot x, Slot y) { return x.bytes == y.bytes; });
}

// Whether a source slot is a predicate that is negated.
bool is_negated(const Instruction& instruction, int slot) {
  int operand = 0;
  while (instruction.first[operand + 1] <= slot)
    ++operand;
  return (instruction.negated >> operand & 1) != 0;
}

// f(slot, its index, where its bytes begin) for the sources.
template <class F> void for_sources(const Instruction& instruction, F f) {
  std::size_t at = 0;
  for (int i = instruction.destinations; i < instruction.slots; ++i) {
    f(instruction.slot[i], i, at);
    at += instruction.slot[i].size();
  }
}

// The lanes' own sources, to what the exchange has.
void bring(const Group& group, const Instruction& instruction, Mask mask, std::vector<std::byte>& sources) {
  for_sources(instruction, [&](Slot slot, int i, std::size_t at) {
    sources.resize(std::max(sources.size(), at + slot.size()));
    if (slot.bytes == 0) {
      Mask& all = reinterpret_cast<Mask&>(sources[at]);
      const Mask value = predicate(group.frame, slot);
      all = (all & ~mask) | ((is_negated(instruction, i) ? ~value : value) & mask);
      return;
    }
    for_lanes(mask, [&](int lane) {
      std::memcpy(sources.data() + at + static_cast<std::size_t>(lane) * slot.bytes,
                  group.frame + slot.offset + static_cast<std::size_t>(lane) * slot.bytes, slot.bytes);
    });
  });
}

/// Lanes of a group that waits, to take part in an exchange.
struct Participant {
  Group* group;
  Mask mask;
};

// With lanes that wait at other instructions, `together` are all that one member mask names: they exchange.
bool exchange(Group& group, const Instruction& instruction, Mask together) {
  Warp& warp = *group.warp;
  const Mask wanted = members_of(group, instruction)[__builtin_ctz(together)];
  Mask come = together;
  std::vector<Participant> others;
  for (const auto& other : warp.groups) {
    if (other.get() == &group || other->wait.what != Wait::For::warp ||
        !same_operation(*other->wait.where, instruction))
      continue;
    const Mask* members = members_of(*other, *other->wait.where);
    if (const Mask same = lanes_where(other->mask, [=](int i) { return members[i] == wanted; }); same != 0) {
      others.push_back({other.get(), same});
      come |= same;
    }
  }
  if (others.empty() || (wanted & warp.alive & ~come) != 0)
    return false;
  auto all = std::make_shared<Exchange>();
  all->members = come;
  bring(group, instruction, together, all->sources);
  for (const auto& [other, mask] : others)
    bring(*other, *other->wait.where, mask, all->sources);
  for (const auto& [other, mask] : others) {
    if (mask != other->mask)
      split_off(*other, other->mask & ~mask).wait = other->wait;
    other->wait = {};
    other->exchange = all;
    other->exchanged = 0;
  }
  group.exchange = std::move(all);
  group.exchanged = warp.executed;
  return true;
}

// The lanes of the group with one member mask that can exchange with others; 0: there are none.
Mask exchange_any(Group& group, const Instruction& instruction) {
  Mask done = 0;
  for_members(group, instruction, [&](Mask together) {
    if (done == 0 && exchange(group, instruction, together))
      done = together;
  });
  return done;
}

} // namespace

Borrowed::Borrowed(Group& group, const Instruction& instruction) : group(group), instruction(instruction) {
  for (int i = 0; i < instruction.slots; ++i) {
    const std::byte* from = group.frame + instruction.slot[i].offset;
    saved.insert(saved.end(), from, from + instruction.slot[i].size());
  }
  const std::vector<std::byte>& sources = group.exchange->sources;
  for_sources(instruction, [&](Slot slot, int i, std::size_t at) {
    if (slot.bytes == 0) {
      Mask& here = predicate(group.frame, slot);
      const Mask value = reinterpret_cast<const Mask&>(sources[at]);
      here = (here & group.mask) | ((is_negated(instruction, i) ? ~value : value) & ~group.mask);
      return;
    }
    for_lanes(~group.mask, [&](int lane) {
      std::memcpy(group.frame + slot.offset + static_cast<std::size_t>(lane) * slot.bytes,
                  sources.data() + at + static_cast<std::size_t>(lane) * slot.bytes, slot.bytes);
    });
  });
}

Borrowed::~Borrowed() {
  const std::byte* from = saved.data();
  for (int i = 0; i < instruction.slots; ++i) {
    const Slot slot = instruction.slot[i];
    if (slot.bytes == 0) {
      Mask before = 0;
      std::memcpy(&before, from, sizeof before);
      Mask& here = predicate(group.frame, slot);
      here = (here & group.mask) | (before & ~group.mask);
    }
    for_lanes(slot.bytes == 0 ? 0 : ~group.mask, [&](int lane) {
      std::memcpy(group.frame + slot.offset + static_cast<std::size_t>(lane) * slot.bytes,
                  from + static_cast<std::size_t>(lane) * slot.bytes, slot.bytes);
    });
    from += slot.size();
  }
}

Flow gather(Group& group, const Instruction& instruction, Mask mask) {
  if (apart(group, mask))
    return split(group, mask, instruction.index);
  if (check_members(group, instruction) == Flow::fault)
    return Flow::fault;
  if (exchanges_next(group))
    group.exchanged = group.warp->executed;
  if (group.exchange != nullptr && group.exchanged == group.warp->executed) // perhaps once more, for checks
    return Flow::go;
  group.exchange = nullptr;
  merge_waiting(group, instruction);
  Mask missing = 0;
  Mask complete = complete_lanes(group, instruction, missing);
  if (complete == 0)
    complete = exchange_any(group, instruction);
  if (complete == 0) {
    wait(group, instruction, missing);
    return Flow::retry;
  }
  if (complete != group.mask) // lanes of other member masks
    split_off(group, group.mask & ~complete).pc = instruction.index;
  return Flow::go;
}

Flow synchronise(Group& group, const Instruction& instruction, Mask mask) {
  if (apart(group, mask))
    return split(group, mask, instruction.index);
  if (check_members(group, instruction) == Flow::fault)
    return Flow::fault;
  Warp& warp = *group.warp;
  // Who is at such a barrier, and with which mask.
  Mask come = 0, named[warp_size] = {};
  std::vector<Group*> here;
  for (const auto& other : warp.groups) {
    const bool waits =
        other->wait.what == Wait::For::warp && other->wait.where->execute == instruction.execute;
    if (other.get() != &group && !waits)
      continue;
    const Instruction& at = waits ? *other->wait.where : instruction;
    const Mask* members = lanes<Mask>(other->frame, at.operand(at.operands - 1));
    for_lanes(other->mask, [&](int i) { named[i] = members[i]; });
    come |= other->mask;
    here.push_back(other.get());
  }
  const Mask complete = lanes_where(come, [&](int i) {
    const Mask same = lanes_where(come, [&](int k) { return named[k] == named[i]; });
    return (named[i] & warp.alive & ~same) == 0;
  });
  if (Checker* checker = warp.block->launch->checker; checker != nullptr)
    for (Mask rest = complete; rest != 0;) {
      const Mask wanted = named[__builtin_ctz(rest)];
      const Mask together = lanes_where(rest, [&](int i) { return named[i] == wanted; });
      checker->warp_syncs(group, together);
      rest &= ~together;
    }
  for (Group* at : here) {
    const Instruction& barrier = at == &group ? instruction : *at->wait.where;
    const Mask go = at->mask & complete;
    Group* stays = go == 0 ? at : go == at->mask ? nullptr : &split_off(*at, at->mask & ~go);
    if (stays != nullptr) {
      Mask missing = 0;
      for_lanes(stays->mask, [&](int i) { missing |= named[i] & warp.alive & ~come; });
      wait(*stays, barrier, missing);
    }
    if (stays != at) {
      at->wait = {};
      at->pc = barrier.index + 1;
    }
  }
  return complete == group.mask && here.size() == 1 ? Flow::go : Flow::switched;
}

} // namespace emu
