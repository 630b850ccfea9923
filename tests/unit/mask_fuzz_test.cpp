// Random masks against brute force. A longer run: ATTILE_MASK_MASKS=20000 ATTILE_MASK_SEED=7 mask_test
// --gtest_filter='*Random*'

#include "tests/unit/mask_check.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>

using namespace attile::test;

namespace {

/// Random expressions as SSA text. Captures: two ints, an i32, an i64 and a bool tensor, a float and a float
/// tensor.
class Writer {
public:
  static constexpr const char* kCaptures =
      "%i0: i64, %i1: i64, %t0: tensor<?xi32>, %t1: tensor<?x?xi64>, %t2: tensor<?xi8>, "
      "%f0: f32, %t3: tensor<?xf32>";

  explicit Writer(std::mt19937_64& random) : random(random) {}

  std::string mask(int depth) {
    std::string result = condition(depth);
    return text + "attn.yield " + result + " : i1";
  }

private:
  std::string fresh(const std::string& operation) {
    std::string name = fmt::format("%x{}", next++);
    text += fmt::format("  {} = {}\n", name, operation);
    return name;
  }
  int64_t choice(int64_t count) { return pick(random, 0, count - 1); }
  std::string number() {
    static const int64_t odd[] = {
        0, -1, INT64_MAX, INT64_MIN, int64_t(1) << 31, int64_t(1) << 62, -(int64_t(1) << 62)};
    int64_t value = choice(12) == 0 ? odd[choice(7)] : pick(random, -8, 32);
    return fresh(fmt::format("arith.constant {} : i64", value));
  }
  std::string leaf() {
    switch (choice(12)) {
    case 0:
    case 1:
      return "%q";
    case 2:
    case 3:
    case 4:
      return "%k";
    case 5: {
      std::string kv = fresh("attn.size \"kv_len\""), q = fresh("attn.size \"q_len\"");
      std::string offset = fresh(fmt::format("arith.subi {}, {} : i64", kv, q));
      return fresh(fmt::format("arith.addi %q, {} : i64", offset));
    }
    case 6:
      return "%i0";
    case 7:
      return "%i1";
    case 8:
      return choice(2) ? "%h" : "%b";
    case 9:
      return "%kv_h";
    default:
      return number();
    }
  }
  /// Quotient and remainder of an index by one divisor; the other one is for later use.
  std::string grid() {
    std::string x = leaf(), d = leaf();
    std::string quotient = fresh(fmt::format("attn.floordiv {}, {}", x, d));
    std::string remainder = fresh(fmt::format("attn.floormod {}, {}", x, d));
    pool.insert(pool.end(), {quotient, remainder});
    return choice(2) ? quotient : remainder;
  }
  std::string integer(int depth) {
    if (!pool.empty() && choice(8) == 0)
      return pool[choice(pool.size())];
    if (depth <= 0 || choice(6) == 0)
      return leaf();
    std::string result = choice(12) == 0 ? grid() : operation(depth);
    pool.push_back(result);
    return result;
  }
  std::string operation(int depth) {
    auto binary = [&](const char* op, const char* suffix = " : i64") {
      std::string a = integer(depth - 1), b = integer(depth - 1);
      return fresh(fmt::format("{} {}, {}{}", op, a, b, suffix));
    };
    auto shift = [&](const char* op) {
      std::string a = integer(depth - 1), b = fresh(fmt::format("arith.constant {} : i64", choice(6)));
      return fresh(fmt::format("{} {}, {} : i64", op, a, b));
    };
    switch (choice(20)) {
    case 0:
    case 1:
    case 2:
      return binary("arith.addi");
    case 3:
    case 4:
    case 5:
      return binary("arith.subi");
    case 6:
      return binary("arith.muli");
    case 7:
    case 8:
      return binary("attn.floordiv", "");
    case 9:
    case 10:
      return binary("attn.floormod", "");
    case 11:
      return binary("arith.minsi");
    case 12:
      return binary("arith.maxsi");
    case 13:
      return fresh(fmt::format("math.absi {} : i64", integer(depth - 1)));
    case 14: {
      std::string c = condition(depth - 1), a = integer(depth - 1), b = integer(depth - 1);
      return fresh(fmt::format("arith.select {}, {}, {} : i64", c, a, b));
    }
    case 15:
      return fresh(fmt::format("attn.lookup %t0[{}] : tensor<?xi32> -> i64", integer(depth - 1)));
    case 16: {
      std::string a = integer(depth - 2), b = integer(depth - 1);
      return fresh(fmt::format("attn.lookup %t1[{}, {}] : tensor<?x?xi64> -> i64", a, b));
    }
    case 17:
      if (choice(2)) {
        std::string a = integer(depth - 1),
                    mask = fresh(fmt::format("arith.constant {} : i64", (1 << choice(6)) - 1));
        return fresh(fmt::format("arith.andi {}, {} : i64", a, mask));
      }
      return binary(choice(3) == 0 ? "arith.andi" : choice(2) ? "arith.ori" : "arith.xori");
    case 18:
      return shift(choice(2) ? "arith.shli" : "arith.shrsi");
    default:
      return fresh(fmt::format("arith.extui {} : i1 to i64", condition(depth - 1)));
    }
  }
  std::string real(int depth) {
    if (depth <= 0 || choice(5) == 0)
      return choice(2)
                 ? fresh(fmt::format("arith.constant {:.3f} : f32", double(pick(random, -4000, 4000)) / 256))
                 : std::string("%f0");
    auto binary = [&](const char* op) {
      std::string a = real(depth - 1), b = real(depth - 1);
      return fresh(fmt::format("{} {}, {} : f32", op, a, b));
    };
    static const char* ops[] = {"arith.addf",     "arith.subf",     "arith.mulf",    "arith.divf",
                                "arith.minimumf", "arith.maximumf", "arith.minnumf", "arith.maxnumf"};
    switch (choice(10)) {
    case 0:
    case 1:
    case 2:
      return fresh(fmt::format("arith.sitofp {} : i64 to f32", integer(depth - 1)));
    case 3:
      return fresh(fmt::format("attn.lookup %t3[{}] : tensor<?xf32> -> f32", integer(depth - 1)));
    case 4:
      return fresh(fmt::format("{} {} : f32", choice(2) ? "arith.negf" : "math.exp", real(depth - 1)));
    case 5:
      return fresh(fmt::format("math.absf {} : f32", real(depth - 1)));
    default:
      return binary(ops[choice(8)]);
    }
  }
  std::string condition(int depth) {
    static const char* compare[] = {"eq", "ne", "slt", "sle", "sgt", "sge", "ult"};
    static const char* compareReal[] = {"olt", "ole", "ogt", "oge", "ult", "uge", "oeq"};
    if (depth <= 1 || choice(5) < 2) {
      std::string a = integer(depth - 1), b = integer(depth - 1);
      return fresh(fmt::format("arith.cmpi {}, {}, {} : i64", compare[choice(choice(8) ? 6 : 7)], a, b));
    }
    switch (choice(8)) {
    case 0:
    case 1: {
      std::string a = condition(depth - 1), b = condition(depth - 1);
      return fresh(fmt::format("arith.andi {}, {} : i1", a, b));
    }
    case 2: {
      std::string a = condition(depth - 1), b = condition(depth - 1);
      return fresh(fmt::format("arith.ori {}, {} : i1", a, b));
    }
    case 3: {
      std::string a = condition(depth - 1), b = condition(depth - 1);
      return fresh(fmt::format("arith.xori {}, {} : i1", a, b));
    }
    case 4: {
      std::string a = condition(depth - 1), one = fresh("arith.constant true");
      return fresh(fmt::format("arith.xori {}, {} : i1", a, one));
    }
    case 5: {
      std::string c = condition(depth - 1), a = condition(depth - 1), b = condition(depth - 1);
      return fresh(fmt::format("arith.select {}, {}, {} : i1", c, a, b));
    }
    case 6: {
      std::string a = real(depth - 1), b = real(depth - 1);
      return fresh(fmt::format("arith.cmpf {}, {}, {} : f32", compareReal[choice(7)], a, b));
    }
    default:
      return fresh(fmt::format("attn.lookup %t2[{}] : tensor<?xi8> -> i1", integer(depth - 1)));
    }
  }

