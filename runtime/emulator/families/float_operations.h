// Arithmetic of f32 and f64 as semantic functions, compiled for each level of the host (numeric/host.h): the
// table of the family (float.cpp) chooses by what is asked for.
#pragma once

#include "emulator/isa/instruction.h"
#include "emulator/numeric/types.h"

namespace emu {

enum class FloatOperation : std::uint8_t {
  // clang-format off
  add, sub, mul, fma, div, rcp, sqrt,                                          // rounded
  abs, neg, min, max, min3, max3, copysign, testp,                             // exact
  ex2, lg2, sin, cos, tanh, rcp_approx, rsqrt_approx, sqrt_approx, div_approx, div_full, // approximate
  setp, set,
  // clang-format on
};

enum class FloatWidth : std::uint8_t { f32, f64, f32x2 };

/// What an instruction asks for.
struct FloatChoice {
  FloatOperation operation = FloatOperation::add;
  FloatWidth width = FloatWidth::f32;
  numeric::Modifiers modifiers = {};
  numeric::MinMax min_max = {};
  numeric::Compare compare = numeric::Compare::eq;
  numeric::TestProperty property = numeric::TestProperty::finite;
};

/// The modifiers as Instruction::flags, for the functions that are not made for one set of them. The lowest
/// three bits are those of comparisons (compare.h).
std::uint64_t flags_of(const FloatChoice& choice);

} // namespace emu
