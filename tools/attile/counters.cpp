#include "tools/attile/counters.h"
#include "tools/attile/emulator_report.h"

#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print(const Counted::Kernel& kernel) {
  fmt::print("{}\n", kernel.name);
  fmt::print("  global   read {} bytes ({} unique), written {} ({} unique)\n",
             kernel.total("global_read_bytes"), kernel.total("unique_read_bytes"),
             kernel.total("global_written_bytes"), kernel.total("unique_written_bytes"));
  fmt::print("  shared   read {} bytes, written {}; {} wavefronts, {} of them from bank conflicts\n",
             kernel.total("shared_read_bytes"), kernel.total("shared_written_bytes"),
             kernel.total("shared_wavefronts"), kernel.total("shared_bank_conflicts"));
  if (std::int64_t spilled = kernel.total("local_read_bytes") + kernel.total("local_written_bytes"))
    fmt::print("  local    {} bytes read and written\n", spilled);
  fmt::print("  work     {} tensor FLOP, {} special functions\n", kernel.total("tensor_flops"),
             kernel.mix.value("special", std::int64_t{0}));
  std::int64_t instructions = kernel.total("thread_instructions");
  fmt::print("  mix      of {} instructions of {} warp instructions:", instructions,
             kernel.total("warp_instructions"));
  const char* separator = " ";
  for (const auto& [name, threads] : kernel.mix.items())
    if (double part = percent(threads.get<std::int64_t>(), instructions); part >= 0.05) {
      fmt::print("{}{} {:.1f} %", separator, name, part);
      separator = ", ";
    }
  fmt::print("\n");
}

} // namespace

std::int64_t Counted::total(const char* counter) const {
  std::int64_t sum = 0;
  for (const Kernel& kernel : kernels)
    sum += kernel.total(counter);
  return sum;
}

Result<void> cli::count(const Device& device) {
  auto set = reinterpret_cast<const char* (*)(const char*, const char*)>(
      device.driver_function("attileEmuSetOption"));
  auto clear = reinterpret_cast<void (*)()>(device.driver_function("attileEmuClearReport"));
  if (set == nullptr || clear == nullptr)
    return usage_error(
        fmt::format("device '{}' counts nothing: only the emulated GPU does", device.info().name),
        "use --device=emulator:sm_80, or another of its chips");
  if (const char* refusal = set("counters", "1"))
    return internal_error(fmt::format("the emulator does not count: {}", refusal));
  clear();
  return {};
}

Result<Counted> cli::counted(const Device& device) {
  std::optional<Json> report = emulator_report(device);
  if (!report)
    return internal_error("the emulator has no report");
  if (report->is_discarded())
    return internal_error("the emulator's report is no JSON");
  Counted result;
  for (Json& launch : (*report)["counters"])
    result.kernels.push_back({launch["kernel"].get<std::string>(), launch["totals"], launch["mix"]});
  return result;
}

Json cli::json_of(const Counted& counted, double predicted_bytes) {
  Json kernels = Json::array();
  for (const Counted::Kernel& kernel : counted.kernels) {
    Json one = {{"kernel", kernel.name}};
    one.update(kernel.totals);
    one["special_functions"] = kernel.mix.value("special", std::int64_t{0});
    one["mix"] = kernel.mix;
    kernels.push_back(std::move(one));
  }
  return {{"global_bytes", counted.global_bytes()},
          {"predicted_global_bytes", static_cast<std::int64_t>(predicted_bytes)},
          {"kernels", kernels}};
}

void cli::print(const Counted& counted, double predicted_bytes) {
  for (const Counted::Kernel& kernel : counted.kernels)
    ::print(kernel);
  auto bytes = static_cast<double>(counted.global_bytes());
  fmt::print("global memory: {} bytes counted, {:.0f} predicted by 'attile explain' ({:+.1f} %)\n",
             counted.global_bytes(), predicted_bytes,
             predicted_bytes > 0 ? 100 * (bytes / predicted_bytes - 1) : 0);
}
