// Asynchronous operations in the detector of races: random programs against sets, and the cases one by one.
#include "emulator/checks/races.h"
#include "emulator/isa/instruction.h"
#include "tests/emulator/checks_oracle.h"

#include <gtest/gtest.h>

#include <string>

namespace emu::test {
namespace {

using What = Completion::What;

struct Found : RaceSink {
  std::vector<OtherAccess> races;
  void race(const OtherAccess& other) override { races.push_back(other); }
};

AsyncRef issue_by(BlockRaces& races, std::uint32_t block, std::uint32_t thread, const Instruction& at,
                  AsyncBy by) {
  auto operation = std::make_shared<AsyncOperation>();
  operation->instruction = &at;
  operation->block = block;
  operation->thread = thread;
  operation->issue = {.by = by};
  operation->view = races.clocks.share_view(thread);
  operation->proxied = races.clocks.proxied(thread);
  return operation;
}

struct Access {
  std::uint32_t block = 0, thread = 0; ///< who did it, or issued it
  std::uint32_t where = 0;             ///< whose shared memory; `blocks`: global memory
  unsigned begin = 0, end = 0;
  bool writes = false, operation = false;
};

// What somebody knows of access i: that it has been done (an operation's: that it is complete), and that
// asynchronous operations see it.
int done(std::size_t i) { return static_cast<int>(2 * i); }
int proxied(std::size_t i) { return static_cast<int>(2 * i + 1); }

void fence_proxy(Known& known) {
  Known more;
  for (int token : known)
    more.insert(token | 1);
  join(known, more);
}

// Two blocks of a cluster, of 4 threads, which may issue operations that complete with a phase of one of two
// mbarriers of either block, or with their bulk groups.
class Program {
public:
  static constexpr std::uint32_t blocks = 2, threads = 4;
  static constexpr unsigned bytes = 64;

  Program() {
    global.launch_begins();
    for (std::uint32_t b = 0; b < blocks; ++b)
      races.push_back(std::make_unique<BlockRaces>(b, threads, bytes, &global, BlockRaces::Peers{0, 1}));
    known.resize(blocks, std::vector<OracleThread>(threads));
    since_write.resize(blocks + 1, std::vector<Known>(bytes));
    for (Phases& phases : mbarriers)
      phases.block = static_cast<std::uint32_t>(&phases - mbarriers.data()) / 2;
  }

  /// False when a race was found or should have been.
  bool step() {
    const std::uint32_t b = dice.below(blocks), t = dice.below(threads);
    switch (dice.below(14)) {
    case 0:
      return meet(b), true;
    case 1:
      return synchronise(b, t), true;
    case 2:
    case 3:
      return fence(b, t), true;
    case 4:
      return signal(), true;
    case 5:
    case 6:
      return phase(b, t), true;
    case 7:
    case 8:
      return groups(b, t), true;
    case 9:
    case 10:
      return operate(b, t);
    default:
      return access(b, t);
    }
  }

private:
  struct Phases {
    std::uint32_t block = 0;
    Clock completed = 0;
    View phase, done;
    OracleThread phase_known, done_known;
  };
  struct Group {
    std::uint32_t committed = 0;
    std::vector<std::pair<std::uint32_t, std::size_t>> operations; ///< of which group, access
  };
  struct Flying {
    AsyncRef operation;
    std::size_t mbarrier = 0;
    std::size_t access = 0;
  };

  static std::uint64_t address_of(std::size_t mbarrier) { return 1024 + 8 * (mbarrier % 2); }

  void meet(std::uint32_t b) {
    const Mask mask = dice.one_in(2) ? 0xf : dice.below(16);
    OracleThread all;
    for_lanes(mask, [&](int lane) { all.join(known[b][lane]); });
    for_lanes(mask, [&](int lane) { known[b][lane] = all; });
    races[b]->meet(std::span(&mask, 1), nullptr, false);
  }

  void synchronise(std::uint32_t b, std::uint32_t t) {
    races[b]->clocks.release(t / warp_size, Mask(1) << t % warp_size, location, Reach::device, true);
    release(known[b][t], known_location, b, Reach::device, true);
    const std::uint32_t b2 = dice.below(blocks), t2 = dice.below(threads);
    races[b2]->clocks.acquire(t2 / warp_size, Mask(1) << t2 % warp_size, location, Reach::device, true);
    acquire(known[b2][t2], known_location, b2, Reach::device, true);
  }

  void fence(std::uint32_t b, std::uint32_t t) {
    races[b]->clocks.fence_proxy(0, Mask(1) << t);
    fence_proxy(known[b][t].known);
    for (Known& fenced : known[b][t].fenced)
      fence_proxy(fenced);
  }

