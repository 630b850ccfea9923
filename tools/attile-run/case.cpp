#include "tools/attile-run/case.h"

#include <attile/npy.h>
#include <fmt/core.h>
#include <fstream>
#include <random>

namespace attile::runner {
namespace {

/// Extents of q, k or v, from {"b", "hq", "hkv", "q", "kv"}.
std::vector<std::int64_t> extents_of(const std::string& name, const Json& shape, const Package& package) {
  auto size = [&](const char* key) { return shape.at(key).get<std::int64_t>(); };
  bool query = name == "q";
  return {size("b"), size(query ? "hq" : "hkv"), size(query ? "q" : "kv"),
          name == "v" ? package.head_dim_v : package.head_dim};
}

/// Standard normals; a period that is prime to all powers of two stands for many of them.
Result<Tensor> random_tensor(DType dtype, const std::vector<std::int64_t>& extents, unsigned seed) {
  constexpr std::size_t period = 1000003;
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal;
  std::vector<std::byte> numbers;
  auto bytes = static_cast<std::size_t>(size_of(dtype));
  for (std::size_t i = 0; i < period; ++i) {
    float x = normal(bits);
    std::uint32_t word = dtype == DType::bf16  ? to_bf16(x).bits
                         : dtype == DType::f16 ? to_f16(x).bits
                                               : std::bit_cast<std::uint32_t>(x);
    const auto* low = reinterpret_cast<const std::byte*>(&word);
    numbers.insert(numbers.end(), low, low + bytes);
  }
  Result<Tensor> tensor = Tensor::zeros(dtype, extents);
  if (!tensor)
    return tensor;
  std::span<std::byte> out = tensor->bytes();
  for (std::size_t at = 0; at < out.size(); at += numbers.size())
    std::copy_n(numbers.begin(), std::min(numbers.size(), out.size() - at),
                out.begin() + static_cast<std::ptrdiff_t>(at));
  return tensor;
}

} // namespace

Result<CaseList> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return user_error(fmt::format("cannot read '{}'", path));
  std::size_t slash = path.rfind('/');
  CaseList list{slash == std::string::npos ? "." : path.substr(0, slash), Json::parse(file, nullptr, false)};
  if (!list.cases.is_array())
    return user_error(fmt::format("'{}' is no list of cases in JSON", path));
  return list;
}

Result<Kernel> Loader::kernel(const std::string& package) {
  if (last && package == last_package)
    return *last;
  Result<Package> loaded = load_package(folder + "/" + package);
  if (!loaded)
    return std::move(loaded).error();
  Result<Kernel> kernel = device.load(*loaded);
  if (kernel)
    last = *kernel, last_package = package;
  return kernel;
}

Result<ConstTensorView> Operands::input(const std::string& name, const Json& entry, const std::string& folder,
                                        const Package& package) {
  Json files = entry.value("tensors", Json::object());
  Result<Tensor> tensor = files.contains(name)
                              ? read_npy(folder + "/" + files[name].get<std::string>())
                              : random_tensor(package.dtype, extents_of(name, entry.at("shape"), package),
                                              static_cast<unsigned>(name[0]));
  if (!tensor)
    return std::move(tensor).error();
  ConstTensorView dense = tensors.emplace_back(*std::move(tensor)).view();
  std::string layout = entry.value("layout", "dense");
  if (layout == "dense")
    return dense;
  Result<cli::Guarded> place = cli::Guarded::make(
      dense.dtype, std::span(dense.shape.data(), static_cast<std::size_t>(dense.rank)), layout);
  if (!place)
    return std::move(place).error();
  places.push_back(*std::move(place));
  places.back().assign(dense);
  return ConstTensorView(places.back().view());
}

Result<void> Operands::add_params(const Json& entry, const std::string& folder, const Package& package) {
  Json scalars = entry.value("scalars", Json::object());
  for (const ScalarParam& param : package.scalar_params) {
    if (!scalars.contains(param.name))
      continue;
    const Json& value = scalars[param.name];
    Param given{names.emplace_back(param.name), {}};
    if (param.type == ScalarParam::Type::integer)
      given.value = value.get<std::int64_t>();
    else if (param.type == ScalarParam::Type::f32)
      given.value = value.get<double>();
    else
      given.value = value.get<bool>();
    arguments.params.push_back(given);
  }
  Json files = entry.value("tensors", Json::object());
  for (const TensorSpec& spec : package.tensor_params) {
    Result<Tensor> tensor = read_npy(folder + "/" + files.at(spec.name).get<std::string>());
    if (!tensor)
      return std::move(tensor).error();
    arguments.params.push_back(
        {names.emplace_back(spec.name), ConstTensorView(tensors.emplace_back(*std::move(tensor)).view())});
  }
  return {};
}

Result<void> Operands::add_outputs(const Package& package, const std::string& layout) {
  for (const TensorSpec& spec : package.outputs) {
    std::vector<std::int64_t> extents(arguments.q.shape.begin(), arguments.q.shape.begin() + 3);
    if (spec.dims.size() == 4)
      extents.push_back(package.head_dim_v);
    Result<cli::Guarded> place = cli::Guarded::make(spec.dtype, extents, layout);
    if (!place)
      return std::move(place).error();
    TensorView view = outputs.emplace(spec.name, *std::move(place)).first->second.view();
    (spec.name == "o" ? arguments.o : spec.name == "lse" ? arguments.lse : arguments.max) = view;
  }
  return {};
}

Result<std::unique_ptr<Operands>> Operands::make(const Json& entry, const std::string& folder,
                                                 const Package& package) {
  auto operands = std::make_unique<Operands>();
  for (auto [name, view] : {std::pair("q", &operands->arguments.q),
                            {"k", &operands->arguments.k},
                            {"v", &operands->arguments.v}}) {
    Result<ConstTensorView> read = operands->input(name, entry, folder, package);
    if (!read)
      return std::move(read).error().in(name);
    *view = *read;
  }
  if (Result<void> added = operands->add_params(entry, folder, package); !added)
    return std::move(added).error();
  if (Result<void> added = operands->add_outputs(package, entry.value("layout", "dense")); !added)
    return std::move(added).error();
  return operands;
}

} // namespace attile::runner
