#include "emulator/isa/target.h"

#include <charconv>

namespace emu {
namespace {

int family(Target target) { return target.number / 10; }

} // namespace

bool Target::has(Target needed) const {
  if (needed.suffix == 'a')
    return suffix == 'a' && number == needed.number;
  if (needed.suffix == 'f')
    return suffix != '\0' && family(*this) == family(needed) && number >= needed.number;
  return number >= needed.number;
}

std::optional<Target> parse_target(std::string_view name) {
  for (std::string_view prefix : {"sm_", "compute_"})
    if (name.starts_with(prefix)) {
      Target target;
      const char* last = name.data() + name.size();
      const auto [end, error] = std::from_chars(name.data() + prefix.size(), last, target.number);
      const std::string_view rest(end, last);
      if (error != std::errc() || rest.size() > 1 || (rest.size() == 1 && rest != "a" && rest != "f"))
        return std::nullopt;
      target.suffix = rest.empty() ? '\0' : rest[0];
      if (target.number == 101)
        target.number = 110;
      return target;
    }
  return std::nullopt;
}

} // namespace emu