  std::mt19937_64& random;
  std::string text;
  std::vector<std::string> pool; ///< integers that may be used again
  int next = 0;
};

int64_t anyInteger(std::mt19937_64& random) {
  static const int64_t odd[] = {
      0, 1, -1, INT64_MAX, INT64_MIN, int64_t(1) << 31, int64_t(1) << 62, INT64_MAX - 20, INT64_MIN + 20};
  return pick(random, 0, 3) == 0 ? odd[pick(random, 0, 8)] : pick(random, -5, 40);
}

Inputs anyInputs(std::mt19937_64& random) {
  Inputs inputs = randomSizes(random, 24);
  inputs.integers = {anyInteger(random), anyInteger(random), 0, 0, 0, 0, 0};
  inputs.reals.assign(7, 0);
  static const double odd[] = {0, INFINITY, -INFINITY, NAN, 3e38, 1e-40};
  inputs.reals[5] = pick(random, 0, 4) == 0 ? double(float(odd[pick(random, 0, 5)]))
                                            : double(pick(random, -5000, 5000)) / 128;
  inputs.tensors.resize(7);
  auto extent = [&]() { return pick(random, 0, 12) == 0 ? 0 : pick(random, 1, 30); };
  bool sorted = pick(random, 0, 1);
  inputs.tensors[2].shape = {extent()};
  for (int64_t i = 0; i != inputs.tensors[2].shape[0]; ++i)
    inputs.tensors[2].integers.push_back(pick(random, -2, 30));
  if (sorted)
    std::sort(inputs.tensors[2].integers.begin(), inputs.tensors[2].integers.end());
  inputs.tensors[3].shape = {pick(random, 1, 3), extent()};
  for (int64_t i = 0; i != inputs.tensors[3].shape[0] * inputs.tensors[3].shape[1]; ++i)
    inputs.tensors[3].integers.push_back(pick(random, 0, 15) == 0 ? anyInteger(random)
                                                                  : pick(random, -2, 30));
  inputs.tensors[4].shape = {extent()};
  for (int64_t i = 0, density = pick(random, 0, 6); i != inputs.tensors[4].shape[0]; ++i)
    inputs.tensors[4].integers.push_back(pick(random, 0, 5) < density ? -pick(random, -1, 1) : 0);
  inputs.tensors[6].shape = {pick(random, 1, 8)};
  for (int64_t i = 0; i != inputs.tensors[6].shape[0]; ++i)
    inputs.tensors[6].reals.push_back(double(pick(random, -500, 500)) / 64);
  return inputs;
}

std::string describe(const Inputs& inputs) {
  std::string text;
  for (auto& [name, value] : inputs.sizes)
    text += fmt::format("{}={} ", name, value);
  text += fmt::format("\n%i0={} %i1={} %f0={} single={} block={}\n", inputs.integers[0], inputs.integers[1],
                      inputs.reals[5], inputs.singlePrecision, inputs.summaryBlock);
  for (size_t i : {2, 3, 4}) {
    text += fmt::format("tensor {} of {} rows:", i, inputs.tensors[i].shape[0]);
    for (int64_t value : inputs.tensors[i].integers)
      text += fmt::format(" {}", value);
    text += '\n';
  }
  return text;
}

int64_t setting(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : fallback;
}

} // namespace

