// Conversions as semantic functions, compiled for each level of the host (numeric/host.h).
#pragma once

#include "emulator/isa/instruction.h"
#include "emulator/numeric/types.h"

namespace emu {

/// What a register holds for cvt; of packed types one element.
enum class Number : std::uint8_t {
  s8,
  u8,
  s16,
  u16,
  s32,
  u32,
  s64,
  u64,
  f16,
  bf16,
  f32,
  f64,
  tf32,
  e4m3,
  e5m2,
  e2m1,
  e2m3,
  e3m2,
  ue8m0
};

struct ConvertOptions {
  numeric::Round round = numeric::Round::rn;
  numeric::Overflow overflow = numeric::Overflow::infinity;
  bool integral = false; ///< .rni and its like: to an integral value
  bool ftz = false, sat = false, relu = false;
  bool stochastic = false; ///< .rs: random bits are the last operand
};

struct ConvertChoice {
  Number to = Number::f32, from = Number::f32;
  bool packed = false; ///< two elements in the result
  ConvertOptions options = {};
};

std::uint64_t flags_of(const ConvertOptions& options);
ConvertOptions options_of(std::uint64_t flags);

} // namespace emu
