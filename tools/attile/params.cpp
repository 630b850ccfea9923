#include "tools/attile/params.h"

#include <algorithm>
#include <attile/npy.h>
#include <attile/random.h>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <limits>

using namespace attile;
using namespace attile::cli;

namespace {

/// Extent of a dimension that a spec leaves open, where nobody says how long the tensor is.
constexpr std::int64_t open_extent = 16;

template <class T> std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// A number that f32 can hold; also inf and -inf, as from_chars reads them.
std::optional<double> parse_float(std::string_view text) {
  std::optional<double> value = parse_number<double>(text);
  bool holds = value && (!std::isfinite(*value) || std::abs(*value) <= std::numeric_limits<float>::max());
  return holds ? value : std::nullopt;
}

struct Given {
  std::string name, value;
  bool used = false;
};

Result<std::vector<Given>> split_params(const std::vector<std::string>& texts) {
  std::vector<Given> result;
  for (const std::string& text : texts) {
    std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage_error(
          fmt::format("--param '{}', expected name=value, name=@file.npy or name=random:lo..hi", text));
    std::string name = text.substr(0, equals);
    if (std::any_of(result.begin(), result.end(), [&](const Given& other) { return other.name == name; }))
      return usage_error(fmt::format("--param {} is given twice", name));
    result.push_back({std::move(name), text.substr(equals + 1)});
  }
  return result;
}

Given* find(std::vector<Given>& given, const std::string& name) {
  for (Given& param : given)
    if (param.name == name)
      return param.used = true, &param;
  return nullptr;
}

Result<Scalar> parse_scalar(const ScalarParam& param, const std::string& text) {
  auto wrong = [&](const char* expected) {
    return user_error(fmt::format("param '{}' is '{}', expected {}", param.name, text, expected));
  };
  switch (param.type) {
  case ScalarParam::Type::integer:
    if (auto value = parse_number<std::int64_t>(text))
      return Scalar(*value);
    return wrong("an integer");
  case ScalarParam::Type::f32:
    if (auto value = parse_float(text))
      return Scalar(static_cast<float>(*value));
    return wrong("a number");
  case ScalarParam::Type::boolean:
    if (text == "true" || text == "1")
      return Scalar(true);
    if (text == "false" || text == "0")
      return Scalar(false);
    return wrong("true or false");
  }
  return wrong("a scalar");
}

/// The extents of a tensor param that is not read from a file.
std::vector<std::int64_t> extents_of(const TensorSpec& spec, const plan::Symbols& sizes,
                                     std::vector<std::string>& notes) {
  std::vector<std::int64_t> extents;
  for (const std::optional<plan::Expr>& dim : spec.dims) {
    std::optional<std::int64_t> extent;
    if (dim)
      if (Result<std::int64_t> value = plan::evaluate(*dim, sizes))
        extent = *value;
    if (!extent)
      notes.push_back(fmt::format("param '{}': dimension {} is open and gets extent {}", spec.name,
                                  extents.size(), open_extent));
    extents.push_back(extent.value_or(open_extent));
  }
  return extents;
}

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

/// The least and greatest integer of a tensor; booleans are 0 and 1.
std::pair<std::int64_t, std::int64_t> limits(DType dtype) {
  if (dtype == DType::u8)
    return {0, 1};
  if (dtype == DType::i32)
    return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
}

/// random:lo..hi
Result<Tensor> draw_between(const TensorSpec& spec, std::span<const std::int64_t> extents,
                            std::string_view range, std::uint64_t seed) {
  std::size_t dots = range.find("..");
  auto wrong = [&](const char* expected) {
    return user_error(
        fmt::format("param '{}' is 'random:{}', expected random:lo..hi with {}", spec.name, range, expected));
  };
  if (dots == std::string_view::npos)
    return wrong("two bounds");
  std::string_view low = range.substr(0, dots), high = range.substr(dots + 2);
  if (is_float(spec.dtype)) {
    auto lo = parse_float(low), hi = parse_float(high);
    if (!lo || !hi || !(*lo < *hi) || !std::isfinite(*hi - *lo))
      return wrong("numbers lo < hi");
    return random_floats(spec.dtype, extents, *lo, *hi, seed);
  }
  auto lo = parse_number<std::int64_t>(low), hi = parse_number<std::int64_t>(high);
  if (!lo || !hi || !(*lo < *hi))
    return wrong("integers lo < hi (hi is not drawn)");
  auto [least, greatest] = limits(spec.dtype);
  if (*lo < least || *hi - 1 > greatest)
    return wrong(spec.dtype == DType::u8 ? "integers from 0..2, as it is bool" : "integers that fit i32");
  return random_integers(spec.dtype, extents, *lo, *hi, seed);
}

/// name=value for a tensor of ints or bools: every element.
Result<Tensor> filled_integers(const TensorSpec& spec, std::span<const std::int64_t> extents,
                               const std::string& text) {
  bool is_bool = spec.dtype == DType::u8;
  auto value = parse_number<std::int64_t>(text);
  if (is_bool && (text == "true" || text == "false"))
    value = text == "true";
  auto [least, greatest] = limits(spec.dtype);
  if (!value || *value < least || *value > greatest)
    return user_error(fmt::format("param '{}' is '{}', expected {}, @file.npy or random:lo..hi", spec.name,
                                  text,
                                  is_bool                    ? "true, false"
                                  : spec.dtype == DType::i32 ? "a 32-bit integer"
                                                             : "an integer"));
  Result<Tensor> result = Tensor::zeros(spec.dtype, extents);
  if (!result)
    return result;
  auto fill = [&]<class T>(T element) {
    std::fill_n(result->data<T>(), std::as_const(*result).view().elements(), element);
  };
  if (is_bool)
    fill(static_cast<std::uint8_t>(*value));
  else if (spec.dtype == DType::i32)
    fill(static_cast<std::int32_t>(*value));
  else
    fill(*value);
  return result;
}

/// name=value for a tensor of reals: every element.
Result<Tensor> filled(const TensorSpec& spec, std::span<const std::int64_t> extents,
                      const std::string& text) {
  auto value = parse_float(text);
  if (!value)
    return user_error(
        fmt::format("param '{}' is '{}', expected a number, @file.npy or random:lo..hi", spec.name, text));
  Result<Tensor> result = Tensor::zeros(DType::f32, extents);
  if (!result)
    return result;
  std::fill_n(result->data<float>(), std::as_const(*result).view().elements(), static_cast<float>(*value));
  return spec.dtype == DType::f32 ? std::move(result) : converted(std::as_const(*result).view(), spec.dtype);
}

/// Whether all elements survive the conversion of 64-bit to 32-bit integers.
bool fits_i32(const Tensor& tensor) {
  const std::int64_t* begin = tensor.data<std::int64_t>();
  return std::all_of(begin, begin + tensor.view().elements(), [](std::int64_t x) {
    return x >= std::numeric_limits<std::int32_t>::min() && x <= std::numeric_limits<std::int32_t>::max();
  });
}

Result<Tensor> read_param(const TensorSpec& spec, const std::string& path, std::vector<std::string>& notes) {
  Result<TypedTensor> read = read_typed_npy(path);
  if (!read)
    return std::move(read).error().in(fmt::format("param '{}'", spec.name));
  const Tensor& tensor = read->tensor;
  DType dtype = tensor.view().dtype;
  if (tensor.view().rank != static_cast<int>(spec.dims.size()))
    return user_error(fmt::format("param '{}': '{}' has shape {}, expected {} dimension{}", spec.name, path,
                                  shape_text(tensor.view()), spec.dims.size(),
                                  spec.dims.size() == 1 ? "" : "s"));
  if (dtype == spec.dtype) {
    if (read->rounded)
      notes.push_back(fmt::format("param '{}': '{}' is float64 and is rounded to f32", spec.name, path));
    return std::move(read->tensor);
  }
  bool widened = spec.dtype == DType::i64 && dtype == DType::i32;
  if (widened || (spec.dtype == DType::i32 && dtype == DType::i64 && fits_i32(tensor)))
    return converted(tensor.view(), spec.dtype); // numpy's integers are 64-bit unless one says otherwise
  if (dtype == DType::f32 && (spec.dtype == DType::bf16 || spec.dtype == DType::f16)) {
    notes.push_back(fmt::format("param '{}': '{}' is {} and is rounded to {}", spec.name, path,
                                read->type_name(), name(spec.dtype)));
    return converted(tensor.view(), spec.dtype);
  }
  return user_error(fmt::format("param '{}': '{}' has elements of type {}, expected {}", spec.name, path,
                                read->type_name(), name(spec.dtype)));
}

/// What is not read from a file.
Result<Tensor> make_tensor(const TensorSpec& spec, std::span<const std::int64_t> extents, const Given* given,
                           std::uint64_t seed) {
  constexpr std::string_view random = "random:";
  if (given && given->value.starts_with(random))
    return draw_between(spec, extents, std::string_view(given->value).substr(random.size()), seed);
  if (given)
    return is_float(spec.dtype) ? filled(spec, extents, given->value)
                                : filled_integers(spec, extents, given->value);
  return is_float(spec.dtype)      ? random_normals(spec.dtype, extents, seed)
         : spec.dtype == DType::u8 ? random_integers(spec.dtype, extents, 0, 2, seed)
                                   : random_integers(spec.dtype, extents, -1, 8, seed);
}

/// Adds a tensor param to `inputs`; if its values do not matter, one element stands for all.
Result<void> add_tensor(const TensorSpec& spec, const Given* given, const plan::Symbols& sizes,
                        std::uint64_t seed, bool needed, Inputs& inputs) {
  bool file = given && given->value.starts_with("@");
  std::vector<std::int64_t> extents =
      file ? std::vector<std::int64_t>() : extents_of(spec, sizes, inputs.notes);
  Result<Tensor> tensor = file ? read_param(spec, given->value.substr(1), inputs.notes)
                          : needed
                              ? make_tensor(spec, extents, given, seed)
                              : make_tensor(spec, std::vector<std::int64_t>(extents.size(), 1), given, seed);
  if (!tensor)
    return std::move(tensor).error();
  ConstTensorView view = std::as_const(inputs.memory.emplace_back(std::move(*tensor))).view();
  if (!file && !needed) {
    std::copy(extents.begin(), extents.end(), view.shape.begin());
    view.stride = {};
  }
  inputs.operands.tensors[spec.name] = view;
  return {};
}

std::string declared(const Package& package) {
  std::string names;
  for (const ScalarParam& param : package.scalar_params)
    names += (names.empty() ? "" : ", ") + param.name;
  for (const TensorSpec& param : package.tensor_params)
    names += (names.empty() ? "" : ", ") + param.name;
  return names;
}

} // namespace

