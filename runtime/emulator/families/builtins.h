// Functions that PTX may call without defining them: the system's.
#pragma once

#include "emulator/exec/groups.h"
#include <vector>

namespace emu {

struct BuiltinCall {
  Group& group;
  const Instruction& instruction;
  Mask mask;
  std::vector<std::uint64_t> arguments, results; ///< where in each lane's local memory they lie
};

using Builtin = Flow (*)(BuiltinCall&);

/// vprintf, __assertfail, malloc, free; null for others.
Builtin builtin_named(std::string_view name);

} // namespace emu
