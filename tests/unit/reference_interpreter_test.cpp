// The oracle against hand-computed cases and against a plain double-precision implementation.
#include "tests/unit/reference_support.h"

#include <cmath>
#include <fmt/core.h>

using namespace attile;
using namespace attile::reference;
using attile::testing::Floats;
using attile::testing::Qkv;

namespace {

const char* const kSoftmax = R"mlir(
attn.monoid @softmax fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
                     outputs [#attn.output<o : row_dv>, #attn.output<lse : row>, #attn.output<max : row>]
identity {
  %m = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  attn.yield %m, %zero, %zero : f32, f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
} merge {
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.maxnumf %am, %bm : f32
  %ad = arith.subf %am, %m : f32
  %a = math.exp %ad : f32
  %bd = arith.subf %bm, %m : f32
  %b = math.exp %bd : f32
  %l0 = arith.mulf %al, %a : f32
  %l1 = arith.mulf %bl, %b : f32
  %l = arith.addf %l0, %l1 : f32
  %o0 = arith.mulf %ao, %a : f32
  %o1 = arith.mulf %bo, %b : f32
  %o = arith.addf %o0, %o1 : f32
  attn.yield %m, %l, %o : f32, f32, f32
} finalize {
^bb0(%m: f32, %l: f32, %o: f32):
  %out = arith.divf %o, %l : f32
  %log = math.log %l : f32
  %lse = arith.addf %m, %log : f32
  attn.yield %out, %lse, %m : f32, f32, f32
}
attn.monoid @sigmoid fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %zero = arith.constant 0.0 : f32
  attn.yield %zero : f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  %n = arith.negf %s : f32
  %e = math.exp %n : f32
  %d = arith.addf %e, %one : f32
  %p = arith.divf %one, %d : f32
  %o = arith.mulf %p, %v : f32
  attn.yield %o : f32
} merge {
^bb0(%a: f32, %b: f32):
  %o = arith.addf %a, %b : f32
  attn.yield %o : f32
} finalize {
^bb0(%o: f32):
  attn.yield %o : f32
}
)mlir";

/// A kernel over q, k, v (head_dim 4, dv 3) and `params`; `chain` defines %s, and may define %w, for `where`.
std::string kernel(const std::string& params, const std::string& chain, const std::string& where = "",
                   const std::string& sink = "", const std::string& monoid = "softmax") {
  bool lse = monoid == "softmax";
  std::string results =
      lse ? "(tensor<?x?x?x3xf32> {attn.name = \"o\"}, tensor<?x?x?xf32> {attn.name = \"lse\"}, "
            "tensor<?x?x?xf32> {attn.name = \"max\"})"
          : "(tensor<?x?x?x3xf32> {attn.name = \"o\"})";
  std::string types =
      lse ? "tensor<?x?x?x3xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>" : "tensor<?x?x?x3xf32>";
  return std::string(kSoftmax) + fmt::format(R"mlir(
attn.kernel @test(%q: tensor<?x?x?x4xf32> {{attn.name = "q", attn.role = "input"}},
                  %k: tensor<?x?x?x4xf32> {{attn.name = "k", attn.role = "input"}},
                  %v: tensor<?x?x?x3xf32> {{attn.name = "v", attn.role = "input"}}{}) -> {} {{
  %dot = attn.scores %q, %k : tensor<?x?x?x4xf32>, tensor<?x?x?x4xf32> -> tensor<?x?x?x?xf32>
  {}
  {} = attn.reduce @{} scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x3xf32>)
     {} outputs [{}] {} -> {}
  attn.return {} : {}
}})mlir",
                                             params, results, chain, lse ? "%r:3" : "%r", monoid, where,
                                             lse ? R"("o", "lse", "max")" : R"("o")", sink, types,
                                             lse ? "%r#0, %r#1, %r#2" : "%r", types);
}

