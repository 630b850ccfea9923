//===- FuseFold.cpp - from the naive chain to the online form ---------------===//

#include "compiler/transforms/attn/Passes.h"
#include "compiler/transforms/fold/Expression.h"
#include "compiler/transforms/fold/Step.h"

#include "llvm/ADT/SetVector.h"

namespace attile {
#define GEN_PASS_DEF_FUSEFOLD
#include "compiler/transforms/attn/Passes.h.inc"
} // namespace attile

using namespace mlir;
using namespace attile;

namespace {
/// One attn.reduce and what feeds it.
class Fusion {
public:
  explicit Fusion(attn::ReduceOp reduce) : reduce(reduce), loc(reduce.getLoc()), builder(reduce) {}

  LogicalResult run(SymbolTableCollection& symbols);

private:
  LogicalResult collectStreams(Value score);
  LogicalResult collectMasks();
  Value scoreElement(Value score, ValueRange arguments, DenseMap<Value, Value>& known);
  void writeScore(attn::FoldOp fold);
  void writeMask(attn::FoldOp fold);
  void copyRegion(Region& from, Region& to);
  void eraseChain();

  attn::ReduceOp reduce;
  Location loc;
  OpBuilder builder;
  SmallVector<attn::ScoresOp> streams;
  SmallVector<attn::MaskOp> masks;
  attn::BlockTableOp table;
};
} // namespace

LogicalResult Fusion::collectStreams(Value score) {
  Operation* op = score.getDefiningOp();
  if (auto scores = dyn_cast_or_null<attn::ScoresOp>(op)) {
    if (!llvm::is_contained(streams, scores))
      streams.push_back(scores);
    return success();
  }
  if (auto modify = dyn_cast_or_null<attn::ModifyOp>(op)) {
    for (Value input : modify.getScores())
      if (failed(collectStreams(input)))
        return failure();
    return success();
  }
  InFlightDiagnostic diagnostic = reduce.emitError("scores do not come from attn.scores through attn.modify");
  diagnostic.attachNote(score.getLoc()) << "they come from here";
  return diagnostic;
}

LogicalResult Fusion::collectMasks() {
  for (Value visible : reduce.getWhere()) {
    Operation* op = visible.getDefiningOp();
    if (auto mask = dyn_cast_or_null<attn::MaskOp>(op)) {
      masks.push_back(mask);
      continue;
    }
    auto blocks = dyn_cast_or_null<attn::BlockTableOp>(op);
    if (!blocks) {
      InFlightDiagnostic diagnostic =
          reduce.emitError("visibility does not come from attn.mask or attn.block_table");
      diagnostic.attachNote(visible.getLoc()) << "it comes from here";
      return diagnostic;
    }
    if (table) {
      InFlightDiagnostic diagnostic = emitError(
          blocks.getLoc(),
          "a second block table; one drives the loop over keys, so intersect the two before the launch");
      diagnostic.attachNote(table.getLoc()) << "the first is here";
      return diagnostic;
    }
    table = blocks;
  }
  return success();
}

/// The score of one (b, h, kv_h, q, k): `arguments` are the streams' dot products, then the indices.
Value Fusion::scoreElement(Value score, ValueRange arguments, DenseMap<Value, Value>& known) {
  if (Value value = known.lookup(score))
    return value;
  Value result;
  if (auto scores = score.getDefiningOp<attn::ScoresOp>()) {
    result = arguments[llvm::find(streams, scores) - streams.begin()];
  } else {
    auto modify = score.getDefiningOp<attn::ModifyOp>();
    SmallVector<Value> inputs;
    for (Value input : modify.getScores())
      inputs.push_back(scoreElement(input, arguments, known));
    llvm::append_range(inputs, arguments.drop_front(streams.size()));
    result = fold::inlineRegion(builder, modify.getBody(), inputs).front();
  }
  known[score] = result;
  return result;
}

void Fusion::writeScore(attn::FoldOp fold) {
  Block* block = builder.createBlock(&fold.getScore());
  for (size_t i = 0; i != streams.size(); ++i)
    block->addArgument(builder.getF32Type(), loc);
  for (int i = 0; i != 5; ++i)
    block->addArgument(builder.getI64Type(), loc);
  SmallVector<Value> arguments(block->getArguments()), results;
  DenseMap<Value, Value> known;
  for (Value score : reduce.getScores())
    results.push_back(scoreElement(score, arguments, known));
  attn::YieldOp::create(builder, loc, results);
}

