// Text to Program: parses, lays out the module's variables in memory, and decodes its functions.
#pragma once

#include "emulator/isa/program.h"
#include <functional>

namespace emu {

class Memory;

/// The address of a variable or function of another module, for `.extern` names; 0 if unknown.
using ResolveExternal = std::function<std::uint64_t(std::string_view name)>;

/// Nothing, and `error` set, if the text is not PTX, names an unknown instruction, or memory is exhausted;
/// then no memory is left allocated.
std::shared_ptr<Program> load(std::string_view text, Memory& memory, ptx::Error& error,
                              const ResolveExternal& external = {});
/// Frees the module's variables. Nothing may run it any more.
void release_variables(const Program& program, Memory& memory);

} // namespace emu
