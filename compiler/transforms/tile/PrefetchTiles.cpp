//===- PrefetchTiles.cpp - the next tile's first copy starts before this one is done ------===//
#include "compiler/transforms/tile/PrefetchTiles.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace attile {
namespace {

/// The parts of a loop over tiles.
struct TileLoop {
  scf::ForOp loop;
  scf::IfOp visit; ///< the loop's last operation
  tile::CopyAsyncOp copy;
  tile::WaitOp wait, second; ///< for that copy alone; and the next one of the tile
  Operation* slice = nullptr;

  static std::optional<TileLoop> match(scf::ForOp loop) {
    Block* body = loop.getBody();
    auto visit = dyn_cast_or_null<scf::IfOp>(body->getTerminator()->getPrevNode());
    if (loop.getNumResults() > 0 || !visit || visit.getNumResults() > 0 || visit.elseBlock())
      return std::nullopt;
    TileLoop parts{loop, visit, {}, {}, {}};
    for (Operation& op : *visit.thenBlock()) {
      if (auto copy = dyn_cast<tile::CopyAsyncOp>(op); copy && !parts.copy)
        parts.copy = copy;
      if (auto wait = dyn_cast<tile::WaitOp>(op)) {
        if (parts.wait && !parts.second)
          parts.second = wait;
        if (!parts.wait)
          parts.wait = wait;
      }
    }
    if (!parts.second || !parts.copy || parts.wait.getTokens() != ValueRange(parts.copy.getToken()))
      return std::nullopt;
    parts.slice = parts.copy.getSource().getDefiningOp();
    bool pure = llvm::all_of(body->without_terminator(), [&](Operation& op) {
      return &op == visit || (op.getNumRegions() == 0 && !isa<tile::CopyOp, tile::FillOp>(op));
    });
    bool sliced = isa_and_nonnull<tile::SliceOp>(parts.slice) && parts.slice->getBlock() == visit.thenBlock();
    bool synchronised = isa_and_nonnull<tile::SyncOp>(parts.second->getNextNode());
    return pure && sliced && synchronised ? std::optional(parts) : std::nullopt;
  }

  /// What the visit uses of the head, its condition first.
  SmallVector<Value> headValues() {
    llvm::SetVector<Value> values;
    values.insert(visit.getCondition());
    visit->walk([&](Operation* op) {
      for (Value operand : op->getOperands())
        if (operand.getParentBlock() == loop.getBody() && operand != visit.getCondition())
          values.insert(operand);
    });
    return values.takeVector();
  }
};

class Prefetch {
public:
  explicit Prefetch(TileLoop parts)
      : parts(parts), old(parts.loop), loc(old.getLoc()), values(parts.headValues()) {}

  void run() {
    OpBuilder b(old);
    Value some =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, old.getLowerBound(), old.getUpperBound());
    auto around = scf::IfOp::create(b, loc, some, /*withElseRegion=*/false);
    b.setInsertionPoint(around.thenYield());
    SmallVector<Value> first = head(b, old.getLowerBound());
    start(b, first);
    if (!readsTensors())
      first.clear(); // made anew in each iteration, which costs less than registers
    auto loop = scf::ForOp::create(b, loc, old.getLowerBound(), old.getUpperBound(), old.getStep(), first);
    fill(loop);
    old.erase();
  }

private:
  bool readsTensors() { return llvm::any_of(*old.getBody(), llvm::IsaPred<tile::LookupOp, tile::RangeOfOp>); }

  /// The head's values for the tile at `at`.
  SmallVector<Value> head(OpBuilder& b, Value at) {
    IRMapping map;
    map.map(old.getInductionVar(), at);
    for (Operation& op : old.getBody()->without_terminator())
      if (&op != parts.visit)
        b.clone(op, map);
    SmallVector<Value> result;
    for (Value value : values)
      result.push_back(map.lookupOrDefault(value));
    return result;
  }

  /// Starts the first copy of the tile with these values, if it is visited.
  void start(OpBuilder& b, ValueRange of) {
    auto branch = scf::IfOp::create(b, loc, of[0], /*withElseRegion=*/false);
    OpBuilder inside(branch.thenYield());
    IRMapping map;
    map.map(values, of);
    inside.clone(*parts.slice, map);
    inside.clone(*parts.copy, map);
  }

  /// The head of the tile after the one at the loop's index, with the condition that there is one.
  SmallVector<Value> nextHead(OpBuilder& b, scf::ForOp loop) {
    Value after = arith::AddIOp::create(b, loc, loop.getInductionVar(), loop.getStep());
    Value more = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, after, loop.getUpperBound());
    // After the last tile that one again: its head reads nothing that is not there.
    Value at = arith::SelectOp::create(b, loc, more, after, loop.getInductionVar());
    SmallVector<Value> next = head(b, at);
    next[0] = arith::AndIOp::create(b, loc, more, next[0]);
    return next;
  }

  void fill(scf::ForOp loop) {
    OpBuilder b = OpBuilder::atBlockBegin(loop.getBody());
    SmallVector<Value> now(loop.getRegionIterArgs()), next;
    bool carried = !now.empty();
    if (carried)
      next = nextHead(b, loop);
    else
      now = head(b, loop.getInductionVar());
    auto branch = scf::IfOp::create(b, loc, now[0], /*withElseRegion=*/true);
    for (Operation& op : llvm::make_early_inc_range(parts.visit.thenBlock()->without_terminator()))
      op.moveBefore(branch.thenYield());
    OpBuilder inside(parts.second->getNextNode()->getNextNode());
    start(inside, carried ? next : nextHead(inside, loop));
    OpBuilder otherwise(branch.elseYield());
    start(otherwise, carried ? next : nextHead(otherwise, loop));
    for (auto [value, current] : llvm::zip(values, now))
      value.replaceUsesWithIf(current,
                              [&](OpOperand& use) { return branch->isProperAncestor(use.getOwner()); });
    parts.wait.getTokensMutable().clear();
    parts.copy.erase();
    if (parts.slice->use_empty())
      parts.slice->erase();
    if (carried)
      scf::YieldOp::create(b, loc, next);
  }

  TileLoop parts;
  scf::ForOp old;
  Location loc;
  SmallVector<Value> values;
};

struct PrefetchTilesPass : PassWrapper<PrefetchTilesPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrefetchTilesPass)
  StringRef getArgument() const override { return "prefetch-tiles"; }
  StringRef getDescription() const override {
    return "the next tile's first copy starts before this one is done";
  }
  void runOnOperation() override { prefetchTiles(getOperation()); }
};

} // namespace

void prefetchTiles(ModuleOp module) {
  SmallVector<TileLoop> loops;
  module.walk([&](scf::ForOp loop) {
    if (std::optional<TileLoop> parts = TileLoop::match(loop))
      loops.push_back(*parts);
  });
  for (const TileLoop& parts : loops)
    Prefetch(parts).run();
}

void registerPrefetchTilesPass() { PassRegistration<PrefetchTilesPass>(); }

} // namespace attile
