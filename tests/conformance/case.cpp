#include "tests/conformance/case.h"

#include "tests/conformance/launch.h"
#include "tools/attile/emulator_report.h"
#include "tools/attile/inputs.h"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <regex>

namespace attile::conformance {
namespace {

/// Scores are normal with variance about 1; this makes the largest ones about 1e4.
constexpr float huge = 2500;

/// The spec without what the axes choose.
std::string without_static_choices(const std::string& text) {
  static const std::regex statement(R"((^|\n)\s*(dtype|head_dim)\b[^\n]*)");
  return std::regex_replace(text, statement, "$1");
}

/// Bounds count the largest score, and for 16-bit outputs only their rounding. With huge terms, a score of a
/// small case may be small because they cancel, and a weight of 1 needs no rounding; what f32 may be off by
/// remains: an ulp of the sum of the terms' sizes (about 7 * huge for 128 channels), a few times over.
void allow_huge_terms(Accuracy& accuracy) {
  accuracy.lse_bound = std::max(accuracy.lse_bound, 2e-6 * huge);
  accuracy.bound += accuracy.lse_bound;
  accuracy.ok =
      accuracy.rel_err <= accuracy.bound && accuracy.lse_err <= accuracy.lse_bound && !accuracy.misplaced;
}

} // namespace

std::string Runner::describe(const Case& c) const {
  std::vector<std::string> values;
  for (std::size_t axis = 0; axis < num_axes; ++axis)
    values.push_back(table.axes[axis][c[axis]]);
  return fmt::format("{}", fmt::join(values, " "));
}

Result<Runner::Compiled> Runner::compile_case(const Case& c) {
  std::string path = fmt::format("{}/{}.attn", examples, table.value(c, variant));
  Result<std::string> text = read_spec_file(path);
  if (!text)
    return text.error();
  Result<Spec> spec = Spec::parse(without_static_choices(*text), path);
  if (!spec)
    return spec.error();
  CompileOptions options;
  options.target = target;
  options.cache = false; // compiled by this compiler, not one before
  options.machine_code = machine_code || !cli::is_emulated(device);
  options.warpgroups.used = warpgroups;
  options.dtype = dtype_from_name(table.value(c, dtype));
  const std::string& dims = table.value(c, head_dim);
  options.head_dim = std::stoll(dims);
  if (std::size_t slash = dims.find('/'); slash != std::string::npos)
    options.head_dim_v = std::stoll(dims.substr(slash + 1));
  Result<Package> package = compile(*spec, options);
  if (!package)
    return package.error();
  Result<Kernel> kernel = device.load(*package);
  if (!kernel)
    return kernel.error();
  Result<Reference> reference = Reference::create(*spec, options);
  if (!reference)
    return reference.error();
  return Compiled{*kernel, *reference, *spec, options};
}

Result<Accuracy> Runner::run_compiled(const Compiled& compiled, const Case& c, std::uint64_t seed) {
  const Package& package = compiled.kernel.package();
  cli::InputOptions options;
  options.shape = table.value(c, shape);
  options.params = table.variants[c[variant]].params;
  options.seed = seed;
  Result<cli::Inputs> inputs = options.make(package);
  if (!inputs)
    return std::move(inputs).error();

  float scale = table.value(c, data) == "huge" ? huge : 1;
  Result<std::unique_ptr<Launch>> launch =
      Launch::make(*std::move(inputs), package, table.value(c, layout), scale);
  if (!launch)
    return std::move(launch).error();
  Result<Accuracy> accuracy =
      (*launch)->run(device, compiled.kernel, compiled.reference, std::stoi(table.value(c, threads)));
  if (accuracy && table.value(c, data) == "huge")
    allow_huge_terms(*accuracy);
  if (accuracy && accuracy->ok && exporter)
    if (Result<void> kept =
            exporter->add({describe(c), table.value(c, layout)}, compiled.spec, compiled.options,
                          (*launch)->operands(), compiled.reference, *accuracy);
        !kept)
      return std::move(kept).error();
  return accuracy;
}

Outcome Runner::run(const Case& c, std::uint64_t seed) {
  bool same =
      compiled && last[variant] == c[variant] && last[dtype] == c[dtype] && last[head_dim] == c[head_dim];
  if (!same)
    compiled = compile_case(c);
  last = c;
  if (!*compiled) {
    const Error& error = compiled->error();
    bool refused =
        error.kind == ErrorKind::user && device.info().name != "cpu"; // all specs of the table are good
    return {refused ? "" : error.text(), {}, refused ? error.message : ""};
  }
  Result<Accuracy> accuracy = run_compiled(**compiled, c, seed);
  if (!accuracy)
    return {accuracy.error().text(), {}, {}};
  return {accuracy->ok ? "" : fmt::format("{}", fmt::join(accuracy->problems, "; ")), *accuracy, {}};
}

} // namespace attile::conformance
