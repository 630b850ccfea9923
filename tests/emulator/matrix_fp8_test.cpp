// mma.sync of e4m3 and e5m2 with values of every kind: NaN, infinities, subnormals, ties and overflow of the
// sums. What is expected is computed here in integers, in the exact mode and by the model of the truncating
// one (numeric/matrix.h).
#include "numeric_oracle.h"
#include "run_ptx.h"

namespace emu::test {
namespace {

using Wide = __int128;
using u32 = std::uint32_t;

/// x = integer * 2^-32, and the exponent of its encoding: of a product the sum of its factors'.
struct Term {
  Wide integer = 0;
  int exponent = 0;
};

struct Type {
  std::string name;
  oracle::Format format;
  int least; ///< the exponent of subnormal numbers
};
const Type& e4m3() {
  static const Type type = {"e4m3", oracle::Format::of<numeric::E4M3>(), -6};
  return type;
}
const Type& e5m2() {
  static const Type type = {"e5m2", oracle::Format::of<numeric::E5M2>(), -14};
  return type;
}
const Type& f16() {
  static const Type type = {"f16", oracle::Format::of<numeric::F16>(), -14};
  return type;
}

Wide scaled(long double x) { return static_cast<Wide>(std::ldexp(x, 32)); }

int exponent_of(long double x, int least) { return x == 0 ? -1000 : std::max(std::ilogb(x), least); }

/// integer * 2^power in a format of so many bits below the first one, to the nearest or toward zero.
long double rounded(Wide integer, int power, int bits, int least, bool nearest) {
  const bool negative = integer < 0;
  auto size = static_cast<unsigned __int128>(negative ? -integer : integer);
  int top = -1;
  for (auto x = size; x != 0; x >>= 1)
    ++top;
  const int drop = std::max(top + power, least) - bits - power;
  if (drop > 0) {
    const auto low = size & ((static_cast<unsigned __int128>(1) << drop) - 1);
    const auto half = static_cast<unsigned __int128>(1) << (drop - 1);
    size >>= drop;
    if (nearest && (low > half || (low == half && size % 2 == 1)))
      ++size;
    power += drop;
  }
  const long double x = std::ldexp(static_cast<long double>(size), power);
  return negative ? -x : x;
}

/// What hardware for `target` was found to do.
struct Model {
  const char* target;
  int group, fraction_bits, result_bits;
  bool by_halves; ///< factors are f16 by then
};

struct Case {
  Type a, b;
  int k;
  bool halves; ///< sums in f16, else in f32
};

/// To the type of the sums: what is too large is infinite.
long double as_sum(const Case& one, long double x) {
  return one.halves && std::fabs(x) > 65504 ? std::copysign(INFINITY, x) : x;
}

long double expected(const Case& one, const std::vector<long double>& a, const std::vector<long double>& b,
                     long double c, const Model* model) {
  long double specials = c; // NaN or infinite as the sum is, or finite
  for (std::size_t i = 0; i < a.size(); ++i)
    specials += a[i] * b[i];
  if (!std::isfinite(specials))
    return specials;
  if (model == nullptr) {
    Wide sum = scaled(c);
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += scaled(a[i] * b[i]);
    return as_sum(one, one.halves ? rounded(sum, -32, 10, -14, true) : rounded(sum, -32, 23, -126, true));
  }
  for (std::size_t begin = 0; begin < a.size() && std::isfinite(c);
       begin += static_cast<std::size_t>(model->group)) {
    std::vector<Term> terms = {{scaled(c), exponent_of(c, one.halves ? -14 : -126)}};
    for (std::size_t i = begin; i < begin + static_cast<std::size_t>(model->group); ++i)
      terms.push_back(
          {scaled(a[i] * b[i]), exponent_of(a[i], model->by_halves ? f16().least : one.a.least) +
                                    exponent_of(b[i], model->by_halves ? f16().least : one.b.least)});
    const int largest = std::ranges::max(terms, {}, &Term::exponent).exponent;
    const int shift = largest - model->fraction_bits + 32; // of a term's unit of 2^-32
    Wide sum = 0;
    for (const Term& term : terms) {
      const Wide size = term.integer < 0 ? -term.integer : term.integer;
      const Wide cut = shift > 0 ? size >> std::min(shift, 120) : size << std::min(-shift, 60);
      sum += term.integer < 0 ? -cut : cut;
    }
    c = as_sum(one, one.halves ? rounded(sum, shift - 32, 10, -14, true)
                               : rounded(sum, shift - 32, model->result_bits, -126, false));
  }
  return c;
}

std::string name_of(const Case& one) {
  const std::string sum = one.halves ? "f16" : "f32";
  return "mma.sync.aligned.m16n8k" + std::to_string(one.k) + ".row.col." + sum + "." + one.a.name + "." +
         one.b.name + "." + sum;
}

struct Matrix {
  int columns;
  std::vector<u32> bits;
  std::vector<long double> values;
};

/// Every encoding, but exponents of e5m2 so near to each other that double holds the sums, and few of those
/// that are not finite, since one of them is enough for a sum.
Matrix draw(const Type& type, int rows, int columns, std::mt19937_64& random) {
  Matrix matrix{columns, {}, {}};
  while (static_cast<int>(matrix.bits.size()) < rows * columns) {
    auto bits = static_cast<u32>(random() % 256);
    if (type.name == "e5m2" && (bits & 0x7f) < 0x7c)
      bits = (bits & 0x83) | (bits >> 2 & 31) % 20 << 2;
    const long double value = type.format.value(bits);
    if (!std::isfinite(value) && random() % 8 != 0)
      continue;
    matrix.bits.push_back(bits);
    matrix.values.push_back(value);
  }
  return matrix;
}

/// Four elements of a row of A or a column of B, of a lane's register.
u32 word_of(const Matrix& matrix, int line, int first) {
  u32 word = 0;
  for (int i = 0; i < 4; ++i)
    word |= matrix.bits[static_cast<std::size_t>(line * matrix.columns + first + i)] << 8 * i;
  return word;
}

void multiply(const Case& one, const Model* model) {
  std::mt19937_64 random(seed());
  const Matrix a = draw(one.a, 16, one.k, random), b = draw(one.b, 8, one.k, random);
  std::vector<u32> c_bits;
  std::vector<long double> c;
  for (int i = 0; i < 16 * 8; ++i) {
    c_bits.push_back(
        one.halves ? static_cast<u32>(random() & 0xffff)
        : i == 5   ? 0xff800000u
        : i == 77  ? 0x7fc00001u
                   : std::bit_cast<u32>(std::ldexp(static_cast<float>(static_cast<int>(random())), -24)));
    c.push_back(one.halves ? f16().format.value(c_bits.back())
                           : static_cast<long double>(std::bit_cast<float>(c_bits.back())));
  }
  std::array<std::vector<u32>, 10> inputs; // registers of the lanes: four of A, two of B, four of C
  for (auto& words : inputs)
    words.resize(32);
  const int a_words = one.k / 8, b_words = one.k / 16;
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const int g = static_cast<int>(lane) / 4, t = static_cast<int>(lane) % 4;
    for (int j = 0; j < a_words; ++j)
      inputs[static_cast<std::size_t>(j)][lane] = word_of(a, g + j % 2 * 8, 4 * t + j / 2 * 16);
    for (int j = 0; j < b_words; ++j)
      inputs[static_cast<std::size_t>(4 + j)][lane] = word_of(b, g, 4 * t + 16 * j);
    for (int i = 0; i < 4; ++i) {
      const u32 bits = c_bits[static_cast<std::size_t>((g + i / 2 * 8) * 8 + 2 * t + i % 2)];
      inputs[static_cast<std::size_t>(6 + (one.halves ? i / 2 : i))][lane] |=
          one.halves ? bits << i % 2 * 16 : bits;
    }
  }
  std::string text =
      ".visible .entry test(.param .u64 in, .param .u64 out) {\n.reg .b32 %x<10>, %t;\n.reg .b64 %l<2>;\n"
      "ld.param.u64 %l0, [in];\nld.param.u64 %l1, [out];\nmov.u32 %t, %tid.x;\n"
      "mad.wide.u32 %l0, %t, 4, %l0;\nmad.wide.u32 %l1, %t, 16, %l1;\n";
  std::vector<u32> memory;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    text += "ld.global.b32 %x" + std::to_string(i) + ", [%l0+" + std::to_string(128 * i) + "];\n";
    memory.insert(memory.end(), inputs[i].begin(), inputs[i].end());
  }
  const std::string sums = one.halves ? "{%x6,%x7}" : "{%x6,%x7,%x8,%x9}";
  text += name_of(one) + " " + sums + ", " +
          (one.k == 16 ? "{%x0,%x1}, {%x4}, " : "{%x0,%x1,%x2,%x3}, {%x4,%x5}, ") + sums +
          ";\nst.global.v4.b32 [%l1], {%x6,%x7,%x8,%x9};\nret;\n}\n";
  Machine machine;
  machine.threads = {32, 1, 1};
  machine.options.truncating_matrix = model != nullptr;
  if (model != nullptr)
    machine.target = model->target;
  const std::uint64_t out = machine.upload(std::vector<u32>(128));
  const Outcome outcome = machine.run(text, {machine.upload(memory), out});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  const auto result = machine.download<u32>(out, 128);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      const auto line = [&](const Matrix& of, int number) {
        const auto first = of.values.begin() + static_cast<std::ptrdiff_t>(number) * one.k;
        return std::vector<long double>(first, first + one.k);
      };
      const long double wanted =
          expected(one, line(a, row), line(b, column), c[static_cast<std::size_t>(row * 8 + column)], model);
      const int lane = row % 8 * 4 + column / 2, i = row / 8 * 2 + column % 2;
      const u32 word = result[static_cast<std::size_t>(4 * lane + (one.halves ? i / 2 : i))];
      const u32 bits = one.halves ? word >> i % 2 * 16 & 0xffff : word;
      const long double found =
          one.halves ? f16().format.value(bits) : static_cast<long double>(std::bit_cast<float>(bits));
      if (std::isnan(wanted))
        EXPECT_EQ(bits, one.halves ? 0x7fffu : 0x7fffffffu)
            << name_of(one) << " row " << row << ", column " << column;
      else
        EXPECT_EQ(found, wanted) << name_of(one) << (model ? model->target : "") << " row " << row
                                 << ", column " << column;
    }
}

