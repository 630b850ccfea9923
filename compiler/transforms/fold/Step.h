//===- Step.h - the tile form of a monoid: step(state, tile) ---------------===//
#ifndef ATTILE_COMPILER_TRANSFORMS_FOLD_STEP_H
#define ATTILE_COMPILER_TRANSFORMS_FOLD_STEP_H

#include "compiler/transforms/fold/Monoid.h"

namespace attile::fold {

/// What a step region is written for.
struct StepShape {
  unsigned scores, values; ///< arguments of the monoid's lift
  bool masked;             ///< some keys may be invisible; else `visible` is not read
};

/// Writes into the empty region `step` the block that advances the state by one tile of keys:
///
///     g_tile = row_reduce(G, visible ? lift.g : identity.g)      g'  = G(g, g_tile)
///     ref    = g' with an infinite identity replaced by 0        (so that no (-inf) - (-inf) is formed)
///     p      = c * W(lift.g, ref), 0 where invisible             one map for all fields with equal p
///     f'     = f * W(g, ref) + sum over keys of p (* v)
void buildStep(mlir::OpBuilder& builder, mlir::Location loc, mlir::Region& step, attn::MonoidOp monoid,
               const LinearMonoid& form, const StepShape& shape);

} // namespace attile::fold

#endif // ATTILE_COMPILER_TRANSFORMS_FOLD_STEP_H
