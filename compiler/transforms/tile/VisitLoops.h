//===- VisitLoops.h - loops over the tiles of keys ------------------------------===//
//
// Before:
//
//     tile.visit keys(%lo to %hi) tile 64 classify { ^bb0(%k0, %k1): ... tile.yield %any, %all }
//       body { ^bb0(%k0, %n, %full): ... }
//
// After:
//
//     scf.for %start = %aligned to %hi step %c64 {
//       %k0 = arith.maxsi %start, %lo
//       %k1 = arith.minsi ..., %hi
//       ...                                  // classify
//       scf.if %any { ... }                  // body, with n = k1 - k0
//     }
//
// A tile that is cut at the ends of the range counts as one that is not seen wholly: so generics over all 64
// keys make no comparison for each score.
//
// Precondition: none. Postcondition: no tile.visit is left. Stands after GpuLayouts, which looks at the
// visit's range, and before what rewrites loops. (The CPU's lowering descends into large ranges instead.)
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_VISITLOOPS_H
#define ATTILE_TRANSFORMS_TILE_VISITLOOPS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

mlir::LogicalResult lowerVisitsToLoops(mlir::ModuleOp module);
void registerVisitLoopsPass();

} // namespace attile

#endif
