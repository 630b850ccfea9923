#include "launch/binding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/core.h>

namespace attile {

using plan::CompiledTensor;
using plan::SizeSymbol;

namespace {

/// Kernels compute positions in 32 bits, and differences of them.
constexpr std::int64_t max_extent = std::int64_t(1) << 29;
/// That a plan is told of; memory that a device provides has it.
constexpr std::uintptr_t max_alignment = 64;

/// "[batch, heads, q_len, 64]": what a package says about an operand's shape.
std::string shape_text(const TensorSpec& spec) {
  std::string text = "[";
  for (std::size_t i = 0; i < spec.dims.size(); ++i)
    text += (i ? ", " : "") + (spec.dims[i] ? to_string(*spec.dims[i]) : "any");
  return text + "]";
}

template <class List> std::string names(const List& list) {
  std::string text;
  for (const auto& item : list)
    text += (text.empty() ? "" : ", ") + item.name;
  return text;
}

/// Whether two elements of a tensor can lie at one place, for strides that nest (all but contrived ones do).
bool overlaps_itself(const ConstTensorView& view) {
  std::array<std::pair<std::int64_t, std::int64_t>, max_rank> dims{}; // stride, extent - 1
  for (int i = 0; i < view.rank; ++i) {
    if (view.shape[i] == 0)
      return false;
    if (view.shape[i] > 1)
      dims[i] = {std::abs(view.stride[i]), view.shape[i] - 1};
  }
  std::sort(dims.begin(), dims.end());
  std::int64_t span = 1;
  for (auto [stride, steps] : dims) {
    if (steps > 0 && stride < span)
      return true;
    span += stride * steps; // byte_range has shown that this does not overflow
  }
  return false;
}

class Binder {
public:
  Binder(const Package& package, const plan::CompiledPlan& plan, const Arguments& arguments, Binding& out)
      : package(package), plan(plan), arguments(arguments), out(out) {}

  Result<void> run(int threads) {
    out.symbols.assign(plan.symbols, 0);
    for (const CompiledTensor& operand : plan.operands)
      out.symbols[operand.alignment] = max_alignment;
    out.pointers.assign(plan.operands.size(), nullptr);
    out.scalars.assign(package.scalar_params.size(), 0);
    out.missing_bytes.assign(plan.outputs, 0);
    out.ranges.assign(plan.operands.size(), {});
    out.symbols[plan::head_dim] = package.head_dim;
    out.symbols[plan::head_dim_v] = package.head_dim_v;
    out.symbols[plan::threads] = threads;
    for (auto step : {&Binder::inputs, &Binder::param_names, &Binder::scalar_params, &Binder::tensor_params,
                      &Binder::outputs, &Binder::aliases})
      if (Result<void> result = (this->*step)(); !result)
        return result;
    return {};
  }

private:
  // ---- in the order of a launch ----

  Result<void> inputs() {
    const ConstTensorView* views[] = {&arguments.q, &arguments.k, &arguments.v};
    for (int i = 0; i < plan.inputs; ++i) {
      const CompiledTensor& operand = plan.operands[i];
      if (views[i]->rank == 0 && !views[i]->data)
        return missing("input", operand);
      if (Result<void> result = place(i, *views[i]); !result)
        return result;
      for (int d = 0; d < views[i]->rank; ++d)
        if (auto size = operand.sizes[d]; size && *size < plan::head_dim && !bound_by[*size]) {
          bound_by[*size] = &operand.spec.name;
          out.symbols[*size] = views[i]->shape[d];
        }
      if (Result<void> result = check_dims(operand, *views[i]); !result)
        return result;
    }
    std::int64_t heads = out.symbols[plan::heads], kv_heads = out.symbols[plan::kv_heads];
    if (kv_heads == 0 ? heads != 0 : heads % kv_heads != 0)
      return user_error(
          fmt::format("{}: expected heads to be a multiple of kv_heads {} (as in {}), got {}: shape {}",
                      *bound_by[plan::heads], kv_heads, *bound_by[plan::kv_heads], heads,
                      attile::shape_text(arguments.q)));
    return {};
  }

  Result<void> param_names() {
    for (auto param = arguments.params.begin(); param != arguments.params.end(); ++param) {
      auto named = [&](const auto& other) { return other.name == param->name; };
      if (std::any_of(arguments.params.begin(), param, named))
        return user_error(fmt::format("param '{}' is given twice", param->name));
      bool tensor = std::any_of(package.tensor_params.begin(), package.tensor_params.end(), named);
      if (tensor || std::any_of(package.scalar_params.begin(), package.scalar_params.end(), named))
        continue;
      Error error = user_error(fmt::format("there is no param '{}' in '{}'", param->name, package.spec_name));
      std::string scalars = names(package.scalar_params), tensors = names(package.tensor_params);
      std::string all =
          fmt::format("{}{}{}", scalars, scalars.empty() || tensors.empty() ? "" : ", ", tensors);
      error.notes.push_back(all.empty() ? "it has no params" : "its params: " + all);
      return error;
    }
    return {};
  }

