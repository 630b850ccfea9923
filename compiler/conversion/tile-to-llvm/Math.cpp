//===- Math.cpp - elementary functions on f32, without calls ------------------------===//
//
// exp and tanh are written out here, because attention spends its special-function time there, and sin and
// cos, because positions are large angles; the rest is left to MLIR's polynomial approximations, which the
// CPU pipeline runs afterwards. tests/unit/cpu_math_test.cpp says how accurate each is.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace attile {
namespace {

struct MathEmitter {
  KernelLowering& k;
  Type type; ///< f32 or a vector of it

  Value number(double value) {
    Value scalar = k.constant(float(value));
    if (auto vector = dyn_cast<VectorType>(type))
      return k.splat(scalar, vector);
    return scalar;
  }
  Type typed(Type element) {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(k.b, k.loc, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(k.b, k.loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(k.b, k.loc, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(k.b, k.loc, a, b); }
  /// In two roundings on a CPU without the instruction.
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(k.b, k.loc, a, b, c); }
  Value less(Value a, Value b) { return arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OLT, a, b); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(k.b, k.loc, c, a, b); }

  /// Whether 2^n * x is one instruction here: AVX-512 has one, also for chosen lanes only.
  bool scalesByPower() {
    auto vector = dyn_cast<VectorType>(type);
    return vector && vector.getNumElements() == k.target.lanes && !k.target.scaleByPower.empty();
  }

  /// 2^n * x for n integral where `chosen`, 0 elsewhere.
  Value scaleChosen(Value chosen, Value x, Value n) {
    auto name = k.b.getStringAttr(k.target.scaleByPower);
    Type bits = k.b.getIntegerType(k.target.lanes);
    Value word = vector::BitCastOp::create(k.b, k.loc, VectorType::get({1}, bits), chosen);
    Value mask = vector::ExtractOp::create(k.b, k.loc, word, int64_t(0));
    Value rounding = arith::ConstantOp::create(k.b, k.loc, k.b.getI32IntegerAttr(4)); // the current mode
    return LLVM::CallIntrinsicOp::create(k.b, k.loc, type, name, ValueRange{x, n, number(0), mask, rounding})
        .getResult(0);
  }

  /// a / b within about half a unit in the last place more than rounding takes, where b and 1 / b are far
  /// from the ends of f32. A divider takes 16 cycles for a vector of 512 bits on Intel CPUs; this takes four
  /// instructions.
  Value quotient(Value a, Value b) {
    auto vector = dyn_cast<VectorType>(type);
    if (!vector || vector.getNumElements() != k.target.lanes || k.target.reciprocal.empty())
      return div(a, b);
    Value all =
        arith::ConstantOp::create(k.b, k.loc, k.b.getIntegerAttr(k.b.getIntegerType(k.target.lanes), -1));
    auto name = k.b.getStringAttr(k.target.reciprocal);
    Value inverse =
        LLVM::CallIntrinsicOp::create(k.b, k.loc, type, name, ValueRange{b, number(0), all}).getResult(0);
    Value near = mul(a, inverse);
    Value left = fma(arith::NegFOp::create(k.b, k.loc, near), b, a);
    return fma(left, inverse, near);
  }

  /// 2^n * x for n integral and within [-130, 130]: exponents are added in two halves.
  Value scale(Value x, Value n) {
    Type i32 = typed(k.b.getI32Type());
    auto integer = [&](int64_t value) -> Value {
      Value scalar = arith::ConstantIntOp::create(k.b, k.loc, k.b.getI32Type(), value);
      auto vector = dyn_cast<VectorType>(i32);
      return vector ? k.splat(scalar, vector) : scalar;
    };
    auto power = [&](Value e) -> Value {
      Value bits =
          arith::ShLIOp::create(k.b, k.loc, arith::AddIOp::create(k.b, k.loc, e, integer(127)), integer(23));
      return arith::BitcastOp::create(k.b, k.loc, type, bits);
    };
    Value e = arith::FPToSIOp::create(k.b, k.loc, i32, n);
    Value half = arith::ShRSIOp::create(k.b, k.loc, e, integer(1));
    return mul(mul(x, power(half)), power(arith::SubIOp::create(k.b, k.loc, e, half)));
  }

  /// 2^f for |f| <= 1/2: minimax polynomial, relative error below 2^-25 (Cephes exp2f coefficients).
  Value powerOfFraction(Value f) {
    const double c[] = {1.535336188319500e-4, 1.339887440266574e-3, 9.618437357674640e-3,
                        5.550332471162809e-2, 2.402264791363012e-1, 6.931472028550421e-1};
    Value p = number(c[0]);
    for (double next : llvm::ArrayRef<double>(c).drop_front())
      p = fma(p, f, number(next));
    return fma(p, f, number(1.0));
  }

  /// x clamped to [lo, hi]; NaN stays (the second operand of the machine's min and max wins).
  Value clamp(Value x, double lo, double hi) {
    Value low = number(lo);
    Value above = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OGT, low, x);
    return atMost(select(above, low, x), hi);
  }
  Value atMost(Value x, double hi) {
    Value high = number(hi);
    return select(less(high, x), high, x);
  }

