// cp.async.bulk and cp.reduce.async.bulk of bytes that lie together, their groups, and what is only fetched
// ahead.
#include "emulator/families/bulk.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/mbarrier.h"
#include "emulator/families/atomics.h"
#include "emulator/families/modifiers.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace emu {
namespace {

constexpr std::uint32_t granule = 16; // of addresses and sizes

struct CopyOperands : Extra {
  AddressOperand to, from;
  Space to_space = Space::shared, from_space = Space::global;
  int size = 2, byte_mask = -1;
  SignalOperands signal;
  Update update = nullptr;
  std::uint32_t element = 1;
};

Flow copy_of_lane(Group& group, const Instruction& instruction, int lane, Mask alike) {
  const auto& operands = static_cast<const CopyOperands&>(*instruction.extra);
  const std::uint64_t bytes = value_of(group, instruction, operands.size, lane);
  if (bytes % granule != 0)
    return fault(group, instruction, lane, Status::illegal_instruction,
                 fmt::format("a bulk copy of {} bytes: expected a multiple of {}", bytes, granule));
  if (bytes == 0)
    return Flow::go;
  const BulkRange from = bulk_range(group, instruction, lane,
                                    {.space = operands.from_space,
                                     .doing = Doing::agent_read,
                                     .address = operands.from.of(group, instruction, lane),
                                     .bytes = bytes});
  if (from.is == BulkRange::Is::fault)
    return Flow::fault;
  const BulkTargets targets = bulk_targets(group, instruction, lane,
                                           {.space = operands.to_space,
                                            .doing = Doing::agent_write,
                                            .address = operands.to.of(group, instruction, lane),
                                            .bytes = bytes},
                                           operands.signal);
  if (targets.is == BulkRange::Is::fault)
    return Flow::fault;
  // What cannot be read was reported: zeros come instead, so that who waits for them goes on.
  if (from.is == BulkRange::Is::left_out &&
      (operands.signal.mbarrier.operand < 0 || operands.update != nullptr))
    return Flow::go;
  for (const BulkTarget& target : targets.all) {
    BulkCopy copy = {.pieces = {{target.to.host, from.host, static_cast<std::uint32_t>(bytes)}},
                     .to = target.to.block,
                     .from = from.block,
                     .element = operands.element,
                     .alike = alike,
                     .update = operands.update,
                     .signalled = target.mbarrier.block,
                     .mbarrier = target.mbarrier.host};
    copy.shares_source = &target != &targets.all.front();
    if (operands.byte_mask >= 0)
      copy.bytes_of_16 = static_cast<std::uint16_t>(value_of(group, instruction, operands.byte_mask, lane));
    if (begin_bulk(group, instruction, lane, std::move(copy)) == Flow::fault)
      return Flow::fault;
  }
  return Flow::go;
}

Flow copy(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const CopyOperands&>(*instruction.extra);
  const auto operands_of = [&](int lane) {
    return std::array{operands.to.of(group, instruction, lane), operands.from.of(group, instruction, lane),
                      value_of(group, instruction, operands.size, lane),
                      operands.byte_mask < 0 ? 0 : value_of(group, instruction, operands.byte_mask, lane)};
  };
  return copy_each(mask, operands_of,
                   [&](int lane, Mask alike) { return copy_of_lane(group, instruction, lane, alike); });
}

// What is fetched ahead must be there, and nothing else comes of it.
Flow prefetch(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const CopyOperands&>(*instruction.extra);
  for (Mask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const std::uint64_t bytes = value_of(group, instruction, operands.size, lane);
    if (bytes % granule != 0)
      return fault(group, instruction, lane, Status::illegal_instruction,
                   fmt::format("a prefetch of {} bytes: expected a multiple of {}", bytes, granule));
    if (bytes == 0)
      continue;
    const BulkRange from = bulk_range(group, instruction, lane,
                                      {.space = Space::global,
                                       .doing = Doing::agent_read,
                                       .address = operands.from.of(group, instruction, lane),
                                       .bytes = bytes});
    if (from.is == BulkRange::Is::fault)
      return Flow::fault;
  }
  return Flow::go;
}

// ---- groups ----

Flow commit(Group& group, const Instruction&, Mask mask) {
  commit_bulk(group, mask);
  return Flow::go;
}

template <bool reads> Flow wait_group(Group& group, const Instruction& instruction, Mask mask) {
  wait_bulk(group, mask, static_cast<std::uint32_t>(instruction.immediate), reads);
  return Flow::go;
}

// ---- decoding ----

// A constant size that is no multiple of 16 is refused at load, as by ptxas.
void check_size(Decoding& d, int operand) {
  const ptx::Operand& size = d.statement.operands[static_cast<std::size_t>(operand)];
  if (size.is(ptx::Operand::Kind::integer) && size.value % granule != 0)
    d.fail(fmt::format("a size of {} bytes: expected a multiple of {}", size.value, granule));
}

void decode_copy(Decoding& d) {
  CopyOperands operands;
  operands.to = address_operand(d, 0);
  operands.from = address_operand(d, 1);
  const bool to_global = d.has("bulk_group");
  operands.to_space = to_global ? Space::global : Space::shared;
  operands.from_space =
      d.has("shared::cta") && (to_global || d.has("shared::cluster")) ? Space::shared : Space::global;
  int next = 3;
  if (!to_global)
    operands.signal.mbarrier = address_operand(d, next++);
  if (d.has("multicast::cluster"))
    operands.signal.multicast = next++;
  if (d.has("L2::cache_hint"))
    ++next;
  if (d.has("cp_mask"))
    operands.byte_mask = next++;
  if (d.statement.opcode->modifiers[0] == "reduce") {
    operands.update = atomic_update(atomic_operation(d), d.type());
    operands.element = static_cast<std::uint32_t>(ptx::bits(d.type()) / 8);
  }
  check_size(d, operands.size);
  d.out.execute = copy;
  d.attach(operands);
}

void decode_prefetch(Decoding& d) {
  CopyOperands operands;
  operands.from = address_operand(d, 0);
  operands.size = 1;
  check_size(d, operands.size);
  d.out.execute = prefetch;
  d.attach(operands);
}

void decode_wait(Decoding& d) {
  d.out.execute = d.has("read") ? wait_group<true> : wait_group<false>;
  decode_kept_groups(d);
}

} // namespace

