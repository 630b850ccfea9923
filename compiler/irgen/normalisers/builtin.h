#pragma once

#include "dialect/attn/Attn.h"

#include <mlir/IR/BuiltinOps.h>

namespace attile::irgen {

/// The monoids behind `normalize softmax | sigmoid | none`: one entry of a table each (builtin.cpp).
enum class Normaliser { Softmax, Sigmoid, None };

/// The monoid in `module`, added to it on first use.
attn::MonoidOp builtinMonoid(mlir::ModuleOp module, Normaliser normaliser);

} // namespace attile::irgen