void Fusion::writeMask(attn::FoldOp fold) {
  if (masks.empty())
    return;
  Block* block = builder.createBlock(&fold.getMask());
  for (int i = 0; i != 5; ++i)
    block->addArgument(builder.getI64Type(), loc);
  SmallVector<Value> arguments(block->getArguments());
  Value visible;
  for (attn::MaskOp mask : masks) {
    Value one = fold::inlineRegion(builder, mask.getBody(), arguments).front();
    visible = visible ? builder.createOrFold<arith::AndIOp>(mask.getLoc(), visible, one) : one;
  }
  attn::YieldOp::create(builder, loc, visible);
}

void Fusion::copyRegion(Region& from, Region& to) {
  if (from.empty())
    return;
  IRMapping mapping;
  from.cloneInto(&to, mapping);
}

/// Compositions leave parts behind that nothing reads.
static void eraseDead(Operation* fold) {
  SmallVector<Operation*> inside;
  fold->walk([&](Operation* op) {
    if (op != fold)
      inside.push_back(op);
  });
  for (Operation* op : llvm::reverse(inside)) // users come after what they use
    if (isOpTriviallyDead(op))
      op->erase();
}

/// Removes what only the reduce has read.
void Fusion::eraseChain() {
  llvm::SetVector<Operation*> chain;
  chain.insert(reduce);
  for (size_t i = 0; i != chain.size(); ++i)
    for (Value operand : chain[i]->getOperands())
      if (Operation* op = operand.getDefiningOp();
          isa_and_nonnull<attn::ModifyOp, attn::ScoresOp, attn::MaskOp, attn::BlockTableOp>(op))
        chain.insert(op);
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation* op : llvm::to_vector(chain))
      if (op->use_empty()) {
        chain.remove(op);
        op->erase();
        changed = true;
      }
  }
}

LogicalResult Fusion::run(SymbolTableCollection& symbols) {
  for (Value score : reduce.getScores())
    if (failed(collectStreams(score)))
      return failure();
  if (failed(collectMasks()))
    return failure();
  auto monoid = symbols.lookupNearestSymbolFrom<attn::MonoidOp>(reduce, reduce.getMonoidAttr());
  FailureOr<fold::LinearMonoid> form = fold::LinearMonoid::derive(monoid, reduce.getScores().size(), reduce);
  if (failed(form))
    return failure();

  SmallVector<Value> queries =
      llvm::map_to_vector(streams, [](attn::ScoresOp op) -> Value { return op.getQuery(); });
  SmallVector<Value> keys =
      llvm::map_to_vector(streams, [](attn::ScoresOp op) -> Value { return op.getKey(); });
  auto fold = attn::FoldOp::create(builder, loc, reduce.getResultTypes(), reduce.getMonoidAttr(), queries,
                                   keys, reduce.getValues(), table ? table.getTable() : Value(),
                                   table ? table.getQBlockAttr() : IntegerAttr(),
                                   table ? table.getKBlockAttr() : IntegerAttr(), reduce.getOutputs());
  writeScore(fold);
  writeMask(fold);
  if (table)
    copyRegion(table.getIndices(), fold.getBlocks());
  copyRegion(reduce.getSink(), fold.getSink());
  fold::StepShape shape{static_cast<unsigned>(reduce.getScores().size()),
                        static_cast<unsigned>(reduce.getValues().size()), !reduce.getWhere().empty()};
  fold::buildStep(builder, loc, fold.getStep(), monoid, *form, shape);
  eraseDead(fold);
  reduce.replaceAllUsesWith(fold.getResults());
  eraseChain();
  return success();
}

namespace {
struct FuseFold : attile::impl::FuseFoldBase<FuseFold> {
  void runOnOperation() override {
    SymbolTableCollection symbols;
    SmallVector<attn::ReduceOp> reduces;
    getOperation().walk([&](attn::ReduceOp reduce) { reduces.push_back(reduce); });
    for (attn::ReduceOp reduce : reduces)
      if (failed(Fusion(reduce).run(symbols)))
        return signalPassFailure();
  }
};
} // namespace
