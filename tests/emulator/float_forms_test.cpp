// f32, f64, f16, bf16 and cvt: the spellings that float_test.cpp leaves out, so that every entry of the table
// is run. What is expected is computed in wider formats, or by formulas of the ISA's text.
#include "run_ptx.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace emu::test {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr double inf = std::numeric_limits<double>::infinity(),
                 nan = std::numeric_limits<double>::quiet_NaN();
constexpr float tiny = 0x1p-130F; // subnormal

const std::vector<double>& doubles() {
  static const std::vector<double> all = {0.0,    -0.0, 1.0,  -1.5, 0.1,       1 / 3.0,  1e300,   -1e300,
                                          1e-300, inf,  -inf, nan,  0x1p-1060, 0x1p1023, -1e-308, 7.25};
  return all;
}
const std::vector<float>& floats() {
  static const std::vector<float> all = {0.0F,     -0.0F,     1.0F,       -1.5F, 0.1F,  3e38F, -3e38F,
                                         INFINITY, -INFINITY, float(nan), tiny,  -tiny, 7.25F, 0x1p-126F};
  return all;
}

template <class T> struct Pairs {
  std::vector<T> a, b;
  explicit Pairs(const std::vector<T>& values) {
    for (T x : values)
      for (T y : values) {
        a.push_back(x);
        b.push_back(y);
      }
  }
};

template <class T> bool same(T x, T y) {
  using Bits = std::conditional_t<sizeof(T) == 8, u64, u32>;
  return (std::isnan(x) && std::isnan(y)) || std::bit_cast<Bits>(x) == std::bit_cast<Bits>(y);
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x; }

template <class T>
void binary(const std::string& instruction, const std::vector<T>& values, T (*expected)(T, T)) {
  const Pairs<T> in(values);
  const std::vector<T> d = each<T>(instruction + " %d, %a, %b;", in.a, in.b);
  for (std::size_t i = 0; i < d.size(); ++i)
    EXPECT_TRUE(same(d[i], expected(in.a[i], in.b[i])))
        << instruction << " " << in.a[i] << " " << in.b[i] << ": " << d[i];
}
template <class T>
void unary(const std::string& instruction, const std::vector<T>& values, T (*expected)(T)) {
  const std::vector<T> d = each<T>(instruction + " %d, %a;", values);
  for (std::size_t i = 0; i < d.size(); ++i)
    EXPECT_TRUE(same(d[i], expected(values[i]))) << instruction << " " << values[i] << ": " << d[i];
}

// ---- arithmetic ----

template <class T> T least(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
}
template <class T> T greatest(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? b : a) : a < b ? b : a;
}

TEST(FloatForms, Doubles) {
  binary<double>("sub.f64", doubles(), [](double a, double b) { return a - b; });
  binary<double>("mul.rn.f64", doubles(), [](double a, double b) { return a * b; });
  binary<double>("min.f64", doubles(), least<double>);
  binary<double>("max.f64", doubles(), greatest<double>);
  binary<double>("copysign.f64", doubles(), [](double a, double b) { return std::copysign(b, a); });
  binary<float>("copysign.f32", floats(), [](float a, float b) { return std::copysign(b, a); });
  unary<double>("rcp.rn.f64", doubles(), [](double a) { return 1 / a; });
  unary<double>("sqrt.rn.f64", doubles(), [](double a) { return std::sqrt(a); });
  unary<double>("abs.f64", doubles(), [](double a) { return std::fabs(a); });
  unary<double>("neg.f64", doubles(), [](double a) { return -a; });
  unary<float>("abs.f32", floats(), [](float a) { return std::fabs(a); });
  unary<float>("abs.ftz.f32", floats(), [](float a) { return flushed(std::fabs(a)); });
  const std::vector<double> x = {1 + 0x1p-52}, y = {1 - 0x1p-52}, z = {-1.0};
  EXPECT_EQ(each<double>("mad.rn.f64 %d, %a, %b, %c;", x, y, z)[0], -0x1p-104);
  const std::vector<float> a = {1 + 0x1p-23F}, b = {1 - 0x1p-23F}, c = {-1.0F};
  EXPECT_EQ(each<float>("mad.rn.f32 %d, %a, %b, %c;", a, b, c)[0], -0x1p-46F);
}