  // One of the operations in flight is complete.
  void signal() {
    if (flying.empty())
      return;
    const std::size_t i = dice.below(static_cast<std::uint32_t>(flying.size()));
    Phases& phases = mbarriers[flying[i].mbarrier];
    flying[i].operation->signals(
        {.block = phases.block,
         .channel = Completion::channel_of(What::mbarrier, address_of(flying[i].mbarrier)),
         .count = phases.completed + 1});
    phases.phase_known.known.insert(done(flying[i].access));
    flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(i));
  }

  // A thread arrives, which completes the phase, or waits for what is complete.
  void phase(std::uint32_t b, std::uint32_t t) {
    const std::size_t m = 2 * b + dice.below(2);
    Phases& phases = mbarriers[m];
    if (dice.one_in(2)) {
      races[b]->clocks.publish(0, Mask(1) << t, phases.phase);
      phases.phase_known.join(known[b][t]);
      phases.done.join(phases.phase);
      phases.done.own.complete(Completion::channel_of(What::mbarrier, address_of(m)), ++phases.completed);
      phases.done_known.join(phases.phase_known);
      phases.phase = {};
      phases.phase_known = {};
    } else {
      races[b]->clocks.learn(0, Mask(1) << t, phases.done);
      known[b][t].join(phases.done_known);
    }
  }

  void groups(std::uint32_t b, std::uint32_t t) {
    Group& group = bulk[b][t];
    if (dice.one_in(2)) {
      ++group.committed;
      return;
    }
    const std::uint32_t keep = dice.below(2);
    if (group.committed <= keep)
      return;
    const std::uint32_t complete = group.committed - keep;
    const bool reads_only = dice.one_in(2);
    races[b]->clocks.complete(0, Mask(1) << t, Completion::channel_of(What::bulk_reads, t), complete);
    if (!reads_only)
      races[b]->clocks.complete(0, Mask(1) << t, Completion::channel_of(What::bulk, t), complete);
    for (const auto& [of, access] : group.operations)
      if (of < complete && (!reads_only || !all[access].writes))
        known[b][t].known.insert(done(access));
  }

  bool operate(std::uint32_t b, std::uint32_t t) {
    const bool grouped = dice.one_in(2);
    const AsyncRef operation = issue_by(*races[b], b, t, instructions[all.size()],
                                        grouped ? AsyncBy::bulk_group : AsyncBy::mbarrier);
    Access now = random_access(b, t);
    now.operation = true;
    now.where = grouped && now.writes ? blocks : grouped ? b : dice.below(blocks + 1);
    if (!now.writes && now.where < blocks && ++operation_reads > 3)
      return true; // a cell has no room for more
    const std::size_t number = all.size();
    if (grouped) {
      Group& group = bulk[b][t];
      operation->completes(
          {.block = b, .channel = Completion::channel_of(What::bulk_reads, t), .count = group.committed + 1},
          {.block = b, .channel = Completion::channel_of(What::bulk, t), .count = group.committed + 1});
      group.operations.push_back({group.committed, number});
    } else {
      flying.push_back({operation, dice.below(4), number});
    }
    Found found;
    const Touch touch = now.writes ? Touch::write : Touch::read;
    if (now.where < blocks)
      races[now.where]->shared(operation, touch, now.begin, now.end - now.begin, found);
    else
      races[b]->global(operation, touch, base + now.begin, now.end - now.begin, found);
    return compare(now, found);
  }

  Access random_access(std::uint32_t b, std::uint32_t t) {
    constexpr unsigned sizes[] = {1, 4, 8, 16, 32};
    const unsigned size = sizes[dice.below(5)], begin = dice.below(bytes / size) * size;
    return {
        .block = b, .thread = t, .where = b, .begin = begin, .end = begin + size, .writes = dice.one_in(3)};
  }

  bool access(std::uint32_t b, std::uint32_t t) {
    Access now = random_access(b, t);
    if (dice.one_in(3))
      now.where = blocks;
    Found found;
    races[b]->begin(
        {.instruction = &instructions[all.size()], .touch = now.writes ? Touch::write : Touch::read},
        Mask(1) << t);
    if (now.where == blocks)
      races[b]->global(static_cast<int>(t), base + now.begin, now.end - now.begin, found);
    else
      races[b]->shared(static_cast<int>(t), now.begin, now.end - now.begin, found);
    const bool good = compare(now, found);
    known[b][t].known.insert(done(all.size() - 1));
    return good;
  }

  // What `now` must have known and did not: nothing, an access, or only its fence.
  bool unknown(const Access& now, std::size_t i, bool& unfenced) const {
    const Access& before = all[i];
    if (!now.writes && !before.writes)
      return false;
    const Known& knows = known[now.block][now.thread].known;
    unfenced = now.operation && !before.operation && before.writes && knows.contains(done(i));
    return !knows.contains(done(i)) || (unfenced && !knows.contains(proxied(i)));
  }

