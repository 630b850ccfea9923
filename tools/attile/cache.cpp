// attile cache: the packages that were compiled before.
#include "tools/attile/command.h"
#include "tools/attile/report.h"

#include <attile/disk_cache.h>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct CacheOptions {
  bool verify = false, clear = false, json = false;
};

Result<int> clear(const DiskCache& cache, bool json) {
  Result<std::int64_t> removed = cache.clear();
  if (!removed)
    return removed.error();
  if (json)
    print_json({{"ok", true}, {"folder", cache.folder()}, {"removed", *removed}});
  else
    fmt::print("removed {} packages from {}\n", *removed, cache.folder());
  return 0;
}

/// The target and the name of the attention, of a key's lines.
std::string summary(const std::string& key) {
  std::string text;
  for (const char* start : {"target ", "attention "})
    if (std::size_t at = key.find(start); at != key.npos)
      text += (text.empty() ? "" : ", ") + key.substr(at, key.find_first_of("\n{", at) - at);
  return text;
}

Result<int> list(const DiskCache& cache, const CacheOptions& options) {
  Result<std::vector<DiskCache::Entry>> entries = options.verify ? cache.verify() : cache.list();
  if (!entries)
    return entries.error();
  std::int64_t bytes = 0;
  bool damaged = false;
  Json json = Json::array();
  for (const DiskCache::Entry& entry : *entries) {
    bytes += entry.bytes;
    damaged |= entry.damage.has_value();
    std::string state = entry.damage ? entry.damage->message : options.verify ? summary(entry.key) : "";
    json.push_back(
        {{"file", entry.file}, {"bytes", entry.bytes}, {"damaged", entry.damage.has_value()}, {"of", state}});
    if (!options.json)
      fmt::print("{:<40}{:>12}  {}\n", entry.file, entry.bytes, state);
  }
  if (options.json)
    print_json({{"ok", !damaged},
                {"folder", cache.folder()},
                {"bytes", bytes},
                {"bound", cache.bound()},
                {"entries", json}});
  else
    fmt::print("{} packages, {} of at most {} bytes, in {}\n", entries->size(), bytes, cache.bound(),
               cache.folder());
  return damaged ? static_cast<int>(ErrorKind::environment) : 0;
}

Result<int> run(const CacheOptions& options) {
  Result<std::string> folder = DiskCache::default_folder();
  if (!folder)
    return folder.error();
  Result<DiskCache> cache = DiskCache::open(*folder);
  if (!cache)
    return cache.error();
  return options.clear ? clear(*cache, options.json) : list(*cache, options);
}

} // namespace

Run cli::declare_cache(CLI::App& app) {
  auto options = std::make_shared<CacheOptions>();
  app.add_flag("--verify", options->verify, "read and check every package");
  app.add_flag("--clear", options->clear, "remove them")->excludes("--verify");
  app.add_flag("--json", options->json, "facts as JSON");
  return [options] { return run(*options); };
}
