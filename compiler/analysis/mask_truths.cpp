//===- mask_truths.cpp - three-valued conditions, and floats --------------===//
//
// Float bounds are computed in f64 and widened at each step by more than one rounding of f32 (and by the
// flushed denormals), so that both a kernel in f32 and the reference in f64 lie inside. Overflow and NaN make
// both bounds NaN, and every comparison with them is undecided.
//
//===----------------------------------------------------------------------===//

#include "compiler/analysis/mask_intervals.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace attile::analysis::detail;

// ---- conditions ---------------------------------------------------------------------------------

Truth Evaluator::truth(const Expr* expr) {
  if (expr->point) {
    Value value = exact(expr);
    return {value, value};
  }
  if (rows)
    if (auto found = rows->truths.find(expr); found != rows->truths.end())
      return found->second;
  if (auto found = known.truths.find(expr); found != known.truths.end())
    return found->second;
  Truth result = computeTruth(expr);
  known.truths[expr] = result;
  return result;
}

Truth Evaluator::computeTruth(const Expr* expr) {
  auto in = [&](unsigned i) { return truth(expr->operands[i]); };
  switch (expr->kind) {
  case Kind::And: {
    Truth a = in(0), b = in(1);
    return {emit.both(a.any, b.any), emit.both(a.all, b.all)};
  }
  case Kind::Or: {
    Truth a = in(0), b = in(1);
    return {emit.either(a.any, b.any), emit.either(a.all, b.all)};
  }
  case Kind::Not: {
    Truth a = in(0);
    return {emit.invert(a.all), emit.invert(a.any)};
  }
  case Kind::Xor: { // decided when both sides are
    Truth a = in(0), b = in(1);
    Value noA = emit.invert(a.any), noB = emit.invert(b.any);
    Value same = emit.either(emit.both(a.all, b.all), emit.both(noA, noB));
    return {emit.invert(same), emit.either(emit.both(a.all, noB), emit.both(noA, b.all))};
  }
  case Kind::Less:
    return comparedReals(expr);
  case Kind::LessEqual:
    return expr->operands[0]->type.isInteger(64) ? compared(expr) : comparedReals(expr);
  case Kind::Equal:
    return compared(expr);
  case Kind::Lookup:
    return lookedTruth(expr);
  default:
    return {emit.i1(true), emit.i1(false)};
  }
}

Truth Evaluator::compared(const Expr* expr) {
  const Expr *lhs = expr->operands[0], *rhs = expr->operands[1];
  auto compare = [&](Interval a, Interval b) -> Truth {
    if (expr->kind == Kind::LessEqual)
      return {emit.lessEqual(a.lo, b.hi), emit.lessEqual(a.hi, b.lo)};
    Value overlap = emit.both(emit.lessEqual(a.lo, b.hi), emit.lessEqual(b.lo, a.hi));
    Value single = emit.both(emit.lessEqual(a.hi, b.lo),
                             emit.lessEqual(b.hi, a.lo)); // implies a.lo = a.hi = b.lo = b.hi
    return {overlap, single};
  };
  bool related = expr->operands.size() == 3, safe = lhs->safe() && rhs->safe();
  if (!related)
    return compare(integer(lhs), integer(rhs));
  // The difference has fewer terms, and means the same where neither side nor their difference wraps.
  Truth difference = compare(integer(expr->operands[2]), {emit.i64(0), emit.i64(0)});
  if (safe)
    return difference;
  Interval a = integer(lhs), b = integer(rhs);
  Value ok = emit.both(emit.within(a.lo, a.hi, kSafe), emit.within(b.lo, b.hi, kSafe));
  Truth direct = compare(a, b);
  return {emit.both(direct.any, emit.either(emit.invert(ok), difference.any)),
          emit.either(direct.all, emit.both(ok, difference.all))};
}

