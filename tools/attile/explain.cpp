// attile explain: what the compiler chose for some sizes, what it rejected, and what it expects.
#include "tools/attile/command.h"
#include "tools/attile/prediction.h"
#include "tools/attile/progress.h"
#include "tools/attile/spec_options.h"

#include <attile/cpu_info.h>
#include <cmath>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct ExplainOptions {
  SpecOptions spec;
  InputOptions inputs;
  int threads = 0;
};

/// Counts are whole, though the model computes them as reals.
Json whole(double count) {
  return count < 0x1p63 ? Json(static_cast<std::int64_t>(std::llround(count))) : Json(count);
}

/// What the model knows: on a GPU nothing of caches.
Json by_level(const Explanation& e) {
  Json levels = {{"memory", whole(e.memory_bytes)}};
  if (e.l2_bytes)
    levels["l2"] = whole(*e.l2_bytes);
  if (e.l1_bytes)
    levels["l1"] = whole(*e.l1_bytes);
  return levels;
}

Json json_of(const Explanation& e, const TileCounts& counts) {
  Json rejected = Json::array();
  for (const Explanation::Rejected& other : e.rejected)
    rejected.push_back({{"tile", other.tile}, {"reason", other.reason}});
  Json units = Json::object();
  for (const auto& [unit, cycles] : e.tile_units)
    units[unit] = whole(cycles);
  Json json = {{"ok", true},
               {"tile", {{"q", e.tile.rows}, {"k", e.tile.keys}}},
               {"schedule", e.schedule},
               {"tiles_full", counts.full},
               {"tiles_partial", counts.partial},
               {"tiles_empty", counts.empty},
               {"scores_visible", counts.visible},
               {"scores_executed", counts.executed},
               {"bytes", whole(e.memory_bytes)},
               {"bytes_by_level", by_level(e)},
               {"flops", whole(e.flops)},
               {"special_functions", whole(e.special)},
               {"predicted_ms", e.ms},
               {"bound_by", e.bound_by},
               {"rejected", rejected}};
  if (!e.tile_units.empty()) { // a GPU's
    json["tuned"] = e.tuned;
    json["tile_cycles"] = whole(e.tile_cycles);
    json["tile_cycles_by_unit"] = units;
  }
  return json;
}

void print(const Shape& shape, const Explanation& e, const TileCounts& counts) {
  fmt::print("b={} hq={} hkv={} q={} kv={}\n", shape.batch, shape.heads, shape.kv_heads, shape.q_len,
             shape.kv_len);
  fmt::print("tile      {} x {} scores ({}){}\n", e.tile.rows, e.tile.keys, e.schedule,
             e.tuned ? ", as measured by 'attile tune'" : "");
  fmt::print("tiles     {} full, {} partial, {} empty; {} scores visible, {} executed\n", counts.full,
             counts.partial, counts.empty, counts.visible, counts.executed);
  fmt::print("predicted {:.3g} ms, bound by {}\n", e.ms, e.bound_by);
  if (!e.tile_units.empty()) {
    fmt::print("          {:.0f} cycles of an SM for a tile, where", e.tile_cycles);
    for (const auto& [unit, cycles] : e.tile_units)
      fmt::print("{} {} take {:.0f}", &unit == &e.tile_units.front().first ? "" : ",", unit, cycles);
    fmt::print("\n");
  }
  fmt::print("          {:.3g} FLOP, {:.3g} elementary functions\n", e.flops, e.special);
  fmt::print("          {:.3g} bytes of memory", e.memory_bytes);
  for (const auto& [level, bytes] : {std::pair("L2", e.l2_bytes), {"L1", e.l1_bytes}})
    if (bytes)
      fmt::print(", {:.3g} of {}", *bytes, level);
  fmt::print("\n");
  for (const Explanation::Rejected& other : e.rejected)
    fmt::print("rejected  {}: {}\n", other.tile, other.reason);
}

Result<int> run(ExplainOptions& options) {
  int threads = options.threads ? options.threads : cpu_info().threads;
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Result<Package> signature = describe(*spec, options.spec.compile);
  if (!signature)
    return signature.error();
  Result<Package> counter = compile_counter(*spec, options.spec.compile);
  if (!counter)
    return counter.error();
  TensorNames needed = tensors_read(*counter);
  Result<Inputs> inputs = options.inputs.make(*signature, &needed);
  if (!inputs)
    return std::move(inputs).error();
  for (const std::string& text : inputs->notes)
    note(text);
  Progress progress("counting tiles");
  Result<Prediction> prediction = predict(*spec, options.spec.compile, *counter, *inputs, threads);
  if (!prediction)
    return prediction.error();
  if (options.spec.json)
    print_json(json_of(prediction->explanation, prediction->counts));
  else
    print(inputs->shape, prediction->explanation, prediction->counts);
  return 0;
}

} // namespace

Run cli::declare_explain(CLI::App& app) {
  auto options = std::make_shared<ExplainOptions>();
  options->spec.declare(app, /*compiles=*/true);
  options->inputs.declare(app, /*tensors=*/false);
  app.add_option("--threads", options->threads, "to predict for; 0: all that there are")
      ->check(CLI::Range(0, 4096));
  return [options] { return run(*options); };
}
