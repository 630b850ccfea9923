// Operations on the bits of one lane's integer, as functions of one lane (lanewise.h).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace emu {

template <class T> inline constexpr std::uint32_t bits_of = 8 * sizeof(T);

// ---- shifts: by the width or more, everything is shifted out ----

inline constexpr auto shift_left = [](auto a, std::uint32_t b) {
  using T = decltype(a);
  const T shifted = static_cast<T>(a << (b & (bits_of<T> - 1)));
  return b < bits_of<T> ? shifted : T(0);
};
inline constexpr auto shift_right = [](auto a, std::uint32_t b) {
  using T = decltype(a);
  const std::uint32_t most = bits_of<T> - 1;
  if constexpr (std::is_signed_v<T>)
    return static_cast<T>(a >> std::min(b, most));
  return static_cast<T>(b <= most ? a >> (b & most) : 0);
};

// The 64 bits b:a, of which the upper (left) or lower (right) half is kept.
template <bool clamp>
inline constexpr auto funnel_left = [](std::uint32_t a, std::uint32_t b, std::uint32_t by) {
  const std::uint32_t n = clamp ? std::min(by, 32u) : by & 31;
  return static_cast<std::uint32_t>(((std::uint64_t(b) << 32 | a) << n) >> 32);
};
template <bool clamp>
inline constexpr auto funnel_right = [](std::uint32_t a, std::uint32_t b, std::uint32_t by) {
  const std::uint32_t n = clamp ? std::min(by, 32u) : by & 31;
  return static_cast<std::uint32_t>((std::uint64_t(b) << 32 | a) >> n);
};

// ---- bytes ----

/// Four bytes of b:a, one for each of the lower four digits of `selection`: three bits say which, the fourth
/// that its sign is wanted in place of it.
inline constexpr auto permute = [](std::uint32_t a, std::uint32_t b, std::uint32_t selection) {
  const std::uint64_t bytes = std::uint64_t(b) << 32 | a;
  std::uint32_t d = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t digit = selection >> 4 * i & 15;
    const auto byte = static_cast<std::uint8_t>(bytes >> 8 * (digit & 7));
    const std::uint32_t sign = byte & 0x80 ? 0xff : 0;
    d |= (digit & 8 ? sign : byte) << 8 * i;
  }
  return d;
};

/// The modes of prmt as selections, by the lower two bits of c: the digits of four selections.
inline constexpr std::uint64_t f4e = 0x6543'5432'4321'3210, b4e = 0x0123'7012'6701'5670,
                               rc8 = 0x3333'2222'1111'0000, ecl = 0x3333'3222'3211'3210,
                               ecr = 0x3210'2210'1110'0000, rc16 = 0x3232'1010'3232'1010;
template <std::uint64_t selections>
inline constexpr auto permute_by = [](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return permute(a, b, static_cast<std::uint32_t>(selections >> 16 * (c & 3)) & 0xffff);
};

// ---- counting and finding ----

inline constexpr auto population = [](auto a) { return std::popcount(a); };
inline constexpr auto leading_zeros = [](auto a) { return std::countl_zero(a); };

inline constexpr auto reverse = [](auto a) {
  auto x = static_cast<std::uint64_t>(a);
  auto swap = [&](int by, std::uint64_t of) { x = (x >> by & of) | (x & of) << by; };
  swap(1, 0x5555555555555555);
  swap(2, 0x3333333333333333);
  swap(4, 0x0f0f0f0f0f0f0f0f);
  return static_cast<decltype(a)>(__builtin_bswap64(x) >> (64 - bits_of<decltype(a)>));
};

/// The most significant bit that is not the sign; all ones if there is none. And how far left it could move.
inline constexpr auto find_first = [](auto a) -> std::uint32_t {
  using T = decltype(a);
  using U = std::make_unsigned_t<T>;
  const U x = static_cast<U>(a < 0 ? ~a : a);
  return x == 0 ? ~std::uint32_t(0) : bits_of<T> - 1 - static_cast<std::uint32_t>(std::countl_zero(x));
};
inline constexpr auto find_shift = [](auto a) {
  const std::uint32_t at = find_first(a);
  return at == ~std::uint32_t(0) ? at : bits_of<decltype(a)> - 1 - at;
};

/// The bit that is the |nth|-th one set from `base` on, upwards or downwards; all ones if there is none.
inline constexpr auto find_nth = [](std::uint32_t mask, std::uint32_t base, std::int32_t nth) {
  constexpr std::uint32_t none = ~std::uint32_t(0);
  if (base > 31)
    return none;
  if (nth == 0)
    return mask >> base & 1 ? base : none;
  std::int64_t left = nth < 0 ? -std::int64_t(nth) : nth;
  for (int at = static_cast<int>(base); at >= 0 && at < 32; at += nth > 0 ? 1 : -1)
    if ((mask >> at & 1) && --left == 0)
      return static_cast<std::uint32_t>(at);
  return none;
};

// ---- fields: position and length are the lower 8 bits of their operands ----

/// The lowest `length` bits.
template <class U> constexpr U low_bits(std::uint32_t length) {
  const U some = static_cast<U>((U(1) << (length & (bits_of<U> - 1))) - 1);
  return length < bits_of<U> ? some : static_cast<U>(~U(0));
}

inline constexpr auto extract = [](auto a, std::uint32_t position, std::uint32_t length) {
  using T = decltype(a);
  using U = std::make_unsigned_t<T>;
  position &= 0xff;
  length &= 0xff;
  const U mask = low_bits<U>(length);
  const U field = shift_right(static_cast<U>(a), position) & mask;
  const std::uint32_t sign_at = std::min(position + length - 1, bits_of<T> - 1);
  const bool negative =
      std::is_signed_v<T> && length != 0 && (static_cast<U>(a) >> (sign_at & (bits_of<T> - 1)) & 1);
  // Bits beyond the field, and those that a does not have, are the sign.
  const std::uint32_t have = position < bits_of<T> ? bits_of<T> - position : 0;
  const U known = mask & low_bits<U>(have);
  return static_cast<T>(negative ? field | static_cast<U>(~known) : field);
};

inline constexpr auto insert = [](auto a, auto b, std::uint32_t position, std::uint32_t length) {
  using T = decltype(a);
  position &= 0xff;
  const T mask = shift_left(low_bits<T>(length & 0xff), position);
  return static_cast<T>((b & ~mask) | (shift_left(a, position) & mask));
};

template <bool clamp>
inline constexpr auto bit_mask = [](std::uint32_t a, std::uint32_t b) {
  const std::uint32_t position = clamp ? std::min(a, 32u) : a & 31,
                      length = clamp ? std::min(b, 32u) : b & 31;
  return shift_left(low_bits<std::uint32_t>(length), position);
};

template <bool clamp>
inline constexpr auto extend = [](auto a, std::uint32_t b) {
  using T = decltype(a);
  const std::uint32_t length = clamp ? std::min(b, 32u) : b & 31;
  const std::uint32_t mask = low_bits<std::uint32_t>(length);
  const bool negative =
      std::is_signed_v<T> && length != 0 && (static_cast<std::uint32_t>(a) >> ((length - 1) & 31) & 1);
  return static_cast<T>(negative ? static_cast<std::uint32_t>(a) | ~mask
                                 : static_cast<std::uint32_t>(a) & mask);
};

} // namespace emu
