// What this CPU can do at most, measured: the peaks that kernels are compared with.
#pragma once

#include <attile/result.h>
#include <string>

namespace attile {

struct CpuPeaks {
  int threads = 1;
  double f32_gflops = 0;         ///< f32 multiply-adds (2 operations each), of all threads together
  double bf16_gflops = 0;        ///< bf16 dot products accumulated in f32; 0 where the CPU has none
  double read_gbps = 0;          ///< 10^9 bytes a second, streamed from memory by all threads
  std::string f32_instructions;  ///< "avx512", "avx2" or "sse2"
  std::string bf16_instructions; ///< "avx512bf16" or ""
};

/// Measures for about `ms` milliseconds per figure, the best of several repetitions. The widest vectors that
/// this CPU has are used, in loops of independent register operations that nothing else limits. `threads` 0:
/// all usable.
Result<CpuPeaks> probe_cpu(int threads = 0, double ms = 60);

} // namespace attile
