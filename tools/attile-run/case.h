// A launch as a list of cases has it, in JSON: tests/conformance/export.h writes such lists.
#pragma once

#include "tools/attile/guarded.h"

#include <attile/device.h>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

namespace attile::runner {

using Json = nlohmann::ordered_json;

/// The lists' own folder, to which their file names are relative.
struct CaseList {
  std::string folder;
  Json cases;
};
Result<CaseList> read_cases(const std::string& path);

/// Loads packages, each once.
class Loader {
public:
  Loader(std::string folder, Device device) : folder(std::move(folder)), device(std::move(device)) {}
  Result<Kernel> kernel(const std::string& package);

private:
  std::string folder, last_package; ///< consecutive cases often share one
  Device device;
  std::optional<Kernel> last;
};

/// Inputs and outputs of a case in host memory, in its layout.
class Operands {
public:
  /// Tensors come from the case's files. Of q, k and v that it has none of, "shape" gives the sizes, and they
  /// are random.
  static Result<std::unique_ptr<Operands>> make(const Json& entry, const std::string& folder,
                                                const Package& package);
  Arguments arguments;
  std::map<std::string, cli::Guarded> outputs;

private:
  Result<ConstTensorView> input(const std::string& name, const Json& entry, const std::string& folder,
                                const Package& package);
  Result<void> add_params(const Json& entry, const std::string& folder, const Package& package);
  Result<void> add_outputs(const Package& package, const std::string& layout);

  std::deque<cli::Guarded> places;
  std::deque<Tensor> tensors;
  std::deque<std::string> names;
};

} // namespace attile::runner
