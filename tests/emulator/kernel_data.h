// Inputs of kernels, and their results against what they must be.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace emu::test {

/// The first element that is not as it must be; empty if all are.
template <class T> std::string differs(const T* found, const std::vector<T>& wanted, double tolerance = 0) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!(std::abs(double(found[i]) - double(wanted[i])) <= tolerance * (1 + std::abs(double(wanted[i])))))
      return "element " + std::to_string(i) + " is " + std::to_string(found[i]) + ", expected " +
             std::to_string(wanted[i]);
  return "";
}

/// Small integers, so that sums of floats are exact in any order.
inline std::vector<float> whole_floats(std::size_t count, std::mt19937_64& random) {
  std::vector<float> values(count);
  for (float& x : values)
    x = static_cast<float>(static_cast<int>(random() % 17) - 8);
  return values;
}

/// Of small numbers, exact.
inline std::uint16_t f16_of(float x) {
  if (x == 0)
    return 0;
  int exponent = 0;
  const float fraction = std::frexp(std::abs(x), &exponent);
  const int mantissa = static_cast<int>(std::ldexp(fraction, 11)) & 1023;
  return static_cast<std::uint16_t>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}
inline std::uint16_t bf16_of(float x) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}

} // namespace emu::test
