// mma.sync, ldmatrix, stmatrix, movmatrix against products in double. The layouts of fragments are written
// here as the ISA writes them, element by element, and not by the scheme that the emulator uses.
#include "run_ptx.h"

#include <algorithm>
#include <cfenv>
#include <cmath>

namespace emu::test {
namespace {

struct At {
  int row, column;
};
using Layout = At (*)(int lane, int i);

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type", and so on: element i of a lane of A,
// and of B, of shapes whose A has 8 or 16 rows.
struct Fragments {
  std::string_view shape;
  int m, k;
  Layout a, b;
};
constexpr Fragments halves_k8 = {
    "m16n8k8", 16, 8, [](int lane, int i) { return At{lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + (i & 1)}; },
    [](int lane, int i) { return At{lane % 4 * 2 + i, lane / 4}; }};
constexpr Fragments halves_k16 = {
    "m16n8k16", 16, 16,
    [](int lane, int i) {
      return At{lane / 4 + (i < 2 || (i >= 4 && i < 6) ? 0 : 8), lane % 4 * 2 + (i & 1) + (i < 4 ? 0 : 8)};
    },
    [](int lane, int i) { return At{lane % 4 * 2 + (i & 1) + (i < 2 ? 0 : 8), lane / 4}; }};
// Of tf32 and f64.
constexpr Fragments words_k4 = {"m16n8k4", 16, 4,
                                [](int lane, int i) { return At{lane / 4 + (i == 0 ? 0 : 8), lane % 4}; },
                                [](int lane, int) { return At{lane % 4, lane / 4}; }};
constexpr Fragments words_k8 = {
    "m16n8k8", 16, 8,
    [](int lane, int i) { return At{lane / 4 + (i == 0 || i == 2 ? 0 : 8), lane % 4 + (i < 2 ? 0 : 4)}; },
    [](int lane, int i) { return At{lane % 4 + (i == 0 ? 0 : 4), lane / 4}; }};
constexpr Fragments doubles_m8 = {"m8n8k4", 8, 4, [](int lane, int) { return At{lane / 4, lane % 4}; },
                                  [](int lane, int) { return At{lane % 4, lane / 4}; }};
constexpr Fragments doubles_k16 = {"m16n8k16", 16, 16,
                                   [](int lane, int i) {
                                     return At{lane / 4 + (i % 2 == 0 ? 0 : 8),
                                               (i % 2 == 0 ? i * 2 : i * 2 - 2) + lane % 4};
                                   },
                                   [](int lane, int i) { return At{lane % 4 + i * 4, lane / 4}; }};
constexpr Fragments bytes_m8 = {"m8n8k16", 8, 16,
                                [](int lane, int i) { return At{lane / 4, lane % 4 * 4 + i}; },
                                [](int lane, int i) { return At{lane % 4 * 4 + i, lane / 4}; }};
constexpr Fragments bytes_k16 = {
    "m16n8k16", 16, 16,
    [](int lane, int i) { return At{lane / 4 + (i < 4 ? 0 : 8), lane % 4 * 4 + (i & 3)}; },
    [](int lane, int i) { return At{lane % 4 * 4 + i, lane / 4}; }};
constexpr Fragments bytes_k32 = {
    "m16n8k32", 16, 32,
    [](int lane, int i) {
      return At{lane / 4 + (i < 4 || (i >= 8 && i < 12) ? 0 : 8), lane % 4 * 4 + (i & 3) + (i < 8 ? 0 : 16)};
    },
    [](int lane, int i) { return At{lane % 4 * 4 + (i & 3) + (i < 4 ? 0 : 16), lane / 4}; }};
constexpr Fragments nibbles_m8 = {"m8n8k32", 8, 32,
                                  [](int lane, int i) { return At{lane / 4, lane % 4 * 8 + i}; },
                                  [](int lane, int i) { return At{lane % 4 * 8 + i, lane / 4}; }};
constexpr Fragments nibbles_k32 = {
    "m16n8k32", 16, 32,
    [](int lane, int i) { return At{lane / 4 + (i < 8 ? 0 : 8), lane % 4 * 8 + (i & 7)}; },
    [](int lane, int i) { return At{lane % 4 * 8 + i, lane / 4}; }};
constexpr Fragments nibbles_k64 = {
    "m16n8k64", 16, 64,
    [](int lane, int i) {
      return At{lane / 4 + (i < 8 || (i >= 16 && i < 24) ? 0 : 8),
                lane % 4 * 8 + (i & 7) + (i < 16 ? 0 : 32)};
    },
    [](int lane, int i) { return At{lane % 4 * 8 + (i & 7) + (i < 8 ? 0 : 32), lane / 4}; }};
constexpr Fragments bits_m8 = {"m8n8k128", 8, 128,
                               [](int lane, int i) { return At{lane / 4, lane % 4 * 32 + i}; },
                               [](int lane, int i) { return At{lane % 4 * 32 + i, lane / 4}; }};
constexpr Fragments bits_k128 = {
    "m16n8k128", 16, 128,
    [](int lane, int i) { return At{lane / 4 + (i < 32 ? 0 : 8), lane % 4 * 32 + (i & 31)}; },
    [](int lane, int i) { return At{lane % 4 * 32 + i, lane / 4}; }};
constexpr Fragments bits_k256 = {
    "m16n8k256", 16, 256,
    [](int lane, int i) {
      return At{lane / 4 + (i < 32 || (i >= 64 && i < 96) ? 0 : 8),
                lane % 4 * 32 + (i & 31) + (i < 64 ? 0 : 128)};
    },
    [](int lane, int i) { return At{lane % 4 * 32 + (i & 31) + (i < 32 ? 0 : 128), lane / 4}; }};
At c_of(int lane, int i) { return {lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + (i & 1)}; }

std::uint64_t f16_of(int x) { // exact for |x| < 2048
  if (x == 0)
    return 0;
  int exponent = 0;
  std::frexp(std::abs(x), &exponent);
  const int mantissa = static_cast<int>(std::ldexp(std::abs(x), 11 - exponent)) & 1023;
  return static_cast<std::uint64_t>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}
std::uint64_t f32_of(int x) { return std::bit_cast<std::uint32_t>(static_cast<float>(x)); }
std::uint64_t f64_of(int x) { return std::bit_cast<std::uint64_t>(static_cast<double>(x)); }
std::uint64_t bf16_of(int x) { return f32_of(x) >> 16; }
std::uint64_t e4m3_of(int x) { // |x| <= 7
  constexpr int codes[] = {0, 0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c, 0x4e};
  return static_cast<std::uint64_t>((x < 0 ? 0x80 : 0) | codes[std::abs(x)]);
}
std::uint64_t e5m2_of(int x) { // |x| <= 4
  constexpr int codes[] = {0, 0x3c, 0x40, 0x42, 0x44};
  return static_cast<std::uint64_t>((x < 0 ? 0x80 : 0) | codes[std::abs(x)]);
}
std::uint64_t integer(int x) { return static_cast<std::uint32_t>(x); }

/// A type of elements, and what is drawn of it: so small that sums are exact.
struct Element {
  std::string_view name;
  int bits;
  std::uint64_t (*encode)(int);
  int low, high;
};
constexpr Element f16 = {"f16", 16, f16_of, -7, 7}, bf16 = {"bf16", 16, bf16_of, -7, 7},
                  tf32 = {"tf32", 32, f32_of, -7, 7}, f32 = {"f32", 32, f32_of, -7, 7},
                  f64 = {"f64", 64, f64_of, -7, 7}, e4m3 = {"e4m3", 8, e4m3_of, -7, 7},
                  e5m2 = {"e5m2", 8, e5m2_of, -4, 4}, u8 = {"u8", 8, integer, 0, 255},
                  s8 = {"s8", 8, integer, -128, 127}, u4 = {"u4", 4, integer, 0, 15},
                  s4 = {"s4", 4, integer, -8, 7}, b1 = {"b1", 1, integer, 0, 1},
                  s32 = {"s32", 32, integer, 0, 0};

struct Case {
  Fragments of;
  Element a, b, sum;
  std::string_view before, after; ///< ".satfinite" before the types, ".xor.popc" after them
  std::string instruction() const {
    return join({"mma.sync.aligned.", of.shape, ".row.col", before, ".", sum.name, ".", a.name, ".", b.name,
                 ".", sum.name, after});
  }
};

// Words (of 32 bits, 64 for f64) of a lane's fragment.
std::vector<std::uint64_t> pack(const Element& type, const Layout& layout, int elements, int lane,
                                const std::vector<int>& matrix, int columns) {
  const int word = std::max(32, type.bits), per_word = word / type.bits;
  std::vector<std::uint64_t> words(static_cast<std::size_t>(elements / per_word));
  for (int i = 0; i < elements; ++i) {
    const At at = layout(lane, i);
    const std::uint64_t mask = type.bits == 64 ? ~0ull : (1ull << type.bits) - 1;
    words[static_cast<std::size_t>(i / per_word)] |=
        (type.encode(matrix[static_cast<std::size_t>(at.row * columns + at.column)]) & mask)
        << (i % per_word * type.bits);
  }
  return words;
}

class Mma : public testing::TestWithParam<Case> {};

TEST_P(Mma, MultipliesAsTheFragmentsSay) {
  const Case& one = GetParam();
  const int m = one.of.m, n = 8, k = one.of.k;
  const bool whole = one.sum.name == "s32";
  std::mt19937_64 random(seed());
  std::vector<int> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n)),
      c(static_cast<std::size_t>(m * n));
  const auto draw = [&](const Element& type) {
    return type.low + static_cast<int>(random() % static_cast<unsigned>(type.high - type.low + 1));
  };
  for (int& x : a)
    x = draw(one.a);
  for (int& x : b)
    x = draw(one.b);
  for (int& x : c) // whole sums overflow here and there
    x = !whole         ? draw(one.sum)
        : random() % 3 ? static_cast<int>(random() % 2000) - 1000
        : random() % 2 ? INT32_MAX - static_cast<int>(random() % 200)
                       : INT32_MIN + static_cast<int>(random() % 200);
  std::vector<std::uint64_t> input; // 16 words of 64 bits a lane: a, b, c
  int a_words = 0, b_words = 0, c_words = 0;
  for (int lane = 0; lane < 32; ++lane) {
    std::vector<std::uint64_t> words = pack(one.a, one.of.a, m * k / 32, lane, a, k);
    const auto b_part = pack(one.b, one.of.b, n * k / 32, lane, b, n),
               c_part = pack(one.sum, c_of, m * n / 32, lane, c, n);
    a_words = static_cast<int>(words.size()), b_words = static_cast<int>(b_part.size()),
    c_words = static_cast<int>(c_part.size());
    words.insert(words.end(), b_part.begin(), b_part.end());
    words.insert(words.end(), c_part.begin(), c_part.end());
    words.resize(16);
    input.insert(input.end(), words.begin(), words.end());
  }
  // One warp: every lane loads its words, multiplies, and stores its sums.
  const std::string type = one.sum.bits == 64 ? "b64" : "b32";
  std::string text = ".visible .entry test(.param .u64 in, .param .u64 out) {\n.reg ." + type +
                     " %x<16>, %d<4>;\n.reg .b64 %l<4>;\n.reg .b32 %t;\n"
                     "ld.param.u64 %l0, [in];\nld.param.u64 %l1, [out];\nmov.u32 %t, %tid.x;\nmad.wide.u32 "
                     "%l0, %t, 128, %l0;\nmad.wide.u32 %l1, %t, 32, %l1;\n";
  const auto list = [](const std::string& name, int first, int count) {
    std::string out = "{";
    for (int i = 0; i < count; ++i)
      out += (i ? ", " : "") + name + std::to_string(first + i);
    return out + "}";
  };
  for (int i = 0; i < a_words + b_words + c_words; ++i)
    text += "ld.global." + type + " %x" + std::to_string(i) + ", [%l0+" + std::to_string(8 * i) + "];\n";
  text += one.instruction() + " " + list("%d", 0, c_words) + ", " + list("%x", 0, a_words) + ", " +
          list("%x", a_words, b_words) + ", " + list("%x", a_words + b_words, c_words) + ";\n";
  for (int i = 0; i < c_words; ++i)
    text += "st.global." + type + " [%l1+" + std::to_string(8 * i) + "], %d" + std::to_string(i) + ";\n";
  Machine machine;
  machine.threads = {32, 1, 1};
  const std::uint64_t out = machine.upload(std::vector<std::uint64_t>(128));
  const Outcome outcome = machine.run(text + "ret;\n}\n", {machine.upload(input), out});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  const auto result = machine.download<std::uint64_t>(out, 128);
  std::vector<int> d(c.size());
  for (int row = 0; row < m; ++row)
    for (int column = 0; column < n; ++column) {
      std::int64_t sum = c[static_cast<std::size_t>(row * n + column)];
      for (int j = 0; j < k; ++j) {
        const int x = a[static_cast<std::size_t>(row * k + j)],
                  y = b[static_cast<std::size_t>(j * n + column)];
        sum += one.after == ".xor.popc" ? x ^ y : x * y;
      }
      if (one.before == ".satfinite")
        sum = std::clamp<std::int64_t>(sum, INT32_MIN, INT32_MAX);
      d[static_cast<std::size_t>(row * n + column)] = static_cast<int>(sum);
    }
  for (int lane = 0; lane < 32; ++lane) {
    const auto wanted = pack(one.sum, c_of, m * n / 32, lane, d, n);
    for (int i = 0; i < c_words; ++i)
      EXPECT_EQ(result[static_cast<std::size_t>(4 * lane + i)], wanted[static_cast<std::size_t>(i)])
          << "lane " << lane << ", register " << i;
  }
}

