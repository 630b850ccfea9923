// mbarrier.*: initialisation, arrivals, transactions, tests and waits.
#include "emulator/exec/mbarrier.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/schedule.h"
#include "emulator/exec/spin.h"
#include "emulator/families/modifiers.h"
#include "emulator/memory/spaces.h"

#include <fmt/format.h>
#include <optional>

namespace emu {
namespace {

using Word = std::uint64_t;

Flow illegal(Group& group, const Instruction& instruction, int lane, std::string_view what) {
  return fault(group, instruction, lane, Status::illegal_instruction, what);
}

// The objects of the lanes. False: a fault has been reported.
bool objects(Group& group, const Instruction& instruction, Access& access, bool own = true) {
  if (!resolve(group, instruction, access))
    return false;
  if (own && access.remote != 0) {
    illegal(group, instruction, __builtin_ctz(access.remote),
            "the mbarrier is another block's: only arrivals and transactions reach it from here");
    return false;
  }
  const Mask elsewhere = lanes_where(access.mask, [&](int i) { return access.found[i] != Space::shared; });
  if (elsewhere != 0)
    illegal(group, instruction, __builtin_ctz(elsewhere), "an mbarrier must lie in shared memory");
  return elsewhere == 0;
}

// ---- init, inval ----

Flow initialise(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 0, mask, Doing::write);
  if (!objects(group, instruction, access))
    return Flow::fault;
  Block& block = *group.warp->block;
  const auto* count = lanes<std::uint32_t>(group.frame, instruction.operand(1));
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (count[lane] == 0 || count[lane] > Mbarrier::most)
      return illegal(group, instruction, lane,
                     fmt::format("count {}: expected 1 to {}", count[lane], Mbarrier::most));
    if (Checker* checker = block.launch->checker)
      checker->mbarrier_begins(group, instruction, lane, shared_address(block, access.host[lane]));
    const Mbarrier object = {.pending = count[lane], .expected = count[lane]};
    store_element(access.host[lane], object.bits());
  }
  ++block.changes;
  return Flow::go;
}

Flow invalidate(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 0, mask, Doing::write);
  if (!objects(group, instruction, access))
    return Flow::fault;
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (!Mbarrier::is_valid(load_element<Word>(access.host[lane])))
      return illegal(group, instruction, lane, "there is no mbarrier object to invalidate");
    store_element(access.host[lane], Word(0));
  }
  return Flow::go;
}

// ---- arrivals and transactions ----

enum Flag : std::uint64_t {
  returns_state = 1,
  expects = 2,
  completes = 4,
  arrives = 8,
  drops = 16,
  no_complete = 32
};

Flow update(Group& group, const Instruction& instruction, Mask mask) {
  const auto flags = instruction.flags;
  const int address = (flags & returns_state) ? 1 : 0;
  Access access = access_of(group, instruction, address, mask, Doing::atomic);
  const bool own = (flags & no_complete) != 0 || (address == 1 && !instruction.operand(0).absent);
  if (!objects(group, instruction, access, own))
    return Flow::fault;
  const auto* count = instruction.parts(address + 1) > 0
                          ? lanes<std::uint32_t>(group.frame, instruction.operand(address + 1))
                          : nullptr;
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const std::int64_t given = count != nullptr ? count[lane] : 1;
    MbarrierChange what = {.drops = (flags & drops) != 0, .may_complete = (flags & no_complete) == 0};
    if (flags & expects)
      what.expect_transactions = given;
    if (flags & completes)
      what.complete_transactions = given;
    if (flags & arrives)
      what.arrivals = (flags & expects) ? 1 : given;
    const Word before = load_element<Word>(access.host[lane]);
    Block& block = owner(group, access, lane);
    if (Checker* checker = block.launch->checker; checker != nullptr && what.arrivals > 0)
      checker->mbarrier_arrives(group, lane, block, shared_address(block, access.host[lane]));
    if (std::string wrong = change(block, access.host[lane], what); !wrong.empty())
      return illegal(group, instruction, lane, wrong);
    if (flags & returns_state)
      lanes<Word>(group.frame, instruction.operand(0))[lane] = before;
  }
  return Flow::go;
}

Flow pending_count(Group& group, const Instruction& instruction, Mask mask) {
  const auto* state = lanes<Word>(group.frame, instruction.operand(1));
  auto* count = lanes<std::uint32_t>(group.frame, instruction.operand(0));
  for_lanes(mask,
            [&](int lane) { count[lane] = static_cast<std::uint32_t>(Mbarrier::from(state[lane]).pending); });
  return Flow::go;
}

// ---- tests and waits ----

// The parity of the phase that a lane asks for.
bool parity_of(const Group& group, const Instruction& instruction, int lane) {
  const Slot slot = instruction.operand(2);
  if (slot.bytes == 4)
    return (lanes<std::uint32_t>(group.frame, slot)[lane] & 1) != 0;
  return Mbarrier::from(lanes<Word>(group.frame, slot)[lane]).parity;
}

// The lanes know what comes before the phases that they found complete.
void tell_waits(Checker& checker, Group& group, const Access& access, Mask found) {
  while (found != 0) {
    const std::byte* const mbarrier = access.host[__builtin_ctz(found)];
    Mask same = 0;
    for_lanes(found, [&](int lane) { same |= access.host[lane] == mbarrier ? Mask(1) << lane : Mask(0); });
    checker.mbarrier_waits(group, same, shared_address(*group.warp->block, mbarrier));
    found &= ~same;
  }
}

