// The clocks against sets, on random programs of two blocks.
#include "tests/emulator/checks_oracle.h"

#include <gtest/gtest.h>

namespace emu::test {
namespace {

constexpr std::uint32_t blocks = 2, threads = 40, warps = 2; // the second warp is not full
constexpr Mask present[warps] = {all_lanes, 0xff};

struct Event {
  std::uint32_t block, thread;
  Clock step;
};

class Program {
public:
  Program() {
    for (std::uint32_t b = 0; b < blocks; ++b)
      clocks.emplace_back(b, threads);
    known.resize(blocks, std::vector<OracleThread>(threads));
    arrived.resize(blocks);
    arrived_known.resize(blocks);
  }

  void step() {
    const std::uint32_t b = dice.below(blocks), t = dice.below(threads);
    const auto reach = dice.one_in(2) ? Reach::device : Reach::block;
    const bool ordered = dice.one_in(3);
    const std::uint32_t at = dice.below(2);
    switch (dice.below(12)) {
    case 0: {
      const std::vector<Mask> lanes(present, present + warps);
      meet(b, lanes, dice.one_in(3));
      break;
    }
    case 1: {
      const std::vector<Mask> lanes = {dice.one_in(2) ? Mask(dice.below(~0u)) : all_lanes,
                                       Mask(dice.below(256))};
      meet(b, lanes, dice.one_in(2));
      break;
    }
    case 2:
      meet_warp(b, t / warp_size, dice.one_in(2) ? present[t / warp_size] : Mask(1 + dice.below(255)));
      break;
    case 3: // barrier.arrive, or an mbarrier's
      clocks[b].publish(t / warp_size, Mask(1) << t % warp_size, arrived[b]);
      arrived_known[b].join(known[b][t]);
      break;
    case 4: // a wait for an mbarrier
      clocks[b].learn(t / warp_size, Mask(1) << t % warp_size, arrived[b]);
      known[b][t].join(arrived_known[b]);
      break;
    case 5: {
      const bool acquires = !dice.one_in(3), releases = !acquires || !dice.one_in(3);
      clocks[b].fence(t, reach, acquires, releases);
      fence(known[b][t], reach, acquires, releases);
      break;
    }
    case 6:
    case 7: {
      const Mask lanes = some_lanes(t);
      clocks[b].release(t / warp_size, lanes, locations[at], reach, ordered);
      for_lanes(lanes, [&](int lane) {
        release(known[b][t / warp_size * warp_size + static_cast<unsigned>(lane)], known_locations[at], b,
                reach, ordered);
      });
      break;
    }
    case 8:
    case 9: {
      const Mask lanes = some_lanes(t);
      clocks[b].acquire(t / warp_size, lanes, locations[at], reach, ordered);
      for_lanes(lanes, [&](int lane) {
        acquire(known[b][t / warp_size * warp_size + static_cast<unsigned>(lane)], known_locations[at], b,
                reach, ordered);
      });
      break;
    }
    default:
      known[b][t].known.insert(static_cast<int>(events.size()));
      events.push_back({b, t, clocks[b].now(t)});
    }
  }

  // Every thread about every access.
  void compare() const {
    for (std::uint32_t b = 0; b < blocks; ++b)
      for (std::uint32_t t = 0; t < threads; ++t)
        for (std::size_t e = 0; e < events.size(); ++e) {
          const Event& event = events[e];
          const bool expected = known[b][t].known.contains(static_cast<int>(e));
          const bool found = event.block == b ? clocks[b].knows(t, event.thread, event.step)
                                              : clocks[b].knows(t, event.block, event.thread, event.step);
          ASSERT_EQ(found, expected) << "seed " << dice.seed << ": thread " << t << " of block " << b
                                     << ", access " << e << " of thread " << event.thread << " of block "
                                     << event.block;
        }
  }

private:
  // Of the thread's warp, the thread among them.
  Mask some_lanes(std::uint32_t t) {
    const Mask others = dice.one_in(2) ? 0 : Mask(dice.below(~0U)) & present[t / warp_size];
    return others | Mask(1) << t % warp_size;
  }
  void meet(std::uint32_t b, std::vector<Mask> lanes, bool with_arrived) {
    OracleThread all;
    if (with_arrived)
      all.join(arrived_known[b]);
    each(b, lanes, [&](OracleThread& thread) { all.join(thread); });
    each(b, lanes, [&](OracleThread& thread) { thread = all; });
    clocks[b].meet(lanes, with_arrived ? &arrived[b] : nullptr, {}, false);
  }
  void meet_warp(std::uint32_t b, std::uint32_t warp, Mask mask) {
    std::vector<Mask> lanes(warps);
    lanes[warp] = mask & present[warp];
    OracleThread all;
    each(b, lanes, [&](OracleThread& thread) { all.join(thread); });
    each(b, lanes, [&](OracleThread& thread) { thread = all; });
    clocks[b].meet(warp, lanes[warp], {});
  }
  template <class F> void each(std::uint32_t b, const std::vector<Mask>& lanes, F f) {
    for (std::uint32_t warp = 0; warp < warps; ++warp)
      for_lanes(lanes[warp],
                [&](int lane) { f(known[b][warp * warp_size + static_cast<std::uint32_t>(lane)]); });
  }

  Dice dice;
  std::vector<ThreadClocks> clocks;
  std::vector<std::vector<OracleThread>> known;
  std::vector<View> arrived;
  std::vector<OracleThread> arrived_known;
  SyncLocation locations[2];
  OracleLocation known_locations[2];
  std::vector<Event> events;
};

TEST(Clocks, KnowWhatSetsKnow) {
  for (int i = 0; i < 60; ++i) {
    Program program;
    for (int step = 0; step < 300; ++step)
      program.step();
    program.compare();
    if (HasFatalFailure())
      return;
  }
}

TEST(Clocks, ThoseWhoLeftAreNotWaitedFor) {
  ThreadClocks clocks(0, 64);
  const Clock step = clocks.now(3);
  clocks.leave(1, all_lanes);
  const Mask lanes[] = {all_lanes, 0};
  EXPECT_FALSE(clocks.meet(lanes, nullptr, {7, 9}, false));
  EXPECT_TRUE(clocks.meet(lanes, nullptr, {7, 9}, true));
  EXPECT_TRUE(clocks.knows(5, 3, step));
  EXPECT_EQ(clocks.view(5).ordered_below[1], 9u);
}

} // namespace
} // namespace emu::test
