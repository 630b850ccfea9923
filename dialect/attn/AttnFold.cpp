//===- AttnFold.cpp - folds and canonical forms of the attn dialect --------===//

#include "dialect/attn/Attn.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attile::attn;

int64_t attile::attn::floorDiv(int64_t lhs, int64_t rhs) {
  if (rhs == 0)
    return 0;
  if (rhs == -1) // INT64_MIN / -1 wraps, as the kernel's two's complement arithmetic does
    return static_cast<int64_t>(0 - static_cast<uint64_t>(lhs));
  int64_t quotient = lhs / rhs;
  return (lhs % rhs != 0 && (lhs < 0) != (rhs < 0)) ? quotient - 1 : quotient;
}

int64_t attile::attn::floorMod(int64_t lhs, int64_t rhs) {
  if (rhs == 0 || rhs == -1)
    return 0;
  int64_t remainder = lhs % rhs;
  return (remainder != 0 && (remainder < 0) != (rhs < 0)) ? remainder + rhs : remainder;
}

static IntegerAttr integer(Attribute attribute) { return dyn_cast_or_null<IntegerAttr>(attribute); }

OpFoldResult FloorDivOp::fold(FoldAdaptor adaptor) {
  IntegerAttr lhs = integer(adaptor.getLhs()), rhs = integer(adaptor.getRhs());
  if (rhs && rhs.getInt() == 1)
    return getLhs();
  if (lhs && lhs.getInt() == 0)
    return lhs;
  if (lhs && rhs)
    return IntegerAttr::get(getType(), floorDiv(lhs.getInt(), rhs.getInt()));
  return {};
}

OpFoldResult FloorModOp::fold(FoldAdaptor adaptor) {
  IntegerAttr lhs = integer(adaptor.getLhs()), rhs = integer(adaptor.getRhs());
  if (rhs && (rhs.getInt() == 1 || rhs.getInt() == -1))
    return IntegerAttr::get(getType(), 0);
  if (lhs && lhs.getInt() == 0)
    return lhs;
  if (lhs && rhs)
    return IntegerAttr::get(getType(), floorMod(lhs.getInt(), rhs.getInt()));
  return {};
}

// ---- regions that do nothing ----------------------------------------------------------------------

/// The region is one attn.yield of its first argument alone.
static bool isIdentity(Region& region) {
  auto yield = dyn_cast<YieldOp>(region.front().front());
  return yield && yield.getNumOperands() == 1 && yield.getOperand(0) == region.getArgument(0);
}

OpFoldResult ModifyOp::fold(FoldAdaptor) {
  return getScores().size() == 1 && isIdentity(getBody()) && getScores()[0].getType() == getType()
             ? OpFoldResult(getScores()[0])
             : OpFoldResult();
}

OpFoldResult TransformOp::fold(FoldAdaptor) {
  return isIdentity(getBody()) && getInput().getType() == getType() ? OpFoldResult(getInput())
                                                                    : OpFoldResult();
}

/// The region yields the constant true.
static bool seesEverything(Region& region) {
  auto yield = dyn_cast<YieldOp>(region.front().back());
  return yield && yield.getNumOperands() == 1 && matchPattern(yield.getOperand(0), m_One());
}

// A mask that hides nothing, or is listed twice, need not be asked.
LogicalResult ReduceOp::canonicalize(ReduceOp op, PatternRewriter& rewriter) {
  llvm::SmallSetVector<Value, 4> kept;
  for (Value visible : op.getWhere()) {
    auto mask = visible.getDefiningOp<MaskOp>();
    if (!mask || !seesEverything(mask.getBody()))
      kept.insert(visible);
  }
  if (kept.size() == op.getWhere().size())
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getWhereMutable().assign(kept.getArrayRef()); });
  return success();
}

LogicalResult FoldOp::canonicalize(FoldOp op, PatternRewriter& rewriter) {
  if (op.getMask().empty() || !seesEverything(op.getMask()))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { rewriter.eraseBlock(&op.getMask().front()); });
  return success();
}
