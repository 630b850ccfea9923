// The approximate instructions: inside the bound that the ISA states, for several seeds, with long double as
// the exact value; exactly what its tables say for special operands; and not always the same for different
// seeds.
#include "emulator/numeric/approximate.h"

#include "numeric_oracle.h"

#include <functional>

using namespace emu::numeric;

namespace {

const std::uint64_t seeds[] = {0, 1, 2, 0x123456789abcdef, ~std::uint64_t{0}};

long double unit(float x) { // of the last place
  int exponent = std::ilogb(x == 0 ? std::numeric_limits<float>::min() : x);
  return std::ldexp(1.0L, std::max(exponent, -126) - 23);
}
long double relative(long double exact, float given) { return std::fabs(given - exact) / std::fabs(exact); }

// Whether the result for seed 0 is as near as a float can be.
bool nearest(long double exact, float given) {
  long double distance = std::fabs(exact - given), slack = 1.00001L;
  return distance <= slack * std::fabs(exact - std::nextafter(given, INFINITY)) &&
         distance <= slack * std::fabs(exact - std::nextafter(given, -INFINITY));
}

// Checks `inside` for all inputs and seeds, and that seeds matter.
void check(const char* name, const std::vector<float>& inputs,
           const std::function<float(float, std::uint64_t)>& given,
           const std::function<long double(long double)>& exact,
           const std::function<bool(float x, long double exact, float given)>& inside) {
  int differ = 0;
  for (float x : inputs) {
    long double value = exact(x);
    for (std::uint64_t seed : seeds) {
      float result = given(x, seed);
      ASSERT_TRUE(inside(x, value, result)) << name << std::hexfloat << " of " << x << " is " << result
                                            << ", exactly " << value << "; seed " << seed;
      ASSERT_EQ(oracle::bits(result), oracle::bits(given(x, seed)));
      if (seed == 0 && std::fabs(value) >= 0x1p-149L && std::fabs(value) < 0x1p128L) {
        ASSERT_TRUE(nearest(value, result)) << name << std::hexfloat << " of " << x << " is " << result;
      }
    }
    differ += oracle::bits(given(x, 1)) != oracle::bits(given(x, 2));
  }
  EXPECT_GT(differ, static_cast<int>(inputs.size() / 10)) << name;
}

std::vector<float> inputs(std::function<float(std::mt19937_64&)> draw) {
  auto random = oracle::generator();
  std::vector<float> result;
  for (int i = 0; i < 30000; ++i)
    result.push_back(draw(random));
  return result;
}
float uniform(std::mt19937_64& random, float low, float high) {
  return low + (high - low) * static_cast<float>(random() >> 40) * 0x1p-24f;
}
float positive(std::mt19937_64& random) { // all magnitudes, subnormals among them
  return oracle::float_of(static_cast<std::uint32_t>(random() % 0x7f800000u));
}
float finite(std::mt19937_64& random) { return random() % 2 ? positive(random) : -positive(random); }

TEST(Approximate, Ex2) {
  auto within = [](float, long double exact, float given) {
    auto correct = static_cast<float>(exact);
    if (std::isinf(correct))
      return std::isinf(given) || given >= 0x1.fffffcp127f;
    bool ulps = std::fabs(static_cast<long double>(given) - correct) <= 2 * unit(correct) && given >= 0;
    return ulps && (exact < 0x1p-126L || relative(exact, given) <= 0x1p-22L);
  };
  auto exact = [](long double x) { return std::exp2(x); };
  check(
      "ex2", inputs([](auto& r) { return uniform(r, -152, 130); }),
      [](float x, auto s) { return approximate_ex2(x, s); }, exact, within);
  check(
      "ex2", inputs([](auto& r) { return uniform(r, -2, 2); }),
      [](float x, auto s) { return approximate_ex2(x, s); }, exact, within);
  for (auto seed : seeds) {
    for (int power = -149; power < 128; ++power)
      EXPECT_EQ(approximate_ex2(static_cast<float>(power), seed), std::ldexp(1.0f, power));
    EXPECT_EQ(oracle::bits(approximate_ex2(-INFINITY, seed)), 0u);
    EXPECT_EQ(approximate_ex2(-0.0f, seed), 1.0f);
    EXPECT_EQ(approximate_ex2(0.0f, seed), 1.0f);
    EXPECT_EQ(approximate_ex2(0x1p-140f, seed, true), 1.0f);
    EXPECT_EQ(approximate_ex2(INFINITY, seed), INFINITY);
    EXPECT_EQ(approximate_ex2(1000, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_ex2(-NAN, seed)), 0x7fffffffu);
    EXPECT_EQ(oracle::bits(approximate_ex2(-127.5f, seed, true)), 0u);
    EXPECT_GT(approximate_ex2(-127.5f, seed), 0.0f);
    EXPECT_EQ(oracle::bits(approximate_ex2(-1e30f, seed)), 0u);
  }
}

TEST(Approximate, Lg2) {
  auto within = [](float x, long double exact, float given) {
    return x > 0.5f && x < 2 ? std::fabs(given - exact) <= 0x1p-22L : relative(exact, given) <= 0x1p-22L;
  };
  auto exact = [](long double x) { return std::log2(x); };
  auto given = [](float x, std::uint64_t seed) { return approximate_lg2(x, seed); };
  check("lg2", inputs(positive), given, exact, within);
  check("lg2", inputs([](auto& r) { return uniform(r, 0.4f, 2.2f); }), given, exact, within);
  for (auto seed : seeds) {
    EXPECT_TRUE(std::isnan(approximate_lg2(-INFINITY, seed)));
    EXPECT_TRUE(std::isnan(approximate_lg2(-1.0f, seed)));
    EXPECT_EQ(approximate_lg2(-0.0f, seed), -INFINITY);
    EXPECT_EQ(approximate_lg2(0.0f, seed), -INFINITY);
    EXPECT_EQ(approximate_lg2(0x1p-130f, seed, true), -INFINITY);
    EXPECT_EQ(approximate_lg2(-0x1p-130f, seed, true), -INFINITY);
    EXPECT_EQ(approximate_lg2(INFINITY, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_lg2(NAN, seed)), 0x7fffffffu);
  }
}

TEST(Approximate, Reciprocals) {
  auto one_ulp = [](float, long double exact, float given) {
    auto correct = static_cast<float>(exact);
    return std::isinf(correct) ? std::isinf(given) || std::fabs(given) == 0x1.fffffep127f
                               : std::fabs(given - exact) <= unit(correct);
  };
  check(
      "rcp", inputs(finite), [](float x, auto s) { return approximate_rcp(x, s); },
      [](long double x) { return 1 / x; }, one_ulp);
  check(
      "sqrt", inputs(positive), [](float x, auto s) { return approximate_sqrt(x, s); },
      [](long double x) { return std::sqrt(x); },
      [](float, long double exact, float given) { return relative(exact, given) <= 0x1p-23L; });
  check(
      "rsqrt", inputs(positive), [](float x, auto s) { return approximate_rsqrt(x, s); },
      [](long double x) { return 1 / std::sqrt(x); },
      [](float, long double exact, float given) { return relative(exact, given) <= std::exp2(-22.9L); });
  for (auto seed : seeds) {
    EXPECT_EQ(oracle::bits(approximate_rcp(-INFINITY, seed)), 0x80000000u);
    EXPECT_EQ(approximate_rcp(-0.0f, seed), -INFINITY);
    EXPECT_EQ(approximate_rcp(0.0f, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_rcp(INFINITY, seed)), 0u);
    EXPECT_EQ(oracle::bits(approximate_rcp(-NAN, seed)), 0x7fffffffu);
    EXPECT_EQ(approximate_rcp(-0x1p-127f, seed, true), -INFINITY);
    EXPECT_EQ(oracle::bits(approximate_rcp(-0x1p127f, seed, true)), 0x80000000u);
    EXPECT_TRUE(std::isnan(approximate_sqrt(-1.0f, seed)));
    EXPECT_TRUE(std::isnan(approximate_sqrt(-INFINITY, seed)));
    EXPECT_EQ(oracle::bits(approximate_sqrt(-0.0f, seed)), 0x80000000u);
    EXPECT_EQ(approximate_sqrt(INFINITY, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_sqrt(-0x1p-127f, seed, true)), 0x80000000u);
    EXPECT_EQ(approximate_rsqrt(-0.0f, seed), -INFINITY);
    EXPECT_EQ(approximate_rsqrt(0.0f, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_rsqrt(INFINITY, seed)), 0u);
    EXPECT_EQ(oracle::bits(approximate_rsqrt(-1.0f, seed)), 0x7fffffffu);
    EXPECT_EQ(approximate_rsqrt(-0x1p-127f, seed, true), -INFINITY);
  }
}

TEST(Approximate, Division) {
  auto random = oracle::generator();
  int differ = 0;
  for (int i = 0; i < 100000; ++i) {
    float a = finite(random), b = finite(random);
    long double exact = static_cast<long double>(a) / b;
    auto correct = static_cast<float>(exact);
    for (auto seed : seeds) {
      float full = approximate_div_full(a, b, seed), quick = approximate_div(a, b, seed);
      if (std::isfinite(correct) && b != 0) {
        ASSERT_LE(std::fabs(full - exact), 2 * unit(correct))
            << std::hexfloat << a << " / " << b << " is " << full;
      }
      if (std::fabs(b) > 0x1p126f) {
        ASSERT_EQ(oracle::bits(quick), (oracle::bits(a) ^ oracle::bits(b)) & 0x80000000u);
      } else {
        ASSERT_EQ(oracle::bits(quick), oracle::bits(full));
      }
    }
    ASSERT_TRUE(b == 0 || oracle::bits(approximate_div_full(a, b, 0)) == oracle::bits(correct))
        << a << " / " << b;
    differ += oracle::bits(approximate_div(a, b, 1)) != oracle::bits(approximate_div(a, b, 2));
  }
  EXPECT_GT(differ, 10000);
  EXPECT_TRUE(std::isnan(approximate_div(INFINITY, 0x1p127f, 1)));
  EXPECT_EQ(approximate_div_full(INFINITY, 0x1p127f, 1), INFINITY);
  EXPECT_EQ(oracle::bits(approximate_div(0.0f, 0.0f, 1)), 0x7fffffffu);
  EXPECT_EQ(oracle::bits(approximate_div(1.0f, -INFINITY, 1)), 0x80000000u);
  EXPECT_EQ(approximate_div(-1.0f, 0x1p-130f, 1, true), -INFINITY);
}

TEST(Approximate, SineAndCosine) {
  const long double pi = 3.14159265358979323846L;
  auto within = [=](float x, long double exact, float given) {
    return std::fabs(given - exact) <= (std::fabs(x) <= 2 * pi ? std::exp2(-20.5L) : std::exp2(-14.7L)) &&
           std::fabs(given) <= 1;
  };
  for (float range : {0.01f, 6.28f, 314.15f}) {
    auto in_range = inputs([=](auto& r) { return uniform(r, -range, range); });
    check(
        "sin", in_range, [](float x, auto s) { return approximate_sin(x, s); },
        [](long double x) { return std::sin(x); }, within);
    check(
        "cos", in_range, [](float x, auto s) { return approximate_cos(x, s); },
        [](long double x) { return std::cos(x); }, within);
  }
  for (auto seed : seeds) {
    EXPECT_TRUE(std::isnan(approximate_sin(INFINITY, seed)));
    EXPECT_TRUE(std::isnan(approximate_cos(-INFINITY, seed)));
    EXPECT_EQ(oracle::bits(approximate_sin(NAN, seed)), 0x7fffffffu);
    EXPECT_EQ(oracle::bits(approximate_sin(-0.0f, seed)), 0x80000000u);
    EXPECT_EQ(oracle::bits(approximate_sin(-0x1p-130f, seed, true)), 0x80000000u);
    EXPECT_EQ(approximate_cos(-0.0f, seed), 1.0f);
    for (float x : {1e10f, -1e20f, 3e38f}) {
      EXPECT_LE(std::fabs(approximate_sin(x, seed)), 1.0f);
      EXPECT_LE(std::fabs(approximate_cos(x, seed)), 1.0f);
    }
  }
}

TEST(Approximate, Tanh) {
  auto given = [](float x, std::uint64_t seed) { return approximate_tanh(x, seed); };
  auto exact = [](long double x) { return std::tanh(x); };
  auto within = [](float, long double exact, float given) {
    return relative(exact, given) <= 0x1p-11L && std::fabs(given) <= 1;
  };
  check("tanh", inputs([](auto& r) { return uniform(r, -10, 10); }), given, exact, within);
  check("tanh", inputs([](auto& r) { return std::ldexp(uniform(r, -1, 1), -static_cast<int>(r() % 120)); }),
        given, exact, within);
  for (auto seed : seeds) {
    EXPECT_EQ(approximate_tanh(-INFINITY, seed), -1.0f);
    EXPECT_EQ(approximate_tanh(INFINITY, seed), 1.0f);
    EXPECT_EQ(oracle::bits(approximate_tanh(-0.0f, seed)), 0x80000000u);
    EXPECT_EQ(approximate_tanh(-0x1p-140f, seed), -0x1p-140f);
    EXPECT_EQ(oracle::bits(approximate_tanh(-NAN, seed)), 0x7fffffffu);
  }
}

template <class F> class ApproximateHalf : public testing::Test {};
using HalfFormats = testing::Types<F16, BF16>;
TYPED_TEST_SUITE(ApproximateHalf, HalfFormats);

TYPED_TEST(ApproximateHalf, EveryOperand) {
  auto format = oracle::Format::of<TypeParam>();
  constexpr bool is_f16 = TypeParam::exponent_bits == 5;
  const long double ex2_bound = is_f16 ? std::exp2(-9.9L) : 0x1p-7L,
                    tanh_bound = is_f16 ? std::exp2(-10.987L) : 0x1p-8L;
  const long double least = is_f16 ? 0x1p-14L : 0x1p-126L, most = format.values.back();
  const std::uint32_t one = TypeParam::bias << TypeParam::mantissa_bits, top = TypeParam::infinity;
  int ex2_differ = 0, tanh_differ = 0;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    auto x = static_cast<std::uint16_t>(i);
    long double value = format.value(x);
    bool subnormal = std::fabs(value) < least;
    for (auto seed : seeds) {
      std::uint16_t ex2 = approximate_half_ex2<TypeParam>(x, seed),
                    tanh = approximate_half_tanh<TypeParam>(x, seed);
      if (std::isnan(value)) {
        ASSERT_EQ(ex2, 0x7fff);
        ASSERT_EQ(tanh, 0x7fff);
        continue;
      }
      long double exact = std::exp2(!is_f16 && subnormal ? 0 : value);
      if (value == 0 || (!is_f16 && subnormal) || std::isinf(value)) {
        ASSERT_EQ(ex2, value == -INFINITY ? 0 : value == INFINITY ? top : one) << x;
      } else if (exact >= least * 1.02L && exact <= most) {
        ASSERT_LE(std::fabs(format.value(ex2) - exact), ex2_bound * exact) << x << " seed " << seed;
      } else if (exact < least / 1.02L) {
        ASSERT_EQ(ex2, is_f16 ? format.round(exact, Round::rn) : 0) << x << " seed " << seed;
      }
      ASSERT_LE(std::fabs(format.value(tanh) - std::tanh(value)), tanh_bound) << x << " seed " << seed;
      ASSERT_LE(std::fabs(format.value(tanh)), 1);
      if (subnormal || std::isinf(value)) {
        ASSERT_EQ(tanh, subnormal ? x : one | (x & 0x8000u));
      }
      if (seed == 0) {
        ASSERT_EQ(tanh, subnormal ? x : format.round(std::tanh(value), Round::rn)) << x;
        if (exact >= least || is_f16) {
          ASSERT_EQ(ex2, format.round(exact, Round::rn)) << x;
        }
      }
    }
    ex2_differ += approximate_half_ex2<TypeParam>(x, 1) != approximate_half_ex2<TypeParam>(x, 2);
    tanh_differ += approximate_half_tanh<TypeParam>(x, 1) != approximate_half_tanh<TypeParam>(x, 2);
  }
  EXPECT_GT(ex2_differ, 1000);
  EXPECT_GT(tanh_differ, 1000);
}

