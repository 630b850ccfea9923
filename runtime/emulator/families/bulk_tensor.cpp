// cp.async.bulk.tensor and cp.reduce.async.bulk.tensor in tile mode: boxes of tensors, to and from shared
// memory.
#include "emulator/exec/tensor_box.h"
#include "emulator/families/atomics.h"
#include "emulator/families/bulk.h"
#include "emulator/families/modifiers.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <tuple>
#include <utility>

namespace emu {
namespace {

constexpr std::uint32_t shared_alignment = 128;

struct TensorOperands : Extra {
  enum class Does : std::uint8_t { load, store, reduce, prefetch } does = Does::load;
  AddressOperand map, shared;
  std::uint32_t rank = 1;
  SignalOperands signal;
  std::string_view operation; ///< of a reduction
};

// ---- the map ----

std::string_view place_of(Space space) { return space == Space::shared ? "shared" : "local"; }

// Nothing: left out, or a fault, which has been reported.
std::optional<TensorMap> read_map(Group& group, const Instruction& instruction, int lane,
                                  const TensorOperands& operands, BulkRange::Is& is) {
  const std::uint64_t address = operands.map.of(group, instruction, lane);
  const BulkRange range = bulk_range(group, instruction, lane,
                                     {.space = Space::generic,
                                      .doing = Doing::agent_read,
                                      .address = address,
                                      .bytes = TensorMap::size,
                                      .align = 1});
  is = range.is;
  if (is != BulkRange::Is::there)
    return std::nullopt;
  is = BulkRange::Is::fault;
  const auto refuse = [&](std::string_view what) {
    fault(group, instruction, lane, Status::illegal_instruction, what);
    return std::nullopt;
  };
  if (range.space == Space::shared || range.space == Space::local)
    return refuse(
        fmt::format("a tensor map in {} memory: expected a parameter that is const __grid_constant__, a "
                    "constant, or global memory",
                    place_of(range.space)));
  if (address % TensorMap::alignment != 0)
    return refuse(fmt::format("a tensor map at address 0x{:x}: expected a multiple of {}", address,
                              TensorMap::alignment));
  const std::optional<TensorMap> map = TensorMap::decode(range.host);
  if (!map)
    return refuse("there is no tensor map: expected 128 bytes that cuTensorMapEncodeTiled made");
  if (const std::string wrong = map->wrong(); !wrong.empty())
    return refuse(fmt::format("the tensor map has {}", wrong));
  if (map->rank != operands.rank)
    return refuse(
        fmt::format("a tensor map of rank {}: the instruction is for {}", map->rank, operands.rank));
  is = BulkRange::Is::there;
  return map;
}

// ---- elements that change on their way ----

template <class F> void each_float(std::byte* at, std::uint32_t bytes, F f) {
  for (std::uint32_t i = 0; i < bytes; i += sizeof(std::uint32_t)) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, at + i, sizeof bits);
    bits = f(bits);
    std::memcpy(at + i, &bits, sizeof bits);
  }
}

