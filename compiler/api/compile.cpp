#include "compiler/api/diagnostics.h"
#include "compiler/api/package_cache.h"
#include "compiler/api/selected.h"
#include "compiler/api/spec.h"
#include "compiler/api/tuned.h"
#include "compiler/backends/cuda/disassembler.h"

#include <attile/compiler.h>

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

namespace attile {
namespace {

/// Writes stages into a folder: 1-ast.txt, 2-attn.mlir, ...
class Dump {
public:
  explicit Dump(const std::string& folder) : folder(folder) {
    std::error_code failed;
    if (!folder.empty() && (std::filesystem::create_directories(folder, failed), failed))
      error = user_error(fmt::format("cannot make folder '{}': {}", folder, failed.message()));
  }

  void write(std::string_view stage, const std::string& text) {
    if (folder.empty() || error)
      return;
    std::string path = fmt::format("{}/{}-{}.{}", folder, ++count, stage, extension(stage));
    std::ofstream file(path, std::ios::binary);
    if (!(file << text).flush())
      error = user_error(fmt::format("cannot write '{}'", path));
  }

  std::optional<Error> error;

private:
  static std::string_view extension(std::string_view stage) {
    static const std::map<std::string_view, std::string_view> extensions = {
        {"ast", "txt"}, {"llvm", "ll"}, {"asm", "s"}, {"cuda", "cu"}, {"ptx", "ptx"}};
    auto found = extensions.find(stage);
    return found == extensions.end() ? "mlir" : found->second;
  }
  std::string folder;
  int count = 0; ///< of stages so far
};

/// How much of the way is gone.
struct Part {
  std::string stopAfter = {}; ///< see PipelineOptions
  bool count = false;
};

Result<PipelineResult> run(const Spec& spec, const CompileOptions& options, const Part& part,
                           const std::function<void(std::string_view, const std::string&)>& observe = {}) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  Result<PipelineOptions> pipeline = api::pipelineOptions(options, *selected->attention);
  if (!pipeline)
    return pipeline.error();
  pipeline->stopAfter = part.stopAfter;
  pipeline->count = part.count;
  Dump dump(options.dump_dir);
  if (observe || !options.dump_dir.empty())
    pipeline->observe = [&](std::string_view stage, const std::string& text) {
      dump.write(stage, text);
      if (observe)
        observe(stage, text);
    };
  Result<PipelineResult> result = compileAttention(*selected->source, *selected->attention, *pipeline);
  if (result && dump.error)
    return *dump.error;
  return result;
}

} // namespace

const std::vector<std::string>& stages() {
  static const std::vector<std::string> names(std::begin(kStages), std::end(kStages));
  return names;
}

std::vector<std::string> stages(const std::string& target) {
  std::vector<std::string_view> names = stagesOf(target);
  return {names.begin(), names.end()};
}

std::string target_for(const std::string& chip) {
  return chip.empty() ? "native" : schedule::target_for(chip);
}

/// Code of another target, with its plan: tiles differ.
static void merge(Package& package, Package other) {
  for (CodeSection& section : other.code) {
    section.plan = other.plan;
    package.code.push_back(std::move(section));
  }
}

std::vector<std::string> split_targets(const std::string& targets) {
  std::vector<std::string> result;
  std::stringstream stream(targets);
  for (std::string target; std::getline(stream, target, ',');)
    if (std::find(result.begin(), result.end(), target) == result.end())
      result.push_back(target);
  return result;
}

/// Kernels that keep registers in memory: right, but slower than their tile promises.
static void noteSpills(const Package& package, const api::Selected& selected, CompileReport& report) {
  frontend::Source::Position place = selected.source->position(selected.attention->nameRange.begin);
  for (const CodeSection& section : package.code)
    for (const auto& [name, kernel] : section.kernels)
      if (section.kind == CodeSection::cubin && kernel.spills > 0)
        report.notes.push_back(fmt::format("{}:{}: '{}' for {} spills {} bytes a thread out of {} registers "
                                           "('attile inspect --stage=cuda' shows it)",
                                           selected.source->name(), place.line, name, section.target,
                                           kernel.spills, kernel.registers));
}

/// For one target, unless it was compiled before.
static Result<Package> compileFor(const Spec& spec, const CompileOptions& options, CompileReport& report) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  Result<PipelineOptions> pipeline = api::pipelineOptions(options, *selected->attention);
  if (!pipeline)
    return pipeline.error();
  api::PackageCache cache(options, *pipeline, *selected->attention, report.notes);
  std::optional<api::PackageCache::Found> before = cache.find();
  report.cached = before.has_value();
  if (before && !before->warned) {
    noteSpills(before->package, *selected, report);
    return std::move(before->package);
  }
  Result<PipelineResult> result = run(spec, options, {before ? "attn" : ""}); // warnings come from there
  if (!result)
    return std::move(result).error();
  for (const StageTime& time : result->times)
    report.stages.push_back({time.stage, time.ms});
  report.warnings = api::diagnosticsOf(spec.impl->source, result->diagnostics);
  const Package& package = before ? before->package : result->package;
  noteSpills(package, *selected, report);
  if (before)
    return std::move(before->package);
  cache.keep({package, !report.warnings.empty()});
  return std::move(result->package);
}

Result<Package> compile(const Spec& spec, const CompileOptions& options, CompileReport* report) {
  CompileReport unread;
  std::optional<Package> package;
  for (const std::string& target : split_targets(options.target)) {
    CompileOptions one = options;
    one.target = target;
    Result<Package> compiled = compileFor(spec, one, report ? *report : unread);
    if (!compiled)
      return compiled;
    if (package)
      merge(*package, *std::move(compiled));
    else
      package = *std::move(compiled);
  }
  if (!package)
    return usage_error("no target is named");
  return *std::move(package);
}

Result<std::string> inspect(const Spec& spec, const CompileOptions& options, std::string_view stage) {
  std::vector<std::string> known = stages(options.target);
  if (std::find(known.begin(), known.end(), stage) == known.end())
    return usage_error(fmt::format("no stage '{}' on the way to target '{}'", stage, options.target),
                       fmt::format("there are: {}", fmt::join(known, ", ")));
  std::string text;
  bool disassembled = stage == "sass";
  Result<PipelineResult> result = run(spec, options, {disassembled ? "" : std::string(stage)},
                                      [&](std::string_view at, const std::string& shown) {
                                        if (at == stage)
                                          text = shown;
                                      });
  if (!result)
    return std::move(result).error();
  return disassembled ? cuda::disassemble(result->assembled.cubin) : text;
}

Result<Package> describe(const Spec& spec, const CompileOptions& options) {
  Result<PipelineResult> result = run(spec, options, {"attn"});
  if (!result)
    return std::move(result).error();
  return std::move(result->package);
}

Result<Package> compile_counter(const Spec& spec, const CompileOptions& options) {
  Result<PipelineResult> result = run(spec, options, {.count = true});
  if (!result)
    return std::move(result).error();
  return std::move(result->package);
}

} // namespace attile
