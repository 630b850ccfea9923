//===- Emit.h - CUDA C++ from prepared tile kernels ----------------------------------===//
//
// A kernel is printed as it reads in `tile`: buffers become objects of templates/, tile operations calls,
// generics loops over the elements that a thread holds, scalars expressions. Nothing is decided here and the
// IR is not changed: PrepareForEmission has done that. The same IR gives the same text.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_BACKENDS_CUDA_EMIT_H
#define ATTILE_BACKENDS_CUDA_EMIT_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace attile::cuda {

/// The module's kernels. `heading` is printed as a comment. Precondition: prepareForEmission has accepted the
/// module.
std::string emitCuda(mlir::ModuleOp module, mlir::StringRef heading);

} // namespace attile::cuda

#endif
