// Compiled once for each level of the host; see numeric/host.h for what may stand here.
#include "emulator/families/half_operations.h"
#include "emulator/families/compare.h"
#include "emulator/families/seed.h"
#include "emulator/numeric/approximate.h"
#include "emulator/numeric/half.h"

namespace emu {
inline namespace EMU_HOST {
namespace {

using Operation = HalfOperation;
using u16 = std::uint16_t;
using u32 = std::uint32_t;

template <class F, Operation op>
EMU_INLINE u16 compute(u16 a, u16 b, u16 c, const HalfFlags& flags, std::uint64_t seed) {
  switch (op) {
  case Operation::add:
    return numeric::half_add<F>(a, b, flags.modifiers);
  case Operation::sub:
    return numeric::half_sub<F>(a, b, flags.modifiers);
  case Operation::mul:
    return numeric::half_mul<F>(a, b, flags.modifiers);
  case Operation::fma:
    return numeric::half_fma<F>(a, b, c, flags.modifiers);
  case Operation::neg:
    return numeric::half_neg<F>(a, flags.modifiers.ftz);
  case Operation::abs:
    return numeric::half_abs<F>(a, flags.modifiers.ftz);
  case Operation::min:
    return numeric::half_min<F>(a, b, flags.min_max);
  case Operation::max:
    return numeric::half_max<F>(a, b, flags.min_max);
  case Operation::ex2:
    return numeric::approximate_half_ex2<F>(a, seed);
  default:
    return numeric::approximate_half_tanh<F>(a, seed);
  }
}

constexpr int sources_of(Operation op) {
  return op == Operation::fma ? 3
         : op == Operation::add || op == Operation::sub || op == Operation::mul || op == Operation::min ||
                 op == Operation::max
             ? 2
             : 1;
}

// `plain`: without modifiers, so that the loop has no branches.
template <class F, Operation op, class T, bool plain>
Flow half_lanes(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int n = sources_of(op);
  const HalfFlags flags = plain ? HalfFlags{} : HalfFlags::unpack(instruction.flags);
  const std::uint64_t seed = n == 1 ? approximation_seed(group) : 0;
  const T* a = lanes<T>(group.frame, instruction.slot[1]);
  const T* b = lanes<T>(group.frame, instruction.slot[n > 1 ? 2 : 1]);
  const T* c = lanes<T>(group.frame, instruction.slot[n > 2 ? 3 : 1]);
  each_lane(lanes<T>(group.frame, instruction.slot[0]), mask, [=](int i) -> T {
    const auto one = [&](auto x, auto y, auto z) {
      return compute<F, op>(static_cast<u16>(x), static_cast<u16>(y), static_cast<u16>(z), flags, seed);
    };
    if constexpr (sizeof(T) == 2)
      return one(a[i], b[i], c[i]);
    else
      return numeric::pairwise(one, a[i], b[i], c[i]);
  });
  return Flow::go;
}

template <class F>
Mask holding(std::byte* frame, const Instruction& instruction, bool pair, int shift, Mask mask) {
  const HalfFlags flags = HalfFlags::unpack(instruction.flags);
  const auto compare = [&]<class T>(const T* a, const T* b) {
    return lanes_where(mask, [=](int i) {
      const auto value = [&](T x) {
        return numeric::widen<F>(
            numeric::half_flush_if<F>(flags.modifiers.ftz, static_cast<u16>(x >> shift)));
      };
      return numeric::compare(flags.compare, value(a[i]), value(b[i]));
    });
  };
  const Slot a = instruction.operand(1), b = instruction.operand(2);
  return pair ? compare(lanes<u32>(frame, a), lanes<u32>(frame, b))
              : compare(lanes<u16>(frame, a), lanes<u16>(frame, b));
}

// Of pairs, p is what holds for the lower halves and q for the upper ones.
template <class F, bool pair>
Flow compare_to_predicates(Group& group, const Instruction& instruction, Mask mask) {
  const Mask low = holding<F>(group.frame, instruction, pair, 0, mask);
  if (!pair) {
    set_predicates(group, instruction, mask, low);
    return Flow::go;
  }
  const Mask high = holding<F>(group.frame, instruction, pair, 16, mask);
  const auto how = static_cast<Combine>(instruction.flags & combines);
  const Mask c = combined_with(group, instruction);
  write_predicate(group, instruction.operand(0, 0), mask, combine(how, low, c));
  write_predicate(group, instruction.operand(0, 1), mask, combine(how, high, c));
  return Flow::go;
}

template <class F, bool pair>
Flow compare_to_register(Group& group, const Instruction& instruction, Mask mask) {
  const HalfFlags flags = HalfFlags::unpack(instruction.flags);
  const auto how = static_cast<Combine>(instruction.flags & combines);
  const Mask c = combined_with(group, instruction);
  const Mask low = combine(how, holding<F>(group.frame, instruction, pair, 0, mask), c);
  const u32 one16 = flags.gives_f16 ? 0x3c00 : flags.gives_bf16 ? 0x3f80 : 0xffff;
  const Slot d = instruction.operand(0);
  if (pair) {
    const Mask high = combine(how, holding<F>(group.frame, instruction, pair, 16, mask), c);
    each_lane(lanes<u32>(group.frame, d), mask,
              [=](int i) { return (high >> i & 1 ? one16 << 16 : 0) | (low >> i & 1 ? one16 : 0); });
  } else if (d.bytes == 2) {
    each_lane(lanes<u16>(group.frame, d), mask,
              [=](int i) { return static_cast<u16>(low >> i & 1 ? one16 : 0); });
  } else {
    const u32 one = instruction.flags & gives_float ? 0x3f800000 : 0xffffffff;
    each_lane(lanes<u32>(group.frame, d), mask, [=](int i) { return low >> i & 1 ? one : 0; });
  }
  return Flow::go;
}

template <class F, Operation op> Execute choose_pair(const HalfChoice& choice, bool plain) {
  if (choice.pair)
    return plain ? half_lanes<F, op, u32, true> : half_lanes<F, op, u32, false>;
  return plain ? half_lanes<F, op, u16, true> : half_lanes<F, op, u16, false>;
}

template <class F> Execute choose_operation(const HalfChoice& choice, bool plain) {
  switch (choice.operation) {
  case Operation::add:
    return choose_pair<F, Operation::add>(choice, plain);
  case Operation::sub:
    return choose_pair<F, Operation::sub>(choice, plain);
  case Operation::mul:
    return choose_pair<F, Operation::mul>(choice, plain);
  case Operation::fma:
    return choose_pair<F, Operation::fma>(choice, plain);
  case Operation::neg:
    return choose_pair<F, Operation::neg>(choice, plain);
  case Operation::abs:
    return choose_pair<F, Operation::abs>(choice, plain);
  case Operation::min:
    return choose_pair<F, Operation::min>(choice, plain);
  case Operation::max:
    return choose_pair<F, Operation::max>(choice, plain);
  case Operation::ex2:
    return choose_pair<F, Operation::ex2>(choice, plain);
  case Operation::tanh:
    return choose_pair<F, Operation::tanh>(choice, plain);
  case Operation::setp:
    return choice.pair ? compare_to_predicates<F, true> : compare_to_predicates<F, false>;
  case Operation::set:
    break;
  }
  return choice.pair ? compare_to_register<F, true> : compare_to_register<F, false>;
}

} // namespace

Execute choose_half(const HalfChoice& choice, std::uint64_t flags) {
  const bool plain = flags == HalfFlags{}.pack();
  return choice.bf16 ? choose_operation<numeric::BF16>(choice, plain)
                     : choose_operation<numeric::F16>(choice, plain);
}

} // namespace EMU_HOST
} // namespace emu
