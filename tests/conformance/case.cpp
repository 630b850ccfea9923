#include "tests/conformance/case.h"

#include "tools/attile/guarded.h"
#include "tools/attile/inputs.h"
#include "tools/attile/staged.h"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
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

Result<cli::Guarded> place_input(const ConstTensorView& source, const std::string& layout, float scale) {
  Result<cli::Guarded> guarded = cli::Guarded::make(
      source.dtype, std::span(source.shape.data(), static_cast<std::size_t>(source.rank)), layout);
  if (!guarded)
    return guarded;
  if (scale == 1) {
    guarded->assign(source);
    return guarded;
  }
  Result<Tensor> scaled = converted(source, DType::f32);
  if (!scaled)
    return std::move(scaled).error();
  float* data = scaled->data<float>();
  for (std::int64_t i = 0, n = source.elements(); i < n; ++i)
    data[i] *= scale;
  guarded->assign(scaled->view());
  return guarded;
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

/// What the emulated driver's checks have found since the last call; other devices find nothing.
std::string findings(const Device& device) {
  auto get =
      reinterpret_cast<std::size_t (*)(char*, std::size_t)>(device.driver_function("attileEmuGetReport"));
  auto clear = reinterpret_cast<void (*)()>(device.driver_function("attileEmuClearReport"));
  if (get == nullptr || clear == nullptr)
    return {};
  std::string text(get(nullptr, 0) + 1, '\0');
  get(text.data(), text.size());
  clear();
  std::string found;
  for (const auto& finding : nlohmann::json::parse(text.c_str())["findings"])
    found += finding["text"].get<std::string>() + "\n";
  return found;
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

  std::vector<cli::Guarded> places; // of q, k and v
  for (const char* name : {"q", "k", "v"}) {
    float scale = table.value(c, data) == "huge" && name[0] == 'q' ? huge : 1;
    Result<cli::Guarded> place = place_input(inputs->operands.tensors[name], table.value(c, layout), scale);
    if (!place)
      return std::move(place).error();
    inputs->operands.tensors[name] = places.emplace_back(std::move(*place)).view();
  }
  Arguments arguments = inputs->arguments();
  arguments.threads = std::stoi(table.value(c, threads));
  arguments.poison_scratch = true;

  std::map<std::string, cli::Guarded> outputs;
  std::map<std::string, ConstTensorView, std::less<>> views;
  for (const TensorSpec& spec : package.outputs) {
    std::vector<std::int64_t> extents = {inputs->shape.batch, inputs->shape.heads, inputs->shape.q_len};
    if (spec.dims.size() == 4)
      extents.push_back(package.head_dim_v);
    Result<cli::Guarded> place = cli::Guarded::make(spec.dtype, extents, table.value(c, layout));
    if (!place)
      return std::move(place).error();
    cli::Guarded& output = outputs.emplace(spec.name, std::move(*place)).first->second;
    views[spec.name] = output.view();
    (spec.name == "o" ? arguments.o : spec.name == "lse" ? arguments.lse : arguments.max) = output.view();
  }
  Result<cli::Staged> staged = cli::Staged::to(device, arguments);
  if (!staged)
    return staged.error();
  if (Result<void> launched = compiled.kernel.launch(staged->arguments()); !launched)
    return launched.error();
  if (Result<void> read = staged->back(); !read)
    return read.error();
  if (std::string report = findings(device); !report.empty())
    return internal_error("the emulator reports:\n" + report);
  for (const auto& [name, output] : outputs)
    if (std::string damage = output.damage(); !damage.empty())
      return internal_error(fmt::format("{}: {}", name, damage));
  Result<Accuracy> accuracy = compiled.reference.check(inputs->operands, views, {.threads = 1});
  if (accuracy && table.value(c, data) == "huge")
    allow_huge_terms(*accuracy);
  if (accuracy && accuracy->ok && exporter)
    if (Result<void> kept = exporter->add({describe(c), table.value(c, layout)}, compiled.spec,
                                          compiled.options, inputs->operands, compiled.reference, *accuracy);
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
