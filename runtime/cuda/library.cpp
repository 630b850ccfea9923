#include "cuda/library.h"

#include "core/file.h"
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

namespace attile::cuda {

Result<void*> open_library(const std::string& path) {
  if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
    return library;
  const char* why = dlerror();
  return environment_error(why ? why : "cannot open " + path);
}

// The dynamic linker knows a library by its name and its inode, so the copy has both of its own. Its
// descriptor stays open, as another file under the same name in /proc would be taken for it.
Result<void*> open_copy(const std::string& path) {
  Result<std::vector<std::byte>> bytes = read_file(path);
  if (!bytes)
    return bytes.error();
  int file = memfd_create("attile_emulator", MFD_CLOEXEC);
  if (file < 0)
    return environment_error(fmt::format("cannot copy '{}' into memory: {}", path, std::strerror(errno)));
  std::string name = fmt::format("/proc/self/fd/{}", file);
  Result<void> written = write_file(name, {*bytes});
  if (written)
    return open_library(name);
  close(file);
  return written.error();
}

std::string own_folder() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || !info.dli_fname)
    return ".";
  std::string path = info.dli_fname;
  std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace attile::cuda
