//===- State.h - the state of a row tile: identity, merge, finalize ---------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STATE_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STATE_H

#include "compiler/conversion/attn-to-tile/Keys.h"

namespace attile::attn_to_tile {

/// Buffers with the fields of the monoid for each row of a tile: [rows] for a row field, [rows, dv] for a
/// row_dv field.
struct State {
  llvm::SmallVector<mlir::Value> fields; ///< null in an incoming state: 0 everywhere
  mlir::Value seen;                      ///< 1 for rows that have seen a key; null unless Variant::tracksSeen
};

/// The scratch buffer in which a field waits for the merge.
std::string partialName(mlir::StringRef field);
/// Fields as they are stored, `seen` included: (name, dv or 0).
llvm::SmallVector<std::pair<std::string, int64_t>> storedFields(Variant& variant);

/// Allocates a state and sets it to the identity.
State identityState(KernelBuilder& k);

/// Copies the state to, or reads it at, entry `index` of the scratch buffers.
void storePartial(KernelBuilder& k, const State& state, mlir::Value index);
State partialAt(KernelBuilder& k, mlir::Value index);

/// state = merge(state, incoming) by the monoid's region; merging with an identity changes nothing.
void mergeState(KernelBuilder& k, State& state, const State& incoming);

/// Merges the sink, if there is one, as one more key with value 0.
void mergeSink(KernelBuilder& k, State& state, const RowTile& rows);

/// Finalizes and writes all outputs. The state is used up.
void finalizeState(KernelBuilder& k, State& state, const RowTile& rows);

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_STATE_H
