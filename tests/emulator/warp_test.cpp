// What lanes of a warp do together, with whole and split member masks, in converged and divergent code.
#include "tests/emulator/checked.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace emu::test {
namespace {

using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;

std::vector<u32> random_words(std::size_t count, u64 stream, u32 below = ~0u) {
  std::mt19937_64 random(seed() + stream);
  std::vector<u32> values(count);
  for (u32& value : values)
    value = static_cast<u32>(random()) % below;
  return values;
}

struct Shuffled {
  u32 value = 0;
  bool inside = false;
};

// As the ISA's pseudocode says.
Shuffled shuffled(const std::string& mode, const std::vector<u32>& a, int lane, u32 b, u32 c) {
  const int bval = b & 31, cval = c & 31, mask = c >> 8 & 31;
  const int max_lane = (lane & mask) | (cval & ~mask), min_lane = lane & mask;
  int j = 0;
  bool p = false;
  if (mode == "up") {
    j = lane - bval;
    p = j >= max_lane;
  } else if (mode == "down") {
    j = lane + bval;
    p = j <= max_lane;
  } else if (mode == "bfly") {
    j = lane ^ bval;
    p = j <= max_lane;
  } else {
    j = min_lane | (bval & ~mask);
    p = j <= max_lane;
  }
  return {a[std::size_t(p ? j : lane)], p};
}

TEST(Shuffle, EveryModeWidthAndDistance) {
  const std::vector<u32> a = random_words(32, 1);
  for (const char* mode : {"up", "down", "bfly", "idx"})
    for (u32 width : {32u, 16u, 8u, 4u, 2u})
      for (u32 b = 0; b < 34; b += b < 4 ? 1 : 5) {
        const u32 c = (32 - width) << 8 | (std::string(mode) == "up" ? 0 : 31);
        const std::vector<u32> d =
            each<u32>(std::string("shfl.sync.") + mode + ".b32 %d|%p0, %a, " + std::to_string(b) + ", " +
                          std::to_string(c) + ", -1;\n @!%p0 add.u32 %d, %d, 1;",
                      a);
        for (int lane = 0; lane < 32; ++lane) {
          const Shuffled wanted = shuffled(mode, a, lane, b, c);
          ASSERT_EQ(d[std::size_t(lane)], wanted.value + !wanted.inside)
              << mode << " " << b << " of " << width;
        }
      }
}

TEST(Shuffle, EachLaneChooses) {
  const std::vector<u32> a = random_words(32, 2), b = random_words(32, 3);
  const std::vector<u32> d =
      each<u32>("shfl.sync.idx.b32 %a, %a, %b, 31, 0xffffffff;\n mov.u32 %d, %a;", a, b);
  for (std::size_t i = 0; i < 32; ++i)
    EXPECT_EQ(d[i], a[b[i] & 31]);
}

TEST(Shuffle, ReductionByButterfly) {
  const std::vector<u32> a = random_words(128, 4);
  std::string body = "mov.u32 %d, %a;\n";
  for (int step : {16, 8, 4, 2, 1})
    body += "shfl.sync.bfly.b32 %r0, %d, " + std::to_string(step) + ", 31, -1;\n add.u32 %d, %d, %r0;\n";
  const std::vector<u32> d = each<u32>(body, a);
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(d[i], std::accumulate(a.begin() + std::ptrdiff_t(i / 32 * 32),
                                    a.begin() + std::ptrdiff_t(i / 32 * 32) + 32, 0u));
}

TEST(Vote, OfHalvesAndWholes) {
  const std::vector<u32> a = [] {
    std::vector<u32> values(32, 1);
    values[3] = 0; // the lower half disagrees, the upper half is of one mind
    return values;
  }();
  const std::string halves =
      "setp.ne.u32 %p0, %a, 0;\n setp.lt.u32 %p1, %i, 16;\n selp.b32 %r0, 0xffff, 0xffff0000, %p1;\n";
  auto vote = [&](const std::string& what, const std::string& members) {
    return each<u32>(
        halves + "vote.sync." + what + ".pred %p2, %p0, " + members + ";\n selp.u32 %d, 1, 0, %p2;", a);
  };
  auto each_half = [](u32 lower, u32 upper) {
    std::vector<u32> values(32, lower);
    std::fill(values.begin() + 16, values.end(), upper);
    return values;
  };
  EXPECT_EQ(vote("all", "-1"), each_half(0, 0));
  EXPECT_EQ(vote("any", "-1"), each_half(1, 1));
  EXPECT_EQ(vote("uni", "-1"), each_half(0, 0));
  EXPECT_EQ(vote("all", "%r0"), each_half(0, 1));
  EXPECT_EQ(vote("uni", "%r0"), each_half(0, 1));
  EXPECT_EQ(each<u32>(halves + "vote.sync.all.pred %p2, !%p0, %r0;\n selp.u32 %d, 1, 0, %p2;", a),
            each_half(0, 0));
  EXPECT_EQ(each<u32>(halves + "vote.sync.any.pred %p2, !%p0, %r0;\n selp.u32 %d, 1, 0, %p2;", a),
            each_half(1, 0));
  EXPECT_EQ(each<u32>(halves + "vote.sync.ballot.b32 %d, %p0, %r0;", a), each_half(0xfff7, 0xffff0000));
  EXPECT_EQ(each<u32>(halves + "vote.ballot.sync.b32 %d, %p0, %r0;", a), each_half(0xfff7, 0xffff0000));
  EXPECT_EQ(each<u32>(halves + "vote.sync.ballot.b32 %d, !%p0, -1;", a), each_half(8, 8));
}

TEST(Match, AnyAndAll) {
  const std::vector<u32> a = random_words(32, 5, 5);
  const std::vector<u32> d = each<u32>("match.any.sync.b32 %d, %a, -1;", a);
  const std::vector<u32> wide = each<u32>("mov.b64 %l0, {0, %a};\n match.any.sync.b64 %d, %l0, -1;", a);
  for (std::size_t i = 0; i < 32; ++i) {
    u32 wanted = 0;
    for (std::size_t k = 0; k < 32; ++k)
      wanted |= u32(a[k] == a[i]) << k;
    EXPECT_EQ(d[i], wanted);
    EXPECT_EQ(wide[i], wanted);
  }
  const std::string all = " %r0|%p0, %a, -1;\n selp.u32 %r1, 1, 0, %p0;\n add.u32 %d, %r0, %r1;";
  std::vector<u32> same(32, 7);
  EXPECT_EQ(each<u32>("match.all.sync.b32" + all, same), std::vector<u32>(32, 0)); // 0xffffffff + 1
  EXPECT_EQ(each<u32>("match.all.sync.b32 %d, %a, -1;", same), std::vector<u32>(32, ~0u));
  same[9] = 8;
  EXPECT_EQ(each<u32>("match.all.sync.b32" + all, same), std::vector<u32>(32, 0)); // 0 + 0
  EXPECT_EQ(each<u32>("match.all.sync.b32 %d, %a, -1;", same), std::vector<u32>(32, 0));
}

TEST(Redux, Integers) {
  const std::vector<u32> a = random_words(32, 6);
  auto by = [&](const char* what) {
    return each<u32>(std::string("redux.sync.") + what + " %d, %a, -1;", a);
  };
  auto signed_less = [](u32 x, u32 y) { return s32(x) < s32(y); };
  auto all = [](u32 value) { return std::vector<u32>(32, value); };
  EXPECT_EQ(by("add.u32"), all(std::accumulate(a.begin(), a.end(), 0u)));
  EXPECT_EQ(by("add.s32"), all(std::accumulate(a.begin(), a.end(), 0u)));
  EXPECT_EQ(by("min.u32"), all(*std::ranges::min_element(a)));
  EXPECT_EQ(by("max.u32"), all(*std::ranges::max_element(a)));
  EXPECT_EQ(by("min.s32"), all(*std::ranges::min_element(a, signed_less)));
  EXPECT_EQ(by("max.s32"), all(*std::ranges::max_element(a, signed_less)));
  EXPECT_EQ(by("and.b32"), all(std::accumulate(a.begin(), a.end(), ~0u, std::bit_and<>())));
  EXPECT_EQ(by("or.b32"), all(std::accumulate(a.begin(), a.end(), 0u, std::bit_or<>())));
  EXPECT_EQ(by("xor.b32"), all(std::accumulate(a.begin(), a.end(), 0u, std::bit_xor<>())));
}

TEST(Redux, Floats) {
  std::vector<float> a(32, 0.0F);
  a[1] = -3;
  a[2] = 2;
  a[3] = NAN;
  auto by = [&](const char* what) {
    return each<float>(std::string("redux.sync.") + what + ".f32 %d, %a, -1;", a)[7];
  };
  EXPECT_EQ(by("min"), -3);
  EXPECT_EQ(by("max"), 2);
  EXPECT_EQ(by("max.abs"), 3);
  EXPECT_EQ(by("min.abs"), 0);
  EXPECT_TRUE(std::isnan(by("max.NaN")));
  a[3] = -0.0F;
  EXPECT_EQ(by("max.NaN"), 2);
  a[1] = a[2] = 0;
  EXPECT_TRUE(std::signbit(by("min")));
  EXPECT_FALSE(std::signbit(by("max")));
  EXPECT_FALSE(std::signbit(by("min.abs")));
  std::fill(a.begin(), a.end(), NAN);
  EXPECT_TRUE(std::isnan(by("min")));
}

TEST(Elect, OneOfTheMembers) {
  const std::vector<u32> a(32);
  const std::vector<u32> d = each<u32>("setp.lt.u32 %p1, %i, 16;\n selp.b32 %r0, 0xffff, 0xffff0000, %p1;\n"
                                       "elect.sync %d|%p0, %r0;\n @%p0 add.u32 %d, %d, 100;",
                                       a);
  for (u32 i = 0; i < 32; ++i)
    EXPECT_EQ(d[i], (i < 16 ? 0 : 16) + (i % 16 == 0 ? 100 : 0));
}

TEST(ActiveMask, IsWhoRuns) {
  const std::vector<u32> a(40);
  const std::vector<u32> d =
      each<u32>("setp.lt.u32 %p0, %i, 5;\n @%p0 bra low;\n activemask.b32 %d;\n bra end;\n"
                "low: activemask.b32 %d;\n end:",
                a);
  for (u32 i = 0; i < 40; ++i)
    EXPECT_EQ(d[i], i < 5 ? 0x1fu : i < 32 ? ~0x1fu : 0xffu) << i;
}

// ---- divergence ----

// Both schedules, several seeds: a launch that needs luck does not pass.
template <class F> void in_every_mode(F f) {
  for (u64 schedule = 0; schedule < 12; ++schedule) {
    Machine machine;
    if (schedule > 0) {
      machine.options.mode = Options::Mode::scheduled;
      machine.options.seed = seed() + schedule;
    }
    SCOPED_TRACE("schedule " + std::to_string(schedule));
    f(machine);
  }
}

// Odd lanes come later than even ones: the shuffle waits for them.
TEST(Divergence, AShuffleWaitsForItsMembers) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a = random_words(64, 7);
    Outcome outcome;
    const std::vector<u32> d =
        each_on<u32>(machine, outcome,
                     "and.b32 %r0, %i, 1;\n setp.eq.u32 %p0, %r0, 0;\n mov.u32 %r1, 1;\n"
                     "@%p0 bra meet;\n mov.u32 %r1, 0;\n more: add.u32 %r1, %r1, 1;\n"
                     "setp.lt.u32 %p1, %r1, 50;\n @%p1 bra more;\n"
                     "meet: add.u32 %r2, %a, %r1;\n"
                     "shfl.sync.bfly.b32 %d, %r2, 1, 31, 0xffffffff;",
                     "", a);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (u32 i = 0; i < 64; ++i)
      EXPECT_EQ(d[i], a[i ^ 1] + (i & 1 ? 1 : 50));
  });
}

