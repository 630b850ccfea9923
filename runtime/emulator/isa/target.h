// The names of chips in PTX, and which features code for one of them may use (PTX ISA, ".target").
#pragma once

#include <optional>
#include <string_view>

namespace emu {

/// "sm_90a": 90 and 'a'.
struct Target {
  int number = 0;
  char suffix = '\0'; ///< 'a': this chip only; 'f': its family; none: every later chip
  /// Whether code for this target may use what `needed` introduced.
  bool has(Target needed) const;
};

/// Also of "compute_90a"; sm_101 is what sm_110 was called before ISA 9.0.
std::optional<Target> parse_target(std::string_view name);

} // namespace emu
