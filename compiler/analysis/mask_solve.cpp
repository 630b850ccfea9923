//===- mask_solve.cpp - solving mask conditions for the key ---------------===//

#include "compiler/analysis/mask_solve.h"

using namespace mlir;
using namespace attile::analysis::detail;

using Keys = Solver::Keys;

// ---- sets of keys -------------------------------------------------------------------------------

Keys Solver::intersect(Keys a, Keys b) {
  return {a.lo && b.lo ? emit.max(a.lo, b.lo)
          : a.lo       ? a.lo
                       : b.lo,
          a.hi && b.hi ? emit.min(a.hi, b.hi)
          : a.hi       ? a.hi
                       : b.hi};
}

Keys Solver::hull(Keys a, Keys b) {
  if ((!a.lo && !a.hi) || (!b.lo && !b.hi))
    return {};
  // An empty side must not widen the other: it becomes [last + 1, -1].
  auto normal = [&](Keys keys) -> Keys {
    Value lo = keys.lo ? emit.max(keys.lo, emit.i64(0)) : emit.i64(0);
    Value hi = keys.hi ? emit.min(keys.hi, last) : last;
    Value some = emit.lessEqual(lo, hi);
    return {emit.select(some, lo, emit.add(last, 1)), emit.select(some, hi, emit.i64(-1))};
  };
  Keys x = normal(a), y = normal(b);
  return {emit.min(x.lo, y.lo), emit.max(x.hi, y.hi)};
}

Keys Solver::guarded(Value ok, Keys keys) {
  return {keys.lo ? emit.select(ok, keys.lo, emit.i64(0)) : Value(),
          keys.hi ? emit.select(ok, keys.hi, last) : Value()};
}

// ---- conditions ---------------------------------------------------------------------------------

Keys Solver::solve(const Expr* condition, bool wanted) {
  if (!condition->usesKey) { // decided by the rows: none, or not constrained
    Truth truth = forward.truth(condition);
    Value possible = wanted ? truth.any : emit.invert(truth.all);
    return {emit.select(possible, emit.i64(0), emit.add(last, 1)), {}};
  }
  switch (condition->kind) {
  case Kind::Not:
    return solve(condition->operands[0], !wanted);
  case Kind::And:
  case Kind::Or: {
    Keys a = solve(condition->operands[0], wanted), b = solve(condition->operands[1], wanted);
    return (condition->kind == Kind::And) == wanted ? intersect(a, b) : hull(a, b);
  }
  case Kind::LessEqual:
  case Kind::Equal:
    return condition->operands[0]->type.isInteger(64) ? solveCompare(condition, wanted) : Keys{};
  default:
    return {};
  }
}

Keys Solver::solveCompare(const Expr* condition, bool wanted) {
  const Expr *lhs = condition->operands[0], *rhs = condition->operands[1];
  bool isEqual = condition->kind == Kind::Equal;
  if (isEqual && !wanted)
    return {};
  // Terms on both sides: solve lhs - rhs (<= | > | ==) 0 where that means the same.
  if (condition->operands.size() == 3) {
    const Expr* difference = condition->operands[2];
    Value zero = emit.i64(0);
    Keys keys = reach(difference, !wanted   ? Target{emit.i64(1), {}}
                                  : isEqual ? Target{zero, zero}
                                            : Target{{}, zero});
    if (lhs->safe() && rhs->safe())
      return keys;
    Interval a = forward.integer(lhs), b = forward.integer(rhs);
    return guarded(emit.both(emit.within(a.lo, a.hi, kSafe), emit.within(b.lo, b.hi, kSafe)), keys);
  }
  // Each side that uses the key must reach the values of the other.
  Keys keys;
  if (lhs->usesKey) { // lhs > rhs: the +1 (and the -1 below) may wrap at the end of i64; then all is reached
    Interval b = forward.integer(rhs);
    keys = reach(lhs, isEqual  ? Target{b.lo, b.hi}
                      : wanted ? Target{{}, b.hi}
                               : Target{emit.add(b.lo, 1), {}});
  }
  if (rhs->usesKey) {
    Interval a = forward.integer(lhs);
    keys = intersect(keys, reach(rhs, isEqual  ? Target{a.lo, a.hi}
                                      : wanted ? Target{a.lo, {}}
                                               : Target{{}, emit.add(a.hi, -1)}));
  }
  return keys;
}

