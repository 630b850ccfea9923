#include "tools/attile/inputs.h"

#include "tools/attile/params.h"
#include "tools/attile/report.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <attile/npy.h>
#include <attile/random.h>
#include <charconv>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

constexpr std::int64_t max_size = std::int64_t{1} << 40;

/// A number that may be written with a suffix: 16k, 1M (powers of two).
std::optional<std::int64_t> parse_size(std::string_view text) {
  std::int64_t value = 0, unit = 1;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (rest == "k")
    unit = 1024;
  else if (rest == "M")
    unit = 1024 * 1024;
  else if (!rest.empty())
    return std::nullopt;
  if (status != std::errc() || value < 1 || value > max_size / unit)
    return std::nullopt;
  return value * unit;
}

/// Reads one of q, k, v, as [batch, heads, len, dim] in the package's dtype.
Result<Tensor> read_operand(const std::string& name, const std::string& path, DType expected,
                            std::vector<std::string>& notes) {
  Result<TypedTensor> read = read_typed_npy(path);
  if (!read)
    return std::move(read).error().in(fmt::format("--{}", name));
  const ConstTensorView view = std::as_const(read->tensor).view();
  if (view.rank != 4)
    return user_error(
        fmt::format("--{} '{}' has shape {}, expected 4 dimensions [batch, heads, len, head_dim]", name, path,
                    shape_text(view)));
  if (view.elements() == 0)
    return user_error(fmt::format("--{} '{}' has shape {}: every extent has to be at least 1", name, path,
                                  shape_text(view)));
  if (view.dtype == expected && !read->rounded)
    return std::move(read->tensor);
  if (view.dtype == DType::f32 && !read->rounded) { // a 16-bit type is expected
    notes.push_back(fmt::format("--{} '{}' is f32 and is rounded to {}", name, path, attile::name(expected)));
    return converted(view, expected);
  }
  return user_error(
      fmt::format("--{} '{}' has elements of type {}, expected {}", name, path, read->type_name(),
                  attile::name(expected)),
      fmt::format("save it as numpy's {}", expected == DType::f32 ? "float32"
                                           : expected == DType::f16
                                               ? "float16, or float32, which is rounded"
                                               : "uint16 (the bits of bf16), or float32, which is rounded"));
}

struct Operand {
  const char* name;
  const std::string* path;
  bool query;
  std::int64_t dim;
  std::optional<Tensor> tensor = {};
};

/// Two statements about one size.
Result<void> unify(std::optional<std::int64_t>& size, std::int64_t value, const std::string& what) {
  if (size && *size != value)
    return user_error(fmt::format("{} is {}, but has been given as {}", what, value, *size));
  size = value;
  return {};
}

/// Takes sizes from the shape of a file, [batch, heads, len, dim] in that order.
Result<void> take_sizes(const Operand& operand, const ConstTensorView& view, PartialShape& shape) {
  const std::int64_t* extent = view.shape.data();
  if (extent[3] != operand.dim)
    return user_error(fmt::format("{} has shape {}: its head dimension is {}, the kernel's is {}",
                                  operand.name, shape_text(view), extent[3], operand.dim));
  auto& heads = operand.query ? shape.heads : shape.kv_heads;
  auto& len = operand.query ? shape.q_len : shape.kv_len;
  for (auto& [size, index, what] :
       {std::tuple{&shape.batch, 0, "batch"}, std::tuple{&heads, 1, "heads"}, std::tuple{&len, 2, "len"}})
    if (Result<void> agreed = unify(*size, extent[index], fmt::format("{} of {}", what, operand.name));
        !agreed)
      return agreed;
  return {};
}

Result<Shape> complete(const PartialShape& partial, std::int64_t default_len) {
  Shape shape;
  shape.batch = partial.batch.value_or(1);
  shape.heads = partial.heads.value_or(partial.kv_heads.value_or(1));
  shape.kv_heads = partial.kv_heads.value_or(shape.heads);
  shape.q_len = partial.q_len.value_or(partial.kv_len.value_or(default_len));
  shape.kv_len = partial.kv_len.value_or(shape.q_len);
  if (shape.heads % shape.kv_heads != 0)
    return user_error(fmt::format("{} query heads cannot share {} key/value heads: not a multiple",
                                  shape.heads, shape.kv_heads));
  return shape;
}

/// q, k, v and o of a shape, before time is spent on drawing them.
Result<void> check_memory(const Package& package, const Shape& shape) {
  auto rows = [](std::int64_t batch, std::int64_t heads, std::int64_t len) {
    return static_cast<double>(batch) * static_cast<double>(heads) * static_cast<double>(len);
  };
  auto dims = static_cast<double>(package.head_dim + package.head_dim_v);
  double bytes =
      (rows(shape.batch, shape.heads, shape.q_len) + rows(shape.batch, shape.kv_heads, shape.kv_len)) * dims *
      static_cast<double>(size_of(package.dtype));
  auto available = static_cast<double>(available_memory());
  if (bytes <= available)
    return {};
  return environment_error(
      fmt::format("q, k, v and o take {:.3g} GB at this shape, there are {:.3g} GB of memory", 1e-9 * bytes,
                  1e-9 * available),
      "choose a smaller --shape; 'attile explain' needs no memory for it");
}

} // namespace