  bool compare(const Access& now, const Found& found) {
    std::map<int, bool> expected; // is only the fence missing?
    for (unsigned byte = now.begin; byte < now.end; ++byte)
      for (int i : since_write[now.where][byte])
        if (bool unfenced = false; unknown(now, static_cast<std::size_t>(i), unfenced))
          expected[i] = unfenced;
    for (const OtherAccess& other : found.races) {
      const int index = static_cast<int>(other.record.instruction - instructions.data());
      EXPECT_TRUE(expected.contains(index)) << "seed " << dice.seed << ": " << all.size() << " and " << index;
      if (!expected.contains(index))
        continue;
      EXPECT_EQ(other.unfenced, expected[index]) << "seed " << dice.seed << ": " << all.size();
      EXPECT_EQ(other.operation != nullptr, all[static_cast<std::size_t>(index)].operation);
      EXPECT_EQ(other.thread, all[static_cast<std::size_t>(index)].thread);
      EXPECT_EQ(other.block, all[static_cast<std::size_t>(index)].block);
    }
    if (now.where < blocks) { // global memory keeps two reads only
      EXPECT_EQ(found.races.empty(), expected.empty()) << "seed " << dice.seed << ": " << all.size();
    }
    const int number = static_cast<int>(all.size());
    all.push_back(now);
    for (unsigned byte = now.begin; byte < now.end; ++byte) {
      if (now.writes)
        since_write[now.where][byte].clear();
      since_write[now.where][byte].insert(number);
    }
    return expected.empty();
  }

  static constexpr std::uint64_t base = 4096;
  Dice dice;
  GlobalCells global{base, 1 << 20};
  std::vector<std::unique_ptr<BlockRaces>> races;
  std::vector<std::vector<OracleThread>> known;
  std::vector<Instruction> instructions = std::vector<Instruction>(1000);
  std::vector<Access> all;
  std::vector<std::vector<Known>> since_write; ///< by byte: the last write, and all reads since
  std::array<Phases, 2 * blocks> mbarriers;
  Group bulk[blocks][threads];
  std::vector<Flying> flying;
  int operation_reads = 0;
  SyncLocation location;
  OracleLocation known_location;
};

TEST(Operations, RaceWithWhatTheyDoNotKnow) {
  for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
    Program program;
    for (int step = 0; step < 200 && program.step(); ++step) {
    }
  }
}

// All threads of a block know that an operation is complete; those of its peer need not.
TEST(Operations, AreRememberedForPeers) {
  const BlockRaces::Peers peers{0, 1};
  BlockRaces owner(0, 64, 4096, nullptr, peers), peer(1, 64, 4096, nullptr, peers);
  const Instruction instruction{};
  const std::uint32_t channel = Completion::channel_of(What::mbarrier, 1024);
  const AsyncRef write = issue_by(owner, 0, 0, instruction, AsyncBy::mbarrier);
  Found found;
  owner.shared(write, Touch::write, 0, 16, found);
  write->signals({.block = 0, .channel = channel, .count = 1});
  for (std::uint32_t warp = 0; warp < 2; ++warp)
    owner.clocks.complete(warp, all_lanes, channel, 1);
  const Mask lanes[] = {all_lanes, all_lanes};
  owner.meet(lanes, nullptr, true);
  owner.shared(issue_by(owner, 0, 1, instruction, AsyncBy::mbarrier), Touch::read, 0, 16, found);
  EXPECT_TRUE(found.races.empty());
  owner.shared(issue_by(peer, 1, 0, instruction, AsyncBy::mbarrier), Touch::read, 0, 16, found);
  EXPECT_EQ(found.races.size(), 1U);
}

// Two warps; threads of the first issue operations on 16 bytes at address 0.
class OneOperation : public testing::Test {
protected:
  std::string thread(std::uint32_t thread, Touch touch, bool copy = false) {
    Found found;
    races.begin({.instruction = &instruction, .warp = thread / 32, .touch = touch, .asynchronous = copy},
                Mask(1) << thread % 32);
    races.shared(static_cast<int>(thread % 32), 0, 16, found);
    return text(found);
  }
  // Of the bulk group that the thread has not committed yet.
  std::string operation(std::uint32_t thread, Touch touch, std::uint64_t offset = 0) {
    const AsyncRef one = issue_by(races, 0, thread, instruction, AsyncBy::bulk_group);
    one->completes(
        {.block = 0, .channel = Completion::channel_of(What::bulk_reads, thread), .count = groups + 1},
        {.block = 0, .channel = Completion::channel_of(What::bulk, thread), .count = groups + 1});
    Found found;
    races.shared(one, touch, offset, 16, found);
    return text(found);
  }
  void wait(std::uint32_t thread) {
    ++groups;
    races.clocks.complete(thread / 32, Mask(1) << thread % 32,
                          Completion::channel_of(What::bulk_reads, thread), groups);
  }
  void fence(std::uint32_t thread) { races.clocks.fence_proxy(thread / 32, Mask(1) << thread % 32); }
  void meet_all() {
    const Mask lanes[] = {all_lanes, all_lanes};
    races.meet(lanes, nullptr, true);
  }
  static std::string text(const Found& found) {
    if (found.races.empty())
      return "";
    const OtherAccess& first = found.races.front();
    return first.unfenced ? "unfenced" : first.operation != nullptr ? "early" : "race";
  }
  Instruction instruction;
  BlockRaces races{0, 64, 4096, nullptr};
  Clock groups = 0;
};