// ---- expressions --------------------------------------------------------------------------------

Keys Solver::reach(const Expr* expr, Target target) {
  if (!expr->usesKey || (!target.lo && !target.hi))
    return {};
  switch (expr->kind) {
  case Kind::Variable:
    return {target.lo, target.hi};
  case Kind::Affine:
    return reachAffine(expr, target);
  case Kind::Mul:
    return reachProduct(expr, target);
  case Kind::FloorDiv:
    return reachQuotient(expr, target);
  case Kind::FloorMod:
    return reachRemainder(expr, target);
  case Kind::Min:
  case Kind::Max:
    return reachMinMax(expr, target);
  case Kind::Abs: { // |x| <= t: x in [-t, t]; the hole below a lower bound is not convex
    if (!target.hi || !expr->safe())
      return {};
    Value t = emit.clamp(target.hi, -1, kSafe);
    return reach(expr->operands[0], {emit.neg(t), t});
  }
  case Kind::Select:
    return reachSelect(expr, target);
  default:
    return {};
  }
}

Keys Solver::reachAffine(const Expr* expr, Target target) {
  Keys keys;
  for (unsigned i = 0; i != expr->operands.size(); ++i)
    if (expr->operands[i]->usesKey)
      keys = intersect(keys, reachTerm(expr, i, target));
  return keys;
}

/// factor * term in target - rest
Keys Solver::reachTerm(const Expr* expr, unsigned index, Target target) {
  const Expr* term = expr->operands[index];
  int64_t factor = expr->coefficients[index];
  double limit = double(kSafe) / 2;
  if (factor == INT64_MIN || !term->within(limit / std::abs(double(factor))))
    return {};
  SmallVector<Evaluator::Term> others{{expr->rowPart, 1}};
  bool restIsSafe = expr->rowPart->safe();
  double restMin = expr->rowPart->min, restMax = expr->rowPart->max;
  for (unsigned i = 0; i != expr->operands.size(); ++i) {
    if (i == index || !expr->operands[i]->usesKey)
      continue;
    others.push_back({expr->operands[i], expr->coefficients[i]});
    double a = expr->operands[i]->min * double(expr->coefficients[i]),
           b = expr->operands[i]->max * double(expr->coefficients[i]);
    restMin += std::min(a, b);
    restMax += std::max(a, b);
  }
  restIsSafe = restMin >= -limit && restMax <= limit;
  Interval rest = forward.sum(0, others);
  // Neither the sum nor target - rest wraps: all stay within 2^62.
  auto bounded = [&](Value value) { return emit.clamp(value, -kSafe, kSafe); };
  Value lo = target.lo ? bounded(target.lo) : Value(), hi = target.hi ? bounded(target.hi) : Value();
  if (factor > 0) {
    lo = lo ? emit.sub(lo, rest.hi) : lo;
    hi = hi ? emit.sub(hi, rest.lo) : hi;
  } else { // |factor| * term in rest - target
    std::swap(lo, hi);
    lo = lo ? emit.sub(rest.lo, lo) : lo;
    hi = hi ? emit.sub(rest.hi, hi) : hi;
  }
  Value divisor = emit.i64(std::abs(factor));
  Keys keys =
      reach(term, {lo ? emit.ceilDiv(lo, divisor) : Value(), hi ? emit.floorDiv(hi, divisor) : Value()});
  return restIsSafe ? keys : guarded(emit.within(rest.lo, rest.hi, static_cast<int64_t>(limit)), keys);
}

