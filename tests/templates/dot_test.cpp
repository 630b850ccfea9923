// dot.cuh, and the tiles in shared memory that it reads.
#include "device.h"

#include <algorithm>
#include <cmath>

namespace attile::test {
namespace {

struct Shape {
  std::string type;
  int warps, r, c, d;
};

std::string name(const Shape& s) {
  return s.type + " of " + std::to_string(s.warps) + " warps x " + std::to_string(s.r) + " rows, " +
         std::to_string(s.c) + " columns, " + std::to_string(s.d) + " deep";
}

Kernel kernel_for(const Shape& s, const std::string& body) {
  Kernel kernel = {with(R"(#include "attile/kernel.cuh"
using namespace attile;
extern "C" __global__ void test(const $T* q, const $T* k, const $T* v, float* s_out, float* o_out) {
  constexpr int W = $W, R = $R, C = $C, D = $D;
  using Q = SharedTile<$T, W * R, D>;
  using K = SharedTile<$T, C, D>;
  __shared__ __align__(1024) char memory[Q::bytes + K::bytes];
  Q queries = {($T*)memory};
  K keys = {($T*)(memory + Q::bytes)};
)" + body + "}\n",
                        {{"T", s.type},
                         {"W", std::to_string(s.warps)},
                         {"R", std::to_string(s.r)},
                         {"C", std::to_string(s.c)},
                         {"D", std::to_string(s.d)}})};
  kernel.threads = static_cast<unsigned>(32 * s.warps);
  kernel.oldest = s.type == "bf16" ? 80 : 75;
  return kernel;
}

// s = q k^T, o = round(s / 16) v, with values whose sums are exact in f32; conflicts are counted.
void check(const Shape& s, const std::vector<std::string>& on_targets, bool exact_weights = false) {
  SCOPED_TRACE(name(s));
  const bool narrow = s.type != "float" && !exact_weights;
  Kernel kernel = kernel_for(s, std::string(R"(
  copy_rows(queries, q, D, W * R);
  copy_rows(keys, k, D, C);
  __syncthreads();
  Fragment<float, R, C> s;
  fill(s, 99.0f); // not accumulated onto
  dot_nt(s, queries, keys);
  __syncthreads();
  copy_rows(keys, v, D, C);
  __syncthreads();
  store(s_out, s);
  for (int m = 0; m < R / 16; ++m)
    for (int j = 0; j < C / 8; ++j)
      for (int e = 0; e < 4; ++e)
        s.x[m][j][e] = rintf(s.x[m][j][e] / 8);
  Fragment<float, R, D> o;
  fill(o, 1.0f); // accumulated onto
)") + (narrow ? "  Operand<$T, R, C> p;\n  attile::round(p, s);\n" : "") +
                                    (narrow ? "  dot_nn(o, p, keys);\n" : "  dot_nn(o, s, keys);\n") +
                                    "  store(o_out, o);\n");
  kernel.text = with(kernel.text, {{"T", s.type}});
  kernel.only = on_targets;
  const auto rows = static_cast<std::size_t>(s.warps) * static_cast<std::size_t>(s.r),
             c = static_cast<std::size_t>(s.c), d = static_cast<std::size_t>(s.d);
  const std::vector<float> q = exact_values(rows * d), k = exact_values(c * d), v = exact_values(c * d);
  everywhere(kernel, [&](Device& device) {
    const u64 s_out = device.output<float>(rows * c), o_out = device.output<float>(rows * d);
    device.run({device.tensor(s.type, q), device.tensor(s.type, k), device.tensor(s.type, v), s_out, o_out});
    if (device.schedule == 0) { // else lanes of a warp may be at different turns of a loop
      EXPECT_EQ(device.counts.shared_conflicts, 0u);
    }
    const auto scores = device.download<float>(s_out, rows * c),
               out = device.download<float>(o_out, rows * d);
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<double> wanted(d, 1);
      for (std::size_t j = 0; j < c; ++j) {
        double sum = 0;
        for (std::size_t l = 0; l < d; ++l)
          sum += double(q[i * d + l]) * double(k[j * d + l]);
        ASSERT_EQ(scores[i * c + j], sum) << "row " << i << ", column " << j;
        float p = std::nearbyint(static_cast<float>(sum) / 8);
        if (narrow)
          p = widened(s.type, narrowed(s.type, p));
        for (std::size_t l = 0; l < d; ++l)
          wanted[l] += double(p) * double(v[j * d + l]);
      }
      for (std::size_t l = 0; l < d; ++l)
        ASSERT_EQ(out[i * d + l], wanted[l]) << "row " << i << ", column " << l;
    }
  });
}

// Each shape on one chip before sm_80 where it can, and on two later ones.
void check_on_some(const Shape& s) {
  std::vector<std::string> some = {some_target(80), some_target(80)};
  if (s.type != "bf16")
    some.emplace_back("sm_75");
  check(s, some);
}

TEST(Dot, EveryTypeOnEveryTarget) {
  NEEDS_NVRTC;
  for (const std::string type : {"f16", "bf16", "float"})
    check({type, 2, 16, 32, 64}, {});
}

TEST(Dot, HeadDims) {
  NEEDS_NVRTC;
  std::vector<int> dims = {8, 16, 64, 72, 80, 96, 128, 256};
  std::shuffle(dims.begin(), dims.end(), random());
  dims[4] = 40;
  dims.resize(5);
  for (const int d : dims)
    check_on_some({random()() % 2 ? "f16" : "bf16", 1, 16, 32, d});
  for (const int d : {random()() % 2 ? 8 : 40, random()() % 2 ? 72 : 96, 128})
    check_on_some({"float", 1, 16, 16, d});
}

// Weights in f32 meet 16-bit values.
TEST(Dot, ExactWeights) {
  NEEDS_NVRTC;
  check({"f16", 2, 16, 32, 72}, {"sm_75", some_target(80)}, true);
  check({"bf16", 1, 32, 24, 40}, {some_target(80)}, true);
}

TEST(Dot, TheLargestHeadDim) {
  NEEDS_NVRTC;
  check({"bf16", 1, 16, 16, 576}, {some_target(80)});
}

TEST(Dot, TilesOfKeysAndRows) {
  NEEDS_NVRTC;
  for (const int c : {8, 24, 128})
    check_on_some({random()() % 2 ? "f16" : "bf16", 1, 16, c, 64});
  check_on_some({"f16", 4, 32, 64, 64});
  check_on_some({"bf16", 3, 32, 16, 40});
  check_on_some({"float", 4, 32, 24, 40});
}

TEST(Dot, RefusesBf16WhereThereIsNoInstruction) {
  NEEDS_NVRTC;
  const Kernel kernel =
      kernel_for({"bf16", 1, 16, 16, 16}, "Fragment<float, R, C> s;\n  dot_nt(s, queries, keys);\n");
  EXPECT_NE(refusal(kernel, "sm_75").find("sm_75 has no matrix instruction for bf16: use f16 or f32"),
            std::string::npos);
}

} // namespace
} // namespace attile::test
