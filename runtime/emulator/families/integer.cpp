// Integer arithmetic.
#include "emulator/isa/table.h"

namespace emu {

std::vector<Entry> integer_entries() { return {}; }
std::vector<Entry> float_entries() { return {}; }
std::vector<Entry> half_entries() { return {}; }
std::vector<Entry> convert_entries() { return {}; }
std::vector<Entry> atomic_entries() { return {}; }
std::vector<Entry> warp_entries() { return {}; }
std::vector<Entry> barrier_entries() { return {}; }
std::vector<Entry> matrix_entries() { return {}; }
std::vector<Entry> async_entries() { return {}; }

} // namespace emu
