#include "cpu/buffer.h"

#include <cstring>
#include <fmt/core.h>

namespace attile::cpu {

Result<void*> Buffer::require(std::int64_t bytes) {
  if (bytes <= capacity)
    return memory.get();
  memory.reset(); // first: growing needs no more than the new size
  capacity = 0;
  memory = allocate(bytes);
  if (!memory)
    return environment_error(fmt::format("not enough memory for {} bytes", bytes));
  capacity = bytes;
  return memory.get();
}

void Buffer::poison() {
  if (memory)
    std::memset(memory.get(), 0xff, static_cast<std::size_t>(capacity));
}

} // namespace attile::cpu
