// st.async, red.async: stores and reductions in the shared memory of a block of the cluster that complete
// transactions of an mbarrier there.
#include "emulator/checks/checker.h"
#include "emulator/exec/async.h"
#include "emulator/exec/mbarrier.h"
#include "emulator/families/modifiers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <string>

namespace emu {
namespace {

constexpr std::uint32_t most_bytes = 16;

/// What becomes of a word of 32 or 64 bits; null: it is replaced.
using Reduce = std::uint64_t (*)(std::uint64_t old, std::uint64_t operand);

struct StoreOperands : Extra {
  std::int64_t to_offset = 0, barrier_offset = 0;
  Reduce reduce = nullptr;
};

class Store final : public AsyncWork {
public:
  Store(Block& owner, std::byte* to, std::byte* barrier, Reduce reduce, std::uint32_t width,
        std::uint32_t bytes)
      : owner(owner), to(to), barrier(barrier), reduce(reduce), width(width), bytes(bytes) {}

  void write() override {
    for (std::uint32_t at = 0; at < bytes; at += width) {
      std::uint64_t next = 0, old = 0;
      std::memcpy(&next, value.data() + at, width);
      std::memcpy(&old, to + at, width);
      next = reduce == nullptr ? next : reduce(old, next);
      std::memcpy(to + at, &next, width);
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
  Reduce reduce;
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
      std::make_unique<Store>(of, to.host[lane], barrier, operands.reduce, instruction.width, to.bytes);
  for (int part = 0; part < instruction.vector; ++part)
    std::memcpy(store->value.data() + part * instruction.width,
                group.frame + instruction.operand(1, part).offset + lane * instruction.operand(1, part).bytes,
                instruction.width);
  store->who = describe(group, instruction, lane);
  if (Checker* checker = block.launch->checker) {
    store->operation =
        checker->async_begins(group, instruction, lane, {.by = AsyncBy::mbarrier, .generic = true});
    const AsyncRange range = {&of, static_cast<std::uint64_t>(to.host[lane] - of.shared.data()), to.bytes};
    if (operands.reduce == nullptr)
      checker->async_writes(store->operation, range);
    else
      checker->async_reduces(store->operation, range);
  }
  const std::uint32_t thread = group.warp->index * warp_size + static_cast<std::uint32_t>(lane);
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
      return fault(group, instruction, lane, Status::illegal_instruction,
                   "there is no mbarrier object: expected one that mbarrier.init made");
    begin(group, instruction, lane, of, to, barrier.host[lane]);
  }
  ++group.warp->block->changes;
  return Flow::go;
}

// ---- reductions ----

template <class T, class F> std::uint64_t reduced(std::uint64_t old, std::uint64_t operand) {
  using U = std::make_unsigned_t<T>;
  return static_cast<U>(F()(static_cast<T>(old), static_cast<T>(operand)));
}

struct Add {
  template <class T> T operator()(T a, T b) const { return static_cast<T>(a + b); }
};
struct Min {
  template <class T> T operator()(T a, T b) const { return std::min(a, b); }
};
struct Max {
  template <class T> T operator()(T a, T b) const { return std::max(a, b); }
};
struct Increment {
  template <class T> T operator()(T a, T b) const { return a >= b ? 0 : a + 1; }
};
struct Decrement {
  template <class T> T operator()(T a, T b) const { return a == 0 || a > b ? b : a - 1; }
};
struct And {
  template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) const { return a ^ b; }
};

Reduce reduction(const Decoding& d) {
  using u32 = std::uint32_t;
  const bool is_signed = ptx::is_signed(d.type());
  switch (d.which({"add", "min", "max", "inc", "dec", "and", "or", "xor"})) {
  case 0: // signed sums wrap as unsigned ones do
    return ptx::bits(d.type()) == 64 ? reduced<std::uint64_t, Add> : reduced<u32, Add>;
  case 1:
    return is_signed ? reduced<std::int32_t, Min> : reduced<u32, Min>;
  case 2:
    return is_signed ? reduced<std::int32_t, Max> : reduced<u32, Max>;
  case 3:
    return reduced<u32, Increment>;
  case 4:
    return reduced<u32, Decrement>;
  case 5:
    return reduced<u32, And>;
  case 6:
    return reduced<u32, Or>;
  default:
    return reduced<u32, Xor>;
  }
}

template <bool reduces> void decode_store(Decoding& d) {
  StoreOperands operands;
  decode_access_modifiers(d, 0);
  operands.to_offset = address_offset(d, 0);
  operands.barrier_offset = address_offset(d, 2);
  operands.reduce = reduces ? reduction(d) : nullptr;
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
