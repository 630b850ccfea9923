// Video instructions against formulas of the ISA's text, with every combination of types and modifiers and
// random selectors and operands.
#include "run_ptx.h"

#include <algorithm>
#include <functional>

namespace emu::test {
namespace {

using u32 = std::uint32_t;
using s64 = std::int64_t;
using Wide = __int128;

const char* const selectors[] = {"", ".b0", ".b1", ".b2", ".b3", ".h0", ".h1"};

// The selected byte, half-word or word, by shifting down and looking at the sign bit.
s64 part_of(u32 value, const std::string& selector, bool is_signed) {
  const int bits = selector.empty() ? 32 : selector[1] == 'b' ? 8 : 16;
  const int index = selector.empty() ? 0 : selector[2] - '0';
  const s64 modulus = s64(1) << bits;
  const s64 plain = s64(value >> (index * bits)) % modulus;
  return is_signed && plain >= modulus / 2 ? plain - modulus : plain;
}

s64 in_range(s64 value, int bits, bool is_signed) {
  const s64 low = is_signed ? -(s64(1) << (bits - 1)) : 0;
  const s64 high = is_signed ? (s64(1) << (bits - 1)) - 1 : (s64(1) << bits) - 1;
  return value < low ? low : value > high ? high : value;
}

// As the destination's type reads 32 bits.
s64 as_type(s64 value, bool is_signed) { return is_signed ? s64(std::int32_t(value)) : s64(u32(value)); }

u32 merged(s64 value, const std::string& selector, u32 c) {
  u32 bytes[4], result = 0;
  for (int i = 0; i < 4; ++i)
    bytes[i] = c >> 8 * i & 255;
  const int width = selector[1] == 'b' ? 1 : 2, index = selector[2] - '0';
  for (int i = 0; i < width; ++i)
    bytes[index * width + i] = u32(value >> 8 * i) & 255;
  for (int i = 0; i < 4; ++i)
    result |= bytes[i] << 8 * i;
  return result;
}

struct Inputs {
  std::vector<u32> a, b, c;
};

Inputs inputs(std::mt19937_64& random) {
  const std::vector<u32> values = interesting<u32>(40, random());
  Inputs in;
  for (int i = 0; i < 200; ++i) {
    in.a.push_back(values[random() % values.size()]);
    in.b.push_back(values[random() % values.size()]);
    in.c.push_back(values[random() % values.size()]);
  }
  return in;
}

void compare(const std::string& body, const Inputs& in, const std::function<u32(u32, u32, u32)>& expected) {
  const std::vector<u32> d = each<u32>(body, in.a, in.b, in.c);
  for (std::size_t i = 0; i < d.size(); ++i)
    ASSERT_EQ(d[i], expected(in.a[i], in.b[i], in.c[i]))
        << body << " of 0x" << std::hex << in.a[i] << " 0x" << in.b[i] << " 0x" << in.c[i];
}

const bool both[] = {false, true};
std::string_view type(bool is_signed) { return is_signed ? ".s32" : ".u32"; }

// ---- scalar ----

using Operation = std::function<s64(s64, s64)>;

// One form of each kind for an operation on extracted parts: plain, with a second operation, merging.
void check_scalar(const std::string& name, const std::string& mode, bool has_result_type, bool b_is_unsigned,
                  const Operation& operation) {
  std::mt19937_64 random(seed() + std::hash<std::string>()(name + mode));
  for (int kind = 0; kind < 5; ++kind) // none, .add, .min, .max, merge
    for (bool sat : both)
      for (bool d_signed : both)
        for (bool a_signed : both)
          for (bool b_signed : both) {
            if ((b_is_unsigned && b_signed) || (!has_result_type && (d_signed || sat)))
              continue;
            const std::string a = selectors[random() % 7], b = selectors[random() % 7];
            const std::string d = kind == 4 ? selectors[1 + random() % 6] : "";
            const char* second[] = {"", ".add", ".min", ".max", ""};
            const std::string body = join({name, has_result_type ? type(d_signed) : "", type(a_signed),
                                           type(b_signed), sat ? ".sat" : "", mode, second[kind], " %d", d,
                                           ", %a", a, ", %b", b, kind > 0 ? ", %c;" : ";"});
            compare(body, inputs(random), [&](u32 x, u32 y, u32 z) -> u32 {
              s64 t = operation(part_of(x, a, a_signed), part_of(y, b, b_signed));
              if (sat)
                t = in_range(t, d.empty() ? 32 : d[1] == 'b' ? 8 : 16, d_signed);
              if (kind == 4)
                return merged(t, d, z);
              const s64 one = as_type(t, d_signed), other = as_type(z, d_signed);
              const s64 all[] = {one, one + other, std::min(one, other), std::max(one, other)};
              return u32(all[kind]);
            });
          }
}

TEST(Video, ScalarArithmetic) {
  check_scalar("vadd", "", true, false, [](s64 a, s64 b) { return a + b; });
  check_scalar("vsub", "", true, false, [](s64 a, s64 b) { return a - b; });
  check_scalar("vabsdiff", "", true, false, [](s64 a, s64 b) { return std::abs(a - b); });
  check_scalar("vmin", "", true, false, [](s64 a, s64 b) { return a < b ? a : b; });
  check_scalar("vmax", "", true, false, [](s64 a, s64 b) { return a < b ? b : a; });
}

// The intermediate result has 34 bits.
s64 low34(s64 value) {
  const s64 modulus = s64(1) << 34, low = (value % modulus + modulus) % modulus;
  return low >= modulus / 2 ? low - modulus : low;
}
s64 times_power(s64 a, s64 b) { return low34(s64(Wide(a) * (Wide(1) << b) % (Wide(1) << 34))); }
s64 over_power(s64 a, s64 b) {
  const s64 power = s64(1) << b, remainder = (a % power + power) % power;
  return (a - remainder) / power;
}

TEST(Video, ScalarShifts) {
  check_scalar("vshl", ".clamp", true, true, [](s64 a, s64 b) { return times_power(a, b > 32 ? 32 : b); });
  check_scalar("vshl", ".wrap", true, true, [](s64 a, s64 b) { return times_power(a, b % 32); });
  check_scalar("vshr", ".clamp", true, true, [](s64 a, s64 b) { return over_power(a, b > 32 ? 32 : b); });
  check_scalar("vshr", ".wrap", true, true, [](s64 a, s64 b) { return over_power(a, b % 32); });
}

const std::pair<const char*, Operation> comparisons[] = {
    {".eq", [](s64 a, s64 b) { return a == b; }}, {".ne", [](s64 a, s64 b) { return a != b; }},
    {".lt", [](s64 a, s64 b) { return a < b; }},  {".le", [](s64 a, s64 b) { return a <= b; }},
    {".gt", [](s64 a, s64 b) { return a > b; }},  {".ge", [](s64 a, s64 b) { return a >= b; }}};

TEST(Video, ScalarComparison) {
  for (const auto& [name, operation] : comparisons)
    check_scalar("vset", name, false, false, operation);
}

TEST(Video, MultiplyAdd) {
  std::mt19937_64 random(seed() + 77);
  const char* const scales[] = {"", ".shr7", ".shr15"};
  for (int form = 0; form < 4; ++form) // plain, negated product, negated c, plus one
    for (int scale : {0, 1, 2})
      for (bool sat : both)
        for (bool a_signed : both)
          for (bool b_signed : both) {
            const std::string a = selectors[random() % 7], b = selectors[random() % 7];
            const bool is_signed = a_signed || b_signed || form == 1 || form == 2;
            const std::string body =
                join({"vmad", type(random() % 2 == 0), type(a_signed), type(b_signed), form == 3 ? ".po" : "",
                      sat ? ".sat" : "", scales[scale], form == 1 ? " %d, -%a" : " %d, %a", a, ", %b", b,
                      form == 2 ? ", -%c;" : ", %c;"});
            compare(body, inputs(random), [&](u32 x, u32 y, u32 z) -> u32 {
              const Wide product = Wide(part_of(x, a, a_signed)) * part_of(y, b, b_signed);
              Wide t = form == 1 ? -product : product;
              // c is complemented as a register before it is extended
              t += form == 2 ? as_type(~z, true) + 1 : as_type(z, is_signed);
              t += form == 3;
              const Wide power = Wide(1) << (scale == 0 ? 0 : scale == 1 ? 7 : 15);
              t = (t - ((t % power) + power) % power) / power;
              const Wide low = is_signed ? -(Wide(1) << 31) : 0;
              const Wide high = (Wide(1) << (is_signed ? 31 : 32)) - 1;
              if (sat)
                t = t < low ? low : t > high ? high : t;
              return u32(t);
            });
          }
}

// ---- several parts ----

// Part i of the result takes part `digits[count - 1 - i]` of the bytes of a and then b.
s64 chosen(u32 a, u32 b, const std::string& digits, int part, bool is_signed) {
  const int count = static_cast<int>(digits.size()), index = digits[count - 1 - part] - '0';
  const std::string selector = (count == 4 ? ".b" : ".h") + std::to_string(index % count);
  return part_of(index < count ? a : b, selector, is_signed);
}

void check_parts(const std::string& name, int count, const std::string& mode, bool has_result_type,
                 const Operation& operation) {
  std::mt19937_64 random(seed() + std::hash<std::string>()(name + mode));
  const std::string letter = count == 4 ? ".b" : ".h";
  auto digits = [&](bool given, const char* otherwise) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += static_cast<char>('0' + random() % (2 * static_cast<unsigned>(count)));
    return given ? text : std::string(otherwise);
  };
  for (int kind = 0; kind < 3; ++kind) // merge, saturate and merge, accumulate
    for (bool d_signed : both)
      for (bool a_signed : both)
        for (bool b_signed : both) {
          if (!has_result_type && (d_signed || kind == 1))
            continue;
          const bool given = random() % 3 != 0;
          const std::string a = digits(given, count == 4 ? "3210" : "10");
          const std::string b = digits(given, count == 4 ? "7654" : "32");
          const unsigned parts = 1 + static_cast<unsigned>(random()) % ((1u << count) - 1);
          std::string mask;
          for (int i = count - 1; i >= 0; --i)
            if (parts >> i & 1)
              mask += static_cast<char>('0' + i);
          const char* modes[] = {"", ".sat", ".add"};
          const std::string body =
              join({name, std::to_string(count), has_result_type ? type(d_signed) : "", type(a_signed),
                    type(b_signed), mode, modes[kind], " %d", letter, mask, ", %a", given ? letter + a : "",
                    ", %b", given ? letter + b : "", ", %c;"});
          compare(body, inputs(random), [&](u32 x, u32 y, u32 z) -> u32 {
            s64 sum = z;
            u32 result = z;
            for (int i = 0; i < count; ++i) {
              if ((parts >> i & 1) == 0)
                continue;
              s64 t = operation(chosen(x, y, a, i, a_signed), chosen(x, y, b, i, b_signed));
              if (kind == 1)
                t = in_range(t, 32 / count, d_signed);
              sum += t;
              result = merged(t, letter + std::to_string(i), result);
            }
            return kind == 2 ? u32(sum) : result;
          });
        }
}

TEST(Video, PartsArithmetic) {
  for (int count : {2, 4}) {
    check_parts("vadd", count, "", true, [](s64 a, s64 b) { return a + b; });
    check_parts("vsub", count, "", true, [](s64 a, s64 b) { return a - b; });
    check_parts("vavrg", count, "", true, [](s64 a, s64 b) { return over_power(a + b + (a + b >= 0), 1); });
    check_parts("vabsdiff", count, "", true, [](s64 a, s64 b) { return std::abs(a - b); });
    check_parts("vmin", count, "", true, [](s64 a, s64 b) { return a < b ? a : b; });
    check_parts("vmax", count, "", true, [](s64 a, s64 b) { return a < b ? b : a; });
  }
}

TEST(Video, PartsComparison) {
  for (int count : {2, 4})
    for (const auto& [name, operation] : comparisons)
      check_parts("vset", count, name, false, operation);
}

// ---- what is refused ----

TEST(Video, MalformedOperandsAreRefused) {
  for (const char* body :
       {"vadd.u32.u32.u32 %d, %a, %b, %c;", "vadd.u32.u32.u32.add %d, %a, %b;",
        "vadd.u32.u32.u32.add %d.b0, %a, %b, %c;", "vadd.u32.u32.u32 %d.b0, %a, %b;",
        "vadd.u32.u32.u32 %d, %a.h2, %b;", "vadd.u32.u32.u32 %d, %a.b10, %b;",
        "vadd.u32.u32.u32 %d, -%a, %b;", "vmad.u32.u32.u32 %d.b0, %a, %b, %c;",
        "vmad.u32.u32.u32.po %d, -%a, %b, %c;", "vmad.u32.u32.u32 %d, -%a, %b, -%c;",
        "vadd2.u32.u32.u32 %d, %a.b10, %b, %c;", "vadd2.u32.u32.u32 %d, %a.h4, %b, %c;",
        "vadd4.u32.u32.u32 %d.h0, %a, %b, %c;", "vadd4.u32.u32.u32 %d, %a.b3218, %b, %c;",
        "vadd4.u32.u32.u32.sat.add %d, %a, %b, %c;", "add.u32 %d, %a.b0, %b;", "add.u32 %d, -%a, %b;"}) {
    Machine machine;
    EXPECT_EQ(machine.load(".visible .entry test() {\n.reg .b32 %a, %b, %c, %d;\n" + std::string(body) +
                           "\nret;\n}\n"),
              nullptr)
        << body;
    EXPECT_EQ(machine.error.place.line, 6) << body;
  }
}

} // namespace
} // namespace emu::test
