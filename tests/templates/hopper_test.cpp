// panel.cuh, wgmma.cuh, mbarrier.cuh, tma.cuh and roles.cuh: each alone, then a pipeline of all of them.
#include "device.h"

#include "emulator/exec/tensor_map.h"

#include <algorithm>
#include <cmath>

namespace attile::test {
namespace {

const std::string hopper = "sm_90a";

/// Where PanelTile has element (r, c), in bytes, from the documentation of the 128-byte swizzle: bits 4 to 6
/// of an address, exclusive-or bits 7 to 9.
std::size_t place_of(std::size_t rows, std::size_t r, std::size_t c) {
  const std::size_t plain = c / 64 * rows * 128 + r * 128 + c % 64 * 2;
  return plain ^ (plain >> 7 & 7) << 4;
}

// Rows from anywhere, aligned or not, with columns that are no multiple of 8; what is read beyond is 0.
TEST(Panels, AreSwizzledAndPadded) {
  NEEDS_NVRTC;
  constexpr std::size_t rows = 32, count = 27, stride = 112;
  for (const std::size_t columns : {104, 72, 60}) {
    Kernel kernel = {with(R"(#include "attile/hopper.cuh"
using namespace attile;
extern "C" __global__ void test(const f16* x, const i64* which, unsigned short* raw, i64 count) {
  __shared__ __align__(1024) char memory[PanelTile<f16, 32, $P>::bytes];
  __shared__ i64 offsets[32];
  const PanelTile<f16, 32, $P> tile = {(f16*)memory};
  for (int i = threadIdx.x; i < sizeof(memory) / 2; i += 64)
    ((unsigned short*)memory)[i] = 0x5555;
  __syncthreads();
  RowFragment<int, 16> zero, row;
  fill(zero, 0);
  for (int i = 0; i < 2; ++i)
    row.x[0][i] = int(which[row_of<16>(0, i)]);
  gather_rows<64, 1, $C>(tile, x, 0, 112, zero, row, offsets, (int)count);
  meet<1, 64>();
  for (int i = threadIdx.x; i < sizeof(memory) / 2; i += 64)
    raw[i] = ((unsigned short*)memory)[i];
})",
                          {{"P", std::to_string((columns + 7) / 8 * 8)}, {"C", std::to_string(columns)}}),
                     64};
    kernel.only = {hopper};
    const std::vector<float> x = exact_values(rows * stride);
    std::vector<i64> which(rows);
    for (i64& row : which)
      row = static_cast<i64>(random()() % rows);
    const std::size_t read = (columns + 15) / 16 * 16, elements = (columns + 63) / 64 * rows * 64;
    everywhere(kernel, [&](Device& device) {
      for (const u64 skip : {0, 2}) { // bytes
        const u64 raw = device.output<u16>(elements);
        device.run({device.tensor("f16", x, skip), device.upload(which), raw, count});
        const auto found = device.download<u16>(raw, elements);
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t c = 0; c < read; ++c) {
            const bool is_there = r < count && c < columns;
            const float wanted = is_there ? x[static_cast<std::size_t>(which[r]) * stride + c] : 0;
            ASSERT_EQ(widened("f16", found[place_of(rows, r, c) / 2]), wanted) << r << ", " << c;
          }
      }
    });
  }
}

