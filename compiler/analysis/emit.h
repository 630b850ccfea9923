//===- emit.h - short names for the scalar arithmetic that analyses emit --===//
#ifndef ATTILE_COMPILER_ANALYSIS_EMIT_H
#define ATTILE_COMPILER_ANALYSIS_EMIT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

#include <cstdint>
#include <utility>

namespace attile::analysis::detail {

/// Builds arith operations at the builder's insertion point, folding what is constant. Integers are i64 and
/// wrap.
class Emit {
public:
  Emit(mlir::OpBuilder& builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::Value i64(int64_t value);
  mlir::Value i1(bool value);
  mlir::Value f64(double value);

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return b == 0 ? a : add(a, i64(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value neg(mlir::Value a) { return sub(i64(0), a); }
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value clamp(mlir::Value a, int64_t lo, int64_t hi) { return min(max(a, i64(lo)), i64(hi)); }
  /// Rounded down (up); `b` is positive.
  mlir::Value floorDiv(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b);
  /// attn.floordiv for any b.
  mlir::Value quotient(mlir::Value a, mlir::Value b);

  mlir::Value lessEqual(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value differ(mlir::Value a, mlir::Value b);
  mlir::Value invert(mlir::Value a);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// lo >= -limit and hi <= limit
  mlir::Value within(mlir::Value lo, mlir::Value hi, int64_t limit);

  mlir::OpBuilder& builder;
  mlir::Location loc;
};

/// The value when it is a constant.
bool isConstant(mlir::Value value, int64_t& number);

} // namespace attile::analysis::detail

#endif // ATTILE_COMPILER_ANALYSIS_EMIT_H
