// From spec text to the attn stage: the printed module, and its meaning by the interpreter.
#include "compiler/irgen/irgen.h"
#include "tests/unit/reference_support.h"

#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

using namespace attile;
using namespace attile::reference;
using attile::testing::Floats;
using attile::testing::Qkv;

namespace {

struct Compiled {
  frontend::Source source;
  irgen::Generated generated;
  std::string diagnostics;

  explicit Compiled(std::string text, frontend::CompileTimeOptions options = {})
      : source("test.attn", std::move(text)) {
    frontend::Result result = frontend::analyze(source, options);
    if (result.ok()) {
      generated = irgen::generate(attile::testing::context(), source, result.file);
      diagnostics = render(source, generated.diagnostics);
    } else {
      diagnostics = render(source, result.diagnostics);
    }
  }
  attn::KernelOp kernel() { return attile::testing::firstKernel(*generated.module); }
  std::string text() {
    std::string text;
    llvm::raw_string_ostream(text) << *generated.module;
    return text;
  }
};

/// An attention over q, k of 4 and v of 3 channels with these statements.
std::string attention(const std::string& statements) {
  return "attention test { dtype f32 head_dim qk = 4, v = 3 " + statements + " }";
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

RowResults evaluate(Compiled& compiled, const Qkv& x, const Arguments& arguments) {
  Result<Interpreter> interpreter = Interpreter::create(compiled.kernel(), x.sizes, arguments);
  EXPECT_TRUE(interpreter) << interpreter.error().text();
  Result<RowResults> results = interpreter->evaluate(interpreter->allRows());
  EXPECT_TRUE(results) << results.error().text();
  return *results;
}

/// Two specs compute the same.
void expectEqual(const std::string& a, const std::string& b, const Qkv& x, Arguments more = {}) {
  Compiled first(attention(a)), second(attention(b));
  ASSERT_TRUE(first.generated.ok()) << first.diagnostics;
  ASSERT_TRUE(second.generated.ok()) << second.diagnostics;
  Arguments arguments = x.arguments();
  arguments.tensors.merge(more.tensors);
  arguments.scalars.merge(more.scalars);
  RowResults left = evaluate(first, x, arguments), right = evaluate(second, x, arguments);
  ASSERT_EQ(left.outputs.size(), right.outputs.size());
  for (size_t i = 0; i < left.outputs.size(); ++i)
    for (size_t j = 0; j < left.outputs[i].values.size(); ++j)
      if (left.outputs[i].values[j] != right.outputs[i].values[j]) // equal infinities have no difference
        EXPECT_NEAR(left.outputs[i].values[j], right.outputs[i].values[j], 1e-6) << i << ' ' << j;
}

TEST(Irgen, EveryExampleHasAnAttnStage) {
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ATTILE_EXAMPLES)) {
    if (entry.path().extension() != ".attn")
      continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    Compiled compiled(text.str());
    if (!compiled.generated.ok()) // what may be given when compiling
      compiled = Compiled(
          text.str(), {.dtype = ast::DType::BF16, .headDim = 64, .headDimV = std::nullopt, .attention = {}});
    EXPECT_TRUE(compiled.generated.ok()) << entry.path() << compiled.diagnostics;
    ++examples;
  }
  EXPECT_GE(examples, 20);
}

/// Parts appear in this order.
void expectInOrder(const std::string& text, const std::vector<std::string>& parts) {
  size_t at = 0;
  for (const std::string& part : parts) {
    size_t found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << "missing '" << part << "' in\n" << text;
    at = found + part.size();
  }
}

TEST(Irgen, NaiveChainOfASlidingWindow) {
  Compiled compiled(
      "attention gemma { dtype bf16 head_dim 64 param window : int = 8 param slope : f32[heads] "
      "let distance = q_pos - k score 50.0 * tanh(s / 50.0) - slope[h] * distance "
      "mask distance >= 0 && distance < window output o, lse }");
  ASSERT_TRUE(compiled.generated.ok()) << compiled.diagnostics;
  expectInOrder(compiled.text(),
                {"attn.monoid @builtin.softmax",
                 "attn.kernel @gemma(%q: tensor<?x?x?x64xbf16>",
                 "attn.role = \"input\"",
                 "%window: i64 {attn.default = 8 : i64, attn.name = \"window\", attn.role = \"param\"}",
                 "%slope: tensor<?xf32> {attn.dims = [\"heads\"]",
                 "(tensor<?x?x?x64xbf16> {attn.name = \"o\"}, ",
                 "attn.scores %q, %k",
                 "attn.modify",
                 "1.250000e-01",
                 "arith.mulf",
                 "attn.modify",
                 "math.tanh",
                 "attn.lookup %slope[%h]",
                 "attn.mask",
                 "arith.cmpi",
                 "%window",
                 "attn.reduce @builtin.softmax scores(",
                 "where(",
                 "outputs [\"o\", \"lse\"]",
                 "attn.return"});
}