TEST_F(OneOperation, WriteIsSeenOnceItIsFenced) {
  thread(0, Touch::write);
  EXPECT_EQ(operation(0, Touch::read), "unfenced"); // even by its own thread
  EXPECT_EQ(operation(1, Touch::read), "race");
  meet_all();
  EXPECT_EQ(operation(1, Touch::read), "unfenced");
  fence(1); // it knows the write: it may fence it as well as its writer
  EXPECT_EQ(operation(1, Touch::read), "");
  EXPECT_EQ(operation(2, Touch::read), "unfenced");
}

TEST_F(OneOperation, FenceBeforeTheBarrierIsEnough) {
  thread(40, Touch::write);
  fence(40);
  meet_all();
  EXPECT_EQ(operation(0, Touch::read), "");
  EXPECT_EQ(operation(1, Touch::read), "");
}

TEST_F(OneOperation, FenceCoversOnlyWhatCameBefore) {
  fence(0);
  thread(0, Touch::write);
  meet_all();
  EXPECT_EQ(operation(0, Touch::read), "unfenced");
}

TEST_F(OneOperation, ReadsNeedNoFence) {
  thread(40, Touch::read);
  meet_all();
  EXPECT_EQ(operation(0, Touch::write), "");
}

TEST_F(OneOperation, ReadsMustBeKnown) {
  thread(40, Touch::read);
  EXPECT_EQ(operation(0, Touch::write), "race");
}

TEST_F(OneOperation, CopyOfAThreadIsFencedLikeAWrite) {
  thread(0, Touch::write, true);
  races.commit(0, 1);
  races.wait(0, 1, 0);
  meet_all(); // all threads know it from now on
  EXPECT_EQ(operation(1, Touch::read), "unfenced");
  fence(1);
  EXPECT_EQ(operation(1, Touch::read), "");
}

TEST_F(OneOperation, CopyThatIsFencedBeforeTheBarrier) {
  thread(0, Touch::write, true);
  races.commit(0, 1);
  races.wait(0, 1, 0);
  fence(0);
  meet_all();
  EXPECT_EQ(operation(1, Touch::read), "");
}

TEST_F(OneOperation, IsCompleteWhenWaitedFor) {
  operation(0, Touch::read);
  meet_all();
  EXPECT_NE(races.left_behind(), nullptr);
  wait(0);
  EXPECT_EQ(thread(0, Touch::write), "");
}

TEST_F(OneOperation, IsNotCompleteBefore) {
  operation(0, Touch::read);
  EXPECT_EQ(thread(0, Touch::write), "early"); // even for its own thread
}

TEST_F(OneOperation, IsNotCompleteForOthersBeforeABarrier) {
  operation(0, Touch::read);
  wait(0);
  EXPECT_EQ(thread(1, Touch::write), "early");
}

TEST_F(OneOperation, IsCompleteForOthersAfterABarrier) {
  operation(0, Touch::read);
  wait(0);
  meet_all();
  EXPECT_EQ(operation(40, Touch::write), "");
}

TEST_F(OneOperation, NobodyLeavesOperationsBehind) {
  operation(0, Touch::read);
  wait(0);
  EXPECT_NE(races.left_behind(), nullptr);
  races.leave(0, 1); // the thread that knows
  EXPECT_EQ(races.left_behind(), nullptr);
}

TEST_F(OneOperation, ManyOperationsAreForgotten) {
  for (int i = 0; i < 20000; ++i) {
    EXPECT_EQ(operation(0, Touch::read, 16 * (static_cast<std::uint64_t>(i) % 64)), "");
    wait(0);
  }
  EXPECT_EQ(thread(0, Touch::write), "");
  EXPECT_EQ(thread(1, Touch::read), "race");
  operation(0, Touch::read, 32);
  for (int i = 0; i < 5000; ++i)
    operation(0, Touch::read, 64);
  Found found;
  races.begin({.instruction = &instruction, .warp = 0, .touch = Touch::write}, 1);
  races.shared(0, 32, 16, found);
  EXPECT_EQ(text(found), "early");
}

} // namespace
} // namespace emu::test
