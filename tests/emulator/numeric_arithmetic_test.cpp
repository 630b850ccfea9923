// f32 and f64 arithmetic in every rounding mode against the host's floating-point unit in that mode;
// comparisons, min and max against the pseudo-code of the ISA.
#include "emulator/numeric/arithmetic.h"
#include "emulator/numeric/compare.h"

#include "numeric_oracle.h"

#include <cfenv>

using namespace emu::numeric;

namespace {

enum class Op { add, sub, mul, fma, div, rcp, sqrt };
const Op all_operations[] = {Op::add, Op::sub, Op::mul, Op::fma, Op::div, Op::rcp, Op::sqrt};

// Operands and result pass through memory, so that nothing is computed before the mode is set.
template <class Float> [[gnu::noinline]] Float on_host(Op op, Float a, Float b, Float c, Round mode) {
  volatile Float x = a, y = b, z = c, result = 0;
  std::fesetround(mode == Round::rz   ? FE_TOWARDZERO
                  : mode == Round::rm ? FE_DOWNWARD
                  : mode == Round::rp ? FE_UPWARD
                                      : FE_TONEAREST);
  switch (op) {
  case Op::add:
    result = x + y;
    break;
  case Op::sub:
    result = x - y;
    break;
  case Op::mul:
    result = x * y;
    break;
  case Op::fma:
    result = std::fma(x, y, z);
    break;
  case Op::div:
    result = x / y;
    break;
  case Op::rcp:
    result = 1 / x;
    break;
  case Op::sqrt:
    result = std::sqrt(x);
    break;
  }
  std::fesetround(FE_TONEAREST);
  return result;
}

template <class Float, class Mode> Float emulated(Op op, Float a, Float b, Float c, Mode mode) {
  switch (op) {
  case Op::add:
    return add(a, b, mode);
  case Op::sub:
    return sub(a, b, mode);
  case Op::mul:
    return mul(a, b, mode);
  case Op::fma:
    return fma(a, b, c, mode);
  case Op::div:
    return div(a, b, mode);
  case Op::rcp:
    return rcp(a, mode);
  case Op::sqrt:
    return emu::numeric::sqrt(a, mode);
  }
  return 0;
}

// Operands of all magnitudes, of like magnitudes, and with few bits, where ties and exact results are.
template <class Float> Float any(std::mt19937_64& random) {
  auto word = random();
  auto small = static_cast<Float>(static_cast<std::int64_t>(random() % 2001) - 1000);
  switch (word % 4) {
  case 0:
    return static_cast<Float>(sizeof(Float) == 4 ? oracle::float_of(static_cast<std::uint32_t>(random()))
                                                 : static_cast<Float>(oracle::double_of(random())));
  case 1:
    return std::ldexp(small, static_cast<int>(word >> 8 & 63) - 32);
  case 2:
    return std::ldexp(static_cast<Float>(static_cast<std::int64_t>(random())), -63);
  default:
    return std::ldexp(small, static_cast<int>(word >> 8 & 255) - (sizeof(Float) == 4 ? 150 : 1074));
  }
}

TEST(Arithmetic, SinglePrecisionInEveryMode) {
  auto random = oracle::generator();
  auto check = [](Op op, float a, float b, float c) {
    for (Round mode : oracle::ieee_modes) {
      float expected = on_host(op, a, b, c, mode), given = emulated(op, a, b, c, Modifiers{.round = mode});
      ASSERT_EQ(oracle::bits(given), std::isnan(expected) ? 0x7fffffffu : oracle::bits(expected))
          << int(op) << std::hexfloat << " of " << a << " " << b << " " << c << " mode " << int(mode) << ": "
          << given << ", expected " << expected;
    }
  };
  for (Op op : all_operations) {
    for (float a : oracle::corners<float>())
      for (float b : oracle::corners<float>())
        for (float c : oracle::corners<float>())
          if (op == Op::fma || oracle::bits(c) == 0) {
            check(op, a, b, c);
            if (testing::Test::HasFatalFailure())
              return;
          }
    for (int i = 0; i < 200000; ++i) {
      float a = any<float>(random), b = any<float>(random), c = any<float>(random);
      if (i % 4 == 0)
        c = -a * b; // cancellation
      check(op, a, b, c);
      if (testing::Test::HasFatalFailure())
        return;
    }
  }
}

TEST(Arithmetic, DoublePrecisionInEveryMode) {
  auto random = oracle::generator();
  for (Op op : all_operations)
    for (int i = 0; i < 100000; ++i) {
      double a = any<double>(random), b = any<double>(random), c = i % 4 ? any<double>(random) : -a * b;
      for (Round mode : oracle::ieee_modes) {
        double expected = on_host(op, a, b, c, mode), given = emulated(op, a, b, c, mode);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(given));
        } else {
          ASSERT_EQ(oracle::bits(given), oracle::bits(expected))
              << int(op) << std::hexfloat << " of " << a << " " << b << " " << c << " mode " << int(mode);
        }
      }
    }
  // The mode is as it was.
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  volatile double third = 3;
  EXPECT_EQ(1 / third, 0x1.5555555555555p-2);
}