TEST(FloatForms, PairsOfFloats) {
  const Pairs<float> in(floats());
  std::vector<u64> a, b;
  for (std::size_t i = 0; i < in.a.size(); ++i) {
    const std::size_t j = in.a.size() - 1 - i;
    a.push_back(std::bit_cast<u32>(in.a[i]) | u64(std::bit_cast<u32>(in.a[j])) << 32);
    b.push_back(std::bit_cast<u32>(in.b[i]) | u64(std::bit_cast<u32>(in.b[j])) << 32);
  }
  const auto check = [&](const std::string& instruction, const std::string& operands, bool ftz,
                         const std::function<float(float, float)>& expected) {
    const std::vector<u64> d = each<u64>(instruction + operands, a, b);
    for (std::size_t i = 0; i < d.size(); ++i)
      for (int half : {0, 32}) {
        const auto part = [=](u64 bits) { return std::bit_cast<float>(u32(bits >> half)); };
        const auto in_part = [&](u64 bits) { return ftz ? flushed(part(bits)) : part(bits); };
        const float wanted = expected(in_part(a[i]), in_part(b[i]));
        EXPECT_TRUE(same(part(d[i]), ftz ? flushed(wanted) : wanted))
            << instruction << " " << part(a[i]) << " " << part(b[i]) << ": " << part(d[i]);
      }
  };
  const auto forms = [&](const std::string& name, const std::string& operands,
                         const std::function<float(float, float)>& expected) {
    check(name + ".rn.f32x2", operands, false, expected);
    check(name + ".rn.ftz.f32x2", operands, true, expected);
  };
  forms("add", " %d, %a, %b;", [](float x, float y) { return x + y; });
  forms("sub", " %d, %a, %b;", [](float x, float y) { return x - y; });
  forms("mul", " %d, %a, %b;", [](float x, float y) { return x * y; });
  forms("fma", " %d, %a, %b, %a;", [](float x, float y) { return std::fma(x, y, x); });
}

TEST(FloatForms, Approximations) {
  const std::vector<float> x = {0.3F, 1.7F, 2.5F, 3.0F, 1e-3F, -0.7F},
                           y = {3.1F, -0.2F, 1e3F, 7.0F, 0.6F, 2.0F};
  for (u64 chosen : {0, 1, 77}) {
    Machine machine;
    machine.options.seed = chosen;
    Outcome outcome;
    const auto within = [&](const std::string& instruction, auto exact, double relative, double absolute) {
      const auto d = each_on<float>(machine, outcome, instruction, "", x, y);
      ASSERT_EQ(d.size(), x.size()) << outcome.message;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double wanted = exact(double(x[i]), double(y[i]));
        EXPECT_LE(std::abs(d[i] - wanted), std::max(absolute, relative * std::abs(wanted)))
            << instruction << " " << x[i];
      }
    };
    within("div.approx.f32 %d, %a, %b;", [](double a, double b) { return a / b; }, 0x1p-22, 0);
    within("div.approx.ftz.f32 %d, %a, %b;", [](double a, double b) { return a / b; }, 0x1p-22, 0);
    within("div.full.f32 %d, %a, %b;", [](double a, double b) { return a / b; }, 0x1p-22, 0);
    within("sin.approx.f32 %d, %a;", [](double a, double) { return std::sin(a); }, 0, 0x1p-20);
    within("cos.approx.ftz.f32 %d, %a;", [](double a, double) { return std::cos(a); }, 0, 0x1p-20);
    within(
        "abs.f32 %d, %a;\nlg2.approx.f32 %d, %d;", [](double a, double) { return std::log2(std::abs(a)); },
        0x1p-21, 0x1p-21);
    const std::vector<double> wide = {0.3, 1.7, 1e100, 1e-200, 9.25};
    const auto reciprocal = each_on<double>(machine, outcome, "rcp.approx.ftz.f64 %d, %a;", "", wide);
    const auto root = each_on<double>(machine, outcome, "rsqrt.approx.f64 %d, %a;", "", wide);
    const auto short_root = each_on<double>(machine, outcome, "rsqrt.approx.ftz.f64 %d, %a;", "", wide);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      EXPECT_NEAR(reciprocal[i] * wide[i], 1, 0x1p-19);
      EXPECT_EQ(std::bit_cast<u64>(reciprocal[i]) << 32, 0U);
      EXPECT_NEAR(root[i] * std::sqrt(wide[i]), 1, 0x1p-19);
      EXPECT_NEAR(short_root[i] * std::sqrt(wide[i]), 1, 0x1p-19);
      EXPECT_EQ(std::bit_cast<u64>(short_root[i]) << 32, 0U);
    }
  }
}

