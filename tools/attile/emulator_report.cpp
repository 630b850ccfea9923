#include "tools/attile/emulator_report.h"

#include <string>

using namespace attile;

bool cli::is_emulated(const Device& device) {
  return device.driver_function("attileEmuGetReport") != nullptr;
}

std::optional<nlohmann::ordered_json> cli::emulator_report(const Device& device) {
  auto get =
      reinterpret_cast<std::size_t (*)(char*, std::size_t)>(device.driver_function("attileEmuGetReport"));
  if (get == nullptr)
    return std::nullopt;
  std::string text(get(nullptr, 0) + 1, '\0');
  get(text.data(), text.size());
  return nlohmann::ordered_json::parse(text.c_str(), nullptr, /*allow_exceptions=*/false);
}

void cli::clear_emulator_report(const Device& device) {
  if (auto clear = reinterpret_cast<void (*)()>(device.driver_function("attileEmuClearReport")))
    clear();
}
