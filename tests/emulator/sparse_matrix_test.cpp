// mma.sp against products of whole matrices. Where the lanes' metadata lie follows here from how CUTLASS's
// tools lay them out in memory (host_reorder.h), from which lane i loads word i: for k of 32 halves, 16 words
// of tf32, 64 bytes and 128 integers of 4 bits. The others are halves of these (HalvesOfTheWiderShape).
#include "checked.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace emu::test {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

u32 f16_of(int x) { // exact for |x| < 2048
  if (x == 0)
    return 0;
  int exponent = 0;
  std::frexp(std::abs(x), &exponent);
  const int mantissa = static_cast<int>(std::ldexp(std::abs(x), 11 - exponent)) & 1023;
  return static_cast<u32>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}
u32 f32_of(int x) { return std::bit_cast<u32>(static_cast<float>(x)); }
u32 bf16_of(int x) { return f32_of(x) >> 16; }
u32 e5m2_of(int x) { // |x| <= 3
  constexpr u32 codes[] = {0, 0x3c, 0x40, 0x42};
  return (x < 0 ? 0x80u : 0) | codes[std::abs(x)];
}
u32 integer(int x) { return static_cast<u32>(x); }

u32 e4m3_of(int x) { // |x| <= 3
  constexpr u32 codes[] = {0, 0x38, 0x40, 0x44};
  return (x < 0 ? 0x80u : 0) | codes[std::abs(x)];
}

struct Element {
  std::string_view name;
  int bits;
  u32 (*encode)(int);
};
constexpr Element f16 = {"f16", 16, f16_of}, bf16 = {"bf16", 16, bf16_of}, tf32 = {"tf32", 32, f32_of},
                  e4m3 = {"e4m3", 8, e4m3_of}, e5m2 = {"e5m2", 8, e5m2_of}, s8 = {"s8", 8, integer},
                  u8 = {"u8", 8, integer}, s4 = {"s4", 4, integer}, u4 = {"u4", 4, integer},
                  f32 = {"f32", 32, f32_of}, s32 = {"s32", 32, integer};

struct Case {
  int k, selectors;
  Element a, b, sum;
  std::string_view before = {}; ///< the types
  int bits() const { return a.bits; }
  std::string name() const {
    return join({"m16n8k", std::to_string(k), ".row.col", before, ".", sum.name, ".", a.name, ".", b.name,
                 ".", sum.name});
  }
};

int draw(const Element& type, std::mt19937_64& random) {
  return type.name[0] == 'u' ? static_cast<int>(random() % 7) : static_cast<int>(random() % 7) - 3;
}

struct Matrix {
  int columns;
  std::vector<int> elements;
  Matrix(int rows, int columns) : columns(columns), elements(index(rows * columns)) {}
  int& operator()(int row, int column) { return elements[index(row * columns + column)]; }
};

/// A of 16 rows, what is stored of it, and the four bits of each of its chunks.
struct SparseA {
  Matrix whole, stored, chunks;
  SparseA(const Case& one, bool ordered, std::mt19937_64& random)
      : whole(16, one.k), stored(16, one.k / 2), chunks(16, one.k / chunk_of(one)) {
    const auto value = [&] { return draw(one.a, random); };
    for (int row = 0; row < 16; ++row)
      for (int chunk = 0; chunk < chunks.columns; ++chunk) {
        const int at = chunk * chunk_of(one);
        if (one.bits() == 32) { // one of two
          const int which = static_cast<int>(random() % 2);
          chunks(row, chunk) = which == 0 ? 4 : 14;
          whole(row, at + which) = stored(row, chunk) = value();
          continue;
        }
        const int unit = chunk_of(one) / 4, first = static_cast<int>(random() % 4);
        int low = first, high = (first + 1 + static_cast<int>(random() % 3)) % 4;
        if (ordered && low > high)
          std::swap(low, high);
        chunks(row, chunk) = low | high << 2;
        for (int i = 0; i < unit; ++i) {
          whole(row, at + low * unit + i) = stored(row, at / 2 + i) = value();
          whole(row, at + high * unit + i) = stored(row, at / 2 + unit + i) = value();
        }
      }
  }
  static int chunk_of(const Case& one) { return one.bits() == 32 ? 2 : one.bits() == 4 ? 8 : 4; }
};

