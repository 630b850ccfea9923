// Launching a loaded kernel again allocates nothing, and costs microseconds.
#include "tests/unit/runtime_test_package.h"

#include <atomic>
#include <attile/cpu_info.h>
#include <attile/device.h>
#include <cstdlib>
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

TEST(Launch, AllocatesNothingOnceWarm) {
  if (cpu_info().arch != "x86-64")
    GTEST_SKIP() << "the package of this test is x86-64 code";
  Package package = test::full_package(); // its first section is all `ret`
  package.code.resize(1);
  Result<Kernel> kernel = Device::open("cpu")->load(package);
  ASSERT_TRUE(kernel) << kernel.error().text();
  std::vector<bf16> q(2 * 8 * 100 * 64), k(2 * 4 * 70 * 64), v(2 * 4 * 70 * 128), o(2 * 8 * 100 * 128);
  std::vector<float> slope(8 * 3);
  Arguments arguments{.q = ConstTensorView(q.data(), {2, 8, 100, 64}),
                      .k = ConstTensorView(k.data(), {2, 4, 70, 64}),
                      .v = ConstTensorView(v.data(), {2, 4, 70, 128}),
                      .o = TensorView(o.data(), {2, 8, 100, 128}),
                      .params = {{"slope", ConstTensorView(slope.data(), {8, 1, 3})}, {"shift", 1}}};
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

} // namespace
} // namespace attile