// s = q k^T, o = 1 + round(s / 8) v, with values whose sums are exact in f32.
void check_products(const std::string& type, std::size_t warpgroups, std::size_t keys, std::size_t d) {
  SCOPED_TRACE(type + ", " + std::to_string(keys) + " keys, " + std::to_string(d) + " deep");
  Kernel kernel = {with(R"(#include "attile/kernel.cuh"
#include "attile/hopper.cuh"
using namespace attile;
extern "C" __global__ void __launch_bounds__(128 * $W) test(const $T* q, const $T* k, const $T* v, float* s_out,
                                                           float* o_out) {
  constexpr int R = 64 * $W, C = $C, D = $D;
  extern __shared__ __align__(1024) char memory[];
  const PanelTile<$T, R, D> queries = {($T*)memory};
  const PanelTile<$T, C, D> keys = {($T*)(memory + queries.bytes)}, values = {($T*)(memory + queries.bytes + keys.bytes)};
  for (int i = threadIdx.x; i < R * D; i += 2 * R)
    queries.at(i / D, i % D) = q[i];
  for (int i = threadIdx.x; i < C * D; i += 2 * R)
    keys.at(i / D, i % D) = k[i], values.at(i / D, i % D) = v[i];
  for (int i = threadIdx.x; i < R * 8; i += 2 * R) // up to a multiple of 16 columns
    if (D % 16 != 0)
      queries.at(i / 8, D + i % 8) = {};
  for (int i = threadIdx.x; i < C * 8; i += 2 * R)
    if (D % 16 != 0)
      keys.at(i / 8, D + i % 8) = {};
  fence_async();
  __syncthreads();
  Fragment<float, 16, C> s;
  fill(s, 99.0f); // not accumulated onto
  dot_nt(s, queries, keys);
  store(s_out, s);
  for (int j = 0; j < C / 8; ++j)
    for (int e = 0; e < 4; ++e)
      s.x[0][j][e] = rintf(s.x[0][j][e] / 8);
  Operand<$T, 16, C> p;
  attile::round(p, s);
  Fragment<float, 16, D> o;
  fill(o, 1.0f); // accumulated onto
  dot_nn(o, p, values);
  store(o_out, o);
})",
                        {{"T", type},
                         {"W", std::to_string(warpgroups)},
                         {"C", std::to_string(keys)},
                         {"D", std::to_string(d)}})};
  kernel.threads = static_cast<unsigned>(128 * warpgroups);
  kernel.only = {hopper};
  const std::size_t rows = 64 * warpgroups;
  kernel.shared = static_cast<unsigned>((d + 63) / 64 * 128 * (rows + 2 * keys));
  const std::vector<float> q = exact_values(rows * d), k = exact_values(keys * d), v = exact_values(keys * d);
  everywhere(kernel, [&](Device& device) {
    const u64 s_out = device.output<float>(rows * keys), o_out = device.output<float>(rows * d);
    device.run({device.tensor(type, q), device.tensor(type, k), device.tensor(type, v), s_out, o_out});
    const auto scores = device.download<float>(s_out, rows * keys),
               out = device.download<float>(o_out, rows * d);
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<double> wanted(d, 1);
      for (std::size_t j = 0; j < keys; ++j) {
        double s = 0;
        for (std::size_t l = 0; l < d; ++l)
          s += double(q[i * d + l]) * double(k[j * d + l]);
        ASSERT_EQ(scores[i * keys + j], s) << i << ", " << j;
        const double p = widened(type, narrowed(type, static_cast<float>(std::nearbyint(s / 8))));
        for (std::size_t l = 0; l < d; ++l)
          wanted[l] += p * double(v[j * d + l]);
      }
      for (std::size_t l = 0; l < d; ++l)
        ASSERT_EQ(out[i * d + l], wanted[l]) << i << ", " << l;
    }
  });
}

TEST(Wgmma, MultipliesTiles) {
  NEEDS_NVRTC;
  check_products("bf16", 2, 48, 64);
  check_products("f16", 1, 32, 104);
  check_products("bf16", 1, 80, 128);
  check_products("f16", 1, 16, 24);
}

// A warpgroup's work on all tiles: one product after the other,
const char* const in_turn = R"(int turn = 0;
#pragma unroll 1
    for (i64 key = 0; key < keys; key += C, ++turn) {
      Fragment<float, 16, C> s;
      wait_phase(k_full, turn % 2, turn / 2 % 2);
      dot_nt(s, queries, k_tile.stage(turn % 2));
      arrive_warp(k_empty, turn % 2);
      for (int j = 0; j < C / 8; ++j)
        for (int e = 0; e < 4; ++e)
          s.x[0][j][e] = math::roundeven(s.x[0][j][e] / 64);
      Operand<f16, 16, C> p;
      attile::round(p, s);
      wait_phase(v_full, turn % 2, turn / 2 % 2);
      dot_nn(sum, p, v_tile.stage(turn % 2));
      arrive_warp(v_empty, turn % 2);
    })";

// or the next scores beside the sum of a tile, and two warpgroups in turns.
const char* const overlapped = R"(int turn = 0;
    Operand<f16, 16, C> p;
    const int who = warpgroup_of_role(0);
    if (who == 1)
      signal(3, 256);
#pragma unroll 1
    for (i64 key = 0; key < keys; key += C, ++turn) {
      Fragment<float, 16, C> s;
      wait_phase(k_full, turn % 2, turn / 2 % 2);
      meet(3 + who, 256);
      start_dot_nt(s, queries, k_tile.stage(turn % 2));
      if (turn > 0) {
        wait_phase(v_full, (turn - 1) % 2, (turn - 1) / 2 % 2);
        start_dot_nn(sum, p, v_tile.stage((turn - 1) % 2));
        signal(4 - who, 256);
        wait_products<1>(s);
      } else {
        signal(4 - who, 256);
        wait_products<0>(s);
      }
      arrive_warp(k_empty, turn % 2);
      for (int j = 0; j < C / 8; ++j)
        for (int e = 0; e < 4; ++e)
          s.x[0][j][e] = math::roundeven(s.x[0][j][e] / 64);
      settle(s);
      wait_products<0>(sum);
      if (turn > 0)
        arrive_warp(v_empty, (turn - 1) % 2);
      attile::round(p, s);
    }
    const int last = turn - 1;
    wait_phase(v_full, last % 2, last / 2 % 2);
    dot_nn(sum, p, v_tile.stage(last % 2));)";