// The words of metadata of 32 lanes; those that are not asked for are invalid.
std::vector<u32> metadata(const Case& one, int selector, Matrix& chunks) {
  std::vector<u32> words(32, 0);
  const int count = chunks.columns;
  const auto bits = [&](int row, int first, int number) { // of that many chunks
    u32 all = 0;
    for (int i = 0; i < number; ++i)
      all |= static_cast<u32>(chunks(row, first + i)) << 4 * i;
    return all;
  };
  for (int row = 0; row < 16; ++row) {
    if (count == 4) { // both rows in the word of the lane that is chosen
      words[index(row % 8 * 4 + selector)] |= bits(row, 0, 4) << row / 8 * 16;
    } else if (count == 8 && one.bits() <= 8) { // a row a word, in two lanes that are chosen
      words[index(row % 8 * 4 + 2 * selector + row / 8)] = bits(row, 0, 8);
    } else if (count ==
               8) { // halves of words: rows of two products interleaved by 4, blocks of 2 x 2 swapped
      for (int column = 0; column < 2; ++column) {
        const int from = row + 16 * selector;
        int to = from % 8 * 4 + from / 8, half = column;
        if (to % 2 != half) {
          to += half == 1 ? 1 : -1;
          half = 1 - half;
        }
        words[index(to)] |= bits(row, 4 * column, 4) << 16 * half;
      }
    } else { // words: rows interleaved by 2, blocks of 2 x 2 swapped
      for (int column = 0; column < 2; ++column) {
        int to = row % 8 * 2 + row / 8, place = column;
        if (to % 2 != place) {
          to += place == 1 ? 1 : -1;
          place = 1 - place;
        }
        words[index(2 * to + place)] = bits(row, 8 * column, 8);
      }
    }
  }
  return words;
}

// Register j of a lane: element i of it, of a row of A or a column of B, by the ISA: parts of 32 bits that
// are 4 parts apart.
u32 part(const Element& type, int lane, int j, const std::function<int(int)>& element) {
  const int per_word = 32 / type.bits, first = (lane % 4 + 4 * j) * per_word;
  u32 word = 0;
  for (int i = 0; i < per_word; ++i)
    word |= (type.encode(element(first + i)) & static_cast<u32>((u64(1) << type.bits) - 1)) << i * type.bits;
  return word;
}

std::string list(const std::string& name, int first, int count) {
  std::string out = "{";
  for (int i = 0; i < count; ++i)
    out += (i ? ", " : "") + name + std::to_string(first + i);
  return out + "}";
}

/// One warp multiplies: each lane has 12 words of A, B and C in turn, and the word of metadata.
std::string kernel(const std::string& instruction, int a, int b, int c, int selector) {
  std::string text =
      ".visible .entry test(.param .u64 in, .param .u64 out) {\n.reg .b32 %x<13>, %d<4>, %t;\n"
      ".reg .b64 %l<2>;\nld.param.u64 %l0, [in];\nld.param.u64 %l1, [out];\nmov.u32 %t, %tid.x;\n"
      "mad.wide.u32 %l0, %t, 52, %l0;\nmad.wide.u32 %l1, %t, 16, %l1;\n";
  for (int i = 0; i < 13; ++i)
    text += "ld.global.b32 %x" + std::to_string(i) + ", [%l0+" + std::to_string(4 * i) + "];\n";
  text += instruction + " " + list("%d", 0, c) + ", " + list("%x", 0, a) + ", " + list("%x", 4, b) + ", " +
          list("%x", 8, c) + ", %x12, " + std::to_string(selector) + ";\n";
  for (int i = 0; i < c; ++i)
    text += "st.global.b32 [%l1+" + std::to_string(4 * i) + "], %d" + std::to_string(i) + ";\n";
  return text + "ret;\n}\n";
}

/// The words of all lanes: A in four, B in four, C in four, and the metadata.
std::vector<u32> words_of(const Case& one, SparseA& a, Matrix& b, Matrix& c, const std::vector<u32>& meta) {
  const int a_words = 16 * one.k / 2 * one.bits() / 1024, b_words = 8 * one.k * one.bits() / 1024;
  const bool packed = one.sum.bits == 16;
  std::vector<u32> input;
  for (int lane = 0; lane < 32; ++lane) {
    std::vector<u32> words(13, 0);
    for (int j = 0; j < a_words; ++j)
      words[index(j)] = part(one.a, lane, j / 2, [&](int i) { return a.stored(lane / 4 + j % 2 * 8, i); });
    for (int j = 0; j < b_words; ++j)
      words[index(4 + j)] = part(one.b, lane, j, [&](int i) { return b(i, lane / 4); });
    for (int i = 0; i < 4; ++i) {
      const u32 value = one.sum.encode(c(lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2));
      words[index(8 + (packed ? i / 2 : i))] |= packed ? value << i % 2 * 16 : value;
    }
    words[12] = meta[index(lane)];
    input.insert(input.end(), words.begin(), words.end());
  }
  return input;
}

class MmaSp : public testing::TestWithParam<Case> {};