plan::Symbols cli::size_symbols(const Package& package, const Shape& shape) {
  return {{"batch", shape.batch},
          {"heads", shape.heads},
          {"kv_heads", shape.kv_heads},
          {"q_len", shape.q_len},
          {"kv_len", shape.kv_len},
          {"head_dim", package.head_dim},
          {"head_dim_v", package.head_dim_v}};
}

Result<TypedTensor> cli::read_typed_npy(const std::string& path) {
  Result<Tensor> tensor = read_npy(path);
  if (!tensor)
    return std::move(tensor).error();
  TypedTensor result{std::move(*tensor)};
  // The header again, as numpy writes it, for what the tensor no longer tells.
  std::string head(128, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  std::string_view text(head.data(), static_cast<std::size_t>(file.gcount()));
  result.rounded = text.find("'descr': '<f8'") != std::string_view::npos;
  return result;
}

Result<void> cli::make_params(const Package& package, const std::vector<std::string>& texts,
                              std::uint64_t seed, const TensorNames* needed, Inputs& inputs) {
  Result<std::vector<Given>> given = split_params(texts);
  if (!given)
    return given.error();
  for (const ScalarParam& param : package.scalar_params) {
    const Given* value = find(*given, param.name);
    if (value) {
      Result<Scalar> scalar = parse_scalar(param, value->value);
      if (!scalar)
        return scalar.error();
      inputs.operands.scalars[param.name] = *scalar;
    } else if (!param.default_value) {
      return user_error(fmt::format("param '{}' has no default and was not given", param.name),
                        fmt::format("give --param {}=VALUE", param.name));
    }
  }
  plan::Symbols sizes = size_symbols(package, inputs.shape);
  for (const TensorSpec& spec : package.tensor_params) {
    bool matters = !needed || needed->contains(spec.name);
    if (Result<void> added =
            add_tensor(spec, find(*given, spec.name), sizes, named_seed(seed, spec.name), matters, inputs);
        !added)
      return added;
  }
  for (const Given& param : *given)
    if (!param.used) {
      std::string names = declared(package);
      return user_error(fmt::format("'{}' has no param '{}'", package.spec_name, param.name),
                        names.empty() ? "it has no params" : "it has: " + names);
    }
  return {};
}
