//===- OverlapProducts.h - scores of a tile while the one before meets its values ----------===//
//
// Before, in the consumers of SpecialiseWarps:
//
//     scf.for ... iter_args(%count) {
//       scf.if %any {
//         tile.barrier_wait %k_full ; tile.dot %s, %q_tile, %k_tile ; tile.barrier_arrive %k_empty
//         ...                                                  // softmax of %s: %x, %f
//         tile.copy %w, %x ; scf.if %few { tile.residual %low, %x }
//         tile.barrier_wait %v_full
//         tile.dot %o, %w, %v_tile rescale(%f) accumulate ; scf.if %few { tile.dot %o, %low, %v_tile
//         accumulate } tile.barrier_arrive %v_empty
//       }
//     }
//
// After:
//
//     scf.for ... iter_args(%count) {
//       scf.if %any {
//         tile.barrier_wait %k_full ; tile.dot_async %s, %q_tile, %k_tile
//         scf.if %count > 0 {
//           tile.barrier_wait %v_full[before] ; tile.dot_async %o, %w, %v_tile[before] accumulate
//           tile.wait of(%s)
//         } else {
//           tile.wait of(%s)
//         }
//         tile.barrier_arrive %k_empty
//         ...                                                  // the softmax runs beside the product with
//         values tile.wait of(%o) computed(%x) scf.if %count > 0 { tile.barrier_arrive %v_empty[before] }
//         tile.generic outs(%o) { o * f }
//         tile.copy %w, %x
//         scf.if %few { tile.residual %low, %x ; tile.barrier_wait %v_full ; tile.dot %o, %low, %v_tile
//         accumulate }
//       }
//     }
//     scf.if %count > 0 { tile.barrier_wait %v_full[last] ; tile.dot %o, %w, %v_tile[last] accumulate ; ... }
//
// Softmax and products then use different units of an SM at the same time (FlashAttention-3, section 3.2,
// "intra-warpgroup overlap"). It costs the registers of the weights, which live beside the next scores.
// Where there are few keys, what rounding has left of the weights is multiplied at once: it needs no
// registers from tile to tile.
//
// Precondition: roles of SpecialiseWarps, whose body has one product with keys and one with values. Others
// stay as they are. Postcondition: the same sums, each scaled before a tile is added rather than after.
// Stands after SpecialiseWarps, whose stages it reads a tile later, and before PingPong, which orders what it
// starts.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_OVERLAPPRODUCTS_H
#define ATTILE_TRANSFORMS_TILE_OVERLAPPRODUCTS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void overlapProducts(mlir::ModuleOp module);
void registerOverlapProductsPass();

} // namespace attile

#endif
