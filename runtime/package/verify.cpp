#include <attile/package.h>

#include "package/compiled_plan.h"
#include "package/gpu_target.h"
#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <set>
#include <tuple>

namespace attile {

namespace {

constexpr std::size_t max_name = 128;
constexpr std::int64_t max_head_dim = 1 << 16;
constexpr std::uint64_t max_alignment = 4096;
constexpr std::int64_t max_block = 1024, max_shared_bytes = 1 << 20; // of any GPU

/// Names inside a plan may have dots: "partial.m", "doc.summary.dim.1".
bool is_identifier(std::string_view name, bool dots = false) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto part = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || (dots && c == '.'); };
  return !name.empty() && name.size() <= max_name && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), part);
}

using Names = std::set<std::string_view>;

template <class List>
Result<void> verify_names(std::string_view kind, const List& list, Names& seen, bool dots = false) {
  for (const auto& item : list) {
    if (!is_identifier(item.name, dots))
      return user_error(fmt::format("{}: expected an identifier as a name, got '{}'", kind,
                                    std::string_view(item.name).substr(0, max_name)));
    if (!seen.insert(item.name).second)
      return user_error(fmt::format("{}: the name '{}' is used twice", kind, item.name));
  }
  return {};
}

Result<void> verify_operand_names(const Package& package) {
  Names seen;
  for (const auto& [kind, list] :
       {std::pair<std::string_view, const std::vector<TensorSpec>&>{"inputs", package.inputs},
        {"tensor params", package.tensor_params},
        {"outputs", package.outputs}})
    if (Result<void> result = verify_names(kind, list, seen); !result)
      return result;
  return verify_names("scalar params", package.scalar_params, seen);
}

Result<void> verify_operands(const Package& package) {
  constexpr std::string_view names[] = {"q", "k", "v"};
  if (!std::equal(package.inputs.begin(), package.inputs.end(), std::begin(names), std::end(names),
                  [](const TensorSpec& spec, std::string_view name) { return spec.name == name; }))
    return user_error("inputs: expected q, k, v in this order");
  for (const TensorSpec& spec : package.inputs)
    if (spec.dims.size() != 4 || spec.dtype != package.dtype)
      return user_error(fmt::format("input '{}': expected rank 4 and dtype {}, got rank {} and dtype {}",
                                    spec.name, name(package.dtype), spec.dims.size(), name(spec.dtype)));
  for (const auto* list : {&package.tensor_params, &package.outputs})
    for (const TensorSpec& spec : *list)
      if (spec.dims.size() > static_cast<std::size_t>(max_rank))
        return user_error(fmt::format("operand '{}': expected rank at most {}, got {}", spec.name, max_rank,
                                      spec.dims.size()));
  if (package.outputs.empty())
    return user_error("outputs: expected at least one");
  for (const TensorSpec& spec : package.outputs)
    for (const std::optional<plan::Expr>& dim : spec.dims)
      if (!dim)
        return user_error(fmt::format("output '{}': expected an expression for every dimension", spec.name));
  for (const ScalarParam& param : package.scalar_params)
    if (param.default_value && param.default_value->index() != static_cast<std::size_t>(param.type))
      return user_error(fmt::format("param '{}': its default has another type", param.name));
  for (const auto& [what, dim] :
       {std::pair{"head_dim", package.head_dim}, {"head_dim_v", package.head_dim_v}})
    if (dim < 1 || dim > max_head_dim)
      return user_error(fmt::format("{}: expected 1 to {}, got {}", what, max_head_dim, dim));
  return {};
}

/// Every size must be bound by a dimension of an input.
Result<void> verify_sizes(const plan::CompiledPlan& plan) {
  std::set<int> bound;
  for (int i = 0; i < plan.inputs; ++i)
    for (std::optional<plan::SizeSymbol> size : plan.operands[i].sizes)
      if (size)
        bound.insert(*size);
  for (int size = 0; size < plan::head_dim; ++size)
    if (!bound.count(size))
      return user_error(fmt::format("inputs: expected a dimension that is '{}'",
                                    plan::name(static_cast<plan::SizeSymbol>(size))));
  return {};
}

Result<void> verify_plan(const Package& package, const plan::Plan& plan) {
  Names seen;
  if (Result<void> result = verify_names("plan values", plan.values, seen, true); !result)
    return result;
  if (Result<void> result = verify_names("scratch", plan.scratch, seen, true); !result)
    return result;
  Result<plan::CompiledPlan> compiled = plan::CompiledPlan::compile(package, plan);
  if (!compiled)
    return compiled.error();
  if (Result<void> result = verify_sizes(*compiled); !result)
    return result;
  if (plan.kernels.empty())
    return user_error("plan: expected at least one kernel");
  return {};
}

