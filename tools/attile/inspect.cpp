// attile inspect: the text of a stage, or of all of them.
#include "tools/attile/command.h"
#include "tools/attile/progress.h"
#include "tools/attile/spec_options.h"

#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct InspectOptions {
  SpecOptions spec;
  std::string stage;
};

Result<int> inspect_stage(InspectOptions& options) {
  if (options.stage.empty() && options.spec.compile.dump_dir.empty())
    return usage_error("nothing to do", "give --stage, or --dump-dir for all stages");
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Progress progress("compiling");
  const std::string& last = stages().back(); // a dump has all stages up to the one that is asked for
  Result<std::string> text =
      inspect(*spec, options.spec.compile, options.stage.empty() ? last : options.stage);
  if (!text)
    return text.error();
  if (options.spec.json)
    print_json({{"ok", true}, {"stage", options.stage}, {"text", options.stage.empty() ? "" : *text}});
  else if (!options.stage.empty())
    fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
  return 0;
}

} // namespace

Run cli::declare_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  options->spec.declare(app, /*compiles=*/true);
  app.add_option("--stage", options->stage, "which one to print")->check(CLI::IsMember(stages()));
  app.add_option("--dump-dir", options->spec.compile.dump_dir,
                 "write every stage into this folder, numbered");
  return [options] { return inspect_stage(*options); };
}
