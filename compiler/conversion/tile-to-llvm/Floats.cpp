//===- Floats.cpp - 16-bit floats to f32 and back ---------------------------------===//
//
// By instructions where the CPU has them, else by integer arithmetic on the bits: kernels call no library.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

using namespace mlir;

namespace attile {
namespace {

/// Works on the bits of f32 scalars or vectors, as i32.
struct BitEmitter {
  KernelLowering& k;
  VectorType shape; ///< null: scalars

  Type typed(Type element) { return shape ? Type(shape.clone(element)) : element; }
  Value number(int64_t n) {
    Value c = arith::ConstantIntOp::create(k.b, k.loc, k.b.getI32Type(), n);
    return shape ? k.splat(c, shape.clone(k.b.getI32Type())) : c;
  }
  Value real(float x) { return floats(number(llvm::bit_cast<int32_t>(x))); }
  Value bits(Value f32) { return arith::BitcastOp::create(k.b, k.loc, typed(k.b.getI32Type()), f32); }
  Value floats(Value i32) { return arith::BitcastOp::create(k.b, k.loc, typed(k.b.getF32Type()), i32); }
  /// The bits of a 16-bit float, and back.
  Value widened(Value half) {
    Value i16 = arith::BitcastOp::create(k.b, k.loc, typed(k.b.getI16Type()), half);
    return arith::ExtUIOp::create(k.b, k.loc, typed(k.b.getI32Type()), i16);
  }
  Value narrowed(Value i32, Type element) {
    Value i16 = arith::TruncIOp::create(k.b, k.loc, typed(k.b.getI16Type()), i32);
    return arith::BitcastOp::create(k.b, k.loc, typed(element), i16);
  }

  Value add(Value a, Value b) { return arith::AddIOp::create(k.b, k.loc, a, b); }
  Value sub(Value a, Value b) { return arith::SubIOp::create(k.b, k.loc, a, b); }
  Value both(Value a, int64_t b) { return arith::AndIOp::create(k.b, k.loc, a, number(b)); }
  Value either(Value a, Value b) { return arith::OrIOp::create(k.b, k.loc, a, b); }
  Value left(Value a, int64_t n) { return arith::ShLIOp::create(k.b, k.loc, a, number(n)); }
  Value right(Value a, int64_t n) { return arith::ShRUIOp::create(k.b, k.loc, a, number(n)); }
  /// Of numbers whose sign bit is clear.
  Value less(Value a, int64_t b) {
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, a, number(b));
  }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(k.b, k.loc, c, a, b); }

  /// bf16 is the upper half of an f32.
  Value fromBf16(Value half) { return floats(left(widened(half), 16)); }

  /// Round to nearest even: add 0x7fff plus the lowest kept bit; NaN keeps a mantissa bit.
  Value toBf16(Value value) {
    Value x = bits(value);
    Value rounded = add(x, add(both(right(x, 16), 1), number(0x7fff)));
    Value nan = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::UNO, value, value);
    return narrowed(right(select(nan, either(x, number(0x400000)), rounded), 16), k.b.getBF16Type());
  }

  /// The exponent and mantissa of an f16, in place for an f32, are 2^-112 of its value, also if subnormal.
  Value fromF16(Value half) {
    Value h = widened(half), magnitude = both(h, 0x7fff);
    Value shifted = left(magnitude, 13);
    Value finite = bits(arith::MulFOp::create(k.b, k.loc, floats(shifted), real(0x1p112f)));
    Value infiniteOrNan = either(shifted, number(0x7f800000));
    Value result = select(less(magnitude, 0x7c00), finite, infiniteOrNan);
    return floats(either(result, left(both(h, 0x8000), 16)));
  }

  /// Round to nearest even, in three ranges.
  Value toF16(Value value) {
    Value x = bits(value), magnitude = both(x, 0x7fffffff);
    // Normal: as for bf16, with 13 bits to go and another bias. What rounds past 65504 carries into infinity.
    Value odd = both(right(magnitude, 13), 1);
    Value normal = right(add(magnitude, add(odd, number(0xfff - (int64_t(112) << 23)))), 13);
    // Subnormal: added to 1/2, the unit in the last place is the subnormal's, so the addition rounds.
    Value sum = arith::AddFOp::create(k.b, k.loc, floats(magnitude), real(0.5f));
    Value subnormal = sub(bits(sum), number(llvm::bit_cast<int32_t>(0.5f)));
    Value huge = select(less(magnitude, 0x7f800001), number(0x7c00), number(0x7e00));
    Value result = select(less(magnitude, 0x47800000), normal, huge); // 2^16
    result = select(less(magnitude, 0x38800000), subnormal, result);  // 2^-14
    return narrowed(either(result, both(right(x, 16), 0x8000)), k.b.getF16Type());
  }
};

} // namespace

Value KernelLowering::toF32(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32())
    return value;
  BitEmitter e{*this, dyn_cast<VectorType>(value.getType())};
  if (element.isBF16())
    return e.fromBf16(value);
  return target.convertsF16 ? Value(arith::ExtFOp::create(b, loc, e.typed(b.getF32Type()), value))
                            : e.fromF16(value);
}

Value KernelLowering::fromF32(Value value, Type element) {
  if (element.isF32())
    return value;
  BitEmitter e{*this, dyn_cast<VectorType>(value.getType())};
  bool instruction = element.isF16() ? target.convertsF16 : !target.dotBf16.empty() && e.shape;
  if (instruction)
    return arith::TruncFOp::create(b, loc, e.typed(element), value);
  return element.isF16() ? e.toF16(value) : e.toBf16(value);
}

} // namespace attile
