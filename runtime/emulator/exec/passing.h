// Values that a call passes between two activations: each lies in a register of one of them, or in the local
// memory of its lanes, or is a constant.
#pragma once

#include "emulator/exec/state.h"

namespace emu {

struct PassedValue {
  const Frame* frame = nullptr; ///< the activation, whose register it is if `slot` is one
  std::optional<Slot> slot = {};
  std::uint64_t at = 0;                ///< else: offset in each lane's local memory
  const std::byte* constant = nullptr; ///< else, if not null: for all lanes
  std::uint64_t bytes = 0;
};

/// As many bytes as both have, and what the checker knows of them.
void pass(Warp& warp, Mask lanes, const PassedValue& to, const PassedValue& from);

} // namespace emu
