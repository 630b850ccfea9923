//===- TileFold.cpp - folds and canonical forms of the tile dialect --------===//

#include "dialect/tile/Tile.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace attile::tile;

// A window at the origin with the source's own static shape is the source.
OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool whole = getType() == getSource().getType() && getSizes().empty() &&
               llvm::all_of(getOffsets(), [](Value offset) { return matchPattern(offset, m_Zero()); });
  return whole ? OpFoldResult(getSource()) : OpFoldResult();
}

LogicalResult CopyOp::canonicalize(CopyOp op, PatternRewriter& rewriter) {
  if (op.getDest() != op.getSource())
    return failure();
  rewriter.eraseOp(op);
  return success();
}

// A condition that is known: launch always, or never.
LogicalResult LaunchOp::canonicalize(LaunchOp op, PatternRewriter& rewriter) {
  if (!op.getWhen())
    return failure();
  if (matchPattern(op.getWhen(), m_Zero())) {
    rewriter.eraseOp(op);
    return success();
  }
  if (!matchPattern(op.getWhen(), m_One()))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getWhenMutable().clear(); });
  return success();
}
