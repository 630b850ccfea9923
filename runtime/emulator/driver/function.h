// Attributes of functions, which kernels of libraries have as well.
#pragma once

#include "emulator/driver/objects.h"

namespace emu::driver {

CUresult get_attribute(const FunctionObject& function, CUfunction_attribute attribute, int& value);
CUresult set_attribute(FunctionObject& function, CUfunction_attribute attribute, int value);
CUresult param_info(const FunctionObject& function, std::size_t index, std::size_t* offset,
                    std::size_t* size);

} // namespace emu::driver
