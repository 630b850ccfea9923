//===- Step.h - the step region as operations on one tile -------------------===//
//
// A step computes on tiles ([rows, keys]) and on rows. What needs a whole row of a tile (a reduction) ends a
// phase:
//
//     phase -1  rows    of the old state alone
//     phase 0   tile    scores, mask, the gauges' reductions
//     phase 1   rows    new gauges, factors of the old state
//     phase 2   tile    weights and their sums; then the dots with the values
//     ...
//
// Each phase becomes one tile.generic. Values that cross a phase live in buffers, all others in the generic.
// A reduction whose result is only combined with an earlier row starts from that row ("accumulates") instead
// of the identity.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STEP_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STEP_H

#include "compiler/conversion/attn-to-tile/State.h"

namespace attile::attn_to_tile {

/// The combiner of a reduction; none for one that tile cannot say.
std::optional<tile::Combiner> combinerOf(attn::RowReduceOp reduce);

class StepLowering {
public:
  /// `queries` is the gathered tile of query rows. Allocates what the step needs.
  StepLowering(KernelBuilder& k, const RowTile& rows, State& state, mlir::Value queries);

  /// Assigns phases and buffers; fails with a located diagnostic on a step that does not fit them.
  mlir::LogicalResult prepare();

  /// Advances the state by the keys [k0, k0 + n); `full` says that all pairs are visible.
  void emit(mlir::Value k0, mlir::Value n, mlir::Value full);

private:
  /// row_reduce whose result is only combined with `start`, by the same combiner.
  struct Accumulation {
    attn::MapOp map;
    mlir::Value start; ///< in the map's region
  };
  struct Tile {
    mlir::Value k0, n, allVisible; ///< allVisible is null where nothing is masked
  };

  // ---- preparation
  void findAccumulation(attn::RowReduceOp reduce);
  mlir::LogicalResult assignPhase(mlir::Operation& op);
  mlir::LogicalResult assignContract(attn::ContractOp contract);
  void assignBuffers();
  void assignRow(mlir::Value value);
  void assignTile(mlir::Value value);
  bool isTile(mlir::Value value) const;
  unsigned yieldedScores() const;
  mlir::Value visibleArgument() const;

  // ---- emission
  void emitPhases(const Tile& tile);
  void emitRowPhase(int phase);
  void emitTilePhase(int phase, const Tile& tile);
  void emitTileGeneric(int phase, const Tile& tile, bool masked);
  void emitContract(attn::ContractOp contract, const Tile& tile);
  mlir::Value slice(mlir::Value source, const Tile& tile);

  KernelBuilder& k;
  const RowTile& rows;
  State& state;
  mlir::Value queries;
  mlir::Block& step;
  llvm::DenseMap<mlir::Value, int> phase;                         ///< when a value is computed
  llvm::DenseMap<mlir::Operation*, Accumulation> accumulations;   ///< by row_reduce
  llvm::DenseMap<mlir::Operation*, mlir::Operation*> accumulated; ///< map -> row_reduce
  llvm::DenseMap<mlir::Operation*, int> contractPhase;
  llvm::DenseMap<mlir::Operation*, mlir::Value> rescale;                ///< contract -> row of factors
  llvm::DenseMap<mlir::Operation*, unsigned> target;                    ///< contract -> field
  llvm::SmallPtrSet<mlir::Operation*, 4> absorbed;                      ///< maps that became a dot's rescale
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;                     ///< of values that cross a phase
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> before, after; ///< copies (to, from) around a step
  mlir::Value scores;                                                   ///< buffer [rows, keys]
  MaskBuffers mask;                                                     ///< unused where nothing is masked
  int lastPhase = 0;
};

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STEP_H
