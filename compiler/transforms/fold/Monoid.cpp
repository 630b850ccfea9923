//===- Monoid.cpp - proving the linear form of a monoid ---------------------===//

#include "compiler/transforms/fold/Monoid.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/Support/Format.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attile;
using namespace attile::fold;

bool Gauge::unbounded() const { return std::isinf(identity); }

// ---- linear expressions ---------------------------------------------------------------------------

namespace {
/// sum_i coefficient[i] * unknown[i] + rest; null is 0.
struct Linear {
  SmallVector<Value> coefficients;
  Value rest;
};

/// Reads expressions as linear in `unknowns`; builds coefficients beside them.
class LinearReader {
public:
  LinearReader(OpBuilder& builder, ArrayRef<Value> unknowns) : builder(builder), unknowns(unknowns) {}

  /// Fails, with `culprit` set, where the expression is not linear.
  FailureOr<Linear> read(Value value);
  Operation* culprit = nullptr;

private:
  bool free(Value value) {
    return !reads(value, [&](Value leaf) { return llvm::is_contained(unknowns, leaf); });
  }
  Linear zero() { return {SmallVector<Value>(unknowns.size()), {}}; }
  template <typename Fn> Linear each(Linear form, Fn fn) {
    for (Value& coefficient : form.coefficients)
      coefficient = fn(coefficient);
    form.rest = fn(form.rest);
    return form;
  }
  Value one(Location loc) { return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(1)); }
  Value add(Location loc, Value a, Value b) {
    return !a ? b : !b ? a : builder.createOrFold<arith::AddFOp>(loc, a, b);
  }
  FailureOr<Linear> sum(Operation* op, bool subtract);
  FailureOr<Linear> select(arith::SelectOp op);

  OpBuilder& builder;
  ArrayRef<Value> unknowns;
};
} // namespace

FailureOr<Linear> LinearReader::sum(Operation* op, bool subtract) {
  FailureOr<Linear> a = read(op->getOperand(0)), b = read(op->getOperand(1));
  if (failed(a) || failed(b))
    return failure();
  Location loc = op->getLoc();
  if (subtract)
    b = each(*b, [&](Value x) { return x ? builder.createOrFold<arith::NegFOp>(loc, x) : x; });
  for (auto [x, y] : llvm::zip(a->coefficients, b->coefficients))
    x = add(loc, x, y);
  a->rest = add(loc, a->rest, b->rest);
  return a;
}

FailureOr<Linear> LinearReader::select(arith::SelectOp op) {
  FailureOr<Linear> a = read(op.getTrueValue()), b = read(op.getFalseValue());
  if (failed(a) || failed(b) || !free(op.getCondition()))
    return failure();
  Value zero = arith::ConstantOp::create(builder, op.getLoc(), builder.getF32FloatAttr(0));
  auto choose = [&](Value x, Value y) -> Value {
    if (!x && !y)
      return {};
    return builder.createOrFold<arith::SelectOp>(op.getLoc(), op.getCondition(), x ? x : zero, y ? y : zero);
  };
  for (auto [x, y] : llvm::zip(a->coefficients, b->coefficients))
    x = choose(x, y);
  a->rest = choose(a->rest, b->rest);
  return a;
}

