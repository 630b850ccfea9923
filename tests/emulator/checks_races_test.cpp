// The detector of races against a list of all accesses, on random programs; and the cases one by one.
#include "emulator/checks/races.h"
#include "emulator/isa/instruction.h"
#include "tests/emulator/checks_oracle.h"

#include <gtest/gtest.h>

namespace emu::test {
namespace {

struct Found : RaceSink {
  std::vector<OtherAccess> races;
  void race(const OtherAccess& other) override { races.push_back(other); }
};

struct Access {
  int block;
  std::uint32_t thread;
  unsigned begin, end;
  Touch touch;
  bool strong, global;
  Reach reach;
};

// 6 threads of each of two blocks: no more than the readers that a cell of shared memory has room for.
class Program {
public:
  static constexpr std::uint32_t blocks = 2, threads = 6;
  static constexpr unsigned bytes = 64;

  explicit Program(bool atomics) : atomics(atomics) {
    global.launch_begins();
    for (std::uint32_t b = 0; b < blocks; ++b)
      races.push_back(std::make_unique<BlockRaces>(b, threads, bytes, &global));
    known.resize(blocks, std::vector<OracleThread>(threads));
  }

  /// False when a race was found or should have been.
  bool step() {
    const std::uint32_t b = dice.below(blocks), t = dice.below(threads);
    switch (dice.below(9)) {
    case 0:
      meet(b, dice.one_in(2) ? 0x3f : dice.below(64), dice.one_in(2));
      return true;
    case 1:
      return synchronise(b, t), true;
    default:
      return access(b, t);
    }
  }

private:
  void meet(std::uint32_t b, Mask mask, bool as_warp) {
    OracleThread all;
    for_lanes(mask, [&](int lane) { all.join(known[b][lane]); });
    for_lanes(mask, [&](int lane) { known[b][lane] = all; });
    if (as_warp)
      races[b]->meet(0, mask);
    else
      races[b]->meet(std::span(&mask, 1), nullptr, false);
  }

  void synchronise(std::uint32_t b, std::uint32_t t) {
    const auto reach = dice.one_in(2) ? Reach::device : Reach::block;
    races[b]->clocks.release(t / warp_size, Mask(1) << t % warp_size, location, reach, true);
    release(known[b][t], known_location, b, reach, true);
    const std::uint32_t b2 = dice.below(blocks), t2 = dice.below(threads);
    races[b2]->clocks.acquire(t2 / warp_size, Mask(1) << t2 % warp_size, location, Reach::device, true);
    acquire(known[b2][t2], known_location, b2, Reach::device, true);
  }

  bool conflict(const Access& a, const Access& b) const {
    if (a.global != b.global || (!a.global && a.block != b.block) || a.begin >= b.end || b.begin >= a.end)
      return false;
    if (a.touch == Touch::read && b.touch == Touch::read)
      return false;
    const bool wide = a.block == b.block || (a.reach == Reach::device && b.reach == Reach::device);
    return !(a.strong && b.strong && wide);
  }

  bool access(std::uint32_t b, std::uint32_t t) {
    constexpr unsigned sizes[] = {1, 2, 4, 8, 16, 32};
    const unsigned size = sizes[dice.below(6)], begin = dice.below(bytes / size) * size;
    const bool strong = atomics && dice.one_in(2);
    const Touch touch = strong ? Touch::atomic : dice.one_in(3) ? Touch::write : Touch::read;
    const Access now{static_cast<int>(b),
                     t,
                     begin,
                     begin + size,
                     touch,
                     strong,
                     dice.one_in(2),
                     dice.one_in(2) ? Reach::device : Reach::block};
    std::set<int> expected;
    for (std::size_t i = 0; i < done.size(); ++i)
      if (conflict(now, done[i]) && !known[b][t].known.contains(static_cast<int>(i)))
        expected.insert(static_cast<int>(i));
    Found found;
    races[b]->begin(
        {.instruction = &instructions[done.size()], .touch = touch, .strong = strong, .reach = now.reach},
        Mask(1) << t);
    if (now.global)
      races[b]->global(static_cast<int>(t), base + begin, size, found);
    else
      races[b]->shared(static_cast<int>(t), begin, size, found);
    check(now, expected, found);
    known[b][t].known.insert(static_cast<int>(done.size()));
    done.push_back(now);
    return expected.empty();
  }

  void check(const Access& now, const std::set<int>& expected, const Found& found) {
    for (const OtherAccess& other : found.races) {
      const int index = static_cast<int>(other.record.instruction - instructions.data());
      EXPECT_TRUE(expected.contains(index))
          << "seed " << dice.seed << ": access " << done.size() << " and " << index;
      if (expected.contains(index)) {
        EXPECT_EQ(other.thread, done[index].thread);
        const unsigned byte = now.begin + other.byte;
        EXPECT_TRUE(byte < now.end && byte >= done[index].begin && byte < done[index].end)
            << "seed " << dice.seed;
      }
    }
    // Global memory keeps two reads only; of concurrent atomics a read sees the last one.
    const bool exact = !now.global && !atomics;
    if (exact || (now.touch == Touch::read && !atomics)) {
      EXPECT_EQ(found.races.empty(), expected.empty()) << "seed " << dice.seed << ": access " << done.size();
    }
  }

