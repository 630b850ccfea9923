// Clusters: special registers, addresses in the shared memory of other blocks, accesses there, barriers, and
// what goes wrong with them.
#include "kernel_text.h"

#include <algorithm>
#include <numeric>

namespace emu::test {
namespace {

const std::string meet = "barrier.cluster.arrive;\nbarrier.cluster.wait;\n";

std::vector<u64> zeros(Machine& machine, std::size_t count) {
  return {machine.upload(std::vector<u32>(count)), 0, 0, 0};
}

// Each thread puts nine numbers about its place into out[9 * i].
TEST(Cluster, SpecialRegisters) {
  const char* names[] = {"%clusterid.x",     "%clusterid.y",      "%nclusterid.x",
                         "%cluster_ctaid.x", "%cluster_ctaid.y",  "%cluster_nctaid.y",
                         "%cluster_ctarank", "%cluster_nctarank", "%ctaid.y"};
  constexpr u32 count = std::size(names);
  std::string body =
      "mov.u32 %r0, %ctaid.y;\nmov.u32 %r1, %nctaid.x;\nmad.lo.u32 %i, %r0, %r1, %t2;\n"
      "mad.wide.u32 %l0, %i, " +
      std::to_string(4 * count + 4) +
      ", %x0;\n"
      "mov.pred %p0, %is_explicit_cluster;\nselp.u32 %r2, 1, 0, %p0;\nst.global.u32 [%l0], %r2;\n";
  for (u32 k = 0; k < count; ++k)
    body +=
        join({"mov.u32 %r2, ", names[k], ";\nst.global.u32 [%l0+", std::to_string(4 * k + 4), "], %r2;\n"});
  for (const Dim3 cluster : {Dim3{1, 1}, Dim3{2, 1}, Dim3{3, 2}}) {
    run_all_ways(
        {6, 4}, {1}, kernel(body),
        [&](Machine& machine) {
          machine.cluster = cluster;
          return zeros(machine, std::size_t(24) * (count + 1));
        },
        [&](Machine& machine, const std::vector<u64>& params) {
          const auto found = machine.download<u32>(params[0], std::size_t(24) * (count + 1));
          for (u32 y = 0; y < 4; ++y)
            for (u32 x = 0; x < 6; ++x) {
              const u32 rank = y % cluster.y * cluster.x + x % cluster.x;
              const std::vector<u32> expected = {cluster.x * cluster.y > 1 ? 1u : 0u,
                                                 x / cluster.x,
                                                 y / cluster.y,
                                                 6 / cluster.x,
                                                 x % cluster.x,
                                                 y % cluster.y,
                                                 cluster.y,
                                                 rank,
                                                 cluster.x * cluster.y,
                                                 y};
              const auto begin = found.begin() + (6 * y + x) * (count + 1);
              EXPECT_EQ(std::vector<u32>(begin, begin + count + 1), expected) << x << "," << y;
            }
        },
        4);
  }
}

// Each of four blocks fills an array; then thread t reads element t ^ 5 of rank (own + t) % 4, by every kind
// of address.
TEST(Cluster, LoadsFromPeers) {
  const char* ways[] = {
      "mapa.shared::cluster.u32 %r4, s, %r3;\nadd.u32 %r4, %r4, %r5;\nld.shared::cluster.u32 %r6, [%r4];\n",
      "mov.u32 %r7, s;\nadd.u32 %r7, %r7, %r5;\nmapa.shared::cluster.u32 %r4, %r7, %r3;\n"
      "ld.relaxed.cluster.shared::cluster.u32 %r6, [%r4];\n",
      "mov.u64 %l3, s;\ncvta.shared.u64 %l3, %l3;\ncvt.u64.u32 %l4, %r5;\nadd.u64 %l3, %l3, %l4;\n"
      "mapa.u64 %l5, %l3, %r3;\nld.u32 %r6, [%l5];\n",
      "mov.u64 %l3, s;\nmapa.shared::cluster.u64 %l5, %l3, %r3;\ncvt.u64.u32 %l4, %r5;\nadd.u64 %l5, %l5, "
      "%l4;\n"
      "cvta.shared::cluster.u64 %l5, %l5;\nld.acquire.cluster.u32 %r6, [%l5];\n",
      "mapa.shared::cluster.u32 %r4, s, %r3;\nadd.u32 %r4, %r4, %r5;\natom.shared::cluster.add.u32 %r6, "
      "[%r4], 0;\n",
  };
  for (const std::string way : ways) {
    SCOPED_TRACE(way);
    run_all_ways(
        {8}, {64},
        kernel(".shared .align 4 .b8 s[256];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t0, 4, %r0;\n"
               "st.shared.u32 [%r1], %i;\n" +
               meet +
               "mov.u32 %r2, %cluster_ctarank;\nadd.u32 %r3, %r2, %t0;\nand.b32 %r3, %r3, 3;\n"
               "xor.b32 %r5, %t0, 5;\nshl.b32 %r5, %r5, 2;\n" +
               way + "mad.wide.u32 %l0, %i, 4, %x0;\nst.global.u32 [%l0], %r6;\n" + meet),
        [](Machine& machine) {
          machine.cluster = {4};
          return zeros(machine, 512);
        },
        [](Machine& machine, const std::vector<u64>& params) {
          std::vector<u32> expected(512);
          for (u32 i = 0; i < 512; ++i)
            expected[i] = i / 256 * 256 + (i / 64 + i % 64) % 4 * 64 + (i % 64 ^ 5);
          EXPECT_EQ(machine.download<u32>(params[0], 512), expected);
        },
        4);
  }
}

// Thread t of each block stores to rank 0, to place 32 * own + t; or adds to place t.
TEST(Cluster, StoresAndAtomicsAtPeers) {
  struct Way {
    const char* text;
    bool adds;
  };
  const Way ways[] = {
      {"st.shared::cluster.u32 [%r5], %i;\n", false},
      {"st.release.cluster.shared::cluster.u32 [%r5], %i;\n", false},
      {"st.volatile.shared::cluster.u32 [%r5], %i;\n", false},
      {"atom.shared::cluster.exch.b32 %r9, [%r5], %i;\n", false},
      {"red.shared::cluster.add.u32 [%r6], %i;\n", true},
      {"red.relaxed.cluster.shared::cluster.add.u32 [%r6], %i;\n", true},
      {"atom.acq_rel.cluster.shared::cluster.add.u32 %r9, [%r6], %i;\n", true},
  };
  for (const Way& way : ways) {
    SCOPED_TRACE(way.text);
    run_all_ways(
        {4}, {32},
        kernel(
            ".shared .align 4 .b8 s[512];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t0, 4, %r0;\nmov.u32 %r2, 0;\n"
            "st.shared.u32 [%r1], %r2;\nst.shared.u32 [%r1+128], %r2;\nst.shared.u32 [%r1+256], %r2;\n"
            "st.shared.u32 [%r1+384], %r2;\n" +
            meet +
            "mapa.shared::cluster.u32 %r4, s, 0;\nmov.u32 %r3, %cluster_ctarank;\n"
            "mad.lo.u32 %r6, %t0, 4, %r4;\nmad.lo.u32 %r5, %r3, 128, %r6;\n" +
            std::string(way.text) + meet +
            "setp.ne.u32 %p0, %t2, 0;\n@%p0 exit;\nmad.wide.u32 %l0, %t0, 16, %x0;\n"
            "mad.lo.u32 %r1, %t0, 16, %r0;\n"
            "ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r1];\n"
            "st.global.v4.u32 [%l0], {%r10, %r11, %r12, %r13};\n"),
        [](Machine& machine) {
          machine.cluster = {4};
          return zeros(machine, 128);
        },
        [&](Machine& machine, const std::vector<u64>& params) {
          std::vector<u32> expected(128);
          for (u32 i = 0; i < 128; ++i)
            expected[i] = !way.adds ? i : i < 32 ? 4 * i + 32 * (1 + 2 + 3) : 0;
          EXPECT_EQ(machine.download<u32>(params[0], 128), expected);
        },
        4);
  }
}

// For each rank: which space its address is in, and which rank the address says it has.
TEST(Cluster, RanksAndWindowsOfAddresses) {
  run_all_ways(
      {2}, {2},
      kernel(".shared .align 4 .b8 s[4];\nmapa.shared::cluster.u32 %r0, s, %t0;\n"
             "getctarank.shared::cluster.u32 %r1, %r0;\ncvt.u64.u32 %l0, %r0;\n"
             "getctarank.shared::cluster.u64 %r2, %l0;\ncvta.shared::cluster.u64 %l1, %l0;\n"
             "getctarank.u64 %r3, %l1;\nisspacep.shared::cluster %p0, %l1;\nisspacep.shared::cta %p1, %l1;\n"
             "isspacep.shared %p2, %l1;\nisspacep.global %p3, %l1;\nselp.u32 %r4, 8, 0, %p0;\n"
             "selp.u32 %r5, 4, 0, %p1;\nselp.u32 %r6, 2, 0, %p2;\nselp.u32 %r7, 1, 0, %p3;\n"
             "add.u32 %r4, %r4, %r5;\nadd.u32 %r4, %r4, %r6;\nadd.u32 %r4, %r4, %r7;\n"
             "mov.u32 %r8, s;\ngetctarank.shared::cluster.u32 %r9, %r8;\n"
             "cvta.to.shared::cluster.u64 %l2, %l1;\nsub.u64 %l2, %l2, %l0;\ncvt.u32.u64 %r10, %l2;\n"
             "mad.wide.u32 %l4, %i, 24, %x0;\nst.global.v2.u32 [%l4], {%r1, %r2};\n"
             "st.global.v2.u32 [%l4+8], {%r3, %r4};\nst.global.v2.u32 [%l4+16], {%r9, %r10};\n"),
      [](Machine& machine) {
        machine.cluster = {2};
        return zeros(machine, 24);
      },
      [](Machine& machine, const std::vector<u64>& params) {
        const auto found = machine.download<u32>(params[0], 24);
        for (u32 i = 0; i < 4; ++i) {
          const u32 own = i / 2, of = i % 2;
          const std::vector<u32> expected = {of, of, of, own == of ? 14u : 8u, own, 0};
          EXPECT_EQ(std::vector<u32>(found.begin() + 6 * i, found.begin() + 6 * i + 6), expected) << i;
        }
      },
      2);
}

// Every round a value goes to the next rank, which every block waits for at an mbarrier of its own that the
// one before arrives at.
std::string ring(const std::string& arrive) {
  return kernel(
      ".shared .align 8 .b8 bar[8];\n.shared .align 4 .b8 s[8];\nmov.u32 %r0, bar;\nmov.u32 %r1, s;\n"
      "setp.ne.u32 %p0, %t0, 0;\n@%p0 bra ready;\nmbarrier.init.shared.b64 [%r0], 2;\n"
      "fence.mbarrier_init.release.cluster;\nready:\n" +
      meet +
      "@%p0 bra done;\nmov.u32 %r2, %cluster_ctarank;\nmov.u32 %r3, %cluster_nctarank;\nadd.u32 %r4, %r2, "
      "1;\n"
      "rem.u32 %r4, %r4, %r3;\nmapa.shared::cluster.u32 %r5, bar, %r4;\nmapa.shared::cluster.u32 %r6, s, "
      "%r4;\n"
      "mov.u32 %r7, 0;\nmov.u32 %r8, %t2;\n"
      "step:\nand.b32 %r9, %r7, 1;\nmad.lo.u32 %r10, %r9, 4, %r6;\nst.shared::cluster.u32 [%r10], %r8;\n" +
      arrive +
      "again:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p1, [%r0], %r9;\n@!%p1 bra again;\n"
      "mad.lo.u32 %r11, %r9, 4, %r1;\nld.shared.u32 %r12, [%r11];\nmad.lo.u32 %r8, %r8, 3, %r12;\n"
      "add.u32 %r7, %r7, 1;\n" +
      meet + // nobody is a phase ahead
      "setp.lt.u32 %p2, %r7, 5;\n@%p2 bra step;\n"
      "mad.wide.u32 %l0, %t2, 4, %x0;\nst.global.u32 [%l0], %r8;\ndone:\n" +
      meet);
}

TEST(Cluster, ArrivalsAtMbarriersOfPeers) {
  const char* arrivals[] = {
      "mbarrier.arrive.shared::cluster.b64 _, [%r5], 2;\n",
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r5];\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r5];\n",
      "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%r5], 64;\n"
      "mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [%r5], 64;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r5];\n",
      "mbarrier.expect_tx.relaxed.cluster.shared::cluster.b64 [%r5], 12;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r5], 2;\n"
      "mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [%r5], 12;\n",
  };
  for (const std::string arrive : arrivals)
    for (const u32 size : {1u, 2u, 4u, 8u}) {
      SCOPED_TRACE(arrive);
      run_all_ways(
          {8}, {1}, ring(arrive),
          [=](Machine& machine) {
            machine.cluster = {size};
            return zeros(machine, 8);
          },
          [=](Machine& machine, const std::vector<u64>& params) {
            std::vector<u32> value(8);
            std::iota(value.begin(), value.end(), 0);
            for (int step = 0; step < 5; ++step) {
              const std::vector<u32> before = value;
              for (u32 i = 0; i < 8; ++i)
                value[i] = 3 * before[i] + before[i / size * size + (i % size + size - 1) % size];
            }
            EXPECT_EQ(machine.download<u32>(params[0], 8), value);
          },
          4);
    }
}

