// cvt between all types, with all of its modifiers, as the ISA words it: what is expected is computed in long
// double, whose significand holds every value. Sources of 8 and 16 bits are tested exhaustively.
#include "kernel_text.h"
#include "numeric_oracle.h"

namespace emu::test {
namespace {

using Value = long double;
using Bits = std::uint64_t;

struct Type {
  std::string name;
  int bits;
  enum class Kind { unsigned_, signed_, f16, bf16, f32, f64 } kind;
  bool whole() const { return kind <= Kind::signed_; }
  bool is_signed() const { return kind == Kind::signed_; }
  Value lowest() const { return is_signed() ? -std::ldexp(1.0L, bits - 1) : 0; }
  Value highest() const { return std::ldexp(1.0L, is_signed() ? bits - 1 : bits) - 1; }
};

const std::vector<Type>& types() {
  using enum Type::Kind;
  static const std::vector<Type> all = {
      {"u8", 8, unsigned_},   {"s8", 8, signed_},   {"u16", 16, unsigned_}, {"s16", 16, signed_},
      {"u32", 32, unsigned_}, {"s32", 32, signed_}, {"u64", 64, unsigned_}, {"s64", 64, signed_},
      {"f16", 16, f16},       {"bf16", 16, bf16},   {"f32", 32, f32},       {"f64", 64, f64}};
  return all;
}

const oracle::Format& halves() {
  static const auto format = oracle::Format::of<numeric::F16>();
  return format;
}
const oracle::Format& brains() {
  static const auto format = oracle::Format::of<numeric::BF16>();
  return format;
}

Value decode(const Type& type, Bits bits) {
  using enum Type::Kind;
  switch (type.kind) {
  case unsigned_:
    return static_cast<Value>(type.bits == 64 ? bits : bits & ((Bits{1} << type.bits) - 1));
  case signed_:
    return static_cast<Value>(static_cast<std::int64_t>(bits << (64 - type.bits)) >> (64 - type.bits));
  case f16:
    return halves().value(static_cast<u32>(bits & 0xffff));
  case bf16:
    return brains().value(static_cast<u32>(bits & 0xffff));
  case f32:
    return std::bit_cast<float>(static_cast<u32>(bits));
  case f64:
    break;
  }
  return std::bit_cast<double>(bits);
}

Bits encode(const Type& type, Value x, numeric::Round mode) {
  using enum Type::Kind;
  switch (type.kind) {
  case f16:
    return halves().round(x, mode);
  case bf16:
    return brains().round(x, mode);
  case f32:
    return std::bit_cast<u32>(oracle::round_to<float>(x, mode));
  default:
    return std::bit_cast<u64>(oracle::round_to<double>(x, mode));
  }
}

Value to_whole(Value x, numeric::Round mode) {
  switch (mode) {
  case numeric::Round::rz:
    return std::trunc(x);
  case numeric::Round::rm:
    return std::floor(x);
  case numeric::Round::rp:
    return std::ceil(x);
  default:
    return std::nearbyint(x);
  }
}

Value flushed(Value x) { return std::fabs(x) < 0x1p-126L ? std::copysign(Value{0}, x) : x; }

struct Modifiers {
  std::string spelling;
  numeric::Round mode = numeric::Round::rn;
  bool integral = false, ftz = false, sat = false;
};

/// NaN if any NaN will do.
struct Wanted {
  Bits bits;
  bool nan = false;
};

Wanted expected(const Type& to, const Type& from, const Modifiers& how, Bits source) {
  Value x = decode(from, source);
  if (how.ftz && from.kind == Type::Kind::f32)
    x = flushed(x);
  if (to.whole() && from.whole()) {
    if (how.sat)
      x = std::clamp(x, to.lowest(), to.highest());
    // wraps: the low bits
    return {x < 0 ? static_cast<Bits>(static_cast<std::int64_t>(x)) : static_cast<Bits>(x)};
  }
  if (to.whole()) {
    if (std::isnan(
            x)) // "zero, if the source is no f64 and the destination has no 64 bits, else 1 << (bits - 1)"
      return {from.bits < 64 && to.bits < 64 ? 0 : Bits{1} << (to.bits - 1)};
    x = std::clamp(to_whole(x, how.mode), to.lowest(), to.highest());
    return {x < 0 ? static_cast<Bits>(static_cast<std::int64_t>(x)) : static_cast<Bits>(x)};
  }
  if (how.integral)
    x = std::copysign(to_whole(x, how.mode), x);
  if (how.sat)
    x = std::isnan(x) ? 0 : std::clamp<Value>(x, 0, 1);
  if (how.sat && x == 0)
    x = 0; // not -0
  if (std::isnan(x))
    return {0, true};
  const Bits bits = encode(to, x, how.mode);
  const bool flushes = how.ftz && to.kind == Type::Kind::f32;
  return {flushes ? encode(to, flushed(decode(to, bits)), how.mode) : bits};
}

template <class T> std::vector<T> sources(const Type& type, bool exhaustive) {
  std::vector<T> values;
  if (sizeof(T) <= 2 && exhaustive) {
    for (u32 bits = 0; bits < 1U << 8 * sizeof(T); ++bits)
      values.push_back(static_cast<T>(bits));
    return values;
  }
  values = interesting<T>(400);
  if (type.whole() || sizeof(T) <= 2)
    return values;
  std::mt19937_64 random(seed());
  for (double x : {0.0,
                   0.49999999999999994,
                   0.5,
                   1.0,
                   1.5,
                   2.5,
                   127.5,
                   128.0,
                   255.5,
                   256.0,
                   32767.5,
                   65504.0,
                   65519.9,
                   65520.0,
                   65535.5,
                   2147483647.0,
                   2147483648.0,
                   4294967295.5,
                   9223372036854775807.0,
                   1.8446744073709552e19,
                   0x1.004p0,
                   0x1.00cp0,
                   0x1.01p0,
                   0x1.03p0,
                   0x1.000001p0,
                   0x1.000003p0,
                   0x1p-24,
                   0x1p-25,
                   0x1.8p-25,
                   0x1p-127,
                   0x1p-133,
                   0x1p-134,
                   0x1.8p-134,
                   0x1p-149,
                   0x1p-150,
                   0x1.8p-150,
                   3.4028235e38,
                   3.40282357e38,
                   1e39,
                   1e300,
                   double(INFINITY),
                   double(NAN)})
    for (double sign : {1.0, -1.0}) {
      if constexpr (sizeof(T) == 4)
        values.push_back(std::bit_cast<u32>(static_cast<float>(sign * x)));
      else
        values.push_back(std::bit_cast<u64>(sign * x));
    }
  for (int i = 0; i < 600; ++i) { // near integers, and of all magnitudes near 1
    const double x = std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())),
                                -static_cast<int>(random() % 90));
    if constexpr (sizeof(T) == 4)
      values.push_back(std::bit_cast<u32>(static_cast<float>(x)));
    else
      values.push_back(std::bit_cast<u64>(x));
  }
  return values;
}

