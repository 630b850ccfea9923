// copy.cuh and shared.cuh: rows from global to shared memory.
#include "device.h"

#include <cmath>

namespace attile::test {
namespace {

struct Copy {
  std::string type;
  int rows, columns; ///< of the tile; columns are padded to a multiple of 8
  int threads;
  std::string function = "copy_rows"; ///< or copy_rows_async, gather_rows
  bool warps = false;                 ///< their number is given
};

int bytes_of(const std::string& type) { return type == "float" ? 4 : 2; }

int columns_of_tile(const Copy& copy) { return (copy.columns + 7) / 8 * 8; }

// The formula that shared.cuh gives for the host.
int tile_bytes(const Copy& copy) {
  const int chunks = (columns_of_tile(copy) * bytes_of(copy.type) + 31) / 32 * 2;
  const int pitch = chunks % 8 == 0 ? 16 * chunks : 16 * (chunks + 1);
  return (copy.rows * pitch + 127) / 128 * 128;
}

Kernel kernel_for(const Copy& copy) {
  const std::string call = copy.function == "gather_rows" ? R"(
  __shared__ i64 offsets[Rows];
  RowFragment<int, 16> h, q;
  for (int i = 0; i < 2; ++i) {
    h.x[0][i] = row_of<16>(0, i) % 3;
    q.x[0][i] = row_of<16>(0, i) / 3;
  }
  gather_rows$arguments(tile, from, stride_h, stride, h, q, offsets, int(count));
  __syncthreads();
  gather_rows$arguments(tile, from, stride_h, stride, h, q, offsets, int(count)); // the scratch is free again
)"
                                                          : R"(
  $function$arguments(tile, from, stride, int(count));
  commit_copies();
  wait_copies<0>();
)";
  const bool gathers = copy.function == "gather_rows", padded = copy.columns % 8 != 0;
  std::string arguments = copy.warps && !gathers ? std::to_string(copy.threads / 32) : "";
  if (padded)
    arguments = (gathers             ? ""
                 : arguments.empty() ? "0, "
                                     : arguments + ", ") +
                "false, " + std::to_string(copy.columns);
  Kernel kernel = {with(R"(#include "attile/copy.cuh"
using namespace attile;
constexpr int Rows = $rows, Columns = $columns;
using Tile = SharedTile<$T, Rows, Columns>;
__shared__ __align__(1024) char memory[Tile::bytes];
extern "C" __global__ void test(const $T* from, i64 stride, i64 stride_h, i64 count, float* out, i64* bytes) {
  Tile tile = {($T*)memory};
)" + call + R"(
  __syncthreads();
  constexpr int all = Tile::chunks * Tile::chunk; // padding, too
  for (int i = threadIdx.x; i < Rows * all; i += blockDim.x)
    out[i] = widen(tile.at(i / all, i % all));
  if (threadIdx.x == 0)
    *bytes = Tile::bytes;
}
)",
                        {{"T", copy.type},
                         {"rows", std::to_string(copy.rows)},
                         {"columns", std::to_string(columns_of_tile(copy))},
                         {"function", copy.function},
                         {"arguments", arguments.empty() ? "" : "<" + arguments + ">"}})};
  kernel.threads = static_cast<unsigned>(copy.threads);
  return kernel;
}

// One layout in global memory: rows `stride` elements apart, beginning `skip` bytes past an aligned address.
struct Layout {
  int stride, skip, count;
};