// All that the ISA has, but for m8n8k4 of f16, and what WhatIsNotThere names.
std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::vector<Fragments> shapes, std::vector<Element> as, std::vector<Element> bs,
                       std::vector<Element> sums, std::vector<std::string_view> befores = {""},
                       std::vector<std::string_view> afters = {""}) {
    for (const Fragments& shape : shapes)
      for (const Element& a : as)
        for (const Element& b : bs.empty() ? std::vector{a} : bs)
          for (const Element& sum : sums)
            for (std::string_view before : befores)
              for (std::string_view after : afters)
                all.push_back({shape, a, b, sum, before, after});
  };
  add({halves_k8, halves_k16}, {f16}, {}, {f16, f32});
  add({halves_k8, halves_k16}, {bf16}, {}, {f32});
  add({words_k4, words_k8}, {tf32}, {}, {f32});
  add({bytes_k16, bytes_k32}, {e4m3, e5m2}, {e4m3, e5m2}, {f16, f32});
  add({doubles_m8, words_k4, words_k8, doubles_k16}, {f64}, {}, {f64});
  add({bytes_m8, bytes_k16, bytes_k32}, {u8, s8}, {u8, s8}, {s32}, {"", ".satfinite"});
  add({nibbles_m8, nibbles_k32, nibbles_k64}, {u4, s4}, {u4, s4}, {s32}, {"", ".satfinite"});
  add({bits_m8, bits_k128, bits_k256}, {b1}, {}, {s32}, {""}, {".and.popc", ".xor.popc"});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, Mma, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param.instruction();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
});

