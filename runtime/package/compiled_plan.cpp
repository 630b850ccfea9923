#include "package/compiled_plan.h"

#include <fmt/core.h>
#include <unordered_map>

namespace attile::plan {

std::string_view name(SizeSymbol symbol) {
  static constexpr std::string_view names[size_symbols] = {"batch",  "heads",    "kv_heads",   "q_len",
                                                           "kv_len", "head_dim", "head_dim_v", "threads"};
  return names[symbol];
}

namespace {

/// Gives every symbol an index, in the order in which a launch learns the values.
class Compiler {
public:
  Compiler(const Package& package, const Plan& source) : package(package), source(source) {}

  Result<CompiledPlan> compile() {
    for (int i = 0; i < size_symbols; ++i)
      add(std::string(name(static_cast<SizeSymbol>(i))));
    for (const ScalarParam& param : package.scalar_params)
      plan.scalars.push_back(param.type == ScalarParam::Type::f32 ? -1 : add("param." + param.name));
    plan.inputs = static_cast<int>(package.inputs.size());
    plan.tensor_params = static_cast<int>(package.tensor_params.size());
    plan.outputs = static_cast<int>(package.outputs.size());
    for (const auto* list : {&package.inputs, &package.tensor_params})
      for (const TensorSpec& spec : *list)
        declare(spec);
    int known_before_outputs = static_cast<int>(indices.size());
    for (const TensorSpec& spec : package.outputs)
      declare(spec);
    for (CompiledTensor& operand : plan.operands)
      dimensions(operand, known_before_outputs);
    plan.first_value = static_cast<int>(indices.size());
    for (const Value& value : source.values) {
      plan.values.push_back(expression(value.expr, fmt::format("value '{}'", value.name)));
      add(value.name);
    }
    for (const Scratch& scratch : source.scratch)
      plan.scratch.push_back(expression(scratch.bytes, fmt::format("scratch '{}'", scratch.name)));
    for (const Launch& launch : source.kernels)
      kernel(launch);
    plan.symbols = static_cast<int>(indices.size());
    if (failure)
      return *failure;
    return std::move(plan);
  }

private:
  int add(std::string symbol) {
    int index = static_cast<int>(indices.size());
    if (!indices.emplace(symbol, index).second)
      fail(fmt::format("'{}' is defined twice", symbol));
    return index;
  }

  void declare(const TensorSpec& spec) {
    CompiledTensor operand;
    operand.spec = spec;
    operand.first_dim = static_cast<int>(indices.size());
    for (std::size_t i = 0; i < spec.dims.size(); ++i)
      add(fmt::format("{}.dim.{}", spec.name, i));
    operand.first_stride = static_cast<int>(indices.size());
    for (std::size_t i = 0; i < spec.dims.size(); ++i)
      add(fmt::format("{}.stride.{}", spec.name, i));
    operand.alignment = add(spec.name + ".alignment");
    plan.operands.push_back(std::move(operand));
  }

  void dimensions(CompiledTensor& operand, int known) {
    for (const std::optional<Expr>& dim : operand.spec.dims) {
      operand.dims.emplace_back();
      operand.sizes.emplace_back();
      if (!dim)
        continue;
      operand.dims.back() = expression(*dim, fmt::format("dimensions of '{}'", operand.spec.name), known);
      if (dim->op() == Expr::Op::symbol)
        for (int i = 0; i < threads; ++i)
          if (dim->name() == name(static_cast<SizeSymbol>(i)))
            operand.sizes.back() = static_cast<SizeSymbol>(i);
    }
  }

  void kernel(const Launch& launch) {
    std::string where = fmt::format("kernel '{}'", launch.symbol);
    CompiledLaunch compiled{
        launch.symbol, expression(launch.grid, where), expression(launch.worker_scratch, where), {}, {}};
    if (launch.when)
      compiled.when = expression(*launch.when, where);
    for (const Slot& slot : launch.slots)
      compiled.slots.push_back(this->slot(slot, where));
    plan.launches.push_back(std::move(compiled));
  }

  CompiledSlot slot(const Slot& slot, const std::string& where) {
    auto position = [&](const auto& list, std::string_view what) {
      for (std::size_t i = 0; i < list.size(); ++i)
        if (list[i].name == slot.name)
          return static_cast<int>(i);
      fail(fmt::format("{}: there is no {} '{}'", where, what, slot.name));
      return -1;
    };
    switch (slot.kind) {
    case Slot::Kind::value:
      return {slot.kind, -1, expression(slot.expr, where)};
    case Slot::Kind::param:
      return {slot.kind, position(package.scalar_params, "scalar param")};
    case Slot::Kind::scratch:
      return {slot.kind, position(source.scratch, "scratch buffer")};
    case Slot::Kind::pointer:
    case Slot::Kind::map:
      break;
    }
    for (std::size_t i = 0; i < plan.operands.size(); ++i)
      if (const TensorSpec& spec = plan.operands[i].spec; spec.name == slot.name) {
        if (slot.kind == Slot::Kind::map)
          check_map(spec, slot.rows, where);
        return {slot.kind, static_cast<int>(i), {}, slot.rows};
      }
    fail(fmt::format("{}: there is no operand '{}'", where, slot.name));
    return {slot.kind};
  }

  void check_map(const TensorSpec& spec, std::int64_t rows, const std::string& where) {
    constexpr std::int64_t most = 256;
    if (spec.dims.size() != 4 || size_of(spec.dtype) != 2)
      fail(fmt::format("{}: a map is of four dimensions and 16-bit elements, '{}' has {} and {}", where,
                       spec.name, spec.dims.size(), name(spec.dtype)));
    else if (rows < 1 || rows > most)
      fail(fmt::format("{}: a map of '{}' has boxes of 1 to {} rows, got {}", where, spec.name, most, rows));
  }

  CompiledExpr expression(const Expr& expr, const std::string& where, int known = INT32_MAX) {
    Result<CompiledExpr> compiled =
        CompiledExpr::compile(expr, [&](const std::string& symbol) -> std::optional<int> {
          auto found = indices.find(symbol);
          if (found == indices.end() || found->second >= known)
            return std::nullopt;
          return found->second;
        });
    if (compiled)
      return *std::move(compiled);
    fail(where + ": " + compiled.error().message);
    return {};
  }

  void fail(std::string message) {
    if (!failure)
      failure = user_error(std::move(message));
  }

  const Package& package;
  const Plan& source;
  CompiledPlan plan;
  std::unordered_map<std::string, int> indices;
  std::optional<Error> failure;
};

} // namespace

Result<CompiledPlan> CompiledPlan::compile(const Package& package, const Plan& plan) {
  return Compiler(package, plan).compile();
}

} // namespace attile::plan
