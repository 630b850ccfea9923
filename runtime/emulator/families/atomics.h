// What atomics do to memory, also for reductions that a copy engine does (exec/bulk.h).
#pragma once

#include "emulator/exec/bulk.h"
#include "emulator/isa/table.h"
#include "emulator/ptx/types.h"

#include <string_view>

namespace emu {

/// Which of "add", "min", "max", "inc", "dec", "and", "or", "xor", "exch" and "cas" is among the modifiers.
std::string_view atomic_operation(const Decoding& decoding);
/// What it does to elements of a type that it has.
Update atomic_update(std::string_view operation, ptx::Type type);

} // namespace emu