// Of f64: a chain of fused multiply-adds, each rounded as asked.
TEST(Mma, DoublesAreRoundedAsAsked) {
  std::mt19937_64 random(seed());
  std::normal_distribution<double> normal;
  std::vector<double> a(32), b(32);
  std::vector<std::array<double, 2>> c(32);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    a[lane] = normal(random);
    b[lane] = normal(random);
    c[lane] = {normal(random), normal(random)};
  }
  a[3] = -0x1p-1074; // of row 0: rounded away from zero or to it
  b[3] = 0x1p-1074;
  c[0][0] = 0x1p-1022;
  for (const auto& [modifier, mode] :
       {std::pair("", FE_TONEAREST), std::pair(".rn", FE_TONEAREST), std::pair(".rz", FE_TOWARDZERO),
        std::pair(".rm", FE_DOWNWARD), std::pair(".rp", FE_UPWARD)}) {
    const auto d = each<std::array<double, 2>>(std::string("mma.sync.aligned.m8n8k4.row.col") + modifier +
                                                   ".f64.f64.f64.f64 {%d0,%d1}, {%a}, {%b}, {%c0,%c1};",
                                               a, b, c);
    for (std::size_t lane = 0; lane < 32; ++lane)
      for (std::size_t i = 0; i < 2; ++i) {
        volatile double sum = c[lane][i];
        std::fesetround(mode);
        for (std::size_t k = 0; k < 4; ++k)
          sum = std::fma(a[lane / 4 * 4 + k], b[(lane % 4 * 2 + i) * 4 + k], sum);
        std::fesetround(FE_TONEAREST);
        EXPECT_EQ(d[lane][i], sum) << modifier << " lane " << lane;
      }
  }
}

