//===- Hoist.h - clean scalar code of a finished kernel ---------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_HOIST_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_HOIST_H

#include "dialect/tile/Tile.h"

namespace attile::attn_to_tile {

/// Moves scalar code and lookups out of generics, visits, loops and branches as far as their operands allow,
/// merges equal ones, erases dead ones. Kernels of this conversion never write what they look up and guard
/// every divisor, so that executing such code early is always safe.
void hoistInvariants(tile::KernelOp kernel);

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_HOIST_H
