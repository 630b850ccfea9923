// Reference arithmetic for the tests of runtime/emulator/numeric, written without it: values in long double
// (64 bits of significand) or found by search among the values of a format.
#pragma once

#include "emulator/numeric/types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace oracle {

using emu::numeric::Overflow;
using emu::numeric::Round;
using emu::numeric::Specials;

inline const std::vector<Round> all_modes = {Round::rn, Round::rna, Round::rz, Round::rm, Round::rp};
inline const std::vector<Round> ieee_modes = {Round::rn, Round::rz, Round::rm, Round::rp};

// A generator whose seed is printed, new in each run unless EMU_TEST_SEED is set.
inline std::mt19937_64 generator() {
  const char* wanted = std::getenv("EMU_TEST_SEED");
  std::uint64_t seed = wanted ? std::strtoull(wanted, nullptr, 0) : std::random_device{}();
  std::printf("EMU_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

// The values of a format with E exponent and M mantissa bits, by the definition of its encodings.
struct Format {
  int exponent_bits, mantissa_bits;
  Specials specials;
  std::vector<long double> values; // of the encodings 0 ... largest finite
  std::uint32_t nan;

  Format(int e, int m, Specials s) : exponent_bits(e), mantissa_bits(m), specials(s) {
    int bias = (1 << (e - 1)) - 1;
    std::uint32_t end = 1u << (e + m);
    nan = end - 1;
    if (s == Specials::ieee)
      end -= 1u << m;
    if (s == Specials::nan_only)
      end -= 1;
    for (std::uint32_t bits = 0; bits < end; ++bits) {
      int exponent = static_cast<int>(bits >> m);
      long double fraction = std::ldexp(static_cast<long double>(bits & ((1u << m) - 1)), -m);
      values.push_back(exponent == 0 ? std::ldexp(fraction, 1 - bias)
                                     : std::ldexp(1 + fraction, exponent - bias));
    }
  }
  template <class F> static Format of() { return {F::exponent_bits, F::mantissa_bits, F::specials}; }

  std::uint32_t sign_bit() const { return 1u << (exponent_bits + mantissa_bits); }
  std::uint32_t largest() const { return static_cast<std::uint32_t>(values.size()) - 1; }

  long double value(std::uint32_t bits) const {
    std::uint32_t magnitude = bits & (sign_bit() - 1);
    long double sign = bits & sign_bit() ? -1 : 1;
    if (magnitude <= largest())
      return sign * values[magnitude];
    bool infinite = specials == Specials::ieee && magnitude == largest() + 1;
    return infinite ? sign * INFINITY : NAN;
  }

  // The encoding of x, which must be exact or so close that only its side of a tie matters.
  std::uint32_t round(long double x, Round mode, Overflow overflow = Overflow::infinity) const {
    if (std::isnan(x))
      return nan;
    bool negative = std::signbit(x);
    std::uint32_t sign = negative ? sign_bit() : 0;
    long double size = std::fabs(x);
    bool saturates = overflow == Overflow::finite || specials == Specials::none;
    if (std::isinf(x))
      return sign | (saturates ? largest() : largest() + 1);
    // The neighbours; beyond the largest finite value stands what would follow it.
    auto above = std::upper_bound(values.begin(), values.end(), size);
    auto low = static_cast<std::uint32_t>(above - values.begin()) - 1;
    long double next = values.back() + (values.back() - values[values.size() - 2]);
    long double low_value = values[low], high_value = above == values.end() ? next : *above;
    bool away = false;
    switch (mode) {
    case Round::rn:
      away = size - low_value > high_value - size || (size - low_value == high_value - size && low % 2 == 1);
      break;
    case Round::rna:
      away = size - low_value >= high_value - size;
      break;
    case Round::rz:
      break;
    case Round::rm:
      away = negative;
      break;
    case Round::rp:
      away = !negative;
      break;
    }
    std::uint32_t rounded = size == low_value ? low : low + away;
    if (size >= next) // beyond the virtual next value: the same rule from the largest one
      rounded = mode == Round::rn || mode == Round::rna || away ? largest() + 1 : largest();
    return sign | (saturates ? std::min(rounded, largest()) : rounded);
  }
};

// x rounded to float or double.
template <class Float> Float round_to(long double x, Round mode) {
  if (std::isnan(x))
    return std::numeric_limits<Float>::quiet_NaN();
  auto nearest = static_cast<Float>(x);
  if (mode == Round::rn || static_cast<long double>(nearest) == x)
    return nearest;
  constexpr Float infinity = std::numeric_limits<Float>::infinity();
  Float low = static_cast<long double>(nearest) < x ? nearest : std::nextafter(nearest, -infinity);
  Float high = static_cast<long double>(nearest) < x ? std::nextafter(nearest, infinity) : nearest;
  bool down = mode == Round::rm || (mode == Round::rz && x > 0);
  Float result = down ? low : high;
  return result == 0 ? std::copysign(result, static_cast<Float>(x < 0 ? -1 : 1)) : result;
}

inline std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }
inline std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }
inline float float_of(std::uint32_t x) { return std::bit_cast<float>(x); }
inline double double_of(std::uint64_t x) { return std::bit_cast<double>(x); }

// The values where arithmetic has its corners, both signs.
template <class Float> std::vector<Float> corners() {
  using L = std::numeric_limits<Float>;
  std::vector<Float> positive = {0,
                                 L::denorm_min(),
                                 L::min() - L::denorm_min(),
                                 L::min(),
                                 std::nextafter(L::min(), Float{1}),
                                 1,
                                 std::nextafter(Float{1}, Float{2}),
                                 std::nextafter(Float{1}, Float{0}),
                                 Float{1.5},
                                 2,
                                 3,
                                 Float{0.1},
                                 std::ldexp(Float{1}, L::digits),
                                 L::max(),
                                 L::infinity(),
                                 L::quiet_NaN()};
  std::vector<Float> both;
  for (Float x : positive)
    both.push_back(x), both.push_back(-x);
  return both;
}

} // namespace oracle
