#include "tests/conformance/launch.h"

#include "tools/attile/emulator_report.h"
#include "tools/attile/staged.h"

#include <fmt/core.h>

namespace attile::conformance {
namespace {

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

/// What the emulated driver's checks have found since the last call; other devices find nothing.
std::string findings(const Device& device) {
  std::optional<nlohmann::ordered_json> report = cli::emulator_report(device);
  cli::clear_emulator_report(device);
  std::string found;
  if (report)
    for (const auto& finding : report->at("findings"))
      found += finding["text"].get<std::string>() + "\n";
  return found;
}

} // namespace

Result<std::unique_ptr<Launch>> Launch::make(cli::Inputs inputs, const Package& package,
                                             const std::string& layout, float q_scale) {
  auto launch = std::make_unique<Launch>();
  launch->inputs = std::move(inputs);
  if (Result<void> placed = launch->place_inputs(layout, q_scale); !placed)
    return std::move(placed).error();
  launch->arguments = launch->inputs.arguments();
  launch->arguments.poison_scratch = true;
  if (Result<void> placed = launch->place_outputs(package, layout); !placed)
    return std::move(placed).error();
  return launch;
}

Result<void> Launch::place_inputs(const std::string& layout, float q_scale) {
  for (const char* name : {"q", "k", "v"}) {
    ConstTensorView& view = inputs.operands.tensors[name];
    Result<cli::Guarded> place = place_input(view, layout, name[0] == 'q' ? q_scale : 1);
    if (!place)
      return std::move(place).error();
    view = places.emplace_back(std::move(*place)).view();
  }
  return {};
}

Result<void> Launch::place_outputs(const Package& package, const std::string& layout) {
  for (const TensorSpec& spec : package.outputs) {
    std::vector<std::int64_t> extents = {inputs.shape.batch, inputs.shape.heads, inputs.shape.q_len};
    if (spec.dims.size() == 4)
      extents.push_back(package.head_dim_v);
    Result<cli::Guarded> place = cli::Guarded::make(spec.dtype, extents, layout);
    if (!place)
      return std::move(place).error();
    TensorView view = outputs.emplace(spec.name, std::move(*place)).first->second.view();
    (spec.name == "o" ? arguments.o : spec.name == "lse" ? arguments.lse : arguments.max) = view;
  }
  return {};
}

Result<Accuracy> Launch::run(const Device& device, const Kernel& kernel, const Reference& reference,
                             int threads) {
  arguments.threads = threads;
  Result<cli::Staged> staged = cli::Staged::to(device, arguments);
  if (!staged)
    return staged.error();
  if (Result<void> launched = kernel.launch(staged->arguments()); !launched)
    return launched.error();
  if (Result<void> read = staged->back(); !read)
    return read.error();
  if (std::string report = findings(device); !report.empty())
    return internal_error("the emulator reports:\n" + report);
  std::map<std::string, ConstTensorView, std::less<>> views;
  for (const auto& [name, output] : outputs) {
    if (std::string damage = output.damage(); !damage.empty())
      return internal_error(fmt::format("{}: {}", name, damage));
    views[name] = output.view();
  }
  return reference.check(inputs.operands, views, {.threads = 1});
}

} // namespace attile::conformance
