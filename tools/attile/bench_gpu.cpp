// attile bench on a GPU: times by events, beside what the same GPU reaches in the same run; and on an
// emulated one, which has no time to measure, what was counted.
#include "tools/attile/bench.h"
#include "tools/attile/counters.h"
#include "tools/attile/gpu_peaks.h"
#include "tools/attile/prediction.h"
#include "tools/attile/progress.h"
#include "tools/attile/staged.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

Result<Prediction> predict(const Session& session, const BenchOptions& options) {
  Progress progress("counting tiles");
  Result<Package> counter = compile_counter(session.spec, options.spec.compile);
  if (!counter)
    return counter.error();
  return cli::predict(session.spec, options.spec.compile, *counter, session.inputs, cpu_info().threads);
}

/// FLOP of the dots on scores.
double flops_of(const Session& session, double scores) {
  return 2.0 * scores * static_cast<double>(session.package.head_dim + session.package.head_dim_v);
}

struct Figures {
  Times times;
  Prediction prediction;
  GpuPeaks peaks;
  double bytes = 0;                          ///< compulsory
  double visible_flops = 0, dense_flops = 0; ///< of the dots
  double tflops(double flops) const { return flops / times.median / 1e9; }
  double gbps() const { return bytes / times.median / 1e6; }
};

Json json_of(const Session& session, const Figures& f) {
  return {{"ok", true},
          {"spec", session.package.spec_name},
          {"target", session.kernel.target()},
          {"device", session.device.info().description},
          {"median_ms", f.times.median},
          {"best_ms", f.times.best},
          {"spread", f.times.spread},
          {"runs", f.times.runs},
          {"tflops_visible", f.tflops(f.visible_flops)},
          {"tflops_dense", f.tflops(f.dense_flops)},
          {"matrix_instructions", f.peaks.instructions},
          {"peak_tflops", f.peaks.tflops},
          {"fraction_of_peak", f.tflops(f.visible_flops) / f.peaks.tflops},
          {"bytes", f.bytes},
          {"gbps", f.gbps()},
          {"copy_gbps", f.peaks.copy_gbps},
          {"fraction_of_copy", f.gbps() / f.peaks.copy_gbps},
          {"predicted_ms", f.prediction.explanation.ms},
          {"compile_ms", session.compile_ms}};
}

void print(const Session& session, const Figures& f) {
  fmt::print("{}, {}\n", title(session), session.device.info().description);
  fmt::print(
      "  time       {:.4f} ms by events (median of {}, spread {:.1f} %; {:.4f} predicted); compiled in "
      "{:.0f} ms\n",
      f.times.median, f.times.runs, 100 * f.times.spread, f.prediction.explanation.ms, session.compile_ms);
  fmt::print("  arithmetic {:.2f} TFLOP/s on visible scores, {:.1f} % of the {:.2f} that {} reaches here\n",
             f.tflops(f.visible_flops), 100 * f.tflops(f.visible_flops) / f.peaks.tflops, f.peaks.tflops,
             f.peaks.instructions);
  fmt::print("  memory     {:.1f} GB/s of {:.2f} MB, {:.1f} % of the {:.1f} that a copy reaches here\n",
             f.gbps(), f.bytes / 1e6, 100 * f.gbps() / f.peaks.copy_gbps, f.peaks.copy_gbps);
}

} // namespace

Result<int> cli::bench_gpu(const Session& session, const BenchOptions& options) {
  Result<Staged> staged = Staged::to(session.device, session.arguments);
  if (!staged)
    return staged.error();
  Result<Times> times = measure(session.kernel, staged->arguments(), options);
  if (!times)
    return times.error();
  Result<GpuPeaks> peaks = probe_gpu(session.device, session.package.dtype);
  if (!peaks)
    return std::move(peaks).error();
  Result<Prediction> prediction = ::predict(session, options);
  if (!prediction)
    return std::move(prediction).error();
  Figures figures{*times, *std::move(prediction), *std::move(peaks)};
  figures.bytes = static_cast<double>(compulsory_bytes(session));
  figures.visible_flops = flops_of(session, static_cast<double>(figures.prediction.counts.visible));
  figures.dense_flops = flops_of(session, session.inputs.scores());
  if (options.spec.json)
    print_json(::json_of(session, figures));
  else
    ::print(session, figures);
  return 0;
}

Result<int> cli::bench_emulated(const Session& session, const BenchOptions& options) {
  if (Result<void> counting = count(session.device); !counting)
    return counting.error();
  {
    Progress progress("running on the emulator");
    Result<Staged> staged = Staged::to(session.device, session.arguments);
    if (!staged)
      return staged.error();
    if (Result<void> launched = session.kernel.launch(staged->arguments()); !launched)
      return launched.error();
    if (Result<void> done = session.device.synchronize(); !done)
      return done.error();
  }
  Result<Counted> counted = cli::counted(session.device);
  if (!counted)
    return std::move(counted).error();
  Result<Prediction> prediction = ::predict(session, options);
  if (!prediction)
    return std::move(prediction).error();
  double visible = flops_of(session, static_cast<double>(prediction->counts.visible));
  double bytes = prediction->explanation.memory_bytes;
  if (options.spec.json) {
    print_json({{"ok", true},
                {"spec", session.package.spec_name},
                {"target", session.kernel.target()},
                {"median_ms", nullptr},
                {"compulsory_bytes", compulsory_bytes(session)},
                {"visible_flops", visible},
                {"counters", json_of(*counted, bytes)}});
    return 0;
  }
  fmt::print("{}, emulated: no time is measured, as it would say nothing of a GPU\n", title(session));
  fmt::print("  arithmetic {} FLOP of matrix instructions, {:.3f} for each one that visible scores need\n",
             counted->total("tensor_flops"),
             static_cast<double>(counted->total("tensor_flops")) / std::max(visible, 1.0));
  fmt::print("  memory     {} bytes, {:.3f} for each one that has to move at least\n",
             counted->global_bytes(),
             static_cast<double>(counted->global_bytes()) /
                 static_cast<double>(std::max<std::int64_t>(compulsory_bytes(session), 1)));
  print(*counted, bytes);
  return 0;
}
