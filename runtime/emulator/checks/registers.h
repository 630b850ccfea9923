// Which registers of an activation hold values, lane by lane and byte by byte. Bytes that nobody gave a value
// are undefined and may be moved about; what is computed from them is tainted. A branch, an address or a
// result that leaves the kernel must be neither.
#pragma once

#include "emulator/checks/shadow.h"
#include "emulator/isa/instruction.h"

#include <unordered_map>
#include <vector>

namespace emu {

struct Function;

class RegisterShadow {
public:
  explicit RegisterShadow(const Function& function);

  /// Nothing is undefined or tainted: instructions need no look at all.
  bool clean() const { return bad_count == 0; }

  Mask undefined(Slot slot) const { return tracked(slot) ? state[slot.offset / unit].undefined : 0; }
  Mask tainted(Slot slot) const { return tracked(slot) ? state[slot.offset / unit].tainted : 0; }
  Mask bad(Slot slot) const { return undefined(slot) | tainted(slot); }
  /// Bytes of a lane that are undefined, of `slot.bytes`.
  ByteBits undefined_bytes(Slot slot, int lane) const;
  /// Where a value that is not good came from; null if unknown.
  const Instruction* origin(Slot slot) const {
    return tracked(slot) ? state[slot.offset / unit].origin : nullptr;
  }

  void define(Slot slot, Mask lanes);
  void taint(Slot slot, Mask lanes, const Instruction* origin);
  void undefine(Slot slot, int lane, ByteBits bytes, const Instruction* origin);

private:
  static constexpr std::uint32_t unit = 4; // what slots are aligned to
  struct State {
    Mask undefined = 0, tainted = 0;
    const Instruction* origin = nullptr;
  };
  bool tracked(Slot slot) const {
    return !slot.constant && !slot.absent && slot.offset / unit < state.size();
  }
  static std::uint64_t key(Slot slot, int lane) {
    return std::uint64_t(slot.offset) << 5 | static_cast<std::uint64_t>(lane);
  }
  template <class F> void change(Slot slot, F f);

  std::vector<State> state;
  std::unordered_map<std::uint64_t, ByteBits> partly; ///< undefined bytes of lanes of which some are defined
  std::uint32_t bad_count = 0;                        ///< slots
};

/// Carries definedness through an instruction that changes registers only, and executes it. For everything
/// but accesses to memory: Kind::copy keeps undefined bytes, Kind::matrix knows rows and columns, all others
/// taint.
Flow execute_shadowed(RegisterShadow& shadow, Group& group, const Instruction& instruction, Mask mask);

/// Lanes that an instruction was executed for, which was asked to for `mask` of a group of the lanes
/// `before`: those that a warp executes together take in lanes that have waited, and leave out lanes that
/// have to wait.
Mask executed(const Group& group, Mask mask, Mask before);

} // namespace emu