// After the first phase fewer arrivals are needed: one.
TEST(Cluster, DropsAtMbarriersOfPeers) {
  run_all_ways(
      {2}, {1},
      kernel(".shared .align 8 .b8 bar[8];\nmov.u32 %r0, bar;\nmbarrier.init.shared.b64 [%r0], 2;\n"
             "fence.mbarrier_init.release.cluster;\n" +
             meet +
             "mov.u32 %r1, %cluster_ctarank;\nxor.b32 %r1, %r1, 1;\nmapa.shared::cluster.u32 %r2, bar, %r1;\n"
             "mbarrier.arrive_drop.release.cluster.shared::cluster.b64 _, [%r2];\n"
             "mbarrier.arrive.shared.b64 %l0, [%r0];\n"
             "first:\nmbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;\n@!%p0 bra first;\n"
             "mbarrier.arrive.shared.b64 %l0, [%r0];\n"
             "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 1;\nselp.u32 %r3, 1, 0, %p0;\n"
             "mad.wide.u32 %l0, %t2, 4, %x0;\nst.global.u32 [%l0], %r3;\n" +
             meet),
      [](Machine& machine) {
        machine.cluster = {2};
        return zeros(machine, 2);
      },
      [](Machine& machine, const std::vector<u64>& params) {
        EXPECT_EQ(machine.download<u32>(params[0], 2), (std::vector<u32>{1, 1}));
      },
      8);
}