// The same for products against exact ones of 106 bits, since both sides above set the mode of one unit.
TEST(Arithmetic, DirectedProductsEncloseTheExactOne) {
  auto random = oracle::generator();
  for (int i = 0; i < 50000; ++i) {
    double a = std::ldexp(double(random() >> 11), -53), b = std::ldexp(double(random() >> 11), -53);
    auto exact = static_cast<__float128>(a) * b;
    double down = mul(a, b, Round::rm), up = mul(a, b, Round::rp);
    ASSERT_TRUE(down <= exact && exact <= up);
    ASSERT_TRUE(down == up || std::nextafter(down, 2.0) == up);
    ASSERT_EQ(mul(a, b, Round::rz), down);
    ASSERT_EQ(mul(-a, b, Round::rz), -down);
    double sum_down = fma(a, b, 1.0, Round::rm), sum_up = fma(a, b, 1.0, Round::rp);
    ASSERT_TRUE(sum_down <= exact + 1 && exact + 1 <= sum_up);
    ASSERT_TRUE(sum_down == sum_up || std::nextafter(sum_down, 3.0) == sum_up);
  }
}

TEST(Arithmetic, PayloadsStayInDoublePrecisionOnly) {
  double payload = oracle::double_of(0x7ff8000000000123);
  EXPECT_EQ(oracle::bits(add(payload, 1.0)), 0x7ff8000000000123u);
  EXPECT_EQ(oracle::bits(add(oracle::float_of(0xffc12345), 1.0f)), 0x7fffffffu);
  volatile double zero = 0; // not folded by the compiler
  EXPECT_EQ(oracle::bits(mul(zero, double(INFINITY))), 0xfff8000000000000u);
}

TEST(Arithmetic, FlushesOperandsAndResults) {
  float tiny = 0x1p-130f;
  Modifiers ftz{.ftz = true};
  EXPECT_EQ(oracle::bits(add(-tiny, 0.0f, ftz)), 0u); // -0 + 0
  EXPECT_EQ(oracle::bits(mul(-tiny, 1.0f, ftz)), 0x80000000u);
  EXPECT_EQ(oracle::bits(mul(0x1p-100f, -0x1p-30f, ftz)), 0x80000000u);
  EXPECT_EQ(mul(0x1p-100f, 0x1p-26f, ftz), 0x1p-126f);
  EXPECT_EQ(fma(1.0f, 0x1p-126f, -0x1p-127f, ftz), 0x1p-126f);
  EXPECT_EQ(rcp(tiny, ftz), INFINITY);
  EXPECT_EQ(oracle::bits(emu::numeric::sqrt(-tiny, ftz)), 0x80000000u);
  EXPECT_EQ(add(tiny, tiny), 0x1p-129f);
}

TEST(Arithmetic, SaturatesToTheUnitInterval) {
  Modifiers sat{.sat = true};
  EXPECT_EQ(add(0.75f, 0.75f, sat), 1.0f);
  EXPECT_EQ(oracle::bits(add(-1.0f, 0.5f, sat)), 0u);
  EXPECT_EQ(oracle::bits(add(-0.0f, -0.0f, sat)), 0u);
  EXPECT_EQ(oracle::bits(mul(0.0f, INFINITY, sat)), 0u);
  EXPECT_EQ(fma(0.5f, 0.5f, 0.25f, sat), 0.5f);
  EXPECT_EQ(mul(2.0f, INFINITY, sat), 1.0f);
}

TEST(Arithmetic, SignsAreBits) {
  EXPECT_EQ(oracle::bits(emu::numeric::copysign(-0.0f, 3.0f)), oracle::bits(-3.0f));
  EXPECT_EQ(oracle::bits(emu::numeric::copysign(1.0, -double(INFINITY))), oracle::bits(double(INFINITY)));
  EXPECT_EQ(oracle::bits(negate(0.0f)), 0x80000000u);
  EXPECT_EQ(oracle::bits(absolute(-0x1p-140f, true)), 0u);
}

// ---- comparison --------------------------------------------------------------------------------------

template <class Float> class Comparison : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(Comparison, Floats);