/// A bool tensor: the bounds are those of its bytes, or 0 and 1.
Truth Evaluator::lookedTruth(const Expr* expr) {
  ArrayRef<const Expr*> indices = expr->operands;
  if (!llvm::all_of(indices.drop_back(), [](const Expr* index) { return index->point; }))
    return {emit.i1(true), emit.i1(false)};
  SmallVector<Value> leading;
  for (const Expr* index : indices.drop_back())
    leading.push_back(exact(index));
  Interval last = integer(indices.back());
  if (last.isPoint()) {
    leading.push_back(last.lo);
    Value value = host.element(emit.builder, emit.loc, expr->value, leading);
    return {value, value};
  }
  auto [lo, hi] = host.bounds(emit.builder, emit.loc, expr->value, leading, last.lo, last.hi);
  Value zero = emit.i64(0), allZero = emit.both(emit.equal(lo, zero), emit.equal(hi, zero));
  return {emit.invert(allZero),
          emit.either(emit.lessEqual(emit.i64(1), lo), emit.lessEqual(hi, emit.i64(-1)))};
}

// ---- floats -------------------------------------------------------------------------------------

namespace {
/// f64 arithmetic.
struct Reals {
  Emit& emit;
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(emit.builder, emit.loc, predicate, a, b);
  }
  Value add(Value a, Value b) { return emit.builder.createOrFold<arith::AddFOp>(emit.loc, a, b); }
  Value sub(Value a, Value b) { return emit.builder.createOrFold<arith::SubFOp>(emit.loc, a, b); }
  Value mul(Value a, Value b) { return emit.builder.createOrFold<arith::MulFOp>(emit.loc, a, b); }
  Value div(Value a, Value b) { return emit.builder.createOrFold<arith::DivFOp>(emit.loc, a, b); }
  Value min(Value a, Value b) { return emit.builder.createOrFold<arith::MinimumFOp>(emit.loc, a, b); }
  Value max(Value a, Value b) { return emit.builder.createOrFold<arith::MaximumFOp>(emit.loc, a, b); }
  Value neg(Value a) { return emit.builder.createOrFold<arith::NegFOp>(emit.loc, a); }
  Value widen(Value f32) {
    return arith::ExtFOp::create(emit.builder, emit.loc, emit.builder.getF64Type(), f32);
  }
  Value fromInt(Value i64) {
    return arith::SIToFPOp::create(emit.builder, emit.loc, emit.builder.getF64Type(), i64);
  }
};
} // namespace

Interval Evaluator::real(const Expr* expr) {
  if (rows)
    if (auto found = rows->reals.find(expr); found != rows->reals.end())
      return found->second;
  if (auto found = known.reals.find(expr); found != known.reals.end())
    return found->second;
  Interval interval = computeReal(expr);
  known.reals[expr] = interval;
  return interval;
}

Interval Evaluator::outward(Value lo, Value hi) {
  using P = arith::CmpFPredicate;
  Reals r{emit};
  Value ulp = emit.f64(0x1p-22), tiny = emit.f64(0x1p-125), zero = emit.f64(0);
  auto step = [&](Value v) { return r.add(r.mul(r.max(v, r.sub(zero, v)), ulp), tiny); };
  Value ok = emit.both(r.compare(P::OGE, lo, emit.f64(-0x1p126)), r.compare(P::OLE, hi, emit.f64(0x1p126)));
  Value nan = emit.f64(std::numeric_limits<double>::quiet_NaN());
  return {emit.select(ok, r.sub(lo, step(lo)), nan), emit.select(ok, r.add(hi, step(hi)), nan)};
}

Interval Evaluator::realProduct(const Expr* expr) {
  Reals r{emit};
  Interval a = real(expr->operands[0]), b = real(expr->operands[1]);
  Value ll = r.mul(a.lo, b.lo), lh = r.mul(a.lo, b.hi), hl = r.mul(a.hi, b.lo), hh = r.mul(a.hi, b.hi);
  return outward(r.min(r.min(ll, lh), r.min(hl, hh)), r.max(r.max(ll, lh), r.max(hl, hh)));
}

