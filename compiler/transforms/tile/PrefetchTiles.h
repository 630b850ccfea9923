//===- PrefetchTiles.h - the next tile's first copy starts before this one is done --------===//
//
// Before:
//
//     scf.for %at = %first to %end step %c64 {
//       ... %any, %k0, %n                              // the head: which tile, and whether it is visited
//       scf.if %any {
//         %a = tile.copy_async %k_tile, ...  ;  tile.wait %a  ;  tile.sync block
//         %c = tile.copy_async %v_tile, ...
//         tile.dot scores, q, %k_tile  ;  ...
//         tile.wait %c  ;  tile.sync block
//         tile.dot out, weights, %v_tile
//       }
//     }
//
// After:
//
//     scf.if %first < %end {
//       head of the first tile  ;  scf.if visited { tile.copy_async %k_tile }
//       scf.for %at = ... {
//         head of this tile
//         scf.if %any {
//           tile.wait  ;  tile.sync block
//           ...
//           tile.wait %c  ;  tile.sync block
//           head of the next tile  ;  scf.if visited { tile.copy_async %k_tile }  // while the second product
//           runs tile.dot out, weights, %v_tile
//         } else {
//           head of the next tile  ;  scf.if visited { tile.copy_async %k_tile }
//         }
//       }
//     }
//
// A head that reads tensors (summaries of documents) is made once for each tile, ahead, and carried by the
// loop. So keys come while weights meet values, and values while scores are made: two tiles of shared memory
// hide both. The second synchronisation tells that all threads have read the keys.
//
// Precondition: loops of lowerVisitsToLoops with at least two copies a tile, the first of which is waited for
// alone. Others stay as they are. Postcondition: the same copies in the same order. Stands after VisitLoops,
// which makes the loops.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_PREFETCHTILES_H
#define ATTILE_TRANSFORMS_TILE_PREFETCHTILES_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void prefetchTiles(mlir::ModuleOp module);
void registerPrefetchTilesPass();

} // namespace attile

#endif