// ---- tests and comparisons ----

TEST(FloatForms, Testp) {
  const auto check = [](const auto& values, const std::string& type) {
    const std::pair<const char*, std::function<bool(double, int)>> kinds[] = {
        {"finite", [](double x, int) { return std::isfinite(x); }},
        {"infinite", [](double x, int) { return std::isinf(x); }},
        {"number", [](double x, int) { return !std::isnan(x); }},
        {"notanumber", [](double x, int) { return std::isnan(x); }},
        {"normal", [](double, int kind) { return kind == FP_NORMAL || kind == FP_ZERO; }},
        {"subnormal", [](double, int kind) { return kind == FP_SUBNORMAL; }}};
    for (const auto& [kind, expected] : kinds) {
      const auto d = each<u32>(join({"testp.", kind, type, " %p0, %a;\nselp.u32 %d, 1, 0, %p0;"}), values);
      for (std::size_t i = 0; i < d.size(); ++i)
        EXPECT_EQ(d[i], expected(values[i], std::fpclassify(values[i])) ? 1U : 0U)
            << kind << type << " " << values[i];
    }
  };
  check(floats(), ".f32");
  check(doubles(), ".f64");
}

bool compared(const std::string& op, double a, double b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  if (op == "num" || op == "nan")
    return unordered == (op == "nan");
  if (unordered)
    return op.size() == 3; // equ, ltu, ...
  const std::string base = op.substr(0, 2);
  return base == "eq"   ? a == b
         : base == "ne" ? a != b
         : base == "lt" ? a < b
         : base == "le" ? a <= b
         : base == "gt" ? a > b
                        : a >= b;
}
bool combined(const std::string& how, bool a, bool b) {
  return how == "and" ? a && b : how == "or" ? a || b : a != b;
}

