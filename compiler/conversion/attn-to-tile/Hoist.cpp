//===- Hoist.cpp - loop-invariant scalar code ---------------------------------===//

#include "compiler/conversion/attn-to-tile/Hoist.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;
using namespace attile;

static bool movable(Operation* op) {
  return op->getNumRegions() == 0 && op->getNumResults() != 0 && !isa<tile::IndexOp, tile::SliceOp>(op) &&
         (isMemoryEffectFree(op) || isa<tile::LookupOp>(op));
}

/// Operations inside come first, so that code rises through several levels in one walk.
static void raise(tile::KernelOp kernel) {
  kernel.walk([](Operation* structured) {
    if (!isa<tile::GenericOp, tile::VisitOp, scf::ForOp, scf::IfOp>(structured))
      return;
    for (Region& region : structured->getRegions())
      for (Block& block : region)
        for (Operation& op : llvm::make_early_inc_range(block))
          if (movable(&op) && llvm::all_of(op.getOperands(), [&](Value operand) {
                return !structured->isProperAncestor(operand.getParentRegion()->getParentOp()) &&
                       operand.getParentRegion()->getParentOp() != structured;
              }))
            op.moveBefore(structured);
  });
}

static void eraseDead(tile::KernelOp kernel) {
  SmallVector<Operation*> inside;
  kernel.getBody().walk([&](Operation* op) { inside.push_back(op); });
  for (Operation* op : llvm::reverse(inside))
    if (op->use_empty() && op->getNumRegions() == 0 &&
        (isOpTriviallyDead(op) || isa<tile::LookupOp, tile::AllocOp>(op)))
      op->erase();
}

void attile::attn_to_tile::hoistInvariants(tile::KernelOp kernel) {
  raise(kernel);
  IRRewriter rewriter(kernel.getContext());
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  eraseDead(kernel);
}
