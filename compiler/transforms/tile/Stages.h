//===- Stages.h - where in a pipeline of stages a run of its body is --------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_STAGES_H
#define ATTILE_TRANSFORMS_TILE_STAGES_H

#include "mlir/IR/Builders.h"

namespace attile {

/// A constant of `bits` bits.
mlir::Value wholeNumber(mlir::OpBuilder& b, mlir::Location loc, int64_t value, unsigned bits = 64);

/// Run `count` (i32, from 0) of a body uses stage `count mod stages`, whose barriers are in the phase with
/// parity `count / stages mod 2`. Both are positions (i64).
struct StageAt {
  StageAt(mlir::OpBuilder& b, mlir::Location loc, mlir::Value count, int64_t stages);
  mlir::Value stage, parity;

  /// The count from which a stage was computed; null if it was not.
  static mlir::Value countOf(mlir::Value stage);
};

/// The tile of a stage, of buffers [stages, rows, columns].
mlir::Value tileOfStage(mlir::OpBuilder& b, mlir::Location loc, mlir::Value buffers, mlir::Value stage,
                        mlir::Type tile);

} // namespace attile

#endif
