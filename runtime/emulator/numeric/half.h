// Arithmetic of f16 and bf16, each result rounded once to nearest even (PTX ISA 9.0, section 9.7.4).
//
//     std::uint16_t d = half_fma<BF16>(a, b, c, {.relu = true});                                  //
//     fma.rn.relu.bf16 std::uint32_t p = pairwise([](auto x, auto y) { return half_add<F16>(x, y); }, a, b);
//     // add.f16x2
#pragma once

#include "emulator/numeric/arithmetic.h"
#include "emulator/numeric/compare.h"

namespace emu::numeric {
inline namespace EMU_HOST {

template <class F> EMU_INLINE constexpr std::uint16_t half_flush_if(bool ftz, std::uint16_t x) {
  return static_cast<std::uint16_t>(ftz && (x & F::infinity) == 0 ? x & F::sign_bit : x);
}

template <class F> EMU_INLINE constexpr std::uint16_t half_modify(std::uint16_t x, Modifiers m) {
  constexpr std::uint16_t one = F::bias << F::mantissa_bits;
  x = half_flush_if<F>(m.ftz, x);
  if (m.relu)
    x = relu<F>(x);
  if (m.sat) // on encodings: negative values and NaN lie above those of positive ones
    x = static_cast<std::uint16_t>((x & F::sign_bit) != 0 || x > F::infinity ? 0 : x < one ? x : one);
  return x;
}

// Rounding a float that is itself rounded is innocuous for sums and products: float has more than twice the
// bits, and what lies near a tie of subnormal results is exact in it.
template <class F> EMU_INLINE std::uint16_t half_add(std::uint16_t a, std::uint16_t b, Modifiers m = {}) {
  float x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  return half_modify<F>(narrow<F>(x + y), m);
}
template <class F> EMU_INLINE std::uint16_t half_sub(std::uint16_t a, std::uint16_t b, Modifiers m = {}) {
  float x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  return half_modify<F>(narrow<F>(x - y), m);
}
template <class F> EMU_INLINE std::uint16_t half_mul(std::uint16_t a, std::uint16_t b, Modifiers m = {}) {
  float x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  return half_modify<F>(narrow<F>(x * y), m);
}
// Products are exact in double. Of f16, so is every sum that could lie near a tie; of bf16, whose range is
// wider, sums are taken to odd.
template <class F>
EMU_INLINE std::uint16_t half_fma(std::uint16_t a, std::uint16_t b, std::uint16_t c, Modifiers m = {}) {
  double x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  double z = widen<F>(half_flush_if<F>(m.ftz, c));
  if constexpr (F::exponent_bits == 5)
    return half_modify<F>(narrow<F>(x * y + z), m);
  else
    return half_modify<F>(narrow<F>(add_to_odd(x * y, z)), m);
}

template <class F> EMU_INLINE constexpr std::uint16_t half_neg(std::uint16_t a, bool ftz = false) {
  return half_flush_if<F>(ftz, static_cast<std::uint16_t>(a ^ F::sign_bit));
}
template <class F> EMU_INLINE constexpr std::uint16_t half_abs(std::uint16_t a, bool ftz = false) {
  return half_flush_if<F>(ftz, static_cast<std::uint16_t>(a & F::magnitude_mask));
}
template <class F> EMU_INLINE std::uint16_t half_min(std::uint16_t a, std::uint16_t b, MinMax m = {}) {
  float x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  return narrow<F>(min(x, y, {.nan = m.nan, .xorsign_abs = m.xorsign_abs}));
}
template <class F> EMU_INLINE std::uint16_t half_max(std::uint16_t a, std::uint16_t b, MinMax m = {}) {
  float x = widen<F>(half_flush_if<F>(m.ftz, a)), y = widen<F>(half_flush_if<F>(m.ftz, b));
  return narrow<F>(max(x, y, {.nan = m.nan, .xorsign_abs = m.xorsign_abs}));
}

// The two halves of a register, each by itself.
template <class Operation, class... Words>
EMU_INLINE std::uint32_t pairwise(Operation operation, Words... words) {
  std::uint32_t low = operation(static_cast<std::uint16_t>(words)...);
  std::uint32_t high = operation(static_cast<std::uint16_t>(words >> 16)...);
  return high << 16 | low;
}

} // namespace EMU_HOST
} // namespace emu::numeric
