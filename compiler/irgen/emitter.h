#pragma once

#include "compiler/frontend/frontend.h"
#include "compiler/irgen/closure.h"

#include <functional>
#include <llvm/ADT/DenseMap.h>
#include <map>
#include <memory>
#include <mlir/IR/Builders.h>
#include <set>

/// Expressions of the checked tree as arith, math and attn operations of a region.
namespace attile::irgen {

/// What all regions of one attention share.
class AttentionScope {
public:
  AttentionScope(mlir::OpBuilder& builder, const frontend::Source& source, const ast::Attention& attention);

  mlir::Location at(frontend::SourceRange range) const;
  mlir::Location at(llvm::StringRef name, frontend::SourceRange range) const;

  /// The score statements before `let`: which version of `s` it sees. Version 0 is the scaled score.
  size_t versionOf(const ast::Let& let) const { return versions.lookup(&let); }
  size_t finalVersion() const { return scoreStatements; }
  /// Versions of `s` that an expression which sees `version` reads, through lets and functions.
  std::set<size_t> versionsRead(Closure closure, size_t version) const;

  /// Environments of calls and sums; equal ones are made once, so closures can be compared.
  const Env* call(const ast::Expr& apply, const Env* env) const;
  const Env* term(const ast::Sum& sum, int64_t index, const Env* env) const;

  mlir::OpBuilder& builder;
  const ast::Attention& attention;
  llvm::DenseMap<const ast::Param*, mlir::Value> params;

private:
  const frontend::Source& source;
  mlir::StringAttr file;
  llvm::DenseMap<const ast::Let*, size_t> versions;
  size_t scoreStatements = 0;
  mutable std::map<std::tuple<const void*, const Env*, int64_t>, std::unique_ptr<std::vector<Env>>>
      environments;
};

/// Builds the operations of one region, at the builder's insertion point. What is shared is computed once.
class Emitter {
public:
  Emitter(const AttentionScope& scope, size_t version)
      : scope(scope), builder(scope.builder), version(version) {}

  void bind(ast::Builtin builtin, mlir::Value value) { builtins[builtin] = value; }
  void bindScore(size_t version, mlir::Value value) { scores[version] = value; }
  void bindField(const ast::Field& field, ast::Side side, mlir::Value value) {
    fields[{&field, side}] = value;
  }
  /// Asked first for every expression; a value that it gives is used instead.
  std::function<mlir::Value(Closure)> intercept;

  mlir::Value emit(const ast::Expr& expr, const Env* env = nullptr);
  /// As ast::Cast says; nothing if it has the type.
  mlir::Value cast(mlir::Value value, ast::Scalar to, mlir::Location loc);

private:
  mlir::Value node(const ast::Expr& expr, const Env* env);
  mlir::Value builtin(ast::Builtin builtin, mlir::Location loc);
  mlir::Value constant(const ast::Value& value, mlir::Location loc);
  mlir::Value let(const ast::Let& let);
  mlir::Value unary(const ast::Expr& expr, ast::UnaryOp op, mlir::Value a);
  mlir::Value binary(const ast::Expr& expr, ast::BinaryOp op, mlir::Value a, mlir::Value b);
  mlir::Value call(const ast::Expr& expr, ast::Function function, llvm::ArrayRef<mlir::Value> x);
  mlir::Value toInteger(mlir::Value x, mlir::Location loc);

  const AttentionScope& scope;
  mlir::OpBuilder& builder;
  size_t version; ///< of `s`, as the expression at hand sees it
  std::map<ast::Builtin, mlir::Value> builtins;
  std::map<size_t, mlir::Value> scores;
  std::map<std::pair<const ast::Field*, ast::Side>, mlir::Value> fields;
  llvm::DenseMap<const ast::Let*, mlir::Value> lets;
  llvm::DenseMap<const Env*, mlir::Value> arguments;
  llvm::DenseMap<const ast::Expr*, std::optional<ast::Value>> constants;
};

} // namespace attile::irgen
