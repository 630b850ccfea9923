// The seed of what the ISA leaves open.
#pragma once

#include <cstdint>

namespace emu {

struct Group;

/// Options::seed of the launch that a group belongs to.
std::uint64_t approximation_seed(const Group& group);

} // namespace emu
