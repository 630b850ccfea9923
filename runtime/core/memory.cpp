#include "core/memory.h"

#include <algorithm>
#include <limits>
#include <sys/mman.h>

namespace attile {

Memory allocate(std::int64_t bytes) {
  constexpr std::int64_t line = 64, huge_page = std::int64_t(2) << 20;
  std::int64_t unit = bytes >= 2 * huge_page ? huge_page : line;
  if (bytes < 0 || bytes > std::numeric_limits<std::int64_t>::max() - unit)
    return nullptr;
  auto size = static_cast<std::size_t>((std::max<std::int64_t>(bytes, 1) + unit - 1) / unit * unit);
  Memory memory(std::aligned_alloc(static_cast<std::size_t>(unit), size));
  if (memory && unit == huge_page)
    madvise(memory.get(), size, MADV_HUGEPAGE); // a hint: failing is harmless
  return memory;
}

} // namespace attile
