// The headers together: a loop over tiles whose copies are under way while it multiplies. o = sum over tiles
// of round(q k^T / 64) v.
#include "device.h"

#include <cmath>

namespace attile::test {
namespace {

Kernel pipeline(const std::string& type, int r, int c, int d) {
  Kernel kernel = {with(
      R"(#include "attile/kernel.cuh"
using namespace attile;
constexpr int W = 4, R = $R, C = $C, D = $D;
extern "C" __global__ void __launch_bounds__(32 * W) test(const $T* q, const $T* k, const $T* v, float* o, i64 rows,
                                                         i64 keys, i64 q_stride, i64 k_stride) {
  using Q = SharedTile<$T, W * R, D>;
  using K = SharedTile<$T, C, D>;
  extern __shared__ __align__(1024) char memory[];
  const Q queries = {($T*)memory};
  const K k_tile = {($T*)(memory + Q::bytes)}, v_tile = {($T*)(memory + Q::bytes + K::bytes)};
  const i64 first = i64(blockIdx.x) * W * R;
  copy_rows_async<W, true>(queries, q + first * q_stride, q_stride, int(rows - first));
  copy_rows_async<W, true>(k_tile, k, k_stride, int(keys));
  commit_copies();
  Fragment<float, R, D> sum;
  fill(sum, 0.0f);
#pragma unroll 1
  for (i64 key = 0; key < keys; key += C) {
    wait_copies<0>();
    __syncthreads(); // the tile of k is there, and nobody reads that of v any more
    copy_rows_async<W, true>(v_tile, v + key * k_stride, k_stride, int(keys - key));
    commit_copies();
    Fragment<float, R, C> s;
    dot_nt(s, queries, k_tile);
    for (int m = 0; m < R / 16; ++m)
      for (int j = 0; j < C / 8; ++j)
        for (int e = 0; e < 4; ++e)
          s.x[m][j][e] = math::roundeven(s.x[m][j][e] / 64);
    wait_copies<0>();
    __syncthreads(); // that of v is there, and nobody reads that of k any more
    copy_rows_async<W, true>(k_tile, k + (key + C) * k_stride, k_stride, int(keys - key - C));
    commit_copies();
    $P
  }
  wait_copies<0>();
  RowFragment<int, R> zero, row;
  fill(zero, 0);
  for (int m = 0; m < R / 16; ++m)
    for (int i = 0; i < 2; ++i)
      row.x[m][i] = first + row_of<R>(m, i);
  scatter_rows<true>(o, 0, D, zero, row, sum, int(rows - first));
}
)",
      {{"T", type},
       {"R", std::to_string(r)},
       {"C", std::to_string(c)},
       {"D", std::to_string(d)},
       {"P", type == "float" ? "dot_nn(sum, s, v_tile);"
                             : "Operand<" + type +
                                   ", R, C> p;\n    attile::round(p, s);\n    dot_nn(sum, p, v_tile);"}})};
  kernel.oldest = type == "bf16" ? 80 : 75;
  const int size = type == "float" ? 4 : 2, row = (d * size + 31) / 32 * 32;
  kernel.shared = static_cast<unsigned>((4 * r + 2 * c) * (row % 128 == 0 ? row : row + 16));
  return kernel;
}

struct Problem {
  std::string type;
  std::size_t d, rows, keys;
  std::size_t stride = d + 16;
  std::vector<float> q = exact_values(rows * stride), k = exact_values(keys * stride),
                     v = exact_values(keys * stride);

  std::vector<double> result() const {
    std::vector<double> o(rows * d);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < keys; ++j) {
        double s = 0;
        for (std::size_t l = 0; l < d; ++l)
          s += double(q[i * stride + l]) * double(k[j * stride + l]);
        const double p = std::nearbyint(s / 64);
        for (std::size_t l = 0; l < d; ++l)
          o[i * d + l] += p * double(v[j * stride + l]);
      }
    return o;
  }
  /// True if no check reports anything; the result at `o`.
  bool launch(Device& device, u64 o, bool expected) const {
    const std::vector<u64> parameters = {device.tensor(type, q),
                                         device.tensor(type, k),
                                         device.tensor(type, v),
                                         o,
                                         rows,
                                         keys,
                                         stride,
                                         stride};
    const auto blocks = static_cast<unsigned>((rows + 63) / 64);
    if (!expected)
      return device.launch(parameters, blocks);
    device.run(parameters, blocks);
    return true;
  }
};

TEST(Pipeline, IsRightAndReadsEverythingOnce) {
  NEEDS_NVRTC;
  for (const std::string type : {"f16", "bf16", "float"}) {
    const std::size_t d = type == "float" ? 32 : std::vector<std::size_t>{40, 64, 96, 128}[random()() % 4];
    SCOPED_TRACE(type + ", " + std::to_string(d) + " deep");
    const Problem problem = {type, d, 100, 83};
    const std::vector<double> wanted = problem.result();
    Kernel kernel = pipeline(type, 16, 32, static_cast<int>(d));
    if (type != "bf16")
      kernel.only = {"sm_75", some_target(80)};
    everywhere(kernel, [&](Device& device) {
      const u64 o = device.output<float>(wanted.size());
      problem.launch(device, o, true);
      const auto found = device.download<float>(o, wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i)
        ASSERT_EQ(found[i], wanted[i]) << "row " << i / d << ", column " << i % d;
      const u64 size = type == "float" ? 4 : 2; // two blocks read the keys
      EXPECT_EQ(device.counts.global_read, (100 + 2 * 2 * 83) * d * size);
      if (device.schedule == 0) {
        EXPECT_EQ(device.counts.shared_conflicts, 0u);
      }
    });
  }
}

TEST(PipelineMutants, AreReported) {
  NEEDS_NVRTC;
  const Problem problem = {"f16", 64, 64, 96};
  const std::string target = some_target(80);
  const auto reported = [&](const Kernel& kernel) {
    bool found = false;
    for (u64 schedule = 0; schedule < 4 && !found; ++schedule)
      on(kernel, target, schedule == 0 ? 0 : random()() | 1,
         [&](Device& device) { found = !problem.launch(device, device.output<float>(64 * 64), false); });
    return found;
  };
  Kernel kernel = pipeline("f16", 16, 32, 64);
  EXPECT_FALSE(reported(kernel));
  const std::string barrier = "    __syncthreads();", wait = "  wait_copies<0>();";
  for (const std::pair<std::string, int>& piece :
       {std::pair(barrier, 0), {barrier, 1}, {wait, 0}, {wait, 1}, {wait, 2}}) {
    kernel.without = piece;
    EXPECT_TRUE(reported(kernel)) << "without " << piece.first << " " << piece.second;
  }
}

// Machine code for each target: no accumulator is spilled.
TEST(Pipeline, NeedsNoMoreRegistersThanThereAre) {
  NEEDS_NVRTC;
  for (const std::string& target : targets()) {
    const int d = random()() % 3 == 0 ? 64 : 128;
    SCOPED_TRACE(target + ", " + std::to_string(d) + " deep");
    const auto resources = resources_of(pipeline(target == "sm_75" ? "f16" : "bf16", 16, 64, d), target);
    ASSERT_EQ(resources.size(), 1u);
    EXPECT_EQ(resources[0].spill_stores + resources[0].spill_loads, 0);
    EXPECT_EQ(resources[0].stack, 0);
    EXPECT_LE(resources[0].registers, d == 64 ? 128 : 168);
  }
}

} // namespace
} // namespace attile::test