Result<PartialShape> cli::parse_shape(const std::string& text) {
  PartialShape shape;
  const std::pair<std::string_view, std::optional<std::int64_t>*> keys[] = {{"b", &shape.batch},
                                                                            {"hq", &shape.heads},
                                                                            {"hkv", &shape.kv_heads},
                                                                            {"q", &shape.q_len},
                                                                            {"kv", &shape.kv_len}};
  if (text.empty())
    return shape;
  for (const std::string& item : CLI::detail::split(text, ',')) {
    std::size_t equals = std::min(item.find('='), item.size());
    std::string_view key = std::string_view(item).substr(0, equals);
    auto entry =
        std::find_if(std::begin(keys), std::end(keys), [&](const auto& k) { return k.first == key; });
    if (entry == std::end(keys) || equals == item.size())
      return usage_error(fmt::format("--shape has '{}', expected b=.., hq=.., hkv=.., q=.. or kv=..", item));
    if (*entry->second)
      return usage_error(fmt::format("--shape has {} twice", key));
    *entry->second = parse_size(std::string_view(item).substr(equals + 1));
    if (!*entry->second)
      return usage_error(fmt::format("--shape has '{}', expected an integer from 1 to 2^40", item));
  }
  return shape;
}

void InputOptions::declare(CLI::App& app, bool tensors) {
  app.add_option("--shape", shape,
                 "sizes: b=..,hq=..,hkv=..,q=..,kv=.., each at least 1; 16k and 1M may be written");
  app.add_option("--param", params, "a param: name=value, name=@file.npy or name=random:lo..hi")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--seed", seed, "of everything random")
      ->check([](const std::string& text) { // else -1 would be 2^64 - 1
        return text.starts_with('-') ? "expected an integer from 0" : "";
      })
      ->capture_default_str();
  if (!tensors)
    return;
  app.add_option("--q", q, "queries, a .npy file");
  app.add_option("--k", k, "keys, a .npy file");
  app.add_option("--v", v, "values, a .npy file");
  app.add_option("--layout", layout,
                 "of q, k, v and o: bhsd is [batch, heads, len, dim], bshd [batch, len, heads, dim]")
      ->check(CLI::IsMember({"bhsd", "bshd"}))
      ->capture_default_str();
}

Result<Inputs> InputOptions::make(const Package& package, const TensorNames* needed) const {
  Result<PartialShape> partial = parse_shape(shape);
  if (!partial)
    return partial.error();
  Inputs inputs;
  Operand operands[] = {{"q", &q, true, package.head_dim},
                        {"k", &k, false, package.head_dim},
                        {"v", &v, false, package.head_dim_v}};
  std::string files;
  for (Operand& operand : operands) {
    if (operand.path->empty())
      continue;
    Result<Tensor> read = read_operand(operand.name, *operand.path, package.dtype, inputs.notes);
    if (!read)
      return std::move(read).error();
    operand.tensor = std::move(*read);
    files += (files.empty() ? "" : ", ") + std::string(operand.name);
    ConstTensorView view = std::as_const(*operand.tensor).view();
    if (Result<void> taken = take_sizes(operand, heads_last() ? view.transposed(1, 2) : view, *partial);
        !taken)
      return taken.error();
  }
  Result<Shape> complete_shape = complete(*partial, default_len);
  if (!complete_shape)
    return complete_shape.error();

  inputs.shape = *complete_shape;
  if (!needed && files.empty())
    if (Result<void> enough = check_memory(package, inputs.shape); !enough)
      return enough.error();
  for (Operand& operand : operands) {
    if (!operand.tensor && needed)
      continue;
    if (!operand.tensor) {
      if (!files.empty())
        inputs.notes.push_back(fmt::format("{} is random: only {} came from files", operand.name, files));
      std::int64_t extents[] = {inputs.shape.batch,
                                operand.query ? inputs.shape.heads : inputs.shape.kv_heads,
                                operand.query ? inputs.shape.q_len : inputs.shape.kv_len, operand.dim};
      if (heads_last())
        std::swap(extents[1], extents[2]);
      Result<Tensor> drawn = random_normals(package.dtype, extents, named_seed(seed, operand.name));
      if (!drawn)
        return std::move(drawn).error().in(operand.name);
      operand.tensor = std::move(*drawn);
    }
    ConstTensorView view = std::as_const(inputs.memory.emplace_back(std::move(*operand.tensor))).view();
    inputs.operands.tensors[operand.name] = heads_last() ? view.transposed(1, 2) : view;
  }
  if (Result<void> given = make_params(package, params, seed, needed, inputs); !given)
    return given.error();
  return inputs;
}

Arguments Inputs::arguments() const {
  Arguments arguments;
  for (const auto& [name, view] : operands.tensors)
    if (name == "q")
      arguments.q = view;
    else if (name == "k")
      arguments.k = view;
    else if (name == "v")
      arguments.v = view;
    else
      arguments.params.push_back({name, view});
  for (const auto& [name, scalar] : operands.scalars)
    std::visit([&, &name = name](auto value) { arguments.params.push_back({name, value}); }, scalar);
  return arguments;
}
