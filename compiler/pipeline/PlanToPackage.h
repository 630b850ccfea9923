//===- PlanToPackage.h - what a package says besides code --------------------------===//
#ifndef ATTILE_PIPELINE_PLANTOPACKAGE_H
#define ATTILE_PIPELINE_PLANTOPACKAGE_H

#include "dialect/attn/Attn.h"
#include "dialect/tile/Tile.h"

#include <attile/package.h>

namespace attile {

/// Names, types and shapes of operands, parameters and outputs, from the variant's signature.
Result<Package> describeSignature(attn::KernelOp kernel);

/// The plan, from a tile.plan whose kernels are functions with `tile.slots` (see TileToLLVM.h).
Result<plan::Plan> readPlan(tile::PlanOp plan);

} // namespace attile

#endif
