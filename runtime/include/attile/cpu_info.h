// Facts about the CPU that this process runs on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attile {

struct CpuInfo {
  std::string arch;   ///< "x86-64", "aarch64"
  std::string vendor; ///< as cpuid spells it, "AuthenticAMD" or "GenuineIntel"; may be empty
  std::string brand;  ///< "AMD EPYC ..."; may be empty
  int family = 0;     ///< as cpuid counts them, 25 for AMD's Zen 3 and 4; 0 where there is none
  /// What instructions may be used, in LLVM's names ("avx2", "avx512bf16"), as the CPU has and the system
  /// enables them; for "amx-..." it is asked to, for the whole process.
  std::vector<std::string> features;
  std::int64_t l1d_bytes = 0, l2_bytes = 0, l3_bytes = 0; ///< as one core sees them; 0 where there is none
  std::int64_t cache_line = 64;
  int cores = 1;   ///< physical cores of the machine
  int threads = 1; ///< that this process may use: its affinity mask and its cgroup's quota, rounded up

  bool has(std::string_view feature) const;
  /// "x86-64", "x86-64-v2", "x86-64-v3" or "x86-64-v4": the highest level whose features are all here, or
  /// `arch`.
  std::string level() const;
};

/// The same for the whole process, found out at the first call.
const CpuInfo& cpu_info();

/// Bytes of memory that this process may still take: what the system calls available, with swap, and what its
/// cgroup leaves. The largest number where nothing is known.
std::int64_t available_memory();

} // namespace attile