// 20 rounds in which each thread adds up what the others wrote in the round before; threads that leave are
// not waited for.
TEST(ClusterBarrier, Rounds) {
  const std::pair<const char*, const char*> spellings[] = {
      {"barrier.cluster.arrive;", "barrier.cluster.wait;"},
      {"barrier.cluster.arrive.aligned;", "barrier.cluster.wait.aligned;"},
      {"barrier.cluster.arrive.release;", "barrier.cluster.wait.acquire;"},
      {"barrier.cluster.arrive.release.aligned;", "barrier.cluster.wait.acquire.aligned;"},
      {"fence.acq_rel.cluster;\nbarrier.cluster.arrive.relaxed;",
       "barrier.cluster.wait;\nfence.acq_rel.cluster;"},
      {"fence.sc.cluster;\nbarrier.cluster.arrive.relaxed.aligned;",
       "barrier.cluster.wait.aligned;\nfence.sc.cluster;"},
  };
  for (const auto& [arrive, wait] : spellings) {
    SCOPED_TRACE(arrive);
    run_all_ways(
        {6}, {33},
        kernel("setp.eq.u32 %p0, %t0, 32;\nsetp.eq.u32 %p1, %t2, 4;\nand.pred %p0, %p0, %p1;\n@%p0 exit;\n"
               "rem.u32 %r0, %t2, 3;\nsub.u32 %r1, %t2, %r0;\nmov.u32 %r2, 0;\nadd.u32 %r3, %i, 1;\n"
               "step:\nmad.lo.u32 %r4, %r2, 198, %i;\nmad.wide.u32 %l0, %r4, 4, %x0;\nst.global.u32 [%l0], "
               "%r3;\n" +
               std::string(arrive) + "\nadd.u32 %r5, %r2, 1;\n" + wait +
               "\nadd.u32 %r6, %r0, 1;\nrem.u32 %r6, %r6, 3;\nadd.u32 %r6, %r6, %r1;\nadd.u32 %r7, %t0, 1;\n"
               "rem.u32 %r7, %r7, 32;\nmad.lo.u32 %r6, %r6, 33, %r7;\nmad.lo.u32 %r4, %r2, 198, %r6;\n"
               "mad.wide.u32 %l0, %r4, 4, %x0;\nld.global.u32 %r8, [%l0];\nadd.u32 %r3, %r3, %r8;\n"
               "mov.u32 %r2, %r5;\nsetp.lt.u32 %p2, %r2, 20;\n@%p2 bra step;\n"
               "mad.wide.u32 %l0, %i, 4, %x1;\nst.global.u32 [%l0], %r3;\n"),
        [](Machine& machine) {
          machine.cluster = {3};
          return std::vector<u64>{machine.upload(std::vector<u32>(198 * 20)),
                                  machine.upload(std::vector<u32>(198)), 0, 0};
        },
        [](Machine& machine, const std::vector<u64>& params) {
          std::vector<u32> value(198);
          std::iota(value.begin(), value.end(), 1);
          for (int step = 0; step < 20; ++step) {
            const std::vector<u32> before = value;
            for (u32 i = 0; i < 198; ++i)
              value[i] += before[(i / 33 / 3 * 3 + (i / 33 % 3 + 1) % 3) * 33 + (i % 33 + 1) % 32];
          }
          value[4 * 33 + 32] = 0; // has left
          EXPECT_EQ(machine.download<u32>(params[1], 198), value);
        },
        4);
  }
}

