#pragma once

#include "compiler/frontend/ast.h"
#include "compiler/frontend/reporter.h"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace attile::frontend {

/// The names that one attention (or, before it, the top level) declares.
struct Scope {
  std::map<std::string, ast::Param*, std::less<>> params;
  std::map<std::string, const ast::Let*, std::less<>> lets;      ///< declared so far
  std::map<std::string, const ast::Let*, std::less<>> laterLets; ///< declared below
  std::map<std::string, ast::UserFunction*, std::less<>> functions;
  std::map<std::string, SourceRange, std::less<>> declared; ///< all of these, and where
  std::unordered_map<const ast::Let*, ast::BuiltinSet> letDependencies;
  std::unordered_set<const void*> used; ///< Params, Lets and UserFunctions that are referred to
  std::optional<ast::HeadDim> headDim;
  const std::set<std::string>* broken = nullptr; ///< see ast::File
};

/// Where an expression stands decides which names it may use.
struct Place {
  std::string_view name; ///< for messages: "mask"
  ast::BuiltinSet builtins;
  bool params = true;
  bool lets = true;
  const ast::UserFunction* function = nullptr; ///< its arguments are in scope
  const ast::Fold* fold = nullptr;             ///< its state is in scope:
  bool sides = false;                          ///< as a.field and b.field
  std::vector<bool> fields;                    ///< by plain name, where fields[index]
};

/// The places of the language; see the table of names in docs/language.md.
namespace places {
Place constant(std::string_view name);
Place scale();
Place let();
Place score();
Place mask();
Place sink();
Place blocks();
Place function(const ast::UserFunction& function, bool local);
Place init();
Place lift();
Place merge(const ast::Fold& fold);
Place finalize(const ast::Fold& fold);
} // namespace places

} // namespace attile::frontend
