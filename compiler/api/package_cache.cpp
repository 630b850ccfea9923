#include "compiler/api/package_cache.h"

#include "compiler/backends/cuda/nvrtc.h"
#include "compiler/frontend/frontend.h"
#include "compiler/schedule/gpu.h"
#include "templates/templates.h"

#include <dlfcn.h>
#include <filesystem>
#include <fmt/core.h>

using namespace attile;

/// Differs where another build of the compiler runs: its library's size and time.
static std::string build_of_compiler() {
  Dl_info info{};
  std::error_code failed;
  if (dladdr(reinterpret_cast<const void*>(&build_of_compiler), &info) == 0)
    return {};
  auto size = std::filesystem::file_size(info.dli_fname, failed);
  auto time = std::filesystem::last_write_time(info.dli_fname, failed);
  return failed ? std::string() : fmt::format("{} {}", size, time.time_since_epoch().count());
}

api::PackageCache::PackageCache(const CompileOptions& options, const ast::Attention& attention,
                                std::vector<std::string>& notes)
    : notes(notes) {
  if (!options.cache || !options.dump_dir.empty() || !schedule::describe_gpu(options.target))
    return;
  Result<cuda::Nvrtc> nvrtc = cuda::Nvrtc::open();
  std::string build = build_of_compiler();
  if (!nvrtc || build.empty())
    return; // the compilation says what is missing
  auto [major, minor] = nvrtc->version();
  key = fmt::format("attile {}\ntarget {}\ntemplates {}\nnvrtc {}.{} {}\n{}", build, options.target,
                    templates_hash(), major, minor, nvrtc->path(), frontend::printCanonical(attention));
  Result<std::string> folder = DiskCache::default_folder();
  Result<DiskCache> opened = folder ? DiskCache::open(*folder) : Result<DiskCache>(folder.error());
  if (opened)
    cache = *std::move(opened);
  else
    notes.push_back("packages are not cached: " + opened.error().message);
}

std::optional<Package> api::PackageCache::find() {
  if (!cache)
    return std::nullopt;
  DiskCache::Found found = cache->get(key);
  if (found.warning)
    notes.push_back(found.warning->message);
  if (!found.value)
    return std::nullopt;
  Result<Package> package = read_package(*found.value);
  if (package)
    return *std::move(package);
  notes.push_back("a cached package is compiled again: " + package.error().message);
  return std::nullopt;
}

void api::PackageCache::keep(const Package& package) {
  if (!cache)
    return;
  Result<std::vector<std::byte>> bytes = write_package(package);
  Result<void> kept = bytes ? cache->put(key, *bytes) : Result<void>(bytes.error());
  if (!kept)
    notes.push_back("the package is not cached: " + kept.error().message);
}
