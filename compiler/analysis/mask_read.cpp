//===- mask_read.cpp - from the operations of a mask region to the graph --===//

#include "compiler/analysis/mask_tree.h"

#include "dialect/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace attile::analysis::detail;

// ---- the region, and integer operations ----------------------------------------------------------

MaskTree::MaskTree(Region& mask, MaskOptions options) : region(mask), oneHead(options.oneHead) {
  MLIRContext* context = mask.getContext();
  i64 = IntegerType::get(context, 64);
  i1 = IntegerType::get(context, 1);
  f32 = Float32Type::get(context);
  if (mask.empty()) {
    rootExpr = boolean(true);
    return;
  }
  for (BlockArgument argument : mask.getArguments()) {
    Expr expr{Kind::Variable, i64};
    expr.constant = argument.getArgNumber();
    expr.usesKey = expr.constant == 4;
    expr.point = expr.constant == 0 || expr.constant == 2 || (expr.constant == 1 && oneHead);
    expr.usesRow = !expr.point && !expr.usesKey;
    values[argument] = intern(std::move(expr));
  }
  rootExpr = read(mask.front().getTerminator()->getOperand(0));
  splits[0] = findSplit(4);
  splits[1] = findSplit(3);
}

/// The first x mod d, with x the variable plus a point, of which x / d is read as well.
std::optional<Split> MaskTree::findSplit(int64_t variable) {
  const Expr* index = values.lookup(region.getArgument(variable));
  for (size_t i = 0; i != exprs.size(); ++i) {
    const Expr& remainder = exprs[i];
    if (remainder.kind != Kind::FloorMod || !remainder.operands[1]->point ||
        !remainder.operands[0]->within(double(kSafe / 2)))
      continue;
    bool hasQuotient = llvm::any_of(exprs, [&](const Expr& other) {
      return other.kind == Kind::FloorDiv && other.operands == remainder.operands;
    });
    const Expr* offset = hasQuotient ? combine(remainder.operands[0], 1, index, -1) : nullptr;
    if (offset && offset->point)
      return Split{offset, remainder.operands[1]};
  }
  return std::nullopt;
}

const Expr* MaskTree::read(Value value) {
  if (const Expr* known = values.lookup(value))
    return known;
  Operation* op = value.getDefiningOp();
  bool inside = op && region.isAncestor(op->getParentRegion());
  const Expr* expr = nullptr;
  APInt number;
  if (inside) {
    expr = readOp(op);
  } else if (value.getType() == i64 && matchPattern(value, m_ConstantInt(&number))) {
    expr = constant(number.getSExtValue());
  } else {
    Expr captured{Kind::Scalar, value.getType()};
    captured.value = value;
    captured.point = value.getType() == i64 || value.getType() == i1;
    expr = intern(std::move(captured));
  }
  return values[value] = expr;
}

const Expr* MaskTree::opaque(Operation* op) {
  Expr expr{Kind::Opaque, op->getResult(0).getType()};
  expr.op = op;
  auto scalar = [&](Type type) { return type == i64 || type == i1; };
  bool clonable = op->getNumResults() == 1 && op->getNumRegions() == 0 && scalar(expr.type) &&
                  llvm::all_of(op->getOperandTypes(), scalar) &&
                  isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
  if (clonable)
    for (Value operand : op->getOperands())
      expr.operands.push_back(read(operand));
  expr.point = clonable && llvm::all_of(expr.operands, [](const Expr* operand) { return operand->point; });
  expr.usesKey = expr.usesRow = !expr.point; // nothing is known of it: as if it depended on everything
  return intern(std::move(expr));
}

const Expr* MaskTree::readOp(Operation* op) {
  if (op->getNumResults() != 1)
    return opaque(op);
  if (op->hasTrait<OpTrait::ConstantLike>())
    return readConstant(op);
  if (isa<attn::LookupOp>(op))
    return readLookup(op);
  if (isa<arith::CmpIOp>(op))
    return readIntegerCompare(op);
  if (isa<arith::CmpFOp>(op))
    return readRealCompare(op);
  Type type = op->getResult(0).getType();
  if (isa<arith::SelectOp>(op) && (type == i64 || type == i1 || type == f32))
    return select(read(op->getOperand(0)), read(op->getOperand(1)), read(op->getOperand(2)));
  if (type == f32)
    return readRealOp(op);
  if (type == i64 || type == i1)
    return readIntegerOp(op);
  return opaque(op);
}

