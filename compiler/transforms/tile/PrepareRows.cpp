//===- PrepareRows.cpp - what a row's elements have in common is computed once ---------------===//
#include "compiler/transforms/tile/PrepareRows.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

/// Whether a value is what a generic with columns reads of a buffer of this rank.
bool isElementOf(Value value, int64_t rank) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto generic = argument ? dyn_cast<tile::GenericOp>(argument.getOwner()->getParentOp()) : tile::GenericOp();
  if (!generic || !generic.getCols() || !value.getType().isF32())
    return false;
  Value input = generic.getInputs()[argument.getArgNumber()];
  return cast<tile::BufferType>(input.getType()).getRank() == rank;
}

/// Whether a value is the same for all columns of a row: computed from the row's own values and from scalars.
bool isOfRow(Value value, tile::GenericOp generic) {
  if (!generic.getBody().isAncestor(value.getParentRegion()))
    return true;
  Operation* op = value.getDefiningOp();
  if (!op)
    return isElementOf(value, 1);
  return op->getNumRegions() == 0 && !isa<tile::IndexOp, tile::LookupOp>(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return isOfRow(operand, generic); });
}

Value number(OpBuilder& b, Location loc, float value) {
  return arith::ConstantFloatOp::create(b, loc, b.getF32Type(), APFloat(value));
}

void rewrite(math::ExpOp exp) {
  auto distance = exp.getOperand().getDefiningOp<arith::SubFOp>();
  if (!distance || !isElementOf(distance.getLhs(), 2) || !isElementOf(distance.getRhs(), 1))
    return;
  OpBuilder b(exp);
  Location loc = exp.getLoc();
  Value log2e = number(b, loc, 0x1.715476p+0F);
  Value scaled = arith::MulFOp::create(b, loc, distance.getRhs(), log2e);
  Value power = math::FmaOp::create(b, loc, distance.getLhs(), log2e, arith::NegFOp::create(b, loc, scaled));
  exp.replaceAllUsesWith(math::Exp2Op::create(b, loc, power).getResult());
  exp.erase();
  if (distance->use_empty())
    distance.erase();
}

void rewrite(arith::DivFOp quotient) {
  if (!isElementOf(quotient.getLhs(), 2) ||
      !isOfRow(quotient.getRhs(), cast<tile::GenericOp>(quotient->getParentOp())))
    return;
  OpBuilder b(quotient);
  Location loc = quotient.getLoc();
  Value inverse = arith::DivFOp::create(b, loc, number(b, loc, 1), quotient.getRhs());
  quotient.replaceAllUsesWith(arith::MulFOp::create(b, loc, quotient.getLhs(), inverse).getResult());
  quotient.erase();
}

struct PrepareRowsPass : PassWrapper<PrepareRowsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrepareRowsPass)
  StringRef getArgument() const override { return "prepare-rows"; }
  StringRef getDescription() const override {
    return "what a row's elements have in common is computed once";
  }
  void runOnOperation() override { prepareRows(getOperation()); }
};

} // namespace

void prepareRows(ModuleOp module) {
  module.walk([](math::ExpOp exp) { rewrite(exp); });
  module.walk([](arith::DivFOp quotient) { rewrite(quotient); });
}

void registerPrepareRowsPass() { PassRegistration<PrepareRowsPass>(); }

} // namespace attile
