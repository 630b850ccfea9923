#include "compiler/api/package_cache.h"

#include "compiler/backends/cuda/nvrtc.h"
#include "compiler/backends/cuda/toolkit_find.h"
#include "compiler/frontend/frontend.h"
#include "compiler/schedule/gpu.h"
#include "templates/templates.h"

#include "mlir/Pass/PassManager.h"

#include <filesystem>
#include <fmt/core.h>
#include <link.h>
#include <span>

using namespace attile;

/// The file of the program or library that a function is from. (dladdr would search its hundred thousand
/// symbols, too.)
static std::string file_of(const void* function) {
  struct Search {
    std::uintptr_t address;
    std::string file;
  } search{reinterpret_cast<std::uintptr_t>(function), {}};
  auto visit = [](dl_phdr_info* object, std::size_t, void* data) {
    auto& search = *static_cast<Search*>(data);
    for (const auto& segment : std::span(object->dlpi_phdr, object->dlpi_phnum))
      if (segment.p_type == PT_LOAD && search.address - object->dlpi_addr - segment.p_vaddr < segment.p_memsz)
        search.file = *object->dlpi_name ? object->dlpi_name : "/proc/self/exe";
    return search.file.empty() ? 0 : 1;
  };
  dl_iterate_phdr(visit, &search);
  return search.file;
}

/// Differs where another build of a library is in use: the size and time of the file that `function` is from.
static std::string build_of(const void* function) {
  std::error_code failed;
  std::string file = file_of(function);
  auto size = std::filesystem::file_size(file, failed);
  auto time = failed ? std::filesystem::file_time_type() : std::filesystem::last_write_time(file, failed);
  return failed ? std::string() : fmt::format("{} {}", size, time.time_since_epoch().count());
}

/// NVRTC's file; where the dynamic linker is to find it, what it then says of itself.
static std::string nvrtc_of() {
  if (std::string identity = cuda::nvrtc_identity(); !identity.empty())
    return identity;
  Result<cuda::Nvrtc> nvrtc = cuda::Nvrtc::open();
  return nvrtc ? fmt::format("{} {}.{}", nvrtc->path(), nvrtc->version().first, nvrtc->version().second) : "";
}

std::string api::compilerBuild() { return build_of(reinterpret_cast<const void*>(&build_of)); }

std::string api::leftOut(const WarpgroupOptions& options) {
  if (!options.used)
    return " (no warpgroups)";
  return std::string(options.overlap ? "" : " (no overlap)") + (options.ping_pong ? "" : " (no ping-pong)");
}

/// Tiles that are not the model's choice.
static std::string tilesOf(const PipelineOptions& pipeline) {
  std::string text;
  for (const auto& [name, tile] : {std::pair("tile", pipeline.tile), {"few rows", pipeline.fewRowsTile}})
    if (tile)
      text += fmt::format(" ({} {})", name, schedule::to_string(*tile));
  return text;
}

api::PackageCache::PackageCache(const CompileOptions& options, const PipelineOptions& pipeline,
                                const ast::Attention& attention, std::vector<std::string>& notes)
    : notes(notes) {
  if (!options.cache || !options.dump_dir.empty() || !schedule::describe_gpu(options.target))
    return;
  std::string compiler = compilerBuild(),
              mlir = build_of(reinterpret_cast<const void*>(&mlir::registerPassManagerCLOptions)),
              nvrtc = nvrtc_of();
  if (nvrtc.empty() || compiler.empty() || mlir.empty())
    return; // the compilation says what is missing
  key = fmt::format("attile {}\nmlir {}\ntarget {}{}\ntemplates {}\nnvrtc {}\n{}", compiler, mlir,
                    options.target,
                    std::string(options.machine_code ? "" : " (PTX alone)") + leftOut(options.warpgroups) +
                        tilesOf(pipeline),
                    templates_hash(), nvrtc, frontend::printCanonical(attention));
  Result<std::string> folder = DiskCache::default_folder();
  Result<DiskCache> opened = folder ? DiskCache::open(*folder) : Result<DiskCache>(folder.error());
  if (opened)
    cache = *std::move(opened);
  else
    notes.push_back("packages are not cached: " + opened.error().message);
}

// An entry is a byte, whether there were warnings, and the package.

std::optional<api::PackageCache::Found> api::PackageCache::find() {
  if (!cache)
    return std::nullopt;
  DiskCache::Found found = cache->get(key);
  if (found.warning)
    notes.push_back(found.warning->message);
  if (!found.value || found.value->empty())
    return std::nullopt;
  Result<Package> package = read_package(std::span(*found.value).subspan(1));
  if (package)
    return Found{*std::move(package), found.value->front() != std::byte()};
  notes.push_back("a cached package is compiled again: " + package.error().message);
  return std::nullopt;
}

void api::PackageCache::keep(const Found& found) {
  if (!cache)
    return;
  Result<std::vector<std::byte>> bytes = write_package(found.package);
  if (bytes)
    bytes->insert(bytes->begin(), static_cast<std::byte>(found.warned));
  Result<void> kept = bytes ? cache->put(key, *bytes) : Result<void>(bytes.error());
  if (!kept)
    notes.push_back("the package is not cached: " + kept.error().message);
}
