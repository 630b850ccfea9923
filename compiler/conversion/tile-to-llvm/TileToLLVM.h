//===- TileToLLVM.h - tile kernels as vector code for a CPU ------------------===//
//
// A tile.kernel becomes one llvm.func with the C signature
//
//     void kernel(const uint64_t* slots, uint64_t block, void* worker_scratch)
//
// `slots` are 8-byte arguments whose meaning the function lists in its `tile.slots` attribute, an array of
// strings: "pointer:q" (data of an operand or scratch buffer), "value:q.stride.2" (a size, as tile.size names
// them), "param:cap" (a scalar; f32 bits in the low half). `attile.worker_scratch` is the bytes of private,
// 64-byte-aligned memory that a worker brings. Nothing is called out of the kernel.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_CONVERSION_TILETOLLVM_H
#define ATTILE_CONVERSION_TILETOLLVM_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>

namespace attile {

/// What the lowering must know about a CPU.
struct VectorTarget {
  int64_t lanes = 4; ///< f32 lanes of a vector register
  /// Names of LLVM intrinsics on whole vectors, empty where the CPU has no such instruction.
  std::string dotBf16;          ///< acc + a.even * b.even + a.odd * b.odd, of f32 and pairs of bf16
  std::string scaleByPower;     ///< x * 2^n: (x, n, passthrough, mask, rounding)
  std::string reciprocal;       ///< 1 / x within 2^-14 of it: (x, passthrough, mask)
  bool convertsF16 = true;      ///< f16 <-> f32 by an instruction
  bool fusesMultiplyAdd = true; ///< a * b + c with one rounding
  bool tilesBf16 = false;       ///< tile registers that multiply bf16 (AMX)
};

inline constexpr llvm::StringLiteral kWorkerScratchAttr = "attile.worker_scratch";

/// Replaces every tile.kernel of `module` by its function. Plans stay. Buffers must have CPU layouts
/// (assign-cpu-layouts).
mlir::LogicalResult lowerKernelsToVector(mlir::ModuleOp module, const VectorTarget& target);

/// The function above as a pass, for attile-opt: `--convert-tile-to-vector="lanes=16"`.
void registerTileToVectorPass();

} // namespace attile

#endif
