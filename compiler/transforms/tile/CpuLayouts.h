//===- CpuLayouts.h - buffers as vector code for a CPU wants them ---------------===//
//
// Query rows lie across vector lanes, so that row statistics need no horizontal work and a key or value is
// one broadcast number. Before:
//
//     %qt = tile.alloc : !tile.buffer<64x128xbf16, local>
//     %s = tile.alloc : !tile.buffer<64x96xf32, local>
//     %kt = tile.slice %k[...] sizes(%n) : ... -> !tile.buffer<?x128xbf16, global>
//     tile.dot %s, %qt, %kt transpose_b
//
// After, on a CPU without 16-bit dot products:
//
//     %qt = tile.alloc : !tile.buffer<64x128xf32, local, col_major>
//     %s = tile.alloc : !tile.buffer<64x96xf32, local, col_major>
//     %stage = tile.alloc : !tile.buffer<96x128xf32, local>
//     tile.copy %stage, %kt
//     %staged = tile.slice %stage[0, 0] sizes(%n)
//     tile.dot %s, %qt, %staged transpose_b
//
// Precondition: kernels as attn-to-tile writes them, with a schedule. Postcondition: every operand of a
// tile.dot has a layout that the CPU lowering multiplies. Stands last on `tile`: it is the one pass that
// knows lanes.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_CPULAYOUTS_H
#define ATTILE_TRANSFORMS_TILE_CPULAYOUTS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

/// `lanes`: f32 lanes of a vector; `dotBf16`: the CPU multiplies pairs of bf16 (AVX512_BF16); `tilesBf16`: it
/// has tile registers that do (AMX), which are used for the scores of few rows.
mlir::LogicalResult assignCpuLayouts(mlir::ModuleOp module, int64_t lanes, bool dotBf16, bool tilesBf16);
void registerCpuLayoutsPass();

} // namespace attile

#endif
