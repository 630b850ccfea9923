// f32 and f64 arithmetic with the rounding modes of PTX (ISA 9.0, section 9.7.3), without touching the host's
// mode for f32: what is not .rn is computed in double to an odd last bit, which rounds to float as the exact
// value does.
//
//     float d = fma(a, b, c, {.round = Round::rz, .ftz = true});      // fma.rz.ftz.f32
//     double e = add(x, y, Round::rm);                                // add.rm.f64
#pragma once

#include "emulator/numeric/directed.h"
#include "emulator/numeric/formats.h"

namespace emu::numeric {
inline namespace EMU_HOST {

// The sum to odd: where `sum + error` is not `sum`, the neighbour of the exact value whose last bit is one.
EMU_INLINE double to_odd(double sum, double error) {
  std::uint64_t bits = bits_of(sum);
  bool inexact = error > 0 || error < 0; // not for NaN, which follows from infinities
  bool outward = (error > 0) == (sum > 0);
  return inexact && (bits & 1) == 0 ? as<double>(outward ? bits + 1 : bits - 1) : sum;
}

// a + b to odd. (Sums and products of floats neither overflow nor underflow in double.)
EMU_INLINE double add_to_odd(double a, double b) {
  double sum = a + b;
  double a_part = sum - b, b_part = sum - a_part;
  return to_odd(sum, (a - a_part) + (b - b_part));
}

EMU_INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
EMU_INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

// A sum that is exactly zero is -0 in .rm unless both terms are positive zeros.
EMU_INLINE float directed_sum(double a, double b, Round mode) {
  double sum = add_to_odd(a, b);
  if (mode == Round::rm)
    sum = sum == 0 && (is_negative(a) || is_negative(b)) ? -0.0 : sum;
  return as<float>(narrow<F32>(sum, mode));
}

EMU_INLINE float modify(float x, Modifiers m) {
  float result = flush_if(m.ftz, canonical(x));
  return m.sat ? saturate(result) : result;
}

EMU_INLINE float add(float a, float b, Modifiers m = {}) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b);
  return modify(m.round == Round::rn ? a + b : directed_sum(a, b, m.round), m);
}
EMU_INLINE float sub(float a, float b, Modifiers m = {}) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b);
  return modify(m.round == Round::rn ? a - b : directed_sum(a, -static_cast<double>(b), m.round), m);
}
EMU_INLINE float mul(float a, float b, Modifiers m = {}) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b);
  if (m.round == Round::rn)
    return modify(a * b, m);
  return modify(as<float>(narrow<F32>(static_cast<double>(a) * b, m.round)), m);
}
EMU_INLINE float fma(float a, float b, float c, Modifiers m = {}) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b), c = flush_if(m.ftz, c);
  if (m.round == Round::rn)
    return modify(fused(a, b, c), m);
  return modify(directed_sum(static_cast<double>(a) * b, c, m.round), m);
}
EMU_INLINE float div(float a, float b, Modifiers m = {}) {
  a = flush_if(m.ftz, a), b = flush_if(m.ftz, b);
  if (m.round == Round::rn)
    return modify(a / b, m);
  double quotient = static_cast<double>(a) / b;
  double remainder = fused(-quotient, static_cast<double>(b), static_cast<double>(a)); // exact
  double odd = to_odd(quotient, b < 0 ? -remainder : remainder);
  return modify(as<float>(narrow<F32>(odd, m.round)), m);
}
EMU_INLINE float rcp(float a, Modifiers m = {}) { return div(1.0f, a, m); }
EMU_INLINE float sqrt(float a, Modifiers m = {}) {
  a = flush_if(m.ftz, a);
  if (m.round == Round::rn)
    return modify(__builtin_sqrtf(a), m);
  double root = __builtin_sqrt(static_cast<double>(a));
  double odd = to_odd(root, fused(-root, root, static_cast<double>(a)));
  return modify(as<float>(narrow<F32>(odd, m.round)), m);
}

// Double precision: NaNs keep the payload of the first NaN operand. What is not .rn sets the host's mode
// (directed.h).
EMU_INLINE double add(double a, double b, Round mode = Round::rn) {
  return mode == Round::rn ? a + b : directed::add(a, b, mode);
}
EMU_INLINE double sub(double a, double b, Round mode = Round::rn) {
  return mode == Round::rn ? a - b : directed::sub(a, b, mode);
}
EMU_INLINE double mul(double a, double b, Round mode = Round::rn) {
  return mode == Round::rn ? a * b : directed::mul(a, b, mode);
}
EMU_INLINE double fma(double a, double b, double c, Round mode = Round::rn) {
  return mode == Round::rn ? fused(a, b, c) : directed::fma(a, b, c, mode);
}
EMU_INLINE double div(double a, double b, Round mode = Round::rn) {
  return mode == Round::rn ? a / b : directed::div(a, b, mode);
}
EMU_INLINE double rcp(double a, Round mode = Round::rn) { return div(1.0, a, mode); }
EMU_INLINE double sqrt(double a, Round mode = Round::rn) {
  return mode == Round::rn ? __builtin_sqrt(a) : directed::sqrt(a, mode);
}

} // namespace EMU_HOST
} // namespace emu::numeric
