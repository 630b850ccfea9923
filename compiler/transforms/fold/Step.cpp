//===- Step.cpp - writes the step region of an attn.fold -------------------===//

#include "compiler/transforms/fold/Step.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attile;
using namespace attile::fold;

namespace {
class StepBuilder {
public:
  StepBuilder(OpBuilder& builder, Location loc, attn::MonoidOp monoid, const LinearMonoid& form,
              const StepShape& shape)
      : builder(builder), loc(loc), monoid(monoid), form(form), shape(shape) {}

  void run(Region& step);

private:
  /// A leaf of a scratch expression and the tile that holds it.
  using Inputs = SmallVector<std::pair<Value, Value>>;
  using Element = llvm::function_ref<Value(OpBuilder&, ValueRange)>;

  Block* addBlock(Region& step);
  void advanceGauge(unsigned i);
  Value weigh(const Sum& sum, const Term& term);
  Value rescaleFactor(const Sum& sum);
  void advanceSum(const Sum& sum);

  RankedTensorType tensor(unsigned rank, Type element) {
    return RankedTensorType::get(SmallVector<int64_t>(rank, ShapedType::kDynamic), element);
  }
  Value constant(OpBuilder& b, double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value atIdentity(OpBuilder& b, Value gauge, const Gauge& info) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, gauge, constant(b, info.identity));
  }
  Value map(ValueRange inputs, Element element);
  /// A map of scratch expressions: those of `leaves` that `roots` read become the inputs.
  Inputs used(const Inputs& leaves, ArrayRef<Value> roots);
  Value mapExpression(const Inputs& leaves, ArrayRef<Value> roots, Value visible, Element element);
  Value rowReduce(Value tile, double identity, llvm::function_ref<Value(OpBuilder&, Value, Value)> combine);
  Inputs scoreLeaves();
  /// The tile of scores that a scratch expression simply is; null where it computes something.
  Value tileOf(Value expression);

  OpBuilder& builder;
  Location loc;
  attn::MonoidOp monoid;
  const LinearMonoid& form;
  StepShape shape;
  SmallVector<Value> state, next; // per field
  SmallVector<Value> scores, values;
  Value visible;                          // null: everything is
  SmallVector<Value> gaugeTile, gaugeRef; // per gauge
  struct Shared {
    Value factor, weight, result;
  };
  SmallVector<Shared> weights, factors; // maps already written
};
} // namespace

Block* StepBuilder::addBlock(Region& step) {
  Block* block = builder.createBlock(&step);
  Type f32 = builder.getF32Type();
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    state.push_back(
        block->addArgument(tensor(monoid.field(i).getKind() == attn::FieldKind::Row ? 1 : 2, f32), loc));
  for (unsigned i = 0; i != shape.scores; ++i)
    scores.push_back(block->addArgument(tensor(2, f32), loc));
  Value mask = block->addArgument(tensor(2, builder.getI1Type()), loc);
  visible = shape.masked ? mask : Value();
  for (unsigned i = 0; i != shape.values; ++i)
    values.push_back(block->addArgument(tensor(2, f32), loc));
  next = state;
  return block;
}

Value StepBuilder::map(ValueRange inputs, Element element) {
  unsigned rank = 1;
  for (Value input : inputs)
    rank = std::max<unsigned>(rank, cast<RankedTensorType>(input.getType()).getRank());
  OpBuilder::InsertionGuard guard(builder);
  auto op = attn::MapOp::create(builder, loc, tensor(rank, builder.getF32Type()), inputs);
  Block* block = builder.createBlock(&op.getBody());
  for (Value input : inputs)
    block->addArgument(getElementTypeOrSelf(input.getType()), loc);
  SmallVector<Value> arguments(block->getArguments());
  Value result = element(builder, arguments);
  attn::YieldOp::create(builder, loc, result);
  return op.getResult();
}

StepBuilder::Inputs StepBuilder::used(const Inputs& leaves, ArrayRef<Value> roots) {
  return Inputs(llvm::make_filter_range(leaves, [&](const auto& leaf) {
    return llvm::any_of(
        roots, [&](Value root) { return reads(root, [&](Value value) { return value == leaf.first; }); });
  }));
}