// Each half shuffles by itself, in code of its own, as often as it likes.
TEST(Divergence, HalvesDoNotWaitForEachOther) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a = random_words(32, 8);
    Outcome outcome;
    const std::vector<u32> d = each_on<u32>(
        machine, outcome,
        "setp.lt.u32 %p0, %i, 16;\n selp.b32 %r0, 0xffff, 0xffff0000, %p0;\n selp.b32 %r3, 3, 8, %p0;\n"
        "mov.u32 %r1, 0;\n mov.u32 %d, %a;\n more: shfl.sync.bfly.b32 %d, %d, 1, 31, %r0;\n"
        "add.u32 %d, %d, 1;\n add.u32 %r1, %r1, 1;\n setp.lt.u32 %p1, %r1, %r3;\n @%p1 bra more;",
        "", a);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (u32 i = 0; i < 32; ++i)
      EXPECT_EQ(d[i], i < 16 ? a[i ^ 1] + 3 : a[i] + 8);
  });
}

// A guard lets some lanes pass the instruction; the others meet.
TEST(Divergence, UnderAGuard) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a = random_words(32, 9);
    Outcome outcome;
    const std::vector<u32> d = each_on<u32>(
        machine, outcome,
        "setp.lt.u32 %p0, %i, 8;\n mov.u32 %d, 5;\n @%p0 shfl.sync.bfly.b32 %d, %a, 1, 31, 0xff;\n"
        "@!%p0 bar.warp.sync 0xffffff00;",
        "", a);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (u32 i = 0; i < 32; ++i)
      EXPECT_EQ(d[i], i < 8 ? a[i ^ 1] : 5);
  });
}