template <class D, class S>
void convert(const Type& to, const Type& from, const Modifiers& how, bool exhaustive) {
  const std::vector<S> a = sources<S>(from, exhaustive);
  const std::string name = join({"cvt", how.spelling, ".", to.name, ".", from.name});
  const std::vector<D> d = each<D>(join({name, " %d, %a;"}), a);
  int shown = 0;
  for (std::size_t i = 0; i < a.size() && shown < 3; ++i) {
    const Wanted wanted = expected(to, from, how, a[i]);
    const bool right = wanted.nan ? std::isnan(decode(to, d[i])) : d[i] == static_cast<D>(wanted.bits);
    if (!right) {
      ++shown;
      ADD_FAILURE() << name << " of 0x" << std::hex << u64(a[i]) << " gives 0x" << u64(d[i]) << ", expected "
                    << (wanted.nan ? "NaN" : "0x") << wanted.bits;
    }
  }
}

template <class S>
void convert_from(const Type& to, const Type& from, const Modifiers& how, bool exhaustive) {
  switch (to.bits) {
  case 8:
    return convert<u8, S>(to, from, how, exhaustive);
  case 16:
    return convert<u16, S>(to, from, how, exhaustive);
  case 32:
    return convert<u32, S>(to, from, how, exhaustive);
  default:
    return convert<u64, S>(to, from, how, exhaustive);
  }
}

