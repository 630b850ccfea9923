#include "emulator/families/builtins.h"

namespace emu {

Builtin builtin_named(std::string_view) { return nullptr; }

} // namespace emu
