#include "compiler/frontend/lexer.h"

#include <gtest/gtest.h>

using namespace attile::frontend;

namespace {

struct Lexed {
  Source source;
  std::vector<Diagnostic> diagnostics;
  std::vector<Token> tokens;

  explicit Lexed(std::string text) : source("t", std::move(text)) {
    Reporter reporter(diagnostics);
    tokens = lex(source, reporter);
  }

  std::string spelled() const {
    std::string text;
    for (const Token& token : tokens)
      text += std::string(token.text) + "|";
    return text;
  }
  std::string message() const { return diagnostics.size() == 1 ? diagnostics[0].message : "<not one>"; }
};

TEST(Lexer, longestPunctuatorWins) {
  Lexed lexed("a<<b<=c&&d..e!=f<g");
  EXPECT_EQ(lexed.spelled(), "a|<<|b|<=|c|&&|d|..|e|!=|f|<|g||");
  EXPECT_TRUE(lexed.diagnostics.empty());
}

TEST(Lexer, commentsAndSpaceSeparate) {
  Lexed lexed("a// x\n/* y\n*/b/**/c\r\n\td");
  EXPECT_EQ(lexed.spelled(), "a|b|c|d||");
}

TEST(Lexer, numbers) {
  Lexed lexed("0 42 0x1F 1.5 .5 2. 1e3 1.5e-2 0..8");
  ASSERT_TRUE(lexed.diagnostics.empty());
  EXPECT_EQ(lexed.spelled(), "0|42|0x1F|1.5|.5|2.|1e3|1.5e-2|0|..|8||");
  EXPECT_EQ(std::get<int64_t>(lexed.tokens[2].value), 31);
  EXPECT_EQ(std::get<double>(lexed.tokens[4].value), 0.5);
  EXPECT_EQ(std::get<double>(lexed.tokens[6].value), 1000.0);
  EXPECT_EQ(std::get<double>(lexed.tokens[7].value), 0.015);
  EXPECT_EQ(lexed.tokens[8].kind, TokenKind::Int);
}

TEST(Lexer, theLargestInt) {
  Lexed lexed("9223372036854775807");
  EXPECT_TRUE(lexed.diagnostics.empty());
  EXPECT_EQ(std::get<int64_t>(lexed.tokens[0].value), INT64_MAX);
}

TEST(Lexer, malformedNumbers) {
  EXPECT_EQ(Lexed("9223372036854775808").message(), "integer '9223372036854775808' does not fit in 64 bits");
  EXPECT_EQ(Lexed("0x").message(), "malformed number '0x'");
  EXPECT_EQ(Lexed("0xfg").message(), "malformed number '0xfg'");
  EXPECT_EQ(Lexed("1.0f").message(), "malformed number '1.0f'");
  EXPECT_EQ(Lexed("3d").message(), "malformed number '3d'");
  EXPECT_EQ(Lexed("010").message(), "integer '010' starts with 0");
  EXPECT_EQ(Lexed("1e39").message(), "number '1e39' does not fit in f32");
  EXPECT_EQ(Lexed("1e999").message(), "number '1e999' does not fit in f32");
}

TEST(Lexer, encoding) {
  EXPECT_EQ(Lexed(std::string("a\0b", 3)).message(), "NUL byte in the spec");
  EXPECT_EQ(Lexed("// \xff").message(), "invalid UTF-8 in the spec");
  EXPECT_EQ(Lexed("// \xc0\xaf").message(), "invalid UTF-8 in the spec");     // overlong
  EXPECT_EQ(Lexed("// \xed\xa0\x80").message(), "invalid UTF-8 in the spec"); // surrogate
  EXPECT_EQ(Lexed("// \xe2\x82").message(), "invalid UTF-8 in the spec");     // cut off
  EXPECT_TRUE(Lexed("// \u03bb, \U0001F600").diagnostics.empty());
}

TEST(Lexer, unexpectedCharacters) {
  Lexed lexed("a ≤ b");
  EXPECT_EQ(lexed.message(), "unexpected character '≤'");
  EXPECT_EQ(lexed.diagnostics[0].remedy, "write '<='");
  EXPECT_EQ(Lexed("a $ b").message(), "unexpected character '$'");
  EXPECT_EQ(Lexed("/* never closed").message(), "comment is not closed");
}

TEST(Lexer, keywords) {
  EXPECT_TRUE(isKeyword("mask"));
  EXPECT_FALSE(isKeyword("head_dim")); // also a size
  EXPECT_FALSE(isKeyword("masks"));
}

} // namespace