const Expr* MaskTree::readConstant(Operation* op) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  Type type = op->getResult(0).getType();
  if (type == i64)
    return constant(cast<IntegerAttr>(value).getInt());
  if (type == i1)
    return boolean(cast<IntegerAttr>(value).getValue().getBoolValue());
  if (type != f32)
    return opaque(op);
  Expr expr{Kind::Constant, f32};
  expr.real = cast<FloatAttr>(value).getValueAsDouble();
  if (!std::isfinite(expr.real))
    return opaque(op);
  return intern(std::move(expr));
}

const Expr* MaskTree::readLookup(Operation* op) {
  auto lookup = cast<attn::LookupOp>(op);
  Expr expr{Kind::Lookup, lookup.getResult().getType()};
  expr.value = lookup.getTensor();
  bool points = true, leading = true;
  for (Value index : lookup.getIndices()) {
    expr.operands.push_back(read(index));
    leading = points;
    points &= expr.operands.back()->point;
  }
  expr.point = points && expr.type != f32;
  // Ranges are asked for along the last dimension only; summaries hold integers.
  if (leading && !points && expr.type != f32)
    tensors.insert(expr.value);
  return intern(std::move(expr));
}

const Expr* MaskTree::readIntegerCompare(Operation* op) {
  auto compared = cast<arith::CmpIOp>(op);
  if (compared.getLhs().getType() != i64 && compared.getLhs().getType() != i1)
    return opaque(op);
  const Expr *lhs = read(compared.getLhs()), *rhs = read(compared.getRhs());
  using P = arith::CmpIPredicate;
  if (lhs->type == i1) {
    if (compared.getPredicate() == P::eq)
      return negate(logic(Kind::Xor, lhs, rhs));
    return compared.getPredicate() == P::ne ? logic(Kind::Xor, lhs, rhs) : opaque(op);
  }
  switch (compared.getPredicate()) {
  case P::eq:
    return compare(Kind::Equal, lhs, rhs);
  case P::ne:
    return negate(compare(Kind::Equal, lhs, rhs));
  case P::sle:
    return compare(Kind::LessEqual, lhs, rhs);
  case P::sge:
    return compare(Kind::LessEqual, rhs, lhs);
  case P::sgt:
    return negate(compare(Kind::LessEqual, lhs, rhs));
  case P::slt:
    return negate(compare(Kind::LessEqual, rhs, lhs));
  default:
    return opaque(op);
  }
}

const Expr* MaskTree::readIntegerOp(Operation* op) {
  auto in = [&](unsigned i) { return read(op->getOperand(i)); };
  bool isBit = op->getResult(0).getType() == i1;
  if (auto size = dyn_cast<attn::SizeOp>(op)) {
    Expr expr{Kind::Size, i64};
    expr.name = size.getName();
    expr.point = true;
    return intern(std::move(expr));
  }
  if (isa<arith::ExtUIOp>(op) && op->getOperand(0).getType() == i1)
    return make(Kind::FromBool, i64, {in(0)});
  if (op->getNumOperands() == 0 || op->getOperand(0).getType() != op->getResult(0).getType())
    return opaque(op);
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op)) {
    Kind kind = isa<arith::AndIOp>(op) ? Kind::And : isa<arith::OrIOp>(op) ? Kind::Or : Kind::Xor;
    const Expr *lhs = in(0), *rhs = in(1);
    if (isBit)
      return logic(kind, lhs, rhs);
    if (lhs->isConstant())
      std::swap(lhs, rhs);
    if (kind == Kind::Xor && rhs == constant(-1)) // ~x
      return combine(lhs, -1, rhs, 1);
    // x & (2^n - 1) is x mod 2^n
    uint64_t mask = static_cast<uint64_t>(rhs->constant);
    if (kind == Kind::And && rhs->isConstant() && rhs->constant > 0 && rhs->constant < kSafe &&
        (mask & (mask + 1)) == 0)
      return divide(Kind::FloorMod, lhs, constant(rhs->constant + 1));
    return make(kind, i64, {lhs, rhs});
  }
  if (isBit)
    return opaque(op);
  if (isa<arith::ShLIOp, arith::ShRSIOp>(op) && in(1)->isConstant()) {
    int64_t amount = in(1)->constant;
    if (amount < 0 || amount > 60)
      return opaque(op);
    const Expr* power = constant(int64_t(1) << amount);
    return isa<arith::ShLIOp>(op) ? multiply(in(0), power) : divide(Kind::FloorDiv, in(0), power);
  }
  return llvm::TypeSwitch<Operation*, const Expr*>(op)
      .Case<arith::AddIOp>([&](auto) { return combine(in(0), 1, in(1), 1); })
      .Case<arith::SubIOp>([&](auto) { return combine(in(0), 1, in(1), -1); })
      .Case<arith::MulIOp>([&](auto) { return multiply(in(0), in(1)); })
      .Case<arith::MinSIOp>([&](auto) { return minMax(Kind::Min, in(0), in(1)); })
      .Case<arith::MaxSIOp>([&](auto) { return minMax(Kind::Max, in(0), in(1)); })
      .Case<math::AbsIOp>([&](auto) { return absolute(in(0)); })
      .Case<attn::FloorDivOp>([&](auto) { return divide(Kind::FloorDiv, in(0), in(1)); })
      .Case<attn::FloorModOp>([&](auto) { return divide(Kind::FloorMod, in(0), in(1)); })
      .Default([&](Operation*) { return opaque(op); });
}

