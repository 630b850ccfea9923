// The tile choice: within registers and caches, better than what it rejects, and explained.
#include "compiler/schedule/gpu.h"
#include "compiler/schedule/occupancy.h"

#include <attile/cpu_info.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

using namespace attile::schedule;

namespace {

const char* const kTargets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx"};

void expect_fits(const TargetDescription& target, const Tile& tile) {
  std::int64_t vectors = tile.dot_rows / target.lanes;
  EXPECT_EQ(tile.dot_rows % target.lanes, 0);
  EXPECT_EQ(tile.rows % tile.dot_rows, 0);
  EXPECT_EQ(tile.keys % tile.score_keys, 0);
  EXPECT_EQ(tile.keys % 32, 0);
  EXPECT_LT(vectors * (tile.score_keys + 1), target.registers) << to_string(tile);
  EXPECT_LT(vectors * (tile.value_cols + 1), target.registers) << to_string(tile);
}

attile::CpuInfo v4_cpu(const char* vendor, bool dots) {
  attile::CpuInfo cpu;
  cpu.arch = "x86-64";
  cpu.vendor = vendor;
  cpu.features = {"cx16",  "sahf",    "popcnt",   "sse3",     "ssse3",    "sse4.1",  "sse4.2",
                  "avx",   "avx2",    "bmi",      "bmi2",     "f16c",     "fma",     "lzcnt",
                  "movbe", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
  if (dots)
    cpu.features.push_back("avx512bf16");
  return cpu;
}

TEST(Target, NativeTakesBf16ProductsWhereTheyAreFast) {
  EXPECT_EQ(native_target(v4_cpu("AuthenticAMD", true)), "x86-64-v4-bf16");
  EXPECT_EQ(native_target(v4_cpu("AuthenticAMD", false)), "x86-64-v4");
  EXPECT_EQ(native_target(v4_cpu("GenuineIntel", true)), "x86-64-v4");
  attile::CpuInfo tiles = v4_cpu("GenuineIntel", true);
  tiles.features.insert(tiles.features.end(), {"amx-tile", "amx-bf16"});
  EXPECT_EQ(native_target(tiles), "x86-64-v4-amx");
  EXPECT_TRUE(describe(tiles).bf16_tiles);
  EXPECT_TRUE(describe(v4_cpu("AuthenticAMD", true)).bf16_dot);
  EXPECT_FALSE(describe(v4_cpu("GenuineIntel", true)).bf16_dot);
  EXPECT_EQ(describe(v4_cpu("GenuineIntel", true)).name, "native (x86-64-v4)");
  attile::CpuInfo other;
  other.arch = "aarch64"; // no target is made for it
  EXPECT_EQ(native_target(other), "aarch64");
}

TEST(Target, Zen4WorksOnVectorsInTwoHalves) {
  attile::CpuInfo cpu = v4_cpu("AuthenticAMD", true);
  for (auto [family, rate] : {std::pair(25, 1.0), {26, 2.0}}) {
    cpu.family = family;
    EXPECT_EQ(with_rates_of(describe(cpu), cpu).fma_per_cycle, rate) << family;
    EXPECT_EQ(choose(describe(cpu), {}).tile, choose(describe("x86-64-v4-bf16"), {}).tile); // of the class
  }
  EXPECT_EQ(with_rates_of(describe("x86-64-v3"), cpu).fma_per_cycle, 2); // vectors of 256 bits are whole
  cpu.vendor = "GenuineIntel", cpu.family = 25;
  EXPECT_EQ(with_rates_of(describe(cpu), cpu).fma_per_cycle, 2);
}

TEST(Schedule, FitsRegistersOfEveryTarget) {
  for (const char* name : kTargets)
    for (std::int64_t dim : {16, 40, 64, 72, 128, 256, 576})
      expect_fits(describe(name), choose(describe(name), {.head_dim = dim, .head_dim_v = dim}).tile);
}

TEST(Schedule, FitsItsShareOfL2) {
  TargetDescription target = describe("x86-64-v4");
  EXPECT_LE(choose(target, {}).prediction.working_set, target.l2_bytes);
  TargetDescription small = target;
  small.l2_bytes = 160 << 10;
  Choice choice = choose(small, {});
  EXPECT_LE(choice.prediction.working_set, small.l2_bytes);
  EXPECT_LT(choice.tile.rows * choice.tile.keys, choose(target, {}).tile.rows * choose(target, {}).tile.keys);
}

TEST(Schedule, ChoiceIsTheFastestPossible) {
  TargetDescription target = describe("x86-64-v4");
  Choice choice = choose(target, {});
  ASSERT_FALSE(choice.rejected.empty());
  for (const Rejected& other : choice.rejected) {
    bool impossible = predict(target, {}, {}, other.tile).working_set > choice.prediction.working_set &&
                      other.obstacle.find("needs") != std::string::npos;
    EXPECT_TRUE(impossible || predict(target, {}, {}, other.tile).seconds >= choice.prediction.seconds)
        << other.obstacle;
  }
}

TEST(Schedule, MasksWantSmallerTiles) {
  for (const char* name : kTargets) {
    Tile plain = choose(describe(name), {}).tile, masked = choose(describe(name), {.masked = true}).tile;
    EXPECT_LE(masked.rows, plain.rows) << name;
    EXPECT_LE(masked.keys, plain.keys) << name;
  }
  // Where rows see different keys, a register block computes for all of its rows what any of them sees.
  EXPECT_LE(choose(describe("x86-64-v4"), {.masked = true}).tile.dot_rows, 32);
}

TEST(Schedule, SaysWhyWithBothNumbers) {
  TargetDescription target = describe("x86-64-v4");
  target.l2_bytes = 256 << 10;
  bool found = false;
  for (const Rejected& other : choose(target, {}).rejected)
    if (other.obstacle.starts_with("needs")) {
      std::int64_t needed = predict(target, {}, {}, other.tile).working_set >> 10;
      EXPECT_EQ(other.obstacle, fmt::format("needs {} KB, the share of L2 is 192 KB", needed));
      found = true;
    }
  EXPECT_TRUE(found);
}

/// A tile that is predicted faster at some shape is told with the numbers that decided against it.
TEST(Schedule, ReasonsAreOfTheShapeAndTrue) {
  TargetDescription target = describe("x86-64-v4");
  for (bool masked : {false, true})
    for (std::int64_t length : {100, 700, 4096, 100000}) {
      Problem problem{.masked = masked};
      Shape shape{.heads = 2, .kv_heads = 2, .q_len = length, .kv_len = length};
      Choice choice = choose(target, problem);
      std::string ours = fmt::format("the choice takes {:.3g} ms",
                                     1e3 * predict(target, problem, shape, choice.tile).seconds);
      for (const Rejected& other : choice.rejected) {
        if (!other.obstacle.empty())
          continue;
        std::string why = reason(target, target, problem, shape, choice, other);
        double theirs = predict(target, problem, shape, other.tile).seconds;
        EXPECT_TRUE(why.starts_with(fmt::format("predicted {:.3g} ms", 1e3 * theirs))) << why;
        EXPECT_NE(why.find(ours), std::string::npos) << why;
        bool slower = theirs > predict(target, problem, shape, choice.tile).seconds;
        EXPECT_EQ(why.find("chosen for 8 heads, q=4096 kv=4096") != std::string::npos, masked || !slower)
            << why;
        EXPECT_EQ(why.find("at the mask's ends") != std::string::npos, masked) << why;
      }
    }
}

TEST(Schedule, PredictsBytesAndFlops) {
  TargetDescription target = describe("x86-64-v4");
  Shape shape{.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 1024, .kv_len = 2048};
  Prediction found = predict(target, {.head_dim = 64, .head_dim_v = 32}, shape, choose(target, {}).tile);
  EXPECT_DOUBLE_EQ(found.flops, 2.0 * 2 * 4 * 1024 * 2048 * (64 + 32));
  EXPECT_DOUBLE_EQ(found.special, 2.0 * 4 * 1024 * 2048);
  // Everything fits the shared cache: each operand crosses once.
  EXPECT_DOUBLE_EQ(found.memory_bytes, 4.0 * (64 + 32) * (2 * 2 * 2048 + 2 * 4 * 1024));
}

TEST(Schedule, LongInputsAreBoundByMultiplyAdds) {
  TargetDescription target = describe("x86-64-v4-bf16");
  Problem problem{.element_bytes = 2, .bf16 = true};
  Choice choice = choose(target, problem);
  EXPECT_EQ(choice.prediction.bound_by, "fma");
  EXPECT_GT(choice.prediction.fraction_of_peak(target, problem, {}), 0.3);
  EXPECT_LT(choice.prediction.fraction_of_peak(target, problem, {}), 1);
}

TEST(Schedule, FewRowsShareAVector) {
  TargetDescription target = describe("x86-64-v4-bf16");
  Problem problem{.element_bytes = 2, .bf16 = true};
  Tile few = choose_few_rows(target, problem).tile;
  EXPECT_EQ(few.rows, target.lanes / 2);
  EXPECT_EQ(few.keys % few.score_keys, 0);
  EXPECT_EQ(few.score_keys * few.rows % target.lanes, 0); // whole vectors of scores
  EXPECT_EQ(few.value_cols % (2 * target.lanes), 0);      // whole vectors of bf16 columns
  Choice choice = choose_few_rows(target, problem);
  EXPECT_EQ(choice.prediction.seconds, predict(target, problem, choice.shape, few).seconds);
  ASSERT_FALSE(choice.rejected.empty());
  for (const Rejected& other : choice.rejected) {
    EXPECT_NE(other.tile, few);
    if (other.obstacle.empty()) {
      EXPECT_NE(reason(target, target, problem, choice.shape, choice, other).find("measure"),
                std::string::npos);
    }
  }
}

TEST(Schedule, ATileThatIsHalfEmptyIsManySmallOnes) {
  EXPECT_EQ(most_few_rows({.rows = 8}, {.rows = 256}), 128);
  EXPECT_EQ(most_few_rows({.rows = 8}, {.rows = 8}), 8);
}

TEST(Schedule, TilesFollowABlockTable) {
  for (std::int64_t block : {64, 128}) {
    Tile tile = choose(describe("x86-64-v4"), {.query_block = 64, .key_block = block}).tile;
    EXPECT_EQ(block % tile.keys, 0) << to_string(tile);
    EXPECT_LE(tile.rows, 64) << to_string(tile);
  }
}

} // namespace

TEST(Schedule, TheBestTargetForAChip) {
  const std::pair<const char*, const char*> expected[] = {
      {"sm_75", "sm_75"},  {"sm_80", "sm_80"},    {"sm_87", "sm_86"},  {"sm_89", "sm_89"},
      {"sm_90", "sm_90a"}, {"sm_100", "sm_100a"}, {"sm_103", "sm_89"}, {"sm_120", "sm_120a"}};
  for (const auto& [chip, target] : expected)
    EXPECT_EQ(target_for(chip), target);
}

TEST(Schedule, TilesOfGpusFit) {
  for (const char* target : {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    const GpuDescription gpu = *describe_gpu(target);
    for (std::int64_t dim : {16, 40, 64, 96, 128, 192, 256}) {
      Problem problem{.head_dim = dim, .head_dim_v = std::min<std::int64_t>(dim, 128), .element_bytes = 2};
      Choice choice = choose_gpu(gpu, problem);
      GpuNeeds needs = needs_of(gpu, problem, choice.tile);
      EXPECT_LE(needs.shared_bytes, gpu.shared_per_block) << target << ' ' << dim;
      EXPECT_LE(needs.registers, gpu.registers_per_thread) << target << ' ' << dim;
      if (dim >= 40) { // a panel has 64 columns
        EXPECT_EQ(choice.tile.dot_rows == warpgroup_rows, gpu.warpgroup_flops > 0) << target << ' ' << dim;
      }
      EXPECT_GE(needs.blocks_per_sm, 1) << target << ' ' << dim;
      for (const Rejected& other : choice.rejected)
        EXPECT_FALSE(other.obstacle.empty());
    }
  }
  // A block of 64 rows needs more than a T4's shared memory for the largest tiles, which is told with both
  // numbers.
  Problem large{.head_dim = 256, .head_dim_v = 256, .element_bytes = 4};
  GpuNeeds needs = needs_of(*describe_gpu("sm_75"), large, {128, 128, 128, 128, 256});
  EXPECT_GT(needs.shared_bytes, 64 * 1024);
  EXPECT_EQ(needs.blocks_per_sm, 0);
  EXPECT_FALSE(obstacle_of(*describe_gpu("sm_75"), {.bf16 = true}).empty());
  EXPECT_EQ(obstacle_of(*describe_gpu("sm_80"), {.head_dim = 20}), "");
  EXPECT_EQ(obstacle_of(*describe_gpu("sm_80"), {.key_block = 100}), "");
}

// Blocks of warpgroups: registers that are given away and taken are those of an SM, and what does not fit is
// told.
TEST(Schedule, WarpgroupsShareRegisters) {
  const GpuDescription hopper = *describe_gpu("sm_90a");
  for (std::int64_t scalars : {0, 20, 21})
    for (std::int64_t groups : {2, 3}) {
      auto [consumer, producer] = role_registers(groups, scalars);
      EXPECT_EQ(consumer % 8 + producer % 8, 0);
      EXPECT_LE(warpgroup_threads * (groups * consumer + producer), hopper.registers_per_sm);
      std::int64_t launched = hopper.registers_per_sm / threads_of(64 * groups, 64) / 8 * 8;
      EXPECT_LE(groups * consumer + producer, (groups + 1) * launched); // that the block has
    }
  Problem problem{.head_dim = 128, .head_dim_v = 128, .element_bytes = 2};
  GpuNeeds needs = needs_of(hopper, problem, {128, 128, 64, 128, 128});
  EXPECT_EQ(needs.threads, 384);
  EXPECT_EQ(needs.shared_bytes, (128 + 4 * 128) * 256 + 128 * 8 + 128);
  EXPECT_EQ(needs.blocks_per_sm, 1);
  problem.fetched_per_score = 1; // which need registers
  Choice choice = choose_gpu(hopper, problem);
  bool is_told = std::any_of(choice.rejected.begin(), choice.rejected.end(), [](const Rejected& other) {
    return other.tile.dot_rows == warpgroup_rows && other.obstacle.find("there are 232") != std::string::npos;
  });
  EXPECT_TRUE(is_told);
  // Neither f32 nor head dims that no instruction spans go to warpgroups.
  EXPECT_LT(choose_gpu(hopper, {.element_bytes = 4}).tile.dot_rows, warpgroup_rows);
  EXPECT_LT(choose_gpu(hopper, {.head_dim = 264, .head_dim_v = 264, .element_bytes = 2}).tile.dot_rows,
            warpgroup_rows);
}

// A tile that was measured takes the choice's place, if it is one that fits; texts of tiles are read back.
TEST(Schedule, TakesATileThatIsWanted) {
  const GpuDescription hopper = *describe_gpu("sm_90a");
  Problem problem{.head_dim = 128, .head_dim_v = 128, .element_bytes = 2};
  Choice model = choose_gpu(hopper, problem);
  ASSERT_GT(model.possible.size(), 8u);
  EXPECT_EQ(model.possible.front(), model.tile);
  Tile other = model.possible[3];
  Choice wanted = choose_gpu(hopper, problem, other);
  EXPECT_EQ(wanted.tile, other);
  EXPECT_EQ(wanted.possible, model.possible);
  EXPECT_EQ(tile_from_string(to_string(other)), other);
  other.keys = 33;
  EXPECT_EQ(choose_gpu(hopper, problem, other).tile.rows, 0);
  for (const char* text : {"", "rows=128", "rows=128 keys=64 dot_rows=64 score_keys=64 value_cols=128 ",
                           "rows=128 keys=64 dot_rows=64 score_keys=64 value_cols=x"})
    EXPECT_FALSE(tile_from_string(text)) << text;
}

// Where no tile has the registers that it needs, the one that lacks the fewest is taken: three warpgroups
// have fewer than two, and no sums of 256 columns.
TEST(Schedule, LacksTheFewestRegisters) {
  Problem problem{.head_dim = 256, .head_dim_v = 256, .element_bytes = 2, .fetched_per_score = 9};
  Choice choice = choose_gpu(*describe_gpu("sm_90a"), problem);
  EXPECT_TRUE(choice.possible.empty());
  EXPECT_GT(choice.tile.rows, 0);
  EXPECT_LE(choice.tile.rows, 128);
}

TEST(Occupancy, CountsWhatRunsOutFirst) {
  GpuDescription hopper = *describe_gpu("sm_90a"), turing = *describe_gpu("sm_75");
  EXPECT_EQ(blocks_per_sm(hopper, {128, 168, 41472}), 3);     // registers: 5376 a warp
  EXPECT_EQ(blocks_per_sm(hopper, {128, 32, 100 * 1024}), 2); // shared memory, with 1 KB for the system
  EXPECT_EQ(blocks_per_sm(hopper, {1024, 32, 0}), 2);         // threads
  EXPECT_EQ(blocks_per_sm(hopper, {32, 32, 0}), 32);          // blocks
  EXPECT_EQ(blocks_per_sm(hopper, {128, 33, 0}), 12); // a warp's registers come in units of 256: 40 a thread
  EXPECT_EQ(blocks_per_sm(hopper, {128, 64, 228 * 1024}), 0);
  EXPECT_EQ(blocks_per_sm(turing, {128, 64, 32 * 1024}), 2); // nothing is kept for the system
}
