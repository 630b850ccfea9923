// A launch through the emulated driver.
#pragma once

#include "tools/attile-emu/arguments.h"

namespace attile::emu_tool {

struct Job {
  std::string ptx;    ///< text
  std::string kernel; ///< empty: the only one
  std::array<unsigned, 3> grid{1, 1, 1}, block{1, 1, 1};
  std::optional<std::array<unsigned, 3>> cluster;
  unsigned shared = 0;
  bool cooperative = false;
  std::vector<Argument> arguments;
};

struct Run {
  std::string failure; ///< empty: it went well
  std::string result;  ///< CUDA_SUCCESS, ...
  float microseconds = 0;
  std::string report;         ///< JSON, see attile_emulator.h
  std::vector<Array> outputs; ///< of the arguments that have one, in their order
};

/// Runs it in a context of its own. An Error if the job itself is wrong: unknown kernels, arguments that do
/// not fit.
Result<Run> run(const Job& job);

} // namespace attile::emu_tool
