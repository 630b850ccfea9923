// f32, f64, f16 and bf16 instructions and cvt: that each spelling does what it says. The arithmetic itself is
// tested exhaustively in numeric_*_test.cpp.
#include "run_ptx.h"

#include <bit>
#include <cmath>
#include <limits>

namespace emu::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float tiny = 0x1p-130f; // subnormal

const std::vector<float> some = {0.0f,     -0.0f,    1.0f,   -1.0f, 1.5f, -2.75f, 3.0e38f,
                                 -3.0e38f, inf,      -inf,   nan,   tiny, -tiny,  0x1p-126f,
                                 0.1f,     1 / 3.0f, 1e-20f, 7.0f,  0.5f, 2.5f};

std::vector<float> repeated(const std::vector<float>& values, bool inner) {
  std::vector<float> out;
  for (float a : values)
    for (float b : values)
      out.push_back(inner ? b : a);
  return out;
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
float saturated(float x) { return x > 0 ? std::min(x, 1.0f) : 0.0f; }

void same(float found, float wanted, const std::string& what) {
  if (std::isnan(wanted))
    EXPECT_EQ(std::bit_cast<std::uint32_t>(found), 0x7fffffffu) << what;
  else
    EXPECT_EQ(std::bit_cast<std::uint32_t>(found), std::bit_cast<std::uint32_t>(wanted))
        << what << ": " << found;
}

template <class F> void binary(const std::string& instruction, F expected) {
  const std::vector<float> a = repeated(some, false), b = repeated(some, true);
  const std::vector<float> d = each<float>(instruction + " %d, %a, %b;", a, b);
  for (std::size_t i = 0; i < a.size(); ++i)
    same(d[i], expected(a[i], b[i]), instruction + " " + std::to_string(a[i]) + " " + std::to_string(b[i]));
}

template <class F> void unary(const std::string& instruction, F expected) {
  const std::vector<float> d = each<float>(instruction + " %d, %a;", some);
  for (std::size_t i = 0; i < some.size(); ++i)
    same(d[i], expected(some[i]), instruction + " " + std::to_string(some[i]));
}

TEST(Float, Arithmetic) {
  binary("add.f32", [](float a, float b) { return a + b; });
  binary("add.rn.ftz.f32", [](float a, float b) { return flushed(flushed(a) + flushed(b)); });
  binary("add.sat.f32", [](float a, float b) { return saturated(a + b); });
  binary("sub.f32", [](float a, float b) { return a - b; });
  binary("mul.rn.f32", [](float a, float b) { return a * b; });
  binary("mul.ftz.sat.f32", [](float a, float b) { return saturated(flushed(flushed(a) * flushed(b))); });
  binary("div.rn.f32", [](float a, float b) { return a / b; });
  unary("sqrt.rn.f32", [](float a) { return std::sqrt(a); });
  unary("rcp.rn.f32", [](float a) { return 1.0f / a; });
  EXPECT_EQ(each<float>("neg.f32 %d, %a;", std::vector{1.5f, -inf}), (std::vector{-1.5f, inf}));
}

TEST(Float, DirectedRounding) {
  const std::vector<float> a = {1.0f, -1.0f, 0.1f}, b = {0x1p-30f, -0x1p-30f, 0x1p-40f};
  const auto up = each<float>("add.rp.f32 %d, %a, %b;", a, b),
             down = each<float>("add.rm.f32 %d, %a, %b;", a, b);
  const auto zero = each<float>("add.rz.f32 %d, %a, %b;", a, b);
  EXPECT_EQ(up, (std::vector{std::nextafter(1.0f, 2.0f), -1.0f, std::nextafter(0.1f, 1.0f)}));
  EXPECT_EQ(down, (std::vector{1.0f, std::nextafter(-1.0f, -2.0f), 0.1f}));
  EXPECT_EQ(zero, (std::vector{1.0f, -1.0f, 0.1f}));
}

TEST(Float, FusedRoundsOnce) {
  const std::vector<float> a = {1 + 0x1p-23f}, b = {1 - 0x1p-23f}, c = {-1.0f};
  EXPECT_EQ(each<float>("fma.rn.f32 %d, %a, %b, %c;", a, b, c)[0], -0x1p-46f);
  const std::vector<double> x = {1 + 0x1p-52}, y = {1 - 0x1p-52}, z = {-1.0};
  EXPECT_EQ(each<double>("fma.rn.f64 %d, %a, %b, %c;", x, y, z)[0], -0x1p-104);
  EXPECT_EQ(each<double>("add.f64 %d, %a, %b;", x, y)[0], x[0] + y[0]);
  EXPECT_EQ(each<double>("div.rn.f64 %d, %a, %b;", x, y)[0], x[0] / y[0]);
}

TEST(Float, MinimumAndMaximum) {
  binary("min.f32", [](float a, float b) {
    return std::isnan(a)                          ? b
           : std::isnan(b)                        ? a
           : std::signbit(a) && a == b            ? a
           : b < a || (a == b && std::signbit(b)) ? b
                                                  : a;
  });
  const std::vector<float> a = {1.0f, nan, 3.0f}, b = {2.0f, 2.0f, -5.0f}, c = {0.5f, 1.0f, nan};
  const auto any = each<float>("max.NaN.f32 %d, %a, %b;", a, b);
  EXPECT_EQ(any[0], 2.0f);
  same(any[1], nan, "max.NaN");
  EXPECT_EQ(each<float>("max.xorsign.abs.f32 %d, %a, %b;", a, b)[2], -5.0f);
  EXPECT_EQ(each<float>("max.f32 %d, %a, %b, %c;", a, b, c), (std::vector{2.0f, 2.0f, 3.0f}));
}

TEST(Float, Comparisons) {
  const std::vector<float> a = repeated(some, false), b = repeated(some, true);
  const auto check = [&](const std::string& op, auto expected) {
    const auto d = each<std::uint32_t>(
        "setp." + op +
            ".f32 %p0|%p1, %a, %b;\nselp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, 0, %p1;\nor.b32 %d, %r0, %r1;",
        a, b);
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(d[i], expected(a[i], b[i]) ? 1u : 2u) << op << " " << a[i] << " " << b[i];
  };
  const auto unordered = [](float x, float y) { return std::isnan(x) || std::isnan(y); };
  check("lt", [](float x, float y) { return x < y; });
  check("ge", [](float x, float y) { return x >= y; });
  check("ne", [](float x, float y) { return x < y || x > y; });
  check("neu", [](float x, float y) { return x != y; });
  check("leu", [&](float x, float y) { return unordered(x, y) || x <= y; });
  check("num", [&](float x, float y) { return !unordered(x, y); });
  check("nan", unordered);
  check("eq.ftz", [](float x, float y) { return flushed(x) == flushed(y); });
  EXPECT_EQ(
      each<std::uint32_t>("set.gt.u32.f32 %d, %a, %b;", std::vector{2.0f, nan}, std::vector{1.0f, 1.0f}),
      (std::vector{0xffffffffu, 0u}));
}

TEST(Float, ApproximationsAreInsideTheirBound) {
  const std::vector<float> x = {0.3f, 1.7f, 2.5f, 9.25f, 1e-3f};
  for (std::uint64_t chosen : {0, 1, 77}) {
    Machine machine;
    machine.options.seed = chosen;
    Outcome outcome;
    const auto near = [&](const std::string& instruction, auto exact, double bound) {
      const auto d = each_on<float>(machine, outcome, instruction + " %d, %a;", "", x);
      ASSERT_EQ(d.size(), x.size()) << outcome.message;
      for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_LE(std::abs(d[i] - exact(double(x[i]))), bound * std::abs(exact(double(x[i]))))
            << instruction << " " << x[i];
    };
    near("ex2.approx.ftz.f32", [](double v) { return std::exp2(v); }, 0x1p-22);
    near("rcp.approx.f32", [](double v) { return 1 / v; }, 0x1p-23);
    near("rsqrt.approx.f32", [](double v) { return 1 / std::sqrt(v); }, 0x1p-22);
    near("tanh.approx.f32", [](double v) { return std::tanh(v); }, 0x1p-11);
    near("sqrt.approx.f32", [](double v) { return std::sqrt(v); }, 0x1p-22);
  }
}

TEST(Half, Pairs) {
  // 1.5 and -2.0; 0.25 and 3.0
  const std::vector<std::uint32_t> a = {0xc0003e00u}, b = {0x42003400u};
  EXPECT_EQ(each<std::uint32_t>("add.f16x2 %d, %a, %b;", a, b)[0], 0x3c003f00u);             // 1.75, 1
  EXPECT_EQ(each<std::uint32_t>("mul.f16x2 %d, %a, %b;", a, b)[0], 0xc6003600u);             // 0.375, -6
  EXPECT_EQ(each<std::uint32_t>("fma.rn.relu.f16x2 %d, %a, %b, %a;", a, b)[0], 0x00003f80u); // 1.875, 0
  EXPECT_EQ(each<std::uint32_t>("max.f16x2 %d, %a, %b;", a, b)[0], 0x42003e00u);
  EXPECT_EQ(each<std::uint32_t>("neg.f16x2 %d, %a;", a)[0], 0x4000be00u);
  const std::vector<std::uint32_t> c = {0xc0003fc0u}, e = {0x40403e80u}; // bf16: 1.5, -2; 0.25, 3
  EXPECT_EQ(each<std::uint32_t>("fma.rn.bf16x2 %d, %a, %b, %a;", c, e)[0], 0xc1003ff0u); // 1.875, -8
  EXPECT_EQ(each<std::uint32_t>("setp.lt.f16x2 %p0|%p1, %a, %b;\nselp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, "
                                "0, %p1;\nor.b32 %d, %r0, %r1;",
                                a, b)[0],
            2u);
  EXPECT_EQ(each<std::uint32_t>("set.gt.f16x2.f16x2 %d, %a, %b;", a, b)[0], 0x00003c00u);
}

TEST(Half, Scalars) {
  const std::vector<std::uint16_t> a = {0x3e00}, b = {0x3400};
  EXPECT_EQ(each<std::uint16_t>("add.f16 %d, %a, %b;", a, b)[0], 0x3f00);
  EXPECT_EQ(each<std::uint16_t>("sub.sat.f16 %d, %a, %b;", a, b)[0], 0x3c00);
  EXPECT_EQ(each<std::uint16_t>("ex2.approx.f16 %d, %a;", std::vector<std::uint16_t>{0x4000})[0], 0x4400);
}

TEST(Convert, FloatsAndIntegers) {
  const std::vector<float> x = {2.5f, -2.5f, 1e20f, -1e20f, nan, 300.7f};
  EXPECT_EQ(each<std::int32_t>("cvt.rni.s32.f32 %d, %a;", x),
            (std::vector<std::int32_t>{2, -2, INT32_MAX, INT32_MIN, 0, 301}));
  EXPECT_EQ(each<std::int32_t>("cvt.rzi.s32.f32 %d, %a;", x),
            (std::vector<std::int32_t>{2, -2, INT32_MAX, INT32_MIN, 0, 300}));
  EXPECT_EQ(each<std::uint32_t>("cvt.rpi.u32.f32 %d, %a;", x),
            (std::vector<std::uint32_t>{3, 0, UINT32_MAX, 0, 0, 301}));
  EXPECT_EQ(each<std::uint32_t>("cvt.rzi.u8.f32 %d, %a;", x),
            (std::vector<std::uint32_t>{2, 0, 255, 0, 0, 255}));
  const std::vector<std::int32_t> i = {-1, 0x7fffffff, 16777217};
  EXPECT_EQ(each<float>("cvt.rn.f32.s32 %d, %a;", i), (std::vector{-1.0f, 0x1p31f, 16777216.0f}));
  EXPECT_EQ(each<float>("cvt.rp.f32.s32 %d, %a;", i), (std::vector{-1.0f, 0x1p31f, 16777218.0f}));
  EXPECT_EQ(each<double>("cvt.rn.f64.u32 %d, %a;", i)[0], 4294967295.0);
  EXPECT_EQ(each<float>("cvt.rmi.f32.f32 %d, %a;", x)[1], -3.0f);
  EXPECT_EQ(each<double>("cvt.f64.f32 %d, %a;", x)[0], 2.5);
  EXPECT_EQ(each<float>("cvt.rz.f32.f64 %d, %a;", std::vector{0.1})[0], std::nextafter(0.1f, 0.0f));
}

TEST(Convert, IntegersOfOtherWidths) {
  const std::vector<std::int32_t> x = {-1, 300, 70000};
  EXPECT_EQ(each<std::int32_t>("cvt.s32.s8 %d, %a;", x), (std::vector{-1, 44, 112}));
  EXPECT_EQ(each<std::uint32_t>("cvt.u32.u8 %d, %a;", x), (std::vector{255u, 44u, 112u}));
  EXPECT_EQ(each<std::int32_t>("cvt.sat.s8.s32 %d, %a;", x), (std::vector{-1, 127, 127}));
  EXPECT_EQ(each<std::int64_t>("cvt.s64.s32 %d, %a;", x)[0], -1);
  EXPECT_EQ(
      each<std::uint32_t>("cvt.pack.sat.u8.s32.b32 %d, %a, %b, 0;", std::vector{300}, std::vector{-7})[0],
      0xff00u);
}

TEST(Convert, SmallFloats) {
  const std::vector<float> a = {1.5f, 70000.0f, -3.0f}, b = {0.25f, nan, 1e9f};
  EXPECT_EQ(each<std::uint32_t>("cvt.rn.f16x2.f32 %d, %a, %b;", a, b),
            (std::vector{0x3e003400u, 0x7c007fffu, 0xc2007c00u}));
  EXPECT_EQ(each<std::uint32_t>("cvt.rn.relu.f16x2.f32 %d, %a, %b;", a, b)[2], 0x00007c00u);
  EXPECT_EQ(each<std::uint32_t>("cvt.rn.bf16x2.f32 %d, %a, %b;", a, b)[0], 0x3fc03e80u);
  EXPECT_EQ(each<std::uint16_t>("cvt.rn.f16.f32 %d, %a;", a),
            (std::vector<std::uint16_t>{0x3e00, 0x7c00, 0xc200}));
  EXPECT_EQ(each<float>("cvt.f32.f16 %d, %a;", std::vector<std::uint16_t>{0x3e00})[0], 1.5f);
  EXPECT_EQ(each<float>("cvt.f32.bf16 %d, %a;", std::vector<std::uint16_t>{0x3fc0})[0], 1.5f);
  EXPECT_EQ(each<std::uint16_t>("cvt.rn.satfinite.e4m3x2.f32 %d, %a, %b;", a, b),
            (std::vector<std::uint16_t>{0x3c28, 0x7e7f, 0xc47e}));
  EXPECT_EQ(each<std::uint32_t>("cvt.rn.f16x2.e4m3x2 %d, %a;", std::vector<std::uint16_t>{0x3c28})[0],
            0x3e003400u);
  EXPECT_EQ(each<std::uint32_t>("cvt.rna.tf32.f32 %d, %a;", std::vector{1 + 0x1p-11f})[0], 0x3f802000u);
}

TEST(Convert, TheRoundingMustBeGiven) {
  for (const char* conversion :
       {"cvt.f32.s32 %f0, %r0;", "cvt.f32.f64 %f0, %d0;", "cvt.sat.f16.f32 %h0, %f0;"}) {
    Machine machine;
    EXPECT_EQ(machine.load(join({".visible .entry test() {\n.reg .f32 %f<2>;\n.reg .b32 %r<2>;.reg .f64 "
                                 "%d<2>; .reg .b16 %h<2>;\n",
                                 conversion, "\nret;\n}\n"})),
              nullptr)
        << conversion;
    EXPECT_EQ(machine.error.place.line, 7);
    EXPECT_NE(machine.error.message.find(".rn"), std::string::npos) << machine.error.message;
  }
}

} // namespace
} // namespace emu::test
