#pragma once

#include "compiler/frontend/lexer.h"

#include <fmt/core.h>
#include <string>
#include <string_view>
#include <vector>

namespace attile::frontend {

/// The parser's place in the token list.
class Cursor {
public:
  Cursor(const Source& source, std::vector<Token> tokens, Reporter& reporter)
      : source(source), reporter(reporter), tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& previous() const { return tokens_[at_ == 0 ? 0 : at_ - 1]; }
  /// Stays at End.
  const Token& take() {
    const Token& token = peek();
    at_ += token.kind != TokenKind::End;
    return token;
  }

  bool at(std::string_view spelling) const { return peek().is(spelling); }
  bool atEnd() const { return peek().kind == TokenKind::End; }
  /// At an identifier with that text: words that are special only in their place.
  bool atWord(std::string_view word) const {
    return peek().kind == TokenKind::Identifier && peek().text == word;
  }
  bool accept(std::string_view spelling) { return at(spelling) && (take(), true); }
  bool acceptWord(std::string_view word) { return atWord(word) && (take(), true); }

  /// `where` completes "expected ')' ...": "after the arguments of f".
  bool expect(std::string_view spelling, std::string_view where) {
    return accept(spelling) || (unexpected(fmt::format("'{}' {}", spelling, where)), false);
  }
  bool expectWord(std::string_view word, std::string_view where) {
    return acceptWord(word) || (unexpected(fmt::format("'{}' {}", word, where)), false);
  }

  /// Reports "expected ..., found ..." at the present token. Null if the lexer has reported that token.
  Diagnostic* unexpected(std::string_view expected) {
    if (peek().kind == TokenKind::Invalid)
      return nullptr;
    std::string found = atEnd() ? "the end of the file" : fmt::format("'{}'", peek().text);
    return &reporter.error(peek().range, fmt::format("expected {}, found {}", expected, found));
  }

  const Source& source;
  Reporter& reporter;

private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

} // namespace attile::frontend
