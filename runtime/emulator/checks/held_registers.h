// Registers that wgmma accesses after it was issued: the sums that it adds to, and A if that is in registers.
// Until a wait for its group the thread may do nothing to the sums, and write to none of A; between what the
// thread does to them and a wgmma there must be a wgmma.fence (PTX ISA, "wgmma.fence").
#pragma once

#include "emulator/exec/state.h"

namespace emu {

/// What a warp does to the registers of one wgmma after the other.
class HeldRegisters {
public:
  struct Problem {
    enum class What : std::uint8_t {
      none,
      sums_in_flight, ///< accesses what a wgmma adds to
      a_in_flight,    ///< writes what a wgmma reads
      no_fence,       ///< of a wgmma: after an access by the thread
      other_shape,    ///< of a wgmma: adds to what one of another shape adds to, without a fence between
    } what = What::none;
    const Instruction* other = nullptr; ///< the wgmma, or the access; null: there was none
  };

  /// An instruction that is no wgmma accesses registers of `group`'s activation.
  Problem touch(const Group& group, const Instruction& instruction);
  /// A wgmma, whose first operand are sums and whose second is A, if that has more than one register.
  Problem issue(const Group& group, const Instruction& instruction);
  void fence() { ++fences; }
  void commit() { ++committed; }
  void wait(std::uint32_t keep) { done = committed > keep ? std::max(done, committed - keep) : done; }
  /// The latest wgmma that was not waited for; null if there is none.
  const Instruction* in_flight() const { return latest_group > done ? latest : nullptr; }

private:
  struct State { // groups: their number plus 1; 0: none
    std::uint32_t sums = 0, a = 0;
    std::uint32_t written = 0, accessed = 0; ///< fences until then, plus 1
    std::uint32_t fences = 0;                ///< until `adds`
    const Instruction *adds = nullptr, *reads = nullptr, *accessor = nullptr;
  };
  struct Activation {
    std::shared_ptr<const Frame> frame;
    std::vector<State> states; ///< by place in the frame
  };
  static constexpr std::uint32_t unit = 64; // of places
  std::vector<State>& states_of(const Group& group);
  Problem issue_sums(State& state, const Instruction& instruction);
  Problem issue_a(State& state, const Instruction& instruction);

  std::uint32_t committed = 0, done = 0, fences = 0;
  std::uint32_t latest_group = 0;
  const Instruction* latest = nullptr;
  std::vector<Activation> activations;
};

} // namespace emu