struct Wrong {
  const char* body;
  Status status;
  const char* message;
};

void expect_wrong(const std::vector<Wrong>& cases, u32 size) {
  for (const Wrong& one : cases)
    for (const auto mode : {Options::Mode::fast, Options::Mode::scheduled}) {
      SCOPED_TRACE(one.body);
      Machine machine;
      machine.cluster = {size};
      machine.grid = {size};
      machine.threads = {2};
      machine.options.mode = mode;
      const Outcome outcome = machine.run(
          kernel(".shared .align 8 .b8 s[64];\nmov.u32 %r0, %cluster_ctarank;\nmov.u32 %r1, s;\n"
                 "xor.b32 %r2, %r0, 1;\nmapa.shared::cluster.u32 %r3, s, %r2;\nsetp.eq.u32 %p0, %r0, 0;\n"
                 "setp.eq.u32 %p1, %t0, 0;\ncvt.u64.u32 %l0, %r3;\ncvta.shared::cluster.u64 %l0, %l0;\n" +
                 std::string(one.body)),
          {0, 0, 0, 0});
      EXPECT_EQ(outcome.status, one.status) << outcome.message;
      EXPECT_NE(outcome.message.find(one.message), std::string::npos) << outcome.message;
    }
}

TEST(Cluster, WrongAddresses) {
  expect_wrong(
      {
          {"mapa.shared::cluster.u32 %r4, s, 2;\nst.shared::cluster.u32 [%r4], %r0;", Status::illegal_address,
           "lie outside all memory of that space"},
          {"mapa.shared::cluster.u32 %r4, s, 0xffffffff;\nld.shared::cluster.u32 %r5, [%r4];",
           Status::illegal_address, "lie outside"},
          {"st.shared::cluster.u32 [%r3+64], %r0;", Status::illegal_address, "lie outside"},
          {"st.u32 [%l0+64], %r0;", Status::illegal_address, "lie outside"},
          {"st.shared::cluster.u32 [%r3+2], %r0;", Status::misaligned_address, "expected a multiple of 4"},
          {"st.shared.u32 [%r3], %r0;", Status::illegal_address, "lie outside"},
          {"ld.shared::cta.u32 %r4, [%r3];", Status::illegal_address, "lie outside"},
          {"mapa.u64 %l1, %x0, 1;", Status::illegal_instruction, "expected one in shared memory"},
          {"getctarank.u64 %r4, %x0;", Status::illegal_instruction, "expected one in shared memory"},
          {"mbarrier.init.b64 [%l0], 1;", Status::illegal_instruction, "the mbarrier is another block's"},
          {"mbarrier.test_wait.b64 %p2, [%l0], %l1;", Status::illegal_instruction,
           "the mbarrier is another block's"},
          {"mbarrier.arrive.b64 %l1, [%l0];", Status::illegal_instruction, "the mbarrier is another block's"},
          {"mbarrier.arrive.shared::cluster.b64 _, [%r3];", Status::illegal_instruction,
           "no mbarrier object"},
      },
      2);
}

