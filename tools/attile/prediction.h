// What the cost model says of a launch, with its tiles counted: for `explain`, and beside what was counted or
// timed.
#pragma once

#include "tools/attile/tile_counts.h"

namespace attile::cli {

struct Prediction {
  TileCounts counts;
  Explanation explanation;
};

/// `counter` is made from the same spec and options by compile_counter. Counting takes this machine's CPU,
/// whatever the target; `threads` are those that the prediction is for.
Result<Prediction> predict(const Spec& spec, const CompileOptions& options, const Package& counter,
                           const Inputs& inputs, int threads);

} // namespace attile::cli
