#include "emulator/driver/report.h"
#include "emulator/driver/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace emu::driver {
namespace {

// Messages quote PTX text, which may hold anything.
std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

void Report::failure(abi::CUresult result, std::string_view message) {
  if (!settings().quiet)
    fmt::print(stderr, "emulator: {}: {}\n", name_of(result), message);
  const std::lock_guard lock(mutex_);
  failures_.push_back({result, std::string(message)});
}

void Report::finding(const emu::Report& found) {
  if (!settings().quiet)
    fmt::print(stderr, "emulator: {}\n", render(found));
  const std::lock_guard lock(mutex_);
  findings_.push_back(emu::json(found));
}

void Report::left_out(std::uint64_t findings) {
  if (!settings().quiet)
    fmt::print(stderr, "emulator: and {} more that are not shown\n", findings);
  const std::lock_guard lock(mutex_);
  left_out_ += findings;
}

void Report::launch(const std::string& kernel, std::uint64_t warp_instructions,
                    std::uint64_t thread_instructions) {
  const std::lock_guard lock(mutex_);
  KernelStatistics& statistics = kernels_[kernel];
  ++statistics.launches;
  statistics.warp_instructions += warp_instructions;
  statistics.thread_instructions += thread_instructions;
}

std::string Report::json() const {
  const std::lock_guard lock(mutex_);
  std::string out = "{\"failures\": [";
  for (const Failure& failure : failures_)
    out += fmt::format("{}{{\"result\": \"{}\", \"message\": {}}}", &failure == failures_.data() ? "" : ", ",
                       name_of(failure.result), json_text(failure.message));
  out += fmt::format("], \"findings\": [{}], \"findings_left_out\": {}, \"kernels\": {{",
                     fmt::join(findings_, ", "), left_out_);
  std::string_view separator;
  for (const auto& [name, statistics] : kernels_) {
    out += fmt::format("{}{}: {{\"launches\": {}, \"warp_instructions\": {}, \"thread_instructions\": {}}}",
                       separator, json_text(name), statistics.launches, statistics.warp_instructions,
                       statistics.thread_instructions);
    separator = ", ";
  }
  return out + fmt::format("}}, \"counters\": [{}]}}", fmt::join(counters_, ", "));
}

void Report::counted(std::string json) {
  const std::lock_guard lock(mutex_);
  if (counters_.size() < most_counted)
    counters_.push_back(std::move(json));
}

std::string Report::counters_json() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("[{}]\n", fmt::join(counters_, ",\n "));
}

std::string Report::last_failure() const {
  const std::lock_guard lock(mutex_);
  return failures_.empty() ? std::string() : failures_.back().message;
}

void Report::clear() {
  const std::lock_guard lock(mutex_);
  failures_.clear();
  findings_.clear();
  left_out_ = 0;
  kernels_.clear();
  counters_.clear();
}

Report& report() {
  static Report& only = *new Report;
  return only;
}

abi::CUresult refuse(abi::CUresult result, std::string_view message) {
  report().failure(result, message);
  return result;
}

} // namespace emu::driver
