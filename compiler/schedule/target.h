// What the cost model knows about a machine.
//
// Rates are per core and cycle. They describe a class of machines, not one: the choice of tiles depends on
// their ratios, and on the sizes of caches and register files.
#ifndef ATTILE_COMPILER_SCHEDULE_TARGET_H
#define ATTILE_COMPILER_SCHEDULE_TARGET_H

#include <cstdint>
#include <string>

namespace attile {
struct CpuInfo;
}

namespace attile::schedule {

struct TargetDescription {
  std::string name;
  std::int64_t lanes = 4;      ///< f32 lanes of a vector
  std::int64_t registers = 16; ///< vector registers
  bool bf16_dot = false;       ///< multiplies pairs of bf16 (vdpbf16ps)
  bool bf16_tiles = false;     ///< multiplies tiles of bf16 (AMX): the scores of few rows

  // Bytes, of one core; l3 is what its cores share.
  std::int64_t l1_bytes = 32 << 10, l2_bytes = 256 << 10, l3_bytes = 8 << 20;

  double ghz = 3.0;
  double fma_per_cycle = 1;   ///< vector multiply-adds; as many bf16 dots
  double loads_per_cycle = 2; ///< vector or broadcast loads from L1
  double stores_per_cycle = 1;
  double l2_bytes_per_cycle = 16; ///< L2 to L1, sustained
  double l3_bytes_per_cycle = 24; ///< L3 to L2, sustained, of one core
  double memory_gbps = 12;        ///< one core, reading
  double special_cycles = 20;     ///< one vector of exp, log, tanh, ...
  double plain_cycles = 1;        ///< one vector of other arithmetic, loads and stores included

  /// f32 FLOP, or bf16 FLOP where `bf16` pairs are multiplied, per second and core.
  double peak_gflops(bool bf16) const {
    return ghz * fma_per_cycle * 2.0 * lanes * (bf16 && bf16_dot ? 2 : 1);
  }
};

/// The machine that `target` ("x86-64-v2", "-v3", "-v4", "-v4-bf16", "-v4-amx") names: a typical one of its
/// class. An unknown name gives the baseline.
TargetDescription describe(const std::string& target);

/// The fastest target for a CPU, or the level it has ("x86-64", "aarch64") where no target is made for that.
std::string native_target(const CpuInfo& cpu);

/// The machine at hand: its class by its features, its own caches.
TargetDescription describe(const CpuInfo& cpu);

/// ... with the rates in which it is known to differ from its class, for predictions. Tiles are chosen
/// without them: on a Zen 4, those that the class is given are up to 3 % faster than those that its own rates
/// suggest.
TargetDescription with_rates_of(TargetDescription target, const CpuInfo& cpu);

} // namespace attile::schedule

#endif