void check(Device& device, const Copy& copy, const Layout& layout) {
  SCOPED_TRACE("stride " + std::to_string(layout.stride) + ", skipped " + std::to_string(layout.skip) +
               ", rows " + std::to_string(layout.count));
  const bool gathers = copy.function == "gather_rows";
  const int stride_h = gathers ? layout.stride * (copy.rows / 3 + 1) : 0;
  const auto offset = [&](int r) {
    return static_cast<std::size_t>(gathers ? r % 3 * stride_h + r / 3 * layout.stride : r * layout.stride);
  };
  // Just as long as it has to be; between the rows NaN.
  std::size_t end = 1;
  for (int r = 0; r < layout.count; ++r)
    end = std::max(end, offset(r) + static_cast<std::size_t>(copy.columns));
  std::vector<float> x(end, NAN);
  for (int r = 0; r < layout.count; ++r) {
    const std::vector<float> row = exact_values(static_cast<std::size_t>(copy.columns));
    std::copy(row.begin(), row.end(), x.begin() + static_cast<std::ptrdiff_t>(offset(r)));
  }
  const int padded = (columns_of_tile(copy) * bytes_of(copy.type) + 31) / 32 * 32 / bytes_of(copy.type);
  const std::size_t total = static_cast<std::size_t>(copy.rows) * static_cast<std::size_t>(padded);
  const u64 out = device.output<float>(total), bytes = device.output<i64>(1);
  device.run({device.tensor(copy.type, x, static_cast<u64>(layout.skip)), static_cast<u64>(layout.stride),
              static_cast<u64>(stride_h), static_cast<u64>(layout.count), out, bytes});
  EXPECT_EQ(device.download<i64>(bytes, 1)[0], tile_bytes(copy));
  const auto found = device.download<float>(out, total);
  for (int r = 0; r < copy.rows; ++r)
    for (int c = 0; c < padded; ++c) {
      const float wanted =
          r < layout.count && c < copy.columns ? x[offset(r) + static_cast<std::size_t>(c)] : 0.0f;
      ASSERT_EQ(found[static_cast<std::size_t>(r * padded + c)], wanted) << "row " << r << ", column " << c;
    }
}

void check(const Copy& copy, std::vector<std::string> on_targets = {}) {
  SCOPED_TRACE(copy.function + " of " + std::to_string(copy.rows) + " x " + std::to_string(copy.columns) +
               " " + copy.type);
  Kernel kernel = kernel_for(copy);
  kernel.only = std::move(on_targets);
  const int unit = 16 / bytes_of(copy.type), size = bytes_of(copy.type);
  const int some = static_cast<int>(random()() % static_cast<u64>(copy.rows));
  everywhere(kernel, [&](Device& device) {
    check(device, copy, {copy.columns, 0, copy.rows});           // dense
    check(device, copy, {copy.columns + 3 * unit, 16, some});    // cut
    check(device, copy, {copy.columns + 1, 0, some});            // odd stride
    check(device, copy, {copy.columns + unit, size, copy.rows}); // odd address
    check(device, copy, {copy.columns, 0, 0});                   // nothing
  });
}

const char* const functions[] = {"copy_rows", "copy_rows_async", "gather_rows"};

TEST(Copy, OnEveryTarget) {
  NEEDS_NVRTC;
  for (const char* function : functions)
    check({"bf16", 64, 40, 128, function, true});
}

TEST(Copy, HeadDims) {
  NEEDS_NVRTC;
  for (const int columns : {8, 64, 72, 80, 96, 128, 576})
    check({random()() % 2 ? "f16" : "bf16", 32, columns, 64, functions[random()() % 3], random()() % 2 == 0},
          {"sm_75", some_target(80)});
  for (const int columns : {8, 40, 64, 72, 128})
    check({"float", 32, columns, 64, functions[random()() % 3], random()() % 2 == 0},
          {"sm_75", some_target(80)});
}

TEST(Copy, FewerColumnsThanTheTile) {
  NEEDS_NVRTC;
  check({"bf16", 32, 20, 64, "copy_rows_async", true}, {some_target(80)});
  check({"f16", 16, 37, 32, "gather_rows"}, {"sm_75"});
  check({"float", 16, 7, 32, "copy_rows_async"}, {some_target()});
}

