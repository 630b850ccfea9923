// A launch whose operands lie in memory in some layout, and whose outputs show what was written.
#pragma once

#include "tools/attile/guarded.h"
#include "tools/attile/inputs.h"

#include <attile/attile.h>
#include <attile/reference.h>
#include <memory>

namespace attile::conformance {

class Launch {
public:
  /// `layout` as Guarded has it; `q_scale` multiplies the queries.
  static Result<std::unique_ptr<Launch>> make(cli::Inputs inputs, const Package& package,
                                              const std::string& layout, float q_scale = 1);

  /// Launches the kernel and compares its outputs with float64. An internal error if memory beside the
  /// outputs was written, outputs were not, or the emulated driver's checks found something.
  Result<Accuracy> run(const Device& device, const Kernel& kernel, const Reference& reference, int threads);

  /// q, k and v are views of the layout.
  const Operands& operands() const { return inputs.operands; }

private:
  Result<void> place_inputs(const std::string& layout, float q_scale);
  Result<void> place_outputs(const Package& package, const std::string& layout);

  cli::Inputs inputs;
  Arguments arguments;
  std::vector<cli::Guarded> places; ///< of q, k and v
  std::map<std::string, cli::Guarded> outputs;
};

} // namespace attile::conformance