const char* const operators[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                 "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

// setp and set of a type whose values are exact doubles; `one` is what set gives as a number of that type.
template <class T>
void comparisons(const std::string& type, const std::vector<T>& values, double (*exact)(T),
                 bool predicate_pair) {
  const Pairs<T> in(values);
  std::vector<u32> c(in.a.size());
  for (std::size_t i = 0; i < c.size(); ++i)
    c[i] = i % 2;
  const std::string given = "setp.ne.u32 %p2, %c, 0;\n";
  for (const std::string op : operators)
    for (const std::string how : {"", "and", "or", "xor"}) {
      const std::string name = join({".", op, how.empty() ? "" : ".", how});
      const std::string third = how.empty() ? ";\n" : ", %p2;\n";
      const auto p =
          each<u32>(join({given, "setp", name, type, predicate_pair ? " %p0|%p1" : " %p0", ", %a, %b", third,
                          predicate_pair ? "" : "not.pred %p1, %p0;\n",
                          "selp.u32 %d, 1, 0, %p0;\nselp.u32 %r0, 2, 0, %p1;\nor.b32 %d, %d, %r0;"}),
                    in.a, in.b, c);
      const auto mask =
          each<u32>(join({given, "set", name, ".u32", type, " %d, %a, %b", third}), in.a, in.b, c);
      const auto number =
          each<u32>(join({given, "set", name, type == ".f64" || type == ".f32" ? ".f32" : ".s32", type,
                          " %d, %a, %b", third}),
                    in.a, in.b, c);
      for (std::size_t i = 0; i < c.size(); ++i) {
        const bool plain = compared(op, exact(in.a[i]), exact(in.b[i])), other = c[i] != 0;
        const bool yes = how.empty() ? plain : combined(how, plain, other);
        const bool no = !predicate_pair || how.empty() ? !yes : combined(how, !plain, other);
        EXPECT_EQ(p[i], (yes ? 1U : 0U) | (no ? 2U : 0U))
            << name << type << " " << exact(in.a[i]) << " " << exact(in.b[i]);
        EXPECT_EQ(mask[i], yes ? ~0U : 0U) << name << type;
        EXPECT_EQ(number[i], !yes                               ? 0U
                             : type == ".f64" || type == ".f32" ? 0x3f800000U
                                                                : ~0U)
            << name << type;
      }
    }
}

double from_f16(u16 bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size =
      exponent == 31 ? (mantissa != 0 ? nan : inf)
                     : std::ldexp(exponent == 0 ? mantissa : mantissa + 1024, std::max(exponent, 1) - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}
double from_bf16(u16 bits) { return std::bit_cast<float>(u32(bits) << 16); }

const std::vector<u16>& f16_values() {
  static const std::vector<u16> all = {0, 0x8000, 0x3c00, 0xbe00, 1, 0x8001, 0x7bff, 0x7c00, 0xfc00, 0x7e00};
  return all;
}
const std::vector<u16>& bf16_values() {
  static const std::vector<u16> all = {0, 0x8000, 0x3f80, 0xbfc0, 1, 0x8001, 0x7f7f, 0x7f80, 0xff80, 0x7fc0};
  return all;
}

TEST(FloatForms, Comparisons) {
  comparisons<float>(".f32", floats(), [](float x) { return double(x); }, true);
  comparisons<double>(".f64", doubles(), [](double x) { return x; }, true);
  comparisons<u16>(".f16", f16_values(), from_f16, false);
  comparisons<u16>(".bf16", bf16_values(), from_bf16, false);
}

// ---- half precision ----

TEST(FloatForms, Halves) {
  const auto check = [](const std::string& type, const std::vector<u16>& values, double (*exact)(u16),
                        u16 quiet) {
    const std::vector<u16> magnitude = each<u16>(join({"abs", type, " %d, %a;"}), values);
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(magnitude[i], values[i] & 0x7fff) << type;
    const Pairs<u16> in(values);
    const auto smaller = each<u16>(join({"min", type, " %d, %a, %b;"}), in.a, in.b);
    const auto strict = each<u16>(join({"max.NaN", type, " %d, %a, %b;"}), in.a, in.b);
    const auto sign = each<u16>(join({"min.xorsign.abs", type, " %d, %a, %b;"}), in.a, in.b);
    for (std::size_t i = 0; i < in.a.size(); ++i) {
      const double a = exact(in.a[i]), b = exact(in.b[i]);
      EXPECT_TRUE(same(exact(smaller[i]), least(a, b))) << type << a << " " << b;
      if (std::isnan(a) || std::isnan(b))
        EXPECT_EQ(strict[i], quiet) << type;
      else
        EXPECT_TRUE(same(exact(strict[i]), greatest(a, b))) << type << a << " " << b;
      const double size = least(std::abs(a), std::abs(b));
      if (!std::isnan(a) && !std::isnan(b)) {
        EXPECT_TRUE(same(exact(sign[i]), std::signbit(a) != std::signbit(b) ? -size : size))
            << type << a << " " << b;
      }
    }
  };
  check(".f16", f16_values(), from_f16, 0x7fff);
  check(".bf16", bf16_values(), from_bf16, 0x7fff);
  const std::vector<u16> halves = {0x3c00, 0xb800, 0x2e66}, brains = {0x3f80, 0xbf00, 0x3dcd};
  const auto tanh16 = each<u16>("tanh.approx.f16 %d, %a;", halves),
             tanhb = each<u16>("tanh.approx.bf16 %d, %a;", brains),
             exp2b = each<u16>("ex2.approx.ftz.bf16 %d, %a;", brains);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    EXPECT_NEAR(from_f16(tanh16[i]), std::tanh(from_f16(halves[i])), 0x1p-10);
    EXPECT_NEAR(from_bf16(tanhb[i]), std::tanh(from_bf16(brains[i])), 0x1p-8);
    EXPECT_NEAR(from_bf16(exp2b[i]), std::exp2(from_bf16(brains[i])), 0x1p-6);
  }
}

// ---- cvt ----

TEST(FloatForms, NarrowingToHalf) {
  const std::vector<float> a = {1.5F, -3.0F, 70000.0F, float(nan), 0x1.002p0F};
  EXPECT_EQ(each<u16>("cvt.rn.relu.f16.f32 %d, %a;", a),
            (std::vector<u16>{0x3e00, 0, 0x7c00, 0x7fff, 0x3c00}));
  EXPECT_EQ(each<u16>("cvt.rz.satfinite.f16.f32 %d, %a;", a),
            (std::vector<u16>{0x3e00, 0xc200, 0x7bff, 0x7fff, 0x3c00}));
  EXPECT_EQ(each<u16>("cvt.rz.relu.bf16.f32 %d, %a;", a),
            (std::vector<u16>{0x3fc0, 0, 0x4788, 0x7fff, 0x3f80}));
}

TEST(FloatForms, Tf32) {
  const std::vector<float> a = {1 + 0x1p-11F, 1 + 0x1.8p-10F, -2.5F, 1 + 0x1.fffp-11F};
  EXPECT_EQ(each<u32>("cvt.rn.tf32.f32 %d, %a;", a),
            (std::vector{0x3f800000U, 0x3f804000U, 0xc0200000U, 0x3f802000U}));
  EXPECT_EQ(each<u32>("cvt.rz.tf32.f32 %d, %a;", a),
            (std::vector{0x3f800000U, 0x3f802000U, 0xc0200000U, 0x3f800000U}));
  EXPECT_EQ(each<u32>("cvt.rz.relu.tf32.f32 %d, %a;", a)[2], 0U);
  EXPECT_EQ(each<u32>("cvt.rn.satfinite.relu.tf32.f32 %d, %a;", a)[2], 0U);
  EXPECT_EQ(each<u32>("cvt.rn.satfinite.relu.tf32.f32 %d, %a;", std::vector{3.4028235e38F})[0], 0x7f7fe000U);
}

// The random bits are added to what is cut off.
TEST(FloatForms, StochasticRounding) {
  std::mt19937_64 random(seed());
  std::vector<float> a, b;
  std::vector<u32> bits;
  for (int i = 0; i < 200; ++i) {
    a.push_back(std::ldexp(1 + float(random() % 0x800000) / 0x800000, int(random() % 8) - 4));
    b.push_back(-std::ldexp(1 + float(random() % 0x800000) / 0x800000, int(random() % 8) - 4));
    bits.push_back(u32(random()));
  }
  const auto brains = each<u32>("cvt.rs.bf16x2.f32 %d, %a, %b, %c;", a, b, bits);
  const auto halves = each<u32>("cvt.rs.relu.f16x2.f32 %d, %a, %b, %c;", a, b, bits);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u32 high = std::bit_cast<u32>(a[i]) + (bits[i] >> 16),
              low = std::bit_cast<u32>(b[i]) + (bits[i] & 0xffff);
    EXPECT_EQ(brains[i], (high & 0xffff0000) | low >> 16) << a[i] << " " << b[i] << " " << bits[i];
    const u32 half = (std::bit_cast<u32>(a[i]) + (bits[i] >> 16 & 0x1fff)) >> 13; // of the exponent of f32
    EXPECT_EQ(halves[i], (half - (112 << 10)) << 16) << a[i] << " " << bits[i];
  }
}

