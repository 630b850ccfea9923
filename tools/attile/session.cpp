#include "tools/attile/session.h"

#include "tools/attile/emulator_report.h"
#include "tools/attile/progress.h"

#include <chrono>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// An output's tensor; o in the layout of the inputs.
Result<Tensor> make_output(const TensorSpec& spec, const Package& package, const Shape& shape,
                           bool heads_last) {
  bool rows = spec.dims.size() == 3;
  std::vector<std::int64_t> extents = {shape.batch, shape.heads, shape.q_len};
  if (!rows) {
    extents.push_back(package.head_dim_v);
    if (heads_last)
      std::swap(extents[1], extents[2]);
  }
  return Tensor::zeros(spec.dtype, extents);
}

bool is_transposed(const Tensor& tensor, bool heads_last) { return heads_last && tensor.view().rank == 4; }

} // namespace

void SessionOptions::declare(CLI::App& app) {
  spec.declare(app, /*compiles=*/true);
  inputs.declare(app, /*tensors=*/true);
  app.add_option("--device", device, "where to run; see 'attile devices'")->capture_default_str();
  app.add_option("--threads", threads, "on a CPU; 0 takes all that there are")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

Result<Session> Session::open(SessionOptions& options) {
  Result<Device> device = Device::open(options.device);
  if (!device)
    return device.error();
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();

  if (options.spec.compile.target == "native") // what the device has
    options.spec.compile.target = target_for(device->info().chip);
  options.spec.compile.machine_code = !is_emulated(*device);
  auto start = std::chrono::steady_clock::now();
  std::optional<Progress> progress("compiling");
  CompileReport report;
  Result<Package> package = compile(*spec, options.spec.compile, &report);
  if (!package)
    return package.error();
  Result<Kernel> kernel = device->load(*package);
  if (!kernel)
    return kernel.error();
  double compile_ms = ms_since(start);

  for (const std::string& text : report.notes)
    note(text);
  for (const Diagnostic& warning : report.warnings)
    fmt::print(stderr, "{}", warning.text);

  progress.emplace("making inputs");
  Result<Inputs> inputs = options.inputs.make(*package);
  if (!inputs)
    return std::move(inputs).error();
  for (const std::string& text : inputs->notes)
    note(text);
  Session session{*spec, std::move(*package), *device, *kernel, std::move(*inputs), {}, {}, compile_ms};

  session.arguments = session.inputs.arguments();
  session.arguments.threads = options.threads;
  for (const TensorSpec& output : session.package.outputs) {
    bool heads_last = options.inputs.heads_last();
    Result<Tensor> tensor = make_output(output, session.package, session.inputs.shape, heads_last);
    if (!tensor)
      return std::move(tensor).error().in(output.name);
    Tensor& kept = session.outputs[output.name] = std::move(*tensor);
    TensorView view = is_transposed(kept, heads_last) ? kept.view().transposed(1, 2) : kept.view();
    if (output.name == "o")
      session.arguments.o = view;
    else if (output.name == "lse")
      session.arguments.lse = view;
    else if (output.name == "max")
      session.arguments.max = view;
    else
      session.arguments.outputs.push_back({output.name, view});
  }
  return session;
}

std::map<std::string, ConstTensorView, std::less<>> Session::output_views(const InputOptions& options) const {
  std::map<std::string, ConstTensorView, std::less<>> views;
  for (const auto& [name, tensor] : outputs)
    views[name] =
        is_transposed(tensor, options.heads_last()) ? tensor.view().transposed(1, 2) : tensor.view();
  return views;
}
