#pragma once

#include "compiler/reference/monoid.h"

/// The laws that make a fold over tiles, a split over keys and a merge between devices one and the same,
/// checked numerically on random states built from lifts. Takes well under 5 ms.
namespace attile::reference {

/// A law that does not hold, with the states that show it.
struct Counterexample {
  std::string message;            ///< "merge is not associative"
  std::vector<std::string> notes; ///< the states and both sides, one a line
};

struct LawReport {
  /// (a b) c = a (b c); the identity is neutral where merging with it gives numbers at all (where it gives
  /// NaN, it is neutral by definition); merge is not NaN on states of visible keys.
  std::optional<Counterexample> violation;
  /// Merging a state whose sums are the identity's and whose gauge is arbitrary changes no output that reads
  /// a sum.
  std::optional<Counterexample> gaugeDependence;
  /// a b = b a in every trial. Not required, but only then may tiles be visited in any order.
  bool commutative = true;
};

struct LawOptions {
  size_t numValues = 1;    ///< arguments of lift that are values, the last ones
  size_t rowConstants = 0; ///< scores of lift that are the same for all keys of a row, the last ones
  int trials = 48;
  uint64_t seed = 1;
};

/// An Error if the monoid cannot be interpreted (fields that are neither row nor row_dv).
Result<LawReport> checkLaws(attn::MonoidOp monoid, const LawOptions& options = {});

} // namespace attile::reference
