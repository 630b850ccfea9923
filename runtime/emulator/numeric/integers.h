// cvt between integers and floating point, and rounding to integral values (PTX ISA 9.0, section 9.7.9.21).
#pragma once

#include "emulator/numeric/formats.h"

#include <limits>

namespace emu::numeric {
inline namespace EMU_HOST {

// cvt.rni.f32.f32 and the like: the integral value as a float. Keeps the sign of zero.
template <class Float> EMU_INLINE Float round_integral(Float x, Round mode) {
  Float result = x;
  if constexpr (sizeof(Float) == 4) {
    result = mode == Round::rn   ? __builtin_rintf(x)
             : mode == Round::rz ? __builtin_truncf(x)
             : mode == Round::rm ? __builtin_floorf(x)
                                 : __builtin_ceilf(x);
    return canonical(result);
  } else {
    return mode == Round::rn   ? __builtin_rint(x)
           : mode == Round::rz ? __builtin_trunc(x)
           : mode == Round::rm ? __builtin_floor(x)
                               : __builtin_ceil(x);
  }
}

// Float to integer: rounded, then clamped to the range of Int. NaN gives 0 if the source is not f64 and Int
// has at most 32 bits, else 1 << (bits - 1). For f16 and bf16 pass the widened value; for integers of 8 and
// 16 bits, too.
template <class Int, class Float> EMU_INLINE Int to_integer(Float x, Round mode) {
  using Limits = std::numeric_limits<Int>;
  constexpr int bits = 8 * sizeof(Int);
  constexpr bool zero_for_nan = sizeof(Float) == 4 && bits <= 32;
  constexpr Int for_nan = zero_for_nan ? Int{0} : static_cast<Int>(std::uint64_t{1} << (bits - 1));
  constexpr Float lowest = static_cast<Float>(Limits::min()); // exact: zero or a power of two
  constexpr Int half = Limits::max() / 2 + 1;
  constexpr Float end = 2 * static_cast<Float>(half); // one past the largest
  Float integral = round_integral(x, mode);
  bool inside = integral >= lowest && integral < end;
  Int value = static_cast<Int>(inside ? integral : Float{0});
  Int outside = integral >= end ? Limits::max() : integral < lowest ? Limits::min() : for_nan;
  return inside ? value : outside;
}

// |x| without the undefined negation of the least integer.
template <class Int> EMU_INLINE constexpr std::uint64_t magnitude_of(Int x) {
  auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  if constexpr (std::numeric_limits<Int>::is_signed)
    return x < 0 ? 0 - wide : wide;
  else
    return static_cast<std::uint64_t>(x);
}

// An integer as a double that rounds as the integer does, to any format of at most 40 bits of significand:
// exact up to 53 bits, beyond with the bits below replaced by a sticky one.
template <class Int> EMU_INLINE constexpr double sticky_double(Int x) {
  if constexpr (sizeof(Int) <= 4) {
    return static_cast<double>(x);
  } else {
    std::uint64_t magnitude = magnitude_of(x);
    std::uint64_t sticky = (magnitude & ~std::uint64_t{0x7ff}) | ((magnitude & 0x7ff) != 0 ? 0x800u : 0u);
    auto value = static_cast<double>(magnitude < (std::uint64_t{1} << 53) ? magnitude : sticky);
    return x < Int{0} ? -value : value;
  }
}

// cvt.rnd.f16.s32 and the like: rounded once.
template <class F, class Int> EMU_INLINE constexpr F::Bits from_integer(Int x, Round mode) {
  return narrow<F>(sticky_double(x), mode);
}
template <class Int> EMU_INLINE constexpr float integer_to_f32(Int x, Round mode) {
  if (mode == Round::rn)
    return static_cast<float>(x);
  return as<float>(narrow<F32>(sticky_double(x), mode));
}
template <class Int> EMU_INLINE constexpr double integer_to_f64(Int x, Round mode) {
  auto nearest = static_cast<double>(x);
  if constexpr (sizeof(Int) == 8) {
    if (mode == Round::rn)
      return nearest;
    // Compare in integers what the nearest double made of x; 2^64 itself does not fit in one.
    std::uint64_t magnitude = magnitude_of(x);
    double size = nearest < 0 ? -nearest : nearest;
    bool whole = size >= 0x1p64;
    std::uint64_t back = static_cast<std::uint64_t>(whole ? 0.0 : size);
    bool above = whole || back > magnitude, below = !whole && back < magnitude; // in magnitude
    bool negative = nearest < 0;
    bool outward = (mode == Round::rm && negative) || (mode == Round::rp && !negative);
    std::uint64_t bits = bits_of(nearest);
    return as<double>(bits + (outward && below) - (!outward && above));
  }
  return nearest;
}

// .sat for integers: clamped to the range of To.
template <class To, class From> EMU_INLINE constexpr To saturate_integer(From x) {
  using Limits = std::numeric_limits<To>;
  using Wide = __int128;
  Wide value = x;
  value = value < Limits::min() ? Wide{Limits::min()} : value;
  return static_cast<To>(value > Limits::max() ? Wide{Limits::max()} : value);
}

} // namespace EMU_HOST
} // namespace emu::numeric
