// Arithmetic of f32, f64, f16 and bf16, and of pairs of them, in every rounding and with every modifier. What
// is expected of f32 and f64 the host computes in the rounding asked for; of halves it is the exact value,
// rounded by search among the values of the format.
#include "kernel_text.h"
#include "numeric_oracle.h"

#include <cfenv>
#include <functional>

namespace emu::test {
namespace {

constexpr std::pair<const char*, int> modes[] = {{"", FE_TONEAREST},
                                                 {".rn", FE_TONEAREST},
                                                 {".rz", FE_TOWARDZERO},
                                                 {".rm", FE_DOWNWARD},
                                                 {".rp", FE_UPWARD}};

template <class F> using Bits = std::conditional_t<sizeof(F) == 4, u32, u64>;

template <class F> F flushed(F x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(F{0}, x) : x; }
template <class F> F saturated(F x) { return x > 0 ? std::min<F>(x, 1) : 0; }

/// In the rounding mode; the operands are not known to the compiler.
template <class F> [[gnu::noinline]] F computed(const std::string& operation, int mode, F a, F b, F c) {
  volatile F x = a, y = b, z = c, result = 0;
  std::fesetround(mode);
  if (operation == "add")
    result = x + y;
  else if (operation == "sub")
    result = x - y;
  else if (operation == "mul")
    result = x * y;
  else if (operation == "div")
    result = x / y;
  else if (operation == "rcp")
    result = F{1} / x;
  else if (operation == "sqrt")
    result = std::sqrt(x);
  else
    result = std::fma(x, y, z);
  std::fesetround(FE_TONEAREST);
  return result;
}

template <class F> struct Operands {
  std::vector<F> a, b, c;
  Operands() {
    const std::vector<F> corners = oracle::corners<F>();
    std::mt19937_64 random(seed());
    const auto add = [&](F x, F y, F z) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(z);
    };
    for (std::size_t i = 0; i < corners.size(); ++i)
      for (std::size_t j = 0; j < corners.size(); ++j)
        add(corners[i], corners[j], corners[(5 * i + 3 * j) % corners.size()]);
    for (int i = 0; i < 400; ++i) { // of any magnitude, and near each other
      const auto any = [&] { return std::bit_cast<F>(static_cast<Bits<F>>(random())); };
      const auto near = [&] {
        return std::ldexp(static_cast<F>(static_cast<std::int64_t>(random())),
                          -63 + static_cast<int>(random() % 5));
      };
      i % 2 == 0 ? add(any(), any(), any()) : add(near(), near(), near());
    }
  }
};

template <class F> void same(F found, F wanted, const std::string& what) {
  if (std::isnan(wanted))
    EXPECT_TRUE(std::isnan(found)) << what;
  else
    EXPECT_EQ(std::bit_cast<Bits<F>>(found), std::bit_cast<Bits<F>>(wanted))
        << what << ": " << found << ", not " << wanted;
}

constexpr const char* operands_of(std::string_view operation) {
  return operation == "rcp" || operation == "sqrt"  ? " %d, %a;"
         : operation == "fma" || operation == "mad" ? " %d, %a, %b, %c;"
                                                    : " %d, %a, %b;";
}

template <class F>
void check_floats(const std::string& type, const std::vector<std::string>& operations, bool sat) {
  const Operands<F> in;
  for (const std::string& operation : operations)
    for (const auto& [rounding, mode] : modes)
      for (const bool ftz : {false, true})
        for (const bool saturates : {false, true}) {
          const bool must_round = operation == "div" || operation == "rcp" || operation == "sqrt" ||
                                  operation == "fma" || operation == "mad";
          if ((ftz && sizeof(F) == 8) ||
              (saturates && (!sat || operation == "div" || operation == "rcp" || operation == "sqrt")) ||
              (must_round && *rounding == 0))
            continue;
          const std::string name =
              join({operation, rounding, ftz ? ".ftz" : "", saturates ? ".sat" : "", type});
          const auto d = each<F>(join({name, operands_of(operation)}), in.a, in.b, in.c);
          for (std::size_t i = 0; i < d.size(); ++i) {
            const auto read = [&](F x) { return ftz ? flushed(x) : x; };
            F wanted = computed(operation, mode, read(in.a[i]), read(in.b[i]), read(in.c[i]));
            wanted = ftz ? flushed(wanted) : wanted;
            same(d[i], saturates ? saturated(wanted) : wanted,
                 join({name, " ", std::to_string(in.a[i]), " ", std::to_string(in.b[i]), " ",
                       std::to_string(in.c[i])}));
          }
        }
}

TEST(EveryFloat, Arithmetic) {
  check_floats<float>(".f32", {"add", "sub", "mul", "div", "rcp", "sqrt", "fma", "mad"}, true);
  check_floats<double>(".f64", {"add", "sub", "mul", "div", "rcp", "sqrt", "fma", "mad"}, false);
}

TEST(EveryFloat, PairsOfFloats) {
  const Operands<float> in;
  const std::size_t half = in.a.size() / 2;
  std::array<std::vector<std::array<float, 2>>, 3> pairs;
  for (std::size_t i = 0; i < half; ++i) {
    pairs[0].push_back({in.a[2 * i], in.a[2 * i + 1]});
    pairs[1].push_back({in.b[2 * i], in.b[2 * i + 1]});
    pairs[2].push_back({in.c[2 * i], in.c[2 * i + 1]});
  }
  for (const std::string operation : {"add", "sub", "mul", "fma"})
    for (const auto& [rounding, mode] : modes)
      for (const bool ftz : {false, true}) {
        if (operation == "fma" && *rounding == 0)
          continue;
        const std::string name = join({operation, rounding, ftz ? ".ftz" : "", ".f32x2"});
        const auto d = each<std::array<float, 2>>(
            join({"mov.b64 %l0, {%a0, %a1};\nmov.b64 %l1, {%b0, %b1};\nmov.b64 %l2, {%c0, %c1};\n", name,
                  " %l3, %l0, %l1", operation == "fma" ? ", %l2" : "", ";\nmov.b64 {%d0, %d1}, %l3;"}),
            pairs[0], pairs[1], pairs[2]);
        for (std::size_t i = 0; i < 2 * half; ++i) {
          const auto read = [&](float x) { return ftz ? flushed(x) : x; };
          const float wanted = computed(operation, mode, read(in.a[i]), read(in.b[i]), read(in.c[i]));
          same(d[i / 2][i % 2], ftz ? flushed(wanted) : wanted, name);
        }
      }
}

TEST(EveryFloat, SignsAndExtremes) {
  const Operands<float> in;
  for (const bool ftz : {false, true}) {
    const auto read = [&](float x) { return ftz ? flushed(x) : x; };
    const std::string modifier = ftz ? ".ftz.f32" : ".f32";
    const auto negated = each<float>(join({"neg", modifier, " %d, %a;"}), in.a),
               size = each<float>(join({"abs", modifier, " %d, %a;"}), in.a);
    for (std::size_t i = 0; i < in.a.size(); ++i) {
      same(negated[i], -read(in.a[i]), "neg" + modifier);
      same(size[i], std::fabs(read(in.a[i])), "abs" + modifier);
    }
    for (const bool largest : {false, true})
      for (const bool strict : {false, true})
        for (const bool sign : {false, true}) {
          const std::string name = join({largest ? "max" : "min", ftz ? ".ftz" : "", strict ? ".NaN" : "",
                                         sign ? ".xorsign.abs" : "", ".f32"});
          const auto d = each<float>(join({name, " %d, %a, %b;"}), in.a, in.b);
          for (std::size_t i = 0; i < d.size(); ++i) {
            const float a = read(in.a[i]), b = read(in.b[i]), x = sign ? std::fabs(a) : a,
                        y = sign ? std::fabs(b) : b;
            if (sign && (std::isnan(a) || std::isnan(b)))
              continue; // whose sign a NaN has is not said
            const bool above = x > y || (x == y && !std::signbit(x));
            float wanted = std::isnan(x)      ? (strict ? x : y)
                           : std::isnan(y)    ? (strict ? y : x)
                           : above == largest ? x
                                              : y;
            if (sign)
              wanted = std::signbit(a) != std::signbit(b) ? -wanted : wanted;
            same(d[i], wanted, join({name, " ", std::to_string(in.a[i]), " ", std::to_string(in.b[i])}));
          }
        }
  }
}

// ---- halves ----

struct Half {
  std::string name;
  oracle::Format format;
  bool is_bf16;
  __float128 least_normal;
};

std::vector<Half> halves() {
  return {{"f16", oracle::Format::of<numeric::F16>(), false, 0x1p-14},
          {"bf16", oracle::Format::of<numeric::BF16>(), true, 0x1p-126}};
}

/// The format's value nearest to x, of which long double need not hold all.
u32 rounded(const Half& half, __float128 x) {
  const auto near = static_cast<long double>(x);
  const auto exact = static_cast<__float128>(near);
  const auto away = [&](long double y) { return half.format.round(y, numeric::Round::rna); };
  const bool tie = std::isfinite(near) && away(near) != away(std::nextafter(near, 0.0L));
  if (!tie || exact == x)
    return half.format.round(near, numeric::Round::rn);
  return half.format.round(std::nextafter(near, exact < x ? HUGE_VALL : -HUGE_VALL), numeric::Round::rn);
}

/// p + z; if quad precision loses one of them, the other moves a little its way.
__float128 sum_of(__float128 p, __float128 z) {
  const __float128 sum = p + z, size = sum < 0 ? -sum : sum;
  const __float128 lost = size > 0x1p300 ? 0 : sum == p ? z : sum == z ? p : 0;
  return lost > 0 ? sum + size * 0x1p-100 : lost < 0 ? sum - size * 0x1p-100 : sum;
}

struct HalfModifiers {
  bool ftz = false, sat = false, relu = false;
};

u32 expected_half(const Half& half, const std::string& operation, const HalfModifiers& how, u32 a, u32 b,
                  u32 c) {
  const auto value = [&](u32 bits) -> __float128 {
    const auto x = static_cast<__float128>(half.format.value(bits));
    const __float128 size = x < 0 ? -x : x;
    return how.ftz && size < half.least_normal ? (bits & 0x8000 ? -__float128{0} : __float128{0}) : x;
  };
  const __float128 x = value(a), y = value(b), z = value(c);
  const __float128 exact = operation == "add"   ? sum_of(x, y)
                           : operation == "sub" ? sum_of(x, -y)
                           : operation == "mul" ? x * y
                                                : sum_of(x * y, z);
  u32 bits = rounded(half, exact);
  const long double result = half.format.value(bits);
  if (std::isnan(result))
    return how.sat ? 0 : 0x7fff;
  if (how.ftz && std::fabs(result) < static_cast<long double>(half.least_normal))
    bits &= 0x8000;
  if (how.sat)
    bits = result <= 0 ? 0 : result >= 1 ? rounded(half, 1) : bits;
  if (how.relu && (bits & 0x8000))
    bits = 0;
  return bits;
}

/// All pairs of some encodings, or of one operand all encodings.
std::array<std::vector<u32>, 3> half_operands(const Half& half) {
  std::array<std::vector<u32>, 3> in;
  std::mt19937_64 random(seed());
  const u32 one = half.is_bf16 ? 0x3f80 : 0x3c00, infinity = half.is_bf16 ? 0x7f80 : 0x7c00,
            least = half.is_bf16 ? 0x80 : 0x400;
  std::vector<u32> corners;
  for (const u32 x : {0U, 1U, 2U, least - 1, least, least + 1, one - 1, one, one + 1, infinity - 1, infinity,
                      infinity + 1, 0x7fffU}) {
    corners.push_back(x);
    corners.push_back(x | 0x8000);
  }
  for (const u32 x : corners)
    for (const u32 y : corners) {
      in[0].push_back(x);
      in[1].push_back(y);
      in[2].push_back(corners[random() % corners.size()]);
    }
  for (u32 x = 0; x < 0x10000; x += 3) { // beside random ones, and near ones: ties and cancellation
    in[0].push_back(x);
    in[1].push_back(x % 2 ? static_cast<u32>(random() & 0xffff) : one + static_cast<u32>(random() % 64));
    in[2].push_back(x % 4 < 2 ? static_cast<u32>(random() & 0xffff)
                              : ((x ^ 0x8000) + static_cast<u32>(random() % 4)) & 0xffff);
  }
  return in;
}

bool same_half(u32 found, u32 wanted, bool relu) {
  return found == wanted || (relu && (found & 0x7fff) == 0 && (wanted & 0x7fff) == 0);
}

/// `name` of scalars, and of pairs whose halves are the operands i and i + 1.
template <class F>
void check_halves(const Half& half, const std::string& name, int operands,
                  const std::array<std::vector<u32>, 3>& in, bool relu, F expected) {
  std::array<std::vector<u16>, 3> scalars;
  std::array<std::vector<u32>, 3> pairs;
  const std::size_t count = in[0].size();
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t i = 0; i < count; ++i) {
      scalars[k].push_back(static_cast<u16>(in[k][i]));
      pairs[k].push_back(in[k][i] | in[k][(i + 1) % count] << 16);
    }
  const char* registers[] = {"", " %d, %a;", " %d, %a, %b;", " %d, %a, %b, %c;"};
  const auto single =
      each<u16>(join({name, ".", half.name, registers[operands]}), scalars[0], scalars[1], scalars[2]);
  const auto both =
      each<u32>(join({name, ".", half.name, "x2", registers[operands]}), pairs[0], pairs[1], pairs[2]);
  int shown = 0;
  for (std::size_t i = 0; i < count && shown < 3; ++i) {
    const u32 wanted = expected(in[0][i], in[1][i], in[2][i]);
    const u32 low = both[i] & 0xffff, high = both[(i + count - 1) % count] >> 16;
    if (!same_half(single[i], wanted, relu) || !same_half(low, wanted, relu) ||
        !same_half(high, wanted, relu)) {
      ++shown;
      ADD_FAILURE() << name << "." << half.name << std::hex << " of 0x" << in[0][i] << ", 0x" << in[1][i]
                    << ", 0x" << in[2][i] << " gives 0x" << single[i] << ", in a pair 0x" << low << " and 0x"
                    << high << ", expected 0x" << wanted;
    }
  }
}

