#pragma once

#include "compiler/frontend/ast.h"
#include "compiler/frontend/reporter.h"

#include <string_view>
#include <vector>

namespace attile::frontend {

enum class TokenKind : uint8_t { End, Identifier, Keyword, Int, Float, Punctuator, Invalid };

struct Token {
  TokenKind kind = TokenKind::End;
  SourceRange range;
  std::string_view text; ///< into the Source
  ast::Value value;      ///< of Int (int64_t) and Float (double)

  /// Keywords and punctuators are compared by their text.
  bool is(std::string_view spelling) const {
    return text == spelling && (kind == TokenKind::Punctuator || kind == TokenKind::Keyword);
  }
};

/// Words that cannot name anything: those that start a statement, the types, true, false, inf, pi.
/// `head_dim` is one of the statements but also a size, so it is lexed as an identifier.
bool isKeyword(std::string_view text);

/// Splits the source into tokens, ending with End. What is no token is reported and becomes Invalid.
std::vector<Token> lex(const Source& source, Reporter& reporter);

} // namespace attile::frontend