  Result<void> scalar_params() {
    for (std::size_t i = 0; i < package.scalar_params.size(); ++i) {
      const ScalarParam& param = package.scalar_params[i];
      std::optional<Scalar> value = param.default_value;
      if (const Param* given = find_param(param.name)) {
        Result<Scalar> converted = scalar(param, *given);
        if (!converted)
          return converted.error();
        value = *converted;
      }
      if (!value)
        return user_error(
            fmt::format("param '{}' ({}) is missing: it has no default", param.name, type_name(param)));
      if (const float* x = std::get_if<float>(&*value))
        out.scalars[i] = std::bit_cast<std::uint32_t>(*x);
      else
        out.symbols[plan.scalars[i]] = std::holds_alternative<bool>(*value)
                                           ? std::int64_t(std::get<bool>(*value))
                                           : std::get<std::int64_t>(*value),
        out.scalars[i] = static_cast<std::uint64_t>(out.symbols[plan.scalars[i]]);
    }
    return {};
  }

  Result<void> tensor_params() {
    for (int i = plan.inputs; i < plan.inputs + plan.tensor_params; ++i) {
      const CompiledTensor& operand = plan.operands[i];
      const Param* given = find_param(operand.spec.name);
      if (!given)
        return missing("param", operand);
      const ConstTensorView* view = std::get_if<ConstTensorView>(&given->value);
      if (!view)
        return user_error(fmt::format("param '{}': expected a tensor {} of {}, got a scalar",
                                      operand.spec.name, shape_text(operand.spec), name(operand.spec.dtype)));
      if (Result<void> result = place(i, *view); !result)
        return result;
    }
    for (int i = plan.inputs; i < plan.inputs + plan.tensor_params; ++i) // sizes may refer to other params
      if (Result<void> result = check_dims(
              plan.operands[i], std::get<ConstTensorView>(find_param(plan.operands[i].spec.name)->value));
          !result)
        return result;
    return {};
  }

  Result<void> outputs() {
    if (Result<void> result = output_names(); !result)
      return result;
    int first = plan.inputs + plan.tensor_params, given = 0;
    for (int i = 0; i < plan.outputs; ++i) {
      const CompiledTensor& operand = plan.operands[first + i];
      const TensorView* view = find_output(operand.spec.name);
      if (!view) {
        if (Result<void> result = leave_out(i, operand); !result)
          return result;
        continue;
      }
      ++given;
      if (Result<void> result = place(first + i, *view); !result)
        return result;
      if (Result<void> result = check_dims(operand, *view); !result)
        return result;
      if (overlaps_itself(*view))
        return user_error(
            fmt::format("{}: expected strides that keep elements apart, got shape {} with stride {}",
                        operand.spec.name, attile::shape_text(*view), stride_text(*view)));
    }
    if (given == 0)
      return user_error("expected at least one output, got none", "give one of: " + names(package.outputs));
    return {};
  }

  Result<void> output_names() {
    auto check = [&](std::string_view given) -> Result<void> {
      for (const TensorSpec& spec : package.outputs)
        if (spec.name == given)
          return {};
      Error error = user_error(fmt::format("there is no output '{}' in '{}'", given, package.spec_name));
      error.notes.push_back("its outputs: " + names(package.outputs));
      return error;
    };
    for (auto [given, view] : standard_outputs())
      if (is_given(*view))
        if (Result<void> result = check(given); !result)
          return result;
    for (const NamedOutput& output : arguments.outputs)
      if (Result<void> result = check(output.name); !result)
        return result;
    return {};
  }

  /// No output may share bytes with another operand; ranges are enough to tell, and cheap.
  Result<void> aliases() {
    int first_output = plan.inputs + plan.tensor_params, operands = static_cast<int>(plan.operands.size());
    for (int i = first_output; i < operands; ++i)
      for (int j = 0; j < i; ++j)
        if (out.ranges[i].begin < out.ranges[j].end && out.ranges[j].begin < out.ranges[i].end)
          return user_error(
              fmt::format("{} overlaps {} in memory: expected an output to have memory of its own",
                          plan.operands[i].spec.name, plan.operands[j].spec.name),
              "give it a buffer that no other operand uses");
    return {};
  }

