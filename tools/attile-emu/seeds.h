// The same launch with many seeds, side by side: each in a process of its own, since a driver has one queue.
#pragma once

#include "tools/attile-emu/run.h"

#include <functional>

namespace attile::emu_tool {

struct Seeds {
  std::uint64_t first = 0, count = 1;
  unsigned jobs = 1;       ///< processes
  bool share_cores = true; ///< between them, for the workers of the fast mode
};

/// Calls `made` for every seed, in their order, whatever the order in which they are done. What a kernel
/// prints stands before its seed's call. Ends with the first Error, of a run or of `made`.
Result<void> run_seeds(const Job& job, const Seeds& seeds,
                       const std::function<Result<void>(std::uint64_t seed, Run&& run)>& made);

} // namespace attile::emu_tool
