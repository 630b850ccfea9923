// Compiled once for each level of the host; see numeric/host.h for what may stand here.
#include "emulator/families/float_operations.h"
#include "emulator/families/compare.h"
#include "emulator/families/seed.h"
#include "emulator/numeric/approximate.h"
#include "emulator/numeric/arithmetic.h"
#include "emulator/numeric/compare.h"

namespace emu {
inline namespace EMU_HOST {
namespace {

using numeric::Compare;
using numeric::MinMax;
using numeric::Modifiers;
using numeric::Round;
using numeric::TestProperty;
using Operation = FloatOperation;

// ---- rounded operations ----

// The modifiers of an instruction: known when it was chosen, so that the loop over lanes has no branches; or
// any.
template <Modifiers m> struct Fixed {
  static constexpr Modifiers of(std::uint64_t) { return m; }
};
struct Any {
  static Modifiers of(std::uint64_t flags) {
    return {.round = static_cast<Round>(flags >> 8 & 7),
            .ftz = (flags >> 11 & 1) != 0,
            .sat = (flags >> 12 & 1) != 0};
  }
};

template <Operation op, class T> EMU_INLINE T rounded(T a, T b, T c, Modifiers m) {
  const auto how = [&] {
    if constexpr (sizeof(T) == 8)
      return m.round;
    else
      return m;
  }();
  if constexpr (op == Operation::add)
    return numeric::add(a, b, how);
  else if constexpr (op == Operation::sub)
    return numeric::sub(a, b, how);
  else if constexpr (op == Operation::mul)
    return numeric::mul(a, b, how);
  else if constexpr (op == Operation::fma)
    return numeric::fma(a, b, c, how);
  else if constexpr (op == Operation::div)
    return numeric::div(a, b, how);
  else if constexpr (op == Operation::rcp)
    return numeric::rcp(a, how);
  else
    return numeric::sqrt(a, how);
}

// Two floats in a register of 64 bits.
template <Operation op>
EMU_INLINE std::uint64_t rounded(std::uint64_t a, std::uint64_t b, std::uint64_t c, Modifiers m) {
  const auto half = [&](int shift) -> std::uint64_t {
    const auto part = [&](std::uint64_t x) {
      return numeric::as<float>(static_cast<std::uint32_t>(x >> shift));
    };
    return numeric::bits_of(rounded<op>(part(a), part(b), part(c), m));
  };
  return half(32) << 32 | half(0);
}

constexpr int sources_of(Operation op) {
  return op == Operation::fma ? 3 : op == Operation::rcp || op == Operation::sqrt ? 1 : 2;
}

template <Operation op, class T, class How>
Flow arithmetic(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int n = sources_of(op);
  const Modifiers m = How::of(instruction.flags);
  const T* a = lanes<T>(group.frame, instruction.slot[1]);
  const T* b = lanes<T>(group.frame, instruction.slot[n > 1 ? 2 : 1]);
  const T* c = lanes<T>(group.frame, instruction.slot[n > 2 ? 3 : 1]);
  each_lane(lanes<T>(group.frame, instruction.slot[0]), mask,
            [=](int i) { return rounded<op>(a[i], b[i], c[i], m); });
  return Flow::go;
}

template <Operation op> Execute choose_rounded(const FloatChoice& choice) {
  const Modifiers& m = choice.modifiers;
  if (choice.width == FloatWidth::f64)
    return m.round == Round::rn ? arithmetic<op, double, Fixed<Modifiers{}>> : arithmetic<op, double, Any>;
  if (choice.width == FloatWidth::f32x2) {
    if constexpr (op == Operation::add || op == Operation::sub || op == Operation::mul ||
                  op == Operation::fma)
      return arithmetic<op, std::uint64_t, Any>;
    return nullptr;
  }
  if (m.round != Round::rn)
    return arithmetic<op, float, Any>;
  if (m.ftz)
    return m.sat ? arithmetic<op, float, Any> : arithmetic<op, float, Fixed<Modifiers{.ftz = true}>>;
  return m.sat ? arithmetic<op, float, Fixed<Modifiers{.sat = true}>>
               : arithmetic<op, float, Fixed<Modifiers{}>>;
}

// ---- operations of bits ----

struct Selection {
  bool ftz, nan, xorsign_abs;
  explicit Selection(std::uint64_t flags)
      : ftz((flags >> 11 & 1) != 0), nan((flags >> 13 & 1) != 0), xorsign_abs((flags >> 14 & 1) != 0) {}
  MinMax min_max() const { return {.ftz = ftz, .nan = nan, .xorsign_abs = xorsign_abs}; }
};

template <Operation op, class T> EMU_INLINE T exact(T a, T b, T c, Selection s) {
  if constexpr (op == Operation::abs)
    return numeric::absolute(a, s.ftz);
  else if constexpr (op == Operation::neg)
    return numeric::negate(a, s.ftz);
  else if constexpr (op == Operation::min)
    return numeric::min(a, b, s.min_max());
  else if constexpr (op == Operation::max)
    return numeric::max(a, b, s.min_max());
  else if constexpr (op == Operation::copysign)
    return numeric::copysign(a, b);
  else if constexpr (op == Operation::min3)
    return numeric::min3(a, b, c, s.ftz, s.nan, s.xorsign_abs);
  else
    return numeric::max3(a, b, c, s.ftz, s.nan, s.xorsign_abs);
}

template <Operation op, class T> Flow exactly(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int n = op == Operation::abs || op == Operation::neg     ? 1
                    : op == Operation::min3 || op == Operation::max3 ? 3
                                                                     : 2;
  const Selection selection(instruction.flags);
  const T* a = lanes<T>(group.frame, instruction.slot[1]);
  const T* b = lanes<T>(group.frame, instruction.slot[n > 1 ? 2 : 1]);
  const T* c = lanes<T>(group.frame, instruction.slot[n > 2 ? 3 : 1]);
  each_lane(lanes<T>(group.frame, instruction.slot[0]), mask,
            [=](int i) { return exact<op>(a[i], b[i], c[i], selection); });
  return Flow::go;
}

template <Operation op> Execute choose_exact(const FloatChoice& choice) {
  if constexpr (op != Operation::min3 && op != Operation::max3)
    if (choice.width == FloatWidth::f64)
      return exactly<op, double>;
  return exactly<op, float>;
}

// ---- approximations ----

template <Operation op> EMU_INLINE float approximate(float a, float b, std::uint64_t seed, bool ftz) {
  switch (op) {
  case Operation::ex2:
    return numeric::approximate_ex2(a, seed, ftz);
  case Operation::lg2:
    return numeric::approximate_lg2(a, seed, ftz);
  case Operation::sin:
    return numeric::approximate_sin(a, seed, ftz);
  case Operation::cos:
    return numeric::approximate_cos(a, seed, ftz);
  case Operation::tanh:
    return numeric::approximate_tanh(a, seed);
  case Operation::rcp_approx:
    return numeric::approximate_rcp(a, seed, ftz);
  case Operation::rsqrt_approx:
    return numeric::approximate_rsqrt(a, seed, ftz);
  case Operation::sqrt_approx:
    return numeric::approximate_sqrt(a, seed, ftz);
  case Operation::div_approx:
    return numeric::approximate_div(a, b, seed, ftz);
  default:
    return numeric::approximate_div_full(a, b, seed, ftz);
  }
}

template <Operation op, bool ftz>
Flow approximately(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int n = op == Operation::div_approx || op == Operation::div_full ? 2 : 1;
  const std::uint64_t seed = approximation_seed(group);
  const float* a = lanes<float>(group.frame, instruction.slot[1]);
  const float* b = lanes<float>(group.frame, instruction.slot[n]);
  each_lane(lanes<float>(group.frame, instruction.slot[0]), mask,
            [=](int i) { return approximate<op>(a[i], b[i], seed, ftz); });
  return Flow::go;
}

// rcp.approx.ftz.f64 and rsqrt.approx{.ftz}.f64.
template <Operation op, bool ftz>
Flow approximately_f64(Group& group, const Instruction& instruction, Mask mask) {
  const std::uint64_t seed = approximation_seed(group);
  const double* a = lanes<double>(group.frame, instruction.slot[1]);
  each_lane(lanes<double>(group.frame, instruction.slot[0]), mask, [=](int i) {
    if constexpr (op == Operation::rcp_approx)
      return numeric::approximate_rcp(a[i], seed);
    else
      return ftz ? numeric::approximate_rsqrt_upper(a[i], seed) : numeric::approximate_rsqrt(a[i]);
  });
  return Flow::go;
}

template <Operation op> Execute choose_approximate(const FloatChoice& choice) {
  const bool ftz = choice.modifiers.ftz;
  if constexpr (op == Operation::rcp_approx || op == Operation::rsqrt_approx)
    if (choice.width == FloatWidth::f64)
      return ftz ? approximately_f64<op, true> : approximately_f64<op, false>;
  return ftz ? approximately<op, true> : approximately<op, false>;
}

// ---- comparisons ----

template <Compare op, class T, bool to_predicate>
Flow compare(Group& group, const Instruction& instruction, Mask mask) {
  const bool ftz = (instruction.flags >> 11 & 1) != 0;
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  const T* b = lanes<T>(group.frame, instruction.operand(2));
  const Mask holds = lanes_where(mask, [=](int i) { return numeric::compare(op, a[i], b[i], ftz); });
  if constexpr (to_predicate)
    set_predicates(group, instruction, mask, holds);
  else
    set_register(group, instruction, mask, holds);
  return Flow::go;
}

template <Compare op> Execute choose_width(const FloatChoice& choice) {
  const bool to_predicate = choice.operation == Operation::setp;
  if (choice.width == FloatWidth::f64)
    return to_predicate ? compare<op, double, true> : compare<op, double, false>;
  return to_predicate ? compare<op, float, true> : compare<op, float, false>;
}

Execute choose_comparison(const FloatChoice& choice) {
  switch (choice.compare) {
  case Compare::eq:
    return choose_width<Compare::eq>(choice);
  case Compare::ne:
    return choose_width<Compare::ne>(choice);
  case Compare::lt:
    return choose_width<Compare::lt>(choice);
  case Compare::le:
    return choose_width<Compare::le>(choice);
  case Compare::gt:
    return choose_width<Compare::gt>(choice);
  case Compare::ge:
    return choose_width<Compare::ge>(choice);
  case Compare::equ:
    return choose_width<Compare::equ>(choice);
  case Compare::neu:
    return choose_width<Compare::neu>(choice);
  case Compare::ltu:
    return choose_width<Compare::ltu>(choice);
  case Compare::leu:
    return choose_width<Compare::leu>(choice);
  case Compare::gtu:
    return choose_width<Compare::gtu>(choice);
  case Compare::geu:
    return choose_width<Compare::geu>(choice);
  case Compare::num:
    return choose_width<Compare::num>(choice);
  case Compare::nan:
    break;
  }
  return choose_width<Compare::nan>(choice);
}

template <class T> Flow test_property(Group& group, const Instruction& instruction, Mask mask) {
  const auto property = static_cast<TestProperty>(instruction.flags >> 16 & 7);
  const T* a = lanes<T>(group.frame, instruction.slot[1]);
  write_predicate(group, instruction.slot[0], mask,
                  lanes_where(mask, [=](int i) { return numeric::test(property, a[i]); }));
  return Flow::go;
}

} // namespace

Execute choose_float(const FloatChoice& choice) {
  switch (choice.operation) {
  case Operation::add:
    return choose_rounded<Operation::add>(choice);
  case Operation::sub:
    return choose_rounded<Operation::sub>(choice);
  case Operation::mul:
    return choose_rounded<Operation::mul>(choice);
  case Operation::fma:
    return choose_rounded<Operation::fma>(choice);
  case Operation::div:
    return choose_rounded<Operation::div>(choice);
  case Operation::rcp:
    return choose_rounded<Operation::rcp>(choice);
  case Operation::sqrt:
    return choose_rounded<Operation::sqrt>(choice);
  case Operation::abs:
    return choose_exact<Operation::abs>(choice);
  case Operation::neg:
    return choose_exact<Operation::neg>(choice);
  case Operation::min:
    return choose_exact<Operation::min>(choice);
  case Operation::max:
    return choose_exact<Operation::max>(choice);
  case Operation::min3:
    return choose_exact<Operation::min3>(choice);
  case Operation::max3:
    return choose_exact<Operation::max3>(choice);
  case Operation::copysign:
    return choose_exact<Operation::copysign>(choice);
  case Operation::testp:
    return choice.width == FloatWidth::f64 ? test_property<double> : test_property<float>;
  case Operation::ex2:
    return choose_approximate<Operation::ex2>(choice);
  case Operation::lg2:
    return choose_approximate<Operation::lg2>(choice);
  case Operation::sin:
    return choose_approximate<Operation::sin>(choice);
  case Operation::cos:
    return choose_approximate<Operation::cos>(choice);
  case Operation::tanh:
    return choose_approximate<Operation::tanh>(choice);
  case Operation::rcp_approx:
    return choose_approximate<Operation::rcp_approx>(choice);
  case Operation::rsqrt_approx:
    return choose_approximate<Operation::rsqrt_approx>(choice);
  case Operation::sqrt_approx:
    return choose_approximate<Operation::sqrt_approx>(choice);
  case Operation::div_approx:
    return choose_approximate<Operation::div_approx>(choice);
  case Operation::div_full:
    return choose_approximate<Operation::div_full>(choice);
  case Operation::setp:
  case Operation::set:
    break;
  }
  return choose_comparison(choice);
}

} // namespace EMU_HOST
} // namespace emu
