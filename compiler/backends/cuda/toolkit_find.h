// Where parts of the CUDA toolkit may be: its own folders, and those of wheels from Python's package index.
#pragma once

#include <string>
#include <vector>

namespace attile::cuda {

/// Files and library names of NVRTC to try, in order of preference.
std::vector<std::string> nvrtc_candidates();

/// Which NVRTC would be opened, without opening it: path, size and time of the file. Empty if that is left to
/// the dynamic linker, or if there is none.
std::string nvrtc_identity();

/// Programs that may print machine code, in order of preference: nvdisasm and cuobjdump, with their folders.
std::vector<std::string> disassembler_candidates();

} // namespace attile::cuda
