#include <attile/cpu_info.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <sched.h>
#include <set>
#include <thread>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace attile {

namespace {

#if defined(__x86_64__)

using Registers = std::array<unsigned, 4>; // eax, ebx, ecx, edx

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r{};
  if (!__get_cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3]))
    r = {};
  return r;
}

std::uint64_t enabled_states() { // xgetbv: the registers that the system saves for us
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t(high) << 32 | low;
}

/// Linux saves the tile registers of a process only once it has asked: stacks for signal handlers have to be
/// large enough for them. Refused by kernels before 5.16, and by some sandboxes.
bool may_use_tiles() {
  constexpr long request_permission = 0x1023, tile_data = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

/// Where cpuid reports a feature, and the register states that the system must save for it.
struct FeatureBit {
  std::string_view name;
  unsigned leaf, subleaf;
  int reg; ///< index into Registers
  int bit;
  std::uint64_t states;
};
constexpr int ebx = 1, ecx = 2, edx = 3, eax = 0;
constexpr std::uint64_t none = 0, ymm = 0x6, zmm = 0xe6, tile = 0x60000;
constexpr FeatureBit feature_bits[] = {{"sse3", 1, 0, ecx, 0, none},
                                       {"ssse3", 1, 0, ecx, 9, none},
                                       {"cx16", 1, 0, ecx, 13, none},
                                       {"sse4.1", 1, 0, ecx, 19, none},
                                       {"sse4.2", 1, 0, ecx, 20, none},
                                       {"movbe", 1, 0, ecx, 22, none},
                                       {"popcnt", 1, 0, ecx, 23, none},
                                       {"sahf", 0x80000001, 0, ecx, 0, none},
                                       {"lzcnt", 0x80000001, 0, ecx, 5, none},
                                       {"bmi", 7, 0, ebx, 3, none},
                                       {"bmi2", 7, 0, ebx, 8, none},
                                       {"avx", 1, 0, ecx, 28, ymm},
                                       {"fma", 1, 0, ecx, 12, ymm},
                                       {"f16c", 1, 0, ecx, 29, ymm},
                                       {"avx2", 7, 0, ebx, 5, ymm},
                                       {"avxvnni", 7, 1, eax, 4, ymm},
                                       {"avx512f", 7, 0, ebx, 16, zmm},
                                       {"avx512dq", 7, 0, ebx, 17, zmm},
                                       {"avx512ifma", 7, 0, ebx, 21, zmm},
                                       {"avx512cd", 7, 0, ebx, 28, zmm},
                                       {"avx512bw", 7, 0, ebx, 30, zmm},
                                       {"avx512vl", 7, 0, ebx, 31, zmm},
                                       {"avx512vbmi", 7, 0, ecx, 1, zmm},
                                       {"avx512vbmi2", 7, 0, ecx, 6, zmm},
                                       {"avx512vnni", 7, 0, ecx, 11, zmm},
                                       {"avx512bitalg", 7, 0, ecx, 12, zmm},
                                       {"avx512vpopcntdq", 7, 0, ecx, 14, zmm},
                                       {"avx512fp16", 7, 0, edx, 23, zmm},
                                       {"avx512bf16", 7, 1, eax, 5, zmm},
                                       {"amx-bf16", 7, 0, edx, 22, tile},
                                       {"amx-tile", 7, 0, edx, 24, tile},
                                       {"amx-int8", 7, 0, edx, 25, tile}};

void find_features(CpuInfo& info) {
  bool saves_vectors = cpuid(1)[ecx] >> 27 & 1; // OSXSAVE
  std::uint64_t states = saves_vectors ? enabled_states() : 0;
  if ((states & tile) == tile && !may_use_tiles())
    states &= ~tile;
  info.features = {"sse", "sse2"}; // part of the architecture
  for (const FeatureBit& f : feature_bits)
    if ((cpuid(f.leaf, f.subleaf)[f.reg] >> f.bit & 1) && (states & f.states) == f.states)
      info.features.emplace_back(f.name);
  Registers r = cpuid(0);
  char vendor[13] = {};
  for (int part = 0; int reg : {ebx, edx, ecx})
    std::memcpy(vendor + 4 * part++, &r[static_cast<std::size_t>(reg)], 4);
  info.vendor = vendor;
  unsigned signature = cpuid(1)[eax], base = signature >> 8 & 0xf;
  info.family = static_cast<int>(base == 0xf ? base + (signature >> 20 & 0xff) : base);
  char brand[49] = {};
  if (cpuid(0x80000000)[eax] >= 0x80000004)
    for (unsigned i = 0; i < 3; ++i) {
      r = cpuid(0x80000002 + i);
      std::memcpy(brand + 16 * i, r.data(), 16);
    }
  info.brand = brand;
  info.brand.erase(info.brand.find_last_not_of(" \0") + 1);
  info.arch = "x86-64";
}

#else

void find_features(CpuInfo& info) {
#if defined(__aarch64__)
  info.arch = "aarch64";
#else
  info.arch = "unknown";
#endif
}

#endif

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "48K" or "2M", in bytes.
std::int64_t parse_size(const std::string& text) {
  char* unit = nullptr;
  std::int64_t value = std::strtoll(text.c_str(), &unit, 10);
  return value * (*unit == 'K' ? 1 << 10 : *unit == 'M' ? 1 << 20 : 1);
}

void find_caches(CpuInfo& info) {
  for (int i = 0; i < 8; ++i) {
    std::string cache = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", i);
    std::string level = first_line(cache + "level"), type = first_line(cache + "type");
    if (type != "Data" && type != "Unified")
      continue;
    std::int64_t size = parse_size(first_line(cache + "size"));
    (level == "1" ? info.l1d_bytes : level == "2" ? info.l2_bytes : info.l3_bytes) = size;
    if (std::int64_t line = parse_size(first_line(cache + "coherency_line_size")))
      info.cache_line = line;
  }
}

int count_cores() {
  std::set<std::string> cores; // threads of a core list the same siblings
  int processors = static_cast<int>(std::thread::hardware_concurrency());
  for (int i = 0; i < processors; ++i)
    if (std::string siblings =
            first_line(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings", i));
        !siblings.empty())
      cores.insert(siblings);
  return std::max(1, cores.empty() ? processors : static_cast<int>(cores.size()));
}

/// The quota of this process's cgroup in CPUs, or 0 where there is none.
double cgroup_cpus() {
  // Version 2 names the group in a line "0::/path"; the quota of every ancestor counts too.
  std::ifstream file("/proc/self/cgroup");
  std::string line, group;
  while (std::getline(file, line))
    if (line.rfind("0::", 0) == 0)
      group = line.substr(3);
  double cpus = 0;
  for (;; group.erase(group.rfind('/'))) {
    std::ifstream quota_file("/sys/fs/cgroup" + group + "/cpu.max");
    double quota = 0, period = 0; // "max 100000" does not parse as numbers
    if (quota_file >> quota >> period && period > 0)
      cpus = cpus > 0 ? std::min(cpus, quota / period) : quota / period;
    if (group.find('/') == std::string::npos)
      break;
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
      v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (cpus == 0 && v1_quota >> quota && v1_period >> period && quota > 0 && period > 0)
    cpus = quota / period;
  return cpus;
}

int usable_threads() {
  int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0)
    threads = std::max(1, CPU_COUNT(&mask));
  if (double cpus = cgroup_cpus(); cpus > 0)
    threads = std::min(threads, std::max(1, static_cast<int>(std::ceil(cpus))));
  return threads;
}

} // namespace

bool CpuInfo::has(std::string_view feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

std::string CpuInfo::level() const {
  if (arch != "x86-64")
    return arch;
  static const std::vector<std::string_view> levels[] = {
      {"cx16", "sahf", "popcnt", "sse3", "ssse3", "sse4.1", "sse4.2"},
      {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"},
      {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
  };
  std::string best = arch;
  for (std::size_t i = 0; i < std::size(levels); ++i) {
    if (!std::all_of(levels[i].begin(), levels[i].end(), [&](std::string_view f) { return has(f); }))
      break;
    best = fmt::format("{}-v{}", arch, i + 2);
  }
  return best;
}

const CpuInfo& cpu_info() {
  static const CpuInfo info = [] {
    CpuInfo info;
    find_features(info);
    find_caches(info);
    info.cores = count_cores();
    info.threads = usable_threads();
    return info;
  }();
  return info;
}

} // namespace attile