TEST(FloatForms, BytesFromHalves) {
  std::vector<u32> pairs;
  std::vector<float> high, low;
  for (u32 bits = 0; bits < 0x10000; bits += 7) {
    pairs.push_back(bits << 16 | (0xffff - bits));
    high.push_back(float(from_f16(u16(bits))));
    low.push_back(float(from_f16(u16(0xffff - bits))));
  }
  for (const char* form : {"cvt.rn.satfinite.e4m3x2.", "cvt.rn.satfinite.relu.e5m2x2."})
    EXPECT_EQ(each<u16>(join({form, "f16x2 %d, %a;"}), pairs),
              each<u16>(join({form, "f32 %d, %a, %b;"}), high, low))
        << form;
}

constexpr double e2m1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};

u32 to_e2m1(double x) { // the nearest, of two the even one
  u32 best = 0;
  for (u32 code = 1; code < 8; ++code) {
    const double here = std::abs(e2m1[code] - std::abs(x)), there = std::abs(e2m1[best] - std::abs(x));
    if (here < there || (here == there && code % 2 == 0))
      best = code;
  }
  return std::isnan(x) ? 7 : best | (std::signbit(x) ? 8U : 0U);
}

TEST(FloatForms, FourBits) {
  std::vector<float> a, b;
  for (int i = -70; i <= 70; ++i) {
    a.push_back(float(i) / 10);
    b.push_back(float(-i) / 8);
  }
  const std::string narrowing = "{.reg .b8 %q;\ncvt.rn.satfinite", stored = "cvt.u32.u8 %d, %q;\n}";
  const auto d = each<u32>(join({narrowing, ".e2m1x2.f32 %q, %a, %b;\n", stored}), a, b);
  const auto relu = each<u32>(join({narrowing, ".relu.e2m1x2.f32 %q, %a, %b;\n", stored}), a, b);
  std::vector<u32> halves;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(d[i], to_e2m1(a[i]) << 4 | to_e2m1(b[i])) << a[i] << " " << b[i];
    EXPECT_EQ(relu[i], to_e2m1(std::max(a[i], 0.0F)) << 4 | to_e2m1(std::max(b[i], 0.0F)))
        << a[i] << " " << b[i];
    halves.push_back(u32(i * 450));
  }
  for (u32& pair : halves)
    pair = (pair & 0x47ff) | 0x3c000000;
  const auto narrowed = each<u32>(join({narrowing, ".e2m1x2.f16x2 %q, %a;\n", stored}), halves);
  std::vector<u32> codes(256);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    EXPECT_EQ(narrowed[i], to_e2m1(1) << 4 | to_e2m1(from_f16(u16(halves[i])))) << halves[i];
  }
  for (u32 code = 0; code < 256; ++code)
    codes[code] = code;
  const auto wide = each<u32>("{.reg .b8 %q;\ncvt.u8.u32 %q, %a;\ncvt.rn.f16x2.e2m1x2 %d, %q;\n}", codes);
  for (u32 code = 0; code < 256; ++code)
    for (u32 half : {0U, 1U}) {
      const u32 bits = code >> 4 * half & 15;
      const double value = from_f16(u16(wide[code] >> 16 * half));
      EXPECT_EQ(value, (bits & 8) != 0 ? -e2m1[bits & 7] : e2m1[bits & 7]) << code;
    }
}