TEST(Divergence, LanesThatHaveLeftAreNotWaitedFor) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a(32, 1);
    Outcome outcome;
    each_on<u32>(machine, outcome,
                 "setp.ge.u32 %p0, %i, 10;\n @%p0 exit;\n setp.ne.u32 %p1, %a, 0;\n"
                 "vote.sync.ballot.b32 %r0, %p1, -1;\n vote.sync.all.pred %p2, %p1, -1;\n bar.warp.sync -1;\n"
                 "setp.ne.u32 %p3, %r0, 0x3ff;\n @%p3 trap;\n @!%p2 trap;",
                 "", a);
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  });
}

// A barrier in each branch of an if: the same barrier, since Volta.
TEST(Divergence, ABarrierInBothBranches) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a = random_words(64, 10);
    Outcome outcome;
    const std::vector<u32> d = each_on<u32>(
        machine, outcome,
        ".shared .align 4 .b32 s[64];\n mov.u64 %l0, s;\n mul.wide.u32 %l1, %i, 4;\n add.u64 %l0, %l0, %l1;\n"
        "xor.b32 %r0, %i, 1;\n mov.u64 %l2, s;\n mul.wide.u32 %l1, %r0, 4;\n add.u64 %l2, %l2, %l1;\n"
        "and.b32 %r1, %i, 1;\n setp.eq.u32 %p0, %r1, 0;\n @%p0 bra even;\n"
        "st.shared.u32 [%l0], %a;\n bar.warp.sync -1;\n ld.shared.u32 %d, [%l2];\n bra end;\n"
        "even: st.shared.u32 [%l0], %a;\n bar.warp.sync -1;\n ld.shared.u32 %d, [%l2];\n end:",
        "", a);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (u32 i = 0; i < 64; ++i)
      EXPECT_EQ(d[i], a[i ^ 1]);
  });
}

