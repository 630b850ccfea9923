#include "cache/files.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace attile::cache {

namespace {

constexpr const char* elsewhere = "set ATTILE_CACHE_DIR to a folder of yours";
constexpr std::string_view unfinished_mark = ".writing-";

Error cannot(std::string_view what, const std::string& path, int reason) {
  return environment_error(fmt::format("cannot {} '{}': {}", what, path, std::strerror(reason)),
                           reason == ENOSPC || reason == EDQUOT
                               ? fmt::format("make room on that disk (attile cache clear), or {}", elsewhere)
                               : elsewhere);
}

class Descriptor {
public:
  explicit Descriptor(int number) : number(number) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0)
      ::close(number);
  }
  int get() const { return number; }
  /// What is left of writing may fail only now.
  bool close() {
    int closed = ::close(number);
    number = -1;
    return closed == 0;
  }

private:
  int number;
};

std::chrono::system_clock::time_point time_of(const timespec& time) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(time.tv_sec) +
                                               std::chrono::nanoseconds(time.tv_nsec));
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

} // namespace

Result<void> make_folder(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1))
    mkdir(path.substr(0, slash).c_str(), 0777); // what fails here fails below
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make the cache's folder", path, errno);
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0)
    return cannot("use the cache's folder", path, errno);
  if (!S_ISDIR(facts.st_mode))
    return cannot("use the cache's folder", path, ENOTDIR);
  if (facts.st_mode & S_IWOTH)
    return environment_error(
        fmt::format("cannot use the cache's folder '{}': all users may write to it, and what is there is run",
                    path),
        fmt::format("chmod o-w it, or {}", elsewhere));
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0)
    return cannot("write to the cache's folder", path, errno);
  return {};
}

Result<std::optional<std::vector<std::byte>>> read_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT)
    return std::optional<std::vector<std::byte>>();
  struct stat facts = {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0)
    return cannot("read", path, errno);
  std::vector<std::byte> bytes(static_cast<std::size_t>(facts.st_size));
  std::size_t size = 0;
  while (size < bytes.size()) {
    ssize_t count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return cannot("read", path, errno);
    if (count == 0)
      break;
    size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  return std::optional(std::move(bytes));
}

void touch(const std::string& path) {
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0); // a file of somebody else cannot be touched: it goes earlier
}

Result<void> replace_file(const std::string& path, std::span<const std::byte> bytes) {
  static std::atomic<unsigned> count = 0;
  std::string beside;
  int opened = -1;
  do { // another container may have a process of our number, or have had one that was killed
    beside = fmt::format("{}{}{}-{}", path, unfinished_mark, getpid(), count++);
    opened = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  } while (opened < 0 && errno == EEXIST);
  Descriptor file(opened);
  if (file.get() < 0)
    return cannot("write", beside, errno);
  if (write_all(file.get(), bytes) && file.close() && std::rename(beside.c_str(), path.c_str()) == 0)
    return {};
  Error error = cannot("write", path, errno);
  ::unlink(beside.c_str());
  return error;
}

bool is_unfinished(const std::string& file) { return file.find(unfinished_mark) != file.npos; }

Result<std::vector<FileInfo>> list_files(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  if (!open)
    return cannot("list the cache's folder", folder, errno);
  std::vector<FileInfo> files;
  while (const dirent* item = readdir(open.get())) {
    struct stat facts = {};
    if (fstatat(dirfd(open.get()), item->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode))
      files.push_back({item->d_name, facts.st_size, time_of(facts.st_mtim)});
  }
  return files;
}

} // namespace attile::cache