Value StepBuilder::mapExpression(const Inputs& leaves, ArrayRef<Value> roots, Value mask, Element element) {
  Inputs inputs = used(leaves, roots);
  SmallVector<Value> operands = llvm::map_to_vector(inputs, [](const auto& leaf) { return leaf.second; });
  if (mask)
    operands.push_back(mask);
  if (operands.empty()) // a constant, over the extent of the tile
    operands.push_back(leaves.front().second);
  return map(operands, [&](OpBuilder& b, ValueRange arguments) {
    SmallVector<Value> copies;
    for (Value root : roots)
      copies.push_back(copyExpression(b, root, [&](Value value) -> Value {
        for (auto [leaf, argument] : llvm::zip(inputs, arguments))
          if (leaf.first == value)
            return argument;
        return {};
      }));
    if (mask)
      copies.push_back(arguments.back());
    return element(b, copies);
  });
}

Value StepBuilder::rowReduce(Value tile, double identity,
                             llvm::function_ref<Value(OpBuilder&, Value, Value)> combine) {
  OpBuilder::InsertionGuard guard(builder);
  auto op = attn::RowReduceOp::create(builder, loc, tensor(1, builder.getF32Type()), tile,
                                      builder.getF32FloatAttr(static_cast<float>(identity)));
  Block* block = builder.createBlock(&op.getCombiner());
  Value a = block->addArgument(builder.getF32Type(), loc), b = block->addArgument(builder.getF32Type(), loc);
  Value combined = combine(builder, a, b);
  attn::YieldOp::create(builder, loc, combined);
  return op.getResult();
}

Value StepBuilder::tileOf(Value expression) {
  for (auto [leaf, tile] : scoreLeaves())
    if (leaf == expression)
      return tile;
  return {};
}

StepBuilder::Inputs StepBuilder::scoreLeaves() {
  Inputs leaves;
  for (auto [i, score] : llvm::enumerate(scores))
    leaves.push_back({form.score(i), score});
  return leaves;
}

/// g_tile, g' and the finite reference to which weights are taken.
void StepBuilder::advanceGauge(unsigned i) {
  const Gauge& gauge = form.gauges()[i];
  auto combine = [&](OpBuilder& b, Value x, Value y) -> Value {
    OperationState copy(loc, gauge.combiner->getName(), {x, y}, b.getF32Type(), gauge.combiner->getAttrs());
    return b.create(copy)->getResult(0);
  };
  Value tile = visible ? Value() : tileOf(gauge.lifted);
  if (!tile)
    tile = mapExpression(scoreLeaves(), gauge.lifted, visible, [&](OpBuilder& b, ValueRange in) -> Value {
      if (!visible)
        return in[0];
      return arith::SelectOp::create(b, loc, in[1], in[0], constant(b, gauge.identity));
    });
  Value reduced = rowReduce(tile, gauge.identity, combine);
  Value merged = map({state[gauge.field], reduced},
                     [&](OpBuilder& b, ValueRange in) { return combine(b, in[0], in[1]); });
  next[gauge.field] = merged;
  gaugeTile.push_back(tile);
  bool reference =
      llvm::any_of(form.sums(), [&](const Sum& sum) { return llvm::is_contained(sum.gauges, i); });
  if (gauge.unbounded() && reference)
    merged = map(merged, [&](OpBuilder& b, ValueRange in) -> Value {
      return arith::SelectOp::create(b, loc, atIdentity(b, in[0], gauge), constant(b, 0), in[0]);
    });
  gaugeRef.push_back(merged);
}