  /// A power of x, `of` a bounded x giving its mantissa and exponent; 0 where x < lo, so that no result is
  /// subnormal: making and multiplying those takes CPUs a hundred times as long, and masked scores and keys
  /// far away would make many.
  Value power(Value x, double lo, double hi, llvm::function_ref<std::pair<Value, Value>(Value)> of) {
    if (scalesByPower()) { // what is not chosen may be any number
      Value chosen = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UGE, x, number(lo));
      auto [mantissa, exponent] = of(atMost(x, hi));
      return scaleChosen(chosen, mantissa, exponent);
    }
    auto [mantissa, exponent] = of(clamp(x, lo, hi));
    return select(less(x, number(lo)), number(0), scale(mantissa, exponent));
  }

  /// 2^x = 2^n * 2^f.
  Value exp2(Value x) {
    return power(x, -126, 128.5, [&](Value bounded) {
      Value n = math::RoundEvenOp::create(k.b, k.loc, bounded);
      return std::pair(powerOfFraction(sub(bounded, n)), n);
    });
  }

  /// e^x = 2^n * 2^f, with n + f = x * log2(e) to more bits than an f32 has.
  Value exp(Value x) {
    const double log2e = 1.4426950408889634, rest = log2e - double(float(log2e));
    const double lo = -0x1.5d589ep+6; // the least f32 whose power is not subnormal
    return power(x, lo, 128.5 / log2e, [&](Value bounded) {
      Value n = math::RoundEvenOp::create(k.b, k.loc, mul(bounded, number(log2e)));
      Value f;
      if (k.target.fusesMultiplyAdd) {
        f = fma(bounded, number(log2e), arith::NegFOp::create(k.b, k.loc, n));
        f = fma(bounded, number(rest), f);
      } else { // n times the upper bits of ln(2) is exact
        const double high = 0x1.63p-1, low = 0.6931471805599453 - high;
        f = mul(sub(sub(bounded, mul(n, number(high))), mul(n, number(low))), number(log2e));
      }
      return std::pair(powerOfFraction(f), n);
    });
  }

  /// x * P(x^2) / Q(x^2), whose relative error is below 2^-27 up to |x| of 8 (fitted by least squares with
  /// Lawson's weights); from there on 1 - 2^-22 is near enough to 1. Soft-capped scores spend most
  /// of their time here.
  Value tanh(Value x) {
    const double p[] = {1.529258156e-8, 2.193921022e-5, 3.574318504e-3, 1.344679967e-1, 1.0};
    const double q[] = {8.547743435e-7, 3.415727109e-4, 2.617482347e-2, 4.678012898e-1, 1.0};
    Value bounded = clamp(x, -8, 8), square = mul(bounded, bounded);
    auto polynomial = [&](llvm::ArrayRef<double> coefficients) {
      Value sum = number(coefficients.front());
      for (double next : coefficients.drop_front())
        sum = fma(sum, square, number(next));
      return sum;
    };
    return quotient(mul(bounded, polynomial(p)), polynomial(q));
  }

