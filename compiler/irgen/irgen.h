#pragma once

#include "compiler/frontend/frontend.h"

#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/OwningOpRef.h>

/// Checked tree in, attn dialect out: one attn.kernel for each attention, in its naive form, and the monoids
/// that they fold with. After this stage nothing knows a normaliser by name.
///
///     attn.scores -> attn.modify (scale, f32, never folded into q) -> attn.modify for each score statement
///     attn.mask for each mask statement, attn.block_table for `blocks`
///     attn.reduce of all these with a monoid
///
/// Lets and functions are expanded, sums unrolled, constants folded. Operations carry the place in the spec;
/// those of a statement or a let also its name (NameLoc).
namespace attile::irgen {

struct Generated {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< verified; null if there are errors
  std::vector<frontend::Diagnostic>
      diagnostics; ///< laws that a user's fold breaks, and what a fold cannot read

  bool ok() const { return bool(module); }
};

/// Loads the dialects that it needs into `context`. `file` is a checked tree without errors, of `source`.
Generated generate(mlir::MLIRContext& context, const frontend::Source& source, const ast::File& file);
/// The module of one attention alone.
Generated generate(mlir::MLIRContext& context, const frontend::Source& source,
                   const ast::Attention& attention);

} // namespace attile::irgen
