// The cache on disk: entries, damage, its bound, folders that cannot be used, and many processes of which
// some are killed.
#include "runtime/cache/entry.h"

#include <attile/disk_cache.h>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attile {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(std::string_view text) {
  auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// The value that every process would store under a key; it tells which key it is of.
std::vector<std::byte> value_of(int key, std::size_t size = 5000) {
  std::vector<std::byte> value(size);
  for (std::size_t i = 0; i < size; ++i)
    value[i] = static_cast<std::byte>(static_cast<std::size_t>(key) * 31 + i);
  return value;
}
std::string key_of(int key) { return "key " + std::to_string(key); }

class DiskCacheTest : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/attile_cache_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }

  DiskCache open(std::int64_t bound = DiskCache::default_bound) const {
    Result<DiskCache> cache = DiskCache::open(folder + "/a/b", bound);
    EXPECT_TRUE(cache) << cache.error().text();
    return *std::move(cache);
  }
  static std::string error(const Result<DiskCache>& cache) { return cache ? "" : cache.error().text(); }

  std::string folder;
};

TEST_F(DiskCacheTest, KeepsValuesByKeys) {
  DiskCache cache = open();
  EXPECT_FALSE(cache.get("a").value);
  EXPECT_FALSE(cache.get("a").warning);
  for (const char* text : {"", "first", "second"}) {
    ASSERT_TRUE(cache.put("a", bytes_of(text)));
    EXPECT_EQ(cache.get("a").value, bytes_of(text));
    EXPECT_EQ(open().get("a").value, bytes_of(text));
  }
  ASSERT_TRUE(cache.put("", bytes_of("of an empty key")));
  EXPECT_EQ(cache.get("").value, bytes_of("of an empty key"));
  std::string long_key(100000, 'k');
  ASSERT_TRUE(cache.put(long_key, bytes_of("long")));
  EXPECT_EQ(cache.get(long_key).value, bytes_of("long"));
  Result<std::vector<DiskCache::Entry>> entries = cache.verify();
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  for (const DiskCache::Entry& entry : *entries)
    EXPECT_FALSE(entry.damage);
  EXPECT_EQ(*cache.clear(), 3);
  EXPECT_FALSE(cache.get("a").value);
  EXPECT_TRUE(cache.list()->empty());
}

TEST_F(DiskCacheTest, AnEntryOfAnotherKeyIsNone) {
  DiskCache cache = open();
  ASSERT_TRUE(cache.put("a", bytes_of("value")));
  fs::rename(cache.folder() + "/" + cache::file_of("a"),
             cache.folder() + "/" + cache::file_of("b")); // equal hashes
  EXPECT_FALSE(cache.get("b").value);
  EXPECT_FALSE(cache.get("b").warning);
}

TEST_F(DiskCacheTest, EveryDamageIsFoundAndRemoved) {
  DiskCache cache = open();
  const std::vector<std::byte> value = value_of(1, 40);
  ASSERT_TRUE(cache.put("key", value));
  const std::string file = cache.folder() + "/" + cache::file_of("key");
  std::ifstream stream(file, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), {});
  auto check = [&](const std::string& bad) {
    std::ofstream(file, std::ios::binary) << bad;
    ASSERT_TRUE(cache.verify()->at(0).damage);
    DiskCache::Found found = cache.get("key");
    EXPECT_FALSE(found.value);
    ASSERT_TRUE(found.warning);
    EXPECT_EQ(found.warning->message.find("damaged entry of the cache '" + file + "': expected "), 0u);
    EXPECT_FALSE(cache.get("key").warning) << "one warning, then it is gone";
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 0x10;
    check(bad);
    check(good.substr(0, i));
  }
  check(good + "x");
  std::ofstream(file, std::ios::binary) << good;
  EXPECT_EQ(cache.get("key").value, value);
}

TEST_F(DiskCacheTest, KeepsItsBoundByTheLatestUse) {
  DiskCache cache = open(60000);
  auto put = [&](int key) {
    usleep(10000); // times of files are that coarse
    Result<void> result = cache.put(key_of(key), value_of(key));
    EXPECT_TRUE(result) << result.error().text();
  };
  for (int key = 0; key < 11; ++key)
    put(key);
  EXPECT_EQ(cache.list()->size(), 11u);
  usleep(10000);
  EXPECT_TRUE(cache.get(key_of(0)).value); // used last
  put(11);
  EXPECT_TRUE(cache.get(key_of(0)).value);
  EXPECT_TRUE(cache.get(key_of(11)).value);
  EXPECT_FALSE(cache.get(key_of(1)).value);
  for (int key = 12; key < 40; ++key) {
    put(key);
    std::int64_t total = 0;
    Result<std::vector<DiskCache::Entry>> entries = cache.list();
    for (const DiskCache::Entry& entry : *entries)
      total += entry.bytes;
    ASSERT_LE(total, 60000);
    ASSERT_EQ(entries->at(0).file, cache::file_of(key_of(key)));
  }
  Result<void> refused = cache.put("large", value_of(1, 70000));
  EXPECT_EQ(refused.error().message, "cannot store 70037 bytes in a cache of at most 60000");
  EXPECT_TRUE(cache.get(key_of(39)).value) << "nothing was removed for it";
}