const char* const kScale = R"mlir(%s = attn.modify %dot {
  ^bb0(%x: f32, %b: i64, %h: i64, %kvh: i64, %qi: i64, %ki: i64):
    %half = arith.constant 0.5 : f32
    %y = arith.mulf %x, %half : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
)mlir";

std::string mask(const std::string& body) {
  return fmt::format(R"mlir(%w = attn.mask {{
  ^bb0(%b: i64, %h: i64, %kvh: i64, %qi: i64, %ki: i64):
    %qlen = attn.size "q_len"
    %kvlen = attn.size "kv_len"
    %off = arith.subi %kvlen, %qlen : i64
    %qpos = arith.addi %qi, %off : i64
    {}
    attn.yield %c : i1
  }} : tensor<?x?x?x?xi1>)mlir",
                     body);
}
const char* const kWhere = "where(%w : tensor<?x?x?x?xi1>)";
const char* const kCausal = "%c = arith.cmpi sle, %ki, %qpos : i64";

/// Everything that the plain implementation lets a variant say.
struct Plain {
  std::function<double(double s, int64_t h, int64_t q, int64_t k)> modify = [](double s, int64_t, int64_t,
                                                                               int64_t) { return s / 2; };
  std::function<bool(int64_t h, int64_t q, int64_t k)> visible = [](int64_t, int64_t, int64_t) {
    return true;
  };
  std::function<double(int64_t h)> sink = nullptr;
  bool sigmoid = false;
};

/// Row by row, two passes: scores, then weights. Checks every output of the kernel against it.
void expectPlain(const std::string& text, const Qkv& x, Arguments arguments, const Plain& plain) {
  auto module = attile::testing::parse(text);
  ASSERT_TRUE(module);
  Result<Interpreter> interpreter =
      Interpreter::create(attile::testing::firstKernel(*module), x.sizes, arguments);
  ASSERT_TRUE(interpreter) << interpreter.error().text();
  std::vector<Row> rows = interpreter->allRows();
  Result<RowResults> results = interpreter->evaluate(rows, 2);
  ASSERT_TRUE(results) << results.error().text();
  EXPECT_TRUE(results->outOfRange.empty());
  int64_t group = x.sizes.heads / x.sizes.kvHeads, visible = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    auto [b, h, q] = rows[r];
    std::vector<double> scores(x.sizes.kvLen, -INFINITY), o(3);
    double max = plain.sink ? plain.sink(h) : -INFINITY, sum = 0, largest = 0;
    for (int64_t k = 0; k < x.sizes.kvLen; ++k) {
      if (!plain.visible(h, q, k))
        continue;
      double s = 0;
      for (int c = 0; c < 4; ++c)
        s += x.q.at(b, h, q, c) * x.k.at(b, h / group, k, c);
      scores[k] = plain.modify(s, h, q, k);
      max = std::max(max, scores[k]);
      largest = std::max(largest, std::fabs(scores[k]));
      ++visible;
    }
    if (plain.sink)
      sum = std::exp(plain.sink(h) - max);
    for (int64_t k = 0; k < x.sizes.kvLen; ++k) {
      if (scores[k] == -INFINITY)
        continue;
      double weight = plain.sigmoid ? 1 / (1 + std::exp(-scores[k])) : std::exp(scores[k] - max);
      sum += weight;
      for (int c = 0; c < 3; ++c)
        o[c] += weight * x.v.at(b, h / group, k, c);
    }
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(results->outputs[0].values[r * 3 + c],
                  sum == 0        ? 0
                  : plain.sigmoid ? o[c]
                                  : o[c] / sum,
                  1e-12)
          << "b=" << b << " h=" << h << " q=" << q;
    EXPECT_NEAR(results->maxAbsScore[r], largest, 1e-12);
    if (plain.sigmoid)
      continue;
    double lse = sum == 0 ? -INFINITY : max + std::log(sum);
    if (std::isinf(lse))
      EXPECT_EQ(results->find("lse")->values[r], lse);
    else
      EXPECT_NEAR(results->find("lse")->values[r], lse, 1e-12);
    EXPECT_EQ(results->find("max")->width, 1);
  }
  EXPECT_EQ(results->visible, visible);
}