  /// sin(x + quarters * pi / 2). The reduction is done in f64, where n * pi / 2 keeps its bits up to |x| of
  /// about 1e9; then minimax polynomials of sine and cosine on [-pi/4, pi/4] (Cephes sinf and cosf
  /// coefficients).
  Value sine(Value x, int64_t quarters) {
    auto vector = dyn_cast<VectorType>(type);
    Type f64 = typed(k.b.getF64Type()), i64 = typed(k.b.getI64Type());
    auto wide = [&](double value) -> Value {
      Value scalar = arith::ConstantOp::create(k.b, k.loc, k.b.getF64FloatAttr(value));
      return vector ? k.splat(scalar, cast<VectorType>(f64)) : scalar;
    };
    auto integer = [&](int64_t value) -> Value {
      Value scalar = k.constant(value);
      return vector ? k.splat(scalar, cast<VectorType>(i64)) : scalar;
    };
    Value exact = arith::ExtFOp::create(k.b, k.loc, f64, x);
    Value turns = math::RoundEvenOp::create(k.b, k.loc, mul(exact, wide(0.63661977236758134308)));
    Value left = sub(exact, mul(turns, wide(1.57079632679489655800)));
    left = sub(left, mul(turns, wide(6.12323399573676603587e-17)));
    Value r = arith::TruncFOp::create(k.b, k.loc, type, left), square = mul(r, r);
    // A bounded count of quarters: beyond that, and for infinities, the result is a NaN or has no meaning in
    // f32.
    Value clamped = arith::MinNumFOp::create(
        k.b, k.loc, arith::MaxNumFOp::create(k.b, k.loc, turns, wide(-9e15)), wide(9e15));
    Value n = arith::AddIOp::create(k.b, k.loc, arith::FPToSIOp::create(k.b, k.loc, i64, clamped),
                                    integer(quarters));
    auto bit = [&](int64_t mask) -> Value {
      return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne,
                                   arith::AndIOp::create(k.b, k.loc, n, integer(mask)), integer(0));
    };
    Value s =
        fma(fma(number(-1.9515295891e-4), square, number(8.3321608736e-3)), square, number(-1.6666654611e-1));
    s = fma(mul(s, square), r, r);
    Value c = fma(fma(number(2.443315711809948e-5), square, number(-1.388731625493765e-3)), square,
                  number(4.166664568298827e-2));
    c = fma(mul(c, square), square, fma(square, number(-0.5), number(1.0)));
    Value result = select(bit(1), c, s);
    return select(bit(2), arith::NegFOp::create(k.b, k.loc, result), result);
  }

  /// The approximation takes subnormal numbers for the least normal one; they are scaled into its reach.
  template <class Log> Value logarithm(Value x, double base) {
    Value small = less(x, number(0x1p-126));
    Value log = Log::create(k.b, k.loc, select(small, mul(x, number(0x1p24)), x));
    return sub(log, select(small, number(24 / std::log2(base)), number(0)));
  }

  /// |x|^y, with the sign and the NaN of a negative x.
  Value signedPower(Value x, Value y) {
    Value log = logarithm<math::Log2Op>(math::AbsFOp::create(k.b, k.loc, x), 2);
    Value size = exp2(mul(y, log));
    auto equal = [&](Value a, Value b) -> Value {
      return arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OEQ, a, b);
    };
    auto floor = [&](Value v) -> Value { return math::FloorOp::create(k.b, k.loc, v); };
    Value half = mul(y, number(0.5));
    Value even = equal(floor(half), half), integral = equal(floor(y), y);
    Value signedSize = select(even, size, arith::NegFOp::create(k.b, k.loc, size));
    Value negative = select(integral, signedSize, number(std::numeric_limits<double>::quiet_NaN()));
    Value result = select(less(x, number(0.0)), negative, size);
    Value one = arith::OrIOp::create(k.b, k.loc, equal(y, number(0.0)), equal(x, number(1.0))); // also of NaN
    return select(one, number(1.0), result);
  }

  /// The one of a and b that is `better`; the NaN of either if `keepsNaN`, else the other one. A machine's
  /// maximum yields its second operand where either is NaN: with a constant that is no NaN, one instruction.
  Value extremum(arith::CmpFPredicate better, ValueRange operands, bool keepsNaN) {
    Value a = operands[0], b = operands[1];
    auto isNumber = [](Value value) {
      FloatAttr scalar;
      SplatElementsAttr splat;
      if (auto broadcast = value.getDefiningOp<vector::BroadcastOp>())
        value = broadcast.getSource();
      if (matchPattern(value, m_Constant(&splat)))
        return !splat.getSplatValue<APFloat>().isNaN();
      return matchPattern(value, m_Constant(&scalar)) && !scalar.getValue().isNaN();
    };
    if (isNumber(keepsNaN ? b : a))
      std::swap(a, b);
    Value best = select(arith::CmpFOp::create(k.b, k.loc, better, a, b), a, b);
    Value suspect = keepsNaN ? a : b;
    if (isNumber(suspect))
      return best;
    Value nan = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO, suspect, suspect);
    return select(nan, a, best);
  }
};

} // namespace

Value emitMath(KernelLowering& k, Operation* op, ValueRange operands, Type type) {
  if (!getElementTypeOrSelf(type).isF32())
    return {};
  MathEmitter e{k, type};
  return llvm::TypeSwitch<Operation*, Value>(op)
      .Case([&](math::ExpOp) { return e.exp(operands[0]); })
      .Case([&](math::Exp2Op) { return e.exp2(operands[0]); })
      .Case([&](math::TanhOp) { return e.tanh(operands[0]); })
      .Case([&](math::SinOp) { return e.sine(operands[0], 0); })
      .Case([&](math::CosOp) { return e.sine(operands[0], 1); })
      .Case([&](math::LogOp) { return e.logarithm<math::LogOp>(operands[0], 2.718281828459045); })
      .Case([&](math::PowFOp) { return e.signedPower(operands[0], operands[1]); })
      .Case([&](arith::MaximumFOp) { return e.extremum(arith::CmpFPredicate::OGT, operands, true); })
      .Case([&](arith::MinimumFOp) { return e.extremum(arith::CmpFPredicate::OLT, operands, true); })
      .Case([&](arith::MaxNumFOp) { return e.extremum(arith::CmpFPredicate::OGT, operands, false); })
      .Case([&](arith::MinNumFOp) { return e.extremum(arith::CmpFPredicate::OLT, operands, false); })
      .Case([&](math::RsqrtOp) {
        return e.div(e.number(1.0), math::SqrtOp::create(k.b, k.loc, type, operands[0]));
      })
      .Default([](Operation*) { return Value(); });
}

} // namespace attile
