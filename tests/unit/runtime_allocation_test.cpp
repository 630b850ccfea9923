// Launching a loaded kernel again allocates nothing, and costs microseconds, on a CPU and on a GPU.
#include "tests/unit/runtime_test_package.h"

#include <algorithm>
#include <atomic>
#include <attile/cpu_info.h>
#include <attile/device.h>
#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>
#include <new>

namespace {
std::atomic<long> allocations = 0;
}

// Not inlined, as gcc would then see free() meet what it takes for the usual operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size ? size : 1);
  if (!memory)
    throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace attile {
namespace {

/// Operands of full_package(), which nobody reads.
struct Operands {
  std::vector<bf16> q = std::vector<bf16>(2 * 8 * 100 * 64), k = std::vector<bf16>(2 * 4 * 70 * 64),
                    v = std::vector<bf16>(2 * 4 * 70 * 128), o = std::vector<bf16>(2 * 8 * 100 * 128);
  std::vector<float> slope = std::vector<float>(8 * 3);
  Arguments arguments{.q = ConstTensorView(q.data(), {2, 8, 100, 64}),
                      .k = ConstTensorView(k.data(), {2, 4, 70, 64}),
                      .v = ConstTensorView(v.data(), {2, 4, 70, 128}),
                      .o = TensorView(o.data(), {2, 8, 100, 128}),
                      .params = {{"slope", ConstTensorView(slope.data(), {8, 1, 3})}, {"shift", 1}}};
};

double thread_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(Launch, AllocatesNothingOnceWarm) {
  if (cpu_info().arch != "x86-64")
    GTEST_SKIP() << "the package of this test is x86-64 code";
  Package package = test::full_package(); // its first section is all `ret`
  package.code.resize(1);
  Result<Kernel> kernel = Device::open("cpu")->load(package);
  ASSERT_TRUE(kernel) << kernel.error().text();
  Operands operands;
  Arguments& arguments = operands.arguments;
  LaunchStats stats;
  for (int threads : {1, 2}) {
    arguments.threads = threads;
    Result<void> first = kernel->launch(arguments, &stats);
    ASSERT_TRUE(first) << first.error().text();
    long before = allocations;
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(kernel->launch(arguments, &stats));
    EXPECT_EQ(allocations - before, 0) << threads << " threads";
    if (threads == 1) {
      EXPECT_LT(stats.ms, 10) << "checks and evaluation of a plan that does nothing";
    }
    std::printf("%d threads: %.4f ms a launch\n", threads, stats.ms);
  }
}

// With a driver whose functions return at once: what is left is ours. Two kernels of 9 slots, 5 operands, 5
// params, 2 plan values, scratch and an output that is left out.
TEST(Launch, CostsTheHostMicrosecondsOnAGpu) {
  setenv("ATTILE_CUDA_DRIVER", ATTILE_FAKE_DRIVER, 1);
  Package package = test::full_package();
  package.plan.kernels[1] = package.plan.kernels[0];
  package.plan.kernels[1].symbol = "merge";
  package.code.erase(package.code.begin(), package.code.begin() + 2);
  CodeSection& code = package.code[0];
  code.plan.reset();
  code.kernels["merge"] = code.kernels["main"];
  Result<Kernel> kernel = Device::open("cuda")->load(package);
  ASSERT_TRUE(kernel) << kernel.error().text();
  Operands operands;
  int stream = 0;
  operands.arguments.stream = &stream;
  ASSERT_TRUE(kernel->launch(operands.arguments));
  constexpr int launches = 2000;
  double best = 1;
  long before = allocations;
  for (int repeat = 0; repeat < 10; ++repeat) {
    double start = thread_seconds();
    for (int i = 0; i < launches; ++i)
      if (!kernel->launch(operands.arguments))
        FAIL();
    best = std::min(best, (thread_seconds() - start) / launches);
  }
  EXPECT_EQ(allocations - before, 0);
  EXPECT_LT(best * 1e6, 5);
  std::printf("%.2f us of the host's time for a launch of two kernels\n", best * 1e6);
}

} // namespace
} // namespace attile
