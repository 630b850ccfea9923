#include "cuda/tensor_map.h"

namespace attile::cuda {

Result<TensorMap> make_tensor_map(const Driver& driver, const Mapped& operand) {
  constexpr std::int64_t grain = 16; // bytes, of address and strides
  constexpr int rank = 4;
  constexpr std::array<int, rank> order = {3, 2, 1, 0}; // innermost first
  TensorMap map;
  const std::int64_t size = size_of(operand.dtype);
  std::array<unsigned long long, rank> dims = {}, strides = {};
  bool possible =
      driver.cuTensorMapEncodeTiled && reinterpret_cast<std::uintptr_t>(operand.data) % grain == 0;
  for (int i = 0; i < rank; ++i) {
    const std::int64_t extent = operand.extents[order[i]];
    // Nothing is read along the stride of a single row, head or batch.
    const std::int64_t stride = extent == 1 && i > 0 ? grain : operand.strides[order[i]] * size;
    possible &= extent > 0 && (i == 0 ? operand.strides[order[i]] == 1 : stride > 0 && stride % grain == 0);
    dims[i] = static_cast<unsigned long long>(extent);
    strides[i] = static_cast<unsigned long long>(stride);
  }
  if (!possible)
    return map;
  const std::array<unsigned, rank> box = {static_cast<unsigned>(128 / size),
                                          static_cast<unsigned>(operand.rows), 1, 1},
                                   steps = {1, 1, 1, 1};
  const int type = operand.dtype == DType::bf16 ? tensor_map::bf16 : tensor_map::f16;
  Status status = driver.cuTensorMapEncodeTiled(
      &map, type, rank, const_cast<void*>(operand.data), dims.data(), &strides[1], box.data(), steps.data(),
      tensor_map::no_interleave, tensor_map::swizzle_128, tensor_map::promote_128, tensor_map::fill_zeros);
  if (status == Status::invalid_value) // it has limits of its own
    return TensorMap{};
  if (status != Status::success)
    return driver.error(status, "cuTensorMapEncodeTiled");
  return map;
}

} // namespace attile::cuda
