// What the emulated driver tells of its launches (attile_emulator.h), for programs that may run on any
// device.
#pragma once

#include <attile/device.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace attile::cli {

bool is_emulated(const Device& device);

/// All since it was last cleared: {"findings": [...], "counters": [...], ...}. Nothing on other devices; a
/// discarded value if it is no JSON.
std::optional<nlohmann::ordered_json> emulator_report(const Device& device);
void clear_emulator_report(const Device& device);

} // namespace attile::cli