TEST(MmaFp8, OfAllValues) {
  // QMMA on sm_89 and sm_120; sm_90 multiplies halves (as ptxas shows), 16 at a time.
  constexpr Model models[] = {
      {"sm_89", 16, 13, 13, false}, {"sm_90", 16, 25, 23, true}, {"sm_100", 16, 25, 23, true}};
  for (const Type& a : {e4m3(), e5m2()})
    for (const Type& b : {e4m3(), e5m2()})
      for (const int k : {16, 32})
        for (const bool halves : {false, true}) {
          const Case one = {a, b, k, halves};
          multiply(one, nullptr);
          for (const Model& model : models)
            multiply(one, &model);
          const Model widest = {"sm_120", k, 25, 23, false};
          multiply(one, &widest);
        }
}

// One product and C, by hand: 1.125 * 1 + c.
TEST(MmaFp8, TiesOfF16Sums) {
  const std::array<std::array<u32, 3>, 5> cases = {{{0x38, 0x6800, 0x6800},   // 1 + 2048: to the even one
                                                    {0x38, 0x6801, 0x6802},   // 1 + 2050
                                                    {0x39, 0x6800, 0x6801},   // 1.125 + 2048: above the tie
                                                    {0xb8, 0xe801, 0xe802},   // -1 - 2050
                                                    {0x38, 0x8001, 0x3c00}}}; // 1 - 2^-24
  for (const auto& [a, c, d] : cases) {
    const auto found =
        each<std::array<u32, 2>>("mov.u32 %r0, 0;\nmma.sync.aligned.m16n8k16.row.col.f16.e4m3.e4m3.f16 "
                                 "{%d0,%d1}, {%a,%a}, {%b}, {%c,%c};",
                                 std::vector<u32>{a, 0, 0, 0, a, 0, 0, 0, a, 0, 0, 0, a, 0, 0, 0,
                                                  a, 0, 0, 0, a, 0, 0, 0, a, 0, 0, 0, a, 0, 0, 0},
                                 std::vector<u32>(32, 0x38), std::vector<u32>(32, c | c << 16));
    for (const auto& sums : found)
      EXPECT_EQ(sums, (std::array{d | d << 16, d | d << 16})) << a << " " << c;
  }
}

} // namespace
} // namespace emu::test
