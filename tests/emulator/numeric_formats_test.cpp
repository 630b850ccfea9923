// Conversions between floating-point formats and to and from integers.
#include "emulator/numeric/integers.h"

#include "numeric_oracle.h"

using namespace emu::numeric;

namespace {

template <class F> class Formats : public testing::Test {};
using AllFormats = testing::Types<F16, BF16, TF32, E5M2, E4M3, E3M2, E2M3, E2M1>;
TYPED_TEST_SUITE(Formats, AllFormats);

// Each value of the format (of tf32, every 15th), each midpoint, and the floats next to them.
std::vector<float> neighbourhoods(const oracle::Format& format) {
  std::vector<float> result = oracle::corners<float>();
  auto add = [&](long double at) {
    auto x = static_cast<float>(at);
    for (float y : {x, std::nextafter(x, 0.0f), std::nextafter(x, INFINITY)})
      result.push_back(y), result.push_back(-y);
  };
  std::size_t step = format.values.size() > 100000 ? 15 : 1; // odd: both parities
  for (std::size_t i = 0; i < format.values.size(); i += step) {
    add(format.values[i]);
    long double next =
        i + 1 < format.values.size() ? format.values[i + 1] : 2 * format.values[i] - format.values[i - 1];
    add((format.values[i] + next) / 2);
    if (i + 1 == format.values.size())
      add(next);
  }
  return result;
}

TYPED_TEST(Formats, EveryEncodingWidensToItsValue) {
  auto format = oracle::Format::of<TypeParam>();
  for (std::uint32_t x = 0; x < 2 * format.sign_bit(); ++x) {
    float widened = widen<TypeParam>(x);
    long double expected = format.value(x);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(widened)) << x;
    } else {
      ASSERT_EQ(oracle::bits(widened), oracle::bits(static_cast<float>(expected))) << x;
    }
    if (std::isnan(expected) && TypeParam::exponent_bits < 8) {
      ASSERT_EQ(oracle::bits(widened), 0x7fffffffu) << x;
    }
  }
}

TYPED_TEST(Formats, NarrowsAsTheNeighboursSay) {
  auto format = oracle::Format::of<TypeParam>();
  auto random = oracle::generator();
  std::vector<float> inputs = neighbourhoods(format);
  for (int i = 0; i < 100000; ++i)
    inputs.push_back(oracle::float_of(static_cast<std::uint32_t>(random())));
  for (Round mode : oracle::all_modes)
    for (Overflow overflow : {Overflow::infinity, Overflow::finite})
      for (float x : inputs) {
        std::uint32_t expected = format.round(x, mode, overflow);
        ASSERT_EQ(narrow<TypeParam>(x, mode, overflow), expected)
            << std::hexfloat << x << " mode " << int(mode);
        ASSERT_EQ(narrow<TypeParam>(static_cast<double>(x), mode, overflow), expected)
            << std::hexfloat << x << " mode " << int(mode);
      }
}

TYPED_TEST(Formats, NarrowsDoublesThatAreNoFloats) {
  auto format = oracle::Format::of<TypeParam>();
  auto random = oracle::generator();
  std::vector<double> inputs = oracle::corners<double>();
  for (float x : neighbourhoods(format))
    if (std::isfinite(x))
      for (double y : {std::nextafter(double(x), -INFINITY), std::nextafter(double(x), INFINITY)})
        inputs.push_back(y);
  for (int i = 0; i < 20000; ++i)
    inputs.push_back(oracle::double_of(random()));
  for (Round mode : oracle::all_modes)
    for (double x : inputs)
      ASSERT_EQ(narrow<TypeParam>(x, mode), format.round(x, mode))
          << std::hexfloat << x << " mode " << int(mode);
}

TYPED_TEST(Formats, StochasticRoundingCarriesWhereTheFractionsSumToOne) {
  auto format = oracle::Format::of<TypeParam>();
  auto random = oracle::generator();
  constexpr int width = 13;
  for (int i = 0; i < 100000; ++i) {
    std::uniform_int_distribution<std::uint32_t> below(0, format.largest() - 1);
    std::uint32_t low = below(random), word = static_cast<std::uint32_t>(random()) & ((1u << width) - 1);
    long double unit = format.values[low + 1] - format.values[low];
    auto x = static_cast<float>(format.values[low] +
                                unit * std::ldexp(static_cast<long double>(random() >> 40), -24));
    if (x < format.values[low] || x >= format.values[low + 1])
      continue;
    long double fraction =
        (x - format.values[low]) / unit + std::ldexp(static_cast<long double>(word), -width);
    ASSERT_EQ(narrow_stochastic<TypeParam>(x, word, width), low + (fraction >= 1))
        << std::hexfloat << x << " " << word;
    ASSERT_EQ(narrow_stochastic<TypeParam>(-x, word, width), format.sign_bit() | (low + (fraction >= 1)));
  }
}

