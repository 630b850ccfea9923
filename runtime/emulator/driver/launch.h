// Launches: which a chip would refuse, and how parameters are packed.
#pragma once

#include "emulator/driver/objects.h"

namespace emu::driver {

/// What a launch asks for, before its parameters.
struct LaunchShape {
  Dim3 grid, threads;
  std::optional<Dim3> cluster; ///< as given with the launch
  std::uint32_t dynamic_shared = 0;
  bool cooperative = false;
  bool programmatic = false;
};

/// The function of a handle, which may be that of a CUkernel; null if there is none.
std::shared_ptr<FunctionObject> find_function(Driver& driver, Context& context, CUfunction handle);
/// CUDA_SUCCESS and a complete operation, or why the chip refuses it, with a message in the report.
CUresult prepare(std::shared_ptr<FunctionObject> function, const LaunchShape& shape, void** values,
                 void** extra, KernelLaunch& launch);
CUresult prepare(Driver& driver, Context& context, const CUDA_KERNEL_NODE_PARAMS& params,
                 KernelLaunch& launch);

/// Registers of a thread, as ptxas told (option `registers.NAME`) or the kernel's .maxnreg; 0: unknown.
unsigned registers_of(const Function& function);
/// How many blocks of `threads` fit a multiprocessor; registers count if they are known.
int blocks_per_multiprocessor(const FunctionObject& function, int threads, std::size_t dynamic_shared);

} // namespace emu::driver
