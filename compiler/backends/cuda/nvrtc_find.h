// Where NVRTC may be.
#pragma once

#include <string>
#include <vector>

namespace attile::cuda {

/// Files and library names to try, in order of preference.
std::vector<std::string> nvrtc_candidates();

} // namespace attile::cuda
