// Uninitialised memory that is kept from launch to launch.
#pragma once

#include <attile/result.h>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace attile::cpu {

class Buffer {
public:
  /// At least `bytes`, aligned to 64 bytes (to huge pages if large); what it held before may be lost.
  Result<void*> require(std::int64_t bytes);
  void poison(); ///< fills it with bytes 0xff: NaN in every float format
  std::int64_t size() const { return capacity; }

private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory;
  std::int64_t capacity = 0;
};

} // namespace attile::cpu