/// x * y in target for one value y > 0 per box (else not constrained).
Keys Solver::reachProduct(const Expr* expr, Target target) {
  const Expr *x = expr->operands[0], *y = expr->operands[1];
  double limit = kMaxSize * 2;
  if (!x->usesKey || !y->point || !x->within(limit))
    return {};
  Value factor = forward.exact(y);
  Value ok = emit.both(emit.lessEqual(emit.i64(1), factor),
                       emit.lessEqual(factor, emit.i64(static_cast<int64_t>(double(kSafe) / limit))));
  Value divisor = emit.max(factor, emit.i64(1));
  // ceil divides -lo, which must not wrap
  Value lo = target.lo ? emit.ceilDiv(emit.max(target.lo, emit.i64(-kSafe)), divisor) : Value();
  Value hi = target.hi ? emit.floorDiv(target.hi, divisor) : Value();
  return guarded(ok, reach(x, {lo, hi}));
}

/// floor(x / d) in [lo, hi] for one d > 0 per box: x in [lo d, hi d + d - 1].
Keys Solver::reachQuotient(const Expr* expr, Target target) {
  const Expr *x = expr->operands[0], *d = expr->operands[1];
  constexpr int64_t limit = kSafe / 2;
  if (!x->usesKey || !d->point || !x->within(double(limit)))
    return {};
  // Beyond the values that the quotient takes nothing changes; and a divisor above the limit acts like the
  // limit.
  Interval quotient = forward.integer(expr);
  Value divisor = forward.exact(d), positive = emit.lessEqual(emit.i64(1), divisor);
  divisor = emit.clamp(divisor, 1, limit);
  auto near = [&](Value value) {
    return emit.min(emit.max(value, emit.add(quotient.lo, -1)), emit.add(quotient.hi, 1));
  };
  Value lo = target.lo ? emit.mul(near(target.lo), divisor) : Value();
  Value hi = target.hi ? emit.add(emit.mul(near(target.hi), divisor), emit.add(divisor, -1)) : Value();
  return guarded(positive, reach(x, {lo, hi}));
}

/// x mod d in target, when all of x lies within one quotient.
Keys Solver::reachRemainder(const Expr* expr, Target target) {
  const Expr *x = expr->operands[0], *d = expr->operands[1];
  constexpr int64_t limit = kSafe / 2;
  if (!x->usesKey || !d->point || !x->within(double(limit)))
    return {};
  Interval dividend = forward.integer(x);
  Value divisor = forward.exact(d), safe = emit.clamp(divisor, 1, limit);
  Value first = emit.floorDiv(dividend.lo, safe);
  Value ok = emit.both(emit.equal(divisor, safe), emit.equal(first, emit.floorDiv(dividend.hi, safe)));
  Value base = emit.mul(first, safe);
  auto shifted = [&](Value value) { return value ? emit.add(base, emit.clamp(value, -1, limit)) : Value(); };
  return guarded(ok, reach(x, {shifted(target.lo), shifted(target.hi)}));
}

/// min(a, b) >= lo means both are; min(a, b) <= hi means a <= hi unless b can be. Likewise max.
Keys Solver::reachMinMax(const Expr* expr, Target target) {
  bool isMin = expr->kind == Kind::Min;
  Keys keys;
  for (unsigned i = 0; i != 2; ++i) {
    const Expr *side = expr->operands[i], *other = expr->operands[1 - i];
    if (!side->usesKey)
      continue;
    keys = intersect(keys, reach(side, isMin ? Target{target.lo, {}} : Target{{}, target.hi}));
    if (!(isMin ? target.hi : target.lo))
      continue;
    Interval rest = forward.integer(other);
    Value alone = isMin ? emit.invert(emit.lessEqual(rest.lo, target.hi))
                        : emit.invert(emit.lessEqual(target.lo, rest.hi));
    keys =
        intersect(keys, guarded(alone, reach(side, isMin ? Target{{}, target.hi} : Target{target.lo, {}})));
  }
  return keys;
}

Keys Solver::reachSelect(const Expr* expr, Target target) {
  const Expr* condition = expr->operands[0];
  // A branch that does not use the key constrains it only by the condition.
  Keys yes = intersect(solve(condition, true), reach(expr->operands[1], target));
  Keys no = intersect(solve(condition, false), reach(expr->operands[2], target));
  return hull(yes, no);
}
