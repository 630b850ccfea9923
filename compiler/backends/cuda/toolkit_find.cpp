#include "compiler/backends/cuda/toolkit_find.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <sstream>
#include <string_view>

namespace attile::cuda {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// {13, 0} of "libnvrtc.so.13.0"
std::vector<int> version_of(const std::string& path) {
  constexpr std::string_view stem = "libnvrtc.so";
  std::vector<int> numbers;
  for (char c : path.substr(path.rfind(stem) + stem.size()))
    if (c == '.')
      numbers.push_back(0);
    else if (c >= '0' && c <= '9' && !numbers.empty())
      numbers.back() = 10 * numbers.back() + (c - '0');
  return numbers;
}

// libnvrtc.so.13 and its like in `folder`, the newest first.
void add_folder(const fs::path& folder, std::vector<std::string>& out) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error))
    if (file->path().filename().string().starts_with("libnvrtc.so"))
      found.push_back(file->path().string());
  std::ranges::sort(found, std::greater(), version_of);
  out.insert(out.end(), found.begin(), found.end());
}

// Wheels put their parts into nvidia/cu13 or nvidia/cuda_nvrtc; `part` is "lib" or "bin".
void add_wheels(const fs::path& site, const char* part, std::vector<fs::path>& out) {
  std::error_code error;
  for (fs::directory_iterator package(site / "nvidia", error), end; !error && package != end;
       package.increment(error))
    out.push_back(package->path() / part);
}

void add_python(const fs::path& lib, const char* part, std::vector<fs::path>& out) {
  std::error_code error;
  for (fs::directory_iterator folder(lib, error), end; !error && folder != end; folder.increment(error))
    if (folder->path().filename().string().starts_with("python3"))
      for (const char* packages : {"site-packages", "dist-packages"})
        add_wheels(folder->path() / packages, part, out);
}

// Of toolkits; `part` is "lib64" or "bin".
std::vector<fs::path> toolkit_folders(const char* part) {
  std::vector<fs::path> out;
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string toolkit = environment(variable); !toolkit.empty())
      out.push_back(fs::path(toolkit) / part);
  out.push_back(fs::path("/usr/local/cuda") / part);
  return out;
}

std::vector<fs::path> wheel_folders(const char* part) {
  std::vector<fs::path> out;
  const std::string home = environment("HOME"), cache = environment("XDG_CACHE_HOME");
  add_wheels(fs::path(cache.empty() ? home + "/.cache" : cache) / "attile" / "nvrtc", part, out);
  if (const std::string virtual_environment = environment("VIRTUAL_ENV"); !virtual_environment.empty())
    add_python(fs::path(virtual_environment) / "lib", part, out);
  for (const std::string& lib :
       {home + "/.local/lib", std::string("/usr/local/lib"), std::string("/usr/lib")})
    add_python(lib, part, out);
  return out;
}

} // namespace

std::vector<std::string> nvrtc_candidates() {
  std::vector<std::string> out;
  if (const std::string given = environment("ATTILE_NVRTC"); !given.empty())
    return {given};
  for (const fs::path& folder : toolkit_folders("lib64"))
    add_folder(folder, out);
  for (const fs::path& folder : wheel_folders("lib"))
    add_folder(folder, out);
  for (const char* name : {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"})
    out.emplace_back(name);
  return out;
}

std::vector<std::string> disassembler_candidates() {
  if (const std::string given = environment("ATTILE_DISASSEMBLER"); !given.empty())
    return {given};
  std::vector<fs::path> folders = toolkit_folders("bin");
  std::istringstream path(environment("PATH"));
  for (std::string folder; std::getline(path, folder, ':');)
    folders.emplace_back(folder);
  std::ranges::copy(wheel_folders("bin"), std::back_inserter(folders));
  std::vector<std::string> out;
  for (const char* program : {"nvdisasm", "cuobjdump"})
    for (const fs::path& folder : folders)
      out.push_back((folder / program).string());
  return out;
}

std::string nvrtc_identity() {
  for (const std::string& candidate : nvrtc_candidates()) {
    std::error_code failed;
    auto size = fs::file_size(candidate, failed);
    if (failed)
      continue;
    auto time = fs::last_write_time(candidate, failed);
    return failed ? "" : fmt::format("{} {} {}", candidate, size, time.time_since_epoch().count());
  }
  return {};
}

} // namespace attile::cuda