// ---- floats -------------------------------------------------------------------------------------

const Expr* MaskTree::readRealOp(Operation* op) {
  auto in = [&](unsigned i) { return read(op->getOperand(i)); };
  auto minusOne = [&]() {
    Expr expr{Kind::Constant, f32};
    expr.real = -1;
    return intern(std::move(expr));
  };
  if (isa<arith::SIToFPOp>(op) && op->getOperand(0).getType() == i64)
    return make(Kind::FromInt, f32, {in(0)});
  if (isa<arith::UIToFPOp>(op) && op->getOperand(0).getType() == i1)
    return make(Kind::FromInt, f32, {make(Kind::FromBool, i64, {in(0)})});
  if (llvm::any_of(op->getOperandTypes(), [&](Type type) { return type != f32; }))
    return opaque(op);
  return llvm::TypeSwitch<Operation*, const Expr*>(op)
      .Case<arith::AddFOp>([&](auto) { return make(Kind::Add, f32, {in(0), in(1)}); })
      .Case<arith::SubFOp>(
          [&](auto) { return make(Kind::Add, f32, {in(0), make(Kind::Mul, f32, {in(1), minusOne()})}); })
      .Case<arith::NegFOp>([&](auto) { return make(Kind::Mul, f32, {in(0), minusOne()}); })
      .Case<arith::MulFOp>([&](auto) { return make(Kind::Mul, f32, {in(0), in(1)}); })
      .Case<arith::DivFOp>([&](auto) { return make(Kind::Div, f32, {in(0), in(1)}); })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([&](auto) { return make(Kind::Min, f32, {in(0), in(1)}); })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) { return make(Kind::Max, f32, {in(0), in(1)}); })
      .Case<math::AbsFOp>([&](auto) { return make(Kind::Abs, f32, {in(0)}); })
      .Default([&](Operation*) { return opaque(op); });
}

const Expr* MaskTree::readRealCompare(Operation* op) {
  auto compared = cast<arith::CmpFOp>(op);
  if (compared.getLhs().getType() != f32)
    return opaque(op);
  const Expr *lhs = read(compared.getLhs()), *rhs = read(compared.getRhs());
  using P = arith::CmpFPredicate;
  switch (compared.getPredicate()) {
  case P::OLT:
    return make(Kind::Less, i1, {lhs, rhs});
  case P::OGT:
    return make(Kind::Less, i1, {rhs, lhs});
  case P::UGE:
    return negate(make(Kind::Less, i1, {lhs, rhs}));
  case P::ULE:
    return negate(make(Kind::Less, i1, {rhs, lhs}));
  case P::OLE:
    return make(Kind::LessEqual, i1, {lhs, rhs});
  case P::OGE:
    return make(Kind::LessEqual, i1, {rhs, lhs});
  default:
    return opaque(op); // equality of rounded values is not decided
  }
}
