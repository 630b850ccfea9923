//===- PingPong.h - warpgroups take turns at the matrix units ------------------------------===//
//
// Before, in the consumers of OverlapProducts:
//
//     scf.for ... {
//       scf.if %any {
//         tile.barrier_wait %k_full
//         tile.dot_async %s, ...
//         scf.if %due { tile.dot_async %o, ... ; tile.wait of(%s) } else { tile.wait of(%s) }
//         ...                                                                        // softmax
//
// After:
//
//     %who = tile.role_index  ;  %next = %who + 1, or 0 after the last
//     scf.if %who = last { tile.sync role id 3 plus %next groups 2 arrive }  // the first turn is the first
//     one's scf.for ... {
//       scf.if %any {
//         tile.barrier_wait %k_full
//         tile.sync role id 3 plus %who groups 2
//         tile.dot_async %s, ...
//         scf.if %due { tile.dot_async %o, ... ; tile.sync role id 3 plus %next groups 2 arrive ; tile.wait
//         of(%s) } else { tile.sync role id 3 plus %next groups 2 arrive ; tile.wait of(%s) }
//         ...
//
// So the products of one are in the matrix units while others are busy with their softmax, where all would
// else do the same at the same time (FlashAttention-3, section 3.1, "ping-pong scheduling"). All see the same
// tiles: as many turns are taken as passed on. The last one is passed to nobody.
//
// Precondition: roles of two warpgroups or more after OverlapProducts; others stay as they are. Hardware
// barriers up to the number of roles are those of the roles. Postcondition: the same work in each warpgroup.
// Stands after OverlapProducts, which starts both products in one go; a turn for each would leave the units
// idle between.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_PINGPONG_H
#define ATTILE_TRANSFORMS_TILE_PINGPONG_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void pingPong(mlir::ModuleOp module);
void registerPingPongPass();

} // namespace attile

#endif
