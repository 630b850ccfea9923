//===- mask_intervals.cpp - integer intervals of mask expressions ---------===//
//
// Sums are taken modulo 2^64: as long as hi - lo is known to be small, wrapped ends still describe the exact
// set of (wrapped) values, and one comparison tells whether it is an interval of signed numbers. So a huge
// window needs no saturation. Where the width is not known when compiling, a run-time guard checks that
// nothing can wrap; if it fails, nothing is claimed.
//
//===----------------------------------------------------------------------===//

#include "compiler/analysis/mask_intervals.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace attile::analysis::detail;

/// A modular interval of at most this width is either one signed interval or visibly wrapped.
static constexpr double kMaxWidth = 4611686018427387904.0; // 2^62

// ---- points -------------------------------------------------------------------------------------

Value Evaluator::exact(const Expr* expr) {
  if (rows)
    if (Value value = rows->exact.lookup(expr))
      return value;
  if (Value value = known.exact.lookup(expr))
    return value;
  Value value = computeExact(expr);
  return known.exact[expr] = value;
}

Value Evaluator::computeExact(const Expr* expr) {
  auto in = [&](unsigned i) { return exact(expr->operands[i]); };
  auto operands = [&]() {
    return llvm::map_to_vector(expr->operands, [&](const Expr* operand) { return exact(operand); });
  };
  switch (expr->kind) {
  case Kind::Variable:
    return expr->constant == 0 ? box.b : expr->constant == 1 ? box.hLo : box.kvH;
  case Kind::Size:
    return host.size(emit.builder, emit.loc, expr->name);
  case Kind::Scalar:
    return host.scalar(emit.builder, emit.loc, expr->value);
  case Kind::Constant:
    return emit.i1(expr->constant);
  case Kind::Affine: {
    Value result;
    for (auto [operand, factor] : llvm::zip(expr->operands, expr->coefficients)) {
      Value value = exact(operand);
      if (result && factor == -1)
        result = emit.sub(result, value);
      else
        result = result ? emit.add(result, emit.mul(value, factor)) : emit.mul(value, factor);
    }
    return result ? emit.add(result, expr->constant) : emit.i64(expr->constant);
  }
  case Kind::Mul:
    return emit.mul(in(0), in(1));
  case Kind::FloorDiv:
    return emit.quotient(in(0), in(1));
  case Kind::FloorMod: {
    Value remainder = emit.sub(in(0), emit.mul(emit.quotient(in(0), in(1)), in(1)));
    const Expr* divisor = expr->operands[1];
    return divisor->isConstant() && divisor->constant != 0
               ? remainder
               : emit.select(emit.equal(in(1), emit.i64(0)), emit.i64(0), remainder);
  }
  case Kind::Min:
    return emit.min(in(0), in(1));
  case Kind::Max:
    return emit.max(in(0), in(1));
  case Kind::Abs:
    return emit.max(in(0), emit.neg(in(0)));
  case Kind::And:
    return emit.both(in(0), in(1));
  case Kind::Or:
    return emit.either(in(0), in(1));
  case Kind::Xor:
    return emit.differ(in(0), in(1));
  case Kind::Not:
    return emit.invert(in(0));
  case Kind::Select:
    return emit.select(in(0), in(1), in(2));
  case Kind::Lookup:
    return host.element(emit.builder, emit.loc, expr->value, operands());
  case Kind::FromBool:
    return emit.select(in(0), emit.i64(1), emit.i64(0));
  case Kind::LessEqual:
    return emit.lessEqual(in(0), in(1));
  case Kind::Equal:
    return emit.equal(in(0), in(1));
  case Kind::Opaque: {
    IRMapping map;
    for (auto [from, to] : llvm::zip(expr->op->getOperands(), operands()))
      map.map(from, to);
    return emit.builder.clone(*expr->op, map)->getResult(0);
  }
  case Kind::Add:
  case Kind::Div:
  case Kind::FromInt:
  case Kind::Less:
    break;
  }
  llvm_unreachable("floats are not points");
}

// ---- sums ---------------------------------------------------------------------------------------