TEST(ReferenceInterpreter, FullAttentionWithGroupedHeads) {
  Qkv x({.batch = 2, .heads = 6, .kvHeads = 2, .qLen = 5, .kvLen = 300}, 4, 3);
  expectPlain(kernel("", kScale), x, x.arguments(), {});
}

TEST(ReferenceInterpreter, CausalIsAlignedToTheEnd) {
  // The vectors of bottom-right alignment: rows of visible keys.
  auto module = attile::testing::parse(kernel("", kScale + mask(kCausal), kWhere));
  auto rowsOf = [&](int64_t qLen, int64_t kvLen) {
    Result<Interpreter> interpreter =
        Interpreter::create(attile::testing::firstKernel(*module), {1, 1, 1, qLen, kvLen}, {});
    std::string text;
    for (int64_t q = 0; q < qLen; ++q) {
      std::vector<uint8_t> seen(kvLen);
      interpreter->visible({0, 0, q}, 0, seen);
      for (uint8_t s : seen)
        text += s ? '1' : '0';
      text += ' ';
    }
    return text;
  };
  EXPECT_EQ(rowsOf(2, 5), "11110 11111 ");
  EXPECT_EQ(rowsOf(5, 2), "00 00 00 10 11 ");
}

TEST(ReferenceInterpreter, EmptyRowsAreZeroWithLseMinusInfinity) {
  Qkv x({.qLen = 5, .kvLen = 2}, 4, 3);
  expectPlain(kernel("", kScale + mask(kCausal), kWhere), x, x.arguments(),
              {.visible = [](int64_t, int64_t q, int64_t k) { return k <= q - 3; }});
}

TEST(ReferenceInterpreter, NoKeysAtAll) {
  Qkv x({.qLen = 2, .kvLen = 0}, 4, 3);
  expectPlain(kernel("", kScale), x, x.arguments(), {});
}

TEST(ReferenceInterpreter, WindowFromAParam) {
  Qkv x({.qLen = 40, .kvLen = 150}, 4, 3);
  std::string window = R"mlir(%d = arith.subi %qpos, %ki : i64
    %near = arith.cmpi slt, %d, %window : i64
    %past = arith.cmpi sle, %ki, %qpos : i64
    %c = arith.andi %near, %past : i1)mlir";
  std::string text =
      kernel(", %window: i64 {attn.name = \"window\", attn.role = \"param\", attn.default = 7 : i64}",
             kScale + mask(window), kWhere);
  auto visible = [](int64_t width) {
    return [width](int64_t, int64_t q, int64_t k) { return k <= q + 110 && q + 110 - k < width; };
  };
  expectPlain(text, x, x.arguments(), {.visible = visible(7)});
  Arguments arguments = x.arguments();
  arguments.scalars["window"] = int64_t{90};
  expectPlain(text, x, arguments, {.visible = visible(90)});
}

TEST(ReferenceInterpreter, SinkIsMergedOnce) {
  Qkv x({.heads = 2, .kvHeads = 1, .qLen = 5, .kvLen = 3}, 4, 3);
  Floats sinks({2});
  sinks.data = {1.5f, -2.0f};
  Arguments arguments = x.arguments();
  arguments.tensors["sinks"] = sinks.view();
  std::string sink = R"mlir(sink {
  ^bb0(%b: i64, %h: i64, %kvh: i64):
    %x = attn.lookup %sinks[%h] : tensor<?xf32> -> f32
    attn.yield %x : f32
  })mlir";
  std::string params =
      ", %sinks: tensor<?xf32> {attn.name = \"sinks\", attn.role = \"param\", attn.dims = [\"heads\"]}";
  expectPlain(kernel(params, kScale + mask(kCausal), kWhere, sink), x, arguments,
              {.visible = [](int64_t, int64_t q, int64_t k) { return k <= q - 2; },
               .sink = [&](int64_t h) { return double(sinks.data[h]); }});
}

