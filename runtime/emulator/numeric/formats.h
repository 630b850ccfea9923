// Floating-point formats to and from float and double, with the rounding of cvt (PTX ISA 9.0,
// section 9.7.9.21).
//
//     F16::Bits h = narrow<F16>(x, Round::rz);                              // cvt.rz.f16.f32
//     E4M3::Bits e = narrow<E4M3>(x, Round::rn, Overflow::finite);          // cvt.rn.satfinite.e4m3x2.f32,
//     one half float f = widen<F16>(h);                                              // cvt.f32.f16
//
// All are branch-free: a loop over lanes becomes vector code. With constant modifiers they fold to a few
// operations.
#pragma once

#include "emulator/numeric/bits.h"

namespace emu::numeric {
inline namespace EMU_HOST {

// The value of an encoding, exact. NaN: canonical; of bf16 the payload stays, since hardware only shifts (the
// ISA leaves it open).
template <class F> EMU_INLINE constexpr float widen(std::uint32_t bits) {
  constexpr int shift = 23 - F::mantissa_bits;
  std::uint32_t sign = bits << (31 - F::exponent_bits - F::mantissa_bits) & 0x80000000u;
  std::uint32_t magnitude = (bits & F::magnitude_mask) << shift;
  if constexpr (F::exponent_bits == 8) {
    return as<float>(sign | magnitude);
  } else {
    constexpr std::uint32_t rebias = std::uint32_t{127 - F::bias} << 23;
    constexpr std::uint32_t smallest = rebias + (1u << 23); // the least normal value
    std::uint32_t normal = magnitude + rebias;
    std::uint32_t subnormal = bits_of(as<float>(magnitude + smallest) - as<float>(smallest));
    std::uint32_t value = magnitude < (1u << 23) ? subnormal : normal;
    if constexpr (F::specials == Specials::ieee)
      value = magnitude >= F::infinity << shift ? Layout<float>::infinity : value;
    std::uint32_t result = sign | value;
    if constexpr (F::specials == Specials::ieee)
      result = magnitude > F::infinity << shift ? Layout<float>::canonical_nan : result;
    if constexpr (F::specials == Specials::nan_only)
      result = magnitude == F::magnitude_mask << shift ? Layout<float>::canonical_nan : result;
    return as<float>(result);
  }
}

// What is cut off a significand: `kept` is the truncated encoding, `rest` the discarded bits, `half` half of
// the last place kept (2 * half is one unit of it).
template <class Bits> struct Cut {
  Bits kept, rest, half;
};

template <class Bits> EMU_INLINE constexpr Bits increment(Round mode, Cut<Bits> cut, bool negative) {
  switch (mode) {
  case Round::rn:
    return (cut.rest > cut.half) | ((cut.rest == cut.half) & (cut.kept & 1));
  case Round::rna:
    return cut.rest >= cut.half;
  case Round::rz:
    return 0;
  case Round::rm:
    return negative & (cut.rest != 0);
  case Round::rp:
    return !negative & (cut.rest != 0);
  }
  return 0;
}

// Whether a finite value beyond the range rounds to infinity, and not to the largest finite value.
EMU_INLINE constexpr bool overflows_to_infinity(Round mode, bool negative) {
  return mode == Round::rn || mode == Round::rna || (mode == Round::rm && negative) ||
         (mode == Round::rp && !negative);
}

// Bits that lie more than `furthest` below the last place kept count as if they lay there: not zero, below a
// half.
template <class F, class Float, int furthest = Layout<Float>::mantissa_bits + 2, class Bits = BitsOf<Float>>
EMU_INLINE constexpr Cut<Bits> cut(Bits magnitude) {
  using L = Layout<Float>;
  constexpr int dropped = L::mantissa_bits - F::mantissa_bits;
  if constexpr (F::bias == L::bias) {
    return {magnitude >> dropped, magnitude & ((Bits{1} << dropped) - 1), Bits{1} << (dropped - 1)};
  } else {
    Bits field = magnitude >> L::mantissa_bits;
    Bits significand = (magnitude & L::mantissa_mask) | (field != 0 ? Bits{L::mantissa_mask} + 1 : 0);
    // The exponent field of the result were it normal, as a signed number; subnormal results lose further
    // bits.
    using Signed = std::make_signed_t<Bits>;
    Signed exponent = static_cast<Signed>(field | (field == 0)) - (L::bias - F::bias);
    bool subnormal = exponent < 1;
    Signed below = dropped + 1 - exponent;
    Signed shift = subnormal ? (below < furthest ? below : furthest) : dropped;
    Bits base = subnormal ? 0 : static_cast<Bits>(exponent - 1) << F::mantissa_bits;
    return {base + (significand >> shift), significand & ((Bits{1} << shift) - 1), Bits{1} << (shift - 1)};
  }
}

// Puts the rounded magnitude into the format: overflow, infinity, NaN, sign.
template <class F, class Float>
EMU_INLINE constexpr F::Bits finish(Float x, BitsOf<Float> rounded, bool to_infinity, Overflow overflow) {
  using Bits = BitsOf<Float>;
  Bits magnitude = magnitude_bits(x);
  Bits beyond = F::max_finite;
  if constexpr (F::specials != Specials::none)
    if (overflow == Overflow::infinity) {
      to_infinity |= magnitude == Layout<Float>::infinity;
      beyond = to_infinity ? Bits{F::max_finite} + 1 : Bits{F::max_finite}; // + 1: infinity, or the only NaN
    }
  Bits result = rounded > F::max_finite ? beyond : rounded;
  result |= is_negative(x) ? Bits{F::sign_bit} : Bits{0};
  return static_cast<F::Bits>(magnitude > Layout<Float>::infinity ? Bits{F::canonical_nan} : result);
}

template <class F, class Float>
EMU_INLINE constexpr F::Bits narrow(Float x, Round mode = Round::rn, Overflow overflow = Overflow::infinity) {
  auto parts = cut<F, Float>(magnitude_bits(x));
  auto rounded = parts.kept + increment(mode, parts, is_negative(x));
  return finish<F>(x, rounded, overflows_to_infinity(mode, is_negative(x)), overflow);
}

// .rs: away from zero if adding the lowest `random_bits` bits of `random` to the discarded bits, both as
// fractions of the last place kept, carries out of them. For normal results of f16 and bf16 that is the
// integer addition of the ISA's text; for other formats and subnormal results, whose layout it gives only in
// figures, the fraction is the reading chosen.
template <class F>
EMU_INLINE constexpr F::Bits narrow_stochastic(float x, std::uint32_t random, int random_bits,
                                               Overflow overflow = Overflow::infinity) {
  auto parts = cut<F, float, 56>(std::uint64_t{magnitude_bits(x)}); // 32 bits below the least significant one
  unsigned __int128 unit = static_cast<unsigned __int128>(parts.half) << 1, rest = parts.rest;
  random &= (1u << random_bits) - 1;
  bool carry = (rest << random_bits) + random * unit >= unit << random_bits;
  return finish<F>(x, static_cast<std::uint32_t>(parts.kept + carry), true, overflow);
}

// .relu on an encoding that an operation of this library gave: negative becomes +0. (Its NaNs have no sign.)
template <class F> EMU_INLINE constexpr F::Bits relu(typename F::Bits x) {
  return static_cast<F::Bits>((x & F::sign_bit) != 0 ? 0 : x);
}

// A register of tf32: the format of float with the low 13 bits zero; NaN is 0x7fffffff.
EMU_INLINE constexpr std::uint32_t to_tf32(float x, Round mode, Overflow overflow = Overflow::infinity,
                                           bool with_relu = false) {
  std::uint32_t value = narrow<TF32>(x, mode, overflow) << 13;
  value = with_relu && (value >> 31) != 0 ? 0 : value;
  return is_nan(x) ? Layout<float>::canonical_nan : value;
}

// f64 to f32. The other way is a conversion of C++ and exact.
EMU_INLINE constexpr float to_f32(double x, Round mode = Round::rn) {
  if (mode == Round::rn)
    return canonical(static_cast<float>(x));
  return as<float>(narrow<F32>(x, mode));
}

// ue8m0, an exponent without sign: 2^(bits - 127), 0xff is NaN. cvt.rz and .rp only; the sign is ignored.
// What is at most 2^-127, zero included, becomes 2^-127.
EMU_INLINE constexpr std::uint8_t to_ue8m0(float x, Round mode, Overflow overflow = Overflow::infinity) {
  std::uint32_t magnitude = magnitude_bits(x), exponent = magnitude >> 23;
  bool up = mode == Round::rp && (magnitude & 0x7fffffu) != 0 && magnitude > 0x400000u &&
            magnitude < Layout<float>::infinity;
  exponent += up ? 1 : 0;
  bool nan = magnitude > Layout<float>::infinity;
  return static_cast<std::uint8_t>(!nan && overflow == Overflow::finite && exponent == 0xff ? 0xfe
                                                                                            : exponent);
}
EMU_INLINE constexpr std::uint16_t ue8m0_to_bf16(std::uint8_t x) { // cvt.rn.bf16x2.ue8m0x2
  return static_cast<std::uint16_t>(x == 0xff ? BF16::canonical_nan : x == 0 ? 0x40u : std::uint32_t{x} << 7);
}

} // namespace EMU_HOST
} // namespace emu::numeric
