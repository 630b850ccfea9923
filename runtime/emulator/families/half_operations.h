// Arithmetic of f16 and bf16, one or two to a register, as semantic functions, compiled for each level of the
// host (numeric/host.h).
#pragma once

#include "emulator/isa/instruction.h"
#include "emulator/numeric/types.h"

namespace emu {

enum class HalfOperation : std::uint8_t { add, sub, mul, fma, neg, abs, min, max, ex2, tanh, setp, set };

struct HalfChoice {
  HalfOperation operation = HalfOperation::add;
  bool bf16 = false, pair = false;
};

/// Instruction::flags of the family; the lowest three bits are those of comparisons (compare.h).
struct HalfFlags {
  numeric::Modifiers modifiers = {};
  numeric::MinMax min_max = {};
  numeric::Compare compare = numeric::Compare::eq;
  bool gives_f16 = false, gives_bf16 = false; ///< what set writes: 1.0, else all ones

  constexpr std::uint64_t pack() const {
    const auto bit = [](bool set, int at) { return std::uint64_t(set) << at; };
    return bit(modifiers.ftz, 3) | bit(modifiers.sat, 4) | bit(modifiers.relu, 5) | bit(min_max.nan, 6) |
           bit(min_max.xorsign_abs, 7) | static_cast<std::uint64_t>(compare) << 8 | bit(gives_f16, 16) |
           bit(gives_bf16, 17);
  }
  static constexpr HalfFlags unpack(std::uint64_t flags) {
    const auto bit = [=](int at) { return (flags >> at & 1) != 0; };
    return {.modifiers = {.ftz = bit(3), .sat = bit(4), .relu = bit(5)},
            .min_max = {.ftz = bit(3), .nan = bit(6), .xorsign_abs = bit(7)},
            .compare = static_cast<numeric::Compare>(flags >> 8 & 15),
            .gives_f16 = bit(16),
            .gives_bf16 = bit(17)};
  }
};

} // namespace emu
