// What a GPU's code is for: "sm_80", "sm_90a", "sm_100f".
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace attile {

/// A compute capability: 9.0 is {9, 0}.
struct Capability {
  int major = 0, minor = 0;
  auto operator<=>(const Capability&) const = default;
};

/// "sm_90"
std::string to_string(Capability capability);

struct GpuTarget {
  Capability capability;
  char suffix = 0; ///< 'a': this chip only; 'f': its family; 0: it and what comes after it

  /// Nothing if `name` is not such a target.
  static std::optional<GpuTarget> parse(std::string_view name);
  /// Whether machine code for this target runs on a chip: also on later chips of its generation, unless it is
  /// for one chip.
  bool cubin_runs_on(Capability chip) const;
  /// Whether a driver can make machine code for a chip from PTX for this target.
  bool ptx_runs_on(Capability chip) const;
};

} // namespace attile
