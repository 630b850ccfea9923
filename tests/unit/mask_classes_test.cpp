// Masks of the field against brute force: never wrong, and how often exact.

#include "tests/unit/mask_check.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

using namespace attile::test;

namespace {

/// q_pos = q + kv_len - q_len
constexpr const char* kPosition = R"(
  %kv = attn.size "kv_len"
  %ql = attn.size "q_len"
  %off = arith.subi %kv, %ql : i64
  %p = arith.addi %q, %off : i64
)";

/// One captured argument: its type and how to draw its value.
struct Capture {
  std::string type;
  std::function<void(Inputs&, size_t, std::mt19937_64&)> draw;
};

Capture oneOf(std::vector<int64_t> values) {
  return {"i64", [=](Inputs& inputs, size_t i, std::mt19937_64& random) {
            inputs.integers[i] = values[pick(random, 0, values.size() - 1)];
          }};
}

Capture real(double lo, double hi) {
  return {"f32", [=](Inputs& inputs, size_t i, std::mt19937_64& random) {
            inputs.reals[i] = double(float(std::uniform_real_distribution<double>(lo, hi)(random)));
          }};
}

Capture integer(int64_t lo, int64_t hi) {
  return {"i64", [=](Inputs& inputs, size_t i, std::mt19937_64& random) {
            inputs.integers[i] = pick(random, lo, hi);
          }};
}

int64_t longest(const Inputs& inputs) {
  return std::max(inputs.sizes.at("q_len"), inputs.sizes.at("kv_len"));
}

/// Document ids [batch, len], sorted or not.
Capture documents(bool sorted, int64_t count) {
  return {"tensor<?x?xi32>", [=](Inputs& inputs, size_t i, std::mt19937_64& random) {
            Tensor& tensor = inputs.tensors[i];
            tensor.shape = {inputs.sizes.at("batch"), longest(inputs)};
            for (int64_t b = 0; b != tensor.shape[0]; ++b) {
              size_t first = tensor.integers.size();
              for (int64_t p = 0; p != tensor.shape[1]; ++p)
                tensor.integers.push_back(pick(random, 0, count - 1));
              if (sorted)
                std::sort(tensor.integers.begin() + first, tensor.integers.end());
            }
          }};
}

Capture table(const char* size, const char* element, int64_t lo, int64_t hi) {
  return {std::string("tensor<?x") + element + ">", [=](Inputs& inputs, size_t i, std::mt19937_64& random) {
            inputs.tensors[i].shape = {inputs.sizes.at(size)};
            for (int64_t p = 0; p != inputs.sizes.at(size); ++p)
              inputs.tensors[i].integers.push_back(pick(random, lo, hi));
          }};
}

struct Case {
  std::string name;
  std::vector<Capture> captures; ///< %p0, %p1, ...
  std::string body;
  bool exactTiles, exactRanges; ///< required, otherwise reported
};

[[maybe_unused]] void PrintTo(const Case& test, std::ostream* stream) { *stream << test.name; }

Tally run(const Case& test, bool oneHead, int64_t trials) {
  std::string captures;
  for (size_t i = 0; i != test.captures.size(); ++i)
    captures += fmt::format("{}%p{}: {}", i ? ", " : "", i, test.captures[i].type);
  Machine machine(captures, kPosition + test.body, oneHead);
  std::mt19937_64 random(20240 + oneHead);
  Tally total;
  for (int64_t trial = 0; trial != trials; ++trial) {
    Inputs inputs = randomSizes(random, 96);
    inputs.summaryBlock = 1; // exactness is meant at the granularity of summaries
    inputs.integers.resize(test.captures.size());
    inputs.reals.resize(test.captures.size());
    inputs.tensors.resize(test.captures.size());
    for (size_t i = 0; i != test.captures.size(); ++i)
      test.captures[i].draw(inputs, i, random);
    int64_t rows = int64_t(1) << pick(random, 0, 5), keys = int64_t(1) << pick(random, 0, 5);
    Tally tally = check(machine, inputs, rows, keys, oneHead ? 1 : pick(random, 1, 3),
                        fmt::format("{}, trial {}", test.name, trial));
    for (auto member : {&Tally::tiles, &Tally::empty, &Tally::full, &Tally::partial, &Tally::missedEmpty,
                        &Tally::missedFull, &Tally::ranges, &Tally::looseRanges})
      total.*member += tally.*member;
    if (testing::Test::HasFailure())
      break;
  }
  fmt::print("{:22} tiles {:7} (empty {:4.1f} % full {:4.1f} %), exact {:6.2f} %; key ranges tight {:6.2f} "
             "%; classify {} ops\n",
             test.name, total.tiles, 100.0 * total.empty / total.tiles, 100.0 * total.full / total.tiles,
             100 * total.exactness(), 100.0 * (total.ranges - total.looseRanges) / total.ranges,
             machine.classifyCost());
  return total;
}

