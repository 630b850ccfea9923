// fragment.cuh, and store and load of store.cuh: which lane has which element, and what is done with them.
#include "device.h"

#include <cmath>

namespace attile::test {
namespace {

std::vector<float> some_floats(std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& value : x)
    value = normal(random());
  return x;
}

TEST(Fragment, StoreAndLoadKnowRowsAndColumns) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/store.cuh"
using namespace attile;
extern "C" __global__ void test(const float* x, float* twice, i64* numbers, const i64* rows, i64* same) {
  Fragment<float, 32, 24> a;
  load(a, x);
  Fragment<i64, 32, 24> where;
  fill(where, -1);
  RowFragment<i64, 32> of_row, constant;
  load(of_row, rows);
  fill(constant, 7);
  for (int m = 0; m < 2; ++m)
    for (int i = 0; i < 2; ++i) {
      of_row.x[m][i] += row_of<32>(m, i) + constant.x[m][i];
      for (int j = 0; j < 3; ++j)
        for (int c = 0; c < 2; ++c) {
          a.x[m][j][2 * i + c] *= 2;
          where.x[m][j][2 * i + c] += 1000 * row_of<32>(m, i) + column_of(j, c);
        }
    }
  store(twice, a);
  store(numbers, where);
  store(same, of_row);
})",
                         96};
  constexpr std::size_t rows = 96, columns = 24;
  const std::vector<float> x = some_floats(rows * columns);
  std::vector<i64> offsets(rows);
  for (i64& offset : offsets)
    offset = static_cast<i64>(random()() >> 20);
  everywhere(kernel, [&](Device& device) {
    const u64 twice = device.output<float>(rows * columns), numbers = device.output<i64>(rows * columns),
              same = device.output<i64>(rows);
    device.run({device.upload(x), twice, numbers, device.upload(offsets), same});
    const auto doubled = device.download<float>(twice, x.size());
    const auto where = device.download<i64>(numbers, x.size()), found = device.download<i64>(same, rows);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(doubled[i], 2 * x[i]);
      ASSERT_EQ(where[i], static_cast<i64>(1000 * (i / columns) + i % columns) - 1);
    }
    for (std::size_t r = 0; r < rows; ++r)
      ASSERT_EQ(found[r], offsets[r] + static_cast<i64>(r) + 7);
  });
}

TEST(Fragment, ReductionsAlongRowsAndScaling) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/store.cuh"
using namespace attile;
template <class Combiner> __device__ void reduce(float* out, const Fragment<float, 16, 16>& a) {
  RowFragment<float, 16> result;
  for (int i = 0; i < 2; ++i) {
    float partial = a.x[0][0][2 * i];
    partial = Combiner::of(partial, a.x[0][0][2 * i + 1]);
    for (int c = 0; c < 2; ++c)
      partial = Combiner::of(partial, a.x[0][1][2 * i + c]);
    result.x[0][i] = reduce_columns<Combiner>(partial);
  }
  // All lanes of a quad have it.
  for (int i = 0; i < 2; ++i)
    out[4 * row_of<16>(0, i) + lane_of_thread() % 4] = result.x[0][i];
}
extern "C" __global__ void test(const float* x, const float* factors, float* out, float* scaled) {
  Fragment<float, 16, 16> a;
  load(a, x);
  reduce<Add>(out, a);
  reduce<Mul>(out + 4 * 64, a);
  reduce<Max>(out + 8 * 64, a);
  reduce<Min>(out + 12 * 64, a);
  RowFragment<float, 16> factor;
  load(factor, factors);
  scale_rows(a, factor);
  store(scaled, a);
})"};
  std::vector<float> x = some_floats(64 * 16);
  x[5] = NAN; // of a row's maximum and minimum, the numbers count
  const std::vector<float> factors = some_floats(64);
  everywhere(kernel, [&](Device& device) {
    const u64 out = device.output<float>(16 * 64), scaled = device.output<float>(64 * 16);
    device.run({device.upload(x), device.upload(factors), out, scaled});
    const auto found = device.download<float>(out, 16 * 64),
               products = device.download<float>(scaled, 64 * 16);
    for (std::size_t r = 0; r < 64; ++r) {
      double sum = 0, product = 1, sizes = 0;
      float most = NAN, least = NAN;
      for (std::size_t c = 0; c < 16; ++c) {
        const float value = x[16 * r + c];
        sum += value, product *= value, sizes += std::abs(value);
        most = std::fmax(most, value), least = std::fmin(least, value);
        if (!std::isnan(value)) {
          ASSERT_EQ(products[16 * r + c], value * factors[r]);
        }
      }
      for (std::size_t t = 0; t < 4; ++t) {
        ASSERT_EQ(found[8 * 64 + 4 * r + t], most);
        ASSERT_EQ(found[12 * 64 + 4 * r + t], least);
        if (r > 0) {
          ASSERT_NEAR(found[4 * r + t], sum, 1e-6 * sizes);
          ASSERT_NEAR(found[4 * 64 + 4 * r + t], product, 1e-5 * std::abs(product));
        }
      }
    }
  });
}

// The lane's pairs, written where the fragment's elements would be.
TEST(Operand, RoundsAndKeepsTheResidual) {
  NEEDS_NVRTC;
  for (const std::string type : {"f16", "bf16"}) {
    const Kernel kernel = {with(R"(#include "attile/store.cuh"
using namespace attile;
extern "C" __global__ void test(const float* x, unsigned* first, unsigned* second) {
  Fragment<float, 16, 24> a;
  load(a, x);
  Operand<$T, 16, 24> p;
  for (int pass = 0; pass < 2; ++pass) {
    if (pass == 0)
      attile::round(p, a);
    else
      residual(p, a);
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i)
        (pass == 0 ? first : second)[(row_of<16>(0, i) * 24 + column_of(j, 0)) / 2] = p.x[0][j][i];
  }
})",
                                {{"T", type}}),
                           64};
    const std::vector<float> x = some_floats(32 * 24);
    everywhere(kernel, [&](Device& device) {
      const u64 first = device.output<u16>(x.size()), second = device.output<u16>(x.size());
      device.run({device.upload(x), first, second});
      const auto high = device.download<u16>(first, x.size()), low = device.download<u16>(second, x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const u16 rounded = narrowed(type, x[i]);
        ASSERT_EQ(high[i], rounded);
        ASSERT_EQ(low[i], narrowed(type, x[i] - widened(type, rounded)));
      }
    });
  }
}

} // namespace
} // namespace attile::test
