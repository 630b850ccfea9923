#pragma once

#include "compiler/irgen/emitter.h"

#include "dialect/attn/Attn.h"

#include <mlir/IR/BuiltinOps.h>

namespace attile::irgen {

/// A user's monoid. Its regions are isolated and read sizes only, so what a lift computes from params,
/// indices and lets becomes a further score stream, made by an attn.modify before the reduce.
struct UserFold {
  attn::MonoidOp monoid;
  std::vector<Closure> streams; ///< scores that lift takes after s, in order
};

/// Builds @<attention>.fold in `module` and checks its laws. Which fields are gauges is inferred: a row field
/// whose merge is not linear in the field itself (a maximum, say) and reads such fields only, provided that
/// the outputs then do not depend on the gauge, which is tested. All others are sums.
UserFold buildFold(mlir::ModuleOp module, const AttentionScope& scope, const ast::Fold& fold,
                   std::vector<frontend::Diagnostic>& diagnostics);

} // namespace attile::irgen
