//===- NarrowIntegers.cpp - positions in 32 bits ----------------------------------===//
#include "compiler/transforms/tile/NarrowIntegers.h"

#include "compiler/transforms/tile/Ranges.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

class Narrowing {
public:
  explicit Narrowing(tile::KernelOp kernel)
      : kernel(kernel), i32(IntegerType::get(kernel.getContext(), 32)),
        i64(IntegerType::get(kernel.getContext(), 64)) {}

  void run() { narrow(kernel.getBody().front()); }

private:
  // ---- blocks, from the outside ------------------------------------------------------------------------

  void narrow(Block& block) {
    for (Operation& op : llvm::make_early_inc_range(block))
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        narrow(loop);
      } else if (auto generic = dyn_cast<tile::GenericOp>(op)) {
        for (BlockArgument argument : generic.getBody().getArguments())
          if (argument.getType().isInteger(64)) // integer buffers in registers hold positions
            ranges.set(argument, {0, kMaxLength});
        narrow(generic.getBody().front());
      } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
        narrow(compare);
      } else if (auto convert = dyn_cast<arith::SIToFPOp>(op)) {
        if (isNarrow(convert.getIn()))
          convert.getInMutable().assign(narrowed(convert.getIn()));
      } else if (op.getNumRegions() > 0) {
        for (Region& region : op.getRegions())
          for (Block& inner : region)
            narrow(inner);
      } else {
        narrow(op);
      }
  }

  /// A loop counts in 32 bits if its end is narrow; what begins beyond that begins at the end.
  void narrow(scf::ForOp loop) {
    Value index = loop.getInductionVar();
    Value first = loop.getLowerBound();
    IntRange lo = ranges.of(first), hi = ranges.of(loop.getUpperBound()), step = ranges.of(loop.getStep());
    IntRange counted{lo.lo, hi.hi + (step.narrow() ? step.hi : 0)}; // to the last, failing comparison
    if (index.getType() == i64 && hi.narrow() && step.narrow() && step.lo > 0 && counted.narrow()) {
      if (!lo.narrow()) {
        OpBuilder before(loop);
        first = arith::MinSIOp::create(before, loop.getLoc(), first, loop.getUpperBound());
      }
      ranges.set(index, {lo.lo, hi.hi});
      loop.getLowerBoundMutable().assign(narrowed(first));
      loop.getUpperBoundMutable().assign(narrowed(loop.getUpperBound()));
      loop.getStepMutable().assign(narrowed(loop.getStep()));
      OpBuilder b = OpBuilder::atBlockBegin(loop.getBody());
      index.setType(i32);
      auto wide = arith::ExtSIOp::create(b, loop.getLoc(), i64, index);
      index.replaceAllUsesExcept(wide, wide);
      ranges.set(wide, {lo.lo, hi.hi});
    }
    narrow(*loop.getBody());
  }

  // ---- values --------------------------------------------------------------------------------------------

  bool isNarrow(Value value) { return value.getType() == i64 && ranges.of(value).narrow(); }

  /// A narrow value in 32 bits.
  Value narrowed(Value value) {
    if (auto wide = value.getDefiningOp<arith::ExtSIOp>(); wide && wide.getIn().getType() == i32)
      return wide.getIn();
    Value& known = truncated[value];
    if (!known) {
      OpBuilder b(kernel.getContext());
      b.setInsertionPointAfterValue(value);
      APInt constant;
      known = matchPattern(value, m_ConstantInt(&constant))
                  ? Value(arith::ConstantIntOp::create(b, value.getLoc(), i32, constant.getSExtValue()))
                  : Value(arith::TruncIOp::create(b, value.getLoc(), i32, value));
      ranges.set(known, ranges.of(value));
    }
    return known;
  }

  // ---- operations
  // ------------------------------------------------------------------------------------------

  /// In a generic also a narrow value with one from outside: in the range of i32, strictly inside of which
  /// the other is, it compares as before.
  void narrow(arith::CmpIOp op) {
    Value x = op.getLhs(), y = op.getRhs();
    auto generic = dyn_cast<tile::GenericOp>(op->getParentOp());
    auto isOutside = [&](Value value) {
      return generic && !generic.getBody().isAncestor(value.getParentRegion());
    };
    bool xNarrow = isNarrow(x), yNarrow = isNarrow(y);
    if (x.getType() != i64 || !(xNarrow || yNarrow) || !(xNarrow || isOutside(x)) ||
        !(yNarrow || isOutside(y)))
      return;
    op.getLhsMutable().assign(xNarrow ? narrowed(x) : clamped(x, generic));
    op.getRhsMutable().assign(yNarrow ? narrowed(y) : clamped(y, generic));
  }

  /// The quotient of a narrow value by anything is that by the nearest value of i32: both are 0 or -1 where
  /// the divisor is the greater, and the remainder is what follows.
  void narrowDivisor(Operation& op) {
    if (!isa<arith::DivSIOp, arith::FloorDivSIOp, arith::RemSIOp>(op))
      return;
    Value divisor = op.getOperand(1);
    if (!isNarrow(op.getOperand(0)) || divisor.getType() != i64 || isNarrow(divisor))
      return;
    auto generic = dyn_cast<tile::GenericOp>(op.getParentOp());
    bool outside = generic && !generic.getBody().isAncestor(divisor.getParentRegion());
    Value nearest = clamped(divisor, outside ? generic.getOperation() : &op, inner);
    OpBuilder b(&op);
    Value wide = arith::ExtSIOp::create(b, op.getLoc(), i64, nearest);
    ranges.set(wide, inner);
    op.setOperand(1, wide);
  }

  static constexpr IntRange whole{INT32_MIN, INT32_MAX}, inner{INT32_MIN + 1, INT32_MAX - 1}; // see narrow()

  Value clamped(Value value, Operation* before, IntRange to = whole) {
    OpBuilder b(before);
    Location loc = before->getLoc();
    auto number = [&](int64_t n) -> Value { return arith::ConstantIntOp::create(b, loc, n, 64); };
    Value most = arith::MinSIOp::create(b, loc, value, number(to.hi));
    return arith::TruncIOp::create(b, loc, i32, arith::MaxSIOp::create(b, loc, most, number(to.lo)));
  }

  void narrow(Operation& op) {
    bool known = isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::MinSIOp, arith::MaxSIOp,
                     arith::DivSIOp, arith::RemSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::AndIOp,
                     arith::ShRSIOp, arith::SelectOp, math::AbsIOp>(op);
    if (!known || !isNarrow(op.getResult(0)))
      return;
    narrowDivisor(op);
    auto stays = [&](Value operand) { return operand.getType() == i64 && !isNarrow(operand); };
    if (llvm::any_of(op.getOperands(), stays))
      return;
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(operand.getType() == i64 ? narrowed(operand) : operand);
    OpBuilder b(&op);
    OperationState state(op.getLoc(), op.getName(), operands, {i32}, op.getAttrs());
    Value result = b.create(state)->getResult(0), wide = arith::ExtSIOp::create(b, op.getLoc(), i64, result);
    IntRange range = ranges.of(op.getResult(0));
    ranges.set(result, range);
    ranges.set(wide, range);
    op.getResult(0).replaceAllUsesWith(wide);
    ranges.forget(op.getResult(0));
    op.erase();
  }

  tile::KernelOp kernel;
  Type i32, i64;
  Ranges ranges;
  llvm::DenseMap<Value, Value> truncated;
};

struct NarrowIntegersPass : PassWrapper<NarrowIntegersPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NarrowIntegersPass)
  StringRef getArgument() const override { return "narrow-integers"; }
  StringRef getDescription() const override { return "positions in 32 bits"; }
  void runOnOperation() override { narrowIntegers(getOperation()); }
};

} // namespace

void narrowIntegers(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    Narrowing(kernel).run();
}

void registerNarrowIntegersPass() { PassRegistration<NarrowIntegersPass>(); }

} // namespace attile
