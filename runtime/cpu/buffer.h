// Uninitialised memory that is kept from launch to launch.
#pragma once

#include "core/memory.h"
#include <attile/result.h>

namespace attile::cpu {

class Buffer {
public:
  /// At least `bytes`, aligned to 64 bytes; what it held before may be lost.
  Result<void*> require(std::int64_t bytes);
  void poison(); ///< fills it with bytes 0xff: NaN in every float format
  std::int64_t size() const { return capacity; }

private:
  Memory memory;
  std::int64_t capacity = 0;
};

} // namespace attile::cpu