  // ---- pieces ----

  /// Checks what concerns a view alone, and records its pointer and symbols.
  Result<void> place(int index, const ConstTensorView& view) {
    const CompiledTensor& operand = plan.operands[index];
    const TensorSpec& spec = operand.spec;
    int rank = static_cast<int>(spec.dims.size());
    if (view.rank != rank)
      return user_error(fmt::format("{}: expected rank {} as in {}, got rank {}: shape {}", spec.name, rank,
                                    shape_text(spec), view.rank,
                                    view.rank < 0 || view.rank > max_rank ? "?" : attile::shape_text(view)));
    if (view.dtype != spec.dtype)
      return user_error(
          fmt::format("{}: expected dtype {}, got {}", spec.name, name(spec.dtype), name(view.dtype)),
          index < plan.inputs
              ? fmt::format("convert it, or compile '{}' with dtype {}", package.spec_name, name(view.dtype))
              : "");
    for (int d = 0; d < rank; ++d)
      if (view.shape[d] < 0 || view.shape[d] > max_extent)
        return user_error(fmt::format("{}: expected extents from 0 to 2^29, got {} in dimension {}: shape {}",
                                      spec.name, view.shape[d], d, attile::shape_text(view)));
    Result<ByteRange> range = byte_range(view);
    if (!range)
      return std::move(range).error().in(spec.name);
    return range->begin == range->end ? place_empty(operand, view) : place_data(index, view, *range);
  }

  Result<void> place_data(int index, const ConstTensorView& view, ByteRange range) {
    const CompiledTensor& operand = plan.operands[index];
    auto address = reinterpret_cast<std::uintptr_t>(view.data);
    auto size = static_cast<std::uintptr_t>(size_of(view.dtype));
    if (!view.data)
      return user_error(fmt::format("{}: expected data for shape {}, got a null pointer", operand.spec.name,
                                    attile::shape_text(view)));
    if (address % size != 0)
      return user_error(fmt::format("{}: expected data aligned to {} bytes, got address {:#x}",
                                    operand.spec.name, size, address));
    int last = view.rank - 1;
    bool dense_rows =
        last >= 0 && (operand.sizes[last] == plan::head_dim || operand.sizes[last] == plan::head_dim_v);
    if (dense_rows && view.shape[last] > 1 && view.stride[last] != 1)
      return user_error(fmt::format("{}: expected stride 1 in the last dimension, got {}: stride {}",
                                    operand.spec.name, view.stride[last], stride_text(view)),
                        "copy it into a tensor whose last dimension is contiguous");
    out.pointers[index] = view.data;
    out.symbols[operand.alignment] = static_cast<std::int64_t>(std::min(address & -address, max_alignment));
    ByteRange& covered = out.ranges[index];
    if (__builtin_add_overflow(address, range.begin, &covered.begin) ||
        __builtin_add_overflow(address, range.end, &covered.end) || covered.begin < 0)
      return user_error(fmt::format("{}: shape {} with stride {} leaves the address space", operand.spec.name,
                                    attile::shape_text(view), stride_text(view)));
    set_symbols(operand, view);
    return {};
  }

  Result<void> place_empty(const CompiledTensor& operand, const ConstTensorView& view) {
    set_symbols(operand, view);
    for (int d = 0; d < view.rank; ++d)
      out.symbols[operand.first_stride + d] = 0;
    return {};
  }

  void set_symbols(const CompiledTensor& operand, const ConstTensorView& view) {
    // A stride that no element needs may be anything, also what would overflow in the plan.
    constexpr std::int64_t sane = std::int64_t(1) << 40;
    for (int d = 0; d < view.rank; ++d) {
      bool unused = view.shape[d] <= 1 && (view.stride[d] > sane || view.stride[d] < -sane);
      out.symbols[operand.first_dim + d] = view.shape[d];
      out.symbols[operand.first_stride + d] = unused ? 0 : view.stride[d];
    }
  }

  Result<void> check_dims(const CompiledTensor& operand, const ConstTensorView& view) {
    for (int d = 0; d < view.rank; ++d) {
      if (!operand.dims[d])
        continue;
      Result<std::int64_t> expected = operand.dims[d]->evaluate(out.symbols);
      if (!expected)
        return std::move(expected).error().in(fmt::format("{}: dimension {}", operand.spec.name, d));
      if (*expected == view.shape[d])
        continue;
      std::optional<SizeSymbol> size = operand.sizes[d];
      bool from_other = size && *size < plan::head_dim && *bound_by[*size] != operand.spec.name;
      bool fixed = operand.spec.dims[d]->op() == plan::Expr::Op::literal;
      return user_error(fmt::format("{}: expected {} in dimension {}{}, got {}: shape {}", operand.spec.name,
                                    fixed
                                        ? std::to_string(*expected)
                                        : fmt::format("{} = {}", to_string(*operand.spec.dims[d]), *expected),
                                    d, from_other ? fmt::format(" (as in {})", *bound_by[*size]) : "",
                                    view.shape[d], attile::shape_text(view)),
                        size && *size >= plan::head_dim
                            ? fmt::format("compile '{}' for this head dimension", package.spec_name)
                            : "");
    }
    return {};
  }

