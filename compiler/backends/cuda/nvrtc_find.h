// Where NVRTC may be.
#pragma once

#include <string>
#include <vector>

namespace attile::cuda {

/// Files and library names to try, in order of preference.
std::vector<std::string> nvrtc_candidates();

/// Which NVRTC would be opened, without opening it: path, size and time of the file. Empty if that is left to
/// the dynamic linker, or if there is none.
std::string nvrtc_identity();

} // namespace attile::cuda
