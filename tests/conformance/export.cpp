#include "tests/conformance/export.h"

#include <attile/npy.h>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>

namespace attile::conformance {

using Json = nlohmann::ordered_json;

Result<std::string> Exporter::package_of(const Spec& spec, CompileOptions options) {
  std::string key =
      fmt::format("{} {} {} {}", spec.name(), static_cast<int>(options.dtype.value_or(DType::u8)),
                  options.head_dim.value_or(0), options.head_dim_v.value_or(0));
  if (auto known = packages.find(key); known != packages.end())
    return known->second;
  options.target = target;
  options.machine_code = true;
  Result<Package> package = compile(spec, options);
  if (!package && package.error().kind == ErrorKind::user)
    return packages[key] = "";
  if (!package)
    return package.error();
  std::string file = fmt::format("packages/{:03}-{}.pkg", packages.size(), package->spec_name);
  if (Result<void> saved = save_package(*package, folder + "/" + file); !saved)
    return saved.error();
  bytes += static_cast<double>(std::filesystem::file_size(folder + "/" + file));
  return packages[key] = file;
}

Result<void> Exporter::write(const ConstTensorView& view, const std::string& file) {
  Result<void> written = write_npy(view, folder + "/" + file);
  if (written)
    bytes += static_cast<double>(std::filesystem::file_size(folder + "/" + file));
  return written;
}

Result<void> Exporter::add(const Name& name, const Spec& spec, const CompileOptions& options,
                           const Operands& operands, const Reference& reference, const Accuracy& accuracy) {
  constexpr std::int64_t most_elements = 1 << 18; // of all inputs, so that there is space for many cases
  std::int64_t elements = 0;
  for (const auto& [tensor, view] : operands.tensors)
    elements += view.elements();
  if (bytes >= most_bytes || elements > most_elements)
    return {};
  std::string place = fmt::format("{:03}", cases.size());
  std::error_code failed;
  for (const std::string& made : {folder + "/packages", folder + "/" + place})
    if (std::filesystem::create_directories(made, failed); failed)
      return environment_error(fmt::format("cannot make '{}': {}", made, failed.message()));
  Result<std::string> package = package_of(spec, options);
  if (!package)
    return package.error();
  if (package->empty())
    return {};
  Json entry = {{"name", name.name},
                {"package", *package},
                {"layout", name.layout},
                {"bound", accuracy.bound},
                {"lse_bound", accuracy.lse_bound},
                {"scalars", Json::object()}};
  for (const auto& [scalar, value] : operands.scalars)
    std::visit([&, key = scalar](auto number) { entry["scalars"][key] = number; }, value);
  for (const auto& [tensor, view] : operands.tensors) {
    std::string file = entry["tensors"][tensor] = fmt::format("{}/{}.npy", place, tensor);
    if (Result<void> written = write(view, file); !written)
      return written;
  }
  Result<std::map<std::string, Tensor, std::less<>>> expected = reference.evaluate(operands, /*threads=*/1);
  if (!expected)
    return expected.error();
  for (const auto& [output, tensor] : *expected) {
    std::string file = entry["expected"][output] = fmt::format("{}/expected.{}.npy", place, output);
    if (Result<void> written = write(tensor.view(), file); !written)
      return written;
  }
  cases.push_back(std::move(entry));
  return {};
}

Result<void> Exporter::finish() {
  if (folder.empty())
    return {};
  std::ofstream file(folder + "/cases.json");
  if (!(file << cases.dump(1) << "\n").flush())
    return environment_error(fmt::format("cannot write '{}/cases.json'", folder));
  return {};
}

} // namespace attile::conformance
