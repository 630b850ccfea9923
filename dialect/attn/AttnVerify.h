//===- AttnVerify.h - what the verifiers of the attn dialect share --------===//
#ifndef ATTILE_DIALECT_ATTN_ATTNVERIFY_H
#define ATTILE_DIALECT_ATTN_ATTNVERIFY_H

#include "dialect/Regions.h"
#include "dialect/attn/Attn.h"

namespace attile::attn {

/// `count` times i64: the indices of a region, b, h, kv_h, q, k or a prefix of them.
inline mlir::SmallVector<mlir::Type> indices(mlir::Operation* op, unsigned count,
                                             mlir::SmallVector<mlir::Type> before = {}) {
  before.append(count, mlir::IntegerType::get(op->getContext(), 64));
  return before;
}

/// `count` times f32: scores, values, elements.
inline mlir::SmallVector<mlir::Type> floats(mlir::Operation* op, unsigned count) {
  return mlir::SmallVector<mlir::Type>(count, mlir::Float32Type::get(op->getContext()));
}

inline mlir::RankedTensorType dynamicTensor(mlir::Operation* op, unsigned rank, mlir::Type element) {
  return mlir::RankedTensorType::get(mlir::SmallVector<int64_t>(rank, mlir::ShapedType::kDynamic), element);
}

inline mlir::RankedTensorType dynamicF32(mlir::Operation* op, unsigned rank) {
  return dynamicTensor(op, rank, mlir::Float32Type::get(op->getContext()));
}

/// The type of a field in the regions of a monoid.
inline mlir::Type fieldType(mlir::Operation* op, FieldKind kind) {
  if (kind == FieldKind::DkDv || kind == FieldKind::DkDk)
    return dynamicF32(op, 2);
  return mlir::Float32Type::get(op->getContext());
}

inline mlir::SmallVector<mlir::Type> fieldTypes(MonoidOp monoid) {
  mlir::SmallVector<mlir::Type> types;
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    types.push_back(fieldType(monoid, monoid.field(i).getKind()));
  return types;
}

/// Positive block sizes: (block_table_c1).
inline mlir::LogicalResult verifyBlockSize(mlir::Operation* op, mlir::StringRef name, int64_t size) {
  if (size > 0)
    return mlir::success();
  return op->emitOpError() << name << " is " << size << ", expected a positive number";
}

/// Leading indices of a block table: (block_table_c2).
inline mlir::LogicalResult verifyTableIndices(mlir::Operation* op, mlir::Region& region, mlir::StringRef name,
                                              mlir::Type table) {
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(table);
  if (!type || type.getRank() < 1)
    return op->emitOpError() << "table has type " << table
                             << ", expected a ranked tensor with a dimension of slots";
  return verifySignature<YieldOp>(op, region, name, indices(op, 4), indices(op, type.getRank() - 1));
}

} // namespace attile::attn

#endif // ATTILE_DIALECT_ATTN_ATTNVERIFY_H