// ---- what bulk copies of tensors need, too ----

std::uint64_t value_of(const Group& group, const Instruction& instruction, int operand, int lane) {
  const Slot slot = instruction.operand(operand);
  std::uint64_t value = 0;
  std::memcpy(&value, group.frame + slot.offset + static_cast<std::size_t>(lane) * slot.bytes, slot.bytes);
  return value;
}

std::uint64_t AddressOperand::of(const Group& group, const Instruction& instruction, int lane) const {
  const std::uint64_t base = value_of(group, instruction, operand, lane);
  if (instruction.operand(operand).bytes == 4) // these wrap as 32-bit numbers do
    return static_cast<std::uint32_t>(base + static_cast<std::uint64_t>(offset));
  return base + static_cast<std::uint64_t>(offset);
}

AddressOperand address_operand(const Decoding& decoding, int operand) {
  return {operand, address_offset(decoding, operand)};
}

namespace {

// An mbarrier of a lane, which must be one already.
BulkRange mbarrier_range(Group& group, const Instruction& instruction, int lane, std::uint64_t address) {
  BulkRange range = bulk_range(group, instruction, lane,
                               {.space = Space::cluster,
                                .doing = Doing::agent_read,
                                .address = address,
                                .bytes = sizeof(std::uint64_t),
                                .align = sizeof(std::uint64_t)});
  if (range.is == BulkRange::Is::there && !Mbarrier::is_valid(load_element<std::uint64_t>(range.host))) {
    fault(group, instruction, lane, Status::illegal_instruction, no_mbarrier);
    range.is = BulkRange::Is::fault;
  }
  return range;
}

// The ranks that a lane's copy goes to; of one that is not sent to several: none is named.
std::vector<std::optional<std::uint32_t>> ranks_of(const Group& group, const Instruction& instruction,
                                                   int lane, const SignalOperands& signal) {
  if (signal.multicast < 0)
    return {std::nullopt};
  std::vector<std::optional<std::uint32_t>> ranks;
  const auto mask = static_cast<std::uint16_t>(value_of(group, instruction, signal.multicast, lane));
  for (std::uint32_t rank = 0; rank < 16; ++rank)
    if ((mask >> rank & 1) != 0)
      ranks.emplace_back(rank);
  return ranks;
}

} // namespace

