#include "compiler/api/diagnostics.h"
#include "compiler/api/selected.h"
#include "compiler/api/tuned.h"

#include <attile/compiler.h>
#include <attile/cpu_info.h>

#include <algorithm>
#include <chrono>

using namespace attile;

/// Cycles a nanosecond of this thread's core, by a chain of operations that take a cycle each everywhere.
static double measured_ghz() {
  constexpr int rounds = 50000, tries = 10, cycles = 6;
  double best = 0;
  volatile std::uint64_t seed = 1;
  for (int i = 0; i < tries; ++i) {
    auto start = std::chrono::steady_clock::now();
    std::uint64_t x = seed;
    for (int round = 0; round < rounds; ++round)
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    seed = x;
    std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, cycles * rounds / took.count());
  }
  return best;
}

/// The machine at hand: its rates, at its clock of this moment.
static schedule::TargetDescription machine_here(const PipelineResult& tiled) {
  schedule::TargetDescription here = schedule::with_rates_of(tiled.machine, cpu_info());
  here.ghz = measured_ghz();
  return here;
}

Result<Explanation> attile::explain(const Spec& spec, const CompileOptions& options, const Shape& shape,
                                    int threads, double executed) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  Result<PipelineOptions> pipeline = api::pipelineOptions(options, *selected->attention);
  if (!pipeline)
    return pipeline.error();
  pipeline->stopAfter = "tile";
  Result<PipelineResult> tiled = compileAttention(*selected->source, *selected->attention, *pipeline);
  if (!tiled)
    return std::move(tiled).error();

  // What the plan launches at this shape, as the plan decides. Choices are made for typical rates, so that
  // they do not depend on the moment; times are for this one.
  schedule::Shape at{shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len, threads, executed};
  const schedule::Choice& choice = tiled->choiceAt(at);
  schedule::TargetDescription here = tiled->machine;
  if (!tiled->gpu && options.target == "native")
    here = machine_here(*tiled);
  schedule::Prediction predicted = tiled->gpu
                                       ? schedule::predict_gpu(*tiled->gpu, tiled->problem, at, choice.tile)
                                       : schedule::predict(here, tiled->problem, at, choice.tile);

  Explanation result;
  result.tile = {choice.tile.rows, choice.tile.keys};
  result.schedule = schedule::to_string(choice.tile);
  result.flops = predicted.flops;
  result.special = predicted.special;
  result.memory_bytes = predicted.memory_bytes;
  if (!tiled->gpu) {
    result.l2_bytes = predicted.l2_bytes;
    result.l1_bytes = predicted.l1_bytes;
  }
  result.ms = 1e3 * predicted.seconds;
  result.bound_by = predicted.bound_by;
  result.tile_units = predicted.tile_units;
  result.tile_cycles = predicted.tile_cycles;
  bool few = &choice == &tiled->fewRows;
  result.tuned =
      (few ? pipeline->fewRowsTile : pipeline->tile) && (few ? options.few_rows_tile : options.tile).empty();
  for (const schedule::Rejected& other : choice.rejected)
    result.rejected.push_back(
        {schedule::to_string(other.tile),
         tiled->gpu ? other.obstacle
                    : schedule::reason(here, tiled->machine, tiled->problem, at, choice, other)});
  return result;
}