// A producer warpgroup brings tiles through two stages to two that multiply: o = sum over tiles of round(q
// k^T / 64) v, as in pipeline_test.cpp. Without a map the producer copies by hand.
Kernel pipeline(std::size_t keys, std::size_t d, const char* loop = in_turn, bool divides_registers = false) {
  Kernel kernel = {with(R"(#include "attile/kernel.cuh"
#include "attile/hopper.cuh"
using namespace attile;
constexpr int C = $C, D = $D;
extern "C" __global__ void __launch_bounds__(384, 1) test(const __grid_constant__ TensorMap k_map,
    const __grid_constant__ TensorMap v_map, const f16* q, const f16* k, const f16* v, float* o, i64 rows, i64 keys,
    i64 stride, i64 v_stride) {
  using Q = PanelTile<f16, 128, D>;
  using K = Staged<PanelTile<f16, C, D>, 2>;
  extern __shared__ __align__(1024) char memory[];
  const Q queries = {(f16*)memory};
  const K k_tile = {(f16*)(memory + Q::bytes)}, v_tile = {(f16*)(memory + Q::bytes + K::bytes)};
  const Barriers<2> k_full = {shared_address(memory + Q::bytes + 2 * K::bytes)}, k_empty = {k_full.base + 16},
                    v_full = {k_full.base + 32}, v_empty = {k_full.base + 48};
  if (threadIdx.x == 0) {
    begin_barriers(k_full, 1);
    begin_barriers(v_full, 1);
    begin_barriers(k_empty, 8);
    begin_barriers(v_empty, 8);
  }
  __syncthreads();
  const i64 first = i64(blockIdx.x) * 128;
  if (threadIdx.x < 256) {
    $T
    RowFragment<int, 16> zero, row;
    fill(zero, 0);
    for (int i = 0; i < 2; ++i)
      row.x[0][i] = int(first + row_of<16>(0, i) < rows ? first + row_of<16>(0, i) : rows - 1);
    gather_rows<256, 1>(queries, q, 0, stride, zero, row, (i64*)(memory + Q::bytes + 2 * K::bytes + 64), 128);
    meet<1, 256>();
    Fragment<float, 16, D> sum;
    fill(sum, 0.0f);
    $L
    scatter_rows<true>(o, 0, D, zero, row, sum, int(rows - first));
  } else {
    $K
    int turn = 0;
#pragma unroll 1
    for (i64 key = 0; key < keys; key += C, ++turn) {
      wait_phase(k_empty, turn % 2, 1 - turn / 2 % 2);
      bring_rows<2>(k_tile.stage(turn % 2), k_map, 0, 0, key, k + key * stride, stride, int(keys - key), k_full, turn % 2);
      wait_phase(v_empty, turn % 2, 1 - turn / 2 % 2);
      bring_rows<2>(v_tile.stage(turn % 2), v_map, 0, 0, key, v + key * v_stride, v_stride, int(keys - key), v_full,
                    turn % 2);
    }
  }
})",
                        {{"C", std::to_string(keys)},
                         {"D", std::to_string(d)},
                         {"L", loop},
                         {"T", divides_registers ? "take_registers<232>();" : ""},
                         {"K", divides_registers ? "keep_registers<40>();" : ""}})};
  kernel.threads = 384;
  kernel.only = {hopper};
  kernel.shared = static_cast<unsigned>((d + 63) / 64 * 128 * (128 + 4 * keys) + 64 + 1024);
  return kernel;
}

constexpr unsigned tile = 32; // keys

