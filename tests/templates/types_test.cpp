// types.cuh and global.cuh: conversions, integer division, lookups.
#include "device.h"

#include <cmath>
#include <limits>

namespace attile::test {
namespace {

std::vector<float> all_kinds_of_floats() {
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 65504, 65519.996f, 65520, 1e-45f, 3.4e38f};
  for (int i = 0; i < 500; ++i) { // any bits; ties of both formats; all magnitudes of f16
    const auto bits = static_cast<std::uint32_t>(random()());
    for (const std::uint32_t one : {bits, (bits & 0xffff0000) | 0x8000, (bits & 0xffffe000) | 0x1000}) {
      float value = 0;
      std::memcpy(&value, &one, 4);
      x.push_back(value);
      x.push_back(
          std::ldexp(std::frexp(value, std::vector<int>(1).data()), static_cast<int>(bits % 44) - 26));
    }
  }
  return x;
}

std::uint32_t bits_of(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, 4);
  return bits;
}

TEST(Types, NarrowToTheNearestAndBack) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/types.cuh"
using namespace attile;
extern "C" __global__ void test(const float* x, i64 n, f16* h, bf16* b, unsigned* pairs, float* back) {
  for (i64 i = threadIdx.x; i < n; i += blockDim.x) {
    h[i] = narrow<f16>(x[i]);
    b[i] = narrow<bf16>(x[i]);
    const float next = x[i + 1 < n ? i + 1 : 0];
    pairs[2 * i] = narrow_pair<f16>(x[i], next);
    pairs[2 * i + 1] = narrow_pair<bf16>(x[i], next);
    back[3 * i] = widen(h[i]);
    back[3 * i + 1] = widen(b[i]);
    back[3 * i + 2] = widen(narrow<float>(x[i]));
  }
})"};
  const std::vector<float> x = all_kinds_of_floats();
  const std::size_t n = x.size();
  everywhere(kernel, [&](Device& device) {
    const u64 h = device.output<u16>(n), b = device.output<u16>(n), pairs = device.output<u16>(4 * n),
              back = device.output<float>(3 * n);
    device.run({device.upload(x), n, h, b, pairs, back});
    const auto halves = device.download<u16>(h, n), brains = device.download<u16>(b, n),
               both = device.download<u16>(pairs, 4 * n);
    const auto wide = device.download<float>(back, 3 * n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string types[] = {"f16", "bf16"};
      for (int t = 0; t < 2; ++t) {
        const u16 wanted = narrowed(types[t], x[i]), found = t == 0 ? halves[i] : brains[i];
        ASSERT_EQ(found, wanted) << types[t] << " of " << x[i];
        ASSERT_EQ(both[4 * i + 2 * t], wanted) << types[t] << " of " << x[i];
        ASSERT_EQ(both[4 * i + 2 * t + 1], narrowed(types[t], x[(i + 1) % n])) << types[t];
        ASSERT_EQ(std::isnan(wide[3 * i + t]), std::isnan(widened(types[t], wanted)));
        if (!std::isnan(wide[3 * i + t])) {
          ASSERT_EQ(wide[3 * i + t], widened(types[t], wanted));
        }
      }
      ASSERT_EQ(bits_of(wide[3 * i + 2]), bits_of(x[i]));
    }
  });
}