void convert(const Type& to, const Type& from, const Modifiers& how, bool exhaustive) {
  switch (from.bits) {
  case 8:
    return convert_from<u8>(to, from, how, exhaustive);
  case 16:
    return convert_from<u16>(to, from, how, exhaustive);
  case 32:
    return convert_from<u32>(to, from, how, exhaustive);
  default:
    return convert_from<u64>(to, from, how, exhaustive);
  }
}

constexpr std::pair<const char*, numeric::Round> modes[] = {{".rn", numeric::Round::rn},
                                                            {".rz", numeric::Round::rz},
                                                            {".rm", numeric::Round::rm},
                                                            {".rp", numeric::Round::rp}};

/// The roundings that this conversion has: of the significand, or to an integer.
std::vector<Modifiers> roundings(const Type& to, const Type& from) {
  std::vector<Modifiers> all;
  const bool integral = to.whole() || (!from.whole() && to.kind == from.kind);
  if (to.whole() && from.whole())
    return {{""}};
  for (const auto& [spelling, mode] : modes)
    all.push_back({std::string(spelling) + (integral ? "i" : ""), mode, integral});
  const bool exact = !to.whole() && !from.whole() && (to.bits > from.bits || to.kind == from.kind);
  if (exact && !integral)
    return {{""}};
  if (exact) // from a type to itself
    all.push_back({""});
  return all;
}

TEST(EveryConversion, BetweenScalars) {
  for (const Type& to : types())
    for (const Type& from : types())
      for (const Modifiers& rounding : roundings(to, from)) {
        const bool halves_of_two_kinds =
            to.bits == 16 && from.bits == 16 && to.kind != from.kind && !to.whole() && !from.whole();
        if (halves_of_two_kinds) // "cvt.bf16.f16" and its inverse are of sm_90
          continue;
        for (const bool ftz : {false, true})
          for (const bool sat : {false, true}) {
            if (ftz && to.kind != Type::Kind::f32 && from.kind != Type::Kind::f32)
              continue;
            Modifiers how = rounding;
            how.ftz = ftz;
            how.sat = sat;
            how.spelling += join({ftz ? ".ftz" : "", sat ? ".sat" : ""});
            convert(to, from, how, !ftz && !sat);
          }
      }
}

// ---- packed types ----

struct Small {
  std::string name;
  oracle::Format format;
};
const std::vector<Small>& smalls() {
  static const std::vector<Small> all = {{"f16", halves()},
                                         {"bf16", brains()},
                                         {"e4m3", oracle::Format::of<numeric::E4M3>()},
                                         {"e5m2", oracle::Format::of<numeric::E5M2>()},
                                         {"e2m3", oracle::Format::of<numeric::E2M3>()},
                                         {"e3m2", oracle::Format::of<numeric::E3M2>()},
                                         {"e2m1", oracle::Format::of<numeric::E2M1>()}};
  return all;
}

/// NaN of a type that has none is its largest value, which oracle::Format rounds to.
u32 narrowed(const oracle::Format& format, Value x, numeric::Round mode, bool relu, bool satfinite) {
  if (relu && x <= 0)
    x = 0;
  return format.round(x, mode,
                      satfinite && !std::isnan(x) ? numeric::Overflow::finite : numeric::Overflow::infinity);
}

/// With relu, zero may have either sign.
bool same(u32 found, u32 wanted, u32 sign, bool relu) {
  return found == wanted || (relu && wanted == 0 && found == sign);
}

