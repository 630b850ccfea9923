// Tiles that were measured, on disk.
#pragma once

#include "compiler/pipeline/pipeline.h"

#include <attile/compiler.h>

namespace attile::api {

/// What the options say of the way down, with the tiles that they, or remember_tile(), name for this
/// attention. A usage error if a tile is none.
Result<PipelineOptions> pipelineOptions(const CompileOptions& options, const ast::Attention& attention);

} // namespace attile::api
