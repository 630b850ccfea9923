//===- Variant.h - the facts about one fold that the conversion works from -----===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_VARIANT_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_VARIANT_H

#include "compiler/conversion/attn-to-tile/AttnToTile.h"
#include "dialect/attn/Attn.h"
#include "dialect/tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace attile::analysis {
class MaskAnalysis;
}

namespace attile::attn_to_tile {

/// A fold to compile and what is known of it before any kernel is written.
struct Variant {
  attn::KernelOp kernel;
  attn::FoldOp fold;
  attn::MonoidOp monoid;
  tile::ScheduleAttr schedule;        ///< of the kernels that are being written
  std::string prefix;                 ///< of their names
  int64_t splitKeys = 0;              ///< keys that make a range of their own worth while
  int64_t blocksPerThread = 1;        ///< that a thread works on at once
  int64_t ascendingTiles = 1;         ///< see AttnToTileOptions
  llvm::SmallVector<int64_t> columns; ///< per field: dv of a row_dv field, 0 for a row
  llvm::SmallVector<std::pair<unsigned, double>> unbounded; ///< gauges whose identity no score reaches
  bool tracksSeen = false; ///< rows without any visible key must be told apart, and the state does not tell
  std::shared_ptr<analysis::MaskAnalysis> mask;
  bool masked = false; ///< the mask region can hide a key; a block table alone hides none of those it lists

  /// Refuses, with located diagnostics, what is not compiled yet.
  static mlir::FailureOr<Variant> of(attn::KernelOp kernel, tile::ScheduleAttr schedule, int64_t splitKeys);
  /// The same for kernels of another tile.
  Variant with(tile::ScheduleAttr other, const llvm::Twine& suffix) {
    Variant result = *this;
    result.schedule = other;
    result.prefix = (name() + suffix).str();
    return result;
  }

  mlir::StringRef name() { return kernel.getSymName(); }
  unsigned numFields() { return monoid.numFields(); }
  bool isRow(unsigned field) { return monoid.field(field).getKind() == attn::FieldKind::Row; }
  /// The constant identity of a field.
  double identity(unsigned field);
  /// What result `i` of the kernel is an output of the fold: its index in the monoid.
  unsigned output(unsigned result);
  /// A region reads its argument `i`.
  static bool readsArgument(mlir::Region& region, unsigned i) {
    return !region.empty() && !region.getArgument(i).use_empty();
  }
  /// The rows of a tile may belong to several heads of a kv head's group.
  bool packsHeads() { return attile::packsHeads(fold); }
};

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_VARIANT_H
