// From options to a kernel that can be launched: what `run` and `bench` share.
#pragma once

#include "tools/attile/inputs.h"
#include "tools/attile/spec_options.h"

namespace attile::cli {

struct SessionOptions {
  SpecOptions spec;
  InputOptions inputs;
  std::string device = "cpu";
  int threads = 0;

  void declare(CLI::App& app);
};

/// A compiled spec on its device, its inputs, and outputs to write to.
struct Session {
  Spec spec;
  Package package;
  Device device;
  Kernel kernel;
  Inputs inputs;
  std::map<std::string, Tensor, std::less<>> outputs; ///< as in memory, in the layout that was asked for
  Arguments arguments;                                ///< of a launch
  double compile_ms = 0;                              ///< from the spec's text to callable code

  static Result<Session> open(SessionOptions& options);
  /// The outputs as [batch, heads, len, dim] and [batch, heads, len].
  std::map<std::string, ConstTensorView, std::less<>> output_views(const InputOptions& options) const;
};

} // namespace attile::cli
