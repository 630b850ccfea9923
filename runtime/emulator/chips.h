// The chips that can be emulated, by target name, with the limits that a launch must respect (CUDA C++
// Programming Guide, "Compute Capabilities", and the data sheets).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace emu {

struct Chip {
  std::string_view target; ///< "sm_90a"
  std::string_view name;   ///< "Attile emulated NVIDIA H200 (sm_90a)"
  int major = 0, minor = 0;
  int multiprocessors = 0;
  int max_threads_per_sm = 0, max_blocks_per_sm = 0;
  int max_threads_per_block = 1024;
  int registers_per_sm = 65536, registers_per_block = 65536;
  int shared_per_sm = 0;          ///< bytes
  int shared_per_block_optin = 0; ///< bytes, with cuFuncSetAttribute
  int shared_per_block = 49152;   ///< bytes, without
  int shared_reserved = 1024;     ///< bytes a block that the system takes
  int max_cluster = 0;            ///< blocks; 0: no clusters
  int l2_bytes = 0;
  std::uint64_t memory_bytes = 0;
  int clock_khz = 0, memory_clock_khz = 0, memory_bus_bits = 0;
};

/// All of them, oldest first.
std::span<const Chip> chips();
/// Null if there is none of that name. "sm_90" finds what "sm_90a" does.
const Chip* chip_named(std::string_view target);

} // namespace emu
