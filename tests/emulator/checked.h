// Runs PTX with checks on.
#pragma once

#include "emulator/checks/checker.h"
#include "tests/emulator/run_ptx.h"

namespace emu::test {

/// A machine whose launches are checked. Kinds that were reported are compared as names.
class Checked : public Machine {
public:
  Checked() { checker = &checks; }

  std::uint64_t buffer(std::size_t bytes, bool defined = true) {
    const std::uint64_t address = memory.allocate(bytes);
    std::memset(reinterpret_cast<void*>(address), 0, bytes);
    if (defined)
      checks.host_writes(address, bytes);
    return address;
  }
  /// Runs a kernel, and gives the kinds of the reports, each once, in the order they were found: "race,
  /// out-of-bounds".
  std::string kinds(const std::string& text, const std::vector<std::uint64_t>& params) {
    checks.reports().clear();
    outcome = run(text, params);
    std::string all;
    for (const Report& report : checks.reports().all())
      if (all.find(name(report.kind)) == std::string::npos)
        all += (all.empty() ? "" : ", ") + std::string(name(report.kind));
    return all;
  }
  /// Everything that was reported, for messages.
  std::string reported() {
    std::string all = outcome.message;
    for (const Report& report : checks.reports().all())
      all += "\n" + render(report);
    return all;
  }

  Checker checks{memory};
  Outcome outcome;
};

} // namespace emu::test
