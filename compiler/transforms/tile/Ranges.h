//===- Ranges.h - bounds of integers, to compute in 32 bits where that is exact ---===//
#ifndef ATTILE_TRANSFORMS_TILE_RANGES_H
#define ATTILE_TRANSFORMS_TILE_RANGES_H

#include "mlir/IR/Value.h"

#include "llvm/ADT/DenseMap.h"

#include <cstdint>

namespace attile {

/// The greatest length that positions may reach: runtimes refuse longer inputs, kernels compute positions in
/// 32 bits.
inline constexpr int64_t kMaxLength = int64_t(1) << 29;

/// lo <= value <= hi, in 64-bit two's complement.
struct IntRange {
  int64_t lo = INT64_MIN, hi = INT64_MAX;
  bool within(int64_t low, int64_t high) const { return lo >= low && hi <= high; }
  /// Strictly inside i32, so that a comparison with anything clamped to i32 stays exact.
  bool narrow() const { return within(INT32_MIN + 1, INT32_MAX - 1); }
  bool nonNegative() const { return lo >= 0; }
};

/// Ranges of i64 values, from constants upwards. Positions and sizes are at most kMaxLength (the runtime
/// checks).
class Ranges {
public:
  IntRange of(mlir::Value value);
  void set(mlir::Value value, IntRange range) { known[value] = range; }
  /// Before a value is erased: another may come to its place.
  void forget(mlir::Value value) { known.erase(value); }

private:
  IntRange compute(mlir::Value value);
  llvm::DenseMap<mlir::Value, IntRange> known;
};

} // namespace attile

#endif
