#include "core/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <new>
#include <sys/stat.h>

namespace attile {

namespace {
struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

Error cannot(std::string_view what, const std::string& path, int reason) {
  return user_error(fmt::format("cannot {} '{}': {}", what, path, std::strerror(reason)));
}
} // namespace

Result<std::vector<std::byte>> read_file(const std::string& path) try {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file)
    return cannot("read", path, errno);
  std::vector<std::byte> bytes;
  struct stat facts = {};
  if (fstat(fileno(file.get()), &facts) == 0 && S_ISREG(facts.st_mode))
    bytes.reserve(static_cast<std::size_t>(facts.st_size) + 1);
  for (std::size_t step = std::size_t(1) << 16;;) { // a pipe has no size: read to the end
    std::size_t size = bytes.size(), room = bytes.capacity() - size;
    bytes.resize(size + (room ? room : step));
    std::size_t count = std::fread(bytes.data() + size, 1, bytes.size() - size, file.get());
    bytes.resize(size + count);
    if (std::ferror(file.get()))
      return cannot("read", path, errno);
    if (count == 0 || std::feof(file.get()))
      return bytes;
  }
} catch (const std::bad_alloc&) {
  return environment_error(fmt::format("not enough memory to read '{}'", path));
}

Result<void> write_file(const std::string& path, std::initializer_list<std::span<const std::byte>> parts) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file)
    return cannot("write", path, errno);
  for (std::span<const std::byte> part : parts)
    if (!part.empty() && std::fwrite(part.data(), 1, part.size(), file.get()) != part.size())
      return cannot("write", path, errno);
  if (std::fclose(file.release()) != 0)
    return cannot("write", path, errno);
  return {};
}

} // namespace attile
