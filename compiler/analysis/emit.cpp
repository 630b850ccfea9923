#include "compiler/analysis/emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attile::analysis::detail;

bool attile::analysis::detail::isConstant(Value value, int64_t& number) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return false;
  number = constant.getSExtValue();
  return true;
}

Value Emit::i64(int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}
Value Emit::i1(bool value) { return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value)); }
Value Emit::f64(double value) {
  return arith::ConstantOp::create(builder, loc, builder.getF64FloatAttr(value));
}

Value Emit::add(Value a, Value b) { return builder.createOrFold<arith::AddIOp>(loc, a, b); }
Value Emit::sub(Value a, Value b) { return builder.createOrFold<arith::SubIOp>(loc, a, b); }
Value Emit::mul(Value a, Value b) { return builder.createOrFold<arith::MulIOp>(loc, a, b); }
Value Emit::mul(Value a, int64_t b) {
  if (b == 1)
    return a;
  return b == -1 ? neg(a) : mul(a, i64(b));
}
Value Emit::min(Value a, Value b) { return a == b ? a : builder.createOrFold<arith::MinSIOp>(loc, a, b); }
Value Emit::max(Value a, Value b) { return a == b ? a : builder.createOrFold<arith::MaxSIOp>(loc, a, b); }

Value Emit::floorDiv(Value a, Value b) { return builder.createOrFold<arith::FloorDivSIOp>(loc, a, b); }
Value Emit::ceilDiv(Value a, Value b) {
  int64_t divisor = 0;
  return isConstant(b, divisor) && divisor == 1 ? a : neg(floorDiv(neg(a), b));
}

Value Emit::quotient(Value a, Value b) {
  int64_t divisor = 0;
  if (isConstant(b, divisor) && divisor > 0)
    return floorDiv(a, b);
  // x / 0 = 0 and x / -1 = -x (which may wrap) never reach the division.
  Value zero = equal(b, i64(0)), minusOne = equal(b, i64(-1));
  Value regular = floorDiv(a, select(either(zero, minusOne), i64(1), b));
  return select(zero, i64(0), select(minusOne, neg(a), regular));
}

Value Emit::lessEqual(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sle, a, b);
}
Value Emit::equal(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, a, b);
}
Value Emit::both(Value a, Value b) { return builder.createOrFold<arith::AndIOp>(loc, a, b); }
Value Emit::either(Value a, Value b) { return builder.createOrFold<arith::OrIOp>(loc, a, b); }
Value Emit::differ(Value a, Value b) { return builder.createOrFold<arith::XOrIOp>(loc, a, b); }

Value Emit::invert(Value a) {
  if (auto compared = a.getDefiningOp<arith::CmpIOp>())
    return arith::CmpIOp::create(builder, loc, arith::invertPredicate(compared.getPredicate()),
                                 compared.getLhs(), compared.getRhs());
  return differ(a, i1(true));
}

Value Emit::select(Value condition, Value a, Value b) {
  return a == b ? a : builder.createOrFold<arith::SelectOp>(loc, condition, a, b);
}

Value Emit::within(Value lo, Value hi, int64_t limit) {
  return both(lessEqual(i64(-limit), lo), lessEqual(hi, i64(limit)));
}
