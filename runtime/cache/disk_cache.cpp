#include <attile/disk_cache.h>

#include "cache/entry.h"
#include "cache/files.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <unistd.h>

namespace attile {

namespace {

constexpr std::chrono::minutes
    longest_write(10); ///< what is unfinished for longer was left by a killed process

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Error damaged(const std::string& path, const Error& why) {
  return environment_error(fmt::format("damaged entry of the cache '{}': {}", path, why.message));
}

} // namespace

Result<std::string> DiskCache::default_folder() {
  if (std::string given = variable("ATTILE_CACHE_DIR"); !given.empty())
    return given;
  if (std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/attile/packages";
  if (std::string home = variable("HOME"); !home.empty())
    return home + "/.cache/attile/packages";
  return environment_error("there is no place for a cache", "set ATTILE_CACHE_DIR to a folder of yours");
}

Result<DiskCache> DiskCache::open(std::string folder, std::int64_t bound) {
  if (Result<void> result = cache::make_folder(folder); !result)
    return result.error();
  return DiskCache(std::move(folder), bound);
}

DiskCache::Found DiskCache::get(std::string_view key) const {
  std::string path = this->path(cache::file_of(key));
  Result<std::optional<std::vector<std::byte>>> bytes = cache::read_file(path);
  if (!bytes)
    return {{}, bytes.error()};
  if (!*bytes)
    return {};
  Result<cache::EntryView> entry = cache::read_entry(**bytes);
  if (!entry) {
    ::unlink(path.c_str());
    return {{}, damaged(path, entry.error())};
  }
  if (entry->key != key)
    return {};
  cache::touch(path);
  return {std::vector(entry->value.begin(), entry->value.end()), {}};
}

Result<void> DiskCache::put(std::string_view key, std::span<const std::byte> value) const {
  std::vector<std::byte> bytes = cache::write_entry(key, value);
  if (static_cast<std::int64_t>(bytes.size()) > bound_)
    return environment_error(
        fmt::format("cannot store {} bytes in a cache of at most {}", bytes.size(), bound_));
  if (Result<void> result = cache::replace_file(path(cache::file_of(key)), bytes); !result)
    return result;
  return keep_bound();
}

/// Removes what killed processes left, and what was used least recently, to a little below the bound, so that
/// not every put has to. Processes that do so at once remove a little more.
Result<void> DiskCache::keep_bound() const {
  Result<std::vector<cache::FileInfo>> files = cache::list_files(folder_);
  if (!files)
    return files.error();
  std::sort(files->begin(), files->end(), [](const auto& a, const auto& b) { return a.used < b.used; });
  const auto now = std::chrono::system_clock::now();
  std::int64_t total = 0;
  for (const cache::FileInfo& file : *files)
    if (cache::is_unfinished(file.name) && now - file.used > longest_write)
      ::unlink(path(file.name).c_str());
    else if (cache::is_entry(file.name))
      total += file.bytes;
  const std::int64_t target = total > bound_ ? bound_ - bound_ / 8 : total;
  for (const cache::FileInfo& file : *files)
    if (total > target && cache::is_entry(file.name)) {
      ::unlink(path(file.name).c_str());
      total -= file.bytes;
    }
  return {};
}

Result<std::vector<DiskCache::Entry>> DiskCache::list() const {
  Result<std::vector<cache::FileInfo>> files = cache::list_files(folder_);
  if (!files)
    return files.error();
  std::vector<Entry> entries;
  for (const cache::FileInfo& file : *files)
    if (cache::is_entry(file.name))
      entries.push_back({file.name, file.bytes, file.used, "", {}});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used > b.used; });
  return entries;
}

Result<std::vector<DiskCache::Entry>> DiskCache::verify() const {
  Result<std::vector<Entry>> entries = list();
  if (!entries)
    return entries.error();
  std::vector<Entry> checked;
  for (Entry& entry : *entries) {
    Result<std::optional<std::vector<std::byte>>> bytes = cache::read_file(path(entry.file));
    if (!bytes)
      entry.damage = bytes.error();
    else if (!*bytes)
      continue; // somebody removed it
    else if (Result<cache::EntryView> read = cache::read_entry(**bytes); !read)
      entry.damage = damaged(path(entry.file), read.error());
    else
      entry.key = read->key;
    checked.push_back(std::move(entry));
  }
  return checked;
}

Result<std::int64_t> DiskCache::clear() const {
  Result<std::vector<cache::FileInfo>> files = cache::list_files(folder_);
  if (!files)
    return files.error();
  std::int64_t entries = 0;
  for (const cache::FileInfo& file : *files) {
    bool entry = cache::is_entry(file.name);
    if ((entry || cache::is_unfinished(file.name)) && ::unlink(path(file.name).c_str()) == 0)
      entries += entry;
  }
  return entries;
}

} // namespace attile