const std::string kCausal = "%causal = arith.cmpi sle, %k, %p : i64\n";
const std::string kDistance = "%d = arith.subi %p, %k : i64\n";

std::vector<Case> cases() {
  std::vector<Case> list;
  list.push_back({"causal", {}, kCausal + "attn.yield %causal : i1", true, true});
  list.push_back(
      {"causal, top-left", {}, "%c = arith.cmpi sge, %q, %k : i64\n attn.yield %c : i1", true, true});
  list.push_back({"window",
                  {integer(1, 40)},
                  kCausal + kDistance + R"(
      %w = arith.cmpi slt, %d, %p0 : i64
      %r = arith.andi %causal, %w : i1
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"window, two-sided",
                  {integer(0, 40)},
                  kDistance + R"(
      %a = math.absi %d : i64
      %r = arith.cmpi sle, %a, %p0 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"window, left and right",
                  {integer(0, 30), integer(0, 30)},
                  R"(
      %l = arith.subi %p, %p0 : i64
      %u = arith.addi %p, %p1 : i64
      %0 = arith.cmpi sge, %k, %l : i64
      %1 = arith.cmpi sle, %k, %u : i64
      %r = arith.andi %0, %1 : i1
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"prefix",
                  {table("batch", "i32", 0, 60)},
                  kCausal + R"(
      %n = attn.lookup %p0[%b] : tensor<?xi32> -> i64
      %0 = arith.cmpi slt, %k, %n : i64
      %r = arith.ori %causal, %0 : i1
      attn.yield %r : i1)",
                  true,
                  true});
  std::string document = R"(
      %0 = attn.lookup %p0[%b, %p] : tensor<?x?xi32> -> i64
      %1 = attn.lookup %p0[%b, %k] : tensor<?x?xi32> -> i64
      %same = arith.cmpi eq, %0, %1 : i64
  )";
  list.push_back(
      {"documents, sorted", {documents(true, 5)}, document + "attn.yield %same : i1", true, false});
  list.push_back(
      {"documents, unsorted", {documents(false, 3)}, document + "attn.yield %same : i1", false, false});
  list.push_back({"documents and causal",
                  {documents(true, 5)},
                  kCausal + document + R"(
      %r = arith.andi %same, %causal : i1
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"dilated",
                  {integer(1, 9)},
                  kCausal + kDistance + R"(
      %z = arith.constant 0 : i64
      %0 = attn.floormod %d, %p0
      %1 = arith.cmpi eq, %0, %z : i64
      %r = arith.andi %1, %causal : i1
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"strided",
                  {integer(1, 12)},
                  kCausal + R"(
      %one = arith.constant 1 : i64
      %s = arith.subi %p0, %one : i64
      %0 = attn.floormod %k, %p0
      %1 = arith.cmpi eq, %0, %s : i64
      %r = arith.andi %1, %causal : i1
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"grid neighbourhood",
                  {integer(4, 16), integer(0, 3)},
                  R"(
      %qr = attn.floordiv %q, %p0
      %kr = attn.floordiv %k, %p0
      %qc = attn.floormod %q, %p0
      %kc = attn.floormod %k, %p0
      %dr = arith.subi %qr, %kr : i64
      %dc = arith.subi %qc, %kc : i64
      %ar = math.absi %dr : i64
      %ac = math.absi %dc : i64
      %0 = arith.cmpi sle, %ar, %p1 : i64
      %1 = arith.cmpi sle, %ac, %p1 : i64
      %r = arith.andi %0, %1 : i1
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"chunked",
                  {integer(1, 32)},
                  kCausal + R"(
      %0 = attn.floordiv %p, %p0
      %1 = attn.floordiv %k, %p0
      %2 = arith.cmpi eq, %0, %1 : i64
      %r = arith.andi %2, %causal : i1
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"chunked, 16",
                  {},
                  kCausal + R"(
      %c = arith.constant 16 : i64
      %0 = attn.floordiv %p, %c
      %1 = attn.floordiv %k, %c
      %2 = arith.cmpi eq, %0, %1 : i64
      %r = arith.andi %2, %causal : i1
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"global or window",
                  {integer(0, 8), integer(1, 24)},
                  kCausal + kDistance + R"(
      %w = arith.cmpi slt, %d, %p1 : i64
      %g = arith.cmpi slt, %k, %p0 : i64
      %0 = arith.ori %w, %g : i1
      %r = arith.andi %0, %causal : i1
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"window per head",
                  {table("heads", "i64", 1, 40)},
                  kCausal + kDistance + R"(
      %n = attn.lookup %p0[%h] : tensor<?xi64> -> i64
      %w = arith.cmpi slt, %d, %n : i64
      %r = arith.andi %causal, %w : i1
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"padding",
                  {table("kv_len", "i8", 0, 1)},
                  R"(
      %r = attn.lookup %p0[%k] : tensor<?xi8> -> i1
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"tree of parents",
                  {table("kv_len", "i32", -1, 30)},
                  R"(
      %1 = attn.lookup %p0[%q] : tensor<?xi32> -> i64
      %2 = attn.lookup %p0[%1] : tensor<?xi32> -> i64
      %3 = arith.cmpi eq, %k, %1 : i64
      %4 = arith.cmpi eq, %k, %2 : i64
      %r = arith.ori %3, %4 : i1
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"dilated and local",
                  {integer(1, 24)},
                  kCausal + kDistance + R"(
      %z = arith.constant 0 : i64
      %0 = attn.floormod %d, %p0
      %1 = arith.cmpi eq, %0, %z : i64
      %2 = arith.cmpi slt, %d, %p0 : i64
      %3 = arith.ori %1, %2 : i1
      %r = arith.andi %3, %causal : i1
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"grid neighbourhood, 8",
                  {integer(0, 3)},
                  R"(
      %w = arith.constant 8 : i64
      %qr = attn.floordiv %p, %w
      %kr = attn.floordiv %k, %w
      %qc = attn.floormod %p, %w
      %kc = attn.floormod %k, %w
      %dr = arith.subi %qr, %kr : i64
      %dc = arith.subi %qc, %kc : i64
      %ar = math.absi %dr : i64
      %ac = math.absi %dc : i64
      %0 = arith.cmpi sle, %ar, %p0 : i64
      %1 = arith.cmpi sle, %ac, %p0 : i64
      %r = arith.andi %0, %1 : i1
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"disc",
                  {integer(1, 200)},
                  kDistance + R"(
      %s = arith.muli %d, %d : i64
      %r = arith.cmpi sle, %s, %p0 : i64
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"fading span",
                  {real(0, 30), real(0.5, 20)},
                  kCausal + kDistance + R"(
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %f = arith.sitofp %d : i64 to f32
      %0 = arith.addf %p0, %p1 : f32
      %1 = arith.subf %0, %f : f32
      %2 = arith.divf %1, %p1 : f32
      %3 = arith.maxnumf %2, %zero : f32
      %4 = arith.minnumf %3, %one : f32
      %5 = arith.cmpf ogt, %4, %zero : f32
      %r = arith.andi %5, %causal : i1
      attn.yield %r : i1)",
                  false,
                  false});
  // ---- the arithmetic at its edges
  const std::vector<int64_t> huge{1, 40, int64_t(1) << 31, int64_t(1) << 62, INT64_MAX};
  list.push_back({"huge window",
                  {oneOf(huge)},
                  kCausal + kDistance + R"(
      %w = arith.cmpi slt, %d, %p0 : i64
      %r = arith.andi %causal, %w : i1
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"huge window, subtracted",
                  {oneOf(huge)},
                  R"(
      %l = arith.subi %p, %p0 : i64
      %r = arith.cmpi sge, %k, %l : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"wrapping sum",
                  {oneOf({INT64_MAX, INT64_MAX - 20, INT64_MIN, INT64_MIN + 20})},
                  R"(
      %l = arith.addi %k, %p0 : i64
      %r = arith.cmpi sle, %q, %l : i64
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"absolute value of the least",
                  {{"tensor<?xi64>",
                    [](Inputs& inputs, size_t i, std::mt19937_64& random) {
                      inputs.tensors[i].shape = {10};
                      for (int j = 0; j != 10; ++j)
                        inputs.tensors[i].integers.push_back(pick(random, 0, 3) ? INT64_MIN
                                                                                : pick(random, -9, 9));
                    }}},
                  R"(
      %c = arith.constant 5 : i64
      %0 = attn.lookup %p0[%k] : tensor<?xi64> -> i64
      %1 = math.absi %0 : i64
      %r = arith.cmpi sle, %1, %c : i64
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"low bits",
                  {integer(0, 7)},
                  R"(
      %c = arith.constant 7 : i64
      %0 = arith.andi %k, %c : i64
      %r = arith.cmpi sle, %0, %p0 : i64
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"scaled",
                  {integer(-20, 60)},
                  R"(
      %c = arith.constant 3 : i64
      %0 = arith.muli %k, %c : i64
      %1 = arith.addi %p, %p0 : i64
      %r = arith.cmpi sle, %0, %1 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"scaled at run time",
                  {integer(-2, 4), integer(-20, 60)},
                  R"(
      %0 = arith.muli %k, %p0 : i64
      %r = arith.cmpi sgt, %p1, %0 : i64
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"key on both sides",
                  {integer(0, 30)},
                  R"(
      %0 = arith.addi %k, %k : i64
      %1 = arith.addi %k, %p : i64
      %2 = arith.subi %1, %p0 : i64
      %r = arith.cmpi sge, %0, %2 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"key on both sides, huge",
                  {oneOf({INT64_MIN, INT64_MIN + 9, INT64_MAX, 7})},
                  R"(
      %0 = arith.addi %k, %q : i64
      %1 = arith.addi %0, %p0 : i64
      %2 = arith.addi %q, %q : i64
      %3 = arith.addi %2, %p0 : i64
      %r = arith.cmpi sle, %1, %3 : i64
      attn.yield %r : i1)",
                  false,
                  false});
  // k * p0 rounded to f32 may tie with p1 where the exact product does not.
  list.push_back({"rounded product",
                  {real(0.1, 1),
                   {"f32",
                    [](Inputs& inputs, size_t i, std::mt19937_64& random) {
                      inputs.reals[i] = double(float(inputs.reals[0]) * float(pick(random, 0, 40)));
                    }}},
                  R"(
      %f = arith.sitofp %k : i64 to f32
      %0 = arith.mulf %f, %p0 : f32
      %r = arith.cmpf ole, %0, %p1 : f32
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"divisor that changes sign",
                  {integer(0, 60), real(-1, 1)},
                  R"(
      %one = arith.constant 1.0 : f32
      %0 = arith.subi %k, %p0 : i64
      %1 = arith.sitofp %0 : i64 to f32
      %2 = arith.divf %one, %1 : f32
      %r = arith.cmpf olt, %2, %p1 : f32
      attn.yield %r : i1)",
                  false,
                  false});
  list.push_back({"least of two",
                  {integer(-5, 40)},
                  R"(
      %0 = arith.minsi %p, %p0 : i64
      %r = arith.cmpi sle, %k, %0 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"greatest of key and bound",
                  {integer(-5, 40)},
                  R"(
      %0 = arith.maxsi %k, %p0 : i64
      %r = arith.cmpi sle, %0, %p : i64
      attn.yield %r : i1)",
                  true,
                  false});
  list.push_back({"least of key and bound",
                  {integer(-5, 40)},
                  R"(
      %0 = arith.minsi %k, %p0 : i64
      %r = arith.cmpi sge, %p, %0 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"chosen by batch",
                  {integer(-5, 40)},
                  R"(
      %z = arith.constant 0 : i64
      %c = arith.cmpi eq, %b, %z : i64
      %0 = arith.select %c, %p, %p0 : i64
      %r = arith.cmpi sle, %k, %0 : i64
      attn.yield %r : i1)",
                  true,
                  true});
  list.push_back({"chosen by key",
                  {integer(-5, 40)},
                  R"(
      %c = arith.cmpi sle, %k, %p0 : i64
      %0 = arith.select %c, %p, %p0 : i64
      %r = arith.cmpi sle, %k, %0 : i64
      attn.yield %r : i1)",
                  false,
                  false});
  return list;
}

class MaskClasses : public testing::TestWithParam<Case> {};

TEST_P(MaskClasses, AgreeWithBruteForce) {
  const Case& test = GetParam();
  for (bool oneHead : {true, false}) {
    Tally tally = run(test, oneHead, 60);
    if (test.exactTiles) {
      EXPECT_EQ(tally.missedEmpty, 0);
      EXPECT_EQ(tally.missedFull, 0);
    }
    if (test.exactRanges) {
      EXPECT_EQ(tally.looseRanges, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Field, MaskClasses, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name;
  for (char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

} // namespace
