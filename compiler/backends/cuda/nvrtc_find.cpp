#include "compiler/backends/cuda/nvrtc_find.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace attile::cuda {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// libnvrtc.so.13 and its like in `folder`, the newest first.
void add_folder(const fs::path& folder, std::vector<std::string>& out) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error))
    if (file->path().filename().string().starts_with("libnvrtc.so"))
      found.push_back(file->path().string());
  std::ranges::sort(found, std::greater());
  out.insert(out.end(), found.begin(), found.end());
}

// The wheel puts the library into nvidia/cu13/lib or nvidia/cuda_nvrtc/lib.
void add_wheel(const fs::path& site, std::vector<std::string>& out) {
  std::error_code error;
  for (fs::directory_iterator package(site / "nvidia", error), end; !error && package != end;
       package.increment(error))
    add_folder(package->path() / "lib", out);
}

void add_python(const fs::path& lib, std::vector<std::string>& out) {
  std::error_code error;
  for (fs::directory_iterator folder(lib, error), end; !error && folder != end; folder.increment(error))
    if (folder->path().filename().string().starts_with("python3"))
      for (const char* packages : {"site-packages", "dist-packages"})
        add_wheel(folder->path() / packages, out);
}

} // namespace

std::vector<std::string> nvrtc_candidates() {
  std::vector<std::string> out;
  if (const std::string given = environment("ATTILE_NVRTC"); !given.empty())
    return {given};
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string toolkit = environment(variable); !toolkit.empty())
      add_folder(fs::path(toolkit) / "lib64", out);
  add_folder("/usr/local/cuda/lib64", out);
  for (const char* name : {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"})
    out.emplace_back(name);
  const std::string home = environment("HOME"), cache = environment("XDG_CACHE_HOME");
  add_wheel(fs::path(cache.empty() ? home + "/.cache" : cache) / "attile" / "nvrtc", out);
  if (const std::string virtual_environment = environment("VIRTUAL_ENV"); !virtual_environment.empty())
    add_python(fs::path(virtual_environment) / "lib", out);
  for (const std::string& lib :
       {home + "/.local/lib", std::string("/usr/local/lib"), std::string("/usr/lib")})
    add_python(lib, out);
  return out;
}

} // namespace attile::cuda
