// What is accepted, what is refused and how, statement by statement.

#include "frontend_util.h"

#include <cmath>
#include <fmt/core.h>

using namespace attile;
using namespace attile::frontend;
using ast::Builtin;
using ast::Scalar;

namespace {

const ast::Expr& scoreOf(const ast::Attention& attention) {
  for (const ast::Step& step : attention.steps)
    if (auto* score = std::get_if<ast::Score>(&step))
      return *score->value;
  return *attention.scale;
}

// ---- names ---------------------------------------------------------------------------------------------

TEST(CheckNames, unknown) {
  expectOne("score s * slop", "unknown name 'slop'");
  expectOne("param slope : f32\nscore s * slop + slope", "unknown name 'slop'", "did you mean 'slope'?", 2);
  expectOne("mask k <= qpos", "unknown name 'qpos'", "did you mean 'q_pos'?");
  expectOne("score tanj(s)", "unknown function 'tanj'", "did you mean 'tanh'?");
  expectOne("score s + tabel[h]", "unknown tensor 'tabel'");
  expectOne("param table : f32[heads]\nscore s + tabel[h] + table[h]", "unknown tensor 'tabel'", "'table'",
            2);
  expectOne("score s.m", "'s.m' has no meaning in score");
}

TEST(CheckNames, whereTheyMayStand) {
  expectOne("mask s > 0.0", "'s' cannot be used in mask", "score");
  expectOne("scale 1.0 / (q + 1)", "'q' cannot be used in scale", "score");
  expectOne("scale s", "'s' cannot be used in scale");
  expectOne("score s * v", "'v' cannot be used in score", "lift of a fold");
  expectOne("score s + qb", "'qb' cannot be used in score", "blocks");
  expectOne("let big = s > 1.0\nmask big", "'big' cannot be used in mask: it depends on 's'", "", 2);
  expectOne("let a1 = s let a2 = a1 * 2\nmask a2 > 1", "'a2' cannot be used in mask: it depends on 's'", "",
            2);
  expectOne("let d = q - k\nscale 1.0 / d", "'d' cannot be used in scale: it depends on 'q'", "", 2);
  expectOne("normalize softmax sink s", "'s' cannot be used in a sink");
  expectOne("fn f(x: f32) : f32 = x + s\nscore f(s)", "'s' cannot be used in a function", "pass it");
  expectClean("let per_head = h * 2 scale 1.0 / (per_head + b + kv_h + kv_len) mask per_head >= 0");
}

TEST(CheckNames, declarations) {
  expectOne("let q = 1\nscore s + 1", "'q' is built in and cannot name a let", "choose another name");
  expectOne("param exp : f32\nscore s + exp", "'exp' is built in and cannot name a param");
  expectOne("param mask : f32", "expected a name after 'param', found 'mask'", "keyword");
  Checked twice(inAttention("param w : int\nlet w = 2\nscore s * w"));
  EXPECT_EQ(twice.messages(), "3: second declaration of 'w'\n");
  ASSERT_EQ(twice.diagnostics()[0].notes.size(), 1u);
  EXPECT_EQ(twice.source.position(twice.diagnostics()[0].notes[0].range.begin).line, 2u);
}

TEST(CheckNames, whatMayBeHidden) {
  expectClean("fn f(s: f32, k: int) : f32 = s * k score f(s, k)");
  expectClean("normalize fold { state max = 0, sum = 0, o = 0 lift max = s, sum = s, o = v "
              "merge max = max(a.max, b.max), sum = a.sum + b.sum, o = a.o + b.o finalize o * max + sum }");
}

TEST(CheckNames, lets) {
  expectOne("score s * w\nlet w = 2.0", "'w' is used before its 'let'", "move it up");
  expectOne("let w = 1", "let 'w' is not used");
  expectOne("param w : int", "param 'w' is not used");
  expectOne("fn f(x: int) : int = x", "function 'f' is not used");
  // params and functions may stand below
  expectClean("score f(s) * w fn f(x: f32) : f32 = x * x * w param w : f32");
  // a let sees the score as it is where it stands
  Checked checked(inAttention("let before = s score s * 2 let after = s score before + after"));
  ASSERT_TRUE(checked.diagnostics().empty()) << checked.rendered();
  EXPECT_EQ(checked.attention().steps.size(), 4u);
}

TEST(CheckNames, unusedWaitsForErrors) {
  expectOne("param w : int\nmask nope", "unknown name 'nope'", "", 2);
}

TEST(CheckNames, oneAttentionDoesNotSeeAnother) {
  Checked checked("attention a { dtype f32 head_dim 64 param w : int mask k < w }\n"
                  "attention b { dtype f32 head_dim 64 mask k < w }");
  EXPECT_EQ(checked.messages(), "2: unknown name 'w'\n");
  Checked same("attention a { dtype f32 head_dim 64 }\nattention a { dtype f32 head_dim 64 }");
  EXPECT_EQ(same.messages(), "2: second attention 'a'\n");
}

// ---- types ---------------------------------------------------------------------------------------------

TEST(CheckTypes, promotionIsExplicitInTheTree) {
  Checked checked(inAttention("score s + k"));
  ASSERT_TRUE(checked.ok());
  const ast::Expr& sum = scoreOf(checked.attention());
  EXPECT_EQ(sum.type.scalar, Scalar::F32);
  ASSERT_TRUE(sum.operand(1).as<ast::Cast>());
  EXPECT_TRUE(sum.operand(1).as<ast::Cast>()->implicit);
  EXPECT_EQ(sum.operand(1).operand(0).type.scalar, Scalar::Int);
}

TEST(CheckTypes, ofExpressions) {
  const std::pair<const char*, Scalar> cases[] = {
      {"1 / 1", Scalar::Int},
      {"k / 2.0", Scalar::F32},
      {"sqrt(4)", Scalar::F32},
      {"min(1, 2)", Scalar::Int},
      {"min(1, 2.0)", Scalar::F32},
      {"abs(k)", Scalar::Int},
      {"pow(2, 3)", Scalar::F32},
      {"k < 2 && q > 1", Scalar::Bool},
      {"true & false", Scalar::Bool},
      {"k & 1", Scalar::Int},
      {"true == false", Scalar::Bool},
      {"true ? 1 : 2.0", Scalar::F32},
      {"sum(i in 0..3, i)", Scalar::Int},
      {"sum(i in 0..3, s)", Scalar::F32},
      {"int(s)", Scalar::Int},
      {"f32(true)", Scalar::F32},
      {"inf", Scalar::F32},
      {"~k << 2", Scalar::Int},
      {"floor(k)", Scalar::F32},
      {"true ? k < 1 : true", Scalar::Bool},
  };
  for (auto [text, expected] : cases) {
    Checked checked(inAttention(fmt::format("let it = {}", text)));
    ASSERT_TRUE(checked.ok()) << text << checked.rendered();
    EXPECT_EQ(std::get<std::unique_ptr<ast::Let>>(checked.attention().steps[0])->value->type.scalar, expected)
        << text;
  }
}

TEST(CheckTypes, refused) {
  expectOne("mask k", "mask has to be bool, but this is int", "compare it: k != 0");
  expectOne("score k < q", "score has to be f32, but this is bool", "write (k < q) ? 1 : 0");
  expectOne("score s * (k < q)", "'*' needs a number, but (k < q) is bool", "(k < q) ? 1 : 0");
  expectOne("mask k && q < 1", "'&&' needs bool, but k is int", "k != 0");
  expectOne("mask !k", "'!' needs bool, but k is int");
  expectOne("score s % 2", "'%' needs int, but an operand is f32", "floor");
  expectOne("score s << 2", "'<<' needs int, but s is f32", "int(s)");
  expectOne("score ~s", "'~' needs int, but s is f32");
  expectOne("mask -true", "'-' needs a number, but true is bool");
  expectOne("mask true < false", "'<' needs a number, but true is bool");
  expectOne("score k ? 1 : 2", "'?:' needs bool, but k is int", "k != 0");
  expectOne("score true ? 1 : true", "the two results of '?:' differ: int and bool");
  expectOne("score exp(true)", "'exp' needs a number, but true is bool");
  expectOne("score clamp(s, 1)", "'clamp' takes 3 arguments, given 2");
  expectOne("score f32(1, 2)", "'f32' takes 1 argument, given 2");
  expectOne("mask bool(k)", "there is no conversion 'bool'", "x != 0");
  expectOne("score f16(s)", "there is no conversion 'f16'");
  expectOne("score sum(i in 0..3, true)", "'sum' needs a number, but true is bool");
}

TEST(CheckTypes, traps) {
  expectOne("mask q < k < 9", "comparisons cannot be chained", "write 'q < k && k < 9'");
  expectOne("mask 1 == k == 2", "comparisons cannot be chained", "write '1 == k && k == 2'");
  expectOne("mask k & 1 == 0", "'&' mixes int and bool", "write (k & 1) == 0");
  expectOne("scale 1 / 2", "1 / 2 is the integer 0", "1.0 / 2");
  expectOne("mask k = q", "expected a statement, found '='", "equality is '=='");
  expectOne("mask k < q and q < 9", "expected a statement, found 'and'", "write '&&'");
  expectOne("score s ** 2", "expected an expression, found '*'", "pow(a, b)");
  expectOne("normalise softmax", "expected a statement, found 'normalise'", "did you mean 'normalize'?");
}

// ---- params --------------------------------------------------------------------------------------------

TEST(CheckParams, kinds) {
  Checked checked(
      inAttention("param n : int = 2 * 4 param x : f32 = -1 param p : bool = 1 < 2 param w : int\n"
                  "param t : f16[batch, 3, rows, rows, _] param u : bool[kv_len] param i : int[q_len]\n"
                  "param l : i64[1] mask u[k] && p && i[q] < n && l[0] < w score t[b, 0, q, k, h] + x"));
  ASSERT_TRUE(checked.diagnostics().empty()) << checked.rendered();
  const auto& params = checked.attention().params;
  EXPECT_EQ(std::get<int64_t>(*params[0]->defaultValue), 8);
  EXPECT_EQ(std::get<double>(*params[1]->defaultValue), -1.0);
  EXPECT_EQ(std::get<bool>(*params[2]->defaultValue), true);
  EXPECT_FALSE(params[3]->defaultValue);
  EXPECT_EQ(params[0]->element, ast::Element::I64);
  ASSERT_EQ(params[4]->dims.size(), 5u);
  EXPECT_EQ(params[4]->dims[0].kind, ast::Dim::Kind::Size);
  EXPECT_EQ(params[4]->dims[1].extent, 3);
  EXPECT_EQ(params[4]->dims[2].kind, ast::Dim::Kind::Named);
  EXPECT_EQ(params[4]->dims[4].kind, ast::Dim::Kind::Any);
  EXPECT_EQ(params[6]->element, ast::Element::I32);
  EXPECT_EQ(params[7]->element, ast::Element::I64);
}

TEST(CheckParams, refused) {
  expectOne("param t : f32[heads]\nscore s + t", "tensor 't' is used without indices", "t[...]", 2);
  expectOne("param t : f32[heads, 2]\nscore s + t[h]", "'t' has 2 dimensions, indexed with 1", "", 2);
  expectOne("param t : f32\nscore s + t[h]", "'t' is a scalar and takes no indices", "", 2);
  expectOne("param t : f32[heads]\nscore s + t(h)", "param 't' is called like a function", "t[...]", 2);
  expectOne("param t : f32[heads, 2]\nscore s + t[h][1]", "'t' is indexed twice", "t[i, j]", 2);
  expectOne("param t : f32[heads]\nscore s + t[s]", "an index of 't' has to be int, but this is f32",
            "int(s)", 2);
  expectOne("score s + q[1]", "'q' is no tensor");
  expectOne("param t : f32[heads] = 1\nscore s + t[h]", "tensor 't' cannot have a default");
  expectOne("param t : f16\nscore s + t", "'f16' is a type of tensors, not of scalars", "f32, or f16[...]");
  expectOne("param t : f32[]\nscore s", "a tensor needs at least one dimension");
  expectOne("param t : f32[q]\nscore s + t[0]", "'q' is no size");
  expectOne("param t : f32[0]\nscore s + t[0]", "a dimension is at least 1");
  expectOne("param t : f32[hads]\nscore s + t[0]", "'hads' is a new name, which allows any extent",
            "'heads'");
  expectOne("param t : f32[1,1,1,1,1,1,1,1,1]\nscore s + t[0,0,0,0,0,0,0,0,0]",
            "'t' has 9 dimensions; at most 8 are supported");
  expectOne("param n : int = 0.5\nmask k < n", "the default of 'n' has to be int, but this is f32");
  expectOne("param n : int = heads\nmask k < n", "'heads' cannot be used in the default of 'n'", "constant");
}

// ---- dtype, head_dim -----------------------------------------------------------------------------------

TEST(CheckOptions, complete) {
  CompileTimeOptions options;
  options.dtype = ast::DType::BF16;
  options.headDim = 192;
  options.headDimV = 128;
  Checked checked("attention a { }", options);
  ASSERT_TRUE(checked.diagnostics().empty()) << checked.rendered();
  EXPECT_EQ(*checked.attention().dtype, ast::DType::BF16);
  EXPECT_EQ(checked.attention().headDim->qk, 192);
  EXPECT_EQ(checked.attention().headDim->v, 128);
}

TEST(CheckOptions, missing) {
  Checked checked("attention a { }");
  EXPECT_EQ(checked.messages(), "1: attention 'a' has no dtype\n1: attention 'a' has no head_dim\n");
  EXPECT_NE(checked.diagnostics()[0].remedy.find("--dtype"), std::string::npos);
  EXPECT_NE(checked.diagnostics()[1].remedy.find("--head-dim"), std::string::npos);
}

TEST(CheckOptions, disagree) {
  CompileTimeOptions options;
  options.dtype = ast::DType::F16;
  options.headDim = 128;
  Checked checked("attention a { dtype f32 head_dim 64 }", options);
  EXPECT_EQ(checked.messages(),
            "1: the spec says dtype f32, --dtype says f16\n"
            "1: the spec says head_dim qk = 64, v = 64, --head-dim says qk = 128, v = 128\n");
  Checked agreed("attention a { dtype f16 head_dim 128 }", options);
  EXPECT_TRUE(agreed.ok()) << agreed.rendered();
}

TEST(CheckOptions, headDim) {
  auto message = [](const std::string& dim) {
    return Checked("attention a { dtype f32 head_dim " + dim + " }").messages();
  };
  EXPECT_EQ(message("64 + 8"), "");
  EXPECT_EQ(message("4096"), "");
  EXPECT_EQ(message("0"), "1: head_dim is 0, but has to be in 1..4096\n");
  EXPECT_EQ(message("-1"), "1: head_dim is -1, but has to be in 1..4096\n");
  EXPECT_EQ(message("1000000000"), "1: head_dim is 1000000000, but has to be in 1..4096\n");
  EXPECT_EQ(message("64.0"), "1: head_dim has to be int, but this is f32\n");
  EXPECT_EQ(message("qk = 64, v = 0"), "1: head_dim v is 0, but has to be in 1..4096\n");
  CompileTimeOptions options;
  options.headDim = 1000000000;
  EXPECT_EQ(Checked("attention a { dtype f32 }", options).messages(),
            "1: --head-dim is 1000000000, but has to be in 1..4096\n");
  options = {};
  options.headDimV = 5000;
  EXPECT_EQ(Checked("attention a { dtype f32 head_dim 64 }", options).messages(),
            "1: --head-dim-v is 5000, but has to be in 1..4096\n");
  // What is no number has no value to complain about.
  EXPECT_EQ(message("99999999999999999999"), "1: integer '99999999999999999999' does not fit in 64 bits\n");
}

TEST(CheckOptions, headDimOfValuesAlone) {
  CompileTimeOptions options;
  options.headDimV = 128;
  EXPECT_TRUE(Checked("attention a { dtype f32 head_dim qk = 192, v = 128 }", options).ok());
  EXPECT_EQ(Checked("attention a { dtype f32 head_dim 64 }", options).messages(),
            "1: the spec says head_dim qk = 64, v = 64, --head-dim-v says qk = 64, v = 128\n");
  EXPECT_EQ(Checked("attention a { dtype f32 }", options).messages(), "1: attention 'a' has no head_dim\n");
}

TEST(CheckOptions, oneAttention) {
  const std::string text = "fn twice(x : f32) : f32 = x + x\n"
                           "attention a { dtype f32 head_dim 64 }\n"
                           "attention b { param unused : int  score twice(s) }\n";
  CompileTimeOptions options;
  options.attention = "a";
  EXPECT_EQ(Checked(text, options).messages(), "");
  options.attention = "b";
  EXPECT_EQ(Checked(text, options).messages(),
            "3: attention 'b' has no dtype\n3: attention 'b' has no head_dim\n");
}

TEST(CheckOptions, byteOrderMark) {
  Checked checked("\xEF\xBB\xBF"
                  "attention a { dtype f32 head_dim 64 mask kk < 3 }");
  ASSERT_EQ(checked.messages(), "1: unknown name 'kk'\n");
  EXPECT_EQ(checked.source.position(checked.diagnostics()[0].range.begin).column, 42u);
}

TEST(CheckStatements, twice) {
  for (const char* statement : {"scale 1.0", "normalize none", "output o"}) {
    Checked checked(inAttention(fmt::format("{}\n{}", statement, statement)));
    std::string keyword(statement, std::string_view(statement).find(' '));
    EXPECT_EQ(checked.messages(), fmt::format("3: second '{}'\n", keyword));
    ASSERT_EQ(checked.diagnostics()[0].notes.size(), 1u);
    EXPECT_EQ(checked.source.position(checked.diagnostics()[0].notes[0].range.begin).line, 2u);
  }
  expectOne("dtype f32", "second 'dtype'");
  expectOne("head_dim 64", "second 'head_dim'");
  expectOne("output o, lse, o", "output 'o' is named twice");
}

TEST(CheckStatements, defaults) {
  Checked checked(inAttention(""));
  ASSERT_TRUE(checked.diagnostics().empty());
  EXPECT_EQ(printCanonical(*checked.attention().scale), "1 / sqrt(head_dim)");
  EXPECT_DOUBLE_EQ(
      std::get<double>(*ast::constantValue(*checked.attention().scale, checked.attention().headDim)), 0.125);
  EXPECT_TRUE(std::holds_alternative<ast::Softmax>(checked.attention().normalizer));
  ASSERT_EQ(checked.attention().outputs.size(), 1u);
  EXPECT_EQ(checked.attention().outputs[0].kind, ast::OutputKind::O);
}

TEST(CheckStatements, outputs) {
  expectClean("output o, lse, max");
  expectOne("normalize sigmoid output o, lse", "the normaliser has no output 'lse'");
  expectOne("normalize none output max", "the normaliser has no output 'max'");
}

TEST(CheckStatements, blocks) {
  const std::string table = "param t : int[batch, heads, _, _] param f : f32[heads, _, _] param n : int ";
  auto use = [&](const std::string& statement) {
    return Checked(inAttention(table + "score s + f[0,0,0] + n + t[0,0,0,0]\n" + statement)).messages();
  };
  EXPECT_EQ(use("blocks t[b, h, qb] q_block = 64, k_block = 32 * 4"), "");
  EXPECT_EQ(use("blocks t[b, h] q_block = 64, k_block = 64"),
            "3: block table 't' has to be an int tensor with 3 dimensions\n");
  EXPECT_EQ(use("blocks f[h, qb] q_block = 64, k_block = 64"),
            "3: block table 'f' has to be an int tensor with 3 dimensions\n");
  EXPECT_EQ(use("blocks n[h, qb] q_block = 64, k_block = 64"),
            "3: block table 'n' has to be an int tensor with 3 dimensions\n");
  EXPECT_EQ(use("blocks t[b, h, q] q_block = 64, k_block = 64"), "3: 'q' cannot be used in blocks\n");
  EXPECT_EQ(use("blocks t[b, h, qb] q_block = 0, k_block = 64"),
            "3: q_block is 0, but has to be in 1..1048576\n");
  EXPECT_EQ(use("blocks nope[b, h, qb] q_block = 64, k_block = 64"), "3: unknown block table 'nope'\n");
  EXPECT_EQ(use("blocks t[b, h, qb] k_block = 64"), "3: expected 'q_block' here, found 'k_block'\n");
}

// ---- functions, sums -----------------------------------------------------------------------------------

TEST(CheckFunctions, calls) {
  expectClean("fn f(x: f32, n: int) : f32 = x * n fn g(x: f32) : f32 = f(x, 2) score g(k) + f(s, k)");
  expectOne("fn f(x: int) : int = x\nscore f(s)", "argument 'x' of 'f' is int, given f32", "", 2);
  expectOne("fn f(x: int) : int = x\nscore f(1, 2)", "'f' takes 1 argument, given 2", "", 2);
  expectOne("fn f(x: int) : int = x * 1.5\nscore f(1)", "the result of 'f' has to be int, but this is f32");
  expectOne("fn f(x: int, x: int) : int = x\nscore f(1, 2)", "second argument 'x'");
  expectOne("fn f(x: int) : int = x\nscore f", "'f' is a function", "f(...)", 2);
  expectOne("fn exp(x: f32) : f32 = x\nscore exp(s)", "'exp' is built in and cannot name a function");
  expectOne("fn f(x: int) = x\nscore 1", "expected ':' and the result's type after the arguments, found '='");
}

TEST(CheckFunctions, topLevel) {
  Checked good("fn cap(x: f32, c: f32) : f32 = c * tanh(x / c)\n"
               "attention a { dtype f32 head_dim 64 score cap(s, 50) }\n"
               "attention b { dtype f32 head_dim 64 score cap(s, 30) }");
  EXPECT_TRUE(good.diagnostics().empty()) << good.rendered();
  Checked param(
      "fn f(x: f32) : f32 = x * w\nattention a { dtype f32 head_dim 64 param w : f32 score f(s) * w }");
  EXPECT_EQ(param.messages(), "1: unknown name 'w'\n");
}

TEST(CheckFunctions, recursion) {
  Checked self(inAttention("fn f(x: int) : int = f(x)\nscore f(1)"));
  EXPECT_EQ(self.messages(), "2: recursion: f -> f\n");
  Checked cycle(inAttention("fn f(x: int) : int = g(x)\nfn g(x: int) : int = e(x) + 1\n"
                            "fn e(x: int) : int = x + f(x)\nscore f(1)"));
  EXPECT_EQ(cycle.messages(), "4: recursion: f -> g -> e -> f\n");
  EXPECT_EQ(cycle.diagnostics()[0].notes.size(), 3u);
}

TEST(CheckFunctions, expansionIsBounded) {
  std::string functions = "fn f0(x: int) : int = x + x\n";
  for (int i = 1; i < 64; ++i)
    functions += fmt::format("fn f{0}(x: int) : int = f{1}(x) + f{1}(x)\n", i, i - 1);
  Checked bomb(inAttention(functions + "score f63(1)"));
  EXPECT_NE(bomb.messages().find("more than 65536 operations"), std::string::npos) << bomb.messages();

  functions = "fn f0(x: int) : int = x\n";
  for (int i = 1; i < 300; ++i)
    functions += fmt::format("fn f{0}(x: int) : int = f{1}(x) + 1\n", i, i - 1);
  Checked deep(inAttention(functions + "score f299(1)"));
  EXPECT_NE(deep.messages().find("levels deep once calls are expanded"), std::string::npos)
      << deep.messages();

  Checked sums(inAttention("score sum(i in 0..1000, sum(j in 0..1000, i * j))"));
  EXPECT_NE(sums.messages().find("more than 65536 operations"), std::string::npos) << sums.messages();
}

TEST(CheckFunctions, longChainsOfLetsAreFine) {
  std::string lets = "let x0 = k\n";
  for (int i = 1; i < 1000; ++i)
    lets += fmt::format("let x{0} = x{1} + x{1}\n", i, i - 1);
  expectClean(lets + "mask x999 > 0");
}

TEST(CheckSum, ranges) {
  expectClean("let n = 2 * 2 score sum(i in 0..n, sum(j in -n..head_dim / 8, i + j))");
  expectOne("score sum(i in 0..1025, i)",
            "sum over 0..1025: a range is ascending and has at most 1024 terms");
  expectOne("score sum(i in 3..2, i)", "sum over 3..2: a range is ascending and has at most 1024 terms");
  expectOne("score sum(i in 0..kv_len, i)", "a bound of sum has to be a constant");
  expectOne("score sum(i in 0..2.0, i)", "a bound of sum has to be int, but this is f32");
  expectOne("score sum(q in 0..2, q)", "the index 'q' hides another name");
  expectOne("score sum(i in 0..2, 1) + i", "unknown name 'i'");
  expectOne("score sum(i in 0..i, 1)", "unknown name 'i'");
}

// ---- folds ---------------------------------------------------------------------------------------------

std::string foldOf(const std::string& state, const std::string& lift, const std::string& merge,
                   const std::string& finalize, const std::string& after = "") {
  return fmt::format("normalize fold {{ state {} lift {} merge {} finalize {} }} {}", state, lift, merge,
                     finalize, after);
}

TEST(CheckFold, fieldsAreRowsOrRowsOfV) {
  Checked checked(inAttention(foldOf(
      "m = -inf, l = 0, o = 0.0, w = 0", "m = s, l = 1, o = v, w = s * v",
      "m = max(a.m, b.m), w = a.w + b.w, l = a.l * exp(a.m - m) + b.l * exp(b.m - m), o = a.o * l + b.o + w",
      "o = l > 0 ? o / l : w, lse = m + log(l), max = m", "output o, lse, max")));
  ASSERT_TRUE(checked.diagnostics().empty()) << checked.rendered();
  const auto& fold = *std::get<std::unique_ptr<ast::Fold>>(checked.attention().normalizer);
  ASSERT_EQ(fold.fields.size(), 4u);
  EXPECT_FALSE(fold.fields[0]->perV);
  EXPECT_TRUE(fold.fields[2]->perV);
  EXPECT_TRUE(std::isinf(fold.fields[0]->init) && fold.fields[0]->init < 0);
  EXPECT_EQ(fold.mergeOrder[1]->name, "w");
  EXPECT_EQ(fold.finalize.size(), 3u);
  EXPECT_TRUE(fold.finalize[0].value->type.perV);
}

TEST(CheckFold, refused) {
  auto bad = [](const std::string& statements) { return Checked(inAttention(statements)).messages(); };
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.x + b.o", "o")), "2: the state has no field 'x'\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.o + s", "o")), "2: 's' cannot be used in merge\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = o + a.o", "o")), "2: field 'o' is not merged yet\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.o + b.o", "o * s")), "2: 's' cannot be used in finalize\n");
  EXPECT_EQ(bad(foldOf("o = 0, l = 0", "o = v, l = 1", "o = a.o + b.o, l = a.l + b.o", "o")),
            "2: 'l' is one number for each row, but its merge depends on v\n");
  EXPECT_EQ(bad(foldOf("o = 0, l = 0", "o = v", "o = a.o + b.o, l = a.l", "o")),
            "2: state field 'l' has no lift\n");
  EXPECT_EQ(bad(foldOf("o = 0, l = 0", "o = v, l = 1", "o = a.o + b.o", "o")),
            "2: state field 'l' has no merge\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v, p = 1", "o = a.o + b.o", "o")), "2: 'p' is no state field\n");
  EXPECT_EQ(bad(foldOf("o = 0, o = 1", "o = v", "o = a.o + b.o", "o")), "2: second state field 'o'\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v, o = s", "o = a.o + b.o", "o")), "2: second lift of 'o'\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = s", "o = a.o + b.o", "o")),
            "2: output 'o' has to have a value for each component of v\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.o + b.o", "o = o, lse = o")),
            "2: output 'lse' is one number for each row, but this depends on v\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.o + b.o", "lse = 1")), "2: finalize gives no 'o'\n");
  EXPECT_EQ(bad(foldOf("o = 0", "o = v", "o = a.o + b.o", "o = o, foo = 1")), "2: 'foo' is no output\n");
  EXPECT_EQ(bad(foldOf("o = k", "o = v", "o = a.o + b.o", "o")),
            "2: 'k' cannot be used in a field's initial value\n");
  EXPECT_EQ(bad(foldOf("q = 0", "q = v", "q = a.q + b.q", "q")), "2: state field 'q' hides another name\n");
  EXPECT_EQ(bad("normalize fold { state o = 0 lift o = v finalize o }"), "2: the fold has no 'merge'\n");
  EXPECT_EQ(bad("normalize fold { sate o = 0 lift o = v merge o = a.o finalize o }"),
            "2: expected state, lift, merge or finalize, found 'sate'\n");
}

