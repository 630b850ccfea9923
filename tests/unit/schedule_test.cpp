// The tile choice: within registers and caches, better than what it rejects, and explained.
#include "compiler/schedule/schedule.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

using namespace attile::schedule;

namespace {

const char* const kTargets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16"};

void expect_fits(const TargetDescription& target, const Tile& tile) {
  std::int64_t vectors = tile.dot_rows / target.lanes;
  EXPECT_EQ(tile.dot_rows % target.lanes, 0);
  EXPECT_EQ(tile.rows % tile.dot_rows, 0);
  EXPECT_EQ(tile.keys % tile.score_keys, 0);
  EXPECT_EQ(tile.keys % 32, 0);
  EXPECT_LT(vectors * (tile.score_keys + 1), target.registers) << to_string(tile);
  EXPECT_LT(vectors * (tile.value_cols + 1), target.registers) << to_string(tile);
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
                      other.reason.find("needs") != std::string::npos;
    EXPECT_TRUE(impossible || predict(target, {}, {}, other.tile).seconds >= choice.prediction.seconds)
        << other.reason;
  }
}

TEST(Schedule, MasksWantSmallerTiles) {
  for (const char* name : kTargets) {
    Tile plain = choose(describe(name), {}).tile, masked = choose(describe(name), {.masked = true}).tile;
    EXPECT_LE(masked.rows, plain.rows) << name;
    EXPECT_LE(masked.keys, plain.keys) << name;
  }
  EXPECT_LE(choose(describe("x86-64-v4"), {.masked = true}).tile.rows, 64);
}

TEST(Schedule, SaysWhyWithBothNumbers) {
  TargetDescription target = describe("x86-64-v4");
  target.l2_bytes = 256 << 10;
  bool found = false;
  for (const Rejected& other : choose(target, {}).rejected)
    if (other.reason.starts_with("needs")) {
      std::int64_t needed = predict(target, {}, {}, other.tile).working_set >> 10;
      EXPECT_EQ(other.reason, fmt::format("needs {} KB, the share of L2 is 192 KB", needed));
      found = true;
    }
  EXPECT_TRUE(found);
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
  EXPECT_EQ(few.value_cols % 2, 0);
  problem.head_dim = 18; // nine pairs: not an even number of steps
  EXPECT_EQ(choose_few_rows(target, problem).tile.rows, target.lanes);
}

TEST(Schedule, TilesFollowABlockTable) {
  for (std::int64_t block : {64, 128}) {
    Tile tile = choose(describe("x86-64-v4"), {.query_block = 64, .key_block = block}).tile;
    EXPECT_EQ(block % tile.keys, 0) << to_string(tile);
    EXPECT_LE(tile.rows, 64) << to_string(tile);
  }
}

} // namespace
