// Copies and fills: from the API's description to an operation whose addresses have been checked.
#pragma once

#include "emulator/driver/objects.h"

namespace emu::driver {

/// Fills in everything but which sides are the host's, which check_copy does.
CUresult copy_of(const CUDA_MEMCPY3D& description, Copy& copy);
CUresult check_copy(Driver& driver, Copy& copy, bool dst_on_device, bool src_on_device);
CUresult check_fill(const Driver& driver, const Fill& fill);

} // namespace emu::driver