TEST_P(MmaSp, MultipliesWhatTheMetadataSelect) {
  const Case& one = GetParam();
  std::mt19937_64 random(seed());
  const bool packed = one.sum.bits == 16;
  for (const bool ordered : {false, true})
    for (int selector = 0; selector < one.selectors; ++selector) {
      SparseA a(one, ordered, random);
      Matrix b(one.k, 8), c(16, 8);
      for (int& x : b.elements)
        x = draw(one.b, random);
      for (int& x : c.elements)
        x = draw(one.sum, random);
      const int a_words = 16 * one.k / 2 * one.bits() / 1024, b_words = 8 * one.k * one.bits() / 1024;
      Machine machine;
      machine.threads = {32, 1, 1};
      const u64 out = machine.upload(std::vector<u32>(128)),
                in = machine.upload(words_of(one, a, b, c, metadata(one, selector, a.chunks)));
      const std::string instruction =
          std::string("mma.sp") + (ordered ? "::ordered_metadata" : "") + ".sync.aligned." + one.name();
      const Outcome outcome =
          machine.run(kernel(instruction, a_words, b_words, packed ? 2 : 4, selector), {in, out});
      ASSERT_EQ(outcome.status, Status::success) << instruction << outcome.message;
      const auto result = machine.download<u32>(out, 128);
      for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 4; ++i) {
          const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
          int wanted = c(row, column);
          for (int j = 0; j < one.k; ++j)
            wanted += a.whole(row, j) * b(j, column);
          const u32 word = result[index(4 * lane + (packed ? i / 2 : i))];
          ASSERT_EQ(packed ? word >> i % 2 * 16 & 0xffff : word, one.sum.encode(wanted))
              << instruction << " with selector " << selector << ", row " << row << ", column " << column;
        }
    }
}

// All that the ISA has.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Element& sum : {f16, f32}) {
    all.push_back({16, 4, f16, f16, sum});
    all.push_back({32, 2, f16, f16, sum});
  }
  all.push_back({16, 4, bf16, bf16, f32});
  all.push_back({32, 2, bf16, bf16, f32});
  all.push_back({8, 4, tf32, tf32, f32});
  all.push_back({16, 2, tf32, tf32, f32});
  for (const Element& a : {e4m3, e5m2})
    for (const Element& b : {e4m3, e5m2})
      all.push_back({64, 1, a, b, f32});
  for (const char* limit : {"", ".satfinite"})
    for (const bool a : {false, true})
      for (const bool b : {false, true}) {
        all.push_back({32, 2, a ? s8 : u8, b ? s8 : u8, s32, limit});
        all.push_back({64, 1, a ? s8 : u8, b ? s8 : u8, s32, limit});
        all.push_back({64, 2, a ? s4 : u4, b ? s4 : u4, s32, limit});
        all.push_back({128, 1, a ? s4 : u4, b ? s4 : u4, s32, limit});
      }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, MmaSp, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param.name();
  std::ranges::replace(name, '.', '_');
  return name;
});

// Where a row has half as many chunks, half of the lanes give metadata: those of the left, or of the right
// half of the wider shape, as the selector says. Of one word of metadata for both, the wider product is that
// of its halves. (The ISA's figures: T0 and T1 have the first 32 columns of 64 bytes, T2 and T3 the last.)
TEST(MmaSparse, HalvesOfTheWiderShape) {
  const std::pair<Case, Case> shapes[] = {{{32, 2, f16, f16, f32}, {16, 4, f16, f16, f32}},
                                          {{16, 2, tf32, tf32, f32}, {8, 4, tf32, tf32, f32}},
                                          {{64, 1, s8, s8, s32}, {32, 2, s8, s8, s32}},
                                          {{128, 1, s4, s4, s32}, {64, 2, s4, s4, s32}}};
  std::mt19937_64 random(seed());
  for (const auto& [wide, narrow] : shapes)
    for (int selector = 0; selector < wide.selectors; ++selector) {
      SparseA a(wide, true, random);
      Matrix b(wide.k, 8), c(16, 8);
      for (int& x : b.elements)
        x = draw(wide.b, random);
      for (int& x : c.elements)
        x = draw(wide.sum, random);
      const std::string sparse = "mma.sp::ordered_metadata.sync.aligned.";
      const auto half = [&](const char* factors, int which) {
        return join({sparse, narrow.name(), " {%x8,%x9,%x10,%x11}, ", factors,
                     ", {%x8,%x9,%x10,%x11}, %x12, ", std::to_string(2 * selector + which), ";\n"});
      };
      std::string text = kernel(sparse + wide.name(), 4, 4, 4, selector);
      text.insert(text.find("st.global"),
                  join({half("{%x0,%x1}, {%x4,%x5}", 0), half("{%x2,%x3}, {%x6,%x7}", 1),
                        "xor.b32 %d0, %d0, %x8;\nxor.b32 %d1, %d1, %x9;\n",
                        "xor.b32 %d2, %d2, %x10;\nxor.b32 %d3, %d3, %x11;\n"}));
      Machine machine;
      machine.threads = {32, 1, 1};
      const u64 out = machine.upload(std::vector<u32>(128, 1)),
                in = machine.upload(words_of(wide, a, b, c, metadata(wide, selector, a.chunks)));
      const Outcome outcome = machine.run(text, {in, out});
      ASSERT_EQ(outcome.status, Status::success) << outcome.message;
      EXPECT_EQ(machine.download<u32>(out, 128), std::vector<u32>(128, 0))
          << wide.name() << " with selector " << selector;
    }
}

