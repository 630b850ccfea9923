//===- RowTiles.h - which rows and keys a block works on --------------------===//
//
// A block's rows are `h_count` x `q_count` query rows of one kv head (GQA packing): small query lengths fill
// a tile with several heads that share keys and values. The plan computes how many; a kernel decodes its
// block index.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ROWTILES_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ROWTILES_H

#include "compiler/conversion/attn-to-tile/KernelBuilder.h"

namespace attile::attn_to_tile {

/// Names of the plan's values that kernels read.
namespace value {
inline constexpr llvm::StringLiteral qPerTile = "q_per_tile", headsPerTile = "heads_per_tile",
                                     headTiles = "head_tiles", qTiles = "q_tiles",
                                     blockTiles = "tiles_per_q_block", splits = "splits";
}

/// Row tiles of a launch.
struct Grid {
  mlir::Value tiles;     ///< row tiles: batch * kv_heads * head_tiles * q_tiles
  mlir::Value splits;    ///< ranges of keys per row tile
  mlir::Value rows;      ///< of a tile
  mlir::Value few, many; ///< i1: which kernels run, those of the smaller tile or the others; null without one
};

/// Writes the plan's values; `split` allows more than one range of keys per row tile, where there are too few
/// tiles for the threads.
/// `few`, where given, is a smaller tile that is used if a kv head has few rows.
struct FewRows {
  int64_t tile;            ///< rows of the smaller tile
  int64_t most;            ///< rows of a kv head up to which it is used
  int64_t blocksPerThread; ///< see AttnToTileOptions
};
Grid planRowTiles(Arithmetic& a, Variant& variant, bool split, std::optional<FewRows> fewRows = std::nullopt);

/// What one block computes: rows (h, q) of batch b and one kv head, and one range of keys.
struct RowTile {
  mlir::Value block, split, splits;       ///< block index, this block's range of keys among `splits`
  mlir::Value tile;                       ///< index of the row tile
  mlir::Value b, kvH, hLo, hHi, qLo, qHi; ///< bounds included
  mlir::Value qBlock;                     ///< with a block table: q / q_block, the same for all rows
  mlir::Value count;                      ///< valid rows; rows past it repeat the last one
  mlir::Value rowH, rowQ;                 ///< buffers of i64, per row
};

/// Decodes the block index. Fastest first: range of keys; query tile, late ones first (a causal mask gives
/// them the most keys); head tile; kv head; batch. So K and V of a head stay in cache while its row tiles
/// run.
RowTile decodeRowTile(KernelBuilder& k, bool split);

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_ROWTILES_H
