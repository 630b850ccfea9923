// Cases as files, with what is expected of them: for machines that have a GPU, but no compiler.
//
//     cases.json      the list; what a case has is below
//     packages/       one for all cases of one spec, dtype and head_dim
//     007/q.npy ...   inputs, and expected.o.npy ... in f32, of the reference in float64
//
// {"name", "package", "layout", "scalars": {name: value}, "tensors": {name: file}, "expected": {output:
// file},
//  "bound", "lse_bound"}: bounds as in Accuracy.
#pragma once

#include <attile/reference.h>
#include <map>
#include <nlohmann/json.hpp>

namespace attile::conformance {

class Exporter {
public:
  /// `folder` may be empty if nothing is added. `target`: of the packages, several with commas between.
  Exporter(std::string folder, std::string target, double most_bytes)
      : folder(std::move(folder)), target(std::move(target)), most_bytes(most_bytes) {}

  struct Name {
    std::string name, layout;
  };
  /// Adds a case, unless the folder is full, its inputs are large, or the target refuses the spec.
  Result<void> add(const Name& name, const Spec& spec, const CompileOptions& options,
                   const Operands& operands, const Reference& reference, const Accuracy& accuracy);
  /// Writes the list.
  Result<void> finish();

private:
  /// The package of a spec under options: its file, or nothing if the target refuses it.
  Result<std::string> package_of(const Spec& spec, CompileOptions options);
  Result<void> write(const ConstTensorView& view, const std::string& file);

  std::string folder, target;
  double most_bytes, bytes = 0;
  std::map<std::string, std::string> packages; ///< file by spec and options; empty if refused
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
};

} // namespace attile::conformance
