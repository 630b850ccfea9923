// Families that are not written yet.
#include "emulator/isa/table.h"

namespace emu {

std::span<const Entry> atomic_entries() { return {}; }
std::span<const Entry> barrier_entries() { return {}; }
std::span<const Entry> async_entries() { return {}; }

} // namespace emu
