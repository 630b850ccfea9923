#pragma once

#include "compiler/frontend/expr_parser.h"

#include <map>

namespace attile::frontend {

/// Parses a file, one statement at a time. An error ends its statement; parsing goes on at the next one.
class Parser {
public:
  Parser(const Source& source, Reporter& reporter)
      : reporter_(reporter), cursor_(source, lex(source, reporter), reporter), exprs_(cursor_) {}

  ast::File file();

private:
  // Each of these returns false after an error, which has been reported.
  bool attention(ast::File& file);
  bool statement(ast::Attention& attention);
  bool function(std::vector<std::unique_ptr<ast::UserFunction>>& into);
  bool functionArguments(ast::UserFunction& function);
  bool let(ast::Attention& attention);
  bool dtype(ast::Attention& attention);
  bool headDim(ast::Attention& attention);
  bool param(ast::Attention& attention);
  bool dims(ast::Param& param);
  bool dim(ast::Param& param);
  bool blocks(ast::Attention& attention);
  bool normalize(ast::Attention& attention);
  bool output(ast::Attention& attention);

  struct Assignment {
    std::string name;
    SourceRange nameRange;
    ast::ExprPtr value;
  };
  struct FoldParts;
  bool fold(ast::Attention& attention);
  bool foldClause(FoldParts& parts);
  bool assignments(std::vector<Assignment>& into);
  bool finalize(ast::Fold& fold);
  void assemble(FoldParts& parts, SourceRange foldRange);
  void assign(ast::Fold& fold, std::vector<Assignment>& from, std::string_view clause, bool merge);

  bool name(std::string& into, SourceRange& range, std::string_view what);
  bool expression(ast::ExprPtr& into);
  bool statementValue(ast::ExprPtr& into);
  bool assigned(std::string_view word, ast::ExprPtr& into);
  bool atStatement() const;
  void skipToStatement(bool topLevel);
  /// Reports a second statement of a kind that may occur once.
  void once(std::string_view keyword, SourceRange range,
            std::map<std::string, SourceRange, std::less<>>& seen);

  /// Remembers a name whose declaration went wrong; returns false.
  bool broken(const std::string& name) { return broken_.insert(name), false; }

  Reporter& reporter_;
  Cursor cursor_;
  ExprParser exprs_;
  std::map<std::string, SourceRange, std::less<>> seen_; // statements of the present attention
  std::set<std::string> broken_;
};

} // namespace attile::frontend
