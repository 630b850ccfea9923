// One attention of a spec in its naive form, for what looks at that and compiles nothing.
#pragma once

#include "compiler/reference/interpreter.h"

#include <attile/compiler.h>

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace attile::api {

struct AttnModule {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  attn::KernelOp kernel;

  /// The attention that the options name, or the only one. Its Error has the diagnostics.
  static Result<std::shared_ptr<const AttnModule>> create(const Spec& spec, const CompileOptions& options);
};

reference::Arguments argumentsOf(const Operands& operands);

} // namespace attile::api