FailureOr<Linear> LinearReader::read(Value value) {
  Linear form = zero();
  for (auto [unknown, coefficient] : llvm::zip(unknowns, form.coefficients))
    if (value == unknown) {
      coefficient = one(value.getLoc());
      return form;
    }
  if (free(value)) {
    if (constantFloat(value) != 0.0)
      form.rest = value;
    return form;
  }
  Operation* op = value.getDefiningOp();
  Location loc = value.getLoc();
  FailureOr<Linear> result = failure();
  if (isa<arith::AddFOp, arith::SubFOp>(op)) {
    result = sum(op, isa<arith::SubFOp>(op));
  } else if (isa<arith::MulFOp>(op) && (free(op->getOperand(0)) || free(op->getOperand(1)))) {
    unsigned scalar = free(op->getOperand(0)) ? 0 : 1;
    Value factor = op->getOperand(scalar);
    result = read(op->getOperand(1 - scalar));
    if (succeeded(result))
      result =
          each(*result, [&](Value x) { return x ? builder.createOrFold<arith::MulFOp>(loc, x, factor) : x; });
  } else if (isa<arith::DivFOp>(op) && free(op->getOperand(1))) {
    result = read(op->getOperand(0));
    if (succeeded(result))
      result = each(*result, [&](Value x) {
        return x ? builder.createOrFold<arith::DivFOp>(loc, x, op->getOperand(1)) : x;
      });
  } else if (isa<arith::NegFOp>(op)) {
    result = read(op->getOperand(0));
    if (succeeded(result))
      result = each(*result, [&](Value x) { return x ? builder.createOrFold<arith::NegFOp>(loc, x) : x; });
  } else if (auto choice = dyn_cast<arith::SelectOp>(op)) {
    result = select(choice);
  }
  if (failed(result) && !culprit)
    culprit = op;
  return result;
}

// ---- reading a monoid -----------------------------------------------------------------------------

/// The neutral element of an associative combiner; none for other ops.
static std::optional<double> neutralElement(Operation* op) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return -infinity;
  if (isa<arith::MinimumFOp, arith::MinNumFOp>(op))
    return infinity;
  if (isa<arith::AddFOp>(op))
    return 0;
  if (isa<arith::MulFOp>(op))
    return 1;
  return std::nullopt;
}

static std::string text(double number) {
  if (std::isinf(number))
    return number < 0 ? "-inf" : "inf";
  std::string result;
  llvm::raw_string_ostream(result) << llvm::format("%g", number);
  return result;
}

/// Block arguments: from[gauges], to[gauges], scores, values; then, for the merge, a[fields] and b[fields].
struct LinearMonoid::Reader {
  Reader(attn::MonoidOp monoid, unsigned numScores, Operation* user, LinearMonoid& result)
      : monoid(monoid), numScores(numScores), user(user), result(result), builder(monoid.getContext()) {}

  LogicalResult run();

private:
  StringRef name(unsigned field) { return monoid.field(field).getName(); }
  InFlightDiagnostic refuse(Location at) {
    InFlightDiagnostic diagnostic = emitError(at);
    diagnostic.attachNote(user->getLoc()) << "fused into a loop over tiles of keys here";
    return diagnostic;
  }
  void inlineRegions();
  LogicalResult readGauge(unsigned field);
  LogicalResult readLift(Sum& sum);
  LogicalResult readMerge(Sum& sum);
  /// The coefficient of a sum field as W(from, to); null after a diagnostic.
  Value readWeight(Sum& sum, Value coefficient, ArrayRef<Value> state, StringRef side);

  attn::MonoidOp monoid;
  unsigned numScores;
  Operation* user;
  LinearMonoid& result;
  OpBuilder builder;
  Block* block = nullptr;
  SmallVector<unsigned> gaugeIndices;
  SmallVector<Value> scores, values, a, b; // arguments
  SmallVector<Value> identity, lifted, merged;
};

/// Fields that reduce by an extremum are gauges too, whatever they are called: the tile form is the same.
static bool isGauge(attn::MonoidOp monoid, unsigned field) {
  if (monoid.field(field).getRole() == attn::FieldRole::Gauge)
    return true;
  Operation* op = monoid.getMerge().front().getTerminator()->getOperand(field).getDefiningOp();
  return op && monoid.field(field).getKind() == attn::FieldKind::Row && op->getOperands().size() == 2 &&
         isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MinimumFOp, arith::MinNumFOp>(op) &&
         llvm::all_of(op->getOperands(), [](Value operand) { return isa<BlockArgument>(operand); });
}

