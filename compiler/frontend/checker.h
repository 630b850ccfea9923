#pragma once

#include "compiler/frontend/expr_checker.h"
#include "compiler/frontend/frontend.h"

namespace attile::frontend {

/// Checks functions for recursion and for their size once expanded.
class Expansion {
public:
  Expansion(Reporter& reporter) : reporter_(reporter) {}

  /// Reports recursion among the functions and measures the others.
  void add(const std::vector<std::unique_ptr<ast::UserFunction>>& functions);

  struct Cost {
    uint64_t size = 1;  ///< nodes, saturating
    uint32_t depth = 1; ///< levels
  };
  /// Of an expression with its functions and sums expanded; lets count as one node.
  Cost cost(const ast::Expr& expr) const;

private:
  struct State {
    bool done = false;
    Cost cost;
  };
  void visit(const ast::UserFunction& function);
  void reportCycle(const ast::UserFunction& again, SourceRange call);

  Reporter& reporter_;
  std::unordered_map<const ast::UserFunction*, State> states_;
  std::vector<const ast::UserFunction*> path_; // being visited
};

/// Checks one attention, given the file's functions.
class AttentionChecker {
public:
  AttentionChecker(const Source& source, const CompileTimeOptions& options, Reporter& reporter,
                   ast::File& file, ast::Attention& attention, Expansion& expansion)
      : source_(source), options_(options), reporter_(reporter), file_(file), attention_(attention),
        expansion_(expansion) {}

  void run();
  /// Warns of declarations that nothing refers to.
  void unused();
  /// Functions that the attention calls, directly; to be marked as used.
  const Scope& scope() const { return scope_; }

private:
  void dtype();
  void headDim();
  std::optional<int64_t> dimension(ast::ExprPtr& expr, std::string_view what);
  std::optional<int64_t> optionDim(int64_t value, std::string_view flag, SourceRange at);
  std::optional<ast::HeadDim> optionHeadDim(const std::optional<ast::HeadDim>& stated, bool& wrong);
  void declarations();
  void params();
  void paramDims(const ast::Param& param);
  void functions();
  void steps();
  void scale();
  void masks();
  void blocks();
  void normalizer();
  void fold(ast::Fold& fold);
  void merge(ast::Fold& fold);
  void finalize(ast::Fold& fold);
  void outputs();
  void expansionCost();

  ExprChecker at(Place place) { return {source_, reporter_, scope_, std::move(place)}; }
  /// F32 at that place.
  ast::Type real(ast::ExprPtr& expr, Place place, std::string_view what);

  const Source& source_;
  const CompileTimeOptions& options_;
  Reporter& reporter_;
  ast::File& file_;
  ast::Attention& attention_;
  Expansion& expansion_;
  Scope scope_;
};

/// Reports a name that is built in, taken, or a function's.
void declare(Scope& scope, Reporter& reporter, const std::string& name, SourceRange range,
             std::string_view kind);

/// Checks the body and the arguments of a function.
void checkFunction(const Source& source, Reporter& reporter, Scope& scope, ast::UserFunction& function,
                   bool local);

} // namespace attile::frontend
