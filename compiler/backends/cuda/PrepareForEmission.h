//===- PrepareForEmission.h - the last rewriting before CUDA text is printed ------===//
//
// Decides everything that the printer needs and that an operation does not say itself, and writes it down as
// attributes:
//
//   tile.kernel   tile.slots         the parameters, in order: ["pointer:q", "value:q.stride.0", ...], as a
//   plan's slots
//                 tile.threads       threads of a block
//                 tile.shared_bytes  dynamic shared memory of a block
//   tile.alloc    tile.offset        of a shared buffer, in bytes; tile.id, a telling name
//   tile.barrier_alloc               the same; tile.count, how many warps arrive for the arrivals it is for
//   tile.gather   tile.offset        of its row offsets, in shared memory
//   tile.wait     tile.pending       copies, or groups of products, that may still be in flight afterwards
//
// Precondition: kernels after the GPU's tile passes. Postcondition: the printer prints every operation, or
// this pass has refused it with a diagnostic at its place.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_BACKENDS_CUDA_PREPAREFOREMISSION_H
#define ATTILE_BACKENDS_CUDA_PREPAREFOREMISSION_H

#include "dialect/tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"

namespace attile::cuda {

/// Attributes that this pass writes, beside tile::kSlotsAttr.
inline constexpr char kThreads[] = "tile.threads", kSharedBytes[] = "tile.shared_bytes",
                      kOffset[] = "tile.offset", kId[] = "tile.id", kPending[] = "tile.pending",
                      kCount[] = "tile.count";

/// Whether a kernel's dots are those of warpgroups, which read tiles of panels.
bool usesWarpgroups(tile::KernelOp kernel);
/// Threads of a role's groups.
int64_t threadsOf(tile::RoleAttr role);
/// The slot of the tensor map that a copy with a barrier reads: "map:128:k", with the rows of a tile.
std::string mapSlot(tile::CopyAsyncOp copy);

mlir::LogicalResult prepareForEmission(mlir::ModuleOp module);
void registerPrepareForEmissionPass();

} // namespace attile::cuda

#endif
