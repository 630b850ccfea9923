#include "package/gpu_target.h"

#include <charconv>

namespace attile {

std::string to_string(Capability capability) {
  return "sm_" + std::to_string(10 * capability.major + capability.minor);
}

std::optional<GpuTarget> GpuTarget::parse(std::string_view name) {
  constexpr std::string_view prefix = "sm_";
  if (!name.starts_with(prefix))
    return std::nullopt;
  name.remove_prefix(prefix.size());
  int number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  std::string_view suffix = name.substr(static_cast<std::size_t>(end - name.data()));
  if (error != std::errc() || number < 10 || number > 9999 ||
      !(suffix.empty() || suffix == "a" || suffix == "f"))
    return std::nullopt;
  return GpuTarget{{number / 10, number % 10}, suffix.empty() ? char(0) : suffix[0]};
}

bool GpuTarget::cubin_runs_on(Capability chip) const {
  if (suffix == 'a')
    return chip == capability;
  return chip.major == capability.major && chip.minor >= capability.minor;
}

bool GpuTarget::ptx_runs_on(Capability chip) const {
  return suffix ? cubin_runs_on(chip) : chip >= capability;
}

} // namespace attile
