// Shared libraries that are opened at run time.
#pragma once

#include <attile/result.h>
#include <string>

namespace attile::cuda {

/// The error's message is the dynamic linker's.
Result<void*> open_library(const std::string& path);
/// The same as a copy of its own, with variables of its own, however often it is open already.
Result<void*> open_copy(const std::string& path);
/// The folder of the library that holds this code.
std::string own_folder();

} // namespace attile::cuda
