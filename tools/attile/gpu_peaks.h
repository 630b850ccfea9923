// What a GPU reaches at most, measured: the rates that kernels are compared with.
#pragma once

#include <attile/device.h>
#include <string>

namespace attile::cli {

struct GpuPeaks {
  double copy_gbps = 0;     ///< 10^9 bytes a second, read and written, by a copy within its memory
  double tflops = 0;        ///< of independent `instructions` in registers
  std::string instructions; ///< "mma.sync bf16", "fma f32"
};

/// The best of a few repetitions, in well under a second. `dtype` is that of the kernels to compare.
Result<GpuPeaks> probe_gpu(const Device& device, DType dtype);

} // namespace attile::cli
