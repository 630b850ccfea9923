//===- CpuTarget.cpp - the CPUs that code is made for ---------------------------------===//
#include "compiler/backends/cpu/CpuBackend.h"
#include "compiler/schedule/target.h"

#include <attile/cpu_info.h>

#include <optional>

namespace attile {

/// The features of an x86-64 level beyond the one below, as the runtime checks them.
static std::vector<std::string> levelFeatures(int level) {
  std::vector<std::string> all = {"sse4.2", "popcnt", "ssse3"};
  if (level >= 3)
    all.insert(all.end(), {"avx", "avx2", "fma", "f16c", "bmi", "bmi2"});
  if (level >= 4)
    all.insert(all.end(), {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  return all;
}

enum class Bf16 { Widened, Dots, Tiles };

static CpuTarget levelTarget(int level, Bf16 bf16) {
  CpuTarget target;
  target.cpu = "x86-64-v" + std::to_string(level);
  target.name = target.cpu;
  target.required = levelFeatures(level);
  target.vector.lanes = level >= 4 ? 16 : level == 3 ? 8 : 4;
  if (level >= 4) {
    target.vector.scaleByPower = "llvm.x86.avx512.mask.scalef.ps.512";
    target.vector.reciprocal = "llvm.x86.avx512.rcp14.ps.512";
  }
  target.vector.convertsF16 = target.vector.fusesMultiplyAdd = level >= 3;
  if (bf16 == Bf16::Tiles) {
    target.name += "-amx";
    target.features = {"amx-tile", "amx-bf16"};
    target.required.insert(target.required.end(), target.features.begin(), target.features.end());
    target.vector.tilesBf16 = true;
  }
  if (bf16 == Bf16::Dots) {
    target.name += "-bf16";
    target.features = {"avx512bf16"};
    target.required.push_back("avx512bf16");
    target.vector.dotBf16 = "llvm.x86.avx512bf16.dpbf16ps.512";
  }
  return target;
}

static std::optional<CpuTarget> namedTarget(const std::string& name) {
  if (name == "x86-64-v2" || name == "x86-64-v3" || name == "x86-64-v4")
    return levelTarget(name.back() - '0', Bf16::Widened);
  if (name == "x86-64-v4-bf16")
    return levelTarget(4, Bf16::Dots);
  if (name == "x86-64-v4-amx")
    return levelTarget(4, Bf16::Tiles);
  return std::nullopt;
}

Result<CpuTarget> cpuTarget(const std::string& name) {
  std::string chosen = name == "native" ? schedule::native_target(cpu_info()) : name;
  if (std::optional<CpuTarget> target = namedTarget(chosen))
    return *target;
  if (name == "native")
    return environment_error("this machine is '" + chosen + "', kernels need x86-64-v2 (SSE4.2) or later",
                             "name a target to build a package for another machine");
  return usage_error(
      "unknown target '" + name + "'",
      "use native, x86-64-v2, x86-64-v3, x86-64-v4, x86-64-v4-bf16, x86-64-v4-amx, sm_75, sm_80, sm_86, "
      "sm_89, sm_90a, sm_100a or sm_120a");
}

} // namespace attile
