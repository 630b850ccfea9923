// Numbers: what a tensor stores (f16, bf16, f32, integers, booleans), what is computed with (float, i64,
// bool), and integer division.
#pragma once

namespace attile {

using i64 = long long;

struct bf16 {
  unsigned short bits;
};
struct f16 {
  unsigned short bits;
};

/// Two neighbouring elements, moved at once.
template <class T> struct alignas(2 * sizeof(T)) Pair {
  T first, second;
};

inline constexpr float infinity = __builtin_bit_cast(float, 0x7f800000);
inline constexpr i64 least_integer = -0x7fffffffffffffffLL - 1, greatest_integer = 0x7fffffffffffffffLL;

// ---- from a stored element to what is computed with ----

__device__ __forceinline__ float widen(bf16 x) { return __uint_as_float(unsigned(x.bits) << 16); }
__device__ __forceinline__ float widen(f16 x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
}
__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ i64 widen(int x) { return x; }
__device__ __forceinline__ i64 widen(i64 x) { return x; }
__device__ __forceinline__ bool widen(unsigned char x) { return x != 0; }

// ---- and back, to the nearest, ties to even ----

template <class T> struct Narrow;
template <> struct Narrow<float> {
  static __device__ __forceinline__ float of(float x) { return x; }
};
template <> struct Narrow<f16> {
  static __device__ __forceinline__ f16 of(float x) {
    f16 narrow;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(x));
    return narrow;
  }
};
template <> struct Narrow<bf16> {
  static __device__ __forceinline__ bf16 of(float x) {
    bf16 narrow;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(x));
#else
    const unsigned bits = __float_as_uint(x);
    const unsigned nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    narrow.bits = (unsigned short)(x == x ? nearest : 0x7fff);
#endif
    return narrow;
  }
};
template <class T> __device__ __forceinline__ T narrow(float x) { return Narrow<T>::of(x); }

/// Two of them in a register, the first in the lower half.
template <class T16> __device__ __forceinline__ unsigned narrow_pair(float first, float second) {
  static_assert(sizeof(T16) == 2, "pairs are of 16-bit elements");
  return unsigned(narrow<T16>(first).bits) | unsigned(narrow<T16>(second).bits) << 16;
}
#if __CUDA_ARCH__ >= 800
template <> __device__ __forceinline__ unsigned narrow_pair<f16>(float first, float second) {
  unsigned pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
template <> __device__ __forceinline__ unsigned narrow_pair<bf16>(float first, float second) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
#endif

template <class T16> __device__ __forceinline__ T16 first_of(unsigned pair) { return {(unsigned short)pair}; }
template <class T16> __device__ __forceinline__ T16 second_of(unsigned pair) {
  return {(unsigned short)(pair >> 16)};
}
template <class T16> __device__ __forceinline__ float widen_first(unsigned pair) {
  return widen(first_of<T16>(pair));
}
template <class T16> __device__ __forceinline__ float widen_second(unsigned pair) {
  return widen(second_of<T16>(pair));
}

/// The float in the low half of an 8-byte kernel parameter.
__device__ __forceinline__ float bits_to_float(i64 slot) { return __uint_as_float(unsigned(slot)); }

// ---- sums and products that may leave 64 bits, and then wrap ----

__device__ __forceinline__ i64 wrap_add(i64 a, i64 b) {
  return i64((unsigned long long)a + (unsigned long long)b);
}
__device__ __forceinline__ i64 wrap_sub(i64 a, i64 b) {
  return i64((unsigned long long)a - (unsigned long long)b);
}
__device__ __forceinline__ i64 wrap_mul(i64 a, i64 b) {
  return i64((unsigned long long)a * (unsigned long long)b);
}
__device__ __forceinline__ i64 wrap_shl(i64 a, i64 b) { return i64((unsigned long long)a << b); }

// ---- integer division, rounded down and up; b is not 0 ----

template <class Integer> __device__ __forceinline__ Integer floor_div(Integer a, Integer b) {
  const Integer quotient = a / b;
  return quotient - (quotient * b != a && (a < 0) != (b < 0));
}
template <class Integer> __device__ __forceinline__ Integer ceil_div(Integer a, Integer b) {
  const Integer quotient = a / b;
  return quotient + (quotient * b != a && (a < 0) == (b < 0));
}

__device__ constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

} // namespace attile