TEST(Irgen, StatementsCarryTheirNameAndPlace) {
  Compiled compiled("attention a { dtype f32 head_dim 64\n  let past = k <= q_pos\n  mask past }");
  ASSERT_TRUE(compiled.generated.ok()) << compiled.diagnostics;
  attn::MaskOp mask = *compiled.kernel().getBody().getOps<attn::MaskOp>().begin();
  auto name = mlir::dyn_cast<mlir::NameLoc>(mask.getLoc());
  ASSERT_TRUE(name);
  EXPECT_EQ(name.getName(), "mask");
  auto place = mlir::cast<mlir::FileLineColLoc>(name.getChildLoc());
  EXPECT_EQ(place.getFilename(), "test.attn");
  EXPECT_EQ(place.getLine(), 3u);
  mlir::Operation* past = mask.getBody().front().getTerminator()->getOperand(0).getDefiningOp();
  auto let = mlir::dyn_cast<mlir::NameLoc>(past->getLoc());
  ASSERT_TRUE(let);
  EXPECT_EQ(let.getName(), "past");
}

TEST(Irgen, LetsSeeTheScoreAtTheirPlace) {
  Qkv x({.heads = 2, .kvHeads = 1, .qLen = 3, .kvLen = 5}, 4, 3);
  expectEqual("let before = s score 2 * s score s + before", "score 3 * s", x);
  expectEqual("score s + 1 let after = s score after * after", "score (s + 1) * (s + 1)", x);
}

TEST(Irgen, FunctionsAndSumsAreExpanded) {
  Qkv x({.qLen = 3, .kvLen = 5}, 4, 3);
  expectEqual("fn twice(x: f32) : f32 = x + x fn f(x: f32, n: int) : f32 = sum(i in 0..4, twice(x) * i) + n "
              "score f(s, k)",
              "score 12 * s + k", x);
  Arguments table;
  Floats w = Floats::random({5}, 9);
  table.tensors["w"] = w.view();
  expectEqual("param w : f32[5] score s + sum(i in 0..5, w[i] * (k == i ? 1.0 : 0.0))",
              "param w : f32[5] score s + w[k]", x, table);
}

TEST(Irgen, T5BucketsAreThoseOfThePaper) {
  // As in examples/t5_bias.attn; the bucket is made the score of the only key.
  Compiled compiled(
      attention("param relative : int fn bucket(distance: int) : int = distance < 8 ? distance "
                ": min(15, 8 + int(log(max(distance, 8) / 8.0) / log(128 / 8.0) * 8 + 0.00001)) "
                "score f32((relative > 0 ? 16 : 0) + bucket(abs(relative))) output o, max"));
  ASSERT_TRUE(compiled.generated.ok()) << compiled.diagnostics;
  Qkv x({}, 4, 3);
  const std::pair<int64_t, double> vectors[] = {{0, 0},    {-7, 7},    {-8, 8}, {-16, 10}, {-64, 14},
                                                {-91, 15}, {-999, 15}, {1, 17}, {8, 24},   {91, 31}};
  for (auto [relative, bucket] : vectors) {
    Arguments arguments = x.arguments();
    arguments.scalars["relative"] = relative;
    EXPECT_EQ(evaluate(compiled, x, arguments).find("max")->values[0], bucket) << relative;
  }
}

/// Rows of the mask as text.
std::string maskOf(const std::string& statements, const Sizes& sizes, const Arguments& arguments = {}) {
  Compiled compiled(attention(statements));
  if (!compiled.generated.ok())
    return compiled.diagnostics;
  Result<Interpreter> interpreter = Interpreter::create(compiled.kernel(), sizes, arguments);
  EXPECT_TRUE(interpreter) << interpreter.error().text();
  std::string text;
  for (int64_t q = 0; q < sizes.qLen; ++q) {
    std::vector<uint8_t> seen(sizes.kvLen);
    interpreter->visible({0, 0, q}, 0, seen);
    for (uint8_t s : seen)
      text += s ? '1' : '0';
    text += q + 1 < sizes.qLen ? " " : "";
  }
  return text;
}

