// What happened: launches, failures and findings of the checks, for stderr and for attileEmuGetReport.
#pragma once

#include "emulator/checks/report.h"
#include "emulator/driver/abi.h"
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace emu::driver {

class Report {
public:
  /// Adds a failure of a call or of a kernel; written to stderr unless the option `quiet` is set.
  void failure(abi::CUresult result, std::string_view message);
  /// Adds what a check found.
  void finding(const emu::Report& found);
  /// Adds how many findings of a launch are not shown.
  void left_out(std::uint64_t findings);
  void launch(const std::string& kernel, std::uint64_t warp_instructions, std::uint64_t thread_instructions);
  /// Adds what a launch was counted to do, as JSON; the first `most_counted` of them are kept.
  void counted(std::string json);
  std::string counters_json() const;
  /// {"failures": [...], "findings": [...], "findings_left_out": 0, "kernels": {...}, "counters": [...]}
  std::string json() const;
  /// Of the latest failure; empty if there was none.
  std::string last_failure() const;
  void clear();

private:
  struct Failure {
    abi::CUresult result;
    std::string message;
  };
  struct KernelStatistics {
    std::uint64_t launches = 0, warp_instructions = 0, thread_instructions = 0;
  };
  mutable std::mutex mutex_;
  std::vector<Failure> failures_;
  std::vector<std::string> findings_; ///< as JSON
  std::uint64_t left_out_ = 0;
  std::map<std::string, KernelStatistics> kernels_;
  static constexpr std::size_t most_counted = 1000;
  std::vector<std::string> counters_;
};

/// The process's.
Report& report();
/// Adds the failure and returns its result: `return refuse(CUDA_ERROR_INVALID_VALUE, "...");`
abi::CUresult refuse(abi::CUresult result, std::string_view message);
const char* name_of(abi::CUresult result);

} // namespace emu::driver
