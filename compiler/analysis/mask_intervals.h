//===- mask_intervals.h - the values of mask expressions over a box -------===//
#ifndef ATTILE_COMPILER_ANALYSIS_MASK_INTERVALS_H
#define ATTILE_COMPILER_ANALYSIS_MASK_INTERVALS_H

#include "compiler/analysis/emit.h"
#include "compiler/analysis/mask_tree.h"

#include <functional>

namespace attile::analysis::detail {

/// Values in [lo, hi], both included. For reals f64; NaN in either bound means "nothing is known".
struct Interval {
  mlir::Value lo, hi;
  bool isPoint() const { return lo == hi; }
};

/// any = false: false everywhere; all = true: true everywhere.
using Truth = TileClass;

/// Values that were already emitted for expressions.
struct Known {
  llvm::DenseMap<const Expr*, mlir::Value> exact;
  llvm::DenseMap<const Expr*, Interval> modular, integers, reals;
  llvm::DenseMap<const Expr*, Truth> truths;

  /// What stays true when only the rows change.
  Known withoutRows() const;
};

/// Emits intervals of expressions over a box of rows and the keys [keys.lo, keys.hi]. What an evaluator
/// emitted is reused by it and, for expressions that do not use the key, by evaluators that have it as their
/// `rows`.
class Evaluator {
public:
  Evaluator(Emit emit, const RowBox& box, MaskHost& host, Interval keys, const Known* rows)
      : emit(emit), box(box), host(host), keys(keys), rows(rows) {}

  /// The value of a point.
  mlir::Value exact(const Expr* expr);
  /// Bounds of an i64.
  Interval integer(const Expr* expr);
  /// Bounds of an f32, rounded outward.
  Interval real(const Expr* expr);
  /// What is known of an i1.
  Truth truth(const Expr* expr);

  /// constant + the sum of factor * expr, as bounds of an i64.
  using Term = std::pair<const Expr*, int64_t>;
  Interval sum(int64_t constant, llvm::ArrayRef<Term> terms);
  /// Bounds modulo 2^64, for use in a sum.
  Interval modular(const Expr* expr);

  Known known;
  Emit emit;

private:
  Interval everything() { return {emit.i64(INT64_MIN), emit.i64(INT64_MAX)}; }
  Interval guarded(mlir::Value ok, Interval interval);
  Interval modularSum(int64_t constant, llvm::ArrayRef<Term> terms);
  Interval guardedSum(int64_t constant, llvm::ArrayRef<Term> terms);
  Interval unwrapped(Interval interval, double min, double max, double width);

  mlir::Value computeExact(const Expr* expr);
  Interval computeInteger(const Expr* expr);
  Interval product(const Expr* expr);
  Interval quotient(const Expr* expr);
  Interval remainder(const Expr* expr);
  Interval absolute(const Expr* expr);
  Interval bits(const Expr* expr);
  Interval selected(const Expr* expr);
  Interval looked(const Expr* expr);

  Interval computeReal(const Expr* expr);
  Interval outward(mlir::Value lo, mlir::Value hi);
  Interval realProduct(const Expr* expr);
  Interval realQuotient(const Expr* expr);

  Truth computeTruth(const Expr* expr);
  Truth compared(const Expr* expr);
  Truth comparedReals(const Expr* expr);
  Truth lookedTruth(const Expr* expr);

  const RowBox& box;
  MaskHost& host;
  Interval keys;
  const Known* rows;
};

} // namespace attile::analysis::detail

#endif // ATTILE_COMPILER_ANALYSIS_MASK_INTERVALS_H
