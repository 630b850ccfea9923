// Shapes of trees, seen through the canonical text, which has parentheses only where they are needed.

#include "frontend_util.h"

#include <fmt/core.h>

using namespace attile;
using namespace attile::frontend;

namespace {

/// The canonical text of an expression, as a score (f32) or a let (any type).
std::string canonical(const std::string& expr) {
  Checked checked(
      inAttention("param n : int param x : f32 param p : bool param t : f32[_, _]\nlet it = " + expr));
  EXPECT_TRUE(checked.ok()) << expr << "\n" << checked.rendered();
  if (!checked.ok())
    return "";
  return printCanonical(*std::get<std::unique_ptr<ast::Let>>(checked.attention().steps[0])->value);
}

TEST(Parser, precedenceIsThatOfC) {
  // Redundant parentheses, as C would place them, must vanish; others must stay.
  const std::pair<const char*, const char*> cases[] = {
      {"(1 * 2) + 3", "1 * 2 + 3"},
      {"1 * (2 + 3)", "1 * (2 + 3)"},
      {"(1 - 2) - 3", "1 - 2 - 3"},
      {"1 - (2 - 3)", "1 - (2 - 3)"},
      {"(1 + 2) << 3", "1 + 2 << 3"},
      {"1 + (2 << 3)", "1 + (2 << 3)"},
      {"(1 << 2) < 3", "1 << 2 < 3"},
      {"(1 < 2) == (3 < 4)", "1 < 2 == 3 < 4"},
      {"(n == 1) == (n == 2)", "(n == 1) == (n == 2)"},
      {"(n & 1) == 0", "(n & 1) == 0"},
      {"(1 & 2) ^ 3", "1 & 2 ^ 3"},
      {"1 & (2 ^ 3)", "1 & (2 ^ 3)"},
      {"(1 ^ 2) | 3", "1 ^ 2 | 3"},
      {"(p & p) && p", "p & p && p"},
      {"(p && p) || p", "p && p || p"},
      {"p && (p || p)", "p && (p || p)"},
      {"(p || p) ? 1 : 2", "p || p ? 1 : 2"},
      {"p ? 1 : (p ? 2 : 3)", "p ? 1 : p ? 2 : 3"},
      {"(p ? 1 : 2) + 3", "(p ? 1 : 2) + 3"},
      {"(p ? p : p) ? 1 : 2", "(p ? p : p) ? 1 : 2"},
      {"-(1) * 2", "-1 * 2"},
      {"-(1 * 2)", "-(1 * 2)"},
      {"!(p && p)", "!(p && p)"},
      {"~-~n", "~-~n"},
      {"- -x", "--x"},
  };
  for (auto [written, expected] : cases)
    EXPECT_EQ(canonical(written), expected);
}

TEST(Parser, primaries) {
  EXPECT_EQ(canonical("t[q, k + 1]"), "t[q, k + 1]");
  EXPECT_EQ(canonical("clamp(n, 0, 7)"), "clamp(n, 0, 7)");
  EXPECT_EQ(canonical("f32(n) + int(x)"), "f32(n) + int(x)");
  EXPECT_EQ(canonical("sum(i in 0..2 * 4, i * n)"), "sum(i in 0..8, i * n)");
  EXPECT_EQ(canonical("sum(i in -1..2, sum(j in 0..3, i * j))"), "sum(i in -1..2, sum(j in 0..3, i * j))");
  EXPECT_EQ(canonical("inf"), "inf");
  EXPECT_EQ(canonical("pi"), "3.141592653589793");
  EXPECT_EQ(canonical("0x10 + 1e3"), "16 + 1000.0");
  EXPECT_EQ(canonical("head_dim + head_dim_v"), "head_dim + head_dim_v");
}

TEST(Parser, layoutDoesNotMatter) {
  std::string lines =
      "attention t {\n dtype f32\n head_dim 64\n param w : int = 4\n score s * 2\n mask k <= q_pos\n"
      " mask q - k < w\n output o, lse\n}";
  std::string flat =
      "attention t{dtype f32 head_dim 64 param w:int=4 score s*2 mask k<=q_pos mask q-k<w output o,lse}";
  std::string semicolons =
      "attention t{dtype f32;head_dim 64;param w:int=4;;score s*2;mask k<=q_pos;mask q-k<w;"
      "output o,lse;};";
  Checked a(lines), b(flat), c(semicolons);
  ASSERT_TRUE(a.ok()) << a.rendered();
  ASSERT_TRUE(b.ok()) << b.rendered();
  ASSERT_TRUE(c.ok()) << c.rendered();
  EXPECT_EQ(printCanonical(a.attention()), printCanonical(b.attention()));
  EXPECT_EQ(printCanonical(a.attention()), printCanonical(c.attention()));
}

TEST(Parser, wordsOfOneStatementCanBeNamesElsewhere) {
  // sink, fold, state, lift, qk, q_block and o are no keywords
  expectClean("param sink : f32 param fold : f32 param qk : int param q_block : int let lift = sink\n"
              "score s + lift + fold + qk + q_block normalize softmax sink sink");
}

TEST(Parser, headDimIsAStatementAndASize) {
  expectClean("scale 1.0 / head_dim score s / sqrt(head_dim)");
  Checked checked("attention t { dtype f32 scale 1 / sqrt(head_dim) head_dim qk = 192, v = 128 }");
  ASSERT_TRUE(checked.ok()) << checked.rendered();
  EXPECT_EQ(checked.attention().headDim->qk, 192);
  EXPECT_EQ(checked.attention().headDim->v, 128);
}

TEST(Parser, severalErrorsInOneRun) {
  Checked checked("attention a {\n  dtype f32\n  head_dim 64\n  mask k <= \n  score s +* 2\n  output lsd\n}\n"
                  "attention b {\n  dtype f32 head_dim 64 mask nope\n}");
  EXPECT_EQ(checked.messages(), "5: expected an expression, found 'score'\n"
                                "5: expected an expression, found '*'\n"
                                "6: expected an output: o, lse or max, found 'lsd'\n"
                                "9: unknown name 'nope'\n");
}

TEST(Parser, anErrorInAFoldStaysThere) {
  Checked checked(
      "attention a { dtype f32 head_dim 64 normalize fold {\n state o = ;\n lift o = v merge o = a.o + b.o "
      "finalize o }\n mask nope }");
  EXPECT_EQ(checked.messages(), "2: expected an expression, found ';'\n4: unknown name 'nope'\n");
}

TEST(Parser, aMissingBraceEndsAtTheNextAttention) {
  Checked checked("attention a { dtype f32 head_dim 64\nattention b { dtype f32 head_dim 64 }");
  EXPECT_EQ(checked.messages(), "2: expected '}' to close attention 'a', found 'attention'\n");
  EXPECT_EQ(checked.diagnostics()[0].notes.size(), 1u);
  EXPECT_EQ(checked.result.file.attentions.size(), 2u);
}

TEST(Parser, aBrokenDeclarationIsNoUnknownName) {
  Checked checked(inAttention("param w : int = \nlet x = 1 +\nfn f(x: int) = 3\nscore s + w + x + f(2)"));
  EXPECT_EQ(checked.diagnostics().size(), 3u) << checked.rendered();
}

TEST(Parser, depthIsBounded) {
  auto nested = [](size_t n) { return std::string(n, '(') + "s" + std::string(n, ')'); };
  expectClean("score " + nested(200));
  const char* message = "expression is more than 256 levels deep";
  for (const std::string& deep : {nested(100000), std::string(100000, '-') + "s", "s" + [] {
                                    std::string chain;
                                    for (int i = 0; i < 100000; ++i)
                                      chain += "+1";
                                    return chain;
                                  }()})
    expectOne("score " + deep, message, "let");
  std::string ternaries, calls;
  for (int i = 0; i < 50000; ++i)
    ternaries += "true?1:", calls += "abs(";
  expectOne("score " + ternaries + "1", message, "let");
  expectOne("score " + calls, message, "let");
}

TEST(Parser, sizeIsBounded) {
  Checked large(std::string(ast::kMaxFileSize + 1, ' '));
  EXPECT_EQ(large.messages(),
            fmt::format("1: file of {} bytes; a spec has at most 1048576\n", ast::kMaxFileSize + 1));
  std::string many;
  for (int i = 0; i < 2000; ++i)
    many += "mask true\n";
  Checked checked(inAttention(many));
  EXPECT_FALSE(checked.ok());
  EXPECT_NE(checked.messages().find("more than 1024 statements"), std::string::npos) << checked.messages();
}

TEST(Parser, listsAreBounded) {
  std::string arguments = "x0: int", fields = "x0 = 0";
  for (int i = 1; i < 100; ++i) {
    arguments += fmt::format(", x{}: int", i);
    fields += fmt::format(", x{} = 0", i);
  }
  expectOne(fmt::format("fn f({}) : int = 1", arguments), "more than 64 arguments");
  expectOne(fmt::format("normalize fold {{ state {} }}", fields), "more than 64 fields");
}

TEST(Parser, diagnosticsAreBounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "mask nope\n";
  Checked checked(inAttention(many));
  EXPECT_EQ(checked.diagnostics().size(), 101u);
  EXPECT_NE(checked.messages().find("too many"), std::string::npos);
}

TEST(Parser, emptyFiles) {
  EXPECT_EQ(Checked("").messages(), "1: the file has no attention\n");
  EXPECT_EQ(Checked("// nothing").messages(), "1: the file has no attention\n");
  EXPECT_EQ(Checked("mask k <= q").messages(), "1: expected 'attention' or 'fn', found 'mask'\n");
}

} // namespace