// f16, k = 16: lane 4 g of a row has its metadata; the elements that are not selected are infinite.
struct Halves {
  std::vector<u32> input = std::vector<u32>(32 * 13);
  u32& word(int lane, int i) { return input[index(lane * 13 + i)]; }
  Halves() {
    for (int lane = 0; lane < 32; ++lane) {
      word(lane, 0) = word(lane, 1) = 0x3c003c00;                              // A: 1
      word(lane, 4) = word(lane, 5) = lane % 2 == 0 ? 0x40004000 : 0x7c007c00; // B: 2 2 inf inf
      word(lane, 12) = 0x44444444;                                             // the first two of four
    }
  }
};

constexpr const char* halves = "mma.sp.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32";

TEST(MmaSparse, WhatIsNotSelectedIsNotMultiplied) {
  Halves data;
  Machine machine;
  machine.threads = {32, 1, 1};
  const u64 out = machine.upload(std::vector<u32>(128));
  const Outcome outcome = machine.run(kernel(halves, 2, 2, 4, 0), {machine.upload(data.input), out});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(machine.download<u32>(out, 128), std::vector<u32>(128, f32_of(16)));
}

TEST(MmaSparse, MetadataWithoutMeaningAreReported) {
  const auto run = [](u32 bits, const std::string& instruction) {
    Halves data;
    data.word(20, 12) = bits;
    data.word(21, 12) = 0; // not asked
    Machine machine;
    machine.threads = {32, 1, 1};
    const u64 out = machine.upload(std::vector<u32>(128));
    return machine.run(kernel(instruction, 2, 2, 4, 0), {machine.upload(data.input), out}).message;
  };
  const std::string ordered = "mma.sp::ordered_metadata.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32";
  EXPECT_EQ(run(0x44444444, ordered), "");
  EXPECT_EQ(run(0x14444444, halves), "");
  const std::string message = run(0x14444444, ordered);
  EXPECT_NE(
      message.find("the metadata of row 13, chunk 3, is 0b0001: expected two numbers in ascending order"),
      std::string::npos)
      << message;
  EXPECT_NE(run(0x44444544, halves).find("row 5, chunk 2, is 0b0101: expected two different numbers"),
            std::string::npos);
  EXPECT_NE(run(0x44444484, "mma.sp.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32").find("0b0100 or 0b1110"),
            std::string::npos);
}

TEST(MmaSparse, OnlyChosenMetadataMustBeDefined) {
  const auto kinds = [](int selector) { // lane 5 of 4 to 7 has none
    Halves data;
    Checked machine;
    machine.threads = {32, 1, 1};
    const u64 in = machine.buffer(data.input.size() * 4, false), out = machine.buffer(512);
    std::copy(data.input.begin(), data.input.end(), machine.at<u32>(in));
    machine.checks.host_writes(in, (5 * 13 + 12) * 4);
    machine.checks.host_writes(in + (5 * 13 + 13) * 4, (32 * 13 - 5 * 13 - 13) * 4);
    const std::string found = machine.kinds(kernel(halves, 2, 2, 4, selector), {in, out});
    return found + std::to_string(machine.checks.reports().all().size());
  };
  EXPECT_EQ(kinds(0), "0");
  EXPECT_EQ(kinds(1), "undefined-store4"); // rows 1 and 9, whose four sums are stored by lanes 4 to 7
}

TEST(MmaSparse, WhatDoesNotFitIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {kernel(halves, 2, 2, 4, 4), "the sparsity selector is '4': expected a constant from 0 to 3"},
      {kernel("mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32", 4, 4, 4, 2),
       "the sparsity selector is '2': expected a constant from 0 to 1"},
      {kernel("mma.sp.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32", 4, 4, 4, 1),
       "the sparsity selector is '1': expected 0"},
      {kernel(halves, 4, 2, 4, 0), "fragments of 4, 4, 2, 4 registers do not fit m16n8k16 with a sparse A"},
      {kernel("mma.sp.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32", 2, 2, 4, 0), "expected the same"},
  };
  for (const auto& [text, message] : cases) {
    Machine machine;
    EXPECT_EQ(machine.load(text), nullptr) << text;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
}

} // namespace
} // namespace emu::test
