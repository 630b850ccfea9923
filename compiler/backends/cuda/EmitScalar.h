//===- EmitScalar.h - scalar values as C++ expressions -------------------------------===//
#ifndef ATTILE_BACKENDS_CUDA_EMITSCALAR_H
#define ATTILE_BACKENDS_CUDA_EMITSCALAR_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace attile::cuda {

/// `i64`, `float` or `bool`; a storage type for an element of a buffer.
std::string typeName(mlir::Type type);

/// Columns of an object of templates/ that holds `columns`: they come by 8.
inline int64_t paddedColumns(int64_t columns) { return (columns + 7) / 8 * 8; }

/// Only letters, digits and underscores.
std::string identifier(mlir::StringRef name);

/// A literal of f32 or integer type that C++ reads as the same value.
std::string literal(mlir::Attribute value);

/// Values that have a text: a variable, or an expression that is written where it is used.
class ScalarText {
public:
  void name(mlir::Value value, std::string text) { texts[value] = std::move(text); }
  /// The value as an operand: a name, a literal or a parenthesised expression.
  std::string operator()(mlir::Value value) const;
  /// The value as a whole expression: without the outer parentheses.
  std::string whole(mlir::Value value) const;

  /// The right-hand side of an arith or math operation.
  std::string expression(mlir::Operation& op) const;
  /// Whether an integer may be anything: what comes from a parameter or a tensor of the user, or a product of
  /// sizes. Sums of such values wrap; those of positions and sizes, which are below 2^30, stay in 64 bits.
  bool isUnbounded(mlir::Value value) const;
  /// Whether the operation reads well inside of its only use.
  static bool isInlined(mlir::Operation& op, const std::string& expression);

private:
  bool findUnbounded(mlir::Value value) const;

  llvm::DenseMap<mlir::Value, std::string> texts;
  mutable llvm::DenseMap<mlir::Value, bool> unbounded; ///< found so far
};

} // namespace attile::cuda

#endif
