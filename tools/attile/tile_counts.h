// How many tiles and scores a kernel has to do with at given sizes and params.
#pragma once

#include "tools/attile/inputs.h"

namespace attile::cli {

struct TileCounts {
  std::int64_t full = 0, partial = 0, empty = 0; ///< tiles of row tiles x tiles of keys
  std::int64_t visible = 0, executed = 0;        ///< scores
  double ms = 0;                                 ///< that counting took
};

/// Runs a kernel that counts, as compile_counter makes it. Exact. It finds tiles as the kernel itself does
/// and evaluates the mask of partial ones, so that `ms` is more than finding them takes.
Result<TileCounts> count_tiles(const Package& counter, const Device& device, const Inputs& inputs,
                               int threads);

/// The tensors whose elements a package's kernels read or write: of a counter, those of the mask.
TensorNames tensors_read(const Package& package);

} // namespace attile::cli
