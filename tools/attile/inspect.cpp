// attile inspect: the text of a stage, or of all of them, and what kernels take of a GPU.
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
  bool resources = false;
};

// ---- stages ----------------------------------------------------------------------------------------------

/// The text of a stage for one target, and what was written on the way.
struct Inspected {
  std::string target, text;
  std::vector<std::string> files;
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

/// A dump without a stage has all that need no further program.
std::string last_dumped(const std::string& target) {
  std::vector<std::string> all = stages(target);
  return all.back() == "sass" ? all[all.size() - 2] : all.back();
}

Result<Inspected> inspect_for(const Spec& spec, const CompileOptions& compile, const std::string& stage) {
  std::string wanted = stage.empty() ? last_dumped(compile.target) : stage;
  Result<std::string> text = inspect(spec, compile, wanted);
  if (!text)
    return std::move(text).error();
  Inspected result{compile.target, stage.empty() ? "" : *std::move(text), {}};
  if (!compile.dump_dir.empty())
    result.files = dumped(compile.dump_dir, compile.target, wanted);
  return result;
}

Json json_of(const Inspected& one) { return {{"text", one.text}, {"files", one.files}}; }

void print(const Inspected& one, bool has_stage, bool headed) {
  if (headed)
    fmt::print("==== {} ====\n", one.target);
  if (has_stage)
    fmt::print("{}{}", one.text, one.text.ends_with('\n') ? "" : "\n");
  for (const std::string& file : one.files)
    if (!has_stage) // else stdout is the stage's
      fmt::print("{}\n", file);
    else
      note(fmt::format("wrote '{}'", file));
}

Result<int> inspect_stage(const InspectOptions& options, const Spec& spec) {
  std::vector<std::string> targets = split_targets(options.spec.compile.target);
  Json json = {{"ok", true}, {"stage", options.stage}};
  for (const std::string& target : targets) {
    CompileOptions compile = options.spec.compile;
    compile.target = target;
    if (targets.size() > 1 && !compile.dump_dir.empty())
      compile.dump_dir += "/" + target;
    Result<Inspected> one = inspect_for(spec, compile, options.stage);
    if (!one)
      return std::move(one).error();
    if (!options.spec.json)
      print(*one, !options.stage.empty(), targets.size() > 1);
    else if (targets.size() == 1)
      json.update(json_of(*one));
    else
      json["targets"][target] = json_of(*one);
  }
  if (options.spec.json)
    print_json(json);
  return 0;
}

// ---- resources -------------------------------------------------------------------------------------------

Json json_of(const ResourceReport& report) {
  Json kernels = Json::array();
  for (const ResourceReport::Kernel& kernel : report.kernels)
    kernels.push_back({{"kernel", kernel.name},
                       {"threads", kernel.threads},
                       {"registers", kernel.registers},
                       {"spill_bytes", kernel.spill_bytes},
                       {"stack_bytes", kernel.stack_bytes},
                       {"static_shared_bytes", kernel.static_shared_bytes},
                       {"dynamic_shared_bytes", kernel.dynamic_shared_bytes},
                       {"blocks_per_sm", kernel.blocks_per_sm}});
  return {{"kernels", kernels}, {"cubin_bytes", report.cubin_bytes}, {"warnings", report.warnings}};
}

void print(const std::string& target, const ResourceReport& report) {
  fmt::print("{}: {} bytes of cubin\n", target, report.cubin_bytes);
  fmt::print("  {:<28}{:>8}{:>10}{:>8}{:>8}{:>15}{:>15}{:>11}\n", "kernel", "threads", "registers", "spills",
             "stack", "static shared", "dynamic shared", "blocks/SM");
  for (const ResourceReport::Kernel& kernel : report.kernels)
    fmt::print("  {:<28}{:>8}{:>10}{:>8}{:>8}{:>15}{:>15}{:>11}\n", kernel.name, kernel.threads,
               kernel.registers, kernel.spill_bytes, kernel.stack_bytes, kernel.static_shared_bytes,
               kernel.dynamic_shared_bytes, kernel.blocks_per_sm);
  for (const std::string& warning : report.warnings)
    fmt::print("  {}\n", warning);
}

Result<int> show_resources(const InspectOptions& options, const Spec& spec) {
  Json json = {{"ok", true}};
  for (const std::string& target : split_targets(options.spec.compile.target)) {
    CompileOptions compile = options.spec.compile;
    compile.target = target;
    Result<ResourceReport> report = resources(spec, compile);
    if (!report)
      return std::move(report).error();
    if (options.spec.json)
      json["targets"][target] = json_of(*report);
    else
      print(target, *report);
  }
  if (options.spec.json)
    print_json(json);
  return 0;
}

Result<int> run(InspectOptions& options) {
  if (options.resources && !(options.stage.empty() && options.spec.compile.dump_dir.empty()))
    return usage_error("--resources goes without --stage and --dump-dir");
  if (!options.resources && options.stage.empty() && options.spec.compile.dump_dir.empty())
    return usage_error("nothing to do", "give --stage, --dump-dir for all stages, or --resources");
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Progress progress("compiling");
  return options.resources ? show_resources(options, *spec) : inspect_stage(options, *spec);
}

} // namespace

Run cli::declare_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  options->spec.declare(app, /*compiles=*/true);
  app.add_option("--stage", options->stage, "which one to print")->check(CLI::IsMember(stages()));
  app.add_option("--dump-dir", options->spec.compile.dump_dir,
                 "write every stage into this folder, numbered");
  app.add_flag("--resources", options->resources,
               "registers, shared memory and spills of each kernel for a GPU, or for several");
  return [options] { return run(*options); };
}
