// attile build: compiles a spec ahead of time into a package that the runtime alone can launch.
#include "tools/attile/command.h"
#include "tools/attile/progress.h"
#include "tools/attile/spec_options.h"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct BuildOptions {
  SpecOptions spec;
  std::string output;
};

Result<int> build(BuildOptions& options) {
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Progress progress("compiling");
  Result<Package> package = compile(*spec, options.spec.compile);
  if (!package)
    return package.error();
  if (options.output.empty())
    options.output = package->spec_name + ".pkg";
  Result<std::vector<std::byte>> bytes = write_package(*package);
  if (!bytes)
    return bytes.error();
  if (Result<void> saved = save_package(*package, options.output); !saved)
    return saved.error();
  std::vector<std::string> targets;
  for (const CodeSection& code : package->code)
    if (std::find(targets.begin(), targets.end(), code.target) ==
        targets.end()) // a GPU has machine code and PTX
      targets.push_back(code.target);
  if (options.spec.json)
    print_json({{"ok", true}, {"package", options.output}, {"bytes", bytes->size()}, {"targets", targets}});
  else
    fmt::print("{}: {} bytes, for {}\n", options.output, bytes->size(),
               targets.empty() ? "no target" : fmt::format("{}", fmt::join(targets, ", ")));
  return 0;
}

} // namespace

Run cli::declare_build(CLI::App& app) {
  auto options = std::make_shared<BuildOptions>();
  options->spec.declare(app, /*compiles=*/true);
  app.add_option("-o,--output", options->output, "the package; by default NAME.pkg");
  return [options] { return build(*options); };
}