TEST(Approximate, UpperWordsOfDoubles) {
  auto random = oracle::generator();
  int differ = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = std::ldexp(1 + double(random() >> 12) * 0x1p-52, static_cast<int>(random() % 2000) - 1000);
    double upper = oracle::double_of(oracle::bits(x) & 0xffffffff00000000u);
    for (auto seed : seeds) {
      double rcp = approximate_rcp(x, seed), rsqrt = approximate_rsqrt_upper(x, seed);
      ASSERT_EQ(oracle::bits(rcp) << 32, 0u);
      ASSERT_EQ(oracle::bits(rsqrt) << 32, 0u);
      ASSERT_LE(std::fabs(rcp * upper - 1), 0x1p-20);
      ASSERT_LE(std::fabs(rsqrt * rsqrt * upper - 1), 0x1p-19);
    }
    differ += approximate_rcp(x, 1) != approximate_rcp(x, 2);
  }
  EXPECT_GT(differ, 10000);
  for (auto seed : seeds) {
    EXPECT_EQ(oracle::bits(approximate_rcp(-double(INFINITY), seed)), 0x8000000000000000u);
    EXPECT_EQ(approximate_rcp(-0x1p-1030, seed), -INFINITY);
    EXPECT_EQ(approximate_rcp(0.0, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_rcp(0x1.8p1023, seed)), 0u);
    EXPECT_EQ(oracle::bits(approximate_rcp(oracle::double_of(0x7ff0000000000001), seed)),
              0x7fffffff00000000u);
    EXPECT_EQ(approximate_rsqrt_upper(-0x1p-1030, seed), -INFINITY);
    EXPECT_EQ(approximate_rsqrt_upper(0.0, seed), INFINITY);
    EXPECT_EQ(oracle::bits(approximate_rsqrt_upper(double(INFINITY), seed)), 0u);
    EXPECT_EQ(oracle::bits(approximate_rsqrt_upper(-1.0, seed)), 0x7fffffff00000000u);
  }
  EXPECT_EQ(approximate_rsqrt(4.0), 0.5);
}

} // namespace
