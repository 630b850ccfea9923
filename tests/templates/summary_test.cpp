// summary.cuh against minima and maxima counted out.
#include "device.h"

namespace attile::test {
namespace {

struct Source {
  i64 batch, heads, n;
  int block;
};

i64 slots_of(i64 n, i64 block) {
  i64 slots = 0;
  for (i64 count = (n + block - 1) / block;; count = (count + block - 1) / block) {
    slots += count;
    if (count <= 1)
      return slots;
  }
}

const char* const text = R"(#include "attile/summary.cuh"
using namespace attile;
// One block a row; then every thread of the first launch's successor asks for ranges.
extern "C" __global__ void test(const $T* data, i64 batch, i64 heads, i64 n, i64 s0, i64 s1, i64 s2, i64* pairs,
                                i64 slots, i64 block, const i64* queries, i64 count, i64* out) {
  const auto source = make_global(data, batch, heads, n, s0, s1, s2);
  const auto summary = make_global(pairs, batch * heads, slots, 2, 2 * slots, 2, 1);
  if (count == 0) {
    summarize(summary, source, blockIdx.x, int(block));
    return;
  }
  for (i64 i = threadIdx.x; i < count; i += blockDim.x) {
    const i64* query = queries + 4 * i;
    range_of(out[2 * i], out[2 * i + 1], summary, source, query[0], query[1], query[2], query[3], int(block));
  }
}
)";

template <class T> void check(const std::string& type, const Source& s, std::vector<std::string> on_targets) {
  SCOPED_TRACE(type + ", n " + std::to_string(s.n) + ", blocks of " + std::to_string(s.block));
  const i64 s2 = 2, s1 = s.n * s2 + 3, s0 = s.heads * s1 + 5, rows = s.batch * s.heads;
  std::vector<T> data(static_cast<std::size_t>(s.batch * s0 + 1));
  for (T& x : data)
    x = static_cast<T>(random()()) >> random()() % 20;
  const auto value = [&](i64 b, i64 h, i64 i) {
    return i64(data[static_cast<std::size_t>(b * s0 + h * s1 + i * s2)]);
  };
  std::vector<i64> queries;
  for (int i = 0; i < 200; ++i) {
    const auto index = [&](i64 extent) {
      return static_cast<i64>(random()() % static_cast<u64>(extent + 4)) - 2;
    };
    i64 lo = index(s.n), hi = index(s.n);
    if (i % 8 != 0 && lo > hi)
      std::swap(lo, hi);
    queries.insert(queries.end(), {index(s.batch), index(s.heads), lo, hi});
  }
  Kernel kernel = {with(text, {{"T", type}})};
  kernel.only = std::move(on_targets);
  everywhere(kernel, [&](Device& device) {
    const i64 slots = slots_of(s.n, s.block);
    const u64 pairs = device.output<i64>(static_cast<std::size_t>(2 * rows * slots)),
              out = device.output<i64>(400);
    std::vector<u64> parameters = {device.upload(data),
                                   static_cast<u64>(s.batch),
                                   static_cast<u64>(s.heads),
                                   static_cast<u64>(s.n),
                                   static_cast<u64>(s0),
                                   static_cast<u64>(s1),
                                   static_cast<u64>(s2),
                                   pairs,
                                   static_cast<u64>(slots),
                                   static_cast<u64>(s.block),
                                   device.upload(queries),
                                   0,
                                   out};
    device.run(parameters, static_cast<unsigned>(rows));
    parameters[11] = 200;
    device.run(parameters);
    const auto found = device.download<i64>(out, 400);
    for (std::size_t q = 0; q < 200; ++q) {
      const auto clamped = [](i64 i, i64 extent) { return std::max<i64>(std::min(i, extent - 1), 0); };
      const i64 lo = clamped(queries[4 * q + 2], s.n), hi = clamped(queries[4 * q + 3], s.n);
      i64 min = INT64_MAX, max = INT64_MIN;
      for (i64 i = lo / s.block * s.block; s.n > 0 && i < std::min((hi / s.block + 1) * s.block, s.n); ++i) {
        const i64 x = value(clamped(queries[4 * q], s.batch), clamped(queries[4 * q + 1], s.heads), i);
        min = std::min(min, x), max = std::max(max, x);
      }
      if (s.n == 0)
        min = max = 0;
      ASSERT_EQ(found[2 * q], min) << "from " << lo << " to " << hi;
      ASSERT_EQ(found[2 * q + 1], max) << "from " << lo << " to " << hi;
    }
  });
}

TEST(Summary, OnEveryTarget) {
  NEEDS_NVRTC;
  check<int>("int", {2, 3, 1000, 4}, {});
}

TEST(Summary, SizesAndBlocks) {
  NEEDS_NVRTC;
  for (const Source& s :
       {Source{1, 2, 1, 2}, {2, 1, 64, 64}, {1, 1, 65, 64}, {1, 2, 700, 2}, {1, 1, 3000, 64}})
    check<i64>("i64", s, {some_target()});
  check<int>("int", {1, 2, 0, 64}, {some_target()});
}

TEST(SummaryMutants, TheBarrierBetweenLevelsIsNeeded) {
  NEEDS_NVRTC;
  Kernel kernel = {with(text, {{"T", "int"}})};
  for (const bool mutant : {false, true}) {
    kernel.without = {mutant ? "__syncthreads();" : "", 0};
    on(kernel, some_target(), 0, [&](Device& device) {
      const std::vector<int> data(1000, 1);
      const bool clean =
          device.launch({device.upload(data), 1, 1, 1000, 1000, 1000, 1, device.output<i64>(2 * 400), 400, 4,
                         device.upload(std::vector<i64>(4)), 0, device.output<i64>(2)});
      EXPECT_EQ(clean, !mutant);
    });
  }
}

} // namespace
} // namespace attile::test