constexpr std::uint32_t flushed(std::uint32_t bits) {
  return (bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits;
}

// To the nearest, ties to even. (What the copy engine does is not documented.)
constexpr std::uint32_t to_tf32(std::uint32_t bits) {
  constexpr unsigned dropped = 13;
  if ((bits & 0x7f800000) == 0x7f800000)
    return bits;
  return (bits + ((1u << (dropped - 1)) - 1) + (bits >> dropped & 1)) & ~((1u << dropped) - 1);
}

Convert conversion_of(TensorMap::Type type) {
  switch (type) {
  case TensorMap::Type::f32_ftz:
    return [](std::byte* at, std::uint32_t bytes) { each_float(at, bytes, flushed); };
  case TensorMap::Type::tf32:
    return [](std::byte* at, std::uint32_t bytes) { each_float(at, bytes, to_tf32); };
  case TensorMap::Type::tf32_ftz:
    return [](std::byte* at, std::uint32_t bytes) {
      each_float(at, bytes, [](std::uint32_t bits) { return to_tf32(flushed(bits)); });
    };
  default:
    return nullptr;
  }
}

// What a reduction of elements does: those that cp.reduce.async.bulk has. Null if there is none.
Update reduction_of(std::string_view operation, TensorMap::Type type) {
  using enum TensorMap::Type;
  constexpr ptx::Type types[] = {ptx::Type::u8,  ptx::Type::u16,  ptx::Type::u32, ptx::Type::s32,
                                 ptx::Type::u64, ptx::Type::s64,  ptx::Type::f16, ptx::Type::f32,
                                 ptx::Type::f64, ptx::Type::bf16, ptx::Type::f32, ptx::Type::f32,
                                 ptx::Type::f32};
  const bool integer = type >= u32 && type <= s64, half = type == f16 || type == bf16;
  const bool bitwise = operation == "and" || operation == "or" || operation == "xor";
  const bool counts = operation == "inc" || operation == "dec";
  const bool has = bitwise              ? integer
                   : counts             ? type == u32
                   : operation == "add" ? integer || half || type == f32 || type == f32_ftz || type == f64
                                        : integer || half;
  return has ? atomic_update(operation, types[static_cast<int>(type)]) : nullptr;
}

// ---- execution ----

BulkCopy copy_of(const TensorMap& map, Mask alike) {
  return {.pieces = {},
          .element = map.element_bytes(),
          .fill = map.fill(),
          .alike = alike,
          .convert = conversion_of(map.type)};
}

BulkPlace shared_place(const Group& group, const Instruction& instruction, int lane,
                       const TensorOperands& operands, const TensorMap& map, std::size_t rows, Doing doing) {
  return {.space = Space::shared,
          .doing = doing,
          .address = operands.shared.of(group, instruction, lane),
          .bytes = rows * map.row_pitch(),
          .align = shared_alignment};
}

Flow load(Group& group, const Instruction& instruction, int lane, const TensorOperands& operands,
          const TensorMap& map, const TensorBox& box, Mask alike) {
  const BulkPlace place =
      shared_place(group, instruction, lane, operands, map, box.rows(), Doing::agent_write);
  const BulkTargets targets = bulk_targets(group, instruction, lane, place, operands.signal);
  if (targets.is == BulkRange::Is::fault)
    return Flow::fault;
  for (const BulkTarget& target : targets.all) {
    BulkCopy copy = copy_of(map, alike);
    copy.pieces = box.to_shared({target.to.host, place.address});
    copy.to = target.to.block;
    copy.shares_source = &target != &targets.all.front();
    copy.signalled = target.mbarrier.block;
    copy.mbarrier = target.mbarrier.host;
    if (begin_bulk(group, instruction, lane, std::move(copy)) == Flow::fault)
      return Flow::fault;
  }
  return Flow::go;
}

Flow store(Group& group, const Instruction& instruction, int lane, const TensorOperands& operands,
           const TensorMap& map, const TensorBox& box, Mask alike) {
  const BulkPlace place =
      shared_place(group, instruction, lane, operands, map, box.rows(), Doing::agent_read);
  const BulkRange from = bulk_range(group, instruction, lane, place);
  if (from.is == BulkRange::Is::fault)
    return Flow::fault;
  if (from.is == BulkRange::Is::left_out)
    return Flow::go;
  BulkCopy copy = copy_of(map, alike);
  copy.pieces = box.from_shared({from.host, place.address});
  copy.from = from.block;
  if (operands.does == TensorOperands::Does::reduce) {
    copy.update = reduction_of(operands.operation, map.type);
    if (copy.update == nullptr)
      return fault(group, instruction, lane, Status::illegal_instruction,
                   fmt::format("'.{}' of a tensor of elements that have no such reduction (type {})",
                               operands.operation, static_cast<int>(map.type)));
  }
  return begin_bulk(group, instruction, lane, std::move(copy));
}

BoxCoordinates coordinates_of(const Group& group, const Instruction& instruction,
                              const TensorOperands& operands, int lane) {
  BoxCoordinates at{};
  for (std::uint32_t i = 0; i < operands.rank; ++i) {
    const Slot slot = instruction.operand(operands.map.operand, static_cast<int>(i) + 1);
    at[i] = lanes<std::int32_t>(group.frame, slot)[lane];
  }
  return at;
}

Flow copy_of_lane(Group& group, const Instruction& instruction, int lane, Mask alike) {
  using Does = TensorOperands::Does;
  const auto& operands = static_cast<const TensorOperands&>(*instruction.extra);
  BulkRange::Is is = BulkRange::Is::there;
  const std::optional<TensorMap> map = read_map(group, instruction, lane, operands, is);
  if (!map)
    return is == BulkRange::Is::fault ? Flow::fault : Flow::go;
  const BoxCoordinates at = coordinates_of(group, instruction, operands, lane);
  const bool loads = operands.does == Does::load || operands.does == Does::prefetch;
  TensorBox box(*map, at);
  if (!box.find(group, instruction, lane, loads ? Doing::agent_read : Doing::agent_write))
    return Flow::fault;
  if (operands.does == Does::prefetch) // what is fetched ahead must be there, and nothing else comes of it
    return Flow::go;
  return loads ? load(group, instruction, lane, operands, *map, box, alike)
               : store(group, instruction, lane, operands, *map, box, alike);
}

Flow copy(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const TensorOperands&>(*instruction.extra);
  const auto operands_of = [&](int lane) {
    return std::tuple(operands.map.of(group, instruction, lane),
                      operands.shared.operand < 0 ? 0 : operands.shared.of(group, instruction, lane),
                      coordinates_of(group, instruction, operands, lane));
  };
  return copy_each(mask, operands_of,
                   [&](int lane, Mask alike) { return copy_of_lane(group, instruction, lane, alike); });
}

// ---- decoding ----

void decode_tensor(Decoding& d) {
  using Does = TensorOperands::Does;
  TensorOperands operands;
  operands.rank = static_cast<std::uint32_t>(d.which({"1d", "2d", "3d", "4d", "5d"})) + 1;
  operands.does = d.has("prefetch") ? Does::prefetch : d.has("bulk_group") ? Does::store : Does::load;
  if (d.statement.opcode->modifiers[0] == "reduce") {
    operands.does = Does::reduce;
    operands.operation = atomic_operation(d);
  }
  const int map = operands.does == Does::load ? 1 : 0;
  operands.map = address_operand(d, map);
  if (operands.does != Does::prefetch)
    operands.shared = address_operand(d, 1 - map);
  if (operands.does == Does::load)
    operands.signal.mbarrier = address_operand(d, 2);
  if (d.has("multicast::cluster"))
    operands.signal.multicast = 3;
  const int coordinates = d.out.parts(map) - 1;
  if (coordinates != static_cast<int>(operands.rank))
    return d.fail(fmt::format("{} coordinates: expected {}", coordinates, operands.rank));
  d.out.execute = copy;
  d.attach(operands);
}

} // namespace