// Neighbours exchange words through shared memory; only the barrier orders that.
TEST(Divergence, TheBarrierOrdersMemory) {
  auto kernel = [](const std::string& between) {
    return ".visible .entry test(.param .u64 out) {\n.shared .align 4 .b32 s[32];\n.reg .pred %p<2>;\n"
           ".reg .b32 %t, %n, %r;\n.reg .b64 %l<8>;\n"
           "mov.u32 %t, %tid.x;\n xor.b32 %n, %t, 1;\n mov.u64 %l0, s;\n mad.wide.u32 %l1, %t, 4, %l0;\n"
           "mad.wide.u32 %l2, %n, 4, %l0;\n ld.param.u64 %l3, [out];\n mad.wide.u32 %l4, %t, 4, %l3;\n"
           "and.b32 %r, %t, 1;\n setp.eq.u32 %p0, %r, 0;\n st.shared.u32 [%l1], %t;\n" +
           between + "ld.shared.u32 %r, [%l2];\n st.global.u32 [%l4], %r;\n ret;\n}\n";
  };
  const std::pair<std::string, std::string> cases[] = {
      {"", "race"},
      {"bar.warp.sync -1;\n", ""},
      {"@%p0 bra even;\n bar.warp.sync -1;\n bra end;\n even: bar.warp.sync -1;\n end:\n", ""},
  };
  for (const auto& [between, kinds] : cases) {
    Checked machine;
    machine.threads.x = 32;
    EXPECT_EQ(machine.kinds(kernel(between), {machine.buffer(128)}), kinds) << between << machine.reported();
  }
}