struct Problem {
  std::size_t d, rows, keys, stride = d + 8;
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
  /// The map of a tensor of this shape, in boxes of a tile's rows and 64 columns; zeros if not `mapped`.
  std::vector<u64> map_of(u64 address, bool mapped) const {
    std::vector<u64> words(emu::TensorMap::size / 8);
    if (!mapped)
      return words;
    emu::TensorMap map;
    map.type = emu::TensorMap::Type::f16;
    map.rank = 4;
    map.address = address;
    map.dims = {d, keys, 1, 1, 1};
    map.strides = {stride * 2, keys * stride * 2, keys * stride * 2};
    map.box = {64, tile, 1, 1, 1};
    map.swizzle = emu::TensorMap::Swizzle::span_128;
    EXPECT_EQ(map.wrong(), "");
    map.encode(reinterpret_cast<std::byte*>(words.data()));
    return words;
  }
  /// True if no check reports anything; the result at `o`. Without maps one tensor is not even aligned.
  bool launch(Device& device, u64 o, bool mapped, bool expected) const {
    const u64 keys_at = device.tensor("f16", k), values_at = device.tensor("f16", v, mapped ? 0 : 2);
    std::vector<u64> parameters = map_of(keys_at, mapped);
    for (u64 word : map_of(values_at, mapped))
      parameters.push_back(word);
    for (u64 each :
         {device.tensor("f16", q), keys_at, values_at, o, u64(rows), u64(keys), u64(stride), u64(stride)})
      parameters.push_back(each);
    const auto blocks = static_cast<unsigned>((rows + 127) / 128);
    if (!expected)
      return device.launch(parameters, blocks);
    device.run(parameters, blocks);
    return true;
  }
};

TEST(HopperPipeline, IsRight) {
  NEEDS_NVRTC;
  const Problem problem = {72, 150, 150};
  const std::vector<double> wanted = problem.result();
  for (const char* loop : {in_turn, overlapped})
    everywhere(pipeline(tile, 72, loop), [&](Device& device) {
      for (bool mapped : {true, false}) {
        SCOPED_TRACE(mapped ? "with maps" : "by hand");
        const u64 o = device.output<float>(wanted.size());
        problem.launch(device, o, mapped, true);
        const auto found = device.download<float>(o, wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i)
          ASSERT_EQ(found[i], wanted[i]) << "row " << i / problem.d << ", column " << i % problem.d;
      }
    });
}

TEST(HopperPipelineMutants, AreReported) {
  NEEDS_NVRTC;
  const Problem problem = {64, 128, 160};
  const auto reported = [&](const Kernel& kernel, bool mapped) {
    bool found = false;
    for (u64 schedule = 0; schedule < 4 && !found; ++schedule)
      on(kernel, hopper, schedule == 0 ? 0 : random()() | 1, [&](Device& device) {
        found = !problem.launch(device, device.output<float>(128 * 64), mapped, false);
      });
    return found;
  };
  const auto all_are = [&](const char* loop, std::initializer_list<const char*> pieces, auto mapped) {
    Kernel kernel = pipeline(tile, 64, loop);
    EXPECT_FALSE(reported(kernel, true));
    EXPECT_FALSE(reported(kernel, false));
    for (const char* piece : pieces) {
      kernel.without = {piece, 0};
      EXPECT_TRUE(reported(kernel, mapped())) << "without " << piece;
    }
  };
  all_are(in_turn,
          {"      wait_phase(k_full, turn % 2, turn / 2 % 2);",
           "      wait_phase(v_full, turn % 2, turn / 2 % 2);", "      arrive_warp(k_empty, turn % 2);",
           "      arrive_warp(v_empty, turn % 2);", "      wait_phase(k_empty, turn % 2, 1 - turn / 2 % 2);",
           "      wait_phase(v_empty, turn % 2, 1 - turn / 2 % 2);", "    meet<1, 256>();"},
          [] { return random()() % 2 == 0; });
  // Copied by hand, keys would come after the values of the tile before: one wait would do for both.
  all_are(overlapped,
          {"      wait_phase(k_full, turn % 2, turn / 2 % 2);",
           "        wait_phase(v_full, (turn - 1) % 2, (turn - 1) / 2 % 2);",
           "    wait_phase(v_full, last % 2, last / 2 % 2);", "      arrive_warp(k_empty, turn % 2);",
           "        arrive_warp(v_empty, (turn - 1) % 2);", "        wait_products<1>(s);",
           "        wait_products<0>(s);", "      wait_products<0>(sum);", "        signal(4 - who, 256);",
           "      signal(3, 256);"},
          [] { return true; });
}

// Machine code: no spills, no products in turn (C75xx), registers divided anew.
TEST(HopperPipeline, IsAssembledAsItIsMeant) {
  NEEDS_NVRTC;
  for (const char* loop : {in_turn, overlapped}) {
    const auto resources = resources_of(pipeline(128, 128, loop, true), hopper);
    ASSERT_EQ(resources.size(), 1u);
    EXPECT_EQ(resources[0].spill_stores + resources[0].spill_loads, 0);
    EXPECT_EQ(resources[0].stack, 0);
    EXPECT_EQ(resources[0].registers, 168);
  }
}

} // namespace
} // namespace attile::test
