// Aligned memory for tensors and scratch.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace attile {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, FreeMemory>;

/// At least `bytes`, uninitialised, aligned to 64 bytes; in huge pages where it is large and the system has
/// them, as streaming through small ones costs bandwidth. Null if there is not that much to be had now.
Memory allocate(std::int64_t bytes);

} // namespace attile
