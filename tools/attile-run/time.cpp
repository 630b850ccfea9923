#include "tools/attile-run/commands.h"
#include "tools/attile/gpu_timer.h"
#include "tools/attile/staged.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace attile::runner {
namespace {

constexpr int batches = 15;

/// Batches of launches, each between two events, so that what the host does for a launch hides behind the
/// GPU.
Result<Json> time_case(const Json& entry, const std::string& folder, const Device& device, Loader& loader,
                       double seconds) {
  Result<Kernel> kernel = loader.kernel(entry.at("package"));
  if (!kernel)
    return kernel.error();
  Result<std::unique_ptr<Operands>> operands = Operands::make(entry, folder, kernel->package());
  if (!operands)
    return std::move(operands).error();
  Result<cli::Staged> staged = cli::Staged::to(device, (*operands)->arguments);
  if (!staged)
    return staged.error();
  Result<std::unique_ptr<cli::GpuTimer>> timer = cli::GpuTimer::on(device);
  if (!timer)
    return std::move(timer).error();
  auto launches = [&](int count) {
    return (*timer)->ms([&, count]() -> Result<void> {
      for (int i = 0; i < count; ++i)
        if (Result<void> launched = kernel->launch(staged->arguments()); !launched)
          return launched;
      return {};
    });
  };
  Result<double> first = launches(1); // loads code, provides scratch
  bool emulated = (*timer)->is_emulated();
  Result<double> one = emulated ? first : launches(3);
  if (!first || !one)
    return first ? one.error() : first.error();
  int count = emulated ? 1 : std::clamp(static_cast<int>(1e3 * seconds / batches / (*one / 3)), 1, 1000);
  std::vector<double> times;
  for (int batch = 0; batch < (emulated ? 1 : batches); ++batch) {
    Result<double> ms = launches(count);
    if (!ms)
      return ms.error();
    times.push_back(*ms / count);
  }
  std::sort(times.begin(), times.end());
  double median = times[times.size() / 2];
  return Json{{"ms", median},
              {"best_ms", times.front()},
              {"spread", (times[times.size() * 9 / 10] - times[times.size() / 10]) / median},
              {"launches", count * static_cast<int>(times.size())},
              {"target", kernel->target()},
              {"emulated", emulated}};
}

} // namespace

Result<int> time(const CaseList& list, const Device& device, const Options& options) {
  Loader loader(list.folder, device);
  bool ok = true;
  for (const Json& entry : list.cases) {
    std::string name = entry.at("name");
    if (name.find(options.only) == std::string::npos)
      continue;
    Result<Json> timed = time_case(entry, list.folder, device, loader, options.seconds);
    ok = ok && timed;
    Json line = {{"name", name}};
    line.update(timed ? *timed : Json{{"error", timed.error().text()}});
    fmt::print("{}\n", line.dump());
  }
  return ok ? 0 : 1;
}

} // namespace attile::runner
