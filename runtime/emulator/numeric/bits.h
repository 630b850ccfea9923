// The bits of floating-point values: reinterpretation, canonical NaN, flushing, clamping.
//
// NaN: the ISA leaves the NaN of single-precision results open ("unspecified NaN") except where it says
// canonical; chosen here is what hardware gives, 0x7fffffff (CUDA programming guide, floating-point
// standard). Double precision keeps payloads, and an invalid operation gives the NaN of the host,
// 0xfff8000000000000, which is also the GPU's.
#pragma once

#include "emulator/numeric/host.h"
#include "emulator/numeric/types.h"

#include <cstdint>
#include <type_traits>

namespace emu::numeric {
inline namespace EMU_HOST {

// std::bit_cast is a function of its own in unoptimised builds; see the rules of host.h.
template <class To, class From> EMU_INLINE constexpr To as(From x) { return __builtin_bit_cast(To, x); }

template <class Float> using BitsOf = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;

// Of float and double: the layout of their bits.
template <class Float> struct Layout {
  using Bits = BitsOf<Float>;
  static constexpr int width = 8 * sizeof(Float), mantissa_bits = width == 32 ? 23 : 52;
  static constexpr int bias = width == 32 ? 127 : 1023;
  static constexpr Bits sign = Bits{1} << (width - 1), mantissa_mask = (Bits{1} << mantissa_bits) - 1;
  static constexpr Bits infinity = ~sign & ~mantissa_mask, canonical_nan = ~sign;
};

EMU_INLINE constexpr std::uint32_t bits_of(float x) { return as<std::uint32_t>(x); }
EMU_INLINE constexpr std::uint64_t bits_of(double x) { return as<std::uint64_t>(x); }
template <class Float> EMU_INLINE constexpr BitsOf<Float> magnitude_bits(Float x) {
  return bits_of(x) & ~Layout<Float>::sign;
}
template <class Float> EMU_INLINE constexpr bool is_nan(Float x) {
  return magnitude_bits(x) > Layout<Float>::infinity;
}
template <class Float> EMU_INLINE constexpr bool is_negative(Float x) {
  return (bits_of(x) & Layout<Float>::sign) != 0;
}
template <class Float> EMU_INLINE constexpr Float canonical_nan() {
  return as<Float>(Layout<Float>::canonical_nan);
}
template <class Float> EMU_INLINE constexpr Float infinity() { return as<Float>(Layout<Float>::infinity); }

EMU_INLINE constexpr double size_of(double x) { return as<double>(magnitude_bits(x)); }

EMU_INLINE constexpr float canonical(float x) { return x == x ? x : canonical_nan<float>(); }

// .ftz: a subnormal value becomes a zero of its sign.
template <class Float> EMU_INLINE constexpr Float flush(Float x) {
  auto bits = bits_of(x);
  return (bits & Layout<Float>::infinity) == 0 ? as<Float>(bits & Layout<Float>::sign) : x;
}
template <class Float> EMU_INLINE constexpr Float flush_if(bool ftz, Float x) { return ftz ? flush(x) : x; }

// .sat: clamped to [+0, 1]; NaN and -0 become +0.
template <class Float> EMU_INLINE constexpr Float saturate(Float x) {
  Float positive = x > 0 ? x : Float{0};
  return positive < 1 ? positive : Float{1};
}

// copysign.type d, a, b: the sign of a on the value of b.
template <class Float> EMU_INLINE constexpr Float copysign(Float a, Float b) {
  return as<Float>((bits_of(a) & Layout<Float>::sign) | magnitude_bits(b));
}

// neg and abs act on the sign alone. The ISA leaves open what they make of a NaN.
template <class Float> EMU_INLINE constexpr Float negate(Float x, bool ftz = false) {
  return flush_if(ftz, as<Float>(bits_of(x) ^ Layout<Float>::sign));
}
template <class Float> EMU_INLINE constexpr Float absolute(Float x, bool ftz = false) {
  return flush_if(ftz, as<Float>(magnitude_bits(x)));
}

} // namespace EMU_HOST
} // namespace emu::numeric
