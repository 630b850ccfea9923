// attile inspect: the text of a stage, or of all of them.
#include "tools/attile/command.h"
#include "tools/attile/progress.h"
#include "tools/attile/spec_options.h"

#include <filesystem>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct InspectOptions {
  SpecOptions spec;
  std::string stage;
};

/// What a dump has written: a file for every stage up to the last one.
std::vector<std::string> dumped(const std::string& folder, const std::string& target,
                                const std::string& last) {
  std::vector<std::string> files;
  for (const std::string& stage : stages(target)) {
    std::string start = fmt::format("{}-{}.", files.size() + 1, stage);
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(start))
        files.push_back((std::filesystem::path(folder) / entry.path().filename()).string());
    if (stage == last)
      break;
  }
  return files;
}

Result<int> inspect_stage(InspectOptions& options) {
  if (options.stage.empty() && options.spec.compile.dump_dir.empty())
    return usage_error("nothing to do", "give --stage, or --dump-dir for all stages");
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Progress progress("compiling");
  const std::string& target = options.spec.compile.target;
  const std::string last = stages(target).back(); // a dump has all stages up to the one that is asked for
  const std::string& wanted = options.stage.empty() ? last : options.stage;
  Result<std::string> text = inspect(*spec, options.spec.compile, wanted);
  if (!text)
    return text.error();
  std::vector<std::string> files;
  if (!options.spec.compile.dump_dir.empty())
    files = dumped(options.spec.compile.dump_dir, target, wanted);
  if (options.spec.json)
    print_json({{"ok", true},
                {"stage", options.stage},
                {"text", options.stage.empty() ? "" : *text},
                {"files", files}});
  else if (!options.stage.empty())
    fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
  for (const std::string& file : files)
    if (!options.spec.json && options.stage.empty()) // else stdout is the stage's
      fmt::print("{}\n", file);
    else if (!options.spec.json)
      note(fmt::format("wrote '{}'", file));
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
