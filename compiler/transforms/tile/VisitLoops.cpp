//===- VisitLoops.cpp - loops over the tiles of keys ----------------------------===//
#include "compiler/transforms/tile/VisitLoops.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

/// Moves the operations of a region before `at`, its arguments replaced; returns what it yields.
SmallVector<Value> inlineBefore(Operation* at, Region& region, ValueRange arguments) {
  Block& block = region.front();
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    argument.replaceAllUsesWith(value);
  Operation* end = block.getTerminator();
  SmallVector<Value> results(end->getOperands());
  for (Operation& op : llvm::make_early_inc_range(block.without_terminator()))
    op.moveBefore(at);
  return results;
}

/// Generics over a tile with all its keys, of which there are `keys`, need no comparison for each of them.
/// Where the code for tiles that are seen as a whole stands apart it is only for these; elsewhere a generic
/// is doubled.
void splitByWidth(scf::IfOp tile, Value n, Value whole, Value seenWhole, int64_t keys) {
  auto number = [&](Operation* before) -> Value {
    OpBuilder b(before);
    return arith::ConstantIntOp::create(b, before->getLoc(), keys, 64);
  };
  SmallVector<tile::GenericOp> cut;
  tile->walk<WalkOrder::PreOrder>([&](Operation* op) {
    if (auto branch = dyn_cast<scf::IfOp>(op); branch && branch.getCondition() == seenWhole) {
      Value all = number(branch);
      branch.getThenRegion().walk([&](Operation* inner) { inner->replaceUsesOfWith(n, all); });
      return WalkResult::skip();
    }
    if (auto generic = dyn_cast<tile::GenericOp>(op); generic && generic.getCols() == n)
      cut.push_back(generic);
    return WalkResult::advance();
  });
  for (tile::GenericOp generic : cut) {
    OpBuilder b(generic);
    auto branch = scf::IfOp::create(b, generic.getLoc(), whole, /*withElseRegion=*/true);
    generic->moveBefore(branch.elseYield());
    b.setInsertionPointToStart(branch.thenBlock());
    auto uncut = cast<tile::GenericOp>(b.clone(*generic));
    uncut.getColsMutable().assign(number(uncut));
  }
}

void lower(tile::VisitOp visit) {
  OpBuilder b(visit);
  Location loc = visit.getLoc();
  int64_t keys = visit.getTile();
  Value lo = visit.getLo(), hi = visit.getHi();
  Value step = arith::ConstantIntOp::create(b, loc, keys, 64);
  Value aligned = arith::MulIOp::create(b, loc, arith::DivSIOp::create(b, loc, lo, step), step);
  // The same where there is a tile at all; and no further than positions go.
  lo = arith::MinSIOp::create(b, loc, lo, hi);
  auto loop = scf::ForOp::create(b, loc, aligned, hi, step);
  Operation* end = loop.getBody()->getTerminator();
  b.setInsertionPoint(end);
  Value start = loop.getInductionVar();
  Value k0 = arith::MaxSIOp::create(b, loc, start, lo);
  Value k1 = arith::MinSIOp::create(b, loc, arith::AddIOp::create(b, loc, start, step), hi);
  SmallVector<Value> classes = inlineBefore(end, visit.getClassify(), {k0, k1});
  b.setInsertionPoint(end);
  Value n = arith::SubIOp::create(b, loc, k1, k0);
  Value whole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, n, step);
  auto branch = scf::IfOp::create(b, loc, classes[0], /*withElseRegion=*/false);
  OpBuilder inside(branch.thenYield());
  Value seenWhole = arith::AndIOp::create(inside, loc, classes[1], whole);
  inlineBefore(branch.thenYield(), visit.getBody(), {k0, n, seenWhole});
  splitByWidth(branch, n, whole, seenWhole, keys);
  visit.erase();
}

struct VisitLoopsPass : PassWrapper<VisitLoopsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VisitLoopsPass)
  StringRef getArgument() const override { return "lower-visits"; }
  StringRef getDescription() const override { return "loops over the tiles of keys"; }
  void runOnOperation() override {
    if (failed(lowerVisitsToLoops(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult lowerVisitsToLoops(ModuleOp module) {
  SmallVector<tile::VisitOp> visits;
  module.walk([&](tile::VisitOp visit) { visits.push_back(visit); });
  for (tile::VisitOp visit : visits)
    lower(visit);
  return success();
}

void registerVisitLoopsPass() { PassRegistration<VisitLoopsPass>(); }

} // namespace attile