Interval Evaluator::guarded(Value ok, Interval interval) {
  return {emit.select(ok, interval.lo, emit.i64(INT64_MIN)),
          emit.select(ok, interval.hi, emit.i64(INT64_MAX))};
}

/// Terms of an affine form, points first; what does not use the key is one term.
static SmallVector<Evaluator::Term> termsOf(const Expr* affine) {
  SmallVector<Evaluator::Term> terms;
  if (affine->rowPart)
    terms.push_back({affine->rowPart, 1});
  for (bool points : {true, false})
    for (auto [operand, factor] : llvm::zip(affine->operands, affine->coefficients))
      if (operand->point == points && (!affine->rowPart || operand->usesKey))
        terms.push_back({operand, factor});
  return terms;
}

Interval Evaluator::modular(const Expr* expr) {
  if (expr->kind != Kind::Affine || expr->point)
    return integer(expr);
  if (rows)
    if (auto found = rows->modular.find(expr); found != rows->modular.end())
      return found->second;
  if (auto found = known.modular.find(expr); found != known.modular.end())
    return found->second;
  int64_t constant = expr->rowPart ? 0 : expr->constant;
  Interval interval =
      expr->width <= kMaxWidth ? modularSum(constant, termsOf(expr)) : guardedSum(constant, termsOf(expr));
  known.modular[expr] = interval;
  return interval;
}

Interval Evaluator::modularSum(int64_t constant, ArrayRef<Term> terms) {
  Interval result{};
  auto accumulate = [&](Value& sum, Value value, int64_t factor) {
    if (sum && factor == -1)
      sum = emit.sub(sum, value);
    else
      sum = sum ? emit.add(sum, emit.mul(value, factor)) : emit.mul(value, factor);
  };
  for (auto [expr, factor] : terms) {
    if (expr->isConstant() && expr->constant == 0)
      continue;
    Interval value = modular(expr);
    if (value.isPoint() && (!result.lo || result.isPoint())) {
      accumulate(result.lo, value.lo, factor);
      result.hi = result.lo;
      continue;
    }
    accumulate(result.lo, factor > 0 ? value.lo : value.hi, factor);
    accumulate(result.hi, factor > 0 ? value.hi : value.lo, factor);
  }
  if (!result.lo)
    return {emit.i64(constant), emit.i64(constant)};
  if (result.isPoint())
    return {result.lo = emit.add(result.lo, constant), result.lo};
  return {emit.add(result.lo, constant), emit.add(result.hi, constant)};
}

Interval Evaluator::guardedSum(int64_t constant, ArrayRef<Term> terms) {
  uint64_t share = static_cast<uint64_t>(kSafe) / (terms.size() + 1);
  auto magnitude = [](int64_t value) {
    return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  };
  if (magnitude(constant) > share)
    return everything();
  Value ok = emit.i1(true), lo = emit.i64(constant), hi = lo;
  for (auto [expr, factor] : terms) {
    Interval value = integer(expr);
    int64_t limit = static_cast<int64_t>(share / magnitude(factor));
    if (!expr->within(double(limit)))
      ok = emit.both(ok, emit.within(value.lo, value.hi, limit));
    lo = emit.add(lo, emit.mul(factor > 0 ? value.lo : value.hi, factor));
    hi = emit.add(hi, emit.mul(factor > 0 ? value.hi : value.lo, factor));
  }
  return guarded(ok, {lo, hi});
}

Interval Evaluator::unwrapped(Interval interval, double min, double max, double width) {
  bool safe = min >= -double(kSafe) && max <= double(kSafe);
  if (safe || width > kMaxWidth || interval.isPoint())
    return interval;
  return guarded(emit.lessEqual(interval.lo, interval.hi), interval);
}

Interval Evaluator::sum(int64_t constant, ArrayRef<Term> terms) {
  double min = double(constant), max = min, width = 0;
  for (auto [expr, factor] : terms) {
    double a = expr->min * double(factor), b = expr->max * double(factor);
    min += std::min(a, b);
    max += std::max(a, b);
    width += expr->width * std::fabs(double(factor));
  }
  Interval interval = width <= kMaxWidth ? modularSum(constant, terms) : guardedSum(constant, terms);
  return unwrapped(interval, min, max, width);
}