TEST(Irgen, Masks) {
  EXPECT_EQ(maskOf("mask k <= q_pos", {1, 1, 1, 2, 5}), "11110 11111");
  EXPECT_EQ(maskOf("mask k <= q", {1, 1, 1, 2, 5}), "10000 11000");
  EXPECT_EQ(maskOf("mask k <= q_pos", {1, 1, 1, 5, 2}), "00 00 00 10 11");
  EXPECT_EQ(maskOf("mask k <= q_pos mask q_pos - k < 2", {1, 1, 1, 3, 4}), "1100 0110 0011");
  EXPECT_EQ(maskOf("mask (k - 3) / 2 == -1", {1, 1, 1, 1, 6}), "011000"); // floors
  EXPECT_EQ(maskOf("mask (k - 3) % 2 == 1", {1, 1, 1, 1, 6}), "101010");  // sign of the divisor
  EXPECT_EQ(maskOf("mask k / (q - q) == 0", {1, 1, 1, 1, 3}), "111");     // no trap
  EXPECT_EQ(maskOf("mask ((1 << k) & 10) != 0", {1, 1, 1, 1, 5}), "01010");
  EXPECT_EQ(maskOf("mask int(0.0 - log(0.0 * k)) > 0", {1, 1, 1, 1, 2}), "11"); // inf saturates
  EXPECT_EQ(maskOf("mask (1 << 100 * k) < 0", {1, 1, 1, 1, 3}), "011");         // amounts are clamped to 63
  EXPECT_EQ(maskOf("mask abs(k - 2) >= 2 || !(k != 2)", {1, 1, 1, 1, 5}), "10101");
}

TEST(Irgen, BlockTables) {
  std::vector<int32_t> table = {0, -1, 1, 2};
  Arguments arguments;
  arguments.tensors["t"] = ConstTensorView(static_cast<const void*>(table.data()), DType::i32, {2, 2});
  EXPECT_EQ(maskOf("param t : int[_, _] blocks t[qb] q_block = 2, k_block = 2 mask k != 5", {1, 1, 1, 4, 6},
                   arguments),
            "110000 110000 001110 001110");
}

const char* const kOnline = "state m = -inf, l = 0.0, o = 0.0 lift m = s, l = 1.0, o = v "
                            "merge m = max(a.m, b.m), l = a.l * exp(a.m - m) + b.l * exp(b.m - m), "
                            "o = a.o * exp(a.m - m) + b.o * exp(b.m - m) ";

TEST(Irgen, TheUsersSoftmaxIsTheBuiltinOne) {
  Qkv x({.heads = 2, .kvHeads = 2, .qLen = 7, .kvLen = 5}, 4, 3);
  expectEqual(
      fmt::format(
          "mask k <= q_pos normalize fold {{ {} finalize o = o / l, lse = m + log(l) }} output o, lse",
          kOnline),
      "mask k <= q_pos output o, lse", x);
}

TEST(Irgen, SoftmaxWithAZeroLogitIsASinkOfZero) {
  Qkv x({.qLen = 7, .kvLen = 5}, 4, 3);
  expectEqual(fmt::format("mask k <= q_pos normalize fold {{ {} finalize o / (l + exp(-m)) }}", kOnline),
              "mask k <= q_pos normalize softmax sink 0.0", x);
}

TEST(Irgen, WhatALiftReadsBesidesScoresBecomesAStream) {
  Qkv x({.heads = 2, .kvHeads = 2, .qLen = 3, .kvLen = 5}, 4, 3);
  Floats w = Floats::random({5}, 4), g = Floats::random({2}, 5);
  Arguments arguments;
  arguments.tensors["w"] = w.view(), arguments.tensors["g"] = g.view();
  std::string params = "param w : f32[kv_len] param g : f32[heads] ";
  std::string fold = "fn weigh(x: f32, i: int) : f32 = x * w[i] normalize fold { state o = 0.0 "
                     "lift o = s * (g[h] + 1) * weigh(v, k) merge o = a.o + b.o finalize o }";
  expectEqual(params + fold, params + "score s * (g[h] + 1) * w[k] normalize none", x, arguments);
  Compiled compiled(attention(params + fold));
  attn::MonoidOp monoid = attile::testing::firstMonoid(*compiled.generated.module);
  EXPECT_EQ(monoid.getLift().getNumArguments(), 4u); // s, s * (g[h] + 1), w[k], v
}

std::vector<attn::FieldRole> roles(const std::string& fold) {
  Compiled compiled(attention("normalize fold { " + fold + " }"));
  std::vector<attn::FieldRole> roles;
  EXPECT_TRUE(compiled.generated.ok()) << compiled.diagnostics;
  if (!compiled.generated.ok())
    return roles;
  attn::MonoidOp monoid = attile::testing::firstMonoid(*compiled.generated.module);
  for (unsigned i = 0; i < monoid.numFields(); ++i)
    roles.push_back(monoid.field(i).getRole());
  return roles;
}

