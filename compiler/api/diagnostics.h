// The frontend's diagnostics as the values of the public API.
#pragma once

#include "compiler/frontend/frontend.h"

#include <attile/compiler.h>

namespace attile::api {

/// What the frontend takes of the options; the dtype must be one that q can have.
Result<frontend::CompileTimeOptions> frontendOptions(const CompileOptions& options);

std::vector<Diagnostic> diagnosticsOf(const frontend::Source& source,
                                      const std::vector<frontend::Diagnostic>& found);

/// An Error of kind `user` from findings that have an error: the first one is its message, the further errors
/// are its notes.
Error errorOf(const frontend::Source& source, const std::vector<frontend::Diagnostic>& found);

} // namespace attile::api