TEST(MaskRandom, IsNeverWrong) {
  uint64_t first = setting("ATTILE_MASK_SEED", 1);
  int64_t masks = setting("ATTILE_MASK_MASKS", 1500);
  Tally total;
  for (int64_t index = 0; index != masks && !testing::Test::HasFailure(); ++index) {
    uint64_t seed = first * 1000003 + index;
    std::mt19937_64 random(seed);
    bool oneHead = pick(random, 0, 1);
    std::string body = Writer(random).mask(int(pick(random, 2, 5)));
    Machine machine(Writer::kCaptures, body, oneHead);
    for (int trial = 0; trial != 4 && !testing::Test::HasFailure(); ++trial) {
      Inputs inputs = anyInputs(random);
      Tally tally =
          check(machine, inputs, pick(random, 1, 12), pick(random, 1, 12), oneHead ? 1 : pick(random, 1, 3),
                fmt::format("seed {}\n{}\n{}", seed, body, describe(inputs)));
      for (auto member :
           {&Tally::tiles, &Tally::empty, &Tally::full, &Tally::missedEmpty, &Tally::missedFull})
        total.*member += tally.*member;
    }
  }
  fmt::print("{} tiles (empty {:.1f} %, full {:.1f} %), exact {:.2f} %\n", total.tiles,
             100.0 * total.empty / total.tiles, 100.0 * total.full / total.tiles, 100 * total.exactness());
  // The test has teeth only while most tiles are decided.
  EXPECT_GT(total.exactness(), 0.6);
}