BulkTargets bulk_targets(Group& group, const Instruction& instruction, int lane, const BulkPlace& to,
                         const SignalOperands& signal) {
  BulkTargets targets;
  for (const std::optional<std::uint32_t> rank : ranks_of(group, instruction, lane, signal)) {
    if (rank.value_or(0) >= group.warp->block->launch->cluster.count()) {
      fault(group, instruction, lane, Status::illegal_instruction,
            fmt::format("a copy to block {} of the cluster, which has {}", *rank,
                        group.warp->block->launch->cluster.count()));
      targets.is = BulkRange::Is::fault;
      return targets;
    }
    // At the same addresses of that block; without a rank, of the block that the addresses name.
    const auto at = [&](std::uint64_t address) { return rank ? address_at_rank(address, *rank) : address; };
    BulkPlace place = to;
    if (place.space == Space::shared) {
      place.space = Space::cluster;
      place.address = at(place.address);
    }
    BulkTarget target = {.to = bulk_range(group, instruction, lane, place), .mbarrier = {}};
    if (signal.mbarrier.operand >= 0)
      target.mbarrier =
          mbarrier_range(group, instruction, lane, at(signal.mbarrier.of(group, instruction, lane)));
    bool there = true;
    for (const BulkRange& range : {target.to, target.mbarrier}) {
      there &= range.is == BulkRange::Is::there;
      if (range.is == BulkRange::Is::fault)
        targets.is = range.is;
    }
    if (there)
      targets.all.push_back(target);
  }
  return targets;
}

std::span<const Entry> bulk_entries() {
#define COPY decode_copy, Kind::memory, Class::async
#define LOAD "cp.async.bulk(.shared::cluster|.shared::cta).global.mbarrier::complete_tx::bytes"
#define STORE "cp.async.bulk.global.shared::cta.bulk_group"
#define REMOTE ".shared::cluster.shared::cta"
#define SIGNAL ".mbarrier::complete_tx::bytes"
#define MULTICAST "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
#define REDUCE "cp.reduce.async.bulk.global.shared::cta"
#define HINT "{.L2::cache_hint}"
  static constexpr Entry entries[] = {
      {LOAD, "mem mem u32 mem", COPY},
      {LOAD ".L2::cache_hint", "mem mem u32 mem b64", COPY},
      {MULTICAST, "mem mem u32 mem u16", COPY},
      {MULTICAST ".L2::cache_hint", "mem mem u32 mem u16 b64", COPY},
      {"cp.async.bulk" REMOTE SIGNAL, "mem mem u32 mem", COPY},
      {STORE, "mem mem u32", COPY},
      {STORE ".L2::cache_hint", "mem mem u32 b64", COPY},
      {STORE ".cp_mask", "mem mem u32 u16", COPY},
      {STORE ".L2::cache_hint.cp_mask", "mem mem u32 b64 u16", COPY},
      {REDUCE "(.add|.min|.max).bulk_group" HINT "(.u32|.s32|.u64)", "mem mem u32 b64?", COPY},
      {REDUCE "(.min|.max).bulk_group" HINT "(.s64|.f16|.bf16)", "mem mem u32 b64?", COPY},
      {REDUCE ".add.bulk_group" HINT "(.f32|.f64)", "mem mem u32 b64?", COPY},
      {REDUCE ".add.bulk_group" HINT ".noftz(.f16|.bf16)", "mem mem u32 b64?", COPY},
      {REDUCE "(.inc|.dec).bulk_group" HINT ".u32", "mem mem u32 b64?", COPY},
      {REDUCE "(.and|.or|.xor).bulk_group" HINT "(.b32|.b64)", "mem mem u32 b64?", COPY},
      {"cp.reduce.async.bulk" REMOTE "(.add|.min|.max)" SIGNAL "(.u32|.s32)", "mem mem u32 mem", COPY},
      {"cp.reduce.async.bulk" REMOTE ".add" SIGNAL ".u64", "mem mem u32 mem", COPY},
      {"cp.reduce.async.bulk" REMOTE "(.inc|.dec)" SIGNAL ".u32", "mem mem u32 mem", COPY},
      {"cp.reduce.async.bulk" REMOTE "(.and|.or|.xor)" SIGNAL ".b32", "mem mem u32 mem", COPY},
      {"cp.async.bulk.prefetch.L2.global", "mem u32", decode_prefetch, Kind::memory, Class::async},
      {"cp.async.bulk.prefetch.L2.global.L2::cache_hint", "mem u32 b64", decode_prefetch, Kind::memory,
       Class::async},
      {"cp.async.bulk.commit_group", "", decode_as<commit>, Kind::sync, Class::async},
      {"cp.async.bulk.wait_group{.read}", "u32", decode_wait, Kind::sync, Class::async},
  };
  return entries;
#undef COPY
#undef LOAD
#undef STORE
#undef REMOTE
#undef SIGNAL
#undef MULTICAST
#undef REDUCE
#undef HINT
}

} // namespace emu
