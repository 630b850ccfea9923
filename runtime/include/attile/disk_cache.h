// Values by keys on disk, for any number of processes at once: what was compiled before.
#pragma once

#include <attile/result.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attile {

/// A folder with a file for each entry. Entries are written beside their place and renamed into it, so
/// whoever reads finds a whole one or none, also when a writer is killed; what a disk or a crash damages is
/// found by a checksum. Keys are compared in full, so equal hashes only displace each other. When the folder
/// grows past its bound, the entries that were used least recently go.
///
///     Result<DiskCache> cache = DiskCache::open(DiskCache::default_folder());
///     DiskCache::Found found = cache->get(key);
///     if (!found.value)
///       cache->put(key, compiled);
class DiskCache {
public:
  static constexpr std::int64_t default_bound = std::int64_t(1) << 30;

  /// $ATTILE_CACHE_DIR, else attile/packages in $XDG_CACHE_HOME or ~/.cache. An environment error if there is
  /// none of them.
  static Result<std::string> default_folder();
  /// Makes the folder if it is not there. An environment error if it cannot be written to, or others may
  /// write to it: what is stored is run.
  static Result<DiskCache> open(std::string folder, std::int64_t bound = default_bound);

  struct Found {
    std::optional<std::vector<std::byte>> value; ///< nothing if it has to be made
    std::optional<Error> warning; ///< why what is there cannot be used; damaged entries are removed
  };
  Found get(std::string_view key) const;
  /// An environment error if the disk is full or the folder went away; there is no entry then, or the old
  /// one.
  Result<void> put(std::string_view key, std::span<const std::byte> value) const;

  struct Entry {
    std::string file; ///< in the folder
    std::int64_t bytes = 0;
    std::chrono::system_clock::time_point used = {};
    std::string key = {};             ///< of verify()
    std::optional<Error> damage = {}; ///< of verify()
  };
  /// All entries, the most recently used first.
  Result<std::vector<Entry>> list() const;
  /// The same, each of them read and checked. Removes none.
  Result<std::vector<Entry>> verify() const;
  /// Removes everything that is the cache's, and says how many entries that were.
  Result<std::int64_t> clear() const;

  const std::string& folder() const { return folder_; }
  std::int64_t bound() const { return bound_; }

private:
  DiskCache(std::string folder, std::int64_t bound) : folder_(std::move(folder)), bound_(bound) {}
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  Result<void> keep_bound() const;

  std::string folder_;
  std::int64_t bound_;
};

} // namespace attile
