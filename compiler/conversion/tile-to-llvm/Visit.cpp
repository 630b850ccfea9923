//===- Visit.cpp - which tiles of keys a block walks ----------------------------------===//
//
// A loop over tiles that, before it looks at one tile, asks whether an aligned run of 16, 256 or 4096 tiles
// is empty, so that finding the tiles of a sparse mask costs a logarithm of the keys it skips.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

using namespace mlir;

namespace attile {
namespace {

constexpr int64_t kRunsOfTiles[] = {256, 16};

struct VisitLowering {
  KernelLowering& k;
  tile::VisitOp op;
  bool ok = true;

  /// (any, all) for the keys [k0, k1).
  std::pair<Value, Value> classify(Value k0, Value k1) {
    Block& block = op.getClassify().front();
    k.scalars.map(block.getArgument(0), k0);
    k.scalars.map(block.getArgument(1), k1);
    for (Operation& nested : block.without_terminator())
      if (failed(k.lowerOne(&nested)))
        ok = false;
    auto yield = cast<tile::YieldOp>(block.getTerminator());
    return {k.scalar(yield.getValues()[0]), k.scalar(yield.getValues()[1])};
  }

  /// any is the constant true: nothing is ever skipped.
  bool neverEmpty() {
    auto yield = cast<tile::YieldOp>(op.getClassify().front().getTerminator());
    return matchPattern(yield.getValues()[0], m_One());
  }

  /// Handles the tile at k0 and returns where the next one begins.
  Value tile(Value k0, Value hi) {
    int64_t size = op.getTile();
    // Tiles lie on multiples of `size`; the first may begin inside one.
    Value end = k.mul(k.add(arith::DivUIOp::create(k.b, k.loc, k0, k.constant(size)), 1), size);
    Value k1 = k.min(end, hi);
    auto [any, all] = classify(k0, k1);
    auto body = [&] {
      Block& block = op.getBody().front();
      k.scalars.map(block.getArgument(0), k0);
      k.scalars.map(block.getArgument(1), arith::SubIOp::create(k.b, k.loc, k1, k0));
      k.scalars.map(block.getArgument(2), all);
      for (Operation& nested : block.without_terminator())
        if (failed(k.lowerOne(&nested)))
          ok = false;
    };
    if (neverEmpty())
      body();
    else
      k.when(any, body);
    return k1;
  }

  /// Skips the run of `runs.front()` tiles at k0 if it is empty, else goes on with shorter runs.
  Value skip(ArrayRef<int64_t> runs, Value k0, Value hi) {
    if (runs.empty())
      return tile(k0, hi);
    Value span = k.constant(runs.front() * int64_t(op.getTile()));
    Value aligned =
        arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq,
                              arith::RemUIOp::create(k.b, k.loc, k0, span), k.constant(int64_t(0)));
    Value k1 = k.min(k.add(k0, span), hi);
    Type i1 = k.b.getI1Type(), i64 = k.b.getI64Type();
    auto ask = scf::IfOp::create(k.b, k.loc, TypeRange{i1}, aligned, /*withElse=*/true);
    {
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPointToStart(&ask.getThenRegion().front());
      scf::YieldOp::create(k.b, k.loc, classify(k0, k1).first);
      k.b.setInsertionPointToStart(&ask.getElseRegion().front());
      scf::YieldOp::create(k.b, k.loc, Value(arith::ConstantIntOp::create(k.b, k.loc, 1, 1)));
    }
    auto go = scf::IfOp::create(k.b, k.loc, TypeRange{i64}, ask.getResult(0), /*withElse=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(&go.getThenRegion().front());
    scf::YieldOp::create(k.b, k.loc, skip(runs.drop_front(), k0, hi));
    k.b.setInsertionPointToStart(&go.getElseRegion().front());
    scf::YieldOp::create(k.b, k.loc, k1);
    return go.getResult(0);
  }

  LogicalResult run() {
    Value lo = k.scalar(op.getLo()), hi = k.scalar(op.getHi());
    auto loop = scf::WhileOp::create(k.b, k.loc, TypeRange{k.b.getI64Type()}, ValueRange{lo});
    OpBuilder::InsertionGuard guard(k.b);
    Block* before = k.b.createBlock(&loop.getBefore(), {}, {k.b.getI64Type()}, {k.loc});
    Value more = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, before->getArgument(0), hi);
    scf::ConditionOp::create(k.b, k.loc, more, before->getArguments());
    Block* after = k.b.createBlock(&loop.getAfter(), {}, {k.b.getI64Type()}, {k.loc});
    ArrayRef<int64_t> runs = neverEmpty() ? ArrayRef<int64_t>{} : ArrayRef<int64_t>(kRunsOfTiles);
    Value next = skip(runs, after->getArgument(0), hi);
    scf::YieldOp::create(k.b, k.loc, next);
    return success(ok);
  }
};

} // namespace

LogicalResult lowerVisit(KernelLowering& k, tile::VisitOp op) { return VisitLowering{k, op}.run(); }

} // namespace attile
