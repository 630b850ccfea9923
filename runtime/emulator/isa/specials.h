// Special registers by name.
#pragma once

#include "emulator/isa/program.h"
#include <optional>

namespace emu {

/// By its name with component, "%tid.x"; nothing if it is unknown or changes while a thread runs.
std::optional<Special> special_named(std::string_view name, ptx::Component component);

/// Those that change: they are read by an instruction of their own.
enum class Clock : std::uint8_t { clock, clock_hi, clock64, globaltimer, globaltimer_lo, globaltimer_hi };
std::optional<Clock> clock_named(std::string_view name);

} // namespace emu