// Forms of the ISA that are not executed are refused, by name and with their line.
TEST(Mma, WhatIsNotThere) {
  const std::pair<const char*, const char*> cases[] = {
      {"mma.sync.aligned.m16n8k32.row.col.kind::f8f6f4.f32.e4m3.e2m1.f32", "kind::f8f6f4"},
      {"mma.sync.aligned.m16n8k32.row.col.kind::f8f6f4.f16.e3m2.e2m3.f16", "kind::f8f6f4"},
      {"mma.sync.aligned.m16n8k64.row.col.kind::mxf4.block_scale.scale_vec::2X.f32.e2m1.e2m1.f32.ue8m0",
       "kind::mxf4"},
      {"mma.sync.aligned.m16n8k64.row.col.kind::mxf4nvf4.block_scale.scale_vec::4X.f32.e2m1.e2m1.f32.ue4m3",
       "kind::mxf4nvf4"},
      {"mma.sync.aligned.kind::mxf8f6f4.block_scale.scale_vec::1X.m16n8k32.row.col.f32.e4m3.e4m3.f32.ue8m0",
       "kind::mxf8f6f4"},
      {"mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.kind::f8f6f4.f32.e4m3.e3m2.f32",
       "kind::f8f6f4"},
      {"mma.sp::ordered_metadata.sync.aligned.m16n8k128.row.col.kind::mxf4.block_scale.f32.e2m1.e2m1.f32."
       "ue8m0",
       "kind::mxf4"},
      {"ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8", "m16n16"},
      {"ldmatrix.sync.aligned.m8n16.x1.shared.b8x16.b4x16_p64", "m8n16"},
      {"stmatrix.sync.aligned.m16n8.x1.trans.shared.b8", "m16n8"},
  };
  for (const auto& [instruction, named] : cases) {
    Machine machine;
    machine.target = "sm_120a";
    EXPECT_EQ(machine.load(std::string(".visible .entry test() {\n.reg .b32 %x<16>;\n") + instruction +
                           " {%x0,%x1,%x2,%x3}, {%x4,%x5,%x6,%x7}, {%x8,%x9}, {%x0,%x1,%x2,%x3};\nret;\n}\n"),
              nullptr)
        << instruction;
    EXPECT_NE(machine.error.message.find(std::string(".") + named), std::string::npos)
        << instruction << ": " << machine.error.message;
    EXPECT_EQ(machine.error.place.line, 6);
  }
}

