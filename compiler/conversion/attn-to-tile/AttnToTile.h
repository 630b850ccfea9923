//===- AttnToTile.h - from folds to plans of tiled kernels --------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H

#include "dialect/tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace attile {

struct AttnToTileOptions {
  tile::ScheduleAttr schedule; ///< of every kernel with a tile of scores
  /// A smaller tile, used where it holds all rows of a kv head (decoding); null: always `schedule`.
  tile::ScheduleAttr fewRows = {};
  /// Keys that are worth a block of their own when there are fewer row tiles than threads.
  int64_t splitKeys = 1024;
  bool count = false; ///< write the plan `<name>_count` instead
};

/// Replaces every attn.kernel by the plan @<name> and its kernels: @<name>_main, @<name>_merge (launched
/// where keys are split), @<name>_summarize_<tensor>, and with `fewRows` @<name>_few_main and
/// @<name>_few_merge.
///
/// The plan @<name>_count launches @<name>_count_main, with an operand `counts`, f32 [row tiles, 5,
/// schedule.rows]: its sums over the last dimension are a row tile's full, partial and empty tiles, visible
/// scores and executed scores.
mlir::LogicalResult convertAttnToTile(mlir::ModuleOp module, const AttnToTileOptions& options);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/conversion/attn-to-tile/Passes.h.inc"

} // namespace attile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H