Interval Evaluator::realQuotient(const Expr* expr) {
  using P = arith::CmpFPredicate;
  Reals r{emit};
  Interval a = real(expr->operands[0]), b = real(expr->operands[1]);
  Value zero = emit.f64(0), nan = emit.f64(std::numeric_limits<double>::quiet_NaN());
  Value ok = emit.either(r.compare(P::OGT, b.lo, zero), r.compare(P::OLT, b.hi, zero));
  Value ll = r.div(a.lo, b.lo), lh = r.div(a.lo, b.hi), hl = r.div(a.hi, b.lo), hh = r.div(a.hi, b.hi);
  Interval all = outward(r.min(r.min(ll, lh), r.min(hl, hh)), r.max(r.max(ll, lh), r.max(hl, hh)));
  return {emit.select(ok, all.lo, nan), emit.select(ok, all.hi, nan)};
}

Interval Evaluator::computeReal(const Expr* expr) {
  Reals r{emit};
  auto in = [&](unsigned i) { return real(expr->operands[i]); };
  auto point = [](Value value) { return Interval{value, value}; };
  Value nan = emit.f64(std::numeric_limits<double>::quiet_NaN());
  switch (expr->kind) {
  case Kind::Constant:
    return point(emit.f64(expr->real));
  case Kind::Scalar:
    if (!expr->type.isF32())
      return point(nan);
    return point(r.widen(host.scalar(emit.builder, emit.loc, expr->value)));
  case Kind::FromInt: {
    Interval x = integer(expr->operands[0]);
    return outward(r.fromInt(x.lo), r.fromInt(x.hi));
  }
  case Kind::Add: {
    Interval a = in(0), b = in(1);
    return outward(r.add(a.lo, b.lo), r.add(a.hi, b.hi));
  }
  case Kind::Mul:
    return realProduct(expr);
  case Kind::Div:
    return realQuotient(expr);
  case Kind::Min:
    return {r.min(in(0).lo, in(1).lo), r.min(in(0).hi, in(1).hi)};
  case Kind::Max:
    return {r.max(in(0).lo, in(1).lo), r.max(in(0).hi, in(1).hi)};
  case Kind::Abs: {
    Interval x = in(0);
    return {r.max(r.max(x.lo, r.neg(x.hi)), emit.f64(0)), r.max(r.neg(x.lo), x.hi)};
  }
  case Kind::Select: {
    Truth condition = truth(expr->operands[0]);
    Interval a = in(1), b = in(2);
    auto choose = [&](Value x, Value y, Value hull) {
      return emit.select(condition.all, x, emit.select(condition.any, hull, y));
    };
    return {choose(a.lo, b.lo, r.min(a.lo, b.lo)), choose(a.hi, b.hi, r.max(a.hi, b.hi))};
  }
  case Kind::Lookup: {
    if (!expr->type.isF32() || !llvm::all_of(expr->operands, [](const Expr* index) { return index->point; }))
      return point(nan);
    SmallVector<Value> indices;
    for (const Expr* index : expr->operands)
      indices.push_back(exact(index));
    return point(r.widen(host.element(emit.builder, emit.loc, expr->value, indices)));
  }
  default:
    return point(nan);
  }
}

Truth Evaluator::comparedReals(const Expr* expr) {
  using P = arith::CmpFPredicate;
  Reals r{emit};
  Interval a = real(expr->operands[0]), b = real(expr->operands[1]);
  bool strict = expr->kind == Kind::Less;
  // Ordered comparisons: NaN decides nothing.
  Value never = r.compare(strict ? P::OLE : P::OLT, b.hi, a.lo);
  return {emit.invert(never), r.compare(strict ? P::OLT : P::OLE, a.hi, b.lo)};
}