// m8n8k4 of f16: the fragments element by element as the ISA writes them, for four products at once.
void multiply_quads(const std::string& a_layout, const std::string& b_layout, const std::string& d_type,
                    const std::string& c_type) {
  std::mt19937_64 random(seed());
  int a[4][8][4], b[4][4][8], c[4][8][8];
  for (int quad = 0; quad < 4; ++quad)
    for (int i = 0; i < 8; ++i) {
      for (int j = 0; j < 4; ++j) {
        a[quad][i][j] = static_cast<int>(random() % 15) - 7;
        b[quad][j][i] = static_cast<int>(random() % 15) - 7;
      }
      for (int j = 0; j < 8; ++j)
        c[quad][i][j] = static_cast<int>(random() % 15) - 7;
    }
  const auto sum_at = [](const std::string& type, int lane, int i) -> At {
    const int high = lane < 16 ? 0 : 4;
    if (type == "f16")
      return {lane % 4 + high, i};
    return {(lane & 1) + (i & 2) + high, (i & 4) + (lane & 2) + (i & 1)};
  };
  std::vector<std::uint32_t> input; // 16 words a lane: a, b, c
  for (int lane = 0; lane < 32; ++lane) {
    const int quad = lane % 16 / 4, high = lane < 16 ? 0 : 4;
    std::vector<std::uint32_t> words(16);
    for (int i = 0; i < 4; ++i) {
      const int left = a_layout == "row" ? a[quad][lane % 4 + high][i] : a[quad][i + high][lane % 4];
      const int right = b_layout == "row" ? b[quad][lane % 4][i + high] : b[quad][i][lane % 4 + high];
      words[static_cast<std::size_t>(i / 2)] |= static_cast<std::uint32_t>(f16_of(left)) << i % 2 * 16;
      words[static_cast<std::size_t>(2 + i / 2)] |= static_cast<std::uint32_t>(f16_of(right)) << i % 2 * 16;
    }
    for (int i = 0; i < 8; ++i) {
      const At at = sum_at(c_type, lane, i);
      const int value = c[quad][at.row][at.column];
      if (c_type == "f16")
        words[static_cast<std::size_t>(4 + i / 2)] |= static_cast<std::uint32_t>(f16_of(value)) << i % 2 * 16;
      else
        words[static_cast<std::size_t>(4 + i)] = static_cast<std::uint32_t>(f32_of(value));
    }
    input.insert(input.end(), words.begin(), words.end());
  }
  const auto list = [](const std::string& name, int first, int count) {
    std::string out = "{";
    for (int i = 0; i < count; ++i)
      out += (i ? ", " : "") + name + std::to_string(first + i);
    return out + "}";
  };
  std::string text = ".visible .entry test(.param .u64 in, .param .u64 out) {\n.reg .b32 %x<16>, %d<8>, "
                     "%t;\n.reg .b64 %l<2>;\n"
                     "ld.param.u64 %l0, [in];\nld.param.u64 %l1, [out];\nmov.u32 %t, %tid.x;\nmad.wide.u32 "
                     "%l0, %t, 64, %l0;\n"
                     "mad.wide.u32 %l1, %t, 32, %l1;\n";
  for (int i = 0; i < 12; ++i)
    text += "ld.global.u32 %x" + std::to_string(i) + ", [%l0+" + std::to_string(4 * i) + "];\n";
  const int d_count = d_type == "f16" ? 4 : 8, c_count = c_type == "f16" ? 4 : 8;
  text += "mma.sync.aligned.m8n8k4." + a_layout + "." + b_layout + "." + d_type + ".f16.f16." + c_type + " " +
          list("%d", 0, d_count) + ", " + list("%x", 0, 2) + ", " + list("%x", 2, 2) + ", " +
          list("%x", 4, c_count) + ";\n";
  for (int i = 0; i < d_count; ++i)
    text += "st.global.u32 [%l1+" + std::to_string(4 * i) + "], %d" + std::to_string(i) + ";\n";
  Machine machine;
  machine.threads = {32, 1, 1};
  const std::uint64_t out = machine.upload(std::vector<std::uint32_t>(256));
  const Outcome outcome = machine.run(text + "ret;\n}\n", {machine.upload(input), out});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  const auto result = machine.download<std::uint32_t>(out, 256);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 8; ++i) {
      const At at = sum_at(d_type, lane, i);
      const int quad = lane % 16 / 4;
      int wanted = c[quad][at.row][at.column];
      for (int k = 0; k < 4; ++k)
        wanted += a[quad][at.row][k] * b[quad][k][at.column];
      const std::uint32_t word = result[static_cast<std::size_t>(8 * lane + (d_type == "f16" ? i / 2 : i))];
      EXPECT_EQ(d_type == "f16" ? word >> i % 2 * 16 & 0xffff : word,
                d_type == "f16" ? f16_of(wanted) : f32_of(wanted))
          << "lane " << lane << ", element " << i;
    }
}

