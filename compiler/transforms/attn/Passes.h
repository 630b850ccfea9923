//===- Passes.h - passes on the attn dialect (documented in Passes.td) -----===//
#ifndef ATTILE_COMPILER_TRANSFORMS_ATTN_PASSES_H
#define ATTILE_COMPILER_TRANSFORMS_ATTN_PASSES_H

#include "dialect/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace attile {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/transforms/attn/Passes.h.inc"

} // namespace attile

#endif // ATTILE_COMPILER_TRANSFORMS_ATTN_PASSES_H