TEST_F(DiskCacheTest, FoldersThatCannotBeUsedAreRefused) {
  const std::string remedy = "\nremedy: set ATTILE_CACHE_DIR to a folder of yours";
  std::ofstream(folder + "/file") << "x";
  EXPECT_EQ(error(DiskCache::open(folder + "/file/sub")),
            "error: cannot make the cache's folder '" + folder + "/file/sub': Not a directory" + remedy);
  EXPECT_EQ(error(DiskCache::open(folder + "/file")),
            "error: cannot use the cache's folder '" + folder + "/file': Not a directory" + remedy);
  fs::create_directory(folder + "/shared");
  fs::permissions(folder + "/shared", fs::perms::all);
  EXPECT_NE(error(DiskCache::open(folder + "/shared")).find("all users may write to it"), std::string::npos);
  EXPECT_EQ(DiskCache::open(folder + "/shared").error().kind, ErrorKind::environment);
  if (geteuid() != 0) { // who may write everywhere
    fs::create_directory(folder + "/locked");
    fs::permissions(folder + "/locked", fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_NE(error(DiskCache::open(folder + "/locked")).find("Permission denied"), std::string::npos);
  }
  DiskCache cache = open();
  fs::remove_all(cache.folder());
  EXPECT_NE(cache.put("a", {}).error().message.find("No such file or directory"), std::string::npos);
  EXPECT_FALSE(cache.get("a").value);
}

TEST_F(DiskCacheTest, AFullDiskLeavesTheOldEntry) {
  DiskCache cache = open();
  ASSERT_TRUE(cache.put("a", value_of(1)));
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {}, small = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before, small.rlim_cur = 3000; // writing past it fails as on a full disk
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<void> failed = cache.put("a", value_of(2));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message.find("cannot write '" + cache.folder()), 0u) << failed.error().text();
  EXPECT_FALSE(failed.error().remedy.empty());
  EXPECT_EQ(cache.get("a").value, value_of(1));
  EXPECT_EQ(std::distance(fs::directory_iterator(cache.folder()), {}), 1) << "nothing is left beside";
}

TEST_F(DiskCacheTest, WhatKilledWritersLeaveGoes) {
  DiskCache cache = open();
  const std::string left = cache.folder() + "/" + cache::file_of("a") + ".writing-1-0";
  std::ofstream(left) << "half";
  ASSERT_TRUE(cache.put("b", {}));
  EXPECT_TRUE(fs::exists(left)) << "its writer may be alive";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(1));
  ASSERT_TRUE(cache.put("b", {}));
  EXPECT_FALSE(fs::exists(left));
}

/// Puts and gets until it is killed, or for some rounds. Status 1: something wrong was read.
[[noreturn]] void work(const DiskCache& cache, unsigned seed, int rounds) {
  std::mt19937 random(seed);
  for (int i = 0; i < rounds; ++i) {
    const int key = static_cast<int>(random() % 30);
    DiskCache::Found found = cache.get(key_of(key));
    if (found.warning || (found.value && *found.value != value_of(key, 20000)))
      _exit(1);
    if (!found.value && !cache.put(key_of(key), value_of(key, 20000)))
      _exit(2);
  }
  _exit(0);
}

TEST_F(DiskCacheTest, ManyProcessesOfWhichSomeAreKilled) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  constexpr std::int64_t bound = 400000; // 19 of the 30 entries
  DiskCache cache = open(bound);
  std::vector<pid_t> kept, killed;
  for (unsigned i = 0; i < 12; ++i) {
    const bool dies = i % 3 != 0;
    pid_t child = fork();
    if (child == 0)
      work(cache, seed + i, dies ? 1 << 30 : 300);
    ASSERT_GT(child, 0);
    (dies ? killed : kept).push_back(child);
  }
  for (pid_t child : killed) {
    usleep(5000 + random() % 20000);
    kill(child, SIGKILL);
  }
  for (pid_t child : killed) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a process found something wrong: " << WEXITSTATUS(status);
  }
  for (pid_t child : kept) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  ASSERT_TRUE(cache.put("last", {})); // as the last one to write, it alone keeps the bound
  std::int64_t total = 0;
  Result<std::vector<DiskCache::Entry>> entries = cache.verify();
  ASSERT_TRUE(entries);
  for (const DiskCache::Entry& entry : *entries) {
    EXPECT_FALSE(entry.damage) << entry.damage->text();
    total += entry.bytes;
  }
  EXPECT_LE(total, bound);
  EXPECT_GT(entries->size(), 10u);
}

TEST_F(DiskCacheTest, ReadsInAMillisecond) {
  DiskCache cache = open();
  ASSERT_TRUE(cache.put("a", value_of(1, 200000)));
  timespec from = {}, to = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
  constexpr int reads = 50;
  for (int i = 0; i < reads; ++i)
    ASSERT_TRUE(cache.get("a").value);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
  const double ms = (static_cast<double>(to.tv_sec - from.tv_sec) * 1e3 +
                     static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e6) /
                    reads;
  std::printf("%.3f ms for 200 kB\n", ms);
  EXPECT_LT(ms, 1);
}

TEST(DiskCache, FolderByTheEnvironment) {
  const char* home = std::getenv("HOME");
  const std::string old_home = home ? home : "";
  unsetenv("ATTILE_CACHE_DIR"), unsetenv("XDG_CACHE_HOME"), setenv("HOME", "/h", 1);
  EXPECT_EQ(*DiskCache::default_folder(), "/h/.cache/attile/packages");
  setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(*DiskCache::default_folder(), "/x/attile/packages");
  setenv("ATTILE_CACHE_DIR", "/c", 1);
  EXPECT_EQ(*DiskCache::default_folder(), "/c");
  unsetenv("ATTILE_CACHE_DIR"), unsetenv("XDG_CACHE_HOME"), unsetenv("HOME");
  EXPECT_EQ(DiskCache::default_folder().error().message, "there is no place for a cache");
  setenv("HOME", old_home.c_str(), 1);
}

} // namespace
} // namespace attile