/// p = c * W(lift.g, ref) for every pair, 0 where invisible.
Value StepBuilder::weigh(const Sum& sum, const Term& term) {
  for (const Shared& known : weights)
    if (equalExpressions(known.factor, term.factor) &&
        (known.weight ? sum.weight && equalExpressions(known.weight, sum.weight) : !sum.weight))
      return known.result;

  // Masked keys drop out by their gauge where W vanishes there; where it may not, each element is selected.
  bool constantFactor = constantFloat(term.factor).has_value();
  bool bounded = llvm::any_of(sum.gauges, [&](unsigned i) { return !form.gauges()[i].unbounded(); });
  bool vanishes = visible && constantFactor && !bounded && form.vanishesAtIdentity(sum);
  Inputs leaves = scoreLeaves();
  SmallVector<Value> roots{term.factor};
  if (sum.weight) {
    roots.push_back(sum.weight);
    for (unsigned i : sum.gauges) {
      leaves.push_back({form.from(i), gaugeTile[i]});
      leaves.push_back({form.to(i), gaugeRef[i]});
    }
  }
  Value result = sum.weight || visible ? Value() : tileOf(term.factor);
  if (!result)
    result =
        mapExpression(leaves, roots, vanishes ? Value() : visible, [&](OpBuilder& b, ValueRange in) -> Value {
          Value p = in[0];
          if (sum.weight)
            p = b.createOrFold<arith::MulFOp>(loc, in[1], p);
          if (!visible || vanishes)
            return p;
          return arith::SelectOp::create(b, loc, in.back(), p, constant(b, 0));
        });
  weights.push_back({term.factor, sum.weight, result});
  return result;
}

/// W(g, ref) per row: 0 for a state at the identity.
Value StepBuilder::rescaleFactor(const Sum& sum) {
  for (const Shared& known : factors)
    if (equalExpressions(known.weight, sum.weight))
      return known.result;
  bool vanishes = form.vanishesAtIdentity(sum);
  Inputs leaves;
  SmallVector<Value> roots{sum.weight};
  SmallVector<unsigned> guards;
  for (unsigned i : sum.gauges) {
    leaves.push_back({form.from(i), state[form.gauges()[i].field]});
    leaves.push_back({form.to(i), gaugeRef[i]});
    if (form.gauges()[i].unbounded() && !vanishes) {
      guards.push_back(i);
      roots.push_back(form.from(i));
    }
  }
  Value result = mapExpression(leaves, roots, {}, [&](OpBuilder& b, ValueRange in) -> Value {
    if (guards.empty())
      return in[0];
    Value none;
    for (auto [gauge, value] : llvm::zip(guards, in.drop_front())) {
      Value at = atIdentity(b, value, form.gauges()[gauge]);
      none = none ? b.createOrFold<arith::AndIOp>(loc, none, at) : at;
    }
    return arith::SelectOp::create(b, loc, none, constant(b, 0), in[0]);
  });
  factors.push_back({{}, sum.weight, result});
  return result;
}

void StepBuilder::advanceSum(const Sum& sum) {
  Value old = state[sum.field];
  Value factor = sum.weight ? rescaleFactor(sum) : Value();
  auto add = [&](OpBuilder& b, Value x, Value y) -> Value { return arith::AddFOp::create(b, loc, x, y); };
  auto scale = [&](OpBuilder& b, Value x, Value y) -> Value { return arith::MulFOp::create(b, loc, x, y); };
  if (monoid.field(sum.field).getKind() == attn::FieldKind::Row) {
    Value total = rowReduce(weigh(sum, sum.terms.front()), 0, add);
    next[sum.field] =
        factor ? map({old, factor, total},
                     [&](OpBuilder& b, ValueRange in) { return add(b, scale(b, in[0], in[1]), in[2]); })
               : map({old, total}, [&](OpBuilder& b, ValueRange in) { return add(b, in[0], in[1]); });
    return;
  }
  Value acc =
      factor ? map({old, factor}, [&](OpBuilder& b, ValueRange in) { return scale(b, in[0], in[1]); }) : old;
  for (const Term& term : sum.terms)
    acc = attn::ContractOp::create(builder, loc, tensor(2, builder.getF32Type()), weigh(sum, term),
                                   values[*term.value], acc);
  next[sum.field] = acc;
}

void StepBuilder::run(Region& step) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(addBlock(step));
  for (unsigned i = 0; i != form.gauges().size(); ++i)
    advanceGauge(i);
  for (const Sum& sum : form.sums())
    advanceSum(sum);
  attn::YieldOp::create(builder, loc, next);
}

void attile::fold::buildStep(OpBuilder& builder, Location loc, Region& step, attn::MonoidOp monoid,
                             const LinearMonoid& form, const StepShape& shape) {
  StepBuilder(builder, loc, monoid, form, shape).run(step);
}
