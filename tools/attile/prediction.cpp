#include "tools/attile/prediction.h"

using namespace attile;

Result<cli::Prediction> cli::predict(const Spec& spec, const CompileOptions& options, const Package& counter,
                                     const Inputs& inputs, int threads) {
  Result<Device> cpu = Device::open("cpu");
  if (!cpu)
    return cpu.error();
  Result<TileCounts> counts = count_tiles(counter, *cpu, inputs, threads);
  if (!counts)
    return counts.error();
  double scores = inputs.scores();
  Result<Explanation> explanation = explain(spec, options, inputs.shape, threads,
                                            scores > 0 ? static_cast<double>(counts->executed) / scores : 1);
  if (!explanation)
    return explanation.error();
  return Prediction{*counts, *std::move(explanation)};
}
