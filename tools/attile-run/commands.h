// What attile-run does. Results are lines of JSON on stdout, one a case.
#pragma once

#include "tools/attile-run/case.h"

namespace attile::runner {

struct Options {
  std::string device = "cuda", only; ///< `only`: a part of the names of the cases to take
  double seconds = 0.3;              ///< to time each for, at least
};

/// Launches every case, and compares with what is expected: {"name", "ok", "rel_err", "bound", "lse_err",
/// ...}, at last {"passed", "failed"}. The status is 1 if one failed.
Result<int> check(const CaseList& list, const Device& device, const Options& options);

/// Times every case by events: {"name", "ms", "best_ms", "spread", "launches"}.
Result<int> time(const CaseList& list, const Device& device, const Options& options);

} // namespace attile::runner
