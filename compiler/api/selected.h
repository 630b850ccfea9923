// One attention of a spec, checked under the options.
#pragma once

#include "compiler/frontend/frontend.h"

#include <attile/compiler.h>

namespace attile::api {

struct Selected {
  const frontend::Source* source = nullptr; ///< the Spec's
  frontend::Result checked;
  const ast::Attention* attention = nullptr; ///< in `checked`
};

/// The attention that the options name, or the only one. Its Error has the diagnostics.
Result<Selected> select(const Spec& spec, const CompileOptions& options);

} // namespace attile::api