TEST(ReferenceInterpreter, SoftCapAndSlopes) {
  Qkv x({.heads = 4, .kvHeads = 4, .qLen = 6, .kvLen = 6}, 4, 3);
  Floats slopes({4});
  slopes.data = {0.5f, 0.25f, 0.125f, 0.0625f};
  Arguments arguments = x.arguments();
  arguments.tensors["slope"] = slopes.view();
  std::string chain = std::string(kScale).replace(0, 2, "%x") + R"mlir(%s = attn.modify %x {
  ^bb0(%x0: f32, %b: i64, %h: i64, %kvh: i64, %qi: i64, %ki: i64):
    %cap = arith.constant 3.0 : f32
    %d = arith.divf %x0, %cap : f32
    %t = math.tanh %d : f32
    %y = arith.mulf %t, %cap : f32
    %m = attn.lookup %slope[%h] : tensor<?xf32> -> f32
    %dist = arith.subi %qi, %ki : i64
    %df = arith.sitofp %dist : i64 to f32
    %bias = arith.mulf %m, %df : f32
    %z = arith.subf %y, %bias : f32
    attn.yield %z : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
)mlir";
  expectPlain(
      kernel(
          ", %slope: tensor<?xf32> {attn.name = \"slope\", attn.role = \"param\", attn.dims = [\"heads\"]}",
          chain),
      x, arguments, {.modify = [&](double s, int64_t h, int64_t q, int64_t k) {
        return 3 * std::tanh(s / 2 / 3) - slopes.data[h] * double(q - k);
      }});
}

TEST(ReferenceInterpreter, SigmoidSum) {
  Qkv x({.qLen = 4, .kvLen = 130}, 4, 3);
  expectPlain(kernel("", kScale, "", "", "sigmoid"), x, x.arguments(), {.sigmoid = true});
}

TEST(ReferenceInterpreter, BlockTableEndsAtNegativeAndSkipsWhatDoesNotAscend) {
  Qkv x({.qLen = 6, .kvLen = 20}, 4, 3);
  std::vector<int32_t> table = {0, 3, 1, 4, /**/ 2, -1, 3, 3}; // two query blocks: {0, 3, 4} and {2}
  Arguments arguments = x.arguments();
  arguments.tensors["table"] = ConstTensorView(static_cast<const void*>(table.data()), DType::i32, {2, 4});
  std::string blocks = R"mlir(%w = attn.block_table %table q_block = 4 k_block = 5 {
  ^bb0(%b: i64, %h: i64, %kvh: i64, %qb: i64):
    attn.yield %qb : i64
  } : tensor<?x?xi32> -> tensor<?x?x?x?xi1>)mlir";
  expectPlain(kernel(", %table: tensor<?x?xi32> {attn.name = \"table\", attn.role = \"param\", attn.dims = "
                     "[\"_\", \"_\"]}",
                     kScale + blocks, kWhere),
              x, arguments, {.visible = [](int64_t, int64_t q, int64_t k) {
                return q < 4 ? k / 5 == 0 || k / 5 == 3 || k / 5 == 4 : k / 5 == 2;
              }});
}

TEST(ReferenceInterpreter, ScoresOfMinusInfinityWeighNothing) {
  Qkv x({.qLen = 3, .kvLen = 3}, 4, 3);
  std::string bias = std::string(kScale).replace(0, 2, "%x") + R"mlir(%s = attn.modify %x {
  ^bb0(%x0: f32, %b: i64, %h: i64, %kvh: i64, %qi: i64, %ki: i64):
    %ninf = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %ki, %qi : i64
    %y = arith.select %c, %ninf, %x0 : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
)mlir";
  auto module = attile::testing::parse(kernel("", bias));
  Result<Interpreter> interpreter =
      Interpreter::create(attile::testing::firstKernel(*module), x.sizes, x.arguments());
  Result<RowResults> results = interpreter->evaluate(interpreter->allRows());
  EXPECT_EQ(results->outputs[0].values[0], 0);
  EXPECT_EQ(results->find("lse")->values[0], -INFINITY);
  EXPECT_NEAR(results->outputs[0].values[3], x.v.at(0, 0, 0, 0), 1e-15); // row 1 sees key 0 alone
}

