// tensormap.*: changes of tensor maps by kernels; fences between the proxies through which memory is
// accessed.
#include "emulator/exec/tensor_map.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/groups.h"
#include "emulator/families/bulk.h"
#include "emulator/families/modifiers.h"

#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace emu {
namespace {

enum class Field : std::uint8_t {
  global_address,
  rank,
  box_dim,
  global_dim,
  global_stride,
  element_stride,
  elemtype,
  interleave_layout,
  swizzle_mode,
  swizzle_atomicity,
  fill_mode,
};

struct ReplaceOperands : Extra {
  Field field = Field::rank;
  AddressOperand map;
  std::size_t ordinal = 0; ///< of the dimension or stride
};

/// Of the ISA's table of tensormap.replace, by number of the type.
constexpr TensorMap::Type element_types[] = {
    TensorMap::Type::u8,           TensorMap::Type::u16,          TensorMap::Type::u32,
    TensorMap::Type::s32,          TensorMap::Type::u64,          TensorMap::Type::s64,
    TensorMap::Type::f16,          TensorMap::Type::f32,          TensorMap::Type::f32_ftz,
    TensorMap::Type::f64,          TensorMap::Type::bf16,         TensorMap::Type::tf32,
    TensorMap::Type::tf32_ftz,     TensorMap::Type::u4_aligned_8, TensorMap::Type::u4_aligned_16,
    TensorMap::Type::u6_aligned_16};

void set(TensorMap& map, const ReplaceOperands& operands, std::uint64_t value) {
  const std::size_t i = operands.ordinal;
  const auto small = static_cast<std::uint32_t>(value);
  switch (operands.field) {
  case Field::global_address:
    map.address = value;
    break;
  case Field::rank:
    map.rank = small + 1;
    break;
  case Field::box_dim:
    map.box[i] = small;
    break;
  case Field::global_dim:
    map.dims[i] = small;
    break;
  case Field::global_stride:
    map.strides[i] = value;
    break;
  case Field::element_stride:
    map.steps[i] = small;
    break;
  case Field::elemtype:
    map.type = element_types[value];
    break;
  case Field::interleave_layout:
    map.interleave = static_cast<TensorMap::Interleave>(value);
    break;
  case Field::swizzle_mode:
    map.swizzle = static_cast<TensorMap::Swizzle>(value);
    break;
  case Field::swizzle_atomicity:
    map.atom = static_cast<TensorMap::Atom>(value);
    break;
  case Field::fill_mode:
    map.fill_nan = value != 0;
    break;
  }
}

// What a map cannot hold; all else is looked at when it is used.
std::string refused(const ReplaceOperands& operands, std::uint64_t value) {
  constexpr std::uint64_t most_box = 256, most_step = 8;
  const auto range = [&](std::uint64_t least, std::uint64_t most) {
    return value >= least && value <= most ? std::string()
                                           : fmt::format("{}: expected {} to {}", value, least, most);
  };
  switch (operands.field) {
  case Field::rank:
    return range(0, TensorMap::most_rank - 1);
  case Field::box_dim:
    return range(1, most_box);
  case Field::element_stride:
    return range(1, most_step);
  case Field::global_dim:
    return range(1, ~0u);
  default:
    return {};
  }
}

// The bytes of a map, as an access of its parts.
bool resolve_map(Group& group, const Instruction& instruction, int lane, Access access, std::uint64_t address,
                 std::byte*& host) {
  constexpr std::uint32_t part = 32;
  access.bytes = part;
  access.align = part;
  for (std::uint64_t at = 0; at < TensorMap::size; at += part) {
    access.mask = Mask(1) << lane;
    for (std::uint64_t& one : access.address)
      one = address + at;
    if (!resolve(group, instruction, access) || access.mask == 0)
      return false;
    if (at == 0)
      host = access.host[lane];
  }
  return true;
}

Flow replace(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const ReplaceOperands&>(*instruction.extra);
  for (Mask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    Access access;
    access.space = static_cast<Space>(instruction.space);
    access.doing = Doing::write;
    std::byte* host = nullptr;
    if (!resolve_map(group, instruction, lane, access, operands.map.of(group, instruction, lane), host)) {
      if (group.warp->block->launch->stopped)
        return Flow::fault;
      continue;
    }
    std::optional<TensorMap> map = TensorMap::decode(host);
    if (!map)
      return fault(
          group, instruction, lane, Status::illegal_instruction,
          "there is no tensor map: expected 128 bytes that cuTensorMapEncodeTiled made, or a copy of them");
    const std::uint64_t value = value_of(group, instruction, instruction.operands - 1, lane);
    if (const std::string wrong = refused(operands, value); !wrong.empty())
      return fault(group, instruction, lane, Status::illegal_instruction, wrong);
    set(*map, operands, value);
    map->encode(host);
    ++group.warp->block->changes;
  }
  return Flow::go;
}

// One copy of the map for the whole warp, and the fence.
Flow copy_and_fence(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = meet(group, instruction, all_lanes); flow != Flow::go)
    return flow;
  mask = group.mask;
  const int lane = __builtin_ctz(mask);
  const AddressOperand to = {.operand = 0, .offset = 0},
                       from = {.operand = 1, .offset = instruction.immediate};
  Access reads, writes;
  reads.space = Space::shared;
  writes.space = Space::global;
  writes.doing = Doing::write;
  std::byte *source = nullptr, *target = nullptr;
  if (!resolve_map(group, instruction, lane, reads, from.of(group, instruction, lane), source) ||
      !resolve_map(group, instruction, lane, writes, to.of(group, instruction, lane), target))
    return group.warp->block->launch->stopped ? Flow::fault : Flow::go;
  std::memcpy(target, source, TensorMap::size);
  ++group.warp->block->changes;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Flow::go;
}

