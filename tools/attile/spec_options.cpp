#include "tools/attile/spec_options.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::cli {

static void declare_warpgroups(CLI::App& app, WarpgroupOptions& options) {
  app.add_flag("--warpgroups,!--no-warpgroups", options.used,
               "products of warpgroups on GPUs that have them (default), or all warps alike");
  app.add_flag("--overlap,!--no-overlap", options.overlap,
               "with warpgroups: the next scores are made while weights are computed (default), or one after "
               "the other");
  app.add_flag("--ping-pong,!--no-ping-pong", options.ping_pong,
               "with overlap: two warpgroups take turns at the matrix units (default), or as it comes");
}

void SpecOptions::declare(CLI::App& app, bool compiles) {
  app.add_option("spec", path, "the spec file")->required();
  app.add_option("--attention", compile.attention, "which attention of the file, if it has several");
  app.add_option("--dtype", dtype, "f32, f16 or bf16, if the spec leaves it out");
  app.add_option("--head-dim", compile.head_dim, "of q and k (and v), if the spec leaves it out");
  app.add_option("--head-dim-v", compile.head_dim_v, "of v, where it differs");
  app.add_flag("--json", json, "print facts as JSON");
  if (compiles)
    declare_warpgroups(app, compile.warpgroups);
  if (compiles) {
    app.add_option("--schedule", compile.tile,
                   "tile of a GPU's kernels for long inputs, as 'attile explain' writes it");
    app.add_option("--few-rows-schedule", compile.few_rows_tile, "the same of those for few rows");
  }
  if (compiles)
    app.add_option("--target", compile.target,
                   "native, x86-64-v2, x86-64-v3, x86-64-v4, x86-64-v4-bf16, x86-64-v4-amx, sm_75, sm_80, "
                   "sm_86, sm_89, sm_90a, sm_100a or sm_120a")
        ->capture_default_str();
}

Result<void> SpecOptions::understand() {
  if (dtype.empty())
    return {};
  compile.dtype = dtype_from_name(dtype);
  if (!compile.dtype || size_of(*compile.dtype) == 0)
    return usage_error(fmt::format("--dtype '{}' is not f32, f16 or bf16", dtype));
  return {};
}

Result<std::vector<Diagnostic>> SpecOptions::check() {
  if (Result<void> understood = understand(); !understood)
    return understood.error();
  Result<std::string> text = read_spec_file(path);
  if (!text)
    return text.error();
  if (Result<Spec> spec = Spec::parse(*text, path); spec && !compile.attention.empty())
    if (Result<std::string> chosen = spec->attention(compile.attention); !chosen)
      return chosen.error();
  return Spec::check(*text, path, compile);
}

Result<Spec> SpecOptions::load() {
  Result<Spec> spec = Spec::load(path);
  if (spec) { // which attention is the first question: only that one is checked
    Result<std::string> chosen = spec->attention(compile.attention);
    if (!chosen)
      return chosen.error();
    compile.attention = *chosen;
  }
  Result<std::vector<Diagnostic>> diagnostics = check();
  if (!diagnostics)
    return diagnostics.error();
  for (const Diagnostic& diagnostic : *diagnostics)
    fmt::print(stderr, "{}", diagnostic.text);
  if (has_errors(*diagnostics)) {
    if (json)
      print_json({{"ok", false}, {"diagnostics", json_of(*diagnostics)}});
    return reported(ErrorKind::user);
  }
  return spec;
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

Json json_of(const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& d : diagnostics)
    list.push_back({{"severity", d.severity == Diagnostic::Severity::error ? "error" : "warning"},
                    {"file", d.file},
                    {"line", d.line},
                    {"column", d.column},
                    {"end_line", d.end_line},
                    {"end_column", d.end_column},
                    {"message", d.message},
                    {"remedy", d.remedy}});
  return list;
}

} // namespace attile::cli
