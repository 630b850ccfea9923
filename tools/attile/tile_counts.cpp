#include "tools/attile/tile_counts.h"

#include "tools/attile/params.h"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

using namespace attile;
using namespace attile::cli;

namespace {

/// The extents of the output `counts`: as many row tiles as the kernel has blocks.
Result<std::vector<std::int64_t>> counts_shape(const Package& package, const Inputs& inputs, int threads) {
  plan::Symbols symbols = size_symbols(package, inputs.shape);
  symbols["threads"] = threads;
  for (const auto& [name, scalar] : inputs.operands.scalars)
    if (const auto* integer = std::get_if<std::int64_t>(&scalar))
      symbols["param." + name] = *integer;
  for (const auto& [name, view] : inputs.operands.tensors)
    for (int d = 0; d < view.rank; ++d)
      symbols[fmt::format("{}.dim.{}", name, d)] = view.shape[static_cast<std::size_t>(d)];
  for (const plan::Value& value : package.plan.values)
    if (Result<std::int64_t> known = plan::evaluate(value.expr, symbols))
      symbols[value.name] = *known;
  Result<std::int64_t> blocks = plan::evaluate(package.plan.kernels.back().grid, symbols);
  if (!blocks)
    return blocks.error();
  std::vector<std::int64_t> shape = {*blocks};
  for (std::size_t d = 1; d < package.outputs.front().dims.size(); ++d) {
    Result<std::int64_t> extent = plan::evaluate(*package.outputs.front().dims[d], symbols);
    if (!extent)
      return extent.error();
    shape.push_back(*extent);
  }
  return shape;
}

/// Stands for inputs that have sizes but no values: every row is the same small piece of memory.
ConstTensorView placeholder(const TensorSpec& spec, const plan::Symbols& sizes, const Tensor& row) {
  ConstTensorView view(row.bytes().data(), spec.dtype, std::vector<std::int64_t>(spec.dims.size(), 1));
  for (std::size_t d = 0; d < spec.dims.size(); ++d) {
    view.shape[d] = plan::evaluate(*spec.dims[d], sizes).value();
    view.stride[d] = d + 1 == spec.dims.size();
  }
  return view;
}

} // namespace

Result<TileCounts> cli::count_tiles(const Spec& spec, const CompileOptions& options, const Device& device,
                                    const Inputs& inputs, int threads) {
  Result<Package> package = compile_counter(spec, options);
  if (!package)
    return package.error();
  Result<Kernel> kernel = device.load(*package);
  if (!kernel)
    return kernel.error();
  Result<std::vector<std::int64_t>> shape = counts_shape(*package, inputs, threads);
  if (!shape)
    return shape.error();
  Result<Tensor> counts = Tensor::zeros(DType::i64, *shape);
  if (!counts)
    return std::move(counts).error();
  Result<Tensor> row = Tensor::zeros(DType::f32, {std::max(package->head_dim, package->head_dim_v)});
  if (!row)
    return std::move(row).error();
  Inputs complete;
  complete.operands = inputs.operands;
  for (const TensorSpec& input : package->inputs)
    complete.operands.tensors.try_emplace(input.name,
                                          placeholder(input, size_symbols(*package, inputs.shape), *row));
  Arguments arguments = complete.arguments();
  arguments.threads = threads;
  arguments.outputs = {{package->outputs.front().name, counts->view()}};
  if (Result<void> launched = kernel->launch(arguments); !launched)
    return launched.error();

  TileCounts total;
  std::int64_t* fields[] = {&total.full, &total.partial, &total.empty, &total.visible, &total.executed};
  const std::int64_t* data = counts->data<std::int64_t>();
  for (std::int64_t block = 0; block < (*shape)[0]; ++block)
    for (std::int64_t* field : fields) {
      *field += std::accumulate(data, data + (*shape)[2], std::int64_t{0});
      data += (*shape)[2];
    }
  return total;
}