Flow async_fence(Group& group, const Instruction&, Mask mask) {
  if (Checker* checker = group.warp->block->launch->checker)
    checker->proxy_fence(group, mask);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Flow::go;
}

Flow map_fence(Group&, const Instruction&, Mask) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Flow::go;
}

Flow nothing(Group&, const Instruction&, Mask) { return Flow::go; }

// ---- decoding ----

void decode_replace(Decoding& d) {
  constexpr std::string_view names[] = {
      "global_address", "rank",     "box_dim",           "global_dim",   "global_stride",
      "element_stride", "elemtype", "interleave_layout", "swizzle_mode", "swizzle_atomicity",
      "fill_mode"};
  ReplaceOperands operands;
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (d.has(names[i]))
      operands.field = static_cast<Field>(i);
  const Field field = operands.field;
  const bool ordered = field >= Field::box_dim && field <= Field::element_stride;
  if (ordered) {
    const std::int64_t ordinal = constant_operand(d, 1);
    const std::int64_t most = TensorMap::most_rank - (field == Field::global_stride ? 2 : 1);
    if (d.error.empty() && (ordinal < 0 || ordinal > most))
      return d.fail(fmt::format("ordinal {}: expected 0 to {}", ordinal, most));
    operands.ordinal = static_cast<std::size_t>(ordinal);
  } else if (field >= Field::elemtype) {
    constexpr std::int64_t most[] = {15, 2, 3, 3, 1}; // from elemtype on
    const std::int64_t value = constant_operand(d, 1),
                       last = most[static_cast<int>(field) - static_cast<int>(Field::elemtype)];
    if (d.error.empty() && (value < 0 || value > last))
      return d.fail(fmt::format("value {}: expected 0 to {}", value, last));
  }
  operands.map = address_operand(d, 0);
  decode_access_modifiers(d, 0);
  d.out.execute = replace;
  d.attach(operands);
}

void check_bytes(Decoding& d, int operand) {
  const std::int64_t bytes = constant_operand(d, operand);
  if (d.error.empty() && bytes != TensorMap::size)
    d.fail(fmt::format("{} bytes: expected {}", bytes, TensorMap::size));
}

void decode_copy_and_fence(Decoding& d) {
  if (address_offset(d, 0) != 0)
    return d.fail("an offset of the first address, which the emulator does not have");
  d.out.immediate = address_offset(d, 1);
  d.out.execute = copy_and_fence;
  check_bytes(d, 2);
}

void decode_fence(Decoding& d) {
  d.out.execute = d.has("tensormap::generic") ? map_fence : async_fence;
  if (!d.statement.operands.empty())
    check_bytes(d, 1);
}

} // namespace

std::span<const Entry> tensor_map_entries() {
#define SPACE "{.global|.shared::cta}.b1024"
#define REPLACE decode_replace, Kind::memory, Class::async
#define FENCE decode_fence, Kind::sync, Class::sync
  static constexpr Entry entries[] = {
      {"tensormap.replace.tile.global_address" SPACE ".b64", "mem b64", REPLACE},
      {"tensormap.replace.tile.rank" SPACE ".b32", "mem b32", REPLACE},
      {"tensormap.replace.tile(.box_dim|.global_dim|.element_stride)" SPACE ".b32", "mem u32 b32", REPLACE},
      {"tensormap.replace.tile.global_stride" SPACE ".b64", "mem u32 b64", REPLACE},
      {"tensormap.replace.tile(.elemtype|.interleave_layout|.swizzle_mode|.swizzle_atomicity|.fill_"
       "mode)" SPACE ".b32",
       "mem u32", REPLACE},
      {"tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release" EMU_SCOPE ".sync.aligned",
       "mem mem u32", decode_copy_and_fence, Kind::memory, Class::async},
      {"fence.proxy.async{.global|.shared::cta|.shared::cluster}", "", FENCE},
      {"fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster", "", FENCE},
      {"fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster", "", FENCE},
      {"fence.proxy.tensormap::generic.release" EMU_SCOPE, "", FENCE},
      {"fence.proxy.tensormap::generic.acquire" EMU_SCOPE, "mem u32", FENCE},
      {"prefetch{.param|.const}.tensormap", "mem", decode_as<nothing>, Kind::memory, Class::memory},
  };
  return entries;
#undef SPACE
#undef REPLACE
#undef FENCE
}

} // namespace emu
