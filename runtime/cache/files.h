// Files of a folder that other processes change at the same time.
#pragma once

#include <attile/result.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace attile::cache {

/// Makes a folder for this user alone, with those above it. An environment error if that fails, if it cannot
/// be written to, or if others may write to it.
Result<void> make_folder(const std::string& path);

/// A file's bytes; nothing if it is not there.
Result<std::optional<std::vector<std::byte>>> read_file(const std::string& path);
/// Notes that a file was used now.
void touch(const std::string& path);
/// Writes `bytes` to a new file and renames it to `path`, all of it or nothing.
Result<void> replace_file(const std::string& path, std::span<const std::byte> bytes);
/// Whether `file` is what a killed replace_file left.
bool is_unfinished(const std::string& file);

struct FileInfo {
  std::string name;
  std::int64_t bytes = 0;
  std::chrono::system_clock::time_point used;
};
/// Of regular files.
Result<std::vector<FileInfo>> list_files(const std::string& folder);

} // namespace attile::cache
