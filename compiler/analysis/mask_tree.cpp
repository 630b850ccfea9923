//===- mask_tree.cpp - normalisation of mask expressions ------------------===//

#include "compiler/analysis/mask_tree.h"

#include "dialect/attn/Attn.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attile::analysis::detail;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kWord = 9223372036854775808.0; // 2^63: bounds of any i64

static int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }
static int64_t add(int64_t a, int64_t b) { return wrap(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
static int64_t mul(int64_t a, int64_t b) { return wrap(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }

// ---- nodes --------------------------------------------------------------------------------------

const Expr* MaskTree::intern(Expr expr) {
  std::vector<const void*> operands(expr.operands.begin(), expr.operands.end());
  std::vector<int64_t> coefficients(expr.coefficients.begin(), expr.coefficients.end());
  Key key{expr.kind, expr.type.getAsOpaquePointer(),  operands,       coefficients, expr.constant, expr.real,
          expr.op,   expr.value.getAsOpaquePointer(), expr.name.str()};
  auto [entry, isNew] = unique.try_emplace(key, nullptr);
  if (!isNew)
    return entry->second;
  for (const Expr* operand : expr.operands) {
    expr.usesKey |= operand->usesKey;
    expr.usesRow |= operand->usesRow;
  }
  setBounds(expr);
  exprs.push_back(std::move(expr));
  order[&exprs.back()] = exprs.size();
  return entry->second = &exprs.back();
}

const Expr* MaskTree::make(Kind kind, Type type, ArrayRef<const Expr*> operands) {
  Expr expr{kind, type, llvm::SmallVector<const Expr*, 4>(operands)};
  // Floats are not points: reference and kernel may round differently.
  expr.point = type != f32 && llvm::all_of(operands, [](const Expr* operand) { return operand->point; });
  return intern(std::move(expr));
}

const Expr* MaskTree::constant(int64_t value) {
  Expr expr{Kind::Affine, i64};
  expr.constant = value;
  expr.point = true;
  return intern(std::move(expr));
}

const Expr* MaskTree::boolean(bool value) {
  Expr expr{Kind::Constant, i1};
  expr.constant = value;
  expr.point = true;
  return intern(std::move(expr));
}

/// Bounds that hold for every run-time value. Where they are finite but not known to be safe, arithmetic may
/// have wrapped, and the bounds are those of an i64.
void MaskTree::setBounds(Expr& expr) const {
  if (expr.type != i64)
    return;
  const auto& in = expr.operands;
  auto set = [&](double min, double max) {
    bool safe = min >= -double(kSafe) && max <= double(kSafe);
    expr.min = safe ? min : -kWord;
    expr.max = safe ? max : kWord;
    expr.width = expr.point ? 0 : safe ? max - min : kInfinity;
  };
  switch (expr.kind) {
  case Kind::Variable:
  case Kind::Size:
    return set(0, kMaxSize);
  case Kind::Affine: {
    double min = double(expr.constant), max = min, width = 0;
    for (auto [operand, factor] : llvm::zip(in, expr.coefficients)) {
      double a = operand->min * double(factor), b = operand->max * double(factor);
      min += std::min(a, b);
      max += std::max(a, b);
      width += operand->width * std::fabs(double(factor));
    }
    set(min, max);
    expr.width = expr.point ? 0 : width; // modular: finite also where the magnitude is not known
    return;
  }
  case Kind::Mul: {
    double corners[] = {in[0]->min * in[1]->min, in[0]->min * in[1]->max, in[0]->max * in[1]->min,
                        in[0]->max * in[1]->max};
    return set(*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
  }
  case Kind::FloorDiv: {
    double limit = std::max(-in[0]->min, in[0]->max); // |x / d| <= |x|
    bool natural = in[0]->min >= 0 && in[1]->min >= 0;
    return set(natural ? 0 : -limit, limit);
  }
  case Kind::FloorMod:
    if (in[1]->min >= 0)
      return set(0, in[0]->min >= 0 ? std::min(in[0]->max, in[1]->max) : in[1]->max);
    return set(in[1]->min, std::max(in[1]->max, 0.0));
  case Kind::Min:
    return set(std::min(in[0]->min, in[1]->min), std::min(in[0]->max, in[1]->max));
  case Kind::Max:
    return set(std::max(in[0]->min, in[1]->min), std::max(in[0]->max, in[1]->max));
  case Kind::Abs:
    return set(0, std::max(-in[0]->min, in[0]->max));
  case Kind::Select:
    return set(std::min(in[1]->min, in[2]->min), std::max(in[1]->max, in[2]->max));
  case Kind::And:
    if (in[0]->min >= 0 && in[1]->min >= 0)
      return set(0, std::min(in[0]->max, in[1]->max));
    return set(-kWord, kWord);
  case Kind::Or:
  case Kind::Xor:
    if (in[0]->min >= 0 && in[1]->min >= 0)
      return set(0, in[0]->max + in[1]->max);
    return set(-kWord, kWord);
  case Kind::Lookup: {
    unsigned bits = cast<RankedTensorType>(expr.value.getType()).getElementTypeBitWidth();
    return bits < 64 ? set(-std::ldexp(1, bits - 1), std::ldexp(1, bits - 1)) : set(-kWord, kWord);
  }
  case Kind::FromBool:
    return set(0, 1);
  default:
    return set(-kWord, kWord);
  }
}

// ---- integer arithmetic -------------------------------------------------------------------------

const Expr* MaskTree::affine(const Terms& terms, int64_t value) {
  SmallVector<std::pair<const Expr*, int64_t>> sorted, rows;
  for (auto [operand, factor] : terms)
    if (factor != 0)
      sorted.push_back({operand, factor});
  llvm::sort(sorted, [&](auto& a, auto& b) { return order[a.first] < order[b.first]; });
  if (value == 0 && sorted.size() == 1 && sorted[0].second == 1)
    return sorted[0].first;
  Expr expr{Kind::Affine, i64};
  expr.constant = value;
  expr.point = true;
  Terms rowTerms;
  for (auto [operand, factor] : sorted) {
    expr.operands.push_back(operand);
    expr.coefficients.push_back(factor);
    expr.point &= operand->point;
    expr.usesKey |= operand->usesKey;
    if (!operand->usesKey)
      rowTerms[operand] = factor;
  }
  if (expr.usesKey)
    expr.rowPart = affine(rowTerms, value);
  return intern(std::move(expr));
}

const Expr* MaskTree::combine(const Expr* x, int64_t a, const Expr* y, int64_t b) {
  Terms terms;
  int64_t sum = 0;
  for (auto [side, scale] : {std::pair(x, a), std::pair(y, b)}) {
    if (side->kind != Kind::Affine) {
      terms[side] = add(terms[side], scale);
      continue;
    }
    sum = add(sum, mul(side->constant, scale));
    for (auto [operand, factor] : llvm::zip(side->operands, side->coefficients))
      terms[operand] = add(terms[operand], mul(factor, scale));
  }
  return affine(terms, sum);
}

const Expr* MaskTree::multiply(const Expr* lhs, const Expr* rhs) {
  if (lhs->isConstant())
    std::swap(lhs, rhs);
  if (rhs->isConstant())
    return combine(lhs, rhs->constant, lhs, 0);
  if (lhs->point)
    std::swap(lhs, rhs); // the point, if any, comes last
  return make(Kind::Mul, i64, {lhs, rhs});
}

const Expr* MaskTree::divide(Kind kind, const Expr* lhs, const Expr* rhs) {
  if (lhs->isConstant() && rhs->isConstant())
    return constant(kind == Kind::FloorDiv ? attn::floorDiv(lhs->constant, rhs->constant)
                                           : attn::floorMod(lhs->constant, rhs->constant));
  if (rhs->isConstant() && rhs->constant == 1)
    return kind == Kind::FloorDiv ? lhs : constant(0);
  return make(kind, i64, {lhs, rhs});
}

const Expr* MaskTree::minMax(Kind kind, const Expr* lhs, const Expr* rhs) {
  if (lhs == rhs)
    return lhs;
  if (lhs->isConstant() && rhs->isConstant())
    return (lhs->constant < rhs->constant) == (kind == Kind::Min) ? lhs : rhs;
  if (kind == Kind::Max && combine(lhs, 1, rhs, 1) == constant(0)) // max(x, -x)
    return absolute(lhs);
  return make(kind, i64, {lhs, rhs});
}

const Expr* MaskTree::absolute(const Expr* operand) {
  if (operand->kind == Kind::Affine && !operand->operands.empty() && operand->coefficients[0] < 0)
    operand = combine(operand, -1, operand, 0); // |x| = |-x|: one form for both
  return make(Kind::Abs, i64, {operand});
}

// ---- conditions ---------------------------------------------------------------------------------

const Expr* MaskTree::negate(const Expr* condition) {
  if (condition->kind == Kind::Not)
    return condition->operands[0];
  if (condition->kind == Kind::Constant)
    return boolean(!condition->constant);
  return make(Kind::Not, i1, {condition});
}

const Expr* MaskTree::compare(Kind kind, const Expr* lhs, const Expr* rhs) {
  if (lhs == rhs)
    return boolean(true);
  if (lhs->isConstant() && rhs->isConstant())
    return boolean(kind == Kind::LessEqual ? lhs->constant <= rhs->constant : lhs->constant == rhs->constant);
  llvm::SmallPtrSet<const Expr*, 8> left;
  auto atoms = [](const Expr* const& side) {
    return side->kind == Kind::Affine ? ArrayRef<const Expr*>(side->operands) : ArrayRef<const Expr*>(side);
  };
  left.insert(atoms(lhs).begin(), atoms(lhs).end());
  bool related = llvm::any_of(atoms(rhs), [&](const Expr* e) { return !e->point && left.contains(e); });
  if (related)
    return make(kind, i1, {lhs, rhs, combine(lhs, 1, rhs, -1)});
  return make(kind, i1, {lhs, rhs});
}

const Expr* MaskTree::logic(Kind kind, const Expr* lhs, const Expr* rhs) {
  if (rhs->kind == Kind::Constant)
    std::swap(lhs, rhs);
  if (lhs->kind == Kind::Constant) {
    bool value = lhs->constant;
    if (kind == Kind::Xor)
      return value ? negate(rhs) : rhs;
    return value == (kind == Kind::And) ? rhs : lhs;
  }
  if (lhs == rhs)
    return kind == Kind::Xor ? boolean(false) : lhs;
  return make(kind, i1, {lhs, rhs});
}

const Expr* MaskTree::select(const Expr* condition, const Expr* lhs, const Expr* rhs) {
  if (condition->kind == Kind::Constant)
    return condition->constant ? lhs : rhs;
  if (lhs == rhs)
    return lhs;
  if (lhs->type == i1)
    return logic(Kind::Or, logic(Kind::And, condition, lhs), logic(Kind::And, negate(condition), rhs));
  if (condition->kind == Kind::Not)
    return select(condition->operands[0], rhs, lhs);
  // x <= 0 ? -x : x and 0 <= x ? x : -x, also with the bounds 1 and -1
  if (lhs->type == i64 && condition->kind == Kind::LessEqual && combine(lhs, 1, rhs, 1) == constant(0)) {
    const Expr *a = condition->operands[0], *b = condition->operands[1];
    auto near = [](const Expr* e) { return e->isConstant() && (e->constant >= -1 && e->constant <= 1); };
    if ((a == rhs && near(b) && b->constant <= 0) || (b == lhs && near(a) && a->constant >= 0))
      return absolute(rhs);
  }
  return make(Kind::Select, lhs->type, {condition, lhs, rhs});
}
