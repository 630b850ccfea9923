//===- SpecialiseWarps.h - one warpgroup brings keys and values, others multiply ------===//
//
// Before:
//
//     tile.gather %q_tile, ...
//     scf.for %at = %first to %end step %c128 {
//       ... %any, %k0, %n                              // the head: which tile, and whether it is visited
//       scf.if %any {
//         %a = tile.copy_async %k_tile, %keys  ;  tile.wait %a  ;  tile.sync block
//         %c = tile.copy_async %v_tile, %values
//         tile.dot %s, %q_tile, %k_tile  ;  ...
//         tile.wait %c  ;  tile.sync block
//         tile.dot %o, %w, %v_tile
//       }
//     }
//     tile.scatter ...
//
// After:
//
//     %k_stages = tile.alloc : !tile.buffer<2x128x64xbf16, shared, swizzle_128>     // and %v_stages
//     %k_full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>                    // and %v_full
//     %k_empty = tile.barrier_alloc arrivals 2 : !tile.barrier<2>                   // and %v_empty
//     tile.sync block
//     tile.roles [#tile.role<consumer : 2 warpgroup>, #tile.role<producer : 1 warpgroup>] {
//       tile.gather %q_tile, ...  ;  tile.sync role
//       scf.for %at = ... iter_args(%count) {
//         head
//         scf.if %any {
//           %stage = %count mod 2  ;  %parity = (%count / 2) mod 2
//           %k_tile = tile.slice %k_stages[%stage, 0, 0]
//           tile.barrier_wait %k_full[%stage] parity %parity
//           tile.dot %s, %q_tile, %k_tile
//           tile.barrier_arrive %k_empty[%stage]
//           ...                                        // the same with values
//         }
//       }
//       tile.scatter ...
//     }, {
//       scf.for %at = ... iter_args(%count) {
//         head
//         scf.if %any {
//           tile.barrier_wait %k_empty[%stage] parity 1 - %parity
//           tile.barrier_arrive %k_full[%stage] expect %bytes
//           tile.copy_async %k_tile, %keys signals %k_full[%stage]
//           ...                                        // the same with values
//         }
//       }
//     }
//
// Both roles decide alike which tiles are visited, and count them. Two stages hide what it takes to bring a
// tile behind the products of the one before.
//
// Precondition: kernels after lowerVisitsToLoops whose dots are those of warpgroups (64 rows), all of whose
// copies are for one body; others stay as they are. Postcondition: no token is left in such a kernel. Stands
// before PrefetchTiles, which serves kernels whose warps are all alike.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_SPECIALISEWARPS_H
#define ATTILE_TRANSFORMS_TILE_SPECIALISEWARPS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void specialiseWarps(mlir::ModuleOp module);
void registerSpecialiseWarpsPass();

} // namespace attile

#endif
