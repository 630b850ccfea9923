//===- mask_solve.h - the keys for which a condition can hold -------------===//
#ifndef ATTILE_COMPILER_ANALYSIS_MASK_SOLVE_H
#define ATTILE_COMPILER_ANALYSIS_MASK_SOLVE_H

#include "compiler/analysis/mask_intervals.h"

namespace attile::analysis::detail {

/// Solves conditions for k over [0, last] by walking from the condition down to k, each node inverted on the
/// interval that it must reach. The result contains every solution; where a node is not understood, all keys.
class Solver {
public:
  /// `forward` evaluates over the same keys [0, last].
  Solver(Evaluator& forward, mlir::Value last) : forward(forward), emit(forward.emit), last(last) {}

  /// Closed bounds of k; a null bound does not constrain. Empty when lo > hi.
  struct Keys {
    mlir::Value lo, hi;
  };

  /// Keys for which `condition` can be `wanted` for some row of the box.
  Keys solve(const Expr* condition, bool wanted);

private:
  /// What an expression must reach; a null bound does not constrain.
  struct Target {
    mlir::Value lo, hi;
  };

  Keys intersect(Keys a, Keys b);
  Keys hull(Keys a, Keys b);
  /// `keys` where ok holds, else all keys.
  Keys guarded(mlir::Value ok, Keys keys);

  Keys solveCompare(const Expr* condition, bool wanted);
  Keys reach(const Expr* expr, Target target);
  Keys reachAffine(const Expr* expr, Target target);
  Keys reachTerm(const Expr* expr, unsigned index, Target target);
  Keys reachProduct(const Expr* expr, Target target);
  Keys reachQuotient(const Expr* expr, Target target);
  Keys reachRemainder(const Expr* expr, Target target);
  Keys reachMinMax(const Expr* expr, Target target);
  Keys reachSelect(const Expr* expr, Target target);

  Evaluator& forward;
  Emit& emit;
  mlir::Value last;
};

} // namespace attile::analysis::detail

#endif // ATTILE_COMPILER_ANALYSIS_MASK_SOLVE_H
