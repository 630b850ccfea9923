// Elementary functions in double, branch-free, for loops over lanes: relative error some 2^-50, so that what
// they are rounded to (float and narrower) is nearest but for one value in millions. The polynomials are
// minimax on the reduced range, computed for this with 50 digits.
#pragma once

#include "emulator/numeric/bits.h"

namespace emu::numeric {
inline namespace EMU_HOST {
namespace elementary {

// Horner's scheme without an array, so that a vector loop keeps its coefficients in registers.
EMU_INLINE constexpr double polynomial(double, double c) { return c; }
template <class... Rest> EMU_INLINE constexpr double polynomial(double x, double c, Rest... rest) {
  return c + x * polynomial(x, rest...);
}

inline constexpr double integer_magic = 0x1.8p52; // adding it leaves the nearest integer in the low bits

// 2^x for |x| < 1000.
EMU_INLINE double exp2(double x) {
  double shifted = x + integer_magic;
  double fraction = x - (shifted - integer_magic);
  double scale = as<double>((bits_of(shifted) + 1023) << 52);
  return scale * polynomial(fraction, 1.0, 0x1.62e42fefa3a19p-1, 0x1.ebfbdff82c598p-3, 0x1.c6b08d703ce49p-5,
                            0x1.3b2ab6fba1ddap-7, 0x1.5d87fe9d7a584p-10, 0x1.430913096fd9fp-13,
                            0x1.ffcb54062e698p-17, 0x1.62bfd47773353p-20, 0x1.b675bca4eeebbp-24,
                            0x1.e6063f7217bc6p-28);
}

// log2(x) for positive normal x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log2(m) as an odd series in
// (m - 1) / (m + 1).
EMU_INLINE double log2(double x) {
  constexpr std::uint64_t least_m = 0x3fe6a09e667f3bcd; // sqrt(1/2)
  std::uint64_t biased = (bits_of(x) - least_m + (std::uint64_t{1024} << 52)) >> 52;
  double m = as<double>(bits_of(x) - ((biased - 1024) << 52));
  double e = as<double>(std::uint64_t{0x4330000000000000} | biased) - (0x1p52 + 1024);
  double s = (m - 1) / (m + 1), z = s * s;
  return e + s * polynomial(z, 0x1.71547652b82fep+1, 0x1.ec709dc3a047dp-1, 0x1.2776c50ee39dcp-1,
                            0x1.a61762d693934p-2, 0x1.484afb7a67652p-2, 0x1.0ca160627dbfcp-2,
                            0x1.c46e1440404d7p-3, 0x1.b592d3c48c41cp-3);
}

// tanh(x). Below 2^-6 its series, since the quotient cancels there.
EMU_INLINE double tanh(double x) {
  double size = x < 0 ? -x : x;
  double t =
      exp2((size < 20 ? size : 20.0) * 0x1.71547652b82fep+1); // e^(2 size); beyond 20 the rest is below 2^-57
  double z = x * x;
  double small = size * polynomial(z, 1.0, -1.0 / 3, 2.0 / 15, -17.0 / 315, 62.0 / 2835);
  return copysign(x, size < 0x1p-6 ? small : (t - 1) / (t + 1));
}

// sin(x + quarters * pi / 2). Reduces by pi/2 in three parts, exact for |x| < 2^20; beyond, some value in
// [-1, 1].
EMU_INLINE double sine(double x, unsigned quarters) {
  double shifted = x * 0x1.45f306dc9c883p-1 + integer_magic;
  double n = shifted - integer_magic;
  double r = ((x - n * 0x1.921fb544p+0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69;
  std::uint64_t quadrant = bits_of(shifted) + quarters;
  double z = r * r;
  double s = r * polynomial(z, 1.0, -0x1.5555555555543p-3, 0x1.111111110f39fp-7, -0x1.a01a019ba1f6ep-13,
                            0x1.71de352a43ef1p-19, -0x1.ae5e32d71f7a8p-26, 0x1.5d85eb9938d6bp-33);
  double c = polynomial(z, 1.0, -0.5, 0x1.5555555555536p-5, -0x1.6c16c16c1399dp-10, 0x1.a01a019b15ddbp-16,
                        -0x1.27e4f72294134p-22, 0x1.1ee9699580701p-29, -0x1.8f7472724f018p-37);
  double value = (quadrant & 1) != 0 ? c : s;
  value = as<double>(bits_of(value) ^ (quadrant >> 1) << 63);
  return value < 1 ? (value > -1 ? value : -1.0) : value >= 1 ? 1.0 : 0.0; // NaN of huge arguments: 0
}

} // namespace elementary
} // namespace EMU_HOST
} // namespace emu::numeric