TEST(Irgen, GaugesAreInferred) {
  using enum attn::FieldRole;
  EXPECT_EQ(roles(std::string(kOnline) + "finalize o / l"), (std::vector{Gauge, Sum, Sum}));
  EXPECT_EQ(
      roles(
          "state n = 0.0, o = 0.0 lift n = 1.0, o = s * v merge n = a.n + b.n, o = a.o + b.o finalize o / n"),
      (std::vector{Sum, Sum}));
  // (lse, o) normalised: the merge is not linear in lse, but lse is no free choice.
  EXPECT_EQ(roles("state e = -inf, o = 0.0 lift e = s, o = v "
                  "merge e = max(a.e, b.e) + log(1 + exp(min(a.e, b.e) - max(a.e, b.e))), "
                  "o = a.o * sigmoid(a.e - b.e) + b.o * sigmoid(b.e - a.e) finalize o"),
            (std::vector{Sum, Sum}));
}

std::string errorsOf(const std::string& statements) {
  Compiled compiled(attention(statements));
  EXPECT_FALSE(compiled.generated.ok());
  return compiled.diagnostics;
}

TEST(Irgen, ABrokenMergeIsRefusedWithACounterexample) {
  std::string text = errorsOf("normalize fold { state m = -inf, l = 0.0, o = 0.0 lift m = s, l = 1.0, o = v "
                              "merge m = max(a.m, b.m), l = a.l * exp(a.m - m) + b.l, "
                              "o = a.o * exp(a.m - m) + b.o * exp(b.m - m) finalize o / l }");
  expectInOrder(text, {"test.attn:1:", "merge is not associative", "a: m = ", "(a b) c: ", "a (b c): "});
}

TEST(Irgen, FinalizeMayReadTheRow) {
  Qkv x({.heads = 3, .kvHeads = 3, .qLen = 6, .kvLen = 5}, 4, 3);
  Floats zero = Floats::random({3}, 5);
  zero.data[2] = -INFINITY; // off for this head
  Arguments arguments;
  arguments.tensors["zero"] = zero.view();
  std::string param = "param zero : f32[heads] mask k <= q_pos ";
  expectEqual(fmt::format("{} normalize fold {{ {} finalize o / (l + exp(zero[h] - m)) }}", param, kOnline),
              param + "normalize softmax sink zero[h]", x, arguments);
  expectEqual(
      "let odd = q % 2 == 1 mask k <= q_pos normalize fold { state o = 0.0 lift o = v merge o = a.o + b.o "
      "finalize odd ? o / (q_pos + 1) : o }",
      "score q % 2 == 1 ? 1.0 / (q_pos + 1) : 1.0 mask k <= q_pos normalize none", x);
}

TEST(Irgen, LiftMayBranchOnTheContext) {
  Qkv x({.qLen = 6, .kvLen = 5}, 4, 3);
  expectEqual(
      "normalize fold { state o = 0.0 lift o = k % 2 == 0 ? v * s : v * 2 merge o = a.o + b.o finalize o }",
      "score k % 2 == 0 ? s : 2.0 normalize none", x);
}

TEST(Irgen, MergeMayReadParams) {
  // A softmax of temperature t, with s itself as the gauge.
  Qkv x({.qLen = 6, .kvLen = 5}, 4, 3);
  Arguments arguments;
  arguments.scalars["t"] = 0.25;
  expectEqual("param t : f32 fn weight(d: f32) : f32 = exp(d * t) "
              "normalize fold { state m = -inf, l = 0.0, o = 0.0 lift m = s, l = 1.0, o = v "
              "merge m = max(a.m, b.m), l = a.l * weight(a.m - m) + b.l * weight(b.m - m), "
              "o = a.o * weight(a.m - m) + b.o * weight(b.m - m) finalize o / l }",
              "param t : f32 score s * t", x, arguments);
}

TEST(Irgen, IntsFromOutsideAFoldMustBecomeFloats) {
  std::string text = errorsOf("param n : int normalize fold { state o = 0.0 lift o = v merge o = a.o + b.o "
                              "finalize o * (int(o) + n) }");
  expectInOrder(
      text, {"test.attn:1:", "a fold takes an int from outside only where it becomes a float", "f32(...)"});
}

TEST(Irgen, NormalisersAreSharedAndNamesDoNotClash) {
  Compiled compiled("attention softmax { dtype f32 head_dim 8 } attention other { dtype f32 head_dim 8 }");
  ASSERT_TRUE(compiled.generated.ok()) << compiled.diagnostics;
  EXPECT_EQ(count(compiled.text(), "attn.monoid @"), 1);
  EXPECT_EQ(count(compiled.text(), "attn.kernel @"), 2);
}

} // namespace
