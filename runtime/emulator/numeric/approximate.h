// The approximate instructions: values within the error bound of PTX ISA 9.0 (sections 9.7.3 and 9.7.4),
// chosen by seed.
//
// Seed 0 gives the value nearest to the exact one. Any other seed moves the exact value by a pseudo-random
// part of what the bound leaves after rounding, a function of seed and operands only: the same operation on
// the same operands gives the same value in a run, as hardware does, and a program that needs more accuracy
// than the ISA grants fails for some seed. Special operands (zeros, infinities, NaN) give exactly what the
// tables of the ISA say, which is also the limit of the function there. For operands outside of a stated
// range the ISA promises nothing; chosen is the wider bound that it states, and for sin and cos beyond 2^20
// only a value in [-1, 1].
#pragma once

#include "emulator/numeric/elementary.h"
#include "emulator/numeric/half.h"

namespace emu::numeric {
inline namespace EMU_HOST {

// In [-1, 1], zero for seed 0.
EMU_INLINE double jitter(std::uint32_t operand, std::uint64_t seed) {
  std::uint32_t low = static_cast<std::uint32_t>(seed), high = static_cast<std::uint32_t>(seed >> 32);
  std::uint32_t h = (operand ^ low) * 0x9e3779b1u + high;
  h = (h ^ h >> 15) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  h ^= h >> 16;
  return seed == 0 ? 0.0 : static_cast<double>(static_cast<std::int32_t>(h)) * 0x1p-31;
}
EMU_INLINE std::uint32_t mix(std::uint32_t a, std::uint32_t b) { return a ^ (b * 0x2545f491u + 0x9e3779b9u); }

// One unit of the last place of a float of y's magnitude.
EMU_INLINE double unit_of_float(double y) {
  double unit = as<double>(bits_of(y) & Layout<double>::infinity) * 0x1p-23;
  return unit > 0x1p-149 ? unit : 0x1p-149;
}

// The exact value moved by at most `bound`, as a float. Zeros, infinities and NaN stay.
EMU_INLINE float perturbed(double exact, double bound, double jitter) {
  double moved = exact + bound * jitter;
  bool regular = size_of(exact) > 0 && size_of(exact) < infinity<double>();
  return canonical(static_cast<float>(regular ? moved : exact));
}

// ex2.approx{.ftz}.f32: 2 ulp from the correctly rounded result; that of an integer is exact, on which
// NVIDIA's erf of double relies.
EMU_INLINE float approximate_ex2(float x, std::uint64_t seed, bool ftz = false) {
  float a = flush_if(ftz, x);
  double limited = a > -200.0f ? a : -200.0; // also NaN
  double exact = elementary::exp2(limited < 200.0 ? limited : 200.0);
  double bound = __builtin_truncf(a) == a ? 0.0 : 1.5 * unit_of_float(exact);
  float near = perturbed(exact, bound, jitter(bits_of(a), seed));
  near = a == 0 ? 1.0f : a > 128.0f ? infinity<float>() : near; // also +inf
  near = a < -160.0f || near < 0 ? 0.0f : near;
  return a != a ? canonical_nan<float>() : flush_if(ftz, near);
}

// lg2.approx{.ftz}.f32: absolute error 2^-22 in (0.5, 2), elsewhere that relative error.
EMU_INLINE float approximate_lg2(float x, std::uint64_t seed, bool ftz = false) {
  float a = flush_if(ftz, x);
  bool regular = a > 0 && a < infinity<float>();
  double exact = elementary::log2(regular ? a : 1.0);
  // Rounding takes up to 2^-24 of the result.
  double slack = size_of(exact) * (0x1p-22 - 0x1p-24);
  double bound = a > 0.5f && a < 2.0f ? 0x1p-22 - 0x1p-24 : slack;
  float near = perturbed(exact, bound, jitter(bits_of(a), seed));
  float special = a == 0 ? -infinity<float>() : a > 0 ? infinity<float>() : canonical_nan<float>();
  return flush_if(ftz, regular ? near : special);
}

// rcp.approx{.ftz}.f32: 1 ulp.
EMU_INLINE float approximate_rcp(float x, std::uint64_t seed, bool ftz = false) {
  float a = flush_if(ftz, x);
  double exact = 1.0 / static_cast<double>(a);
  return flush_if(ftz, perturbed(exact, 0.5 * unit_of_float(exact), jitter(bits_of(a), seed)));
}

// sqrt.approx{.ftz}.f32: relative error 2^-23.
EMU_INLINE float approximate_sqrt(float x, std::uint64_t seed, bool ftz = false) {
  float a = flush_if(ftz, x);
  double exact = __builtin_sqrt(static_cast<double>(a));
  return flush_if(ftz, perturbed(exact, exact * (0x1p-23 - 0x1p-24), jitter(bits_of(a), seed)));
}

// rsqrt.approx{.ftz}.f32: relative error 2^-22.9.
EMU_INLINE float approximate_rsqrt(float x, std::uint64_t seed, bool ftz = false) {
  constexpr double bound = 0x1.125fbee25p-23 - 0x1p-24; // 2^-22.9 less what rounding takes
  float a = flush_if(ftz, x);
  double exact = 1.0 / __builtin_sqrt(static_cast<double>(a)); // -0: -inf
  return flush_if(ftz, perturbed(exact, exact * bound, jitter(bits_of(a), seed)));
}

// div.full{.ftz}.f32: 2 ulp.
EMU_INLINE float approximate_div_full(float x, float y, std::uint64_t seed, bool ftz = false) {
  float a = flush_if(ftz, x), b = flush_if(ftz, y);
  double exact = static_cast<double>(a) / static_cast<double>(b);
  double bound = 1.5 * unit_of_float(exact);
  return flush_if(ftz, perturbed(exact, bound, jitter(mix(bits_of(a), bits_of(b)), seed)));
}

// div.approx{.ftz}.f32: 2 ulp for |b| in [2^-126, 2^126]; above, zero, or NaN for an infinite a.
EMU_INLINE float approximate_div(float x, float y, std::uint64_t seed, bool ftz = false) {
  float near = approximate_div_full(x, y, seed, ftz);
  bool large = magnitude_bits(y) > bits_of(0x1p126f) && magnitude_bits(y) < Layout<float>::infinity;
  float zero = as<float>((bits_of(x) ^ bits_of(y)) & Layout<float>::sign);
  bool number = magnitude_bits(x) < Layout<float>::infinity;
  return large ? (number ? zero : canonical_nan<float>()) : near;
}

// sin.approx{.ftz}.f32 and cos.approx: absolute error 2^-20.5 within [-2 pi, 2 pi], 2^-14.7 within 100 pi.
EMU_INLINE float approximate_sine(float a, unsigned quarters, std::uint64_t seed, bool ftz) {
  a = flush_if(ftz, a);
  double size = size_of(a);
  double exact = elementary::sine(size < infinity<double>() ? a : 0.0, quarters);
  double bound = size <= 0x1.921fb54442d18p+2 ? 0x1.6a09e667f3p-21 : 0x1.3b2c47bff8p-15;
  float near = perturbed(exact, bound - 0x1p-25, jitter(mix(bits_of(a), quarters), seed));
  near = near > 1.0f ? 1.0f : near < -1.0f ? -1.0f : near;
  near = a == 0 ? (quarters == 0 ? a : 1.0f) : near;
  return size < infinity<double>() ? flush_if(ftz, near) : canonical_nan<float>();
}
EMU_INLINE float approximate_sin(float x, std::uint64_t seed, bool ftz = false) {
  return approximate_sine(x, 0, seed, ftz);
}
EMU_INLINE float approximate_cos(float x, std::uint64_t seed, bool ftz = false) {
  return approximate_sine(x, 1, seed, ftz);
}

// tanh.approx.f32: relative error 2^-11; subnormals pass through. No result lies outside of [-1, 1].
EMU_INLINE float approximate_tanh(float x, std::uint64_t seed) {
  double exact = elementary::tanh(x);
  bool infinite = size_of(x) == infinity<double>();
  float near = perturbed(exact, infinite ? 0.0 : exact * (0x1p-11 - 0x1p-23), jitter(bits_of(x), seed));
  near = near > 1.0f ? 1.0f : near < -1.0f ? -1.0f : near;
  near = flush(x) == 0 ? x : near;
  return x != x ? canonical_nan<float>() : near;
}

// ex2.approx.f16: relative error 2^-9.9 (subnormal results: nearest). ex2.approx.ftz.bf16: 2^-7, ftz.
template <class F> EMU_INLINE std::uint16_t approximate_half_ex2(std::uint16_t x, std::uint64_t seed) {
  constexpr bool is_f16 = F::exponent_bits == 5;
  constexpr double rounding = is_f16 ? 0x1p-11 : 0x1p-8;
  constexpr double bound = (is_f16 ? 0x1.125fbee25p-10 : 0x1p-7) - rounding;
  float a = widen<F>(half_flush_if<F>(!is_f16, x));
  double limited = a > -200.0f ? a : -200.0;
  double exact = elementary::exp2(limited < 200.0 ? limited : 200.0);
  double scaled = exact * (1.0 + (exact < 0x1p-14 && is_f16 ? 0.0 : bound * jitter(x, seed)));
  std::uint16_t near = narrow<F>(scaled);
  near = a > 128.0f ? F::infinity : near;
  near = a == 0 ? std::uint16_t{F::bias << F::mantissa_bits} : near;
  return a != a ? std::uint16_t{F::canonical_nan} : half_flush_if<F>(!is_f16, near);
}

// tanh.approx: absolute error 2^-10.987 (f16), 2^-8 (bf16). No result has the other sign or lies outside of
// [-1, 1].
template <class F> EMU_INLINE std::uint16_t approximate_half_tanh(std::uint16_t x, std::uint64_t seed) {
  constexpr bool is_f16 = F::exponent_bits == 5;
  constexpr double bound = is_f16 ? 0x1.0251353756p-11 - 0x1p-12 : 0x1p-8 - 0x1p-9;
  float a = widen<F>(x);
  double exact = elementary::tanh(a), part = 0.5 * size_of(exact);
  double moved = exact + (part < bound ? part : bound) * jitter(x, seed);
  moved = moved > 1.0 ? 1.0 : moved < -1.0 ? -1.0 : moved;
  std::uint16_t near = narrow<F>(moved);
  bool passes = (x & F::magnitude_mask) < 1u << F::mantissa_bits; // zeros and subnormals
  return a != a ? std::uint16_t{F::canonical_nan} : passes ? x : near;
}

// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64: of the upper word of the operand, into the upper word of the
// result. The ISA states no bound ("gross"); chosen is one unit of the 20 bits of mantissa that the upper
// word holds.
EMU_INLINE double approximate_upper(double exact, std::uint32_t operand, std::uint64_t seed) {
  constexpr std::uint64_t upper = 0xffffffff00000000u;
  double moved = exact * (1.0 + 0x1p-22 * jitter(operand, seed));
  std::uint64_t bits = bits_of(magnitude_bits(exact) < Layout<double>::infinity ? moved : exact);
  double near = flush(as<double>((bits + 0x80000000u) & upper)); // to the nearest
  return exact != exact ? as<double>(std::uint64_t{0x7fffffff00000000}) : near;
}
EMU_INLINE double approximate_rcp(double x, std::uint64_t seed) {
  double a = flush(as<double>(bits_of(x) & 0xffffffff00000000u));
  a = x != x ? x : a; // a payload in the lower word
  return approximate_upper(1.0 / a, static_cast<std::uint32_t>(bits_of(x) >> 32), seed);
}
EMU_INLINE double approximate_rsqrt_upper(double x, std::uint64_t seed) {
  double a = flush(as<double>(bits_of(x) & 0xffffffff00000000u));
  a = x != x ? x : a;
  return approximate_upper(1.0 / __builtin_sqrt(a), static_cast<std::uint32_t>(bits_of(x) >> 32), seed);
}
// rsqrt.approx.f64, whose error the ISA does not state: two roundings.
EMU_INLINE double approximate_rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }

} // namespace EMU_HOST
} // namespace emu::numeric
