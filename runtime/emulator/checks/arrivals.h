// Who arrived at an mbarrier in its current phase and in the one before: whom a thread may be waiting for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace emu {

struct Instruction;

class Arrivals {
public:
  /// A warp of some block of the cluster arrives, or its operation completes bytes.
  void come(const Instruction& instruction, std::uint32_t rank, std::uint32_t warp, bool bytes);
  void complete_phase();
  /// "; of the phase before: arrivals of line 40 (warp 0), bytes of line 41 (warp 0)"; empty if there were
  /// none.
  std::string text() const;

private:
  struct One {
    const Instruction* instruction = nullptr;
    bool bytes = false;
    std::uint32_t rank = 0;
    std::uint32_t warps = 0; ///< a bit for each
  };
  static std::string list(const std::vector<One>& phase);
  std::vector<One> now, before;
};

} // namespace emu
