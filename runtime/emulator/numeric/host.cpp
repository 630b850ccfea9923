#include "emulator/numeric/host.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace emu::host {

static Level supported() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512cd"))
    return Level::v4;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return Level::v3; // every processor with AVX2 has F16C
  return Level::base;
}

Level level() {
  static const Level chosen = [] {
    Level best = supported();
    const char* wanted = std::getenv("EMU_HOST_LEVEL");
    for (Level lower : {Level::base, Level::v3})
      if (wanted && std::string_view(wanted) == name(lower))
        best = std::min(best, lower);
    return best;
  }();
  return chosen;
}

const char* name(Level level) {
  switch (level) {
  case Level::base:
    return "base";
  case Level::v3:
    return "v3";
  case Level::v4:
    return "v4";
  }
  return "";
}

} // namespace emu::host