TEST(Conversions, DoubleToFloat) {
  auto random = oracle::generator();
  std::vector<double> inputs = oracle::corners<double>();
  for (float x : oracle::corners<float>())
    if (std::isfinite(x))
      for (double y : {double(x), std::nextafter(double(x), -INFINITY), std::nextafter(double(x), INFINITY)})
        inputs.push_back(y);
  for (int i = 0; i < 300000; ++i) {
    inputs.push_back(oracle::double_of(random()));
    float x = oracle::float_of(static_cast<std::uint32_t>(random())), y = std::nextafter(x, INFINITY);
    if (std::isfinite(x) && std::isfinite(y))
      inputs.push_back((static_cast<double>(x) + y) / 2);
  }
  for (Round mode : oracle::ieee_modes)
    for (double x : inputs) {
      float expected = oracle::round_to<float>(x, mode), given = to_f32(x, mode);
      ASSERT_EQ(oracle::bits(given), std::isnan(x) ? 0x7fffffffu : oracle::bits(expected))
          << std::hexfloat << x << " mode " << int(mode);
    }
}

TEST(Conversions, Tf32RegistersHoldAFloat) {
  EXPECT_EQ(to_tf32(1.0f, Round::rna), 0x3f800000u);
  EXPECT_EQ(to_tf32(oracle::float_of(0x3f801000), Round::rna), 0x3f802000u);
  EXPECT_EQ(to_tf32(oracle::float_of(0x3f801000), Round::rn), 0x3f800000u);
  EXPECT_EQ(to_tf32(-NAN, Round::rn), 0x7fffffffu);
  EXPECT_EQ(to_tf32(-2.0f, Round::rz, Overflow::infinity, true), 0u);
  EXPECT_EQ(to_tf32(-INFINITY, Round::rn, Overflow::finite), 0xff7fe000u);
}

TEST(Conversions, ScaleFormatHasExponentsOnly) {
  for (int e = -126; e <= 127; ++e) {
    float power = std::ldexp(1.0f, e);
    EXPECT_EQ(to_ue8m0(power, Round::rz), e + 127);
    EXPECT_EQ(to_ue8m0(-power, Round::rp), e + 127);
    EXPECT_EQ(to_ue8m0(std::nextafter(power, INFINITY), Round::rz), e + 127);
    EXPECT_EQ(to_ue8m0(std::nextafter(power, INFINITY), Round::rp), e + 128);
    EXPECT_EQ(ue8m0_to_bf16(static_cast<std::uint8_t>(e + 127)) << 16, oracle::bits(power));
  }
  EXPECT_EQ(to_ue8m0(0.0f, Round::rp), 0);
  EXPECT_EQ(to_ue8m0(0x1p-127f, Round::rp), 0);
  EXPECT_EQ(to_ue8m0(0x1.8p-127f, Round::rp), 1);
  EXPECT_EQ(to_ue8m0(NAN, Round::rp, Overflow::finite), 0xff);
  EXPECT_EQ(to_ue8m0(INFINITY, Round::rp), 0xff);
  EXPECT_EQ(to_ue8m0(INFINITY, Round::rp, Overflow::finite), 0xfe);
  EXPECT_EQ(ue8m0_to_bf16(0), 0x40); // 2^-127
  EXPECT_EQ(ue8m0_to_bf16(0xff), 0x7fff);
}

// ---- integers ----------------------------------------------------------------------------------------

template <class Int> class Integers : public testing::Test {};
using AllIntegers = testing::Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                                   std::uint32_t, std::int64_t, std::uint64_t>;
TYPED_TEST_SUITE(Integers, AllIntegers);

long double integral(long double x, Round mode) {
  return mode == Round::rn   ? std::rint(x)
         : mode == Round::rz ? std::trunc(x)
         : mode == Round::rm ? std::floor(x)
                             : std::ceil(x);
}

