#pragma once

#include "compiler/frontend/scope.h"

namespace attile::frontend {

/// Resolves and types expressions at one place of the spec, rewriting them in place. After an error the type
/// is Invalid, which is accepted everywhere, so that one mistake is reported once.
class ExprChecker {
public:
  ExprChecker(const Source& source, Reporter& reporter, Scope& scope, Place place)
      : source_(source), reporter_(reporter), scope_(scope), place_(std::move(place)) {}

  /// The expression's own type.
  ast::Type check(ast::ExprPtr& expr);
  /// Wants a value of that type, converting int to f32. `what` names the receiver: "mask".
  ast::Type checkAs(ast::ExprPtr& expr, ast::Scalar wanted, std::string_view what);
  /// A constant of that type; none after an error.
  std::optional<ast::Value> constant(ast::ExprPtr& expr, ast::Scalar wanted, std::string_view what);

  Place& place() { return place_; }

private:
  void visit(ast::Expr& e);
  void name(ast::Expr& e, const std::string& name);
  bool localName(ast::Expr& e, const std::string& name);
  void builtin(ast::Expr& e, ast::Builtin builtin);
  void param(ast::Expr& e, const ast::Param& param);
  void let(ast::Expr& e, const ast::Let& let);
  void member(ast::Expr& e, ast::Member member);
  void load(ast::Expr& e, ast::Load& load);
  void unary(ast::Expr& e, ast::UnaryOp op);
  void binary(ast::Expr& e, const ast::Binary& binary);
  bool precedenceTrap(const ast::Expr& x, const ast::Expr& y, const ast::Binary& binary);
  void divisionNotes(const ast::Expr& e, const ast::Binary& binary);
  void select(ast::Expr& e);
  void apply(ast::Expr& e);
  void cast(ast::Expr& e, ast::Scalar to);
  void call(ast::Expr& e, ast::Function function);
  void userCall(ast::Expr& e, ast::Apply& apply, const ast::UserFunction& function);
  void sum(ast::Expr& e);
  std::optional<int64_t> bound(ast::ExprPtr& expr);

  bool arity(const ast::Expr& e, std::string_view name, size_t wanted);
  void unknown(ast::Expr& e, const std::string& name);
  void unavailable(ast::Expr& e, ast::Builtin builtin);
  void needs(const ast::Expr& operand, std::string_view who, std::string_view wanted, SourceRange at);
  /// Makes the operands one numeric type; false, with an error, if one is no number.
  bool unify(ast::Expr& e, size_t from, std::string_view who, SourceRange at);
  void convert(ast::ExprPtr& expr, ast::Scalar to, bool implicit);
  std::string quoted(const ast::Expr& e) const;

  const Source& source_;
  Reporter& reporter_;
  Scope& scope_;
  Place place_;
  std::vector<const ast::Sum*> sums_; // enclosing, outermost first
};

/// "f32", or "f32 for each component of v".
std::string describe(ast::Type type);

} // namespace attile::frontend