/// Two values of a type become two of another, the first source the high half.
void narrow(const Small& to, const std::string& spelling, numeric::Round mode, bool relu, bool satfinite,
            const std::string& body, const std::vector<u32>& high, const std::vector<u32>& low,
            const std::vector<Value>& high_values, const std::vector<Value>& low_values) {
  const std::vector<u32> d = each<u32>(body, high, low);
  const u32 sign = to.format.sign_bit();
  const int bits = to.name == "e2m1" ? 4 : to.format.exponent_bits + to.format.mantissa_bits > 10 ? 16 : 8;
  const u32 mask = (1U << bits) - 1;
  int shown = 0;
  for (std::size_t i = 0; i < d.size() && shown < 3; ++i) {
    const u32 up = narrowed(to.format, high_values[i], mode, relu, satfinite),
              down = narrowed(to.format, low_values[i], mode, relu, satfinite);
    if (!same(d[i] >> bits & mask, up, sign, relu) || !same(d[i] & mask, down, sign, relu)) {
      ++shown;
      ADD_FAILURE() << spelling << " of " << high_values[i] << " and " << low_values[i] << " gives 0x"
                    << std::hex << d[i] << ", expected 0x" << up << ", 0x" << down;
    }
  }
}

/// What brings a narrow result into %d, and a source out of %a, for registers of its size.
std::string instruction_of(const Small& to, const std::string& spelling, const std::string& operands) {
  const bool wide = to.name == "f16" || to.name == "bf16";
  const std::string result = wide ? "%d" : to.name == "e2m1" ? "%b0" : "%h0";
  return join({".reg .b8 %b0;\n", spelling, " ", result, ", ", operands, ";\n",
               wide                ? ""
               : to.name == "e2m1" ? "cvt.u32.u8 %d, %b0;"
                                   : "cvt.u32.u16 %d, %h0;"});
}

TEST(EveryConversion, NarrowPairsOfFloats) {
  const Type& f32 = types()[10];
  const std::vector<u32> a = sources<u32>(f32, false), b(a.rbegin(), a.rend());
  std::vector<Value> high, low;
  for (std::size_t i = 0; i < a.size(); ++i) {
    high.push_back(decode(f32, a[i]));
    low.push_back(decode(f32, b[i]));
  }
  for (const Small& to : smalls())
    for (const auto& [rounding, mode] : {modes[0], modes[1]})
      for (const bool relu : {false, true})
        for (const bool satfinite : {false, true}) {
          const bool wide = to.name == "f16" || to.name == "bf16";
          if (!wide && (mode != numeric::Round::rn || !satfinite))
            continue;
          const std::string modifiers = join({rounding, wide && relu ? ".relu" : "",
                                              satfinite ? ".satfinite" : "", !wide && relu ? ".relu" : ""});
          const std::string spelling = join({"cvt", modifiers, ".", to.name, "x2.f32"});
          narrow(to, spelling, mode, relu, satfinite, instruction_of(to, spelling, "%a, %b"), a, b, high,
                 low);
          if (wide) {
            const std::string scalar = join({"cvt", modifiers, ".", to.name, ".f32"});
            narrow(to, scalar, mode, relu, satfinite,
                   join({scalar, " %h0, %a;\n", scalar, " %h1, %b;\nmov.b32 %d, {%h1, %h0};"}), a, b, high,
                   low);
          }
        }
}

TEST(EveryConversion, NarrowPairsOfHalves) {
  std::vector<u32> pairs, unused;
  for (u32 bits = 0; bits < 0x10000; ++bits)
    pairs.push_back(bits << 16 | ((bits * 40503 + 7) & 0xffff));
  unused.resize(pairs.size());
  for (const Small& from : {smalls()[0], smalls()[1]}) {
    std::vector<Value> high, low;
    for (u32 pair : pairs) {
      high.push_back(from.format.value(pair >> 16));
      low.push_back(from.format.value(pair & 0xffff));
    }
    for (std::size_t i = 2; i < smalls().size(); ++i)
      for (const bool relu : {false, true}) {
        const Small& to = smalls()[i];
        const std::string spelling =
            join({"cvt.rn.satfinite", relu ? ".relu" : "", ".", to.name, "x2.", from.name, "x2"});
        narrow(to, spelling, numeric::Round::rn, relu, true, instruction_of(to, spelling, "%a"), pairs,
               unused, high, low);
      }
  }
}

