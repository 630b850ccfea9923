#include "kernel_cases.h"
#include "kernel_data.h"

#include "compiler/backends/cuda/nvrtc.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace emu::test {
namespace {

void prepare_reduce(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> x = whole_floats(3001, random);
  arguments.input(x);
  const float* sum = arguments.input(std::vector<float>{0});
  arguments.pass(3001);
  float wanted = 0;
  for (float value : x)
    wanted += value;
  arguments.verify = [=] { return differs(sum, {wanted}); };
}

void prepare_tree(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> x = whole_floats(512, random);
  arguments.input(x);
  const float* sums = arguments.output<float>(2);
  std::vector<float> wanted(2);
  for (std::size_t i = 0; i < 512; ++i)
    wanted[i / 256] += x[i];
  arguments.verify = [=] { return differs(sums, wanted); };
}

void prepare_scan(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t count = 4 * 256;
  std::vector<int> x(count), wanted;
  int sum = 0;
  for (int& value : x) {
    value = static_cast<int>(random() % 100);
    wanted.push_back(sum += value);
  }
  arguments.input(x);
  const int* y = arguments.output<int>(count);
  arguments.input(std::vector<unsigned>{0});
  arguments.input(std::vector<int>(4));
  arguments.output<int>(4);
  arguments.verify = [=] { return differs(y, wanted); };
}

void prepare_histogram(Arguments& arguments, std::mt19937_64& random) {
  std::vector<unsigned char> x(2000);
  std::vector<unsigned> wanted(256);
  for (unsigned char& value : x)
    ++wanted[value = static_cast<unsigned char>(random() % 61)];
  arguments.input(x);
  const unsigned* counts = arguments.input(std::vector<unsigned>(256));
  arguments.pass(2000);
  arguments.verify = [=] { return differs(counts, wanted); };
}

void prepare_semaphore(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> x = whole_floats(96, random);
  std::vector<float> wanted = x;
  for (float& value : wanted)
    for (int block = 0; block < 4; ++block)
      value = 2 * value + static_cast<float>(block);
  const float* values = arguments.input(x);
  arguments.input(std::vector<unsigned>{0});
  arguments.pass(96);
  arguments.verify = [=] { return differs(values, wanted); };
}

void prepare_last_block(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> x = whole_floats(4 * 128, random);
  arguments.input(x);
  arguments.output<float>(4);
  arguments.input(std::vector<unsigned>{0});
  const float* sum = arguments.output<float>(1);
  float wanted = 0;
  for (float value : x)
    wanted += value;
  arguments.verify = [=] { return differs(sum, {wanted}); };
}

void prepare_mbarrier(Arguments& arguments, std::mt19937_64& random) {
  constexpr int tiles = 5, tile = 128;
  const std::vector<float> x = whole_floats(tiles * tile, random);
  arguments.input(x);
  const float* sums = arguments.output<float>(96);
  arguments.pass(tiles);
  std::vector<float> wanted(96);
  for (int i = 0; i < tiles * tile; ++i)
    wanted[static_cast<std::size_t>(i % tile % 96)] += x[static_cast<std::size_t>(i)];
  arguments.verify = [=] { return differs(sums, wanted); };
}

void prepare_ring(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t n = 5 * 96;
  std::vector<int> x(n), y(n);
  for (int& value : x)
    value = static_cast<int>(random() % 100);
  arguments.input(x);
  const int* result = arguments.output<int>(n);
  arguments.pass(3);
  for (int step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < n; ++i)
      y[i] = x[(i + 1) % n] + x[(i + n - 1) % n];
    std::swap(x, y);
  }
  arguments.verify = [=] { return differs(result, x); };
}

void prepare_tiles(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t n = 2 * 192;
  std::vector<int> x(n), wanted(n);
  for (int& value : x)
    value = static_cast<int>(random() % 100);
  for (std::size_t i = 0; i < n; ++i)
    wanted[i] = x[i / 64 * 64 + 63 - i % 64] + x[i / 64 * 64];
  arguments.input(x);
  const int* y = arguments.output<int>(n);
  arguments.verify = [=] { return differs(y, wanted); };
}

// Clusters of `size` blocks of 64 threads.
template <std::size_t size> void prepare_cluster_stencil(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t ring = size * 64, n = 16 * 64;
  constexpr int steps = 5;
  std::vector<int> x(n), y(n);
  for (int& value : x)
    value = static_cast<int>(random() % 100);
  arguments.input(x);
  const int* result = arguments.output<int>(n);
  arguments.pass(steps);
  for (int step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < n; ++i)
      y[i] = x[i / ring * ring + (i + 1) % ring] + x[i / ring * ring + (i + ring - 1) % ring];
    std::swap(x, y);
  }
  arguments.verify = [=] { return differs(result, x); };
}

