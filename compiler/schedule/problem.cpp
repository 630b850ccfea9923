#include "compiler/schedule/problem.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>

namespace attile::schedule {

/// Counts the operations of a region that is evaluated for each score.
static void count(mlir::Region& region, Problem& problem) {
  region.walk([&](mlir::Operation* op) {
    if (llvm::isa_and_nonnull<mlir::math::MathDialect>(op->getDialect()))
      ++problem.special_per_score;
    else if (llvm::isa_and_nonnull<mlir::arith::ArithDialect>(op->getDialect()) &&
             !op->hasTrait<mlir::OpTrait::ConstantLike>())
      ++problem.plain_per_score;
  });
}

/// Counts a region's elements of tensors and integer quotients; those of a row alone, which do not depend on
/// the last argument, the key, for half. Returns the number of operations for each key.
static double countFetched(mlir::Region& region, Problem& problem) {
  if (region.empty())
    return 0;
  double operations = 0;
  llvm::DenseSet<mlir::Value> ofKey{region.front().getArguments().back()};
  region.walk([&](mlir::Operation* op) {
    bool each = llvm::any_of(op->getOperands(), [&](mlir::Value operand) { return ofKey.contains(operand); });
    if (each)
      ofKey.insert(op->result_begin(), op->result_end());
    operations += each && op->getNumResults() > 0;
    if (llvm::isa<attn::LookupOp>(op))
      problem.fetched_per_score += each ? 1.125 : 0.5;
    if (llvm::isa<attn::FloorDivOp, attn::FloorModOp, mlir::arith::DivSIOp, mlir::arith::RemSIOp>(op))
      problem.fetched_per_score += each ? 1.5 : 0.5; // with what follows: remainders, cases of the divisor
  });
  return operations;
}

Problem problemOf(attn::FoldOp fold) {
  auto dim = [](mlir::Value operand) {
    return llvm::cast<mlir::RankedTensorType>(operand.getType()).getDimSize(3);
  };
  mlir::Type element =
      llvm::cast<mlir::RankedTensorType>(fold.getQueries().front().getType()).getElementType();
  Problem problem{.head_dim = dim(fold.getQueries().front()),
                  .element_bytes = element.getIntOrFloatBitWidth() / 8,
                  .bf16 = element.isBF16(),
                  .special_per_score = 0,
                  .plain_per_score = 0,
                  .masked = !fold.getMask().empty() || fold.getTable(),
                  .query_block = static_cast<std::int64_t>(fold.getQBlock().value_or(0)),
                  .key_block = static_cast<std::int64_t>(fold.getKBlock().value_or(0))};
  problem.head_dim_v = fold.getValues().empty() ? 0 : dim(fold.getValues().front());
  count(fold.getScore(), problem);
  countFetched(fold.getScore(), problem);
  problem.mask_per_score = countFetched(fold.getMask(), problem);
  for (auto map : fold.getStep().getOps<attn::MapOp>()) {
    bool perScore = llvm::any_of(map.getInputs(), [&](mlir::Value input) {
      return llvm::cast<mlir::RankedTensorType>(input.getType()).getRank() == 2;
    });
    if (perScore && !map.getResult().getUsers().empty())
      count(map.getBody(), problem);
  }
  for (auto reduce : fold.getStep().getOps<attn::RowReduceOp>())
    count(reduce.getCombiner(), problem);
  return problem;
}

} // namespace attile::schedule