TYPED_TEST(Comparison, FollowsTheTables) {
  struct {
    Compare ordered, unordered;
    bool less, equal, greater;
  } table[] = {
      {Compare::eq, Compare::equ, false, true, false}, {Compare::ne, Compare::neu, true, false, true},
      {Compare::lt, Compare::ltu, true, false, false}, {Compare::le, Compare::leu, true, true, false},
      {Compare::gt, Compare::gtu, false, false, true}, {Compare::ge, Compare::geu, false, true, true},
      {Compare::num, Compare::nan, true, true, true}};
  for (TypeParam a : oracle::corners<TypeParam>())
    for (TypeParam b : oracle::corners<TypeParam>())
      for (auto& row : table) {
        bool nan = std::isnan(a) || std::isnan(b);
        bool relation = std::isless(a, b) ? row.less : std::isgreater(a, b) ? row.greater : row.equal;
        ASSERT_EQ(compare(row.ordered, a, b), !nan && relation) << a << " " << b;
        bool unordered = row.unordered == Compare::nan ? nan : nan || relation;
        ASSERT_EQ(compare(row.unordered, a, b), unordered) << a << " " << b;
      }
  EXPECT_TRUE(compare(Compare::eq, TypeParam{0}, std::numeric_limits<TypeParam>::denorm_min(), true));
  EXPECT_FALSE(compare(Compare::eq, TypeParam{0}, std::numeric_limits<TypeParam>::denorm_min()));
}

TYPED_TEST(Comparison, TestsProperties) {
  for (TypeParam x : oracle::corners<TypeParam>()) {
    int kind = std::fpclassify(x);
    EXPECT_EQ(test(TestProperty::finite, x), std::isfinite(x));
    EXPECT_EQ(test(TestProperty::infinite, x), kind == FP_INFINITE);
    EXPECT_EQ(test(TestProperty::number, x), kind != FP_NAN);
    EXPECT_EQ(test(TestProperty::notanumber, x), kind == FP_NAN);
    EXPECT_EQ(test(TestProperty::normal, x), kind == FP_NORMAL || kind == FP_ZERO) << x;
    EXPECT_EQ(test(TestProperty::subnormal, x), kind == FP_SUBNORMAL) << x;
  }
}

// The pseudo-code of the ISA for max; min is -max(-a, -b).
template <class Float> Float isa_max(Float a, Float b, MinMax m) {
  bool sign = std::signbit(a) != std::signbit(b);
  if (m.xorsign_abs)
    a = std::fabs(a), b = std::fabs(b);
  bool before = a > b || (a == b && !std::signbit(a)); // +0 > -0
  Float result = before ? a : b;
  if (std::isnan(a))
    result = b;
  if (std::isnan(b))
    result = a;
  if ((std::isnan(a) && std::isnan(b)) || (m.nan && (std::isnan(a) || std::isnan(b))))
    return std::numeric_limits<Float>::quiet_NaN();
  return m.xorsign_abs ? std::copysign(result, sign ? Float{-1} : Float{1}) : result;
}

TYPED_TEST(Comparison, MinAndMaxFollowThePseudoCode) {
  constexpr auto canonical = sizeof(TypeParam) == 4 ? 0x7fffffffu : 0x7fffffffffffffffu;
  for (TypeParam a : oracle::corners<TypeParam>())
    for (TypeParam b : oracle::corners<TypeParam>())
      for (MinMax m : {MinMax{}, MinMax{.nan = true}, MinMax{.xorsign_abs = true},
                       MinMax{.nan = true, .xorsign_abs = true}}) {
        TypeParam expected = isa_max(a, b, m), given = max(a, b, m);
        ASSERT_EQ(oracle::bits(given), std::isnan(expected) ? canonical : oracle::bits(expected))
            << a << " " << b;
        if (m.xorsign_abs)
          continue;
        expected = -isa_max(-a, -b, m), given = min(a, b, m);
        ASSERT_EQ(oracle::bits(given), std::isnan(expected) ? canonical : oracle::bits(expected))
            << a << " " << b;
      }
  EXPECT_EQ(min(TypeParam{-3}, TypeParam{2}, {.xorsign_abs = true}), -2);
  EXPECT_EQ(min(TypeParam{-3}, TypeParam{-2}, {.xorsign_abs = true}), 2);
}

TEST(Comparison3, OfThreeOperands) {
  EXPECT_EQ(max3(1.0f, NAN, 3.0f), 3.0f);
  EXPECT_TRUE(std::isnan(max3(1.0f, 3.0f, NAN, false, true)));
  EXPECT_EQ(min3(-1.0f, 2.0f, 3.0f, false, false, true), 1.0f);
  EXPECT_EQ(oracle::bits(min3(0.0f, -0.0f, 1.0f)), 0x80000000u);
  EXPECT_EQ(oracle::bits(max3(-1.0f, -0x1p-140f, -2.0f, true)), 0x80000000u);
}

} // namespace