TEST(FloatForms, PowersOfTwo) {
  const std::vector<float> a = {1.0F, 1.5F, 0x1.8p100F, 0x1p-126F, float(nan)},
                           b = {-3.0F, 0.7F, 1e-20F, 4.0F, 5.0F};
  const auto down = each<u16>("cvt.rz.satfinite.ue8m0x2.f32 %d, %a, %b;", a, b);
  const auto up = each<u16>("cvt.rp.satfinite.ue8m0x2.f32 %d, %a, %b;", a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto code = [](float x, bool upwards) -> u32 {
      int exponent = 0;
      const float mantissa = std::frexp(std::abs(x), &exponent); // 0.5 to 1
      return std::isnan(x) ? 255 : u32(exponent - 1 + 127 + (upwards && mantissa > 0.5F ? 1 : 0));
    };
    if (b[i] > 0) {
      EXPECT_EQ(down[i], code(a[i], false) << 8 | code(b[i], false)) << a[i] << " " << b[i];
      EXPECT_EQ(up[i], code(a[i], true) << 8 | code(b[i], true)) << a[i] << " " << b[i];
    }
  }
  EXPECT_EQ(each<u32>("cvt.rn.bf16x2.ue8m0x2 %d, %a;", std::vector<u16>{0x7f80, 0x01fe}),
            (std::vector{0x3f804000U, 0x00807f00U}));
}

TEST(FloatForms, PackingIntegers) {
  const std::vector<int> a = {70000, -5, 12}, b = {-70000, 40000, -3};
  EXPECT_EQ(each<u32>("cvt.pack.sat.u16.s32 %d, %a, %b;", a, b),
            (std::vector{0xffff0000U, 0x00009c40U, 0x000c0000U}));
  EXPECT_EQ(each<u32>("cvt.pack.sat.s16.s32 %d, %a, %b;", a, b),
            (std::vector{0x7fff8000U, 0xfffb7fffU, 0x000cfffdU}));
}

} // namespace
} // namespace emu::test
