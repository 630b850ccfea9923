//===- AttnToTile.h - from folds to plans of tiled kernels --------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H

#include "dialect/attn/Attn.h"
#include "dialect/tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace attile {

struct AttnToTileOptions {
  tile::ScheduleAttr schedule; ///< of every kernel with a tile of scores
  /// A smaller tile, used where a kv head has at most `mostFewRows` rows (decoding); null: always `schedule`.
  tile::ScheduleAttr fewRows = {};
  int64_t mostFewRows = 0; ///< 0: as many as the smaller tile holds
  /// Keys that are worth a block of their own when there are fewer row tiles than threads.
  int64_t splitKeys = 1024;
  /// Blocks of either tile that a thread works on at once: more than one where "thread" means a GPU's
  /// multiprocessor.
  int64_t blocksPerThread = 1, fewBlocksPerThread = 1;
  /// Row tiles come from the last to the first, since the last ones of a causal mask take the longest. As
  /// many as this, next to each other, ascend: a worker of a CPU fetches the keys behind those it works on.
  int64_t ascendingTiles = 1;
  bool count = false; ///< write the plan `<name>_count` instead
};

/// Replaces every attn.kernel by the plan @<name> and its kernels: @<name>_main, @<name>_merge (launched
/// where keys are split), @<name>_summarize_<tensor>, and with `fewRows` @<name>_few_main and
/// @<name>_few_merge.
///
/// The plan @<name>_count launches @<name>_count_main or @<name>_few_count_main, by the same condition, with
/// an operand `counts`, f32 [row tiles, 5, rows of a tile], and has the value `tile_rows`. Its sums over the
/// last dimension are a row tile's full, partial and empty tiles, visible scores and executed scores.
inline constexpr char kTileRows[] = "tile_rows";
mlir::LogicalResult convertAttnToTile(mlir::ModuleOp module, const AttnToTileOptions& options);

/// The rows of a tile may belong to several heads of a kv head's group.
bool packsHeads(attn::FoldOp fold);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/conversion/attn-to-tile/Passes.h.inc"

} // namespace attile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ATTNTOTILE_H