// ---- everything else ----------------------------------------------------------------------------

Interval Evaluator::integer(const Expr* expr) {
  if (expr->point) {
    Value value = exact(expr);
    return {value, value};
  }
  if (rows)
    if (auto found = rows->integers.find(expr); found != rows->integers.end())
      return found->second;
  if (auto found = known.integers.find(expr); found != known.integers.end())
    return found->second;
  Interval interval = computeInteger(expr);
  known.integers[expr] = interval;
  return interval;
}

Interval Evaluator::computeInteger(const Expr* expr) {
  switch (expr->kind) {
  case Kind::Variable:
    return expr->constant == 1   ? Interval{box.hLo, box.hHi}
           : expr->constant == 3 ? Interval{box.qLo, box.qHi}
                                 : keys;
  case Kind::Affine:
    return unwrapped(modular(expr), expr->min, expr->max, expr->width);
  case Kind::Mul:
    return product(expr);
  case Kind::FloorDiv:
    return quotient(expr);
  case Kind::FloorMod:
    return remainder(expr);
  case Kind::Min:
  case Kind::Max: {
    Interval a = integer(expr->operands[0]), b = integer(expr->operands[1]);
    if (expr->kind == Kind::Min)
      return {emit.min(a.lo, b.lo), emit.min(a.hi, b.hi)};
    return {emit.max(a.lo, b.lo), emit.max(a.hi, b.hi)};
  }
  case Kind::Abs:
    return absolute(expr);
  case Kind::And:
  case Kind::Or:
  case Kind::Xor:
    return bits(expr);
  case Kind::Select:
    return selected(expr);
  case Kind::Lookup:
    return looked(expr);
  case Kind::FromBool: {
    Truth inner = truth(expr->operands[0]);
    return {emit.select(inner.all, emit.i64(1), emit.i64(0)),
            emit.select(inner.any, emit.i64(1), emit.i64(0))};
  }
  default:
    return everything();
  }
}

/// Products of bounds; guarded unless the factors are known to be small.
Interval Evaluator::product(const Expr* expr) {
  const Expr *x = expr->operands[0], *y = expr->operands[1];
  Interval a = integer(x), b = integer(y);
  Value ok = emit.i1(true);
  if (!expr->safe()) {
    auto other = [](const Expr* e) { return std::max(std::max(-e->min, e->max), 1.0); };
    double limitX = kMaxSize, limitY = kMaxSize / 2; // their product is safe
    if (other(x) <= kMaxSize)
      limitY = double(kSafe) / other(x);
    else if (other(y) <= kMaxSize)
      limitX = double(kSafe) / other(y);
    if (!x->within(limitX))
      ok = emit.both(ok, emit.within(a.lo, a.hi, static_cast<int64_t>(limitX)));
    if (!y->within(limitY))
      ok = emit.both(ok, emit.within(b.lo, b.hi, static_cast<int64_t>(limitY)));
  }
  if (x == y) { // a square
    Value low = emit.max(emit.max(a.lo, emit.neg(a.hi)), emit.i64(0)), high = emit.max(emit.neg(a.lo), a.hi);
    return guarded(ok, {emit.mul(low, low), emit.mul(high, high)});
  }
  Value first = emit.mul(a.lo, b.lo), second = emit.mul(a.hi, b.lo);
  Value lo = emit.min(first, second), hi = emit.max(first, second);
  if (!b.isPoint()) {
    Value third = emit.mul(a.lo, b.hi), fourth = emit.mul(a.hi, b.hi);
    lo = emit.min(lo, emit.min(third, fourth));
    hi = emit.max(hi, emit.max(third, fourth));
  }
  return guarded(ok, {lo, hi});
}

