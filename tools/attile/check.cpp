// attile check: diagnostics only.
#include "tools/attile/command.h"
#include "tools/attile/spec_options.h"

#include <fmt/core.h>

attile::cli::Run attile::cli::declare_check(CLI::App& app) {
  auto options = std::make_shared<SpecOptions>();
  options->declare(app, /*compiles=*/false);
  return [options]() -> Result<int> {
    Result<std::vector<Diagnostic>> diagnostics = options->check();
    if (!diagnostics)
      return diagnostics.error();
    bool ok = !has_errors(*diagnostics);
    for (const Diagnostic& diagnostic : *diagnostics)
      fmt::print(stderr, "{}", diagnostic.text);
    if (options->json)
      print_json({{"ok", ok}, {"diagnostics", json_of(*diagnostics)}});
    else if (ok)
      fmt::print("{}: no errors\n", options->path);
    return ok ? 0 : static_cast<int>(ErrorKind::user);
  };
}
