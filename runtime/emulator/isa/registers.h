// Gives the registers of a function their places in a frame: registers that are not needed at the same time
// share one.
#pragma once

#include <cstdint>
#include <vector>

namespace emu {

/// A function as liveness sees it: instructions in order, each with the registers that it reads and writes.
struct RegisterUse {
  std::uint32_t reg = 0;
  bool write = false;
  bool partial = false; ///< a write that leaves some lanes as they are: it is guarded
  bool held = false;    ///< it is accessed after the instruction, too: its place is no other register's
};

struct FlowGraph {
  std::vector<std::vector<RegisterUse>> uses;             ///< by instruction
  std::vector<std::vector<std::uint32_t>> branch_targets; ///< by instruction
  std::vector<bool> falls_through;                        ///< by instruction
  std::vector<std::uint32_t> given; ///< registers that hold parameters when the function begins
};

struct RegisterPlaces {
  std::vector<std::uint32_t> offsets;         ///< by register; ~0u: never used
  std::vector<std::uint32_t> maybe_undefined; ///< registers that some path reads before writing
  std::uint32_t bytes = 0;
};

/// `sizes`: bytes that a register takes in a frame. Places are aligned to 64 bytes (predicates to 4).
RegisterPlaces place_registers(const FlowGraph& graph, const std::vector<std::uint32_t>& sizes);

} // namespace emu
