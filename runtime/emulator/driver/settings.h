// How the emulator is set up: from the environment (ATTILE_EMU_...) and from attileEmuSetOption.
// docs/emulator.md has the list.
#pragma once

#include "emulator/exec/launch.h"
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace emu::driver {

struct Settings {
  std::string target = "sm_90a"; ///< fixed by cuInit, as is `devices`
  int devices = 1;
  Options options;
  bool checks = true;
  bool quiet = false;        ///< failures are not written to stderr
  bool count = false;        ///< what each launch does goes into the report
  std::string counters_file; ///< that the counters are written to when the process ends; empty: none
  std::map<std::string, unsigned, std::less<>> registers; ///< of kernels, as ptxas told, by name; 0: unknown

  /// Empty, or what is wrong with the value.
  std::string set(std::string_view name, std::string_view value);
};

/// A copy of what is set now. The first call reads the environment.
Settings settings();
/// Empty, or what is wrong.
std::string change_setting(std::string_view name, std::string_view value);

} // namespace emu::driver
