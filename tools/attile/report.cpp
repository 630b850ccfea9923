#include "tools/attile/report.h"

#include <fmt/core.h>

using namespace attile;

void cli::print_json(const Json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void cli::note(const std::string& text) { fmt::print(stderr, "note: {}\n", text); }

Error cli::reported(ErrorKind kind) { return {kind, ""}; }

int cli::fail(const Error& error, bool json) {
  if (!error.message.empty()) {
    fmt::print(stderr, "{}\n", error.text());
    if (json)
      print_json({{"ok", false}, {"error", error.message}, {"notes", error.notes}, {"remedy", error.remedy}});
  }
  return error.exit_status();
}
