#include "emulator/driver/settings.h"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>

namespace emu::driver {
namespace {

template <class T> bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string set_flag(std::string_view name, std::string_view value, bool& flag) {
  if (value != "0" && value != "1")
    return fmt::format("option '{}' is 0 or 1, not '{}'", name, value);
  flag = value == "1";
  return {};
}

template <class T>
std::string set_number(std::string_view name, std::string_view value, T& number, T least = 0) {
  T parsed{};
  if (!parse(value, parsed) || parsed < least)
    return fmt::format("option '{}' is a number from {}, not '{}'", name, least, value);
  number = parsed;
  return {};
}

std::string set_choice(std::string_view name, std::string_view value, std::string_view no,
                       std::string_view yes, bool& flag) {
  if (value != no && value != yes)
    return fmt::format("option '{}' is {} or {}, not '{}'", name, no, yes, value);
  flag = value == yes;
  return {};
}

struct State {
  std::mutex mutex;
  Settings settings;
  State() {
    for (const char* name : {"TARGET", "SEED", "MODE", "CHECKS", "COUNTERS", "WORKERS", "MATRIX", "DEVICES",
                             "QUIET", "MOST_INSTRUCTIONS"}) {
      const char* value = std::getenv(("ATTILE_EMU_" + std::string(name)).c_str());
      if (value == nullptr)
        continue;
      std::string option(name);
      for (char& c : option)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (const std::string error = settings.set(option, value); !error.empty())
        fmt::print(stderr, "emulator: ATTILE_EMU_{}: {}\n", name, error);
    }
  }
};

State& state() {
  static State& only = *new State; // worker threads may outlive the end of main
  return only;
}

} // namespace

std::string Settings::set(std::string_view name, std::string_view value) {
  if (name == "target") {
    if (chip_named(value) == nullptr) {
      std::string known;
      for (const Chip& chip : chips())
        known += fmt::format("{}{}", known.empty() ? "" : ", ", chip.target);
      return fmt::format("no chip is called '{}'; there are {}", value, known);
    }
    target = value;
    return {};
  }
  if (name == "seed")
    return set_number(name, value, options.seed);
  if (name == "mode") {
    bool scheduled = false;
    std::string error = set_choice(name, value, "fast", "scheduled", scheduled);
    if (error.empty())
      options.mode = scheduled ? Options::Mode::scheduled : Options::Mode::fast;
    return error;
  }
  if (name == "checks")
    return set_flag(name, value, checks);
  if (name == "quiet")
    return set_flag(name, value, quiet);
  if (name == "counters") {
    count = value != "0" && !value.empty();
    counters_file = count && value != "1" ? value : "";
    return {};
  }
  if (name == "workers")
    return set_number(name, value, options.workers);
  if (name == "matrix")
    return set_choice(name, value, "exact", "truncating", options.truncating_matrix);
  if (name == "devices")
    return set_number(name, value, devices, 1);
  if (name == "most_instructions")
    return set_number(name, value, options.most_instructions);
  if (name.starts_with("registers."))
    return set_number(name, value, registers[std::string(name.substr(10))]);
  return fmt::format("no option is called '{}'", name);
}

Settings settings() {
  const std::lock_guard lock(state().mutex);
  return state().settings;
}

std::string change_setting(std::string_view name, std::string_view value) {
  const std::lock_guard lock(state().mutex);
  return state().settings.set(name, value);
}

} // namespace emu::driver