/// For a positive divisor the quotient is monotone in both; for others only |x / d| <= |x| is used.
Interval Evaluator::quotient(const Expr* expr) {
  const Expr* divisor = expr->operands[1];
  Interval x = integer(expr->operands[0]), d = integer(divisor);
  bool positive = divisor->min > 0;
  Value dLo = positive ? d.lo : emit.max(d.lo, emit.i64(1));
  Value lo = emit.floorDiv(x.lo, dLo), hi = emit.floorDiv(x.hi, dLo);
  if (!d.isPoint()) {
    Value dHi = positive ? d.hi : emit.max(d.hi, emit.i64(1));
    lo = emit.min(lo, emit.floorDiv(x.lo, dHi));
    hi = emit.max(hi, emit.floorDiv(x.hi, dHi));
  }
  if (positive)
    return {lo, hi};
  Value ok = emit.lessEqual(emit.i64(1), d.lo);
  if (!expr->safe())
    return guarded(ok, {lo, hi});
  return {emit.select(ok, lo, emit.i64(static_cast<int64_t>(expr->min))),
          emit.select(ok, hi, emit.i64(static_cast<int64_t>(expr->max)))};
}

/// Exact while the dividend stays within one quotient, else the range of the divisor.
Interval Evaluator::remainder(const Expr* expr) {
  const Expr *dividend = expr->operands[0], *divisor = expr->operands[1];
  Interval x = integer(dividend), d = integer(divisor);
  bool positive = divisor->min > 0;
  Value lo = positive ? emit.i64(0) : emit.min(emit.add(d.lo, 1), emit.i64(0));
  Value hi = positive ? emit.add(d.hi, -1) : emit.max(emit.add(d.hi, -1), emit.i64(0));
  if (positive && dividend->min >= 0)
    hi = emit.min(hi, x.hi);
  if (!d.isPoint())
    return {lo, hi};
  Value safeDivisor = positive ? d.lo : emit.max(d.lo, emit.i64(1));
  Value first = emit.floorDiv(x.lo, safeDivisor), last = emit.floorDiv(x.hi, safeDivisor);
  Value same = emit.equal(first, last);
  if (!positive)
    same = emit.both(same, emit.lessEqual(emit.i64(1), d.lo));
  Value base = emit.mul(first, safeDivisor);
  return {emit.select(same, emit.sub(x.lo, base), lo), emit.select(same, emit.sub(x.hi, base), hi)};
}

Interval Evaluator::absolute(const Expr* expr) {
  Interval x = integer(expr->operands[0]);
  Interval result{emit.max(emit.max(x.lo, emit.neg(x.hi)), emit.i64(0)), emit.max(emit.neg(x.lo), x.hi)};
  if (expr->safe())
    return result;
  return guarded(emit.lessEqual(emit.i64(-kSafe), x.lo), result); // |INT64_MIN| wraps
}

Interval Evaluator::bits(const Expr* expr) {
  const Expr *x = expr->operands[0], *y = expr->operands[1];
  bool isAnd = expr->kind == Kind::And;
  if (x->min < 0 || y->min < 0 || (!isAnd && !expr->safe()))
    return everything();
  Interval a = integer(x), b = integer(y);
  if (isAnd)
    return {emit.i64(0), emit.min(a.hi, b.hi)};
  Value lo = expr->kind == Kind::Or ? emit.max(a.lo, b.lo) : emit.i64(0);
  return {lo, emit.add(a.hi, b.hi)};
}

Interval Evaluator::selected(const Expr* expr) {
  Truth condition = truth(expr->operands[0]);
  Interval a = integer(expr->operands[1]), b = integer(expr->operands[2]);
  auto choose = [&](Value x, Value y, Value hull) {
    return emit.select(condition.all, x, emit.select(condition.any, hull, y));
  };
  return {choose(a.lo, b.lo, emit.min(a.lo, b.lo)), choose(a.hi, b.hi, emit.max(a.hi, b.hi))};
}

/// Bounds along the last dimension when the leading indices are points, else those of the element type.
Interval Evaluator::looked(const Expr* expr) {
  ArrayRef<const Expr*> indices = expr->operands;
  if (!llvm::all_of(indices.drop_back(), [](const Expr* index) { return index->point; })) {
    if (!expr->safe())
      return everything();
    return {emit.i64(static_cast<int64_t>(expr->min)), emit.i64(static_cast<int64_t>(expr->max))};
  }
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
  return {lo, hi};
}
