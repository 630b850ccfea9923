// atom, red. A vector's elements are updated one by one (PTX ISA, "atom": atomicity is guaranteed for each
// element). Blocks run on several host threads, so global memory is updated by host atomics; the order
// of the lanes of a warp is open, and the schedule chooses it.
#include "emulator/families/atomics.h"
#include "emulator/exec/schedule.h"
#include "emulator/exec/spin.h"
#include "emulator/exec/wide.h"
#include "emulator/families/modifiers.h"
#include "emulator/numeric/half.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <functional>

namespace emu {
namespace {

namespace nu = numeric;

template <class T> T part_of(Wide value) { return static_cast<T>(value); }

// Replaces what is there by f of it; what was there. `changed` becomes true if that is another value.
template <class T, class F> T replace(std::byte* at, Space space, bool& changed, F f) {
  if (space == Space::shared) { // one host thread runs a block
    T old;
    std::memcpy(&old, at, sizeof old);
    const T next = f(old);
    std::memcpy(at, &next, sizeof next);
    changed |= next != old;
    return old;
  }
  T old = load_element<T>(at);
  if constexpr (sizeof(T) == sizeof(Wide)) {
    for (T found; (found = exchange_if(at, old, f(old))) != old; old = found) {
    }
  } else {
    while (!__atomic_compare_exchange_n(reinterpret_cast<T*>(at), &old, f(old), true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
  }
  changed |= f(old) != old;
  return old;
}

// ---- what becomes of the old value `a`, given the operands b and c ----

struct Add {
  template <class T> T operator()(T a, T b, T) const { return static_cast<T>(a + b); }
};
struct And {
  template <class T> T operator()(T a, T b, T) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b, T) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b, T) const { return a ^ b; }
};
struct Min {
  template <class T> T operator()(T a, T b, T) const { return std::min(a, b); }
};
struct Max {
  template <class T> T operator()(T a, T b, T) const { return std::max(a, b); }
};
struct Put {
  template <class T> T operator()(T, T b, T) const { return b; }
};
struct CompareAndSwap {
  template <class T> T operator()(T a, T b, T c) const { return a == b ? c : a; }
};
struct Increment {
  template <class T> T operator()(T a, T b, T) const { return a >= b ? 0 : a + 1; }
};
struct Decrement {
  template <class T> T operator()(T a, T b, T) const { return a == 0 || a > b ? b : a - 1; }
};
template <class F> struct HalfAdd {
  std::uint16_t operator()(std::uint16_t a, std::uint16_t b) const { return nu::half_add<F>(a, b); }
};
template <class F> struct HalfMin {
  std::uint16_t operator()(std::uint16_t a, std::uint16_t b) const { return nu::half_min<F>(a, b); }
};
template <class F> struct HalfMax {
  std::uint16_t operator()(std::uint16_t a, std::uint16_t b) const { return nu::half_max<F>(a, b); }
};
template <class Operation> struct Half { // one, or two in a register
  template <class T> T operator()(T a, T b, T) const {
    if constexpr (sizeof(T) == 2)
      return Operation()(a, b);
    else
      return nu::pairwise(Operation(), a, b);
  }
};

template <class T, class F> Wide update(std::byte* at, Space space, bool& changed, Wide b, Wide c) {
  return static_cast<Wide>(
      replace<T>(at, space, changed, [=](T a) { return F()(a, part_of<T>(b), part_of<T>(c)); }));
}

// In global memory subnormal operands and results become zeros, in shared memory they do not (PTX ISA,
// "atom").
Wide add_f32(std::byte* at, Space space, bool& changed, Wide b, Wide) {
  return replace<std::uint32_t>(at, space, changed, [=](std::uint32_t a) {
    return std::bit_cast<std::uint32_t>(nu::add(std::bit_cast<float>(a),
                                                std::bit_cast<float>(part_of<std::uint32_t>(b)),
                                                {.ftz = space != Space::shared}));
  });
}

Wide add_f64(std::byte* at, Space space, bool& changed, Wide b, Wide) {
  return replace<std::uint64_t>(at, space, changed, [=](std::uint64_t a) {
    return std::bit_cast<std::uint64_t>(std::bit_cast<double>(a) +
                                        std::bit_cast<double>(part_of<std::uint64_t>(b)));
  });
}

// ---- execution ----

/// Lanes in an order: all of them, each once.
class LaneOrder {
public:
  explicit LaneOrder(Random* random) {
    if (random != nullptr) {
      first = static_cast<int>(random->below(warp_size));
      step = 1 + 2 * static_cast<int>(random->below(warp_size / 2)); // odd
    }
  }
  int operator[](int i) const { return (first + i * step) % warp_size; }

private:
  int first = 0, step = 1;
};

struct AtomicOperands : Extra {
  Update update = nullptr;
  int destination = -1, address = 0, b = 1, c = -1;
};

Wide read(const std::byte* frame, Slot slot, int lane) {
  Wide value = 0;
  std::memcpy(&value, frame + slot.offset + lane * slot.bytes, slot.bytes);
  return value;
}

Flow atomic(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int most_parts = 8;
  const auto& operands = static_cast<const AtomicOperands&>(*instruction.extra);
  Access access = access_of(group, instruction, operands.address, mask, Doing::atomic);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  if (access.order >= Order::acquire)
    std::atomic_thread_fence(std::memory_order_acq_rel);
  const LaneOrder order(group.warp->block->launch->random);
  bool changed = false;
  for (int i = 0; i < warp_size; ++i) {
    const int lane = order[i];
    if ((access.mask >> lane & 1) == 0)
      continue;
    Wide b[most_parts], c = 0; // read before a destination, which may be the same register, is written
    for (int part = 0; part < instruction.vector; ++part)
      b[part] = read(group.frame, instruction.operand(operands.b, part), lane);
    if (operands.c >= 0)
      c = read(group.frame, instruction.operand(operands.c), lane);
    for (int part = 0; part < instruction.vector; ++part) {
      const Wide old = operands.update(access.host[lane] + part * instruction.width, access.found[lane],
                                       changed, b[part], c);
      if (operands.destination >= 0) {
        const Slot slot = instruction.operand(operands.destination, part);
        std::memcpy(group.frame + slot.offset + lane * slot.bytes, &old, slot.bytes);
      }
    }
  }
  if (access.order >= Order::acquire)
    std::atomic_thread_fence(std::memory_order_acq_rel);
  if (!changed && operands.destination >= 0 && access.mask != 0)
    return look(group, instruction, access); // perhaps it tries until another thread is done
  ++group.warp->block->changes;
  return Flow::go;
}

// ---- decoding ----

template <class F> Update of_width(int bits) {
  switch (bits) {
  case 16:
    return update<std::uint16_t, F>;
  case 32:
    return update<std::uint32_t, F>;
  case 64:
    return update<std::uint64_t, F>;
  default:
    return update<Wide, F>;
  }
}

template <class F> Update of_number(ptx::Type type) {
  if (ptx::is_signed(type))
    return ptx::bits(type) == 32 ? update<std::int32_t, F> : update<std::int64_t, F>;
  return ptx::bits(type) == 32 ? update<std::uint32_t, F> : update<std::uint64_t, F>;
}

template <template <class> class F> Update of_half(ptx::Type type) {
  switch (type) {
  case ptx::Type::f16:
    return update<std::uint16_t, Half<F<nu::F16>>>;
  case ptx::Type::f16x2:
    return update<std::uint32_t, Half<F<nu::F16>>>;
  case ptx::Type::bf16:
    return update<std::uint16_t, Half<F<nu::BF16>>>;
  case ptx::Type::bf16x2:
    return update<std::uint32_t, Half<F<nu::BF16>>>;
  default:
    return nullptr;
  }
}

template <bool returns> void decode_atomic(Decoding& d) {
  AtomicOperands operands;
  if (returns) {
    operands.destination = 0;
    operands.address = 1;
    operands.b = 2;
  }
  if (d.has("cas"))
    operands.c = 3;
  operands.update = atomic_update(atomic_operation(d), d.type());
  decode_access_modifiers(d, operands.address);
  if (static_cast<Order>(d.out.order) == Order::weak)
    d.out.order = static_cast<std::uint8_t>(Order::relaxed);
  if (static_cast<Scope>(d.out.scope) == Scope::none)
    d.out.scope = static_cast<std::uint8_t>(Scope::gpu);
  d.out.width = static_cast<std::uint8_t>(ptx::bits(d.type()) / 8);
  d.out.vector = d.has("v8") ? 8 : d.has("v4") ? 4 : d.has("v2") ? 2 : 1;
  d.out.execute = atomic;
  d.attach(operands);
}

} // namespace

std::string_view atomic_operation(const Decoding& d) {
  constexpr std::string_view operations[] = {"add", "min", "max", "inc",  "dec",
                                             "and", "or",  "xor", "exch", "cas"};
  return *std::ranges::find_if(operations, [&](auto one) { return d.has(one); });
}

Update atomic_update(std::string_view operation, ptx::Type type) {
  const int bits = ptx::bits(type);
  if (operation == "add") {
    if (const Update half = of_half<HalfAdd>(type))
      return half;
    return type == ptx::Type::f32 ? add_f32 : type == ptx::Type::f64 ? add_f64 : of_width<Add>(bits);
  }
  if (operation == "min") {
    const Update half = of_half<HalfMin>(type);
    return half != nullptr ? half : of_number<Min>(type);
  }
  if (operation == "max") {
    const Update half = of_half<HalfMax>(type);
    return half != nullptr ? half : of_number<Max>(type);
  }
  const std::pair<std::string_view, Update> others[] = {{"inc", update<std::uint32_t, Increment>},
                                                        {"dec", update<std::uint32_t, Decrement>},
                                                        {"and", of_width<And>(bits)},
                                                        {"or", of_width<Or>(bits)},
                                                        {"xor", of_width<Xor>(bits)},
                                                        {"exch", of_width<Put>(bits)},
                                                        {"cas", of_width<CompareAndSwap>(bits)}};
  return std::ranges::find(others, operation, &std::pair<std::string_view, Update>::first)->second;
}

std::span<const Entry> atomic_entries() {
#define SCOPE "{.cta|.cluster|.gpu|.sys}"
#define SPACE "{.global|.shared|.shared::cta|.shared::cluster}"
#define HINT "{.L2::cache_hint}"
// What both have: any modifiers before the operation, then the operation with its types.
#define OPERATIONS(name, rest)                                                                               \
  {name SCOPE SPACE ".add" HINT "(.u32|.s32|.u64|.s64|.f32|.f64)", rest},                                    \
      {name SCOPE SPACE ".add.noftz" HINT "(.f16|.f16x2|.bf16|.bf16x2)", rest},                              \
      {name SCOPE SPACE "(.min|.max)" HINT "(.u32|.s32|.u64|.s64)", rest},                                   \
      {name SCOPE SPACE "(.inc|.dec)" HINT ".u32", rest},                                                    \
      {name SCOPE SPACE "(.and|.or|.xor)" HINT "(.b32|.b64)", rest},                                         \
      {name SCOPE "{.global}.add" HINT "(.v2|.v4).f32", rest},                                               \
      {name SCOPE "{.global}(.add|.min|.max).noftz" HINT "(.v2|.v4|.v8)(.f16|.bf16)", rest},                 \
      {name SCOPE "{.global}(.add|.min|.max).noftz" HINT "(.v2|.v4)(.f16x2|.bf16x2)", rest}
#define ATOM "atom{.relaxed|.acquire|.release|.acq_rel}"
#define RETURNS decode_atomic<true>, Kind::memory, Class::atomic
#define REDUCES "mem v*t0 b64?", decode_atomic<false>, Kind::memory, Class::atomic
#define UPDATES "=v*t0 mem v*t0 b64?", RETURNS
  static constexpr Entry entries[] = {
      OPERATIONS(ATOM, UPDATES),
      OPERATIONS("red{.relaxed|.release}", REDUCES),
      {ATOM SCOPE SPACE ".exch" HINT "(.b32|.b64|.b128)", "=t0 mem t0 b64?", RETURNS},
      {ATOM SCOPE SPACE ".cas" HINT "(.b16|.b32|.b64|.b128)", "=t0 mem t0 t0 b64?", RETURNS},
  };
  return entries;
#undef SCOPE
#undef SPACE
#undef HINT
#undef OPERATIONS
#undef ATOM
#undef RETURNS
#undef REDUCES
#undef UPDATES
}

} // namespace emu
