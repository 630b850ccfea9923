//===- OverlapProducts.cpp - scores of a tile while the one before meets its values --------===//
#include "compiler/transforms/tile/OverlapProducts.h"

#include "compiler/transforms/tile/Stages.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

using tile::BufferType;

/// The first operation of a kind before (after) another one in its block.
template <class Op> Op before(Operation* op) {
  while ((op = op->getPrevNode()))
    if (auto found = dyn_cast<Op>(op))
      return found;
  return {};
}
template <class Op> Op after(Operation* op) {
  while ((op = op->getNextNode()))
    if (auto found = dyn_cast<Op>(op))
      return found;
  return {};
}

/// What a body does with a tile of keys and values.
struct Body {
  tile::DotOp scores, sum;
  tile::CopyOp round;         ///< the weights to 16 bits
  scf::IfOp residual, low;    ///< what rounding leaves, and its product; perhaps null
  tile::BarrierWaitOp v_full; ///< before the sum
  tile::BarrierArriveOp v_empty;
  Value count;          ///< how often the body has run before
  Operation* nest;      ///< the loops around it, outermost
  tile::SliceOp values; ///< the stage that is multiplied
  int64_t stages;

  static std::optional<Body> match(Region& role) {
    Body body{};
    SmallVector<tile::DotOp> dots;
    role.walk([&](tile::DotOp dot) { dots.push_back(dot); });
    if (dots.size() < 2 || dots.size() > 3 || !dots[0].getTransposeB() || !dots[1].getAccumulate())
      return std::nullopt;
    body.scores = dots[0], body.sum = dots[1];
    Block* block = body.scores->getBlock();
    if (body.sum->getBlock() != block || (dots.size() == 3 && !body.matchResidual(dots[2])))
      return std::nullopt;
    for (Operation* user : body.sum.getLhs().getUsers())
      if (auto copy = dyn_cast<tile::CopyOp>(user); copy && copy->getBlock() == block)
        body.round = copy;
    body.v_full = before<tile::BarrierWaitOp>(body.sum);
    body.v_empty = after<tile::BarrierArriveOp>(body.sum);
    body.values = body.sum.getRhs().getDefiningOp<tile::SliceOp>();
    if (!body.round || !body.v_full || !body.v_empty || !body.values ||
        !body.round->isBeforeInBlock(body.v_full))
      return std::nullopt;
    body.count = StageAt::countOf(body.v_full.getStage());
    body.stages = body.v_full.getBarrier().getType().getStages();
    body.nest = role.front().findAncestorOpInBlock(*body.scores);
    return body.count && body.nest != body.scores ? std::optional(body) : std::nullopt;
  }

private:
  bool matchResidual(tile::DotOp dot) {
    low = dyn_cast<scf::IfOp>(dot->getParentOp());
    for (Operation* user : dot.getLhs().getUsers())
      if (isa<tile::ResidualOp>(user))
        residual = dyn_cast<scf::IfOp>(user->getParentOp());
    return low && residual && dot.getAcc() == sum.getAcc() && dot.getRhs() == sum.getRhs() &&
           low->getBlock() == sum->getBlock() && residual->getBlock() == sum->getBlock() &&
           low.getCondition() == residual.getCondition();
  }
};

class Overlap {
public:
  explicit Overlap(Body body) : body(body), loc(body.sum.getLoc()) {}

