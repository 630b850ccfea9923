// Comparisons (setp, set), testp, min and max of f32, f64 and 16-bit floats (PTX
// ISA 9.0, 9.3.1.2, 9.7.3, 9.7.4).
#pragma once

#include "emulator/numeric/bits.h"

namespace emu::numeric {
inline namespace EMU_HOST {

// 16-bit floats are compared as the floats they widen to.
template <class Float> EMU_INLINE constexpr bool compare(Compare op, Float a, Float b, bool ftz = false) {
  a = flush_if(ftz, a), b = flush_if(ftz, b);
  bool unordered = a != a || b != b;
  switch (op) {
  case Compare::eq:
    return a == b;
  case Compare::ne:
    return a < b || a > b;
  case Compare::lt:
    return a < b;
  case Compare::le:
    return a <= b;
  case Compare::gt:
    return a > b;
  case Compare::ge:
    return a >= b;
  case Compare::equ:
    return a == b || unordered;
  case Compare::neu:
    return a != b;
  case Compare::ltu:
    return a < b || unordered;
  case Compare::leu:
    return a <= b || unordered;
  case Compare::gtu:
    return a > b || unordered;
  case Compare::geu:
    return a >= b || unordered;
  case Compare::num:
    return !unordered;
  case Compare::nan:
    return unordered;
  }
  return false;
}

// Zeros count as normal.
template <class Float> EMU_INLINE constexpr bool test(TestProperty property, Float x) {
  auto magnitude = magnitude_bits(x);
  constexpr auto infinite = Layout<Float>::infinity;
  bool subnormal = magnitude != 0 && magnitude <= Layout<Float>::mantissa_mask;
  switch (property) {
  case TestProperty::finite:
    return magnitude < infinite;
  case TestProperty::infinite:
    return magnitude == infinite;
  case TestProperty::number:
    return magnitude <= infinite;
  case TestProperty::notanumber:
    return magnitude > infinite;
  case TestProperty::normal:
    return magnitude < infinite && !subnormal;
  case TestProperty::subnormal:
    return subnormal;
  }
  return false;
}

// One of two: -0 < +0; a NaN loses against a number unless `propagate`. Two NaNs give the canonical one.
template <class Float> EMU_INLINE constexpr Float smaller(Float a, Float b, bool propagate) {
  auto zeros = as<Float>(bits_of(a) | bits_of(b)); // of equal values: -0 if one of them is
  Float number = a < b ? a : a == b ? zeros : b;
  bool a_nan = a != a, b_nan = b != b;
  Float with_nan = propagate || (a_nan && b_nan) ? canonical_nan<Float>() : a_nan ? b : a;
  return a_nan || b_nan ? with_nan : number;
}
template <class Float> EMU_INLINE constexpr Float larger(Float a, Float b, bool propagate) {
  auto zeros = as<Float>(bits_of(a) & bits_of(b));
  Float number = a > b ? a : a == b ? zeros : b;
  bool a_nan = a != a, b_nan = b != b;
  Float with_nan = propagate || (a_nan && b_nan) ? canonical_nan<Float>() : a_nan ? b : a;
  return a_nan || b_nan ? with_nan : number;
}

template <bool Max, class Float> EMU_INLINE constexpr Float extremum(Float a, Float b, bool propagate) {
  return Max ? larger(a, b, propagate) : smaller(a, b, propagate);
}

template <bool Max, class Float> EMU_INLINE constexpr Float select(Float a, Float b, MinMax m) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b);
  auto sign = (bits_of(a) ^ bits_of(b)) & Layout<Float>::sign;
  if (m.xorsign_abs)
    a = absolute(a), b = absolute(b);
  Float result = extremum<Max>(a, b, m.nan);
  if (m.xorsign_abs)
    result = result == result ? as<Float>(magnitude_bits(result) | sign) : result;
  return result;
}
template <class Float> EMU_INLINE constexpr Float min(Float a, Float b, MinMax m = {}) {
  return select<false>(a, b, m);
}
template <class Float> EMU_INLINE constexpr Float max(Float a, Float b, MinMax m = {}) {
  return select<true>(a, b, m);
}

// Three operands (.f32, PTX ISA 8.8): `abs` of all of them; .xorsign does not apply.
template <bool Max>
EMU_INLINE constexpr float select3(float a, float b, float c, bool ftz, bool nan, bool abs) {
  a = flush_if(ftz, a), b = flush_if(ftz, b), c = flush_if(ftz, c);
  if (abs)
    a = absolute(a), b = absolute(b), c = absolute(c);
  return extremum<Max>(extremum<Max>(a, b, nan), c, nan);
}
EMU_INLINE constexpr float min3(float a, float b, float c, bool ftz = false, bool nan = false,
                                bool abs = false) {
  return select3<false>(a, b, c, ftz, nan, abs);
}
EMU_INLINE constexpr float max3(float a, float b, float c, bool ftz = false, bool nan = false,
                                bool abs = false) {
  return select3<true>(a, b, c, ftz, nan, abs);
}

} // namespace EMU_HOST
} // namespace emu::numeric
