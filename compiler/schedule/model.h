// Constants of the IO model, all in one place, and what predicting and choosing share.
#ifndef ATTILE_COMPILER_SCHEDULE_MODEL_H
#define ATTILE_COMPILER_SCHEDULE_MODEL_H

#include "compiler/schedule/schedule.h"

namespace attile::schedule {

namespace model {
// Shares of a cache that a block may count on; the rest is for what else passes through.
inline constexpr double l1_share = 0.85, l2_share = 0.75, l3_share = 0.5;
// Cycles to start and end one register block; most of the latency of its ends overlaps with its neighbours.
inline constexpr double block_overhead_cycles = 4;
// Of the cycles that storing a register block takes, what the next block's multiply-adds do not hide.
inline constexpr double exposed_stores = 0.3;
// Cycles per tile of scores outside of its loops: classification, calls of the phases, row values.
inline constexpr double tile_overhead_cycles = 150;
// Loads and stores of a tile of scores, per element: scores written by the dot, read and written twice.
inline constexpr double passes_over_scores = 3;
// Operations per output element and tile to rescale and add.
inline constexpr double rescale_ops = 3;
// Elementary functions per row and tile: the factor of the old state.
inline constexpr double specials_per_row = 1;
// Cycles per vector of keys or values that is converted into its staged form.
inline constexpr double staging_cycles = 2;
inline constexpr double cores_that_saturate_memory = 8;
// Share of the registers that hold accumulators; the others hold rows, broadcast numbers, and what a compiler
// likes to keep.
inline constexpr double accumulator_share = 0.75;
// Cycles of tile registers for a channel of a key: 16 for a product of 16 keys and 32 channels, and half as
// many again for loads.
inline constexpr double tile_cycles_per_key_channel = 1.5 / 32;
// Cycles from one multiply-add to the next into the same accumulator.
inline constexpr double fma_latency = 4;
// Of the time that lesser bottlenecks would take, what is not hidden behind the greatest.
inline constexpr double overlap_loss = 0.2;
// Tiles of keys are multiples of this, so that masks and conversions fill vectors.
inline constexpr std::int64_t key_grain = 32;
// Keys that a row of a masked variant is taken to see where tiles are chosen: a short window, since a long
// one wastes little with any tile.
inline constexpr double visible_keys = 1024;
// Of the time of a tile, what evaluating its mask adds: estimated from instruction counts, not measured.
inline constexpr double mask_share = 0.15;
// Rejected candidates that are told.
inline constexpr std::size_t told = 8;
} // namespace model

/// Bytes of an element as a dot reads it: f32, or bf16 pairs.
std::int64_t element_bytes_staged(const TargetDescription& target, const Problem& problem);

/// Bytes of a tile's operands, scores, weights and output.
std::int64_t working_set(const TargetDescription& target, const Problem& problem, const Tile& tile);

} // namespace attile::schedule

#endif
