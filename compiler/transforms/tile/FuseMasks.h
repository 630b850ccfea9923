//===- FuseMasks.h - masks are evaluated where they are used ----------------------------===//
//
// Before:
//
//     scf.if %full { } else { tile.generic ins(%row_q) outs(%visible) { ... mask } }
//     tile.dot %scores, ...
//     scf.if %full { ... } else {
//       tile.generic ins(%scores, %visible) outs(%scores) { ... arith.select %v, %s, %ninf }
//     }
//
// After:
//
//     tile.dot %scores, ...
//     scf.if %full { ... } else {
//       tile.generic ins(%scores, %row_q) outs(%scores) { ... mask ... arith.select %v, %s, %ninf }
//     }
//
// A CPU wants to know before the product whether a tile is empty after all. A GPU's warps do not ask
// (GpuLayouts), and would hold a register for each flag while they multiply.
//
// Precondition: kernels with GPU layouts. Postcondition: the same values; a mask that several generics read
// is evaluated in each. Stands before VisitLoops, which doubles generics.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_FUSEMASKS_H
#define ATTILE_TRANSFORMS_TILE_FUSEMASKS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void fuseMasks(mlir::ModuleOp module);
void registerFuseMasksPass();

} // namespace attile

#endif