// Lanes whose phase is complete: it is not the current one. nothing: a fault has been reported.
std::optional<Mask> complete_lanes(Group& group, const Instruction& instruction, Access& access) {
  if (!objects(group, instruction, access))
    return std::nullopt;
  Mask complete = ~access.mask; // what is left out does not wait
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const Word bits = load_element<Word>(access.host[lane]);
    if (!Mbarrier::is_valid(bits)) {
      illegal(group, instruction, lane, no_mbarrier);
      return std::nullopt;
    }
    if (Mbarrier::from(bits).parity == parity_of(group, instruction, lane))
      continue;
    complete |= Mask(1) << lane;
  }
  if (Checker* checker = group.warp->block->launch->checker)
    tell_waits(*checker, group, access, complete & access.mask);
  return complete;
}

void give(Group& group, const Instruction& instruction, Mask mask, Mask complete) {
  Mask& result = predicate(group.frame, instruction.operand(0));
  result = (result & ~mask) | (complete & mask);
}

Flow done_or_looked(Group& group, const Instruction& instruction, const Access& access, Mask complete) {
  if ((access.mask & ~complete) == 0)
    return Flow::go;
  look(group, instruction, access);
  return Flow::yields;
}

Flow test(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 1, mask, Doing::atomic);
  const std::optional<Mask> complete = complete_lanes(group, instruction, access);
  if (!complete)
    return Flow::fault;
  give(group, instruction, mask, *complete);
  return done_or_looked(group, instruction, access, *complete);
}

// As long as no lane's phase is complete the lanes wait, until the schedule says that their time is over.
Flow try_wait(Group& group, const Instruction& instruction, Mask mask) {
  if (mask != group.mask)
    return split(group, mask, instruction.index);
  Access access = access_of(group, instruction, 1, mask, Doing::atomic);
  const std::optional<Mask> complete = complete_lanes(group, instruction, access);
  if (!complete)
    return Flow::fault;
  Block& block = *group.warp->block;
  Random* random = block.launch->random;
  const bool may_wait = !group.timed_out && (random == nullptr || random->below(8) != 0);
  if ((*complete & mask) == 0 && may_wait) {
    group.wait = {.what = Wait::For::async,
                  .id = shared_address(block, access.host[__builtin_ctz(mask)]),
                  .where = &instruction};
    return Flow::retry;
  }
  group.timed_out = false;
  give(group, instruction, mask, *complete);
  return done_or_looked(group, instruction, access, *complete);
}

// ---- decoding ----

template <Execute execute> void decode_object(Decoding& d) {
  const bool has_result = d.out.destinations > 0;
  decode_access_modifiers(d, has_result ? 1 : 0);
  const std::string_view what = d.statement.opcode->modifiers[0];
  d.out.flags = (has_result ? std::uint64_t(returns_state) : 0) |
                (d.has("expect_tx") ? std::uint64_t(expects) : 0) |
                (what == "complete_tx" ? std::uint64_t(completes) : 0) |
                (what == "arrive" || what == "arrive_drop" ? std::uint64_t(arrives) : 0) |
                (what == "arrive_drop" ? std::uint64_t(drops) : 0) |
                (d.has("noComplete") ? std::uint64_t(no_complete) : 0);
  const bool makes = what == "init" || what == "inval"; // no operation on the object, but a write of it
  if (static_cast<Order>(d.out.order) == Order::weak && !makes)
    d.out.order = static_cast<std::uint8_t>(Order::relaxed);
  // Objects are changed as a whole, whoever does it: the scope says only what else is ordered.
  d.out.scope = static_cast<std::uint8_t>(Scope::cluster);
  d.out.width = sizeof(Word);
  d.out.execute = execute;
}

} // namespace

std::span<const Entry> mbarrier_entries() {
#define OWN "{.shared|.shared::cta}.b64"
#define ANY "{.shared|.shared::cta|.shared::cluster}.b64"
#define RELEASE "{.release|.relaxed}{.cta|.cluster}"
#define ACQUIRE "{.acquire|.relaxed}{.cta|.cluster}"
#define IS(function) decode_object<function>, Kind::sync, Class::sync
  static constexpr Entry entries[] = {
      {"mbarrier.init" OWN, "mem u32", IS(initialise)},
      {"mbarrier.inval" OWN, "mem", IS(invalidate)},
      {"mbarrier(.arrive|.arrive_drop)" RELEASE ANY, "=b64 mem u32?", IS(update)},
      {"mbarrier(.arrive|.arrive_drop).expect_tx" RELEASE ANY, "=b64 mem u32", IS(update)},
      {"mbarrier(.arrive|.arrive_drop).noComplete" RELEASE OWN, "=b64 mem u32", IS(update)},
      {"mbarrier(.expect_tx|.complete_tx){.relaxed}{.cta|.cluster}" ANY, "mem u32", IS(update)},
      {"mbarrier.pending_count.b64", "=u32 b64", decode_as<pending_count>, Kind::sync, Class::sync},
      {"mbarrier.test_wait" ACQUIRE OWN, "=pred mem b64", IS(test)},
      {"mbarrier.test_wait.parity" ACQUIRE OWN, "=pred mem u32", IS(test)},
      {"mbarrier.try_wait" ACQUIRE OWN, "=pred mem b64 u32?", IS(try_wait)},
      {"mbarrier.try_wait.parity" ACQUIRE OWN, "=pred mem u32 u32?", IS(try_wait)},
  };
  return entries;
#undef OWN
#undef ANY
#undef RELEASE
#undef ACQUIRE
#undef IS
}

} // namespace emu