Result<void> verify_gpu_kernel(const GpuKernel& kernel) {
  if (!is_identifier(kernel.function))
    return user_error(fmt::format("expected an identifier as its function, got '{}'",
                                  std::string_view(kernel.function).substr(0, max_name)));
  for (auto [what, value, least, most] :
       {std::tuple{"threads", kernel.threads, std::int64_t(1), max_block},
        {"bytes of shared memory", kernel.shared_bytes, std::int64_t(0), max_shared_bytes}})
    if (value < least || value > most)
      return user_error(fmt::format("expected {} to {} {}, got {}", least, most, what, value));
  return {};
}

Result<void> verify_gpu_code(const Package& package, const CodeSection& section) {
  constexpr std::string_view elf = "\177ELF";
  if (!GpuTarget::parse(section.target))
    return user_error("expected a GPU's target such as sm_80 or sm_90a");
  if (section.kind == CodeSection::cubin &&
      (section.bytes.size() < elf.size() || std::memcmp(section.bytes.data(), elf.data(), elf.size()) != 0))
    return user_error("expected a cubin, which starts with the bytes 7f 'ELF'");
  for (const plan::Launch& launch : package.plan_of(section).kernels) {
    auto kernel = section.kernels.find(launch.symbol);
    if (kernel == section.kernels.end())
      return user_error(fmt::format("there is no entry for kernel '{}'", launch.symbol));
    if (Result<void> result = verify_gpu_kernel(kernel->second); !result)
      return std::move(result).error().in(fmt::format("kernel '{}'", launch.symbol));
  }
  return {};
}

Result<void> verify_cpu_image(const Package& package, const CodeSection& section) {
  std::uint64_t alignment = section.alignment;
  if (alignment == 0 || (alignment & (alignment - 1)) || alignment > max_alignment)
    return user_error(fmt::format("expected an alignment that is a power of two up to {}, got {}",
                                  max_alignment, alignment));
  for (const auto& [symbol, offset] : section.entries)
    if (offset >= section.bytes.size())
      return user_error(fmt::format("expected the entry of '{}' inside {} bytes of code, got offset {}",
                                    symbol, section.bytes.size(), offset));
  for (const plan::Launch& launch : package.plan_of(section).kernels)
    if (!section.entries.count(launch.symbol))
      return user_error(fmt::format("there is no entry for kernel '{}'", launch.symbol));
  return {};
}

Result<void> verify_code(const Package& package, const CodeSection& section) {
  Result<void> result;
  if (section.plan)
    result = verify_plan(package, *section.plan);
  if (result && section.is_gpu())
    result = verify_gpu_code(package, section);
  else if (result && section.kind == CodeSection::cpu_image)
    result = verify_cpu_image(package, section);
  return result ? Result<void>() : std::move(result).error().in(fmt::format("code for '{}'", section.target));
}

} // namespace

Result<void> verify(const Package& package) {
  if (Result<void> result = verify_operand_names(package); !result)
    return result;
  if (Result<void> result = verify_operands(package); !result)
    return result;
  if (Result<void> result = verify_plan(package, package.plan); !result)
    return result;
  if (package.code.empty())
    return user_error("code: expected at least one section");
  for (const CodeSection& section : package.code)
    if (Result<void> result = verify_code(package, section); !result)
      return result;
  return {};
}

std::vector<TensorSpec> standard_inputs(DType dtype) {
  using plan::sym;
  return {{"q", dtype, {sym("batch"), sym("heads"), sym("q_len"), sym("head_dim")}},
          {"k", dtype, {sym("batch"), sym("kv_heads"), sym("kv_len"), sym("head_dim")}},
          {"v", dtype, {sym("batch"), sym("kv_heads"), sym("kv_len"), sym("head_dim_v")}}};
}

TensorSpec output_spec(std::string name, DType dtype) {
  using plan::sym;
  return {std::move(name), dtype, {sym("batch"), sym("heads"), sym("q_len"), sym("head_dim_v")}};
}

TensorSpec row_output_spec(std::string name) {
  using plan::sym;
  return {std::move(name), DType::f32, {sym("batch"), sym("heads"), sym("q_len")}};
}

} // namespace attile