// The static order of copies: all ways in which eight rows are divided among the warps.
TEST(Copy, NumbersOfWarps) {
  NEEDS_NVRTC;
  for (const int columns : {40, 64, 96, 192, 256})
    for (const int warps : {1, 2, 3, 4, 8})
      if (random()() % 2)
        check({random()() % 3 ? "bf16" : "float", static_cast<int>(8 + 8 * (random()() % 16)), columns,
               32 * warps, functions[random()() % 2], true},
              {random()() % 3 ? some_target(80) : "sm_75"});
}

// Copies alone, so that their passes over the banks are all that is counted: 16 bytes by eight lanes at a
// time.
TEST(Copy, MeetsNoBankTwice) {
  NEEDS_NVRTC;
  for (const std::string type : {"bf16", "float"})
    for (const int columns : {40, 64, 96, 128})
      for (const std::string function : {"copy_rows", "copy_rows_async<4>"}) {
        const Kernel kernel = {
            with(R"(#include "attile/copy.cuh"
using namespace attile;
using Tile = SharedTile<$T, 64, $columns>;
__shared__ __align__(1024) char memory[Tile::bytes];
extern "C" __global__ void test(const $T* from, char* out) {
  Tile tile = {($T*)memory};
  $function(tile, from, $columns, 64);
  commit_copies();
  wait_copies<0>();
  __syncthreads();
  out[threadIdx.x] = memory[threadIdx.x]; // a pass of each of four warps
}
)",
                 {{"T", type}, {"columns", std::to_string(columns)}, {"function", function}})};
        for (const std::string& target : {std::string("sm_75"), some_target(80)})
          on(kernel, target, 0, [&](Device& device) {
            const std::vector<float> x(static_cast<std::size_t>(64 * columns), 1);
            device.run({device.tensor(type, x), device.output<char>(128)});
            const u64 written = device.counts.shared_written;
            EXPECT_GE(written, x.size() * static_cast<u64>(bytes_of(type)));
            EXPECT_EQ(device.counts.shared_conflicts, 0u) << type << " " << columns << " " << function;
            EXPECT_EQ(device.counts.shared_wavefronts, written / 128 + 4);
            if (columns * bytes_of(type) % 32 == 0) { // else rows begin within a sector
              EXPECT_EQ(device.counts.global_read_sectors, x.size() * static_cast<u64>(bytes_of(type)) / 32);
            }
          });
      }
}

// ---- mutants: without a barrier or a wait, checks report it ----

bool reported(const Kernel& kernel, const std::string& target, const std::function<bool(Device&)>& launch) {
  bool found = false;
  for (u64 schedule = 0; schedule < 4 && !found; ++schedule)
    on(kernel, target, schedule == 0 ? 0 : random()() | 1, [&](Device& device) { found = !launch(device); });
  return found;
}

TEST(CopyMutants, AreReported) {
  NEEDS_NVRTC;
  const std::string target = some_target(80);
  const auto launch = [](Device& device) {
    const std::vector<float> x = exact_values(64 * 64);
    return device.launch(
        {device.tensor("bf16", x), 64, 64, 64, device.output<float>(64 * 64), device.output<i64>(1)});
  };
  using Pieces = std::vector<std::pair<std::string, int>>; // with the number of the occurrence
  const std::pair<std::string, int> barrier = {"__syncthreads();", 0}, wait = {"  wait_copies<0>();", 0};
  const std::vector<std::pair<std::string, Pieces>> mutants = {
      {"copy_rows", {wait}},
      {"copy_rows_async", {barrier, wait}},
      {"gather_rows", {barrier, {barrier.first, 1}, {wait.first, 1}}},
  };
  for (const auto& [function, pieces] : mutants) {
    Kernel kernel = kernel_for({"bf16", 64, 64, 128, function});
    EXPECT_FALSE(reported(kernel, target, launch)) << function;
    for (const auto& piece : pieces) {
      kernel.without = piece;
      EXPECT_TRUE(reported(kernel, target, launch))
          << function << " without " << piece.first << " " << piece.second;
    }
  }
}

} // namespace
} // namespace attile::test