  /// Kernels write every output; one that nobody wants goes to memory that the device provides.
  Result<void> leave_out(int output, const CompiledTensor& operand) {
    std::int64_t stride = 1;
    bool overflow = false;
    for (int d = static_cast<int>(operand.dims.size()) - 1; d >= 0; --d) {
      Result<std::int64_t> extent = operand.dims[d]->evaluate(out.symbols);
      if (!extent)
        return std::move(extent).error().in(fmt::format("{}: dimension {}", operand.spec.name, d));
      out.symbols[operand.first_dim + d] = *extent;
      out.symbols[operand.first_stride + d] = stride;
      overflow |= __builtin_mul_overflow(stride, *extent, &stride) || *extent < 0;
    }
    overflow |= __builtin_mul_overflow(stride, size_of(operand.spec.dtype), &out.missing_bytes[output]);
    if (overflow)
      return user_error(
          fmt::format("{}: {} spans more than 2^63 bytes", operand.spec.name, shape_text(operand.spec)));
    return {};
  }

  Result<Scalar> scalar(const ScalarParam& param, const Param& given) {
    auto wrong = [&](std::string got) -> Result<Scalar> {
      return user_error(fmt::format("param '{}': expected {}, got {}", param.name, type_name(param), got));
    };
    if (const auto* tensor = std::get_if<ConstTensorView>(&given.value))
      return wrong(fmt::format("a tensor {} of {}", attile::shape_text(*tensor), name(tensor->dtype)));
    const auto* integer = std::get_if<std::int64_t>(&given.value);
    const auto* real = std::get_if<double>(&given.value);
    const auto* boolean = std::get_if<bool>(&given.value);
    if (integer && param.type == ScalarParam::Type::integer)
      return Scalar(*integer);
    if (boolean && param.type == ScalarParam::Type::boolean)
      return Scalar(*boolean);
    if (param.type == ScalarParam::Type::f32 && !boolean)
      return Scalar(integer ? static_cast<float>(*integer) : static_cast<float>(*real));
    return wrong(integer ? fmt::format("int {}", *integer)
                 : real  ? fmt::format("f32 {}", *real)
                         : fmt::format("bool {}", *boolean));
  }

  Result<void> missing(std::string_view kind, const CompiledTensor& operand) const {
    return user_error(fmt::format("{} '{}' is missing: expected a tensor {} of {}", kind, operand.spec.name,
                                  shape_text(operand.spec), name(operand.spec.dtype)));
  }

  static std::string_view type_name(const ScalarParam& param) {
    constexpr std::string_view names[] = {"int", "f32", "bool"};
    return names[static_cast<int>(param.type)];
  }

  static std::string stride_text(const ConstTensorView& view) {
    return attile::shape_text(std::span(view.stride.data(), static_cast<std::size_t>(view.rank)));
  }

  const Param* find_param(std::string_view name) const {
    for (const Param& param : arguments.params)
      if (param.name == name)
        return &param;
    return nullptr;
  }

  static bool is_given(const TensorView& view) { return view.rank != 0 || view.data; }

  std::array<std::pair<std::string_view, const TensorView*>, 3> standard_outputs() const {
    return {{{"o", &arguments.o}, {"lse", &arguments.lse}, {"max", &arguments.max}}};
  }

  const TensorView* find_output(std::string_view name) const {
    for (auto [standard, view] : standard_outputs())
      if (standard == name && is_given(*view))
        return view;
    for (const NamedOutput& output : arguments.outputs)
      if (output.name == name)
        return &output.view;
    return nullptr;
  }

  const Package& package;
  const plan::CompiledPlan& plan;
  const Arguments& arguments;
  Binding& out;
  std::array<const std::string*, plan::size_symbols> bound_by{}; ///< the operand that gave a size
};

} // namespace

Result<void> bind(const Package& package, const plan::CompiledPlan& plan, const Arguments& arguments,
                  int threads, Binding& binding) {
  return Binder(package, plan, arguments, binding).run(threads);
}

} // namespace attile
