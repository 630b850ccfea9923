// st.async, red.async: stores and reductions in the shared memory of a block of the cluster that complete
// transactions of an mbarrier there.
#include "emulator/checks/checker.h"
#include "emulator/exec/async.h"
#include "emulator/exec/mbarrier.h"
#include "emulator/families/atomics.h"
#include "emulator/families/modifiers.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <string>

namespace emu {
namespace {

constexpr std::uint32_t most_bytes = 16;

struct StoreOperands : Extra {
  std::int64_t to_offset = 0, barrier_offset = 0;
  Update update = nullptr; ///< of red.async
};

class Store final : public AsyncWork {
public:
  Store(Block& owner, std::byte* to, std::byte* barrier, Update update, std::uint32_t width,
        std::uint32_t bytes)
      : owner(owner), to(to), barrier(barrier), update(update), width(width), bytes(bytes) {}

  void write() override {
    if (update == nullptr)
      std::memcpy(to, value.data(), bytes);
    for (std::uint32_t at = 0; at < bytes && update != nullptr; at += width) {
      Wide operand = 0;
      bool changed = false;
      std::memcpy(&operand, value.data() + at, width);
      update(to + at, Space::shared, changed, operand, 0);
    }
    ++owner.changes;
    Checker* const checker = owner.launch->checker;
    if (checker != nullptr)
      checker->async_signals(operation, owner, shared_address(owner, barrier));
    const std::string wrong = change(owner, barrier, {.complete_transactions = bytes});
    if (!wrong.empty())
      fail(*owner.launch, Status::illegal_instruction, fmt::format("{}: when it is done, {}", who, wrong));
  }

  std::array<std::byte, most_bytes> value{};
  AsyncRef operation;
  std::string who; ///< for what goes wrong later

private:
  Block& owner;
  std::byte* to;
  std::byte* barrier;
  Update update;
  std::uint32_t width, bytes;
};

// Checks the bounds of one of the two addresses.
Access at_peer(const Group& group, const Instruction& instruction, int operand, std::int64_t offset,
               std::uint32_t bytes, Mask mask) {
  Access access;
  access.space = static_cast<Space>(instruction.space);
  access.doing = Doing::agent_write;
  access.bytes = bytes;
  access.mask = mask;
  addresses(group, instruction.operand(operand), offset, access);
  return access;
}

void begin(Group& group, const Instruction& instruction, int lane, Block& of, const Access& to,
           std::byte* barrier) {
  const auto& operands = static_cast<const StoreOperands&>(*instruction.extra);
  Block& block = *group.warp->block;
  auto store =
      std::make_unique<Store>(of, to.host[lane], barrier, operands.update, instruction.width, to.bytes);
  for (int part = 0; part < instruction.vector; ++part)
    std::memcpy(store->value.data() + part * instruction.width,
                group.frame + instruction.operand(1, part).offset + lane * instruction.operand(1, part).bytes,
                instruction.width);
  store->who = describe(group, instruction, lane);
  if (Checker* checker = block.launch->checker) {
    store->operation =
        checker->async_begins(group, instruction, lane, {.by = AsyncBy::mbarrier, .generic = true});
    const AsyncRange range = {&of, static_cast<std::uint64_t>(to.host[lane] - of.shared.data()), to.bytes};
    if (operands.update == nullptr)
      checker->async_writes(store->operation, range);
    else
      checker->async_reduces(store->operation, range);
  }
  const std::uint32_t thread = thread_of(group, lane);
  if (block.launch->random != nullptr)
    block.async->issue(block, {.thread = thread, .chain = Chain::bulk}, std::move(store));
  else
    store->write();
}

Flow store(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const StoreOperands&>(*instruction.extra);
  Access to = at_peer(group, instruction, 0, operands.to_offset,
                      std::uint32_t(instruction.width) * instruction.vector, mask);
  if (!resolve(group, instruction, to))
    return Flow::fault;
  Access barrier = at_peer(group, instruction, 2, operands.barrier_offset, sizeof(std::uint64_t), to.mask);
  if (!resolve(group, instruction, barrier))
    return Flow::fault;
  for (Mask rest = barrier.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (to.found[lane] != Space::shared || barrier.found[lane] != Space::shared)
      return fault(group, instruction, lane, Status::illegal_instruction,
                   "both addresses must lie in shared memory");
    Block& of = owner(group, to, lane);
    const Block& signalled = owner(group, barrier, lane);
    if (&of != &signalled)
      return fault(group, instruction, lane, Status::illegal_instruction,
                   fmt::format("the mbarrier is in the block of rank {}, the destination in that of rank {}: "
                               "expected one block",
                               signalled.rank, of.rank));
    if (!Mbarrier::is_valid(load_element<std::uint64_t>(barrier.host[lane])))
      return fault(group, instruction, lane, Status::illegal_instruction, no_mbarrier);
    begin(group, instruction, lane, of, to, barrier.host[lane]);
  }
  ++group.warp->block->changes;
  return Flow::go;
}

// ---- decoding ----

template <bool reduces> void decode_store(Decoding& d) {
  StoreOperands operands;
  decode_access_modifiers(d, 0);
  operands.to_offset = address_offset(d, 0);
  operands.barrier_offset = address_offset(d, 2);
  operands.update = reduces ? atomic_update(atomic_operation(d), d.type()) : nullptr;
  d.out.width = static_cast<std::uint8_t>(ptx::bits(d.type()) / 8);
  d.out.vector = d.has("v4") ? 4 : d.has("v2") ? 2 : 1;
  d.out.execute = store;
  if (d.out.width * d.out.vector > static_cast<int>(most_bytes))
    return d.fail(
        fmt::format("a vector of {} bytes: expected at most {}", d.out.width * d.out.vector, most_bytes));
  d.attach(operands);
}

} // namespace

std::span<const Entry> async_store_entries() {
#define AT "{.shared::cluster}.mbarrier::complete_tx::bytes"
#define IS(reduces) "mem v*r0 mem", decode_store<reduces>, Kind::memory, Class::async
  static constexpr Entry entries[] = {
      {"st.async{.weak}" AT "{.v2|.v4}(.b32|.b64|.u32|.u64|.s32|.s64|.f32|.f64)", IS(false)},
      {"red.async.relaxed.cluster" AT "(.inc|.dec).u32", IS(true)},
      {"red.async.relaxed.cluster" AT "(.min|.max)(.u32|.s32)", IS(true)},
      {"red.async.relaxed.cluster" AT ".add(.u32|.s32|.u64|.s64)", IS(true)},
      {"red.async.relaxed.cluster" AT "(.and|.or|.xor).b32", IS(true)},
  };
  return entries;
#undef AT
#undef IS
}

} // namespace emu
