// Packages that were compiled before, on disk.
#pragma once

#include "compiler/pipeline/pipeline.h"

#include <attile/compiler.h>
#include <attile/disk_cache.h>

namespace attile::api {

/// Which build of the compiler this is; empty if that cannot be found.
std::string compilerBuild();
/// " (no overlap)" and its like, of a key; empty for the defaults.
std::string leftOut(const WarpgroupOptions& options);

/// Those of one compilation: its key holds all that a package depends on, and nothing of its launches. Only
/// packages for GPUs are kept: NVRTC takes a second or two, making code for a CPU a tenth of one.
class PackageCache {
public:
  /// Inactive for a CPU target, with options.cache unset, or where the cache cannot be used; why goes to
  /// `notes`.
  PackageCache(const CompileOptions& options, const PipelineOptions& pipeline,
               const ast::Attention& attention, std::vector<std::string>& notes);

  struct Found {
    Package package;
    bool warned = false; ///< compiling it gave warnings, which are not kept
  };
  /// The package, if it is there and whole.
  std::optional<Found> find();
  void keep(const Found& found);

private:
  std::vector<std::string>& notes;
  std::string key;
  std::optional<DiskCache> cache;
};

} // namespace attile::api
