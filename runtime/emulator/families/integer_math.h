// Integer arithmetic of one lane. Sums wrap, as hardware's do; nothing here has undefined behaviour.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace emu {

/// The integer of `bytes` bytes.
template <class T, int bytes>
using Resized = std::conditional_t<
    std::is_signed_v<T>,
    std::conditional_t<bytes == 2, std::int16_t, std::conditional_t<bytes == 4, std::int32_t, std::int64_t>>,
    std::conditional_t<bytes == 2, std::uint16_t,
                       std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>>;

template <class T> constexpr T wrapping_add(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
}
template <class T> constexpr T wrapping_sub(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) - static_cast<U>(b)));
}

/// The product, twice as wide.
template <class T> constexpr auto full_product(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return static_cast<Wide>(a) * b;
  } else {
    using Wide = Resized<T, 2 * sizeof(T)>;
    return static_cast<Wide>(static_cast<Wide>(a) * static_cast<Wide>(b));
  }
}
template <class T> constexpr T high_product(T a, T b) {
  return static_cast<T>(full_product(a, b) >> (8 * sizeof(T)));
}
template <class T> constexpr T low_product(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

constexpr std::int32_t saturate(std::int64_t value) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, std::numeric_limits<std::int32_t>::min(),
                                                            std::numeric_limits<std::int32_t>::max()));
}

template <class T> constexpr std::make_unsigned_t<T> magnitude(T a) {
  using U = std::make_unsigned_t<T>;
  return a < 0 ? static_cast<U>(U(0) - static_cast<U>(a)) : static_cast<U>(a);
}

// Quotients of 32 bits and less are exact when rounded from doubles, which divide in vectors.
template <class U> constexpr U unsigned_quotient(U a, U b) {
  if constexpr (sizeof(U) == 8)
    return a / b;
  else
    return static_cast<U>(static_cast<double>(a) / static_cast<double>(b));
}

/// By zero: all bits one, as hardware's code for division leaves them.
template <class T> constexpr T quotient(T a, T b) {
  using U = std::make_unsigned_t<T>;
  const U magnitude_of_quotient =
      unsigned_quotient(magnitude(a), b == 0 ? U(1) : magnitude(b)); // a least by -1 wraps
  const bool negative = (a < 0) != (b < 0);
  const U value = negative ? static_cast<U>(U(0) - magnitude_of_quotient) : magnitude_of_quotient;
  return b == 0 ? static_cast<T>(~U(0)) : static_cast<T>(value);
}

/// By zero: all bits one, too.
template <class T> constexpr T remainder(T a, T b) {
  const T q = quotient(a, b);
  return b == 0 ? static_cast<T>(-1) : wrapping_sub(a, low_product(q, b));
}

/// Two numbers of 16 bits in one of 32.
template <class T, auto op> constexpr std::uint32_t halves(std::uint32_t a, std::uint32_t b) {
  auto at = [](std::uint32_t x, int shift) { return static_cast<T>(x >> shift); };
  const auto low = static_cast<std::uint16_t>(op(at(a, 0), at(b, 0)));
  const auto high = static_cast<std::uint16_t>(op(at(a, 16), at(b, 16)));
  return low | static_cast<std::uint32_t>(high) << 16;
}

} // namespace emu