template <class Int, class Float> void check_to_integer(Float x, Round mode) {
  using Limits = std::numeric_limits<Int>;
  Int expected;
  if (std::isnan(x)) {
    bool zero = sizeof(Float) == 4 && sizeof(Int) <= 4;
    expected = zero ? Int{0} : static_cast<Int>(std::uint64_t{1} << (8 * sizeof(Int) - 1));
  } else {
    long double rounded = integral(x, mode);
    expected = rounded <= static_cast<long double>(Limits::min())   ? Limits::min()
               : rounded >= static_cast<long double>(Limits::max()) ? Limits::max()
                                                                    : static_cast<Int>(rounded);
  }
  ASSERT_EQ(to_integer<Int>(x, mode), expected) << std::hexfloat << x << " mode " << int(mode);
}

TYPED_TEST(Integers, FromFloatsClampAndRound) {
  using Limits = std::numeric_limits<TypeParam>;
  auto random = oracle::generator();
  std::vector<double> inputs = oracle::corners<double>();
  for (float x : oracle::corners<float>())
    inputs.push_back(x);
  for (double edge : {double(Limits::min()), double(Limits::max()), 0.0, 127.0, 1e6})
    for (double step : {0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5})
      for (double x : {edge + step, edge - step})
        for (double y : {x, std::nextafter(x, -INFINITY), std::nextafter(x, INFINITY)})
          inputs.push_back(y);
  std::normal_distribution<double> wide(0, 40);
  for (int i = 0; i < 50000; ++i) {
    inputs.push_back(oracle::double_of(random()));
    inputs.push_back(std::ldexp(wide(random), static_cast<int>(random() % 64)));
  }
  for (Round mode : oracle::ieee_modes)
    for (double x : inputs) {
      check_to_integer<TypeParam>(x, mode);
      check_to_integer<TypeParam>(static_cast<float>(x), mode);
      if (testing::Test::HasFatalFailure())
        return;
    }
}

TYPED_TEST(Integers, ToFloatsRoundOnce) {
  auto random = oracle::generator();
  auto f16 = oracle::Format::of<F16>(), bf16 = oracle::Format::of<BF16>();
  std::vector<TypeParam> inputs;
  for (int i = 0; i < 65536; ++i)
    inputs.push_back(static_cast<TypeParam>(i)),
        inputs.push_back(static_cast<TypeParam>(random() >> random() % 64));
  for (int low : {24, 25, 53, 54, 63}) // around ties
    for (int high = low; high < 64; ++high)
      for (int step : {-1, 0, 1})
        inputs.push_back(
            static_cast<TypeParam>((std::uint64_t{1} << high) + (std::uint64_t{1} << (high - low)) + step));
  inputs.push_back(std::numeric_limits<TypeParam>::min());
  inputs.push_back(std::numeric_limits<TypeParam>::max());
  for (Round mode : oracle::ieee_modes)
    for (TypeParam x : inputs) {
      auto exact = static_cast<long double>(x); // 64 bits hold every integer here
      ASSERT_EQ(from_integer<F16>(x, mode), f16.round(exact, mode)) << +x << " mode " << int(mode);
      ASSERT_EQ(from_integer<BF16>(x, mode), bf16.round(exact, mode)) << +x << " mode " << int(mode);
      ASSERT_EQ(integer_to_f32(x, mode), oracle::round_to<float>(exact, mode)) << +x << " mode " << int(mode);
      ASSERT_EQ(integer_to_f64(x, mode), oracle::round_to<double>(exact, mode))
          << +x << " mode " << int(mode);
    }
}

TEST(Conversions, IntegersSaturate) {
  EXPECT_EQ((saturate_integer<std::int8_t>(std::int32_t{-129})), -128);
  EXPECT_EQ((saturate_integer<std::uint8_t>(std::int32_t{-1})), 0);
  EXPECT_EQ((saturate_integer<std::int32_t>(std::uint32_t{0x80000000u})), INT32_MAX);
  EXPECT_EQ((saturate_integer<std::uint64_t>(std::int64_t{-5})), 0u);
  EXPECT_EQ((saturate_integer<std::int64_t>(~std::uint64_t{0})), INT64_MAX);
}

TEST(Conversions, RoundsToIntegralValues) {
  for (float x : {0.5f, -0.5f, 1.5f, -2.5f, 0x1p30f, -0.25f, 0x1.fffffep22f})
    for (Round mode : oracle::ieee_modes) {
      EXPECT_EQ(oracle::bits(round_integral(x, mode)), oracle::bits(static_cast<float>(integral(x, mode))))
          << x;
      EXPECT_EQ(oracle::bits(round_integral(double(x), mode)),
                oracle::bits(static_cast<double>(integral(x, mode))));
    }
  EXPECT_EQ(oracle::bits(round_integral(-NAN, Round::rn)), 0x7fffffffu);
}

} // namespace
