// From which target and which version of PTX on an instruction exists (PTX ISA, "Target ISA Notes" and "PTX
// ISA Notes"): rules in requirements.cpp.
#pragma once

#include "emulator/isa/target.h"
#include "emulator/ptx/module.h"
#include <string>

namespace emu {

/// "requires .target sm_80 or newer, found sm_75": what `statement` needs that code for `target`, which is
/// that of the module, does not have; empty if nothing.
std::string missing_requirement(const ptx::Module& module, Target target, const ptx::Statement& statement);

} // namespace emu
