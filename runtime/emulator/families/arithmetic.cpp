// Integer arithmetic (PTX ISA, "Integer Arithmetic Instructions" and "Extended-Precision Integer
// Arithmetic").
#include "emulator/families/integer_math.h"
#include "emulator/families/lanewise.h"

namespace emu {
namespace {

using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

constexpr auto add = [](auto a, auto b) { return wrapping_add(a, b); };
constexpr auto sub = [](auto a, auto b) { return wrapping_sub(a, b); };
constexpr auto add_saturated = [](s32 a, s32 b) { return saturate(s64(a) + b); };
constexpr auto sub_saturated = [](s32 a, s32 b) { return saturate(s64(a) - b); };
constexpr auto mul_low = [](auto a, auto b) { return low_product(a, b); };
constexpr auto mul_high = [](auto a, auto b) { return high_product(a, b); };
constexpr auto mul_wide = [](auto a, auto b) { return full_product(a, b); };
constexpr auto mad_low = [](auto a, auto b, auto c) { return wrapping_add(low_product(a, b), c); };
constexpr auto mad_high = [](auto a, auto b, auto c) { return wrapping_add(high_product(a, b), c); };
constexpr auto mad_wide = [](auto a, auto b, auto c) { return wrapping_add(full_product(a, b), c); };
constexpr auto mad_high_saturated = [](s32 a, s32 b, s32 c) { return saturate(s64(high_product(a, b)) + c); };
constexpr auto div = [](auto a, auto b) { return quotient(a, b); };
constexpr auto rem = [](auto a, auto b) { return remainder(a, b); };
constexpr auto absolute = [](auto a) { return magnitude(a); };
constexpr auto neg = [](auto a) { return wrapping_sub(decltype(a)(0), a); };
constexpr auto minimum = [](auto a, auto b) { return a < b ? a : b; };
constexpr auto maximum = [](auto a, auto b) { return a > b ? a : b; };
constexpr auto relu_minimum = [](auto a, auto b) { return maximum(minimum(a, b), decltype(a)(0)); };
constexpr auto relu_maximum = [](auto a, auto b) { return maximum(maximum(a, b), decltype(a)(0)); };
constexpr auto sad = [](auto a, auto b, auto c) {
  using T = decltype(c);
  return wrapping_add(c, a < b ? wrapping_sub<T>(b, a) : wrapping_sub<T>(a, b));
};
template <class T, auto op> constexpr auto packed = [](u32 a, u32 b) { return halves<T, op>(a, b); };

// ---- 24 bits ----

// Bits 47 to 16 of the product are what mul24.hi gives.
template <class T> constexpr s64 product24(T a, T b) {
  auto low24 = [](T x) { return s64(static_cast<T>(u32(x) << 8)) >> 8; };
  return low24(a) * low24(b);
}
constexpr auto mul24_low = [](auto a, auto b) { return product24(a, b); };
constexpr auto mul24_high = [](auto a, auto b) { return product24(a, b) >> 16; };
constexpr auto mad24_low = [](auto a, auto b, auto c) { return u32(product24(a, b)) + u32(c); };
constexpr auto mad24_high = [](auto a, auto b, auto c) { return u32(product24(a, b) >> 16) + u32(c); };
constexpr auto mad24_high_saturated = [](s32 a, s32 b, s32 c) {
  return saturate((product24(a, b) >> 16) + c);
};

// ---- dot products of bytes ----

template <class A, class B>
constexpr auto dot4 = [](u32 a, u32 b, u32 c) {
  for (int i = 0; i < 32; i += 8)
    c += static_cast<u32>(static_cast<A>(a >> i) * static_cast<B>(b >> i));
  return c;
};
// Two numbers of 16 bits by two of the bytes of b.
template <class A, class B, int first>
constexpr auto dot2 = [](u32 a, u32 b, u32 c) {
  for (int i = 0; i < 2; ++i)
    c += static_cast<u32>(static_cast<A>(a >> 16 * i) * static_cast<B>(b >> (first + 8 * i)));
  return c;
};

// ---- carry ----

// The slots are d, the new carry if it is written, the operands, the old carry if it is read. A difference is
// a + ~b + 1, and its carry that of this sum: not set if something was borrowed. The ISA does not say so of
// CC.CF, but chips do it, and NVIDIA's division of 128 bits reads by addc what subc.cc wrote.
enum class Sum : std::uint8_t { add, sub, mad_low, mad_high };

template <Sum what, bool writes, bool reads, class T>
Flow with_carry(Group& group, const Instruction& instruction, Mask mask) {
  constexpr int first = writes ? 2 : 1, operands = what == Sum::mad_low || what == Sum::mad_high ? 3 : 2;
  const T* a = lanes<T>(group.frame, instruction.slot[first]);
  const T* b = lanes<T>(group.frame, instruction.slot[first + 1]);
  const T* c = lanes<T>(group.frame, instruction.slot[first + operands - 1]);
  const Mask in = reads              ? predicate(group.frame, instruction.slot[first + operands])
                  : what == Sum::sub ? all_lanes
                                     : 0;
  using U = std::make_unsigned_t<T>;
  auto left = [=](int i) -> U {
    return static_cast<U>(what == Sum::mad_low    ? low_product(a[i], b[i])
                          : what == Sum::mad_high ? high_product(a[i], b[i])
                                                  : a[i]);
  };
  auto sum = [=](int i) -> U {
    return left(i) + static_cast<U>(what == Sum::sub ? ~b[i] : c[i]) + static_cast<U>(in >> i & 1);
  };
  const Mask out = !writes ? 0 : lanes_where(mask, [=](int i) {
    const U x = left(i), result = sum(i);
    return result < x || ((in >> i & 1) != 0 && result == x);
  });
  each_lane(lanes<U>(group.frame, instruction.slot[0]), mask, sum);
  if (writes) {
    Mask& flag = predicate(group.frame, instruction.slot[1]);
    flag = (flag & ~mask) | out;
  }
  return Flow::go;
}

template <Sum what, bool writes, bool reads> void decode_carry(Decoding& d) {
  if (what == Sum::mad_high) // the only ones whose sign matters
    d.out.execute = with_integer(d.type(), []<class T>() -> Execute {
      if constexpr (sizeof(T) >= 4)
        return with_carry<what, writes, reads, T>;
      return nullptr;
    });
  else
    d.out.execute = ptx::bits(d.type()) == 32 ? with_carry<what, writes, reads, u32>
                                              : with_carry<what, writes, reads, u64>;
}

// ---- choosing ----

template <auto op, int products> void decode_wide(Decoding& d) {
  d.out.execute = with_integer(d.type(), []<class T>() -> Execute {
    if constexpr (sizeof(T) == 8)
      return nullptr;
    else if constexpr (products == 2)
      return lanewise<op, Resized<T, 2 * sizeof(T)>, T, T>;
    else
      return lanewise<op, Resized<T, 2 * sizeof(T)>, T, T, Resized<T, 2 * sizeof(T)>>;
  });
}

template <auto op, int sources> void decode_24(Decoding& d) {
  d.out.execute = d.has("s32") ? uniform<op, s32, sources>() : uniform<op, u32, sources>();
}

template <auto op> void decode_packed(Decoding& d) {
  d.out.execute = d.has("s16x2") ? uniform<packed<std::int16_t, op>, u32, 2>()
                                 : uniform<packed<std::uint16_t, op>, u32, 2>();
}

template <template <class, class> class Dot> void choose_dot(Decoding& d) {
  const bool a = ptx::is_signed(d.type(0)), b = ptx::is_signed(d.type(1));
  d.out.execute = a ? (b ? Dot<s32, s32>::value : Dot<s32, u32>::value)
                    : (b ? Dot<u32, s32>::value : Dot<u32, u32>::value);
}
template <class T, int bytes>
using Part =
    std::conditional_t<bytes == 1, std::conditional_t<std::is_signed_v<T>, std::int8_t, std::uint8_t>,
                       Resized<T, 2>>;
template <class A, class B> struct Dot4 {
  static constexpr Execute value = uniform<dot4<Part<A, 1>, Part<B, 1>>, u32, 3>();
};
template <class A, class B> struct Dot2Low {
  static constexpr Execute value = uniform<dot2<Part<A, 2>, Part<B, 1>, 0>, u32, 3>();
};
template <class A, class B> struct Dot2High {
  static constexpr Execute value = uniform<dot2<Part<A, 2>, Part<B, 1>, 16>, u32, 3>();
};

} // namespace

std::span<const Entry> arithmetic_entries() {
#define INTEGER "(.u16|.u32|.u64|.s16|.s32|.s64)"
#define NARROW "(.u16|.u32|.s16|.s32)"
#define SIGNED "(.s16|.s32|.s64)"
#define LONG "(.u32|.s32|.u64|.s64)"
  constexpr auto compute = Kind::compute;
  constexpr auto integer = Class::integer;
  static constexpr Entry entries[] = {
      {"add" INTEGER, "=t0 t0 t0", decode_bits<add, 2>, compute, integer},
      {"add.sat.s32", "=t0 t0 t0", decode_lanewise<add_saturated, s32, s32, s32>, compute, integer},
      {"add(.u16x2|.s16x2)", "=t0 t0 t0", decode_packed<add>, compute, integer},
      {"sub" INTEGER, "=t0 t0 t0", decode_bits<sub, 2>, compute, integer},
      {"sub.sat.s32", "=t0 t0 t0", decode_lanewise<sub_saturated, s32, s32, s32>, compute, integer},
      {"mul.lo" INTEGER, "=t0 t0 t0", decode_bits<mul_low, 2>, compute, integer},
      {"mul.hi" INTEGER, "=t0 t0 t0", decode_integers<mul_high, 2>, compute, integer},
      {"mul.wide" NARROW, "=w0 t0 t0", decode_wide<mul_wide, 2>, compute, integer},
      {"mad.lo" INTEGER, "=t0 t0 t0 t0", decode_bits<mad_low, 3>, compute, integer},
      {"mad.hi" INTEGER, "=t0 t0 t0 t0", decode_integers<mad_high, 3>, compute, integer},
      {"mad.hi.sat.s32", "=t0 t0 t0 t0", decode_lanewise<mad_high_saturated, s32, s32, s32, s32>, compute,
       integer},
      {"mad.wide" NARROW, "=w0 t0 t0 w0", decode_wide<mad_wide, 3>, compute, integer},
      {"mul24.lo(.u32|.s32)", "=t0 t0 t0", decode_24<mul24_low, 2>, compute, integer},
      {"mul24.hi(.u32|.s32)", "=t0 t0 t0", decode_24<mul24_high, 2>, compute, integer},
      {"mad24.lo(.u32|.s32)", "=t0 t0 t0 t0", decode_24<mad24_low, 3>, compute, integer},
      {"mad24.hi(.u32|.s32)", "=t0 t0 t0 t0", decode_24<mad24_high, 3>, compute, integer},
      {"mad24.hi.sat.s32", "=t0 t0 t0 t0", decode_lanewise<mad24_high_saturated, s32, s32, s32, s32>, compute,
       integer},
      {"add.cc" LONG, "=t0 =cc t0 t0", decode_carry<Sum::add, true, false>, compute, integer},
      {"addc" LONG, "=t0 t0 t0 cc", decode_carry<Sum::add, false, true>, compute, integer},
      {"addc.cc" LONG, "=t0 =cc t0 t0 cc", decode_carry<Sum::add, true, true>, compute, integer},
      {"sub.cc" LONG, "=t0 =cc t0 t0", decode_carry<Sum::sub, true, false>, compute, integer},
      {"subc" LONG, "=t0 t0 t0 cc", decode_carry<Sum::sub, false, true>, compute, integer},
      {"subc.cc" LONG, "=t0 =cc t0 t0 cc", decode_carry<Sum::sub, true, true>, compute, integer},
      {"mad.lo.cc" LONG, "=t0 =cc t0 t0 t0", decode_carry<Sum::mad_low, true, false>, compute, integer},
      {"mad.hi.cc" LONG, "=t0 =cc t0 t0 t0", decode_carry<Sum::mad_high, true, false>, compute, integer},
      {"madc.lo" LONG, "=t0 t0 t0 t0 cc", decode_carry<Sum::mad_low, false, true>, compute, integer},
      {"madc.hi" LONG, "=t0 t0 t0 t0 cc", decode_carry<Sum::mad_high, false, true>, compute, integer},
      {"madc.lo.cc" LONG, "=t0 =cc t0 t0 t0 cc", decode_carry<Sum::mad_low, true, true>, compute, integer},
      {"madc.hi.cc" LONG, "=t0 =cc t0 t0 t0 cc", decode_carry<Sum::mad_high, true, true>, compute, integer},
      {"div" INTEGER, "=t0 t0 t0", decode_integers<div, 2>, compute, integer},
      {"rem" INTEGER, "=t0 t0 t0", decode_integers<rem, 2>, compute, integer},
      {"abs" SIGNED, "=t0 t0", decode_integers<absolute, 1>, compute, integer},
      {"neg" SIGNED, "=t0 t0", decode_bits<neg, 1>, compute, integer},
      {"min" INTEGER, "=t0 t0 t0", decode_integers<minimum, 2>, compute, integer},
      {"max" INTEGER, "=t0 t0 t0", decode_integers<maximum, 2>, compute, integer},
      {"min(.u16x2|.s16x2)", "=t0 t0 t0", decode_packed<minimum>, compute, integer},
      {"max(.u16x2|.s16x2)", "=t0 t0 t0", decode_packed<maximum>, compute, integer},
      {"min.relu.s32", "=t0 t0 t0", decode_lanewise<relu_minimum, s32, s32, s32>, compute, integer},
      {"max.relu.s32", "=t0 t0 t0", decode_lanewise<relu_maximum, s32, s32, s32>, compute, integer},
      {"min.relu.s16x2", "=t0 t0 t0", decode_packed<relu_minimum>, compute, integer},
      {"max.relu.s16x2", "=t0 t0 t0", decode_packed<relu_maximum>, compute, integer},
      {"sad" INTEGER, "=t0 t0 t0 t0", decode_integers<sad, 3>, compute, integer},
      {"dp4a(.u32|.s32)(.u32|.s32)", "=b32 b32 b32 b32", choose_dot<Dot4>, compute, integer},
      {"dp2a.lo(.u32|.s32)(.u32|.s32)", "=b32 b32 b32 b32", choose_dot<Dot2Low>, compute, integer},
      {"dp2a.hi(.u32|.s32)(.u32|.s32)", "=b32 b32 b32 b32", choose_dot<Dot2High>, compute, integer},
  };
  return entries;
#undef INTEGER
#undef NARROW
#undef SIGNED
#undef LONG
}

} // namespace emu
