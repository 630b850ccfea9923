//===- mask_check.h - compares the mask analysis with brute force ---------===//
#pragma once

#include "tests/unit/mask_machine.h"

#include <random>

namespace attile::test {

/// What was found over the tiles of a problem. "Missed" is sound but not exact: partial where the truth is
/// empty or full.
struct Tally {
  int64_t tiles = 0, empty = 0, full = 0, partial = 0; ///< by truth
  int64_t missedEmpty = 0, missedFull = 0;
  int64_t ranges = 0,
          looseRanges = 0; ///< key ranges, and those that are not exactly the hull of the visible keys

  double exactness() const { return tiles ? 1 - double(missedEmpty + missedFull) / double(tiles) : 1; }
};

/// Tiles of `rows` queries by `keys` keys over all of the problem, against every pair. `headsPerBox` query
/// heads are in a box. A false claim is a test failure, reported once with `context`.
Tally check(Machine& machine, const Inputs& inputs, int64_t rows, int64_t keys, int64_t headsPerBox,
            const std::string& context);

/// A uniform integer in [lo, hi].
inline int64_t pick(std::mt19937_64& random, int64_t lo, int64_t hi) {
  return std::uniform_int_distribution<int64_t>(lo, hi)(random);
}

/// Random sizes up to `limit` keys and queries.
Inputs randomSizes(std::mt19937_64& random, int64_t limit);

} // namespace attile::test
