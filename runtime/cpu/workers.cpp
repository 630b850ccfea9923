#include "cpu/workers.h"

#include "cpu/subnormals.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fmt/core.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <optional>

#if defined(ATTILE_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace attile::cpu {

namespace {
// TBB's library is not instrumented, nor is this file: what its fork and join order is told to
// ThreadSanitizer here.
#if defined(ATTILE_TSAN)
void happens_before(void* event) { __tsan_release(event); }
void happens_after(void* event) { __tsan_acquire(event); }
#else
void happens_before(void*) {}
void happens_after(void*) {}
#endif
} // namespace

struct Workers::Pool {
  explicit Pool(int threads) : arena(threads) {
    // More threads than TBB would start on this machine must be allowed expressly.
    if (threads > tbb::this_task_arena::max_concurrency())
      allow.emplace(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
  }
  std::optional<tbb::global_control> allow;
  tbb::task_arena arena;
};

Workers::Workers(int threads) : count(threads) {}
Workers::~Workers() = default;

Result<void> Workers::run(std::int64_t grid, const std::function<void(int, std::int64_t)>& body) {
  int workers = static_cast<int>(std::min<std::int64_t>(count, grid));
  if (workers <= 1) {
    FlushSubnormals flush;
    for (std::int64_t block = 0; block < grid; ++block)
      body(0, block);
    return {};
  }
  alignas(64) std::atomic<std::int64_t> next = 0;
  char fork = 0, join = 0;
  auto work = [&](int worker) {
    happens_after(&fork);
    FlushSubnormals flush;
    for (std::int64_t block; (block = next.fetch_add(1, std::memory_order_relaxed)) < grid;)
      body(worker, block);
    happens_before(&join);
  };
  try { // TBB throws where it cannot start threads
    if (!pool)
      pool = std::make_unique<Pool>(count);
    happens_before(&fork);
    pool->arena.execute([&] { tbb::parallel_for(0, workers, work, tbb::simple_partitioner()); });
    happens_after(&join);
  } catch (const std::exception& failure) {
    return environment_error(fmt::format("cannot run on {} threads: {}", count, failure.what()));
  }
  return {};
}

} // namespace attile::cpu
