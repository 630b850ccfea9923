//===- GpuLayouts.h - buffers where a GPU block wants them ----------------------===//
//
// Query rows are divided among the warps of a block. Scores, weights, output and row statistics lie in
// registers, in the fragments that matrix instructions write; queries, keys and values lie in shared memory.
// Before:
//
//     %qt = tile.alloc : !tile.buffer<64x128xbf16, local>
//     %s = tile.alloc : !tile.buffer<64x64xf32, local>
//     tile.visit ... body {
//       tile.dot %s, %qt, %keys transpose_b
//       ...
//       tile.dot %o, %s, %values rescale(%f) accumulate
//     }
//
// After:
//
//     %qt = tile.alloc : !tile.buffer<64x128xbf16, shared, swizzle_128>
//     %s = tile.alloc : !tile.buffer<64x64xf32, register, fragment>
//     %kt = tile.alloc : !tile.buffer<64x128xbf16, shared, swizzle_128>
//     %vt = tile.alloc : !tile.buffer<64x128xbf16, shared, swizzle_128>
//     %w = tile.alloc : !tile.buffer<64x64xbf16, register, fragment>
//     tile.visit ... body {
//       %0 = tile.copy_async %kt, %keys -> !tile.token
//       tile.wait %0
//       tile.sync block                                       // all have read the last tile's values, too
//       %1 = tile.copy_async %vt, %values -> !tile.token
//       tile.dot %s, %qt, %kt transpose_b
//       ...
//       tile.copy %w, %s
//       tile.wait %1
//       tile.sync block
//       tile.dot %o, %w, %vt rescale(%f) accumulate
//     }
//
// Precondition: kernels as attn-to-tile writes them, with a schedule. Postcondition: no
// local buffer is left; both operands of a dot are in shared memory, or the left one is a fragment; what a
// `tile.generic` reads and writes are fragments (rank 2) and rows in registers (rank 1). Stands first of the
// GPU's passes: all others read the spaces that it assigns.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_GPULAYOUTS_H
#define ATTILE_TRANSFORMS_TILE_GPULAYOUTS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void assignGpuLayouts(mlir::ModuleOp module);
void registerGpuLayoutsPass();

} // namespace attile

#endif