TEST(ReferenceInterpreter, ReportsLookupsOutOfRangeWhereTheyMatter) {
  Qkv x({.qLen = 2, .kvLen = 6}, 4, 3);
  Floats bias({4});
  Arguments arguments = x.arguments();
  arguments.tensors["bias"] = bias.view();
  auto run = [&](const std::string& last) {
    std::string chain = std::string(kScale).replace(0, 2, "%x") + fmt::format(R"mlir(%s = attn.modify %x {{
  ^bb0(%x0: f32, %b: i64, %h: i64, %kvh: i64, %qi: i64, %ki: i64):
    %y0 = attn.lookup %bias[%ki] : tensor<?xf32> -> f32
    {}
    attn.yield %y : f32
  }} : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
)mlir",
                                                                              last);
    auto module = attile::testing::parse(kernel(
        ", %bias: tensor<?xf32> {attn.name = \"bias\", attn.role = \"param\", attn.dims = [\"_\"]}", chain));
    Result<Interpreter> interpreter =
        Interpreter::create(attile::testing::firstKernel(*module), x.sizes, arguments);
    return interpreter->evaluate(interpreter->allRows())->outOfRange;
  };
  std::vector<OutOfRange> found = run("%y = arith.addf %x0, %y0 : f32");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].count, 4);
  EXPECT_EQ(
      found[0].text(),
      "param 'bias': index 4 in dimension 0 of extent 4 was clamped (first at b=0 h=0 q=0 k=4, 4 times)");
  EXPECT_TRUE(run(R"mlir(%four = arith.constant 4 : i64
    %c = arith.cmpi slt, %ki, %four : i64
    %y = arith.select %c, %y0, %x0 : f32)mlir")
                  .empty());
}

TEST(ReferenceInterpreter, StridedAndSixteenBitOperands) {
  Qkv x({.batch = 2, .heads = 4, .kvHeads = 2, .qLen = 3, .kvLen = 9}, 4, 3);
  // k as [batch, len, heads, dim], seen as [batch, heads, len, dim].
  std::vector<float> transposed(x.k.data.size());
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t i = 0; i < 9; ++i)
        for (int64_t c = 0; c < 4; ++c)
          transposed[((b * 9 + i) * 2 + h) * 4 + c] = static_cast<float>(x.k.at(b, h, i, c));
  Arguments arguments = x.arguments();
  arguments.tensors["k"] = ConstTensorView(transposed.data(), {2, 9, 2, 4}).transposed(1, 2);
  expectPlain(kernel("", kScale), x, arguments, {});

  std::vector<bf16> q, k, v;
  auto round = [](Floats& from, std::vector<bf16>& to) {
    for (float& f : from.data) {
      to.push_back(to_bf16(f));
      f = to_f32(to.back());
    }
  };
  round(x.q, q), round(x.k, k), round(x.v, v);
  arguments.tensors = {{"q", ConstTensorView(q.data(), {2, 4, 3, 4})},
                       {"k", ConstTensorView(k.data(), {2, 2, 9, 4})},
                       {"v", ConstTensorView(v.data(), {2, 2, 9, 3})}};
  std::string text = kernel("", kScale);
  for (const char* type : {"x4xf32>", "x3xf32>"})
    for (size_t at = 0; (at = text.find(type, at)) != std::string::npos; ++at)
      text.replace(at + 3, 3, "bf16");
  expectPlain(text, x, arguments, {});
}