TEST(Divergence, AMemberThatNeverComesIsADeadlock) {
  in_every_mode([](Machine& machine) {
    const std::vector<u32> a(32);
    Outcome outcome;
    each_on<u32>(
        machine, outcome,
        "setp.lt.u32 %p0, %i, 4;\n @%p0 bra other;\n shfl.sync.idx.b32 %d, %a, 0, 31, -1;\n bra end;\n"
        "other: bar.warp.sync -1;\n end:",
        "", a);
    EXPECT_EQ(outcome.status, Status::deadlock);
    EXPECT_NE(outcome.message.find("0x0000000f"), std::string::npos) << outcome.message;
  });
}

// The two halves of the warp come to an operation at different instructions, with different registers: it is
// one operation for all lanes, as the ISA says ("the same qualifiers and the same membermask").
TEST(Divergence, OneOperationAtDifferentInstructions) {
  const std::vector<u32> a = random_words(32, 21, 7);
  const auto run = [&](const std::string& low, const std::string& high, const auto& wanted) {
    in_every_mode([&](Machine& machine) {
      Outcome outcome;
      const std::vector<u32> d =
          each_on<u32>(machine, outcome,
                       "setp.lt.u32 %p0, %i, 16;\n setp.ge.u32 %p1, %a, 4;\n mov.u32 %r5, 77;\n @%p0 bra "
                       "low;\n mov.u32 %r4, %a;\n "
                       "setp.lt.u32 %p2, %a, 4;\n mov.u32 %d, %r4;\n" +
                           high + "\n bra end;\n low: add.u32 %r6, %a, 0;\n" + low +
                           "\n mov.u32 %d, %r7;\n end: setp.ne.u32 %p3, %r5, 77;\n @%p3 trap;",
                       "", a);
      ASSERT_EQ(outcome.status, Status::success) << outcome.message;
      for (std::size_t i = 0; i < 32; ++i)
        ASSERT_EQ(d[i], wanted(i)) << low << " " << i;
    });
  };
  run("shfl.sync.bfly.b32 %r7, %r6, 17, 31, -1;", "shfl.sync.bfly.b32 %d, %d, 17, 31, 0xffffffff;",
      [&](std::size_t i) { return a[i ^ 17]; });
  run("mov.u32 %r8, 31;\n shfl.sync.idx.b32 %r7, %r6, %r8, 31, -1;", "shfl.sync.idx.b32 %d, %r4, 3, 31, -1;",
      [&](std::size_t i) { return i < 16 ? a[31] : a[3]; });
  u32 ballot = 0;
  for (std::size_t i = 0; i < 32; ++i)
    ballot |= u32(a[i] >= 4) << i;
  run("vote.sync.ballot.b32 %r7, %p1, -1;", "vote.ballot.sync.b32 %d, !%p2, -1;",
      [&](std::size_t) { return ballot; });
  run("redux.sync.max.u32 %r7, %r6, -1;", "redux.sync.max.u32 %d, %d, -1;",
      [&](std::size_t) { return *std::max_element(a.begin(), a.end()); });
  run("match.any.sync.b32 %r7, %r6, -1;", "match.any.sync.b32 %d, %r4, -1;", [&](std::size_t i) {
    u32 same = 0;
    for (std::size_t k = 0; k < 32; ++k)
      same |= u32(a[k] == a[i]) << k;
    return same;
  });
}

