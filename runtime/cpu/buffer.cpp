#include "cpu/buffer.h"

#include <cstring>
#include <fmt/core.h>
#include <limits>
#include <sys/mman.h>

namespace attile::cpu {

Result<void*> Buffer::require(std::int64_t bytes) {
  constexpr std::int64_t line = 64, huge_page = std::int64_t(2) << 20;
  if (bytes <= capacity)
    return memory.get();
  memory.reset(); // first: growing needs no more than the new size
  capacity = 0;
  std::int64_t unit = bytes >= 2 * huge_page ? huge_page : line;
  if (bytes > std::numeric_limits<std::int64_t>::max() - unit)
    return environment_error(fmt::format("not enough memory for {} bytes", bytes));
  std::int64_t size = (bytes + unit - 1) / unit * unit;
  memory.reset(std::aligned_alloc(static_cast<std::size_t>(unit), static_cast<std::size_t>(size)));
  if (!memory)
    return environment_error(fmt::format("not enough memory for {} bytes", bytes));
  if (unit == huge_page)
    madvise(memory.get(), static_cast<std::size_t>(size), MADV_HUGEPAGE); // a hint: failing is harmless
  capacity = size;
  return memory.get();
}

void Buffer::poison() {
  if (memory)
    std::memset(memory.get(), 0xff, static_cast<std::size_t>(capacity));
}

} // namespace attile::cpu