void LinearMonoid::Reader::inlineRegions() {
  result.scratch = ModuleOp::create(monoid.getLoc());
  block = result.scratch->getBody();
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    if (isGauge(monoid, i))
      gaugeIndices.push_back(i);
  result.numGauges = gaugeIndices.size();
  auto arguments = [&](size_t count) {
    SmallVector<Value> added;
    for (size_t i = 0; i != count; ++i)
      added.push_back(block->addArgument(builder.getF32Type(), monoid.getLoc()));
    return added;
  };
  arguments(2 * gaugeIndices.size());
  scores = arguments(numScores);
  values = arguments(monoid.getLift().getNumArguments() - numScores);
  a = arguments(monoid.numFields());
  b = arguments(monoid.numFields());

  builder.setInsertionPointToEnd(block);
  SmallVector<Value> lift(scores), pair(a);
  llvm::append_range(lift, values);
  llvm::append_range(pair, b);
  identity = inlineRegion(builder, monoid.getIdentity(), {});
  lifted = inlineRegion(builder, monoid.getLift(), lift);
  merged = inlineRegion(builder, monoid.getMerge(), pair);
}

LogicalResult LinearMonoid::Reader::readGauge(unsigned field) {
  Operation* op = merged[field].getDefiningOp();
  std::optional<double> neutral = op ? neutralElement(op) : std::nullopt;
  bool combines = neutral && llvm::is_contained(op->getOperands(), a[field]) &&
                  llvm::is_contained(op->getOperands(), b[field]);
  if (monoid.field(field).getKind() != attn::FieldKind::Row || !combines)
    return refuse(merged[field].getLoc())
           << "merge of gauge '" << name(field) << "' is not one associative operation on a." << name(field)
           << " and b." << name(field) << "; write it as max, min, + or * of the two";
  std::optional<double> start = constantFloat(identity[field]);
  if (start != neutral) {
    std::string expected = text(*neutral);
    return refuse(merged[field].getLoc()) // the state's constants have no places: equal ones are one
           << "gauge '" << name(field) << "' is initially " << (start ? text(*start) : "not a constant")
           << ", expected " << expected << ", the neutral element of its merge; write state " << name(field)
           << " = " << expected;
  }
  if (reads(lifted[field], [&](Value leaf) { return llvm::is_contained(values, leaf); }))
    return refuse(lifted[field].getLoc())
           << "lift of gauge '" << name(field) << "' reads v; lift a gauge from the score alone";
  result.gaugeFields.push_back({field, op, *neutral, lifted[field]});
  return success();
}

LogicalResult LinearMonoid::Reader::readLift(Sum& sum) {
  if (constantFloat(identity[sum.field]) != 0.0)
    return refuse(merged[sum.field].getLoc())
           << "'" << name(sum.field)
           << "' is not 0 initially; start the sum at 0 and add the constant in finalize";
  LinearReader reader(builder, values);
  FailureOr<Linear> form = reader.read(lifted[sum.field]);
  if (failed(form))
    return refuse(reader.culprit->getLoc())
           << "lift of '" << name(sum.field)
           << "' is not linear in v; write it as v times a function of the score";
  bool perRow = monoid.field(sum.field).getKind() == attn::FieldKind::Row;
  for (auto [i, factor] : llvm::enumerate(form->coefficients)) {
    if (!factor)
      continue;
    if (perRow)
      return refuse(lifted[sum.field].getLoc())
             << "lift of '" << name(sum.field) << "', one number per row, reads v, a vector";
    sum.terms.push_back({static_cast<unsigned>(i), factor});
  }
  if (form->rest && !perRow)
    return refuse(lifted[sum.field].getLoc())
           << "lift of '" << name(sum.field) << "' has a part without v; keep that sum in a field of its own";
  if (perRow) {
    if (!form->rest)
      form->rest = arith::ConstantOp::create(builder, monoid.getLoc(), builder.getF32FloatAttr(0));
    sum.terms.push_back({std::nullopt, form->rest});
  }
  return success();
}

Value LinearMonoid::Reader::readWeight(Sum& sum, Value coefficient, ArrayRef<Value> state, StringRef side) {
  unsigned count = gaugeIndices.size();
  Value weight = copyExpression(builder, coefficient, [&](Value value) -> Value {
    for (unsigned i = 0; i != count; ++i) {
      if (value == state[gaugeIndices[i]])
        return result.from(i);
      if (equalExpressions(value, merged[gaugeIndices[i]]))
        return result.to(i);
    }
    return {};
  });
  if (!weight)
    refuse(merged[sum.field].getLoc())
        << "merge of '" << name(sum.field) << "' scales " << side << "." << name(sum.field)
        << " by more than " << side
        << "'s own gauge and the merged one; write the factor as a function of these two";
  return weight;
}