std::span<const Entry> bulk_tensor_entries() {
#define RANK "(.1d|.2d|.3d|.4d|.5d)"
#define TENSOR decode_tensor, Kind::memory, Class::async
#define LOAD                                                                                                 \
  "cp.async.bulk.tensor" RANK "(.shared::cluster|.shared::cta).global{.tile}.mbarrier::complete_tx::bytes"
#define MULTICAST                                                                                            \
  "cp.async.bulk.tensor" RANK ".shared::cluster.global{.tile}.mbarrier::complete_tx::bytes.multicast::"      \
  "cluster"
#define STORE RANK ".global.shared::cta"
#define OPERATION "(.add|.min|.max|.inc|.dec|.and|.or|.xor)"
#define GROUP "{.tile}.bulk_group{.L2::cache_hint}"
  static constexpr Entry entries[] = {
      {LOAD, "mem mem mem", TENSOR},
      {LOAD ".L2::cache_hint", "mem mem mem b64", TENSOR},
      {MULTICAST, "mem mem mem u16", TENSOR},
      {MULTICAST ".L2::cache_hint", "mem mem mem u16 b64", TENSOR},
      {"cp.async.bulk.tensor" STORE GROUP, "mem mem b64?", TENSOR},
      {"cp.reduce.async.bulk.tensor" STORE OPERATION GROUP, "mem mem b64?", TENSOR},
      {"cp.async.bulk.prefetch.tensor" RANK ".L2.global{.tile}{.L2::cache_hint}", "mem b64?", TENSOR},
  };
  return entries;
#undef RANK
#undef TENSOR
#undef LOAD
#undef MULTICAST
#undef STORE
#undef OPERATION
#undef GROUP
}

} // namespace emu
