// A spec and what is fixed when it is compiled, as most commands take them.
#pragma once

#include "tools/attile/report.h"

#include <CLI/CLI.hpp>
#include <attile/compiler.h>
#include <string>

namespace attile::cli {

struct SpecOptions {
  std::string path;
  CompileOptions compile;
  std::string dtype;
  bool json = false;

  /// spec, --attention, --dtype, --head-dim, --head-dim-v, --json; and --target, for commands that compile.
  void declare(CLI::App& app, bool compiles);
  /// Reads and checks the spec; diagnostics are printed. An Error may have been reported already.
  Result<Spec> load();
  /// All findings about the spec's text.
  Result<std::vector<Diagnostic>> check();

private:
  Result<void> understand();
};

/// Whether one of them is an error.
bool has_errors(const std::vector<Diagnostic>& diagnostics);
/// {"severity", "file", "line", "column", "end_line", "end_column", "message", "remedy"} each.
Json json_of(const std::vector<Diagnostic>& diagnostics);

} // namespace attile::cli
