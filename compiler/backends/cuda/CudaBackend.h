//===- CudaBackend.h - kernels as CUDA C++, PTX and machine code --------------------------===//
//
// The last stages on a GPU: tile passes -> prepared tile -> CUDA text -> NVRTC -> PTX and cubin.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_BACKENDS_CUDA_CUDABACKEND_H
#define ATTILE_BACKENDS_CUDA_CUDABACKEND_H

#include "compiler/backends/cuda/nvrtc.h"
#include "compiler/schedule/gpu.h"

#include <attile/package.h>

#include "mlir/IR/BuiltinOps.h"

namespace attile::cuda {

/// The tile passes of a GPU, from what attn-to-tile writes to what emitCuda prints.
mlir::LogicalResult lowerTiles(mlir::ModuleOp module, const schedule::Warpgroups& warpgroups);

struct CudaCode {
  NvrtcResult result;
  std::vector<CodeSection> sections; ///< the cubin, if it was asked for, and the PTX
};

/// Compiles `text`, as emitCuda has printed it from `module`. Errors: no NVRTC (environment); text that NVRTC
/// refuses is our fault (internal).
Result<CudaCode> compileCuda(mlir::ModuleOp module, const std::string& text, const std::string& name,
                             const std::string& target, bool machineCode);

} // namespace attile::cuda

#endif
