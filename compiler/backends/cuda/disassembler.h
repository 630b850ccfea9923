// NVIDIA's disassembler, a program of the toolkit: machine code as text, for people.
#pragma once

#include <attile/result.h>
#include <cstddef>
#include <span>
#include <string>

namespace attile::cuda {

/// The first that is found of: $ATTILE_DISASSEMBLER (a file), nvdisasm of the CUDA toolkit ($CUDA_HOME,
/// /usr/local/cuda), of $PATH, and of the wheel nvidia-cuda-nvdisasm (where NVRTC's wheel may be, too);
/// cuobjdump in the same places. An environment error that says how to get one if there is none.
Result<std::string> find_disassembler();

/// The instructions of a cubin with the source lines that they come from. An environment error if the program
/// fails: it may be older than the chip.
Result<std::string> disassemble(std::span<const std::byte> cubin);

} // namespace attile::cuda