TEST(EveryConversion, WidenPairs) {
  for (std::size_t i = 2; i < smalls().size(); ++i)
    for (const Small& to : {smalls()[0], smalls()[1]})
      for (const bool relu : {false, true}) {
        const Small& from = smalls()[i];
        const int bits = from.name == "e2m1" ? 4 : 8;
        const u32 mask = 2 * from.format.sign_bit() - 1;
        std::vector<u32> a;
        for (u32 code = 0; code < 1U << 2 * bits; ++code)
          if ((code & (mask | mask << bits)) == code)
            a.push_back(code);
        const std::string spelling =
            join({"cvt.rn", relu ? ".relu" : "", ".", to.name, "x2.", from.name, "x2"});
        const auto d =
            each<u32>(bits == 4 ? join({".reg .b8 %b0;\ncvt.u8.u32 %b0, %a;\n", spelling, " %d, %b0;"})
                                : join({"cvt.u16.u32 %h0, %a;\n", spelling, " %d, %h0;"}),
                      a);
        for (std::size_t j = 0; j < a.size(); ++j)
          for (const u32 half : {0U, 1U}) {
            const Value x = from.format.value(a[j] >> bits * static_cast<int>(half) & mask);
            const u32 found = d[j] >> 16 * half & 0xffff;
            ASSERT_TRUE(same(found, narrowed(to.format, x, numeric::Round::rn, relu, false), 0x8000, relu))
                << spelling << " of 0x" << std::hex << a[j] << " gives 0x" << d[j];
          }
      }
}

TEST(EveryConversion, ToTf32) {
  const Type& f32 = types()[10];
  const std::vector<u32> a = sources<u32>(f32, false);
  const auto format = oracle::Format::of<numeric::TF32>();
  constexpr std::pair<const char*, numeric::Round> tf32_modes[] = {
      {".rna", numeric::Round::rna}, {".rn", numeric::Round::rn}, {".rz", numeric::Round::rz}};
  for (const auto& [rounding, mode] : tf32_modes)
    for (const bool relu : {false, true})
      for (const bool satfinite : {false, true}) {
        if (relu && mode == numeric::Round::rna)
          continue;
        const std::string spelling =
            join({"cvt", rounding, satfinite ? ".satfinite" : "", relu ? ".relu" : "", ".tf32.f32"});
        const auto d = each<u32>(join({spelling, " %d, %a;"}), a);
        for (std::size_t i = 0; i < a.size(); ++i) {
          const Value x = decode(f32, a[i]);
          const u32 wanted = narrowed(format, x, mode, relu, satfinite) << 13;
          if (std::isnan(x))
            EXPECT_TRUE(std::isnan(std::bit_cast<float>(d[i]))) << spelling;
          else
            EXPECT_TRUE(same(d[i], wanted, 1U << 31, relu))
                << spelling << " of 0x" << std::hex << a[i] << " gives 0x" << d[i] << ", expected 0x"
                << wanted;
        }
      }
}

TEST(EveryConversion, PackIntegers) {
  std::vector<u32> a = interesting<u32>(100), b(a.rbegin(), a.rend()), c = interesting<u32>(100, 1);
  for (const auto& [name, bits, is_signed] :
       {std::tuple{"u16", 16, false}, std::tuple{"s16", 16, true}, std::tuple{"u8", 8, false},
        std::tuple{"s8", 8, true}, std::tuple{"u4", 4, false}, std::tuple{"s4", 4, true},
        std::tuple{"u2", 2, false}, std::tuple{"s2", 2, true}}) {
    const std::string spelling =
        join({"cvt.pack.sat.", name, ".s32", bits < 16 ? ".b32 %d, %a, %b, %c;" : " %d, %a, %b;"});
    const auto d = each<u32>(spelling, a, b, c);
    const int high = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1, low = is_signed ? -high - 1 : 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto one = [&](u32 x) {
        return static_cast<u32>(std::clamp(static_cast<int>(x), low, high)) & ((1U << bits) - 1);
      };
      const u32 above = bits < 16 ? c[i] << 2 * bits : 0;
      EXPECT_EQ(d[i], above | one(a[i]) << bits | one(b[i])) << spelling << " " << a[i] << " " << b[i];
    }
  }
}

} // namespace
} // namespace emu::test