LogicalResult LinearMonoid::Reader::readMerge(Sum& sum) {
  SmallVector<Value> unknowns;
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    if (!llvm::is_contained(gaugeIndices, i))
      unknowns.append({a[i], b[i]});
  LinearReader reader(builder, unknowns);
  FailureOr<Linear> form = reader.read(merged[sum.field]);
  Value fromA, fromB;
  bool linear = succeeded(form) && !form->rest;
  if (linear)
    for (auto [unknown, coefficient] : llvm::zip(unknowns, form->coefficients)) {
      if (unknown == a[sum.field])
        fromA = coefficient;
      else if (unknown == b[sum.field])
        fromB = coefficient;
      else
        linear &= !coefficient;
    }
  if (!linear || !fromA || !fromB)
    return refuse(reader.culprit ? reader.culprit->getLoc() : merged[sum.field].getLoc())
           << "merge of '" << name(sum.field) << "' is not linear in a." << name(sum.field) << " and b."
           << name(sum.field) << "; write it as a." << name(sum.field) << " * w(a) + b." << name(sum.field)
           << " * w(b) with factors of the gauges";

  Value weightA = readWeight(sum, fromA, a, "a"),
        weightB = weightA ? readWeight(sum, fromB, b, "b") : Value();
  if (!weightB)
    return failure();
  if (!equalExpressions(weightA, weightB))
    return refuse(merged[sum.field].getLoc())
           << "merge of '" << name(sum.field) << "' scales a." << name(sum.field) << " and b."
           << name(sum.field) << " by different functions of their gauges; scale both by the same";
  if (constantFloat(weightA) == 1.0)
    return success();
  sum.weight = weightA;
  for (unsigned i = 0; i != gaugeIndices.size(); ++i)
    if (reads(weightA, [&](Value leaf) { return leaf == result.from(i) || leaf == result.to(i); }))
      sum.gauges.push_back(i);
  if (!sum.gauges.empty())
    return success();
  return refuse(merged[sum.field].getLoc())
         << "merge of '" << name(sum.field)
         << "' scales by a constant, which is not associative; write it as a." << name(sum.field) << " + b."
         << name(sum.field);
}

LogicalResult LinearMonoid::Reader::run() {
  inlineRegions();
  for (unsigned field : gaugeIndices)
    if (failed(readGauge(field)))
      return failure();
  for (unsigned field = 0; field != monoid.numFields(); ++field) {
    if (llvm::is_contained(gaugeIndices, field))
      continue;
    Sum sum{field, {}, {}, {}};
    if (failed(readMerge(sum)) || failed(readLift(sum)))
      return failure();
    result.sumFields.push_back(std::move(sum));
  }
  return success();
}

FailureOr<LinearMonoid> LinearMonoid::derive(attn::MonoidOp monoid, unsigned scores, Operation* user) {
  LinearMonoid result;
  if (failed(Reader(monoid, scores, user, result).run()))
    return failure();
  return result;
}

Value LinearMonoid::from(unsigned gauge) const { return (*scratch).getBody()->getArgument(gauge); }
Value LinearMonoid::to(unsigned gauge) const { return (*scratch).getBody()->getArgument(numGauges + gauge); }
Value LinearMonoid::score(unsigned i) const { return (*scratch).getBody()->getArgument(2 * numGauges + i); }

bool LinearMonoid::vanishesAtIdentity(const Sum& sum) const {
  if (!sum.weight)
    return false;
  return evaluate(sum.weight,
                  [&](Value leaf) -> std::optional<Approximate> {
                    for (unsigned i : sum.gauges) {
                      if (leaf == from(i))
                        return gaugeFields[i].unbounded() ? Approximate::constant(gaugeFields[i].identity)
                                                          : Approximate::finite();
                      if (leaf == to(i))
                        return Approximate::finite();
                    }
                    return std::nullopt;
                  })
      .isZero();
}
