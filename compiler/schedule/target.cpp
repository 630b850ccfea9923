#include "compiler/schedule/target.h"

#include <attile/cpu_info.h>

namespace attile::schedule {

// Vector lengths and register counts are those of the instruction sets; rates and caches those of common
// server cores.
static TargetDescription baseline() { return {.name = "x86-64-v2"}; }

static TargetDescription avx2() {
  return {.name = "x86-64-v3",
          .lanes = 8,
          .l2_bytes = 512 << 10,
          .l3_bytes = 16 << 20,
          .fma_per_cycle = 2,
          .l2_bytes_per_cycle = 32,
          .special_cycles = 12};
}

static TargetDescription avx512() {
  return {.name = "x86-64-v4",
          .lanes = 16,
          .registers = 32,
          .l1_bytes = 48 << 10,
          .l2_bytes = 1 << 20,
          .l3_bytes = 32 << 20,
          .ghz = 3.5,
          .fma_per_cycle = 2,
          .l2_bytes_per_cycle = 32,
          .memory_gbps = 22,
          .special_cycles = 9};
}

TargetDescription describe(const std::string& target) {
  if (target == "x86-64-v3")
    return avx2();
  if (!target.starts_with("x86-64-v4"))
    return baseline();
  TargetDescription result = avx512();
  result.name = target;
  result.bf16_dot = target.ends_with("bf16");
  result.bf16_tiles = target.ends_with("amx");
  return result;
}

/// Whether vdpbf16ps does more products a second than f32 FMAs.
static bool has_fast_bf16_dots(const CpuInfo& cpu) {
  if (!cpu.has("avx512bf16"))
    return false;
  // Zen 4 and 5 issue them as often as FMAs, for twice as many products. Intel's CPUs issue one of 512 bits
  // every two cycles, and two FMAs every cycle. A thread of a Xeon (family 6, model 207) came to 87 GFLOP/s
  // in dots and 177 in f32, and took 152 cycles a key with dots while decoding, 113 without. What those CPUs
  // are fast at is AMX.
  return cpu.vendor != "GenuineIntel";
}

std::string native_target(const CpuInfo& cpu) {
  std::string level = cpu.level();
  if (level != "x86-64-v4")
    return level;
  if (has_fast_bf16_dots(cpu))
    return level + "-bf16";
  return cpu.has("amx-tile") && cpu.has("amx-bf16") ? level + "-amx" : level;
}

TargetDescription describe(const CpuInfo& cpu) {
  TargetDescription result = describe(native_target(cpu));
  result.name = "native (" + result.name + ")";
  if (cpu.l1d_bytes > 0)
    result.l1_bytes = cpu.l1d_bytes;
  if (cpu.l2_bytes > 0)
    result.l2_bytes = cpu.l2_bytes;
  if (cpu.l3_bytes > 0)
    result.l3_bytes = cpu.l3_bytes;
  return result;
}

TargetDescription with_rates_of(TargetDescription target, const CpuInfo& cpu) {
  // Zen 4 works on vectors of 512 bits in two halves.
  if (cpu.vendor == "AuthenticAMD" && cpu.family == 25 && target.lanes == 16) {
    target.fma_per_cycle = 1;
    target.loads_per_cycle = 1;
    target.special_cycles = 14; // not twice as many: half of what they take is not multiply-adds
  }
  return target;
}

} // namespace attile::schedule
