// scatter_rows of store.cuh: fragments to rows anywhere in global memory.
#include "device.h"

#include <cmath>

namespace attile::test {
namespace {

struct Layout {
  int stride_q, skip, count;
};

void check(Device& device, const std::string& type, int rows, int columns, const Layout& layout) {
  SCOPED_TRACE("stride " + std::to_string(layout.stride_q) + ", skipped " + std::to_string(layout.skip) +
               ", rows " + std::to_string(layout.count));
  const int size = type == "float" ? 4 : 2;
  const auto stride_q = static_cast<std::size_t>(layout.stride_q), width = static_cast<std::size_t>(columns);
  const std::size_t stride_h = stride_q * static_cast<std::size_t>((rows + 2) / 3),
                    total = 3 * stride_h + width;
  const auto offset = [&](int r) {
    return static_cast<std::size_t>(r % 3) * stride_h + static_cast<std::size_t>(r / 3) * stride_q;
  };
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(rows) * width), one(static_cast<std::size_t>(rows));
  for (float& value : x)
    value = normal(random());
  for (float& value : one)
    value = normal(random());
  const u64 out = device.output<char>(total * static_cast<u64>(size), static_cast<u64>(layout.skip)),
            single = device.output<char>(total * static_cast<u64>(size), static_cast<u64>(layout.skip));
  const auto before = device.elements(type, out, total);
  device.run({device.upload(x), device.upload(one), stride_h, stride_q, static_cast<u64>(layout.count), out,
              single});
  const auto found = device.elements(type, out, total), singles = device.elements(type, single, total);
  std::vector<float> wanted = before, wanted_singles = before;
  const auto as_stored = [&](float value) {
    return size == 4 ? value : widened(type, narrowed(type, value));
  };
  for (int r = 0; r < layout.count; ++r) {
    for (std::size_t c = 0; c < width; ++c)
      wanted[offset(r) + c] = as_stored(x[static_cast<std::size_t>(r) * width + c]);
    wanted_singles[offset(r)] = as_stored(one[static_cast<std::size_t>(r)]);
  }
  ASSERT_EQ(found, wanted);
  ASSERT_EQ(singles, wanted_singles);
}

Kernel kernel_for(const std::string& type, int r, int columns) {
  const bool padded = columns % 8 != 0;
  return {with(R"(#include "attile/store.cuh"
using namespace attile;
extern "C" __global__ void test(const float* x, const float* one, i64 stride_h, i64 stride_q, i64 count, $T* out,
                                $T* single) {
  constexpr int R = $R;
  RowFragment<int, R> h, q;
  for (int m = 0; m < R / 16; ++m)
    for (int i = 0; i < 2; ++i) {
      h.x[m][i] = row_of<R>(m, i) % 3;
      q.x[m][i] = row_of<R>(m, i) / 3;
    }
  Fragment<float, R, $padded> values;
  load$loaded(values, x);
  scatter_rows$scattered(out, stride_h, stride_q, h, q, values, int(count));
  RowFragment<float, R> of_row;
  load(of_row, one);
  scatter_rows(single, stride_h, stride_q, h, q, of_row, int(count));
}
)",
               {{"T", type},
                {"R", std::to_string(r)},
                {"padded", std::to_string((columns + 7) / 8 * 8)},
                {"loaded", padded ? "<" + std::to_string(columns) + ">" : ""},
                {"scattered", padded ? "<false, " + std::to_string(columns) + ">" : ""}}),
          64};
}

void check(const std::string& type, int r, int columns, std::vector<std::string> on_targets) {
  SCOPED_TRACE(type + ", " + std::to_string(columns) + " columns");
  Kernel kernel = kernel_for(type, r, columns);
  kernel.only = std::move(on_targets);
  const int rows = 2 * r, unit = type == "float" ? 4 : 8, size = type == "float" ? 4 : 2;
  const int some = static_cast<int>(random()() % static_cast<u64>(rows));
  everywhere(kernel, [&](Device& device) {
    check(device, type, rows, columns, {columns, 0, rows});
    check(device, type, rows, columns, {columns + 3 * unit, 16, some});
    check(device, type, rows, columns, {columns + 2, 2 * size, rows}); // aligned to pairs only
    check(device, type, rows, columns, {columns + 1, 0, some});        // to elements
    check(device, type, rows, columns, {columns, size, 0});
  });
}

TEST(Scatter, OnEveryTarget) {
  NEEDS_NVRTC;
  for (const std::string type : {"bf16", "f16", "float"})
    check(type, 16, 40, {});
}

TEST(Scatter, Columns) {
  NEEDS_NVRTC;
  for (const int columns : {8, 64, 72, 96})
    check(random()() % 2 ? "bf16" : "f16", 32, columns, {"sm_75", some_target(80)});
  check("float", 32, 64, {some_target()});
}

TEST(Scatter, FewerColumnsThanTheFragment) {
  NEEDS_NVRTC;
  check("bf16", 16, 20, {some_target(80)});
  check("f16", 32, 37, {"sm_75"});
  check("float", 16, 7, {some_target()});
}

// Aligned rows are written by whole sectors.
TEST(Scatter, WritesWholeSectors) {
  NEEDS_NVRTC;
  for (const std::string type : {"bf16", "float"}) {
    Kernel kernel = kernel_for(type, 16, 64);
    on(kernel, some_target(), 0, [&](Device& device) {
      const u64 bytes = 32 * 64 * (type == "float" ? 4 : 2), out = device.output<char>(3 * bytes),
                single = device.output<char>(3 * bytes);
      device.run({device.upload(std::vector<float>(32 * 64, 1)), device.upload(std::vector<float>(32, 1)),
                  64 * 11, 64, 32, out, single});
      EXPECT_EQ(device.counts.global_write_sectors, bytes / 32 + 32)
          << type; // and one for each single element
    });
  }
}

} // namespace
} // namespace attile::test