// ---- facts ---------------------------------------------------------------------------------------------

TEST(Facts, dependencies) {
  Checked checked(inAttention("param w : int param u : f32\nfn f(x: int) : int = x + kv_len + w\n"
                              "let d = q_pos - h\nlet e = f(d)\nscore s * u mask e > k"));
  ASSERT_TRUE(checked.diagnostics().empty()) << checked.rendered();
  const ast::Expr& mask = *checked.attention().masks[0];
  for (Builtin yes : {Builtin::QPos, Builtin::Q, Builtin::QLen, Builtin::H, Builtin::KvLen, Builtin::K})
    EXPECT_TRUE(ast::dependsOn(mask, yes)) << ast::spelling(yes);
  for (Builtin no : {Builtin::S, Builtin::B, Builtin::KvH, Builtin::Batch})
    EXPECT_FALSE(ast::dependsOn(mask, no)) << ast::spelling(no);
  EXPECT_TRUE(ast::uses(mask, *checked.attention().params[0]));
  EXPECT_FALSE(ast::uses(mask, *checked.attention().params[1]));
}

TEST(Facts, constants) {
  const std::pair<const char*, const char*> cases[] = {
      {"-7 / 2", "-4"},
      {"-7 % 2", "1"},
      {"7 % -2", "-1"},
      {"7 / 0 + 7 % 0", "0"},
      {"9223372036854775807 + 1 < 0", "true"},
      {"(-9223372036854775807 - 1) / -1 < 0", "true"},
      {"1 << 70", "-9223372036854775808"},
      {"-8 >> 1", "-4"},
      {"int(-2.7)", "-2"},
      {"int(inf)", "9223372036854775807"},
      {"int(inf - inf)", "0"},
      {"f32(true)", "1.0"},
      {"clamp(9, 0, 3) + abs(-2)", "5"},
      {"sum(i in 0..4, sum(j in 0..i + 0 * 4 + 2, 1))", "?"},
      {"exp2(3) + floor(-0.5)", "7.0"},
      {"twice(3) + twice(twice(1))", "10"},
      {"true ? 1 : q", "1"},
      {"q - q", "?"},
      {"6 & 3 | 8 ^ 1", "11"},
  };
  for (auto [text, expected] : cases) {
    Checked checked(inAttention(fmt::format("fn twice(x: int) : int = x * 2\nlet it = {}", text)));
    if (!checked.ok()) {
      EXPECT_STREQ(expected, "?") << checked.rendered();
      continue;
    }
    auto value =
        ast::constantValue(*std::get<std::unique_ptr<ast::Let>>(checked.attention().steps[0])->value);
    std::string got = !value                ? "?"
                      : value->index() == 0 ? (std::get<bool>(*value) ? "true" : "false")
                      : value->index() == 1 ? std::to_string(std::get<int64_t>(*value))
                                            : fmt::format("{:.1f}", std::get<double>(*value));
    EXPECT_EQ(got, expected) << text;
  }
}

} // namespace
