// How many blocks of a kernel an SM holds at once.
#ifndef ATTILE_COMPILER_SCHEDULE_OCCUPANCY_H
#define ATTILE_COMPILER_SCHEDULE_OCCUPANCY_H

#include "compiler/schedule/gpu.h"

namespace attile::schedule {

/// What the assembler and the launch say that a block has.
struct BlockResources {
  std::int64_t threads = 0;
  std::int64_t registers = 0;    ///< of a thread
  std::int64_t shared_bytes = 0; ///< static and dynamic
};

/// 0 if not even one block fits. (CUDA C++ Programming Guide, "Compute Capabilities": registers are given to
/// warps in units of 256; from sm_80 on the system keeps 1 KB of shared memory for each block.)
std::int64_t blocks_per_sm(const GpuDescription& gpu, const BlockResources& block);

} // namespace attile::schedule

#endif