TEST(EveryFloat, ArithmeticOfHalves) {
  for (const Half& half : halves()) {
    const auto in = half_operands(half);
    for (const std::string operation : {"add", "sub", "mul", "fma"})
      for (const char* rounding : {"", ".rn"})
        for (const int modifiers : {0, 1, 2, 3, 4, 5}) { // .ftz, .sat, or .ftz and .relu
          const HalfModifiers how = {
              .ftz = modifiers % 2 == 1, .sat = modifiers / 2 == 1, .relu = modifiers / 2 == 2};
          if ((operation == "fma" && *rounding == 0) || (operation != "fma" && how.relu) ||
              (half.is_bf16 && (how.ftz || how.sat)))
            continue;
          const std::string name = join(
              {operation, rounding, how.ftz ? ".ftz" : "", how.sat ? ".sat" : "", how.relu ? ".relu" : ""});
          check_halves(half, name, operation == "fma" ? 3 : 2, in, how.relu,
                       [&](u32 a, u32 b, u32 c) { return expected_half(half, operation, how, a, b, c); });
        }
  }
}

TEST(EveryFloat, SignsAndExtremesOfHalves) {
  for (const Half& half : halves()) {
    const auto in = half_operands(half);
    const auto is_nan = [&](u32 x) { return std::isnan(half.format.value(x)); };
    const auto flush = [&](u32 x) {
      return std::fabs(half.format.value(x)) < static_cast<long double>(half.least_normal) ? x & 0x8000 : x;
    };
    for (const bool ftz : {false, true}) {
      if (ftz && half.is_bf16)
        continue;
      const auto read = [&](u32 x) { return ftz ? flush(x) : x; };
      const std::string modifier = ftz ? ".ftz" : "";
      // of a NaN only that it is one
      check_halves(half, "neg" + modifier, 1, in, false,
                   [&](u32 a, u32, u32) { return is_nan(a) ? a ^ 0x8000 : read(a) ^ 0x8000; });
      check_halves(half, "abs" + modifier, 1, in, false,
                   [&](u32 a, u32, u32) { return is_nan(a) ? a & 0x7fff : read(a) & 0x7fff; });
      for (const bool largest : {false, true})
        for (const bool strict : {false, true}) {
          const std::string name = join({largest ? "max" : "min", modifier, strict ? ".NaN" : ""});
          check_halves(half, name, 2, in, false, [&](u32 a, u32 b, u32) -> u32 {
            a = read(a), b = read(b);
            if (is_nan(a) || is_nan(b))
              return strict || (is_nan(a) && is_nan(b)) ? 0x7fff : is_nan(a) ? b : a;
            const long double x = half.format.value(a), y = half.format.value(b);
            const bool above = x > y || (x == y && !std::signbit(x));
            return above == largest ? a : b;
          });
        }
    }
  }
}