TEST(Mma, OfQuads) {
  for (const char* a : {"row", "col"})
    for (const char* b : {"row", "col"}) {
      multiply_quads(a, b, "f16", "f16");
      multiply_quads(a, b, "f32", "f16");
      multiply_quads(a, b, "f32", "f32");
    }
}

TEST(SharedMatrix, LoadsAndTransposes) {
  // Rows of 16 bytes in shared memory, element e of row r is 8 r + e; lane l gives the address of row l.
  const auto run = [](const std::string& instruction, int count) {
    Machine machine;
    machine.threads = {32, 1, 1};
    const std::uint64_t out = machine.upload(std::vector<std::uint32_t>(32 * 4));
    std::string stores;
    for (int i = 0; i < count; ++i)
      stores += "st.global.u32 [%l0+" + std::to_string(4 * i) + "], %x" + std::to_string(i) + ";\n";
    const Outcome outcome =
        machine.run(".shared .align 16 .b8 tile[512];\n.visible .entry test(.param .u64 out) {\n.reg .b32 "
                    "%x<4>, %t, %s, %v, %w;\n.reg .b64 %l<2>;\n"
                    "ld.param.u64 %l0, [out];\nmov.u32 %t, %tid.x;\nmad.wide.u32 %l0, %t, 16, %l0;\nmov.u32 "
                    "%s, tile;\nmad.lo.u32 %s, %t, 16, %s;\n"
                    "mul.lo.u32 %v, %t, 0x00080008;\nadd.u32 %v, %v, 0x00010000;\n"
                    "st.shared.u32 [%s], %v;\nadd.u32 %v, %v, 0x00020002;\nst.shared.u32 [%s+4], "
                    "%v;\nadd.u32 %v, %v, 0x00020002;\nst.shared.u32 [%s+8], %v;\n"
                    "add.u32 %v, %v, 0x00020002;\nst.shared.u32 [%s+12], %v;\nbar.warp.sync -1;\n" +
                        instruction + "\n" + stores + "ret;\n}\n",
                    {out});
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    return machine.download<std::uint32_t>(out, 32 * 4);
  };
  const auto plain = run("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%x0, %x1, %x2, %x3}, [%s];", 4);
  const auto transposed = run("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%x0, %x1}, [%s];", 2);
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint32_t first = 64 * i + 8 * (lane / 4) + 2 * (lane % 4);
      EXPECT_EQ(plain[4 * lane + i], first | (first + 1) << 16) << lane;
      const std::uint32_t low = 64 * i + 8 * (2 * (lane % 4)) + lane / 4;
      if (i < 2) {
        EXPECT_EQ(transposed[4 * lane + i], low | (low + 8) << 16) << lane;
      }
    }
  // CUTLASS names the count before the shape.
  EXPECT_EQ(run("ldmatrix.sync.aligned.x4.m8n8.shared.b16 {%x0, %x1, %x2, %x3}, [%s];", 4), plain);
  EXPECT_EQ(run("ldmatrix.sync.aligned.x2.trans.m8n8.shared.b16 {%x0, %x1}, [%s];", 2), transposed);
  EXPECT_EQ(
      run("ldmatrix.sync.aligned.x4.m8n8.shared.b16 {%x0, %x1, %x2, %x3}, [%s];\nbar.warp.sync -1;\n"
          "stmatrix.sync.aligned.x4.trans.m8n8.shared.b16 [%s], {%x0, %x1, %x2, %x3};\nbar.warp.sync -1;\n"
          "ldmatrix.sync.aligned.x4.trans.m8n8.shared.b16 {%x0, %x1, %x2, %x3}, [%s];",
          4),
      plain);
  const auto stored =
      run("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%x0, %x1, %x2, %x3}, [%s];\nbar.warp.sync -1;\n"
          "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%s], {%x0, %x1, %x2, %x3};\nbar.warp.sync -1;\n"
          "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%x0, %x1, %x2, %x3}, [%s];",
          4);
  EXPECT_EQ(stored, plain);
  const auto moved = run(
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%w}, [%s];\nmovmatrix.sync.aligned.m8n8.trans.b16 %x0, %w;",
      1);
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(moved[4 * lane], transposed[4 * lane]);
}

