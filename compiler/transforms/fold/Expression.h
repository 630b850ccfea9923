//===- Expression.h - scalar expressions of user regions -------------------===//
//
// User regions (score, mask, lift, merge, ...) are straight-line scalar code without side effects, so a value
// in one stands for an expression over the region's arguments. These helpers copy, compare and evaluate such
// expressions.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_TRANSFORMS_FOLD_EXPRESSION_H
#define ATTILE_COMPILER_TRANSFORMS_FOLD_EXPRESSION_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace attile::fold {

/// Copies the body of a one-block region to the builder's place, with `arguments` for its arguments, folding
/// as it goes. Returns what the terminator yields; the terminator itself is not copied.
llvm::SmallVector<mlir::Value> inlineRegion(mlir::OpBuilder& builder, mlir::Region& region,
                                            mlir::ValueRange arguments);

/// Gives the copy of a leaf, or null to look into its defining operation.
using LeafFn = llvm::function_ref<mlir::Value(mlir::Value)>;

/// Copies the expression `root`, folding as it goes. Null when it reads a block argument for which `leaf` has
/// no copy.
mlir::Value copyExpression(mlir::OpBuilder& builder, mlir::Value root, LeafFn leaf);

/// The same computation over the same block arguments, up to the order of commutative operands.
bool equalExpressions(mlir::Value a, mlir::Value b);

/// True when the expression reads a value for which `leaf` holds.
bool reads(mlir::Value root, llvm::function_ref<bool(mlir::Value)> leaf);

/// The float constant that the expression is, if it is one.
std::optional<double> constantFloat(mlir::Value value);

/// An f32 about which a little is known; arithmetic on it keeps what holds for every case.
struct Approximate {
  enum Kind { Constant, Finite, Unknown } kind = Unknown;
  double value = 0; ///< of a Constant; may be infinite
  static Approximate constant(double value) { return {Constant, value}; }
  static Approximate finite() { return {Finite, 0}; }
  bool isZero() const { return kind == Constant && value == 0; }
};

/// Evaluates an expression over what `leaf` says about its leaves.
Approximate evaluate(mlir::Value root, llvm::function_ref<std::optional<Approximate>(mlir::Value)> leaf);

} // namespace attile::fold

#endif // ATTILE_COMPILER_TRANSFORMS_FOLD_EXPRESSION_H