  void run() {
    startProducts();
    finishSum();
    addLast();
    body.scores.erase();
    body.sum.erase();
    body.v_empty.erase();
    body.v_full.erase();
  }

private:
  Value isPositive(OpBuilder& b, Value count) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, count, wholeNumber(b, loc, 0, 32));
  }

  /// Where the run before that with this count is.
  StageAt stageBefore(OpBuilder& b, Value count) {
    Value last = arith::SubIOp::create(b, loc, count, wholeNumber(b, loc, 1, 32));
    return {b, loc, last, body.stages};
  }

  Value valuesAt(OpBuilder& b, const StageAt& at) {
    tile::BarrierWaitOp::create(b, loc, body.v_full.getBarrier(), at.stage, at.parity);
    return tileOfStage(b, loc, body.values.getSource(), at.stage, body.values.getType());
  }

  void release(OpBuilder& b, const StageAt& at) {
    tile::BarrierArriveOp::create(b, loc, body.v_empty.getBarrier(), at.stage, Value());
  }

  /// Both products start: this tile's scores, and the sum that is due since the tile before.
  void startProducts() {
    OpBuilder b(body.scores);
    tile::DotAsyncOp::create(b, loc, Type(), body.scores.getAcc(), body.scores.getLhs(), body.scores.getRhs(),
                             false, true);
    auto due = scf::IfOp::create(b, loc, isPositive(b, body.count), /*withElseRegion=*/true);
    OpBuilder inside(due.thenYield()), otherwise(due.elseYield());
    Value values = valuesAt(inside, stageBefore(inside, body.count));
    tile::DotAsyncOp::create(inside, loc, Type(), body.sum.getAcc(), body.sum.getLhs(), values, true, false);
    for (OpBuilder* each : {&inside, &otherwise})
      tile::WaitOp::create(*each, loc, ValueRange(), body.scores.getAcc(), ValueRange());
  }

  /// The sum is complete once this tile's weights are there, and follows their gauge; then they take the
  /// place of the last tile's.
  void finishSum() {
    OpBuilder b(body.round);
    tile::WaitOp::create(b, loc, ValueRange(), body.sum.getAcc(), body.round.getSource());
    auto due = scf::IfOp::create(b, loc, isPositive(b, body.count), /*withElseRegion=*/false);
    OpBuilder inside(due.thenYield());
    release(inside, stageBefore(inside, body.count));
    if (body.sum.getRescale())
      rescale(b);
    if (body.low) // needs this tile's values already
      OpBuilder::atBlockBegin(body.low.thenBlock()).clone(*body.v_full);
  }

  void rescale(OpBuilder& b) {
    Value sum = body.sum.getAcc();
    ArrayRef<int64_t> shape = cast<BufferType>(sum.getType()).getShape();
    auto generic =
        tile::GenericOp::create(b, loc, shape[0], wholeNumber(b, loc, shape[1]), ValueRange(),
                                ValueRange{sum, body.sum.getRescale()}, sum, ValueRange(), nullptr);
    OpBuilder inside(b.getContext());
    Block* block = inside.createBlock(&generic.getBody(), {}, {b.getF32Type(), b.getF32Type()}, {loc, loc});
    Value scaled = arith::MulFOp::create(inside, loc, block->getArgument(0), block->getArgument(1));
    tile::YieldOp::create(inside, loc, scaled);
  }

  /// What is due after the loops.
  void addLast() {
    OpBuilder b(body.nest->getContext());
    b.setInsertionPointAfter(body.nest);
    Value runs = body.nest->getResults().back(); // SpecialiseWarps counts through them
    auto due = scf::IfOp::create(b, loc, isPositive(b, runs), /*withElseRegion=*/false);
    OpBuilder inside(due.thenYield());
    StageAt at = stageBefore(inside, runs);
    Value values = valuesAt(inside, at);
    tile::DotOp::create(inside, loc, body.sum.getAcc(), body.sum.getLhs(), values, Value(), ValueRange(),
                        true, false);
    release(inside, at);
  }

  Body body;
  Location loc;
};

struct OverlapProductsPass : PassWrapper<OverlapProductsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OverlapProductsPass)
  StringRef getArgument() const override { return "overlap-products"; }
  StringRef getDescription() const override {
    return "scores of a tile while the one before meets its values";
  }
  void runOnOperation() override { overlapProducts(getOperation()); }
};

} // namespace

void overlapProducts(ModuleOp module) {
  SmallVector<Body> bodies;
  module.walk([&](tile::RolesOp roles) {
    for (Region& role : roles.getBodies())
      if (std::optional<Body> body = Body::match(role))
        bodies.push_back(*body);
  });
  for (const Body& body : bodies)
    Overlap(body).run();
}

void registerOverlapProductsPass() { PassRegistration<OverlapProductsPass>(); }

} // namespace attile