  static constexpr std::uint64_t base = 4096;
  bool atomics;
  Dice dice;
  GlobalCells global{base, 1 << 20};
  std::vector<std::unique_ptr<BlockRaces>> races;
  std::vector<std::vector<OracleThread>> known;
  std::vector<Instruction> instructions = std::vector<Instruction>(1000);
  std::vector<Access> done;
  SyncLocation location;
  OracleLocation known_location;
};

TEST(Races, AreThoseOfAllPairs) {
  for (int i = 0; i < 1000 && !testing::Test::HasFailure(); ++i) {
    Program program(i % 2 != 0);
    for (int step = 0; step < 200 && program.step(); ++step) {
    }
  }
}

class OneBlock : public testing::Test {
protected:
  std::size_t touch(std::uint32_t warp, Mask mask, Touch touch, std::uint64_t stride, unsigned bytes,
                    bool copy = false) {
    Found found;
    races.begin({.instruction = &instruction, .warp = warp, .touch = touch, .asynchronous = copy}, mask);
    for_lanes(mask,
              [&](int lane) { races.shared(lane, static_cast<std::uint64_t>(lane) * stride, bytes, found); });
    last = found.races.empty() ? OtherAccess() : found.races.front();
    return found.races.size();
  }
  void meet_all() {
    const Mask lanes[] = {all_lanes, all_lanes};
    races.meet(lanes, nullptr, true);
  }
  Instruction instruction;
  BlockRaces races{0, 64, 4096, nullptr};
  OtherAccess last;
};

TEST_F(OneBlock, BarrierOrders) {
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 4, 4), 0u);
  EXPECT_EQ(touch(1, 1, Touch::read, 4, 4), 1u);
  meet_all();
  EXPECT_EQ(touch(1, all_lanes, Touch::read, 4, 4), 0u);
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 4, 4), 32u);
  meet_all();
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 4, 4), 0u);
}

TEST_F(OneBlock, WarpBarrierOrdersItsLanes) {
  touch(0, all_lanes, Touch::write, 4, 4);
  EXPECT_NE(touch(0, all_lanes, Touch::read, 0, 4), 0u);
  races.meet(0, all_lanes);
  EXPECT_EQ(touch(0, all_lanes, Touch::read, 0, 4), 0u);
  EXPECT_EQ(touch(1, 1, Touch::read, 0, 4), 1u);
}

TEST_F(OneBlock, BytesApartDoNotMeet) {
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 1, 1), 0u);
  EXPECT_EQ(touch(1, 1, Touch::read, 0, 16), 16u);
}

TEST_F(OneBlock, CopyIsDoneWhenWaitedFor) {
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 16, 16, true), 0u);
  EXPECT_EQ(touch(0, 1, Touch::read, 16, 16), 1u); // even its own thread
  EXPECT_TRUE(last.pending);
  races.commit(0, all_lanes);
  races.wait(0, all_lanes, 1);
  EXPECT_EQ(touch(0, 1, Touch::read, 16, 16), 1u);
  races.wait(0, all_lanes, 0);
  EXPECT_EQ(touch(0, all_lanes, Touch::read, 16, 16), 0u);
  EXPECT_EQ(touch(1, 1, Touch::read, 16, 16), 1u); // another thread needs a barrier
  EXPECT_FALSE(last.pending);
  EXPECT_TRUE(last.asynchronous);
  meet_all();
  EXPECT_EQ(touch(1, all_lanes, Touch::read, 16, 16), 0u);
}

TEST_F(OneBlock, CopyStaysPendingThroughBarriers) {
  Mask lanes = 0;
  touch(0, all_lanes, Touch::write, 16, 16, true);
  races.commit(0, all_lanes);
  meet_all();
  meet_all();
  EXPECT_EQ(touch(1, 1, Touch::read, 16, 16), 1u);
  EXPECT_EQ(races.in_flight(0, 0xf0, lanes), &instruction);
  EXPECT_EQ(lanes, 0xf0u);
  races.wait_all(0, all_lanes);
  EXPECT_EQ(races.in_flight(0, all_lanes, lanes), nullptr);
  meet_all();
  EXPECT_EQ(touch(1, all_lanes, Touch::read, 16, 16), 0u);
}

TEST_F(OneBlock, CopyMayNotOvertakeReaders) {
  touch(1, all_lanes, Touch::read, 16, 16);
  EXPECT_EQ(touch(0, all_lanes, Touch::write, 16, 16, true), 32u);
}

TEST_F(OneBlock, NumbersRunOutWithoutHarm) {
  std::vector<Instruction> many(700'000);
  Found found;
  for (Instruction& one : many) {
    races.begin({.instruction = &one, .touch = Touch::write}, 1);
    races.shared(0, 0, 4, found);
  }
  meet_all();
  EXPECT_EQ(touch(1, 1, Touch::read, 4, 4), 0u);
  EXPECT_EQ(touch(0, 1, Touch::write, 4, 4), 1u);
}

} // namespace
} // namespace emu::test