// Pairs of lanes name each other; of one half, all lanes come at once and wait at one instruction for pairs
// at two others.
TEST(Divergence, PairsAtDifferentInstructions) {
  const std::vector<u32> a = random_words(32, 22);
  in_every_mode([&](Machine& machine) {
    Outcome outcome;
    const std::vector<u32> d = each_on<u32>(
        machine, outcome,
        "xor.b32 %r0, %i, 16;\n mov.u32 %r1, 1;\n shl.b32 %r2, %r1, %i;\n shl.b32 %r3, %r1, %r0;\n or.b32 "
        "%r2, %r2, %r3;\n"
        "setp.lt.u32 %p0, %i, 16;\n and.b32 %r4, %i, 1;\n setp.eq.u32 %p1, %r4, 0;\n @%p0 bra low;\n @%p1 "
        "bra even;\n"
        "shfl.sync.bfly.b32 %d, %a, 16, 31, %r2;\n bra end;\n even: shfl.sync.bfly.b32 %r9, %a, 16, 31, "
        "%r2;\n mov.u32 %d, %r9;\n bra end;\n"
        "low: mov.u32 %r7, %a;\n shfl.sync.bfly.b32 %r7, %r7, 16, 31, %r2;\n mov.u32 %d, %r7;\n end:",
        "", a);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (std::size_t i = 0; i < 32; ++i)
      ASSERT_EQ(d[i], a[i ^ 16]) << i;
  });
}

TEST(Divergence, DifferentOperationsDoNotMeet) {
  in_every_mode([](Machine& machine) {
    Outcome outcome;
    each_on<u32>(
        machine, outcome,
        "setp.lt.u32 %p0, %i, 4;\n @%p0 bra other;\n shfl.sync.idx.b32 %d, %a, 0, 31, -1;\n bra end;\n"
        "other: shfl.sync.up.b32 %d, %a, 0, 0, -1;\n end:",
        "", std::vector<u32>(32));
    EXPECT_EQ(outcome.status, Status::deadlock);
    EXPECT_NE(outcome.message.find(
                  "'shfl.sync.idx.b32' with the member mask 0xffffffff, but 0x0000000f wait in line"),
              std::string::npos)
        << outcome.message;
  });
}

TEST(Divergence, AMaskWithoutTheLaneItselfIsReported) {
  for (const char* wrong : {"shfl.sync.idx.b32 %d, %a, 0, 31, 0xfffffffb;", "bar.warp.sync 0xfffffffb;",
                            "vote.sync.ballot.b32 %d, 1, 0xfffffffb;"}) {
    Machine machine;
    Outcome outcome;
    each_on<u32>(machine, outcome, wrong, "", std::vector<u32>(32));
    EXPECT_EQ(outcome.status, Status::illegal_instruction) << wrong;
    EXPECT_NE(outcome.message.find("0xfffffffb does not name lane 2"), std::string::npos) << outcome.message;
  }
}

TEST(Legacy, WithoutSyncIsRefused) {
  Machine machine;
  for (const char* wrong : {"shfl.up.b32 %r0, %r1, 1, 0;", "vote.ballot.b32 %r0, %p0;"})
    EXPECT_EQ(machine.load(Wrapping().text(wrong)), nullptr) << wrong;
}

} // namespace
} // namespace emu::test
