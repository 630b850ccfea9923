// attile bench: how fast a kernel is, beside what its device can do at most.
#include "tools/attile/bench.h"
#include "tools/attile/command.h"
#include "tools/attile/progress.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <numeric>

using namespace attile;
using namespace attile::cli;

Result<Times> cli::measure(const Kernel& kernel, const Arguments& arguments, const BenchOptions& options) {
  Progress progress("measuring");
  bool on_cpu = options.device == "cpu";
  std::vector<double> times;
  auto start = std::chrono::steady_clock::now();
  auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (int run = -1; run < options.min_runs || seconds() < options.min_seconds; ++run) {
    LaunchStats stats;
    if (Result<void> launched = kernel.launch(arguments, &stats); !launched)
      return launched.error();
    if (run >= 0)
      times.push_back(on_cpu ? stats.ms
                             : std::accumulate(stats.kernel_ms.begin(), stats.kernel_ms.end(), 0.0));
  }
  std::sort(times.begin(), times.end());
  auto at = [&](double part) {
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
  };
  return Times{at(0.5), times.front(), (at(0.9) - at(0.1)) / at(0.5), times.size()};
}

std::int64_t cli::compulsory_bytes(const Session& session) {
  std::int64_t bytes = 0;
  for (const auto& [name, view] : session.inputs.operands.tensors)
    bytes += view.elements() * size_of(view.dtype);
  for (const auto& [name, tensor] : session.outputs)
    bytes += tensor.view().elements() * size_of(tensor.view().dtype);
  return bytes;
}

std::string cli::title(const Session& session) {
  const Shape& shape = session.inputs.shape;
  return fmt::format("{}: b={} hq={} hkv={} q={} kv={}, {}, {}", session.package.spec_name, shape.batch,
                     shape.heads, shape.kv_heads, shape.q_len, shape.kv_len, name(session.package.dtype),
                     session.kernel.target());
}

static Result<int> bench(BenchOptions& options) {
  bool on_cpu = options.device == "cpu", emulated = options.device.starts_with("emulator");
  if (on_cpu && options.threads == 0)
    options.threads = cpu_info().threads;
  if (emulated)
    options.inputs.default_len = 256; // seconds, not hours
  Result<Session> session = Session::open(options);
  if (!session)
    return std::move(session).error();
  return on_cpu     ? bench_cpu(*session, options)
         : emulated ? bench_emulated(*session, options)
                    : bench_gpu(*session, options);
}

void cli::declare_measuring(CLI::App& app, BenchOptions& options) {
  app.add_option("--runs", options.min_runs, "launches to measure, at least")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--seconds", options.min_seconds, "time to measure for, at least")
      ->check([](const std::string& text) { // CLI::Range lets NaN pass
        double seconds = std::strtod(text.c_str(), nullptr);
        return seconds >= 0 && seconds <= 86400 ? "" : "has to be in 0..86400";
      })
      ->capture_default_str();
}

Run cli::declare_bench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  options->inputs.default_len = 4096;
  options->declare(app);
  declare_measuring(app, *options);
  return [options] { return bench(*options); };
}