TEST(ClusterBarrier, Misuse) {
  expect_wrong(
      {
          {"barrier.cluster.wait;", Status::illegal_instruction, "expected barrier.cluster.arrive before"},
          {"barrier.cluster.arrive;\nbarrier.cluster.arrive.relaxed;", Status::illegal_instruction,
           "expected barrier.cluster.wait between"},
          {"barrier.cluster.arrive;\nbarrier.cluster.wait;\nbarrier.cluster.wait;",
           Status::illegal_instruction, "expected barrier.cluster.arrive before"},
          {"@%p0 bra end;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\nbra out;\nend:\nbar.sync 1, "
           "64;\nout:",
           Status::deadlock,
           "the barrier of its cluster, at which 2 of 4 threads are missing: 2 of block (0,0,0)"},
      },
      2);
}

// A block that has left has no shared memory.
TEST(Cluster, PeersThatHaveLeft) {
  Machine machine;
  machine.cluster = machine.grid = {2};
  machine.threads = {1};
  const Outcome outcome = machine.run(
      kernel(".shared .align 8 .b8 s[64];\nsetp.eq.u32 %p0, %t2, 0;\n@%p0 exit;\nmov.u32 %r0, 0;\n"
             "wait:\nadd.u32 %r0, %r0, 1;\nsetp.lt.u32 %p1, %r0, 100000;\n@%p1 bra wait;\n"
             "mapa.shared::cluster.u32 %r1, s, 0;\nst.shared::cluster.u32 [%r1], %r0;\n"),
      {0, 0, 0, 0});
  EXPECT_EQ(outcome.status, Status::illegal_address);
  EXPECT_NE(outcome.message.find("in the shared memory of a block that has left"), std::string::npos)
      << outcome.message;
}

TEST(Cluster, RefusedAtLoad) {
  Machine machine;
  EXPECT_EQ(machine.load(kernel("mapa.u32 %r0, %r1, 0;")), nullptr);
  EXPECT_NE(machine.error.message.find("a generic address has 64 bits"), std::string::npos)
      << machine.error.message;
}

} // namespace
} // namespace emu::test
