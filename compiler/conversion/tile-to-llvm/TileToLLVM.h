//===- TileToLLVM.h - tile kernels as vector code for a CPU ------------------===//
//
// A tile.kernel becomes one llvm.func with the C signature
//
//     void kernel(const uint64_t* slots, uint64_t block, void* worker_scratch)
//
// `slots` are 8-byte arguments whose meaning the function lists in its `attile.slots` attribute, an array of
// strings: "pointer:q" (data of an operand or scratch buffer), "value:q.stride.2" (a size, as tile.size names
// them), "param:cap" (a scalar; f32 bits in the low half). `attile.worker_scratch` is the bytes of private,
// 64-byte-aligned memory that a worker brings. Nothing is called out of the kernel.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_CONVERSION_TILETOLLVM_H
#define ATTILE_CONVERSION_TILETOLLVM_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <memory>

namespace mlir {
class Pass;
}

namespace attile {

/// What the lowering must know about a CPU.
struct VectorTarget {
  int64_t lanes = 4;         ///< f32 lanes of a vector register
  bool dotBf16 = false;      ///< AVX512_BF16: vdpbf16ps
  bool scaleByPower = false; ///< AVX-512: vscalefps
  bool convertsF16 = true;   ///< F16C
};

inline constexpr llvm::StringLiteral kSlotsAttr = "attile.slots";
inline constexpr llvm::StringLiteral kWorkerScratchAttr = "attile.worker_scratch";

/// The greatest length that positions may reach: runtimes refuse longer inputs, kernels compute positions in
/// 32 bits.
inline constexpr int64_t kMaxLength = int64_t(1) << 29;

/// Replaces every tile.kernel of `module` by its function. Plans stay. Buffers must have CPU layouts
/// (assign-cpu-layouts).
mlir::LogicalResult lowerKernelsToVector(mlir::ModuleOp module, const VectorTarget& target);

/// The function above as a pass, for attile-opt: `--convert-tile-to-vector="lanes=16 ..."`.
std::unique_ptr<mlir::Pass> createTileToVectorPass(VectorTarget target);
void registerTileToVectorPass();

} // namespace attile

#endif
