// Integer arithmetic against wide integers of the host.
#include "run_ptx.h"

#include <algorithm>

namespace emu::test {
namespace {

using i128 = __int128;
using u16 = std::uint16_t;
using s16 = std::int16_t;
using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

template <class T> T clamped(i128 value) {
  return static_cast<T>(
      std::clamp<i128>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
template <class T> std::string name() {
  return (std::is_signed_v<T> ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}
// What the upper half of a product is; also of 64 bits, whose unsigned products fill 128.
template <class T> T high(T a, T b) {
  if constexpr (std::is_same_v<T, u64>)
    return static_cast<u64>((static_cast<unsigned __int128>(a) * b) >> 64);
  else
    return static_cast<T>((i128(a) * b) >> (8 * sizeof(T)));
}

template <class T> class Integers : public ::testing::Test {};
using Types = ::testing::Types<u16, s16, u32, s32, u64, s64>;
TYPED_TEST_SUITE(Integers, Types);

TYPED_TEST(Integers, SumsAndProducts) {
  using T = TypeParam;
  check<T, T, T>("add" + name<T>(), [](T a, T b) { return T(i128(a) + b); });
  check<T, T, T>("sub" + name<T>(), [](T a, T b) { return T(i128(a) - b); });
  check<T, T, T>("mul.lo" + name<T>(), [](T a, T b) { return T(u64(a) * u64(b)); });
  check<T, T, T>("mul.hi" + name<T>(), high<T>);
  check<T, T, T, T>("mad.lo" + name<T>(), [](T a, T b, T c) { return T(u64(a) * u64(b) + u64(c)); });
  check<T, T, T, T>("mad.hi" + name<T>(), [](T a, T b, T c) { return T(u64(high(a, b)) + u64(c)); });
  check<T, T, T, T>("sad" + name<T>(),
                    [](T a, T b, T c) { return T(i128(c) + (a < b ? i128(b) - a : i128(a) - b)); });
}

// Division by zero gives all ones on hardware.
TYPED_TEST(Integers, Quotients) {
  using T = TypeParam;
  check<T, T, T>("div" + name<T>(), [](T a, T b) { return b == 0 ? T(-1) : T(i128(a) / b); });
  check<T, T, T>("rem" + name<T>(), [](T a, T b) { return b == 0 ? T(-1) : T(i128(a) % b); });
}

TYPED_TEST(Integers, Extremes) {
  using T = TypeParam;
  check<T, T, T>("min" + name<T>(), [](T a, T b) { return std::min(a, b); });
  check<T, T, T>("max" + name<T>(), [](T a, T b) { return std::max(a, b); });
  if constexpr (std::is_signed_v<T>) {
    check<T, T>("abs" + name<T>(), [](T a) { return T(a < 0 ? -i128(a) : i128(a)); });
    check<T, T>("neg" + name<T>(), [](T a) { return T(-i128(a)); });
  }
}

template <class W, class T> void wide() {
  check<W, T, T>("mul.wide" + name<T>(), [](T a, T b) { return W(i128(a) * b); });
  check<W, T, T, W>("mad.wide" + name<T>(), [](T a, T b, W c) { return W(u64(W(a) * W(b)) + u64(c)); });
}

TEST(Arithmetic, WideProducts) {
  wide<u32, u16>();
  wide<s32, s16>();
  wide<u64, u32>();
  wide<s64, s32>();
}

TEST(Arithmetic, Saturation) {
  check<s32, s32, s32>("add.sat.s32", [](s32 a, s32 b) { return clamped<s32>(i128(a) + b); });
  check<s32, s32, s32>("sub.sat.s32", [](s32 a, s32 b) { return clamped<s32>(i128(a) - b); });
  check<s32, s32, s32, s32>("mad.hi.sat.s32",
                            [](s32 a, s32 b, s32 c) { return clamped<s32>(i128(high(a, b)) + c); });
}

TEST(Arithmetic, Relu) {
  check<s32, s32, s32>("min.relu.s32", [](s32 a, s32 b) { return std::max(0, std::min(a, b)); });
  check<s32, s32, s32>("max.relu.s32", [](s32 a, s32 b) { return std::max({0, a, b}); });
}

TEST(Arithmetic, All16Bits) {
  std::vector<s16> all;
  for (int i = -32768; i < 32768; ++i)
    all.push_back(static_cast<s16>(i));
  const std::vector<s16> absolute = each<s16>("abs.s16 %d, %a;", all);
  const std::vector<s16> negative = each<s16>("neg.s16 %d, %a;", all);
  const std::vector<s16> quotient = each<s16>("div.s16 %d, %a, -7;", all);
  const std::vector<s16> remainder = each<s16>("rem.s16 %d, %a, -7;", all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(absolute[i], static_cast<s16>(std::abs(all[i]))) << all[i];
    ASSERT_EQ(negative[i], static_cast<s16>(-all[i])) << all[i];
    ASSERT_EQ(quotient[i], all[i] / -7) << all[i];
    ASSERT_EQ(remainder[i], all[i] % -7) << all[i];
  }
}

u64 low24(u32 a) { return a & 0xffffff; }
s64 low24(s32 a) { return (s64(a) << 40) >> 40; }

template <class T> void check24() {
  const std::string type = name<T>();
  check<T, T, T>("mul24.lo" + type, [](T a, T b) { return T(low24(a) * low24(b)); });
  check<T, T, T>("mul24.hi" + type, [](T a, T b) { return T((low24(a) * low24(b)) >> 16); });
  check<T, T, T, T>("mad24.lo" + type, [](T a, T b, T c) { return T(low24(a) * low24(b) + c); });
  check<T, T, T, T>("mad24.hi" + type, [](T a, T b, T c) { return T(((low24(a) * low24(b)) >> 16) + c); });
}

TEST(Arithmetic, Products24) {
  check24<u32>();
  check24<s32>();
  check<s32, s32, s32, s32>("mad24.hi.sat.s32", [](s32 a, s32 b, s32 c) {
    return clamped<s32>(i128((low24(a) * low24(b)) >> 16) + c);
  });
}

// ---- packed ----

template <class T> u32 pack(T (*f)(T, T), u32 a, u32 b) {
  const u32 low = u16(f(T(a), T(b))), high = u16(f(T(a >> 16), T(b >> 16)));
  return low | high << 16;
}

TEST(Arithmetic, Packed) {
  check<u32, u32, u32>("add.u16x2",
                       [](u32 a, u32 b) { return pack<u16>([](u16 x, u16 y) { return u16(x + y); }, a, b); });
  check<u32, u32, u32>("add.s16x2",
                       [](u32 a, u32 b) { return pack<u16>([](u16 x, u16 y) { return u16(x + y); }, a, b); });
  check<u32, u32, u32>(
      "min.u16x2", [](u32 a, u32 b) { return pack<u16>([](u16 x, u16 y) { return std::min(x, y); }, a, b); });
  check<u32, u32, u32>(
      "max.u16x2", [](u32 a, u32 b) { return pack<u16>([](u16 x, u16 y) { return std::max(x, y); }, a, b); });
  check<u32, u32, u32>(
      "min.s16x2", [](u32 a, u32 b) { return pack<s16>([](s16 x, s16 y) { return std::min(x, y); }, a, b); });
  check<u32, u32, u32>(
      "max.s16x2", [](u32 a, u32 b) { return pack<s16>([](s16 x, s16 y) { return std::max(x, y); }, a, b); });
  check<u32, u32, u32>("min.relu.s16x2", [](u32 a, u32 b) {
    return pack<s16>([](s16 x, s16 y) { return std::max(s16(0), std::min(x, y)); }, a, b);
  });
  check<u32, u32, u32>("max.relu.s16x2", [](u32 a, u32 b) {
    return pack<s16>([](s16 x, s16 y) { return std::max({s16(0), x, y}); }, a, b);
  });
}

// ---- dot products ----

template <class A, class B, int count, int step> u32 dot(u32 a, u32 b, u32 c) {
  s64 sum = 0;
  for (int i = 0; i < count; ++i)
    sum += s64(A(a >> (i * 8 * int(sizeof(A))))) * s64(B(b >> (step + 8 * i)));
  return u32(u64(sum) + c);
}

TEST(Arithmetic, DotProducts) {
  using u8 = std::uint8_t;
  using s8 = std::int8_t;
  check<u32, u32, u32, u32>("dp4a.u32.u32", dot<u8, u8, 4, 0>);
  check<u32, u32, u32, u32>("dp4a.u32.s32", dot<u8, s8, 4, 0>);
  check<u32, u32, u32, u32>("dp4a.s32.u32", dot<s8, u8, 4, 0>);
  check<u32, u32, u32, u32>("dp4a.s32.s32", dot<s8, s8, 4, 0>);
  check<u32, u32, u32, u32>("dp2a.lo.u32.u32", dot<u16, u8, 2, 0>);
  check<u32, u32, u32, u32>("dp2a.lo.s32.u32", dot<s16, u8, 2, 0>);
  check<u32, u32, u32, u32>("dp2a.lo.u32.s32", dot<u16, s8, 2, 0>);
  check<u32, u32, u32, u32>("dp2a.hi.s32.u32", dot<s16, u8, 2, 16>);
  check<u32, u32, u32, u32>("dp2a.hi.u32.u32", dot<u16, u8, 2, 16>);
  check<u32, u32, u32, u32>("dp2a.hi.u32.s32", dot<u16, s8, 2, 16>);
  check<u32, u32, u32, u32>("dp2a.hi.s32.s32", dot<s16, s8, 2, 16>);
}

// ---- extended precision ----

using Four = std::array<u32, 4>;
using Two = std::array<u64, 2>;
using u128 = unsigned __int128;

// Words of all ones and zeros let carries pass through.
std::vector<Four> four(std::uint64_t stream) {
  constexpr u32 extremes[] = {0, 0xffffffff, 1, 0x80000000};
  std::mt19937_64 random(seed() + stream);
  std::vector<Four> values(1000);
  for (Four& value : values)
    for (u32& word : value)
      word = random() % 4 == 0 ? static_cast<u32>(random()) : extremes[random() % 4];
  return values;
}
u128 number(const Four& x) { return u128(x[3]) << 96 | u128(x[2]) << 64 | u128(x[1]) << 32 | x[0]; }

TEST(Arithmetic, SumsOf128Bits) {
  const std::vector<Four> a = four(1), b = four(2);
  const std::vector<Four> sums =
      each<Four>("add.cc.u32 %d0, %a0, %b0;\n addc.cc.u32 %d1, %a1, %b1;\n addc.cc.u32 %d2, %a2, %b2;\n"
                 "addc.u32 %d3, %a3, %b3;",
                 a, b);
  const std::vector<Four> differences =
      each<Four>("sub.cc.u32 %d0, %a0, %b0;\n subc.cc.u32 %d1, %a1, %b1;\n subc.cc.s32 %d2, %a2, %b2;\n"
                 "subc.u32 %d3, %a3, %b3;",
                 a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(number(sums[i]) == u128(number(a[i]) + number(b[i]))) << i;
    EXPECT_TRUE(number(differences[i]) == u128(number(a[i]) - number(b[i]))) << i;
  }
}

TEST(Arithmetic, ProductsOf64BitsByHalves) {
  const std::vector<Four> a = four(3);
  const std::vector<Four> d =
      each<Four>("mul.lo.u32 %d0, %a0, %a2;\n mul.hi.u32 %d1, %a0, %a2;\n"
                 "mad.lo.cc.u32 %d1, %a0, %a3, %d1;\n madc.hi.u32 %d2, %a0, %a3, 0;\n"
                 "mad.lo.cc.u32 %d1, %a1, %a2, %d1;\n madc.hi.cc.u32 %d2, %a1, %a2, %d2;\n"
                 "addc.u32 %d3, 0, 0;\n"
                 "mad.lo.cc.u32 %d2, %a1, %a3, %d2;\n madc.hi.u32 %d3, %a1, %a3, %d3;",
                 a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u64 x = u64(a[i][1]) << 32 | a[i][0], y = u64(a[i][3]) << 32 | a[i][2];
    EXPECT_TRUE(number(d[i]) == u128(x) * y) << i;
  }
}

TEST(Arithmetic, CarriesOf64BitsAndSignedHalves) {
  const std::vector<Two> a = [] {
    std::vector<Two> values;
    const std::vector<u64> parts = interesting<u64>(100, 4);
    for (u64 x : parts)
      for (u64 y : {parts[values.size() % parts.size()], ~x, u64(0) - x})
        values.push_back({x, y});
    return values;
  }();
  const std::vector<Two> sum = each<Two>("add.cc.u64 %d0, %a0, %a1;\n addc.u64 %d1, 0, 0;", a);
  const std::vector<Two> high =
      each<Two>("mad.hi.cc.s64 %d0, %a0, %a1, %a1;\n madc.lo.u64 %d1, %a0, %a1, 0;", a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u128 s = u128(a[i][0]) + a[i][1];
    EXPECT_TRUE(sum[i][0] == u64(s) && sum[i][1] == u64(s >> 64)) << i;
    const u64 upper = u64((i128(s64(a[i][0])) * s64(a[i][1])) >> 64);
    EXPECT_EQ(high[i][0], upper + a[i][1]) << i;
    EXPECT_EQ(high[i][1], a[i][0] * a[i][1] + (upper + a[i][1] < upper)) << i;
  }
}

// Under a guard only the lanes that run change the flag.
TEST(Arithmetic, CarryUnderAGuard) {
  const std::vector<u32> a = {0xffffffff, 0xffffffff, 1, 1};
  const std::vector<u32> d = each<u32>("add.cc.u32 %r0, %a, 1;\n rem.u32 %r1, %i, 2;\n"
                                       "setp.ne.u32 %p0, %r1, 0;\n @%p0 add.cc.u32 %r0, %a, 0;\n"
                                       "addc.u32 %d, 0, 0;",
                                       a);
  EXPECT_EQ(d, (std::vector<u32>{1, 0, 0, 0}));
}

TEST(Arithmetic, RefusesWhatTheIsaHasNot) {
  Machine machine;
  for (const char* wrong : {"mul.wide.u64 %l0, %l1, %l2;", "add.sat.u32 %r0, %r1, %r2;", "abs.u32 %r0, %r1;",
                            "add.u32 %l0, %r1, %r2;", "add.cc.u16 %h0, %h1, %h2;", "mul.u32 %r0, %r1, %r2;"})
    EXPECT_EQ(machine.load(Wrapping().text(wrong)), nullptr) << wrong;
}

} // namespace
} // namespace emu::test