// ---- comparisons ----

bool holds(std::string_view operation, long double a, long double b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  if (operation == "num" || operation == "nan")
    return unordered == (operation == "nan");
  if (unordered)
    return operation.size() == 3; // equ, ltu, ...
  const std::string_view base = operation.substr(0, 2);
  return base == "eq"   ? a == b
         : base == "ne" ? a != b
         : base == "lt" ? a < b
         : base == "le" ? a <= b
         : base == "gt" ? a > b
                        : a >= b;
}

constexpr const char* comparisons[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                       "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

bool combined(std::string_view how, bool x, bool c) {
  return how.empty() ? x : how == ".and" ? x && c : how == ".or" ? x || c : x != c;
}

TEST(EveryFloat, ComparisonsOfHalves) {
  for (const Half& half : halves()) {
    auto in = half_operands(half);
    for (auto& values : in)
      values.resize(1200); // the pairs of corners, and some
    std::vector<u16> a, b;
    std::vector<u32> a2, b2, c;
    for (std::size_t i = 0; i < in[0].size(); ++i) {
      a.push_back(static_cast<u16>(in[0][i]));
      b.push_back(static_cast<u16>(in[1][i]));
      a2.push_back(in[0][i] | in[1][i] << 16);
      b2.push_back(in[1][i] | in[0][(i + 1) % in[0].size()] << 16);
      c.push_back(static_cast<u32>(i % 2));
    }
    const u32 one = half.is_bf16 ? 0x3f80 : 0x3c00;
    for (const char* operation : comparisons)
      for (const std::string how : {"", ".and", ".or", ".xor"})
        for (const bool ftz : {false, true}) {
          if (ftz && half.is_bf16)
            continue;
          const auto value = [&](u32 bits) {
            const long double x = half.format.value(bits & 0xffff);
            return ftz && std::fabs(x) < static_cast<long double>(half.least_normal) ? 0.0L : x;
          };
          const std::string name = join({".", operation, how, ftz ? ".ftz." : "."}),
                            third = how.empty() ? ";\n" : ", %p2;\n", given = "setp.ne.u32 %p2, %c, 0;\n",
                            chosen =
                                "selp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, 0, %p1;\nor.b32 %d, %r0, %r1;";
          const auto p = each<u32>(join({given, "setp", name, half.name, " %p0, %a, %b", third,
                                         "setp.ne.u32 %p1, 0, 0;\n", chosen}),
                                   a, b, c);
          const auto p2 = each<u32>(
              join({given, "setp", name, half.name, "x2 %p0|%p1, %a, %b", third, chosen}), a2, b2, c);
          std::vector<std::vector<u32>> scalars, pairs;
          for (const char* result : {"u32", "s32"}) {
            scalars.push_back(
                each<u32>(join({given, "set", name, result, ".", half.name, " %d, %a, %b", third}), a, b, c));
            pairs.push_back(each<u32>(
                join({given, "set", name, result, ".", half.name, "x2 %d, %a, %b", third}), a2, b2, c));
          }
          pairs.push_back(each<u32>(
              join({given, "set", name, half.name, "x2.", half.name, "x2 %d, %a, %b", third}), a2, b2, c));
          for (const std::string result : {"u16", "s16", half.name.c_str()})
            scalars.push_back(each<u32>(join({given, "set", name, result, ".", half.name, " %h0, %a, %b",
                                              third, "cvt.u32.u16 %d, %h0;"}),
                                        a, b, c));
          for (std::size_t i = 0; i < a.size(); ++i) {
            const bool yes = combined(how, holds(operation, value(a[i]), value(b[i])), c[i] != 0),
                       low = combined(how, holds(operation, value(a2[i]), value(b2[i])), c[i] != 0),
                       high =
                           combined(how, holds(operation, value(a2[i] >> 16), value(b2[i] >> 16)), c[i] != 0);
            const auto packed = [&](u32 of) { return (low ? of : 0) | (high ? of << 16 : 0); };
            ASSERT_EQ(p[i], yes ? 1U : 0U)
                << "setp" << name << half.name << std::hex << " " << a[i] << " " << b[i];
            ASSERT_EQ(p2[i], (low ? 1U : 0U) | (high ? 2U : 0U))
                << "setp" << name << half.name << "x2" << std::hex << " " << a2[i] << " " << b2[i];
            const u32 wanted[] = {~0U, ~0U, 0xffff, 0xffff, one};
            for (std::size_t k = 0; k < scalars.size(); ++k)
              ASSERT_EQ(scalars[k][i], yes ? wanted[k] : 0)
                  << "set" << name << half.name << " of result " << k;
            for (std::size_t k = 0; k < pairs.size(); ++k)
              ASSERT_EQ(pairs[k][i], packed(k < 2 ? 0xffff : one))
                  << "set" << name << half.name << "x2 of result " << k;
          }
        }
  }
}

template <class F> void compare_floats(const std::string& type) {
  const Operands<F> in;
  std::vector<u32> c;
  for (std::size_t i = 0; i < in.a.size(); ++i)
    c.push_back(static_cast<u32>(i % 2));
  for (const char* operation : comparisons)
    for (const std::string how : {"", ".and", ".or", ".xor"})
      for (const bool ftz : {false, true}) {
        if (ftz && sizeof(F) == 8)
          continue;
        const auto read = [&](F x) { return ftz ? flushed(x) : x; };
        const std::string name = join({".", operation, how, ftz ? ".ftz." : "."}),
                          third = how.empty() ? ";\n" : ", %p2;\n", given = "setp.ne.u32 %p2, %c, 0;\n";
        const auto p =
            each<u32>(join({given, "setp", name, type, " %p0|%p1, %a, %b", third,
                            "selp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, 0, %p1;\nor.b32 %d, %r0, %r1;"}),
                      in.a, in.b, c);
        std::vector<std::vector<u32>> sets;
        for (const char* result : {"u32.", "s32.", "f32."})
          sets.push_back(
              each<u32>(join({given, "set", name, result, type, " %d, %a, %b", third}), in.a, in.b, c));
        for (std::size_t i = 0; i < c.size(); ++i) {
          const bool plain = holds(operation, read(in.a[i]), read(in.b[i])),
                     yes = combined(how, plain, c[i] != 0), no = combined(how, !plain, c[i] != 0);
          ASSERT_EQ(p[i], (yes ? 1U : 0U) | (no ? 2U : 0U))
              << "setp" << name << type << " " << in.a[i] << " " << in.b[i];
          ASSERT_EQ(sets[0][i], yes ? ~0U : 0U) << "set" << name << type;
          ASSERT_EQ(sets[1][i], yes ? ~0U : 0U) << "set" << name << type;
          ASSERT_EQ(sets[2][i], yes ? 0x3f800000U : 0U) << "set" << name << type;
        }
      }
}

TEST(EveryFloat, Comparisons) {
  compare_floats<float>("f32");
  compare_floats<double>("f64");
}

// ---- atomics ----

// atom.add.f32 flushes subnormal numbers in global memory, not in shared memory (PTX ISA, "atom").
template <class F> void atomic_adds(const std::string& type, bool flushes) {
  const Operands<F> in;
  for (const bool shared : {false, true})
    for (const std::string operation : {"atom", "red"}) {
      const std::string space = shared ? ".shared" : ".global",
                        word = join({".b", std::to_string(8 * sizeof(F))});
      const std::string place = shared ? ".shared .align 8 .b8 s[1024];\nmov.u64 %l0, s;\nmov.u32 %r0, "
                                         "%tid.x;\nmad.wide.u32 %l0, %r0, 8, %l0;\n"
                                       : join({"ld.param.u64 %l0, [p_a];\nmad.wide.u32 %l0, %i, ",
                                               std::to_string(sizeof(F)), ", %l0;\n"});
      const std::string name = join({operation, space, ".add.", type});
      const auto d =
          each<F>(join({place, "st", space, word, " [%l0], %a;\n", name, operation == "atom" ? " %d, " : " ",
                        "[%l0], %b;\nld", space, word, " %d, [%l0];"}),
                  in.a, in.b);
      for (std::size_t i = 0; i < d.size(); ++i) {
        const auto read = [&](F x) { return flushes && !shared ? flushed(x) : x; };
        same(d[i], read(read(in.a[i]) + read(in.b[i])), name);
      }
    }
}

TEST(EveryFloat, AtomicAdds) {
  atomic_adds<float>("f32", true);
  atomic_adds<double>("f64", false);
}

// ---- approximations ----

// With .ftz, subnormal operands and results are zeros; a pair is two scalars.
TEST(EveryFloat, ApproximationsFlushAndPack) {
  const std::vector<float> a = {1.5F,  0x1p-130F, -0x1p-130F, 0x1.8p126F, -2.0F,
                                0.25F, 100.0F,    -149.0F,    0x1p127F};
  const auto run = [&](const char* name) { return each<float>(join({name, " %d, %a;"}), a); };
  for (const std::string operation : {"rcp.approx", "sqrt.approx", "rsqrt.approx", "lg2.approx", "ex2.approx",
                                      "sin.approx", "cos.approx"}) {
    const auto plain = run((operation + ".f32").c_str()), ftz = run((operation + ".ftz.f32").c_str());
    std::vector<float> zeros;
    for (float x : a)
      zeros.push_back(flushed(x));
    const auto of_zeros = each<float>(join({operation, ".f32 %d, %a;"}), zeros);
    for (std::size_t i = 0; i < a.size(); ++i)
      same(ftz[i], flushed(of_zeros[i]), operation + ".ftz");
  }
  const auto quotient =
      each<float>("div.full.ftz.f32 %d, %a, %b;", std::vector{1.0F, 0x1p-130F, 6.0F, 0x1p-120F},
                  std::vector{0x1p-130F, 1.0F, 3.0F, 0x1p10F});
  EXPECT_EQ(quotient, (std::vector{INFINITY, 0.0F, 2.0F, 0.0F}));
  std::vector<u32> pairs;
  std::vector<u16> low, high;
  std::mt19937_64 random(seed());
  for (int i = 0; i < 500; ++i) {
    pairs.push_back(static_cast<u32>(random()));
    low.push_back(static_cast<u16>(pairs.back()));
    high.push_back(static_cast<u16>(pairs.back() >> 16));
  }
  for (const std::string operation :
       {"ex2.approx.f16", "ex2.approx.ftz.bf16", "tanh.approx.f16", "tanh.approx.bf16"}) {
    const auto both = each<u32>(join({operation, "x2 %d, %a;"}), pairs);
    const auto first = each<u16>(join({operation, " %d, %a;"}), low),
               second = each<u16>(join({operation, " %d, %a;"}), high);
    for (std::size_t i = 0; i < pairs.size(); ++i)
      EXPECT_EQ(both[i], first[i] | u32(second[i]) << 16) << operation << " " << pairs[i];
  }
}

} // namespace
} // namespace emu::test