TEST(Types, DivisionRoundsDownAndUp) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/types.cuh"
using namespace attile;
extern "C" __global__ void test(const i64* a, const i64* b, i64 n, i64* down, i64* up, float* bits) {
  for (i64 i = threadIdx.x; i < n; i += blockDim.x) {
    down[i] = floor_div(a[i], b[i]);
    up[i] = ceil_div(a[i], b[i]);
    bits[i] = bits_to_float(a[i]);
  }
})"};
  std::vector<i64> a, b;
  for (i64 x = -7; x <= 7; ++x)
    for (i64 y = -3; y <= 3; ++y)
      if (y != 0)
        a.push_back(x), b.push_back(y);
  for (int i = 0; i < 200; ++i) {
    a.push_back(static_cast<i64>(random()()) >> random()() % 60);
    b.push_back(static_cast<i64>(random()() | 1) >> random()() % 60 | 1);
  }
  const std::size_t n = a.size();
  everywhere(kernel, [&](Device& device) {
    const u64 down = device.output<i64>(n), up = device.output<i64>(n), bits = device.output<float>(n);
    device.run({device.upload(a), device.upload(b), n, down, up, bits});
    const auto lower = device.download<i64>(down, n), upper = device.download<i64>(up, n);
    const auto floats = device.download<std::uint32_t>(bits, n);
    for (std::size_t i = 0; i < n; ++i) {
      const __int128 rest = static_cast<__int128>(a[i]) - static_cast<__int128>(lower[i]) * b[i];
      ASSERT_TRUE(b[i] > 0 ? rest >= 0 && rest < b[i] : rest <= 0 && rest > b[i]) << a[i] << " / " << b[i];
      ASSERT_EQ(upper[i], lower[i] + (rest != 0)) << a[i] << " / " << b[i];
      ASSERT_EQ(floats[i], static_cast<std::uint32_t>(a[i]));
    }
  });
}

TEST(Global, LookupsAreClampedIntoTheTensor) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/global.cuh"
using namespace attile;
extern "C" __global__ void test(const int* a, i64 d0, i64 d1, i64 d2, i64 s0, i64 s1, i64 s2,
                                const i64* at, i64 n, i64* out, const bf16* b, const unsigned char* flags,
                                const f16* scalar, i64* others) {
  const auto tensor = make_global(a, d0, d1, d2, s0, s1, s2);
  for (i64 i = threadIdx.x; i < n; i += blockDim.x)
    out[i] = lookup(tensor, at[3 * i], int(at[3 * i + 1]), at[3 * i + 2]);
  if (threadIdx.x == 0) {
    others[0] = lookup(make_global(b, 3, 1), 99) == 2.5f;
    others[1] = lookup(make_global(b, 0, 1), 5) == -1.0f;
    others[2] = lookup(make_global(flags, 4, 1), -8) == false;
    others[3] = lookup(make_global(flags, 4, 1), 2) == true;
    others[4] = lookup(make_global(scalar)) == 0.5f;
  }
})"};
  const i64 d[3] = {3, 4, 5}, s[3] = {43, 10, 2};
  std::vector<int> a(3 * 43, 1 << 30);
  for (i64 i = 0; i < 60; ++i)
    a[i / 20 * s[0] + i / 5 % 4 * s[1] + i % 5 * s[2]] = static_cast<int>(i) - 30;
  std::vector<i64> at(300);
  for (i64& index : at)
    index = static_cast<i64>(random()() % 11) - 3;
  const i64 far[] = {0, 0, 0, INT64_MIN, 2, INT64_MAX, INT64_MAX, 0, INT64_MIN};
  at.insert(at.end(), far, far + 9);
  everywhere(kernel, [&](Device& device) {
    const std::size_t n = at.size() / 3;
    const u64 out = device.output<i64>(n), others = device.output<i64>(5);
    const std::vector<u16> b = {narrowed("bf16", -1), 0, narrowed("bf16", 2.5f)};
    device.run({device.upload(a), 3, 4, 5, 43, 10, 2, device.upload(at), n, out, device.upload(b),
                device.upload(std::vector<unsigned char>{0, 0, 2, 0}),
                device.upload(std::vector<u16>{narrowed("f16", 0.5f)}), others});
    const auto found = device.download<i64>(out, n);
    for (std::size_t i = 0; i < n; ++i) {
      i64 row = 0;
      for (int k = 0; k < 3; ++k)
        row = row * d[k] + std::clamp<i64>(at[3 * i + k], 0, d[k] - 1);
      ASSERT_EQ(found[i], row - 30);
    }
    EXPECT_EQ(device.download<i64>(others, 5), std::vector<i64>(5, 1));
  });
}

} // namespace
} // namespace attile::test
