#include "core/memory.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <fstream>
#include <limits>
#include <string>
#include <sys/mman.h>

namespace attile {

namespace {

constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::max();

/// The number after `key` in a file of names and numbers.
std::int64_t entry(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key))
      return std::strtoll(line.c_str() + key.size(), nullptr, 10);
  return unknown;
}

} // namespace

std::int64_t available_memory() {
  std::int64_t kb = entry("/proc/meminfo", "MemAvailable:"), swap = entry("/proc/meminfo", "SwapFree:");
  std::int64_t bytes = kb == unknown ? unknown : (kb + (swap == unknown ? 0 : swap)) * 1024;
  // Only the process's own group: it is where containers have their limit. What files occupy can be freed.
  std::ifstream group("/proc/self/cgroup");
  for (std::string line; std::getline(group, line);) {
    if (!line.starts_with("0::"))
      continue;
    std::string folder = "/sys/fs/cgroup" + line.substr(3);
    std::int64_t limit = 0, used = entry(folder + "/memory.stat", "anon ");
    if (std::ifstream file(folder + "/memory.max"); file >> limit && used != unknown) // "max": no number
      bytes = std::min(bytes, std::max<std::int64_t>(0, limit - used));
  }
  return bytes;
}

Memory allocate(std::int64_t bytes) {
  constexpr std::int64_t line = 64, huge_page = std::int64_t(2) << 20;
  std::int64_t unit = bytes >= 2 * huge_page ? huge_page : line;
  if (bytes < 0 || bytes > std::numeric_limits<std::int64_t>::max() - unit)
    return nullptr;
  // Linux promises more memory than there is, and ends whoever takes it by its word.
  constexpr std::int64_t large = std::int64_t(256) << 20;
  if (bytes >= large && bytes > available_memory())
    return nullptr;
  auto size = static_cast<std::size_t>((std::max<std::int64_t>(bytes, 1) + unit - 1) / unit * unit);
  Memory memory(std::aligned_alloc(static_cast<std::size_t>(unit), size));
  if (memory && unit == huge_page)
    madvise(memory.get(), size, MADV_HUGEPAGE); // a hint: failing is harmless
  return memory;
}

} // namespace attile
