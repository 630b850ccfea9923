#pragma once

#include "compiler/frontend/cursor.h"

namespace attile::frontend {

/// Parses expressions: C's operators with C's precedence; see the grammar in docs/language.md.
class ExprParser {
public:
  explicit ExprParser(Cursor& cursor) : cursor_(cursor) {}

  /// Null after an error, which has been reported.
  ast::ExprPtr parse();

private:
  ast::ExprPtr ternary();
  ast::ExprPtr binary(int minPrecedence);
  ast::ExprPtr unary();
  ast::ExprPtr primary();
  ast::ExprPtr named();
  ast::ExprPtr sum();
  ast::ExprPtr parenthesised();
  bool arguments(ast::Expr& into, std::string_view close);
  ast::ExprPtr literal(ast::Value value);
  ast::ExprPtr missingOperand();
  bool reportChain(const ast::Expr& left, ast::BinaryOp op, SourceRange opRange);
  /// Sets range end and depth; null, with an error, if the tree has become too deep.
  ast::ExprPtr finish(ast::ExprPtr expr, uint32_t begin);
  bool tooDeep(SourceRange range);

  Cursor& cursor_;
  uint32_t nesting_ = 0;
  bool depthReported_ = false;
};

} // namespace attile::frontend
