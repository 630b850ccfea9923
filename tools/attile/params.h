// --param name=value|@file.npy|random:lo..hi, by what the package says of its params.
#pragma once

#include "tools/attile/inputs.h"

namespace attile::cli {

/// Elements of a file, with what the file said of their type.
struct TypedTensor {
  Tensor tensor;
  bool rounded = false; ///< float64 that became f32

  std::string type_name() const {
    return rounded ? "float64" : std::string(name(std::as_const(tensor).view().dtype));
  }
};
Result<TypedTensor> read_typed_npy(const std::string& path);

/// batch, heads, kv_heads, q_len, kv_len, head_dim, head_dim_v.
plan::Symbols size_symbols(const Package& package, const Shape& shape);

/// Adds all params of the package to `inputs`, whose shape is known: given ones, then random tensors (floats
/// normal, ints in [-1, 8)). Scalars that are not given keep their default, or are an Error without one. Of
/// tensors that are not `needed` (null: all are) one element stands for all.
Result<void> make_params(const Package& package, const std::vector<std::string>& given, std::uint64_t seed,
                         const TensorNames* needed, Inputs& inputs);

} // namespace attile::cli
