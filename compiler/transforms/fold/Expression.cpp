//===- Expression.cpp - copying, comparing and evaluating scalar expressions -----===//

#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace attile::fold;

/// Clones `op` under `mapping` and folds the clone away where it can be.
static void cloneFolded(OpBuilder& builder, Operation& op, IRMapping& mapping) {
  Operation* copy = builder.clone(op, mapping);
  SmallVector<Value> folded;
  if (copy->getNumRegions() != 0 || matchPattern(copy, m_Constant()) ||
      failed(builder.tryFold(copy, folded)) || folded.empty())
    return;
  for (auto [from, to] : llvm::zip(op.getResults(), folded))
    mapping.map(from, to);
  copy->erase();
}

SmallVector<Value> attile::fold::inlineRegion(OpBuilder& builder, Region& region, ValueRange arguments) {
  IRMapping mapping;
  Block& block = region.front();
  mapping.map(block.getArguments(), arguments);
  for (Operation& op : block.without_terminator())
    cloneFolded(builder, op, mapping);
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// Puts the copy of `value` into the mapping; false when a leaf has none.
static bool copyInto(OpBuilder& builder, Value value, LeafFn leaf, IRMapping& mapping) {
  if (mapping.contains(value))
    return true;
  if (Value copy = leaf(value)) {
    mapping.map(value, copy);
    return true;
  }
  Operation* op = value.getDefiningOp();
  if (!op)
    return false;
  for (Value operand : op->getOperands())
    if (!copyInto(builder, operand, leaf, mapping))
      return false;
  cloneFolded(builder, *op, mapping);
  return true;
}

Value attile::fold::copyExpression(OpBuilder& builder, Value root, LeafFn leaf) {
  IRMapping mapping;
  return copyInto(builder, root, leaf, mapping) ? mapping.lookup(root) : Value();
}

bool attile::fold::equalExpressions(Value a, Value b) {
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  if (!x || !y || x->getName() != y->getName() || x->getNumOperands() != y->getNumOperands() ||
      cast<OpResult>(a).getResultNumber() != cast<OpResult>(b).getResultNumber() ||
      x->getResultTypes() != y->getResultTypes() ||
      x->getDiscardableAttrDictionary() != y->getDiscardableAttrDictionary() ||
      x->getPropertiesAsAttribute() != y->getPropertiesAsAttribute() || x->getNumRegions() != 0)
    return false;
  bool same = llvm::all_of(llvm::zip(x->getOperands(), y->getOperands()),
                           [](auto pair) { return equalExpressions(std::get<0>(pair), std::get<1>(pair)); });
  if (same || !x->hasTrait<OpTrait::IsCommutative>() || x->getNumOperands() != 2)
    return same;
  return equalExpressions(x->getOperand(0), y->getOperand(1)) &&
         equalExpressions(x->getOperand(1), y->getOperand(0));
}

bool attile::fold::reads(Value root, llvm::function_ref<bool(Value)> leaf) {
  if (leaf(root))
    return true;
  Operation* op = root.getDefiningOp();
  return op && llvm::any_of(op->getOperands(), [&](Value operand) { return reads(operand, leaf); });
}

std::optional<double> attile::fold::constantFloat(Value value) {
  FloatAttr attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return attribute.getValueAsDouble();
}

// ---- evaluation -----------------------------------------------------------------------------------

static Approximate exactly(double value) {
  return std::isnan(value) ? Approximate{} : Approximate::constant(value);
}

static bool infinite(Approximate a) { return a.kind == Approximate::Constant && std::isinf(a.value); }
static bool bounded(Approximate a) {
  return a.kind == Approximate::Finite || (a.kind == Approximate::Constant && std::isfinite(a.value));
}

static Approximate sum(Approximate a, Approximate b) {
  if (a.kind == Approximate::Constant && b.kind == Approximate::Constant)
    return exactly(a.value + b.value);
  if (infinite(a) && bounded(b))
    return a;
  if (infinite(b) && bounded(a))
    return b;
  return bounded(a) && bounded(b) ? Approximate::finite() : Approximate{};
}

static Approximate product(Approximate a, Approximate b) {
  if (a.kind == Approximate::Constant && b.kind == Approximate::Constant)
    return exactly(a.value * b.value);
  if ((a.isZero() && bounded(b)) || (b.isZero() && bounded(a)))
    return Approximate::constant(0);
  return bounded(a) && bounded(b) ? Approximate::finite() : Approximate{};
}

static Approximate quotient(Approximate a, Approximate b) {
  if (b.kind != Approximate::Constant || b.value == 0)
    return {};
  return a.kind == Approximate::Constant ? exactly(a.value / b.value) : a;
}

static Approximate negated(Approximate a) {
  return a.kind == Approximate::Constant ? Approximate::constant(-a.value) : a;
}

static Approximate extremum(Approximate a, Approximate b, bool greatest) {
  if (a.kind == Approximate::Constant && b.kind == Approximate::Constant)
    return Approximate::constant(greatest ? std::max(a.value, b.value) : std::min(a.value, b.value));
  if (infinite(b))
    std::swap(a, b);
  if (infinite(a) && bounded(b))
    return (a.value > 0) == greatest ? a : b;
  return bounded(a) && bounded(b) ? Approximate::finite() : Approximate{};
}

Approximate attile::fold::evaluate(Value root, llvm::function_ref<std::optional<Approximate>(Value)> leaf) {
  if (std::optional<Approximate> known = leaf(root))
    return *known;
  if (std::optional<double> value = constantFloat(root))
    return exactly(*value);
  Operation* op = root.getDefiningOp();
  if (!op)
    return {};
  auto operand = [&](unsigned i) { return evaluate(op->getOperand(i), leaf); };
  auto function = [&](auto f) {
    Approximate x = operand(0);
    return x.kind == Approximate::Constant ? exactly(f(x.value)) : x;
  };
  return llvm::TypeSwitch<Operation*, Approximate>(op)
      .Case([&](arith::AddFOp) { return sum(operand(0), operand(1)); })
      .Case([&](arith::SubFOp) { return sum(operand(0), negated(operand(1))); })
      .Case([&](arith::MulFOp) { return product(operand(0), operand(1)); })
      .Case([&](arith::DivFOp) { return quotient(operand(0), operand(1)); })
      .Case([&](arith::NegFOp) { return negated(operand(0)); })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) { return extremum(operand(0), operand(1), true); })
      .Case<arith::MinimumFOp, arith::MinNumFOp>(
          [&](auto) { return extremum(operand(0), operand(1), false); })
      .Case([&](math::ExpOp) { return function([](double x) { return std::exp(x); }); })
      .Case([&](math::Exp2Op) { return function([](double x) { return std::exp2(x); }); })
      .Default([](Operation*) { return Approximate{}; });
}
