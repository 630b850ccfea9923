// Arithmetic of f16 and bf16 against exact sums and products in long double, rounded once by search.
#include "emulator/numeric/half.h"

#include "numeric_oracle.h"

using namespace emu::numeric;

namespace {

template <class F> class Half : public testing::Test {
protected:
  oracle::Format format = oracle::Format::of<F>();

  // x + y, exact as far as rounding to the format can see: a term too small for 64 bits becomes a sign.
  static long double sum(long double x, long double y) {
    if (std::isfinite(x) && std::isfinite(y) && x != 0 && y != 0) {
      if (std::fabs(y) < std::fabs(x) * 0x1p-40L)
        y = std::copysign(std::fabs(x) * 0x1p-40L, y);
      else if (std::fabs(x) < std::fabs(y) * 0x1p-40L)
        x = std::copysign(std::fabs(y) * 0x1p-40L, x);
    }
    return x + y;
  }
  std::uint32_t rounded(long double x) { return format.round(x, Round::rn); }

  void check(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
    long double x = format.value(a), y = format.value(b), z = format.value(c);
    ASSERT_EQ(half_add<F>(a, b), rounded(sum(x, y))) << std::hex << a << " + " << b;
    ASSERT_EQ(half_sub<F>(a, b), rounded(sum(x, -y))) << std::hex << a << " - " << b;
    ASSERT_EQ(half_mul<F>(a, b), rounded(x * y)) << std::hex << a << " * " << b;
    ASSERT_EQ(half_fma<F>(a, b, c), rounded(sum(x * y, z))) << std::hex << a << " * " << b << " + " << c;
  }
};
using HalfFormats = testing::Types<F16, BF16>;
TYPED_TEST_SUITE(Half, HalfFormats);

TYPED_TEST(Half, EveryOperandWithChosenOthers) {
  const std::uint32_t one = TypeParam::bias << TypeParam::mantissa_bits, top = TypeParam::infinity;
  const std::uint32_t others[] = {0,
                                  1,
                                  2,
                                  3,
                                  one,
                                  one + 1,
                                  one - 1,
                                  1u << TypeParam::mantissa_bits,
                                  (1u << TypeParam::mantissa_bits) - 1,
                                  top,
                                  top - 1,
                                  top + 1,
                                  0x2345};
  for (std::uint32_t a = 0; a < 65536; ++a)
    for (std::uint32_t b : others) {
      this->check(static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b),
                  static_cast<std::uint16_t>(a ^ 0x8000));
      this->check(static_cast<std::uint16_t>(b | 0x8000), static_cast<std::uint16_t>(a),
                  static_cast<std::uint16_t>(b));
      if (testing::Test::HasFatalFailure())
        return;
    }
}

TYPED_TEST(Half, RandomOperands) {
  auto random = oracle::generator();
  for (int i = 0; i < 1000000; ++i) {
    auto word = random();
    auto a = static_cast<std::uint16_t>(word), b = static_cast<std::uint16_t>(word >> 16),
         c = static_cast<std::uint16_t>(word >> 32);
    if (i % 2) // a product near c in size, so that ties of the product meet a small addend
      c = static_cast<std::uint16_t>((half_mul<TypeParam>(a, b) ^ 0x8000) + (word >> 60));
    this->check(a, b, c);
    if (testing::Test::HasFatalFailure())
      return;
  }
}

// A product that lies on a tie, and an addend too small for double: it decides.
TEST(HalfTies, TheSmallAddendDecides) {
  std::uint16_t x = 0x3f81, y = 0x3fc0;             // (1 + 2^-7) 1.5 = 1.51171875, a tie of bf16
  std::uint32_t low = 0x3fc1;                       // 1.5078125
  EXPECT_EQ(half_fma<BF16>(x, y, 0x0001), low + 1); // + 2^-133
  EXPECT_EQ(half_fma<BF16>(x, y, 0x8001), low);
}

TYPED_TEST(Half, ModifiersFollowTheResult) {
  const std::uint16_t one = TypeParam::bias << TypeParam::mantissa_bits, nan = 0x7fff, tiny = 3;
  const std::uint16_t minus_one = one | 0x8000, infinite = TypeParam::infinity;
  EXPECT_EQ(half_add<TypeParam>(minus_one, tiny, {.relu = true}), 0);
  EXPECT_EQ(half_add<TypeParam>(0x8000, 0x8000, {.relu = true}), 0);
  EXPECT_EQ(half_add<TypeParam>(0xffff, one, {.relu = true}), nan);
  EXPECT_EQ(half_add<TypeParam>(one, one, {.sat = true}), one);
  EXPECT_EQ(half_add<TypeParam>(minus_one, 0, {.sat = true}), 0);
  EXPECT_EQ(half_mul<TypeParam>(infinite, 0, {.sat = true}), 0);
  EXPECT_EQ(half_add<TypeParam>(infinite, one, {.sat = true}), one);
  EXPECT_EQ(half_add<TypeParam>(0x8000 | tiny, 0x8000, {.ftz = true}), 0x8000);
  EXPECT_EQ(half_add<TypeParam>(tiny, tiny, {}), 2 * tiny);
  EXPECT_EQ(half_neg<TypeParam>(tiny), 0x8000 | tiny);
  EXPECT_EQ(half_neg<TypeParam>(tiny, true), 0x8000);
  EXPECT_EQ(half_abs<TypeParam>(minus_one), one);
}

TYPED_TEST(Half, MinAndMax) {
  for (std::uint32_t a = 0; a < 65536; ++a)
    for (std::uint32_t b :
         {0x0000u, 0x8000u, 0x0001u, 0x3c00u, 0xbc00u, 0x7fffu, 0xffffu, 0x7c00u, 0x7f80u}) {
      long double x = this->format.value(a), y = this->format.value(b);
      bool first = std::isnan(y) || x > y || (x == y && !std::signbit(x));
      std::uint32_t larger = std::isnan(x) ? (std::isnan(y) ? 0x7fffu : b) : first ? a : b;
      first = std::isnan(y) || x < y || (x == y && std::signbit(x));
      std::uint32_t smaller = std::isnan(x) ? (std::isnan(y) ? 0x7fffu : b) : first ? a : b;
      auto lhs = static_cast<std::uint16_t>(a), rhs = static_cast<std::uint16_t>(b);
      ASSERT_EQ(half_max<TypeParam>(lhs, rhs), larger) << std::hex << a << " " << b;
      ASSERT_EQ(half_min<TypeParam>(lhs, rhs), smaller) << std::hex << a << " " << b;
      if (std::isnan(x) || std::isnan(y)) {
        ASSERT_EQ(half_max<TypeParam>(lhs, rhs, {.nan = true}), 0x7fff);
      }
    }
}

TEST(HalfPairs, EachHalfByItself) {
  auto sum = pairwise([](auto x, auto y) { return half_add<F16>(x, y); }, 0x3c004000u, 0x3c003c00u);
  EXPECT_EQ(sum, 0x40004200u); // 1 + 1, 2 + 1
}

} // namespace
