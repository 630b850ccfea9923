// attile bench on a CPU: beside the measured peaks of this machine.
#include "tools/attile/bench.h"
#include "tools/attile/progress.h"
#include "tools/attile/tile_counts.h"

#include <algorithm>
#include <attile/probe.h>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

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
  fmt::print("{}, {} thread{}\n", title(session), f.peaks.threads, f.peaks.threads == 1 ? "" : "s");
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

} // namespace

Result<int> cli::bench_cpu(Session& session, const BenchOptions& options) {
  Result<Times> times = measure(session.kernel, session.arguments, options);
  if (!times)
    return times.error();
  Progress progress("measuring this machine, and counting tiles");
  Result<CpuPeaks> peaks = probe_cpu(options.threads);
  if (!peaks)
    return peaks.error();
  Result<Package> counter = compile_counter(session.spec, options.spec.compile);
  if (!counter)
    return counter.error();
  Result<TileCounts> counts = count_tiles(*counter, session.device, session.inputs, options.threads);
  if (!counts)
    return counts.error();

  const Package& package = session.package;
  Figures figures{*times, *counts, *peaks, compulsory_bytes(session)};
  figures.flops_per_score = 2.0 * static_cast<double>(package.head_dim + package.head_dim_v);
  figures.dense_scores = session.inputs.scores();
  figures.peak_gflops = peaks->f32_gflops;
  if (package.dtype == DType::bf16) // some CPUs multiply pairs of bf16 at less than the rate of f32
    figures.peak_gflops = std::max(figures.peak_gflops, peaks->bf16_gflops);
  if (options.spec.json)
    print_json(json_of(session, figures));
  else
    print(session, figures);
  return 0;
}