// Clusters of `size` blocks of 32 threads. The greatest value that a block is told is that of the lanes of
// its own rank; thread r of each block speaks to rank r.
template <std::size_t size> void prepare_cluster_reduce(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t blocks = 8, rounds = 3;
  std::vector<int> x(rounds * blocks * 32), sums(rounds * blocks), before(rounds * blocks);
  for (int& value : x)
    value = static_cast<int>(random() % 100);
  for (std::size_t row = 0; row < rounds * blocks; ++row) {
    const std::size_t first = row / size * size;
    int highest = 0;
    for (std::size_t other = first; other < first + size; ++other) {
      for (std::size_t t = 0; t < 32; ++t) {
        sums[row] += x[other * 32 + t];
        before[row] += other < row ? x[other * 32 + t] : 0;
      }
      highest = std::max(highest, x[other * 32 + row % size]);
    }
    sums[row] += highest;
  }
  arguments.input(x);
  const int* all = arguments.output<int>(rounds * blocks);
  const int* earlier = arguments.output<int>(rounds * blocks);
  arguments.pass(static_cast<int>(rounds));
  arguments.verify = [=] { return differs(all, sums) + differs(earlier, before); };
}

template <std::size_t size> KernelCase cluster_stencil() {
  KernelCase one;
  one.name = "cluster_stencil_" + std::to_string(size);
  one.file = "cluster_stencil.cu";
  one.kernel = "cluster_stencil";
  one.oldest = "sm_90a";
  one.grid = {16};
  one.threads = {64};
  one.cluster = {size};
  one.prepare = prepare_cluster_stencil<size>;
  return one;
}

template <std::size_t size> KernelCase cluster_reduce() {
  KernelCase one;
  one.name = "cluster_reduce_" + std::to_string(size);
  one.file = "cluster_reduce.cu";
  one.kernel = "cluster_reduce";
  one.oldest = "sm_90a";
  one.grid = {8};
  one.threads = {32};
  one.cluster = {size};
  one.prepare = prepare_cluster_reduce<size>;
  return one;
}

template <std::uint16_t encode(float), int m, int n, int k>
void prepare_product(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> a = whole_floats(m * k, random), b = whole_floats(n * k, random);
  const auto encoded = [](const std::vector<float>& values) {
    std::vector<std::uint16_t> out;
    for (float value : values)
      out.push_back(encode(value));
    return out;
  };
  arguments.input(encoded(a));
  arguments.input(encoded(b));
  const float* d = arguments.output<float>(m * n);
  arguments.pass(n);
  arguments.pass(k);
  std::vector<float> wanted(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int l = 0; l < k; ++l)
        wanted[static_cast<std::size_t>(i * n + j)] +=
            a[static_cast<std::size_t>(i * k + l)] * b[static_cast<std::size_t>(j * k + l)];
  arguments.verify = [=] { return differs(d, wanted); };
}

#ifdef ATTILE_CUDA_INCLUDE
const std::string cuda_include = ATTILE_CUDA_INCLUDE;
#else
const std::string cuda_include;
#endif

