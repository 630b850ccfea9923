// Prints what the hot loops cost: a warp of 32 lanes, one matrix instruction. Asserts nothing, since machines
// differ.
#include "emulator/numeric/approximate.h"
#include "emulator/numeric/integers.h"
#include "emulator/numeric/matrix.h"

#include "numeric_oracle.h"

#include <ctime>

using namespace emu::numeric;

namespace {

double thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

template <class Body> [[gnu::noinline]] void measure(const char* name, double operations, Body body) {
  double best = 1e30;
  for (int round = 0; round < 5; ++round) {
    constexpr int repeats = 2000;
    double start = thread_nanoseconds();
    for (int i = 0; i < repeats; ++i) {
      body();
      asm volatile("" ::: "memory");
    }
    best = std::min(best, (thread_nanoseconds() - start) / repeats);
  }
  std::printf("%-28s %9.1f ns", name, best);
  std::printf(operations > 0 ? " %8.1f Gop/s\n" : "\n", operations / best);
}

TEST(Speed, Lanes) {
  static float x[32], y[32], z[32];
  static std::uint16_t h[32];
  static std::uint32_t pairs[32];
  for (int i = 0; i < 32; ++i)
    x[i] = 0.1f * static_cast<float>(i) - 1.0f, y[i] = x[i] + 0.5f, h[i] = narrow<F16>(x[i]);
#define LANES(...)                                                                                           \
  [] {                                                                                                       \
    for (int i = 0; i < 32; ++i)                                                                             \
      __VA_ARGS__;                                                                                           \
  }
  measure("cvt.rn.f16x2.f32", 0,
          LANES(pairs[i] = std::uint32_t{narrow<F16>(x[i])} << 16 | narrow<F16>(y[i])));
  measure("cvt.rn.bf16x2.f32", 0,
          LANES(pairs[i] = std::uint32_t{narrow<BF16>(x[i])} << 16 | narrow<BF16>(y[i])));
  measure("cvt.f32.f16", 0, LANES(z[i] = widen<F16>(h[i])));
  measure("fma.rn.f32", 0, LANES(z[i] = fma(x[i], y[i], z[i])));
  measure("fma.rz.f32", 0, LANES(z[i] = fma(x[i], y[i], z[i], {.round = Round::rz})));
  measure("fma.rn.f16x2", 0,
          LANES(pairs[i] = pairwise([](auto a) { return half_fma<F16>(a, a, a); }, pairs[i])));
  measure("ex2.approx.ftz.f32", 0, LANES(z[i] = approximate_ex2(x[i], 1, true)));
  measure("tanh.approx.f32", 0, LANES(z[i] = approximate_tanh(x[i], 1)));
#undef LANES
}

TEST(Speed, Matrices) {
  auto floating = [](const char* name, MatrixShape shape, MatrixFormat format, Accumulation model = {}) {
    std::vector<std::uint32_t> a(64 * 64, 0x3c383c38), b(256 * 64, 0x38383c38);
    std::vector<float> c(64 * 256), d(c.size());
    measure(name, 2.0 * shape.m * shape.n * shape.k,
            [&] { multiply_f32(shape, format, a.data(), format, b.data(), c.data(), d.data(), model); });
  };
  floating("mma m16n8k16 f16", {16, 8, 16}, MatrixFormat::f16);
  floating("mma m16n8k16 bf16", {16, 8, 16}, MatrixFormat::bf16);
  floating("mma m16n8k32 e4m3", {16, 8, 32}, MatrixFormat::e4m3);
  floating("mma m16n8k16 f16 truncating", {16, 8, 16}, MatrixFormat::f16, {8, 24});
  floating("wgmma m64n256k16 f16", {64, 256, 16}, MatrixFormat::f16);
  std::vector<double> x(16 * 16, 0.5), y(16 * 8);
  measure("mma m8n8k4 f64", 2.0 * 8 * 8 * 4,
          [&] { multiply_f64({8, 8, 4}, x.data(), x.data(), x.data(), y.data()); });
  std::vector<std::uint8_t> a(64 * 64, 3), b(64 * 64, 200);
  std::vector<std::int32_t> c(64 * 64), d(c.size());
  measure("mma m16n8k32 s8", 2.0 * 16 * 8 * 32,
          [&] { multiply_s8({16, 8, 32}, true, a.data(), true, b.data(), c.data(), d.data()); });
}

} // namespace
