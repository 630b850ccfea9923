// attile bench: how fast a kernel is, beside what this machine can do at most.
#include "tools/attile/command.h"
#include "tools/attile/progress.h"
#include "tools/attile/session.h"
#include "tools/attile/tile_counts.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <attile/probe.h>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct BenchOptions : SessionOptions {
  int min_runs = 5;
  double min_seconds = 1;
};

struct Times {
  double median = 0, spread = 0; ///< spread: (90th - 10th percentile) / median
  double best = 0;
  std::size_t runs = 0;
};

Result<Times> measure(const Session& session, const BenchOptions& options) {
  Progress progress("measuring");
  std::vector<double> times;
  auto start = std::chrono::steady_clock::now();
  auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (int run = -1; run < options.min_runs || seconds() < options.min_seconds; ++run) {
    LaunchStats stats;
    if (Result<void> launched = session.kernel.launch(session.arguments, &stats); !launched)
      return launched.error();
    if (run >= 0) // the first one warms caches and allocates scratch
      times.push_back(stats.ms);
  }
  std::sort(times.begin(), times.end());
  auto at = [&](double part) {
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
  };
  return Times{at(0.5), (at(0.9) - at(0.1)) / at(0.5), times.front(), times.size()};
}

/// What has to move at least: every input and output once.
std::int64_t compulsory_bytes(const Session& session) {
  std::int64_t bytes = 0;
  for (const auto& [name, view] : session.inputs.operands.tensors)
    bytes += view.elements() * size_of(view.dtype);
  for (const auto& [name, tensor] : session.outputs)
    bytes += tensor.view().elements() * size_of(tensor.view().dtype);
  return bytes;
}

struct Figures {
  Times times;
  TileCounts counts;
  CpuPeaks peaks;
  std::int64_t bytes = 0;
  double flops_per_score = 0;
  double dense_scores = 0;
  double peak_gflops = 0;

  double rate(double scores) const { return scores * flops_per_score / times.median / 1e6; }
  double visible() const { return rate(static_cast<double>(counts.visible)); }
  double gbps() const { return static_cast<double>(bytes) / times.median / 1e6; }
  double executed_over_visible() const {
    return static_cast<double>(counts.executed) /
           static_cast<double>(std::max<std::int64_t>(counts.visible, 1));
  }
};

Json json_of(const Session& session, const Figures& f) {
  return {{"ok", true},
          {"spec", session.package.spec_name},
          {"target", session.kernel.target()},
          {"threads", f.peaks.threads},
          {"median_ms", f.times.median},
          {"best_ms", f.times.best},
          {"spread", f.times.spread},
          {"runs", f.times.runs},
          {"gflops_visible", f.visible()},
          {"gflops_dense", f.rate(f.dense_scores)},
          {"executed_over_visible", f.executed_over_visible()},
          {"counting_ms", f.counts.ms},
          {"peak_gflops", f.peak_gflops},
          {"fraction_of_peak", f.visible() / f.peak_gflops},
          {"bytes", f.bytes},
          {"gbps", f.gbps()},
          {"peak_gbps", f.peaks.read_gbps},
          {"fraction_of_bandwidth", f.gbps() / f.peaks.read_gbps},
          {"compile_ms", session.compile_ms}};
}

void print(const Session& session, const Figures& f) {
  const Shape& shape = session.inputs.shape;
  fmt::print("{}: b={} hq={} hkv={} q={} kv={}, {}, {}, {} thread{}\n", session.package.spec_name,
             shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len, name(session.package.dtype),
             session.kernel.target(), f.peaks.threads, f.peaks.threads == 1 ? "" : "s");
  fmt::print("  time       {:.3f} ms (median of {}, spread {:.1f} %); compiled in {:.0f} ms\n",
             f.times.median, f.times.runs, 100 * f.times.spread, session.compile_ms);
  fmt::print("  arithmetic {:.1f} GFLOP/s on visible scores, {:.1f} % of this machine's {:.1f}; {:.3f} "
             "scores executed "
             "for each visible one\n",
             f.visible(), 100 * f.visible() / f.peak_gflops, f.peak_gflops, f.executed_over_visible());
  fmt::print("  tiles      at most {:.2f} % of the time to find them: counting them and what they see took "
             "{:.3f} ms\n",
             100 * f.counts.ms / f.times.median, f.counts.ms);
  fmt::print("  memory     {:.2f} GB/s of {:.2f} MB, {:.1f} % of this machine's {:.1f}\n", f.gbps(),
             static_cast<double>(f.bytes) / 1e6, 100 * f.gbps() / f.peaks.read_gbps, f.peaks.read_gbps);
}

Result<int> bench(BenchOptions& options) {
  if (options.threads == 0)
    options.threads = cpu_info().threads;
  Result<Session> session = Session::open(options);
  if (!session)
    return std::move(session).error();
  Result<Times> times = measure(*session, options);
  if (!times)
    return times.error();
  Progress progress("measuring this machine, and counting tiles");
  Result<CpuPeaks> peaks = probe_cpu(options.threads);
  if (!peaks)
    return peaks.error();
  Result<Package> counter = compile_counter(session->spec, options.spec.compile);
  if (!counter)
    return counter.error();
  Result<TileCounts> counts = count_tiles(*counter, session->device, session->inputs, options.threads);
  if (!counts)
    return counts.error();

  const Package& package = session->package;
  Figures figures{*times, *counts, *peaks, compulsory_bytes(*session)};
  figures.flops_per_score = 2.0 * static_cast<double>(package.head_dim + package.head_dim_v);
  figures.dense_scores = session->inputs.scores();
  figures.peak_gflops = peaks->f32_gflops;
  if (package.dtype == DType::bf16) // some CPUs multiply pairs of bf16 at less than the rate of f32
    figures.peak_gflops = std::max(figures.peak_gflops, peaks->bf16_gflops);
  if (options.spec.json)
    print_json(json_of(*session, figures));
  else
    print(*session, figures);
  return 0;
}

} // namespace

Run cli::declare_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  options->inputs.default_len = 4096;
  options->declare(app);
  app.add_option("--runs", options->min_runs, "launches to measure, at least")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--seconds", options->min_seconds, "time to measure for, at least")
      ->check([](const std::string& text) { // CLI::Range lets NaN pass
        double seconds = std::strtod(text.c_str(), nullptr);
        return seconds >= 0 && seconds <= 86400 ? "" : "has to be in 0..86400";
      })
      ->capture_default_str();
  return [options] { return bench(*options); };
}