attile::Result<attile::cuda::Nvrtc>& nvrtc() {
  static attile::Result<attile::cuda::Nvrtc> opened = attile::cuda::Nvrtc::open();
  return opened;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace

const std::vector<KernelCase>& kernel_cases() {
  static std::vector<KernelCase> cases = {
      {"reduce", "reduce.cu", "reduce", "sm_75", {3, 1, 1}, {128, 1, 1}, prepare_reduce},
      {"reduce_tree", "reduce.cu", "reduce_tree", "sm_75", {2, 1, 1}, {256, 1, 1}, prepare_tree},
      {"scan", "scan.cu", "scan", "sm_75", {4, 1, 1}, {256, 1, 1}, prepare_scan},
      {"histogram", "histogram.cu", "histogram", "sm_75", {3, 1, 1}, {96, 1, 1}, prepare_histogram},
      {"semaphore", "semaphore.cu", "semaphore", "sm_75", {4, 1, 1}, {64, 1, 1}, prepare_semaphore},
      {"last_block", "semaphore.cu", "last_block", "sm_75", {4, 1, 1}, {128, 1, 1}, prepare_last_block},
      {"matmul_mma",
       "matmul_mma.cu",
       "matmul_mma",
       "sm_75",
       {2, 1, 1},
       {128, 1, 1},
       prepare_product<f16_of, 64, 128, 64>},
      {"matmul_mma_bf16",
       "matmul_mma.cu",
       "matmul_mma",
       "sm_80",
       {2, 1, 1},
       {128, 1, 1},
       prepare_product<bf16_of, 64, 128, 64>,
       "-DTYPE=\"bf16\""},
      {"matmul_wmma",
       "matmul_wmma.cu",
       "matmul_wmma",
       "sm_75",
       {2, 1, 1},
       {128, 1, 1},
       prepare_product<f16_of, 64, 128, 64>,
       "",
       true},
      {"ring", "cooperative.cu", "ring", "sm_75", {5, 1, 1}, {96, 1, 1}, prepare_ring, "", true, true},
      {"tiles",
       "cooperative.cu",
       "tiles",
       "sm_80",
       {2, 1, 1},
       {192, 1, 1},
       prepare_tiles,
       "",
       true,
       false,
       {},
       true},
      {"matmul_pipeline",
       "matmul_pipeline.cu",
       "matmul_pipeline",
       "sm_80",
       {2, 1, 1},
       {128, 1, 1},
       prepare_product<bf16_of, 64, 128, 160>},
      {"mbarrier_pipeline",
       "mbarrier_pipeline.cu",
       "mbarrier_pipeline",
       "sm_80",
       {1, 1, 1},
       {128, 1, 1},
       prepare_mbarrier},
      cluster_stencil<2>(),
      cluster_stencil<4>(),
      cluster_stencil<8>(),
      cluster_reduce<2>(),
      cluster_reduce<4>(),
      cluster_reduce<8>(),
  };
  static const bool added = [] {
    for (const auto& family : {wgmma_cases(), bulk_cases()})
      cases.insert(cases.end(), family.begin(), family.end());
    return true;
  }();
  static_cast<void>(added);
  return cases;
}

const std::string& ptx_of(const KernelCase& one, const std::string& target, std::string& missing) {
  static std::map<std::string, std::string> made;
  std::string& ptx = made[one.file + one.define + target];
  if (!nvrtc()) {
    missing = nvrtc().error().text();
    return ptx;
  }
  if (one.toolkit_headers && cuda_include.empty()) {
    missing = "no CUDA toolkit was found when this was built: " + one.file + " includes headers of it";
    return ptx;
  }
  if (ptx.empty()) {
    attile::cuda::NvrtcOptions options;
    options.target = target;
    options.cubin = false;
    options.flags.push_back("--include-path=" ATTILE_KERNELS);
    std::istringstream defines(one.define);
    for (std::string flag; defines >> flag;)
      options.flags.push_back(flag);
    if (one.toolkit_headers)
      options.flags.insert(options.flags.end(),
                           {"--include-path=" + cuda_include, "--include-path=" + cuda_include + "/cccl"});
    const auto result = nvrtc()->compile(text_of(ATTILE_KERNELS "/" + one.file), one.file, options);
    if (result)
      ptx = result->ptx;
    else
      missing = result.error().text();
  }
  return ptx;
}

KernelRun run_kernel(const KernelCase& one, const std::string& ptx, const std::string& target,
                     Options options, bool checks, std::uint64_t data_seed) {
  KernelRun run;
  Memory memory(std::uint64_t(64) << 20);
  ptx::Error error;
  Launch launch;
  launch.program = load(ptx, memory, error);
  if (launch.program == nullptr) {
    run.outcome = {.status = Status::internal, .message = error.message};
    return run;
  }
  std::mt19937_64 random(data_seed);
  Arguments arguments(memory);
  one.prepare(arguments, random);
  Checker checker(memory);
  for (const Arguments::Array& array : arguments.allocated)
    if (checks && array.defined)
      checker.host_writes(array.address, array.size);
  launch.kernel = launch.program->find(one.kernel);
  launch.grid = one.grid;
  launch.threads = one.threads;
  launch.cooperative = one.cooperative;
  launch.cluster = one.cluster;
  launch.params = arguments.bytes;
  launch.params.resize(launch.kernel->param_bytes);
  launch.memory = &memory;
  launch.chip = chip_named(target);
  launch.options = options;
  launch.checker = checks ? &checker : nullptr;
  const auto begin = std::chrono::steady_clock::now();
  run.outcome = emu::run(launch);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run.reports = checker.reports().all();
  if (run.outcome.status == Status::success)
    run.wrong = arguments.verify();
  return run;
}

} // namespace emu::test
