// What the arithmetic of PTX is parametrised by. Shared by all instruction-set levels of the host (see
// host.h).
#pragma once

#include <cstdint>

namespace emu::numeric {

// Rounding of PTX: .rn .rna .rz .rm .rp, and with the suffix i for rounding to an integer. (.rs has its own
// function.)
enum class Round : std::uint8_t { rn, rna, rz, rm, rp };

// What a value beyond the largest finite one becomes: infinity where the rounding mode says so, or with
// .satfinite the largest finite value of its sign.
enum class Overflow : std::uint8_t { infinity, finite };

// Modifiers of f32 and f16 arithmetic. The result is rounded, then flushed, then clamped.
struct Modifiers {
  Round round = Round::rn;
  bool ftz = false;  // subnormal operands and results become zeros of their sign
  bool sat = false;  // [0, 1], NaN becomes +0
  bool relu = false; // negative becomes +0, NaN canonical
};

// .NaN (NaN if any operand is), .xorsign.abs
struct MinMax {
  bool ftz = false;
  bool nan = false;
  bool xorsign_abs = false;
};

enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };
enum class TestProperty : std::uint8_t { finite, infinite, number, notanumber, normal, subnormal };

// Which encodings a format spends on infinities and NaNs.
enum class Specials : std::uint8_t {
  ieee,     // the largest exponent holds infinities and NaNs
  nan_only, // only the encoding of all ones is NaN, no infinity
  none,     // all encodings are finite
};

// A binary floating-point format of `1 + E + M` bits in the low bits of `Storage`.
template <int E, int M, Specials S, class Storage> struct FloatFormat {
  using Bits = Storage;
  static constexpr int exponent_bits = E, mantissa_bits = M, bias = (1 << (E - 1)) - 1;
  static constexpr Specials specials = S;
  static constexpr std::uint32_t sign_bit = 1u << (E + M), magnitude_mask = sign_bit - 1;
  static constexpr std::uint32_t infinity = ((1u << E) - 1) << M; // only where the format has one
  static constexpr std::uint32_t max_finite = S == Specials::ieee       ? infinity - 1
                                              : S == Specials::nan_only ? magnitude_mask - 1
                                                                        : magnitude_mask;
  // What operations give for NaN: all ones but the sign, as the hardware and NVIDIA's headers have it; a
  // format without NaN gives its largest value, as the ISA says for .e2m1, .e2m3 and .e3m2.
  static constexpr std::uint32_t canonical_nan = magnitude_mask;
};

using F16 = FloatFormat<5, 10, Specials::ieee, std::uint16_t>;
using BF16 = FloatFormat<8, 7, Specials::ieee, std::uint16_t>;
using TF32 = FloatFormat<8, 10, Specials::ieee,
                         std::uint32_t>; // in the low 19 bits; a register holds it shifted by 13
using E5M2 = FloatFormat<5, 2, Specials::ieee, std::uint8_t>;
using E4M3 = FloatFormat<4, 3, Specials::nan_only, std::uint8_t>;
using E3M2 = FloatFormat<3, 2, Specials::none, std::uint8_t>;
using E2M3 = FloatFormat<2, 3, Specials::none, std::uint8_t>;
using E2M1 = FloatFormat<2, 1, Specials::none, std::uint8_t>;
using F32 = FloatFormat<8, 23, Specials::ieee, std::uint32_t>;

} // namespace emu::numeric
