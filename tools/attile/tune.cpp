// attile tune: which tile is the fastest on this GPU.
#include "tools/attile/bench.h"
#include "tools/attile/command.h"
#include "tools/attile/progress.h"
#include "tools/attile/report.h"
#include "tools/attile/staged.h"

#include <algorithm>
#include <fmt/core.h>
#include <optional>

using namespace attile;
using namespace attile::cli;

namespace {

struct TuneOptions : BenchOptions {
  std::size_t candidates = 8;
  std::optional<bool> remember; ///< what was found; by default that of a chip
};

struct Measured {
  std::string tile;
  Times times;
};

/// One candidate after the other, the model's best first. What a chip refuses is said, and left out.
Result<std::vector<Measured>> measure_all(TuneOptions& options, const PossibleTiles& possible) {
  std::vector<Measured> measured;
  std::size_t count = std::min(options.candidates, possible.tiles.size());
  Progress progress("measuring tiles");
  for (std::size_t i = 0; i < count; ++i) {
    progress.update(static_cast<double>(i) / static_cast<double>(count));
    const std::string& tile = possible.tiles[i];
    (possible.few_rows ? options.spec.compile.few_rows_tile : options.spec.compile.tile) = tile;
    Result<Session> session = Session::open(options);
    if (!session)
      return std::move(session).error().in(tile);
    Result<Staged> staged = Staged::to(session->device, session->arguments);
    if (!staged)
      return std::move(staged).error().in(tile);
    Result<Times> times = measure(session->kernel, staged->arguments(), options);
    if (times)
      measured.push_back({tile, *times});
    else
      note(fmt::format("{}: {}", tile, times.error().message));
  }
  if (measured.empty())
    return environment_error("no tile could be measured");
  return measured;
}

Json json_of(const std::vector<Measured>& measured, const Measured& best, bool few_rows) {
  Json all = Json::array();
  for (const Measured& one : measured)
    all.push_back({{"tile", one.tile},
                   {"median_ms", one.times.median},
                   {"spread", one.times.spread},
                   {"runs", one.times.runs}});
  return {{"ok", true},
          {"kernel", few_rows ? "few rows" : "long inputs"},
          {"tile", best.tile},
          {"median_ms", best.times.median},
          {"model_ms", measured.front().times.median},
          {"measured", all}};
}

Result<int> run(TuneOptions& options) {
  if (options.device == "cpu")
    return usage_error("the tiles of a CPU's kernels are not measured",
                       "give --device=cuda, or another GPU of 'attile devices'");
  if (options.device.starts_with("emulator")) {
    options.inputs.default_len = 256; // seconds, not hours
    note("an emulated GPU's times say nothing of a chip");
  }
  const bool remember = options.remember.value_or(!options.device.starts_with("emulator"));
  Result<Session> session = Session::open(options); // names the target, and tells the shape
  if (!session)
    return session.error();
  Result<PossibleTiles> possible = tiles_for(session->spec, options.spec.compile, session->inputs.shape);
  if (!possible)
    return possible.error();
  Result<std::vector<Measured>> measured = measure_all(options, *possible);
  if (!measured)
    return measured.error();
  auto faster = [](const Measured& a, const Measured& b) { return a.times.median < b.times.median; };
  const Measured& best = *std::min_element(measured->begin(), measured->end(), faster);
  if (remember)
    if (Result<void> kept = remember_tile(session->spec, options.spec.compile, best.tile, possible->few_rows);
        !kept)
      return kept.error();
  if (options.spec.json) {
    print_json(json_of(*measured, best, possible->few_rows));
    return 0;
  }
  fmt::print("{}\n", title(*session));
  for (const Measured& one : *measured)
    fmt::print("{} {:9.4f} ms (spread {:.1f} %, {} runs)  {}\n", &one == &best ? "*" : " ", one.times.median,
               100 * one.times.spread, one.times.runs, one.tile);
  fmt::print("{:.1f} % faster than the model's choice; {}\n",
             100 * (measured->front().times.median / best.times.median - 1),
             remember ? "later compilations take it" : "not remembered");
  return 0;
}

} // namespace

Run cli::declare_tune(CLI::App& app) {
  auto options = std::make_shared<TuneOptions>();
  options->inputs.default_len = 4096;
  options->device = "cuda";
  options->min_seconds = 0.2;
  options->declare(app);
  app.add_option("--candidates", options->candidates, "tiles to measure, the model's best first")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag(
      "--remember,!--forget", options->remember,
      "whether later compilations take what was found; by default they do where the GPU is not emulated");
  declare_measuring(app, *options);
  return [options] { return run(*options); };
}
