// How diagnostics look on a terminal, and how trees are printed.

#include "frontend_util.h"

using namespace attile;
using namespace attile::frontend;

namespace {

TEST(Rendering, caretUnderlineNoteAndRemedy) {
  Checked checked("attention a {\n  dtype f32\n  head_dim 64\n  param slope : f32[heads]\n"
                  "  score s - slope * (q_pos - k)\n  mask  k <= qpos\n}\n",
                  {}, "examples/a.attn");
  EXPECT_EQ(checked.rendered(), "examples/a.attn:5:13: error: tensor 'slope' is used without indices\n"
                                "    score s - slope * (q_pos - k)\n"
                                "              ^~~~~\n"
                                "  remedy: index it: slope[...]\n"
                                "examples/a.attn:4:9: note: declared with dimensions [heads]\n"
                                "    param slope : f32[heads]\n"
                                "          ^~~~~\n"
                                "examples/a.attn:6:14: error: unknown name 'qpos'\n"
                                "    mask  k <= qpos\n"
                                "               ^~~~\n"
                                "  remedy: did you mean 'q_pos'?\n");
}

TEST(Rendering, tabsAndUtf8) {
  Checked checked("attention a { dtype f32 head_dim 64\n\t/* \u03bb\u2264 */\tmask nope\n}");
  EXPECT_EQ(checked.rendered(), "t.attn:2:16: error: unknown name 'nope'\n"
                                "  \t/* \u03bb\u2264 */\tmask nope\n"
                                "  \t        \t     ^~~~\n");
}

TEST(Rendering, windowsLineEndsAndEndOfFile) {
  Checked checked("attention a {\r\n  dtype f32\r\n  head_dim 64\r\n  mask nope\r\n");
  EXPECT_EQ(checked.rendered(),
            "t.attn:4:8: error: unknown name 'nope'\n"
            "    mask nope\n"
            "         ^~~~\n"
            "t.attn:5:1: error: expected '}' to close attention 'a', found the end of the file\n"
            "  \n"
            "  ^\n"
            "t.attn:1:13: note: opened here\n"
            "  attention a {\n"
            "              ^\n");
}

TEST(Rendering, longLinesAreCutAndControlCharactersHidden) {
  Checked checked("attention a { dtype f32 head_dim 64 " + std::string(5000, ' ') + "mask nope" +
                  std::string(5000, ' ') + "}");
  EXPECT_LT(checked.rendered().size(), 500u);
  EXPECT_NE(checked.rendered().find("mask nope"), std::string::npos);
  Checked control("attention a { dtype f32 head_dim 64 mask nope // \x1b[31m\n}");
  EXPECT_EQ(control.rendered().find('\x1b'), std::string::npos);
}

TEST(Rendering, underlineEndsWithTheLine) {
  Checked checked("attention a { dtype f32 head_dim 64 mask (k +\n\n 1) }");
  EXPECT_EQ(checked.rendered(), "t.attn:1:42: error: mask has to be bool, but this is int\n"
                                "  attention a { dtype f32 head_dim 64 mask (k +\n"
                                "                                           ^~~~\n"
                                "  remedy: compare it: ... != 0\n");
}

TEST(Printing, tree) {
  Checked checked("attention a { dtype bf16 head_dim 64 param slope : f32[heads]\n"
                  "score s - slope[h] * (q_pos - k) mask k <= q_pos }");
  ASSERT_TRUE(checked.ok()) << checked.rendered();
  EXPECT_EQ(printTree(checked.result.file), "attention a\n"
                                            "  dtype bf16\n"
                                            "  head_dim qk = 64, v = 64\n"
                                            "  param slope : f32[heads]\n"
                                            "  scale\n"
                                            "    / : f32\n"
                                            "      convert : f32\n"
                                            "        1 : int\n"
                                            "      sqrt : f32\n"
                                            "        convert : f32\n"
                                            "          head_dim : int\n"
                                            "  score\n"
                                            "    - : f32\n"
                                            "      s : f32\n"
                                            "      * : f32\n"
                                            "        load slope : f32\n"
                                            "          h : int\n"
                                            "        convert : f32\n"
                                            "          - : int\n"
                                            "            q_pos : int\n"
                                            "            k : int\n"
                                            "  mask\n"
                                            "    <= : bool\n"
                                            "      k : int\n"
                                            "      q_pos : int\n"
                                            "  normalize softmax\n"
                                            "  output o\n");
}

TEST(Printing, canonicalIsCompleteAndStable) {
  Checked checked(
      "fn unused(x: f32) : f32 = x\nfn inner(x: f32) : f32 = x * 2\nfn outer(x: f32) : f32 = inner(x)\n"
      "attention a { normalize softmax sink (h) let t = s score outer(t) // comment\n"
      "head_dim 32 dtype f32 }");
  ASSERT_TRUE(checked.ok()) << checked.rendered();
  std::string text = "fn inner(x: f32) : f32 = x * 2\n"
                     "fn outer(x: f32) : f32 = inner(x)\n"
                     "attention a {\n"
                     "  dtype f32\n"
                     "  head_dim 32\n"
                     "  let t = s\n"
                     "  score outer(t)\n"
                     "  scale 1 / sqrt(head_dim)\n"
                     "  normalize softmax sink h\n"
                     "  output o\n"
                     "}\n";
  EXPECT_EQ(printCanonical(checked.attention()), text);
  Checked again(text);
  ASSERT_TRUE(again.ok()) << again.rendered();
  EXPECT_EQ(printCanonical(again.attention()), text);
}

} // namespace
