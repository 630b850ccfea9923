// bar, barrier: the named barriers of a block; membar, fence. (bar.warp.sync is with the warp's
// instructions.)
#include "emulator/exec/barriers.h"
#include "emulator/checks/checker.h"
#include "emulator/families/modifiers.h"

#include <atomic>
#include <fmt/format.h>

namespace emu {
namespace {

enum Flag : std::uint64_t { aligned = 1, arrives = 2 };

/// Which operands an instruction has: barrier and count are registers or constants.
struct BarrierOperands : Extra {
  int id = 0, count = 1, vote = -1;
  bool negated = false;
  BarrierResult result = nullptr;
};

bool count_is_allowed(std::uint32_t count) { return count != 0 && count % warp_size == 0; }

Flow synchronise(Group& group, const Instruction& instruction, Mask mask) {
  if (mask != group.mask) // those that come are a group of their own, which waits
    return split(group, mask, instruction.index);
  const auto& operands = static_cast<const BarrierOperands&>(*instruction.extra);
  const int first = __builtin_ctz(mask);
  const auto* id = lanes<std::uint32_t>(group.frame, instruction.operand(operands.id));
  const Mask same = lanes_where(mask, [&](int lane) { return id[lane] == id[first]; });
  BarrierArrival arrival = {.id = id[first],
                            .waits = (instruction.flags & arrives) == 0,
                            .aligned = (instruction.flags & aligned) != 0,
                            .result = operands.result};
  if (arrival.id >= group.warp->block->barriers.size())
    return fault(group, instruction, first, Status::illegal_instruction,
                 fmt::format("there is no barrier {}: a block has {}", arrival.id,
                             group.warp->block->barriers.size()));
  if (instruction.parts(operands.count) > 0) {
    arrival.count = lanes<std::uint32_t>(group.frame, instruction.operand(operands.count))[first];
    if (!count_is_allowed(arrival.count))
      return fault(
          group, instruction, first, Status::illegal_instruction,
          fmt::format("a barrier of {} threads: expected a multiple of {}", arrival.count, warp_size));
  }
  if (operands.vote >= 0) {
    const Mask held = predicate(group.frame, instruction.operand(operands.vote));
    arrival.vote = operands.negated ? ~held : held;
  }
  if (same == mask)
    return arrive(group, instruction, arrival);
  Group& arriving = split_off(group, same);
  group.pc = instruction.index; // lanes for other barriers come back
  return arrive(arriving, instruction, arrival);
}

void give_count(Group& group, const Instruction& instruction, const Barrier& barrier) {
  each_lane(lanes<std::uint32_t>(group.frame, instruction.operand(0)), group.mask,
            [&](int) { return barrier.held; });
}

void give(Group& group, const Instruction& instruction, bool value) {
  Mask& result = predicate(group.frame, instruction.operand(0));
  result = value ? result | group.mask : result & ~group.mask;
}

void give_all(Group& group, const Instruction& instruction, const Barrier& barrier) {
  give(group, instruction, barrier.held == barrier.voted);
}

void give_any(Group& group, const Instruction& instruction, const Barrier& barrier) {
  give(group, instruction, barrier.held > 0);
}

void decode_barrier(Decoding& d) {
  BarrierOperands operands;
  const bool reduces = d.has("red");
  if (reduces) {
    operands.id = 1;
    operands.count = 2;
    operands.vote = 3;
    operands.negated = (d.out.negated >> operands.vote & 1) != 0;
    operands.result = d.has("popc") ? give_count : d.has("and") ? give_all : give_any;
  }
  d.out.execute = synchronise;
  d.out.flags = (d.statement.opcode->mnemonic == "bar" || d.has("aligned") ? std::uint64_t(aligned) : 0) |
                (d.has("arrive") ? std::uint64_t(arrives) : 0);
  d.attach(operands);
}

// Host memory orders what other host threads may see.
Flow fence(Group& group, const Instruction& instruction, Mask mask) {
  if (Checker* checker = group.warp->block->launch->checker)
    checker->fence(group, mask, static_cast<Scope>(instruction.scope), static_cast<Order>(instruction.order));
  if (static_cast<Scope>(instruction.scope) != Scope::cta) // a block runs on one host thread
    std::atomic_thread_fence(std::memory_order_seq_cst);
  return Flow::go;
}

void decode_fence(Decoding& d) {
  constexpr Scope scopes[] = {Scope::cta, Scope::cluster, Scope::gpu, Scope::gpu, Scope::sys, Scope::sys};
  const int scope = d.which({"cta", "cluster", "gpu", "gl", "sys", "proxy"});
  d.out.execute = fence;
  d.out.scope = static_cast<std::uint8_t>(scopes[scope]);
  constexpr Order orders[] = {Order::acquire, Order::release, Order::acq_rel};
  const int order = d.which({"acquire", "release"});
  d.out.order = static_cast<std::uint8_t>(orders[order < 0 ? 2 : order]);
}

} // namespace

std::span<const Entry> barrier_entries() {
#define BARRIER decode_barrier, Kind::sync, Class::sync
#define FENCE "", decode_fence, Kind::sync, Class::sync
  static constexpr Entry entries[] = {
      {"bar{.cta}.sync", "u32 u32?", BARRIER},
      {"bar{.cta}.arrive", "u32 u32", BARRIER},
      {"bar{.cta}.red.popc.u32", "=u32 u32 u32? pred", BARRIER},
      {"bar{.cta}.red(.and|.or).pred", "=pred u32 u32? pred", BARRIER},
      {"barrier{.cta}.sync{.aligned}", "u32 u32?", BARRIER},
      {"barrier{.cta}.arrive{.aligned}", "u32 u32", BARRIER},
      {"barrier{.cta}.red.popc{.aligned}.u32", "=u32 u32 u32? pred", BARRIER},
      {"barrier{.cta}.red(.and|.or){.aligned}.pred", "=pred u32 u32? pred", BARRIER},
      {"membar(.cta|.gl|.sys)", FENCE},
      {"membar.proxy.alias", FENCE},
      {"fence{.sc|.acq_rel|.acquire|.release}" EMU_SCOPE, FENCE},
      {"fence.acquire.sync_restrict::shared::cluster.cluster", FENCE},
      {"fence.release.sync_restrict::shared::cta.cluster", FENCE},
      {"fence.proxy.alias", FENCE},
  };
  return entries;
#undef BARRIER
#undef FENCE
}

} // namespace emu
