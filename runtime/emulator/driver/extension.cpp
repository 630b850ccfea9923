#include "emulator/driver/objects.h"
#include "emulator/include/attile_emulator.h"

#include <algorithm>
#include <cstring>

namespace {

std::size_t give(const std::string& text, char* buffer, std::size_t size) {
  if (buffer != nullptr && size > 0) {
    const std::size_t used = std::min(text.size(), size - 1);
    std::memcpy(buffer, text.data(), used);
    buffer[used] = '\0';
  }
  return text.size();
}

} // namespace

extern "C" {

const char* attileEmuSetOption(const char* name, const char* value) {
  thread_local std::string error;
  using namespace emu::driver;
  const std::string_view option = name == nullptr ? "" : name;
  if (value == nullptr)
    error = "an option needs a value";
  else if ((option == "target" || option == "devices") && driver() != nullptr)
    error = "the option '" + std::string(option) + "' must be set before cuInit";
  else
    error = change_setting(option, value);
  return error.empty() ? nullptr : error.c_str();
}

size_t attileEmuGetReport(char* buffer, size_t size) {
  return give(emu::driver::report().json(), buffer, size);
}

size_t attileEmuGetLastFailure(char* buffer, size_t size) {
  return give(emu::driver::report().last_failure(), buffer, size);
}

void attileEmuClearReport(void) { emu::driver::report().clear(); }

} // extern "C"
