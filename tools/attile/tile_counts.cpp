#include "tools/attile/tile_counts.h"

#include "tools/attile/params.h"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

using namespace attile;
using namespace attile::cli;

namespace {

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

TensorNames cli::tensors_read(const Package& package) {
  TensorNames names;
  for (const plan::Launch& kernel : package.plan.kernels)
    for (const plan::Slot& slot : kernel.slots)
      if (slot.kind == plan::Slot::Kind::pointer)
        names.insert(slot.name);
  return names;
}

Result<TileCounts> cli::count_tiles(const Package& package, const Device& device, const Inputs& inputs,
                                    int threads) {
  Result<Kernel> kernel = device.load(package);
  if (!kernel)
    return kernel.error();
  plan::Symbols sizes = size_symbols(package, inputs.shape);
  sizes["threads"] = threads;
  std::vector<std::int64_t> shape;
  for (const std::optional<plan::Expr>& dim : package.outputs.front().dims) {
    Result<std::int64_t> extent = plan::evaluate(*dim, sizes);
    if (!extent)
      return extent.error();
    shape.push_back(*extent);
  }
  Result<Tensor> counts = Tensor::zeros(DType::f32, shape);
  if (!counts)
    return std::move(counts).error();
  Result<Tensor> row = Tensor::zeros(DType::f32, {std::max(package.head_dim, package.head_dim_v)});
  if (!row)
    return std::move(row).error();
  Inputs complete;
  complete.operands = inputs.operands;
  for (const TensorSpec& input : package.inputs)
    complete.operands.tensors.try_emplace(input.name, placeholder(input, sizes, *row));
  Arguments arguments = complete.arguments();
  arguments.threads = threads;
  arguments.outputs = {{package.outputs.front().name, counts->view()}};
  LaunchStats stats;
  if (Result<void> launched = kernel->launch(arguments, &stats); !launched)
    return launched.error();

  TileCounts total;
  total.ms = stats.ms;
  std::int64_t* fields[] = {&total.full, &total.partial, &total.empty, &total.visible, &total.executed};
  const float* data = counts->data<float>(); // counts of one row, so exact up to 2^24 keys
  for (std::int64_t block = 0; block < shape[0]; ++block)
    for (std::int64_t* field : fields) {
      *field += static_cast<std::int64_t>(std::accumulate(data, data + shape[2], 0.0));
      data += shape[2];
    }
  return total;
}