TEST(Mma, NeedsAllLanes) {
  Machine machine;
  machine.threads = {16, 1, 1};
  const Outcome outcome = machine.run(".visible .entry test() {\n.reg .b32 %x<4>;\nmov.u32 %x0, "
                                      "0;\nmovmatrix.sync.aligned.m8n8.trans.b16 %x1, %x0;\nret;\n}\n",
                                      {});
  EXPECT_EQ(outcome.status, Status::illegal_instruction);
  EXPECT_NE(outcome.message.find("expected all 32"), std::string::npos) << outcome.message;
}

// A warp that parted is aligned when all its lanes come to the instruction, in whatever order.
TEST(Mma, LanesMeet) {
  for (const char* guard : {"", "@%all "})
    for (std::uint64_t schedule = 0; schedule < 64; ++schedule) {
      Machine machine;
      machine.threads = {32, 1, 1};
      machine.options.mode = Options::Mode::scheduled;
      machine.options.seed = schedule;
      const std::uint64_t result = machine.upload(std::vector<std::uint32_t>(32));
      const Outcome outcome = machine.run(
          ".visible .entry test(.param .u64 result) {\n.reg .b32 %x<4>;\n.reg .b64 %l<2>;\n.reg .pred %low, "
          "%all;\nmov.u32 %x0, %tid.x;\nsetp.lt.u32 %low, %x0, 16;\nsetp.lt.u32 %all, %x0, 32;\n"
          "mov.u32 %x2, %x0;\n@%low bra over;\nmul.lo.u32 %x2, %x2, 1;\nadd.u32 %x2, %x2, 0;\nover:\n" +
              std::string(guard) +
              "movmatrix.sync.aligned.m8n8.trans.b16 %x1, %x2;\nld.param.u64 %l0, [result];\n"
              "mad.wide.u32 %l0, %x0, 4, %l0;\nst.global.b32 [%l0], %x1;\nret;\n}\n",
          {result});
      ASSERT_EQ(outcome.status, Status::success) << outcome.message << "\nschedule " << schedule;
      // Row r of the result is column r of a matrix whose element (i, j) is half of lane 4 i + j / 2.
      const auto values = machine.download<std::uint32_t>(result, 32);
      for (std::uint32_t lane = 0; lane < 32; ++lane) {
        const std::uint32_t row = lane / 4, column = lane % 4 * 2;
        const auto element = [&](std::uint32_t i, std::uint32_t j) { return j % 2 ? 0 : 4 * i + j / 2; };
        ASSERT_EQ(values[lane], element(column, row) | element(column + 1, row) << 16) << "lane " << lane;
      }
    }
}

TEST(Mma, CountsOfRegistersMustFit) {
  Machine machine;
  EXPECT_EQ(
      machine.load(
          ".visible .entry test() {\n.reg .b32 %x<16>;\nmma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
          "{%x0,%x1,%x2,%x3}, {%x4,%x5}, {%x6}, {%x0,%x1,%x2,%x3};\nret;\n}\n"),
      nullptr);
  EXPECT_NE(machine.error.message.find("m16n8k16"), std::string::npos) << machine.error.message;
}

} // namespace
} // namespace emu::test