TEST(ReferenceInterpreter, Transforms) {
  // q is negated where it is loaded, and the output gets its channel added.
  Qkv x({.heads = 2, .kvHeads = 2, .qLen = 3, .kvLen = 4}, 4, 3);
  std::string text = kernel("", kScale);
  text.replace(text.find("%dot = attn.scores %q"), 21, R"mlir(%nq = attn.transform %q {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %y = arith.negf %x : f32
    attn.yield %y : f32
  } : tensor<?x?x?x4xf32> -> tensor<?x?x?x4xf32>
  %dot = attn.scores %nq)mlir");
  text.replace(text.find("attn.return %r#0"), 16, R"mlir(%to = attn.transform %r#0 {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %f = arith.sitofp %c : i64 to f32
    %y = arith.addf %x, %f : f32
    attn.yield %y : f32
  } : tensor<?x?x?x3xf32> -> tensor<?x?x?x3xf32>
  attn.return %to)mlir");
  auto module = attile::testing::parse(text), plain = attile::testing::parse(kernel("", kScale));
  Qkv negated = x;
  for (float& q : negated.q.data)
    q = -q;
  auto evaluate = [](mlir::ModuleOp module, const Qkv& x) {
    Result<Interpreter> interpreter =
        Interpreter::create(attile::testing::firstKernel(module), x.sizes, x.arguments());
    return *interpreter->evaluate(interpreter->allRows());
  };
  RowResults with = evaluate(*module, x), without = evaluate(*plain, negated);
  for (size_t i = 0; i < with.outputs[0].values.size(); ++i)
    EXPECT_NEAR(with.outputs[0].values[i], without.outputs[0].values[i] + double(i % 3), 1e-12);
}

TEST(ReferenceInterpreter, SampledRowsAreThoseOfAllRows) {
  Qkv x({.batch = 2, .heads = 3, .kvHeads = 3, .qLen = 50, .kvLen = 20}, 4, 3);
  auto module = attile::testing::parse(kernel("", kScale));
  Result<Interpreter> interpreter =
      Interpreter::create(attile::testing::firstKernel(*module), x.sizes, x.arguments());
  std::vector<Row> all = interpreter->allRows(), some = interpreter->sampledRows(40, 7);
  EXPECT_GT(some.size(), 30u);
  EXPECT_LE(some.size(), 40u);
  RowResults full = *interpreter->evaluate(all, 3), part = *interpreter->evaluate(some, 1);
  for (size_t i = 0; i < some.size(); ++i) {
    size_t row = (some[i].b * 3 + some[i].h) * 50 + some[i].q;
    for (int c = 0; c < 3; ++c)
      EXPECT_EQ(part.outputs[0].values[i * 3 + c], full.outputs[0].values[row * 3 + c]);
  }
}

TEST(ReferenceInterpreter, RefusesWrongArguments) {
  Qkv x({.heads = 2, .kvHeads = 2, .qLen = 2, .kvLen = 6}, 4, 3);
  auto module = attile::testing::parse(
      kernel(", %bias: tensor<?xf32> {attn.name = \"bias\", attn.role = \"param\", attn.dims = [\"heads\"]}",
             kScale));
  attn::KernelOp op = attile::testing::firstKernel(*module);
  auto error = [&](const Arguments& arguments) {
    Result<Interpreter> interpreter = Interpreter::create(op, x.sizes, arguments);
    return interpreter ? "" : interpreter.error().message;
  };
  Arguments arguments = x.arguments();
  EXPECT_EQ(error(arguments), "param 'bias' is missing, expected a tensor");
  Floats three({3}), two({2});
  arguments.tensors["bias"] = three.view();
  EXPECT_EQ(error(arguments), "param 'bias' has shape [3], expected 2 in dimension 0 (heads)");
  arguments.tensors["bias"] = two.view();
  EXPECT_EQ(error(arguments), "");
  arguments.tensors["v"] = x.k.view();
  EXPECT_EQ(error(arguments),
            "'v' has shape [1, 2, 6, 4], expected [1, 2, 6, 3] ([batch, kv_heads, kv_len, head_dim])");
}

} // namespace
