//===- Keys.h - which tiles of keys a row tile visits ------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KEYS_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KEYS_H

#include "compiler/conversion/attn-to-tile/RowTiles.h"

namespace attile::attn_to_tile {

/// Elements that one entry of a summary stands for.
inline constexpr int64_t kSummaryBlock = 64;

/// The scratch buffer with the summary of tensor `name`.
std::string summaryName(mlir::StringRef name);

/// A tile of keys: k0, how many, and whether every pair of row and key is visible (an i1).
using TileBody = llvm::function_ref<void(mlir::Value k0, mlir::Value n, mlir::Value full)>;

/// Writes the loops over the keys that the mask and the block table may leave visible to the row tile,
/// restricted to this block's range of keys. `body` writes at the builder's place.
void visitKeys(KernelBuilder& k, const RowTile& rows, TileBody body);

/// Where the mask of a tile of keys is evaluated to.
struct MaskBuffers {
  mlir::Value visible; ///< [rows, keys] of i1; not written where all pairs are visible
  mlir::Value first,
      last; ///< [rows]: the keys that a dot's group of rows needs; null if a dot takes all rows
  static MaskBuffers allocate(KernelBuilder& k);
  /// What a dot may restrict itself to, if anything.
  llvm::SmallVector<mlir::Value> spans() const;
};

/// What a tile of keys holds, as two i1; evaluates the mask unless `full`.
struct Visibility {
  mlir::Value any, all;
};
Visibility evaluateMask(KernelBuilder& k, const RowTile& rows, mlir::Value k0, mlir::Value n,
                        mlir::Value full, const MaskBuffers& mask);

/// Buffers of rows for a region's arguments (h, q) in a generic: only those that it reads.
struct RowInputs {
  RowInputs(KernelBuilder& k, const RowTile& rows, mlir::Region& region, unsigned firstIndex);
  llvm::SmallVector<mlir::Value> buffers;
  /// The values of b, h, kv_h, q, k for one element; `elements` are those of `buffers`.
  llvm::SmallVector<mlir::Value> indices(mlir::OpBuilder& b, mlir::ValueRange elements, mlir::Value k0) const;

private:
  const RowTile& rows;
  mlir::Location loc;
  bool readsH, readsQ;
};

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KEYS_H
