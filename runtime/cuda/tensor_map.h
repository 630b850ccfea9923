// Tensor maps: what the tensor memory accelerator knows of an operand. (CUDA Driver API, "Tensor Map Object
// Management".)
#pragma once

#include "cuda/driver.h"
#include "launch/kernel_impl.h"

namespace attile::cuda {

/// CUtensorMap, a parameter of a kernel.
struct alignas(64) TensorMap {
  std::array<std::uint64_t, 16> words = {};
};

/// The map of a slot (plan::Slot::Kind::map); zeros where there can be none.
Result<TensorMap> make_tensor_map(const Driver& driver, const Mapped& operand);

} // namespace attile::cuda
