// Clusters under the checks: races in the shared memory of peers and what orders accesses there, blocks that
// have not begun or leave too early, registers, and launches that overlap.
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

// Two clusters of two blocks of 64 threads. %t is the thread's number, %c its rank; %s is its word in its own
// shared memory, %v its word in its peer's, which has the rank %o; %m and %n are their mbarriers. %x is a
// word of the first buffer that belongs to the thread of the grid, %y its peer's. `C` is a barrier of the
// cluster.
std::string kernel(const std::string& body) {
  std::string text = R"(
.shared .align 8 .b64 m;
.shared .align 16 .b8 s[2048];
.visible .entry test(.param .u64 pa, .param .u64 pb) {
.reg .pred %p<8>; .reg .b32 %t, %s, %v, %c, %o, %i, %m, %n, %r<16>; .reg .b64 %a, %b, %x, %y, %l<8>;
ld.param.u64 %a, [pa]; ld.param.u64 %b, [pb]; mov.u32 %t, %tid.x; mov.u32 %c, %cluster_ctarank; xor.b32 %o, %c, 1;
mov.u32 %r0, s; mad.lo.u32 %s, %t, 4, %r0; mapa.shared::cluster.u32 %v, %s, %o;
mov.u32 %m, m; mapa.shared::cluster.u32 %n, m, %o;
mov.u32 %r0, %ctaid.x; mad.lo.u32 %i, %r0, 64, %t; mad.wide.u32 %x, %i, 4, %a; xor.b32 %r0, %i, 64;
mad.wide.u32 %y, %r0, 4, %a;
setp.eq.u32 %p0, %c, 0; setp.eq.u32 %p1, %t, 0;
)" + body + "\nret;\n}\n";
  for (std::size_t at = 0; (at = text.find(" C;")) != std::string::npos;)
    text.replace(at, 3, " barrier.cluster.arrive; barrier.cluster.wait;");
  return text;
}

class Clusters : public testing::Test {
protected:
  void SetUp() override {
    machine.grid.x = 4;
    machine.cluster.x = 2;
    machine.threads.x = 64;
    a = machine.buffer(4096);
    b = machine.buffer(4096);
  }
  void expect(const std::string& body, std::string_view kinds, Status status = Status::success) {
    for (const Options::Mode mode : {Options::Mode::fast, Options::Mode::scheduled}) {
      machine.options.mode = mode;
      machine.options.most_instructions = 1'000'000;
      EXPECT_EQ(machine.kinds(kernel(body), {a, b}), kinds) << body << "\n" << machine.reported();
      EXPECT_EQ(machine.outcome.status, status) << body << "\n" << machine.outcome.message;
    }
  }
  /// Right as it is; each of `parts`, taken out alone, gives a report of that kind.
  void expect_needs(const std::string& body, const std::vector<std::string>& parts, std::string_view kind) {
    expect(body, "");
    for (const std::string& part : parts) {
      const std::size_t at = body.find(part);
      ASSERT_NE(at, std::string::npos) << part;
      expect(std::string(body).erase(at, part.size()), kind);
    }
  }
  Checked machine;
  std::uint64_t a = 0, b = 0;
};

// ---- races ----

TEST_F(Clusters, BarriersOrderAccessesToPeers) {
  expect("st.shared.u32 [%s], %t; C; ld.shared::cluster.u32 %r1, [%v]; C; st.shared.u32 [%s], %r1; C;", "");
  expect(" C; st.shared.u32 [%s], %t; ld.shared::cluster.u32 %r1, [%v]; C;", "race");
  const Report report = machine.checks.reports().all().at(0);
  ASSERT_TRUE(report.other.has_value());
  EXPECT_EQ(report.place.block.x ^ 1, report.other->block.x);
  EXPECT_EQ(report.place.thread.x, report.other->thread.x);
  expect("st.shared.u32 [%s], %t; C; ld.shared::cluster.u32 %r1, [%v]; st.shared.u32 [%s], %r1; C;", "race");
  expect(" C; st.shared::cluster.u32 [%v], %t; ld.shared.u32 %r1, [%s]; C;", "race");
  expect(" C; st.shared::cluster.u32 [%v], %t; C; ld.shared.u32 %r1, [%s];", "");
}

TEST_F(Clusters, ThreadsOfOneBlockMeetAtAPeer) {
  const std::string other =
      "xor.b32 %r1, %t, 32; mapa.shared::cluster.u32 %r2, s, %o; mad.lo.u32 %r2, %r1, 4, %r2;";
  expect(other + " C; st.shared::cluster.u32 [%v], %t; bar.sync 0; ld.shared::cluster.u32 %r3, [%r2]; C;",
         "");
  expect(other + " C; st.shared::cluster.u32 [%v], %t; ld.shared::cluster.u32 %r3, [%r2]; C;", "race");
  expect(other + " C; st.shared::cluster.u32 [%v], %t; C; @!%p0 bra e; st.shared.u32 [%s], %t; e: C;", "");
}

TEST_F(Clusters, RelaxedArrivalsOrderNothing) {
  expect("st.shared.u32 [%s], %t; barrier.cluster.arrive.relaxed; barrier.cluster.wait; "
         "ld.shared::cluster.u32 %r1, [%v]; C;",
         "race");
  expect(
      "st.shared.u32 [%s], %t; fence.acq_rel.cluster; barrier.cluster.arrive.relaxed; barrier.cluster.wait; "
      "fence.acq_rel.cluster; ld.shared::cluster.u32 %r1, [%v]; C;",
      "");
}

TEST_F(Clusters, BarriersOrderGlobalMemory) {
  expect("st.global.u32 [%x], %t; C; ld.global.u32 %r1, [%y];", "");
  expect("st.global.u32 [%x], %t; bar.sync 0; ld.global.u32 %r1, [%y];", "race");
  // But not between clusters.
  expect("st.global.u32 [%x], %t; C; xor.b32 %r1, %i, 128; mad.wide.u32 %y, %r1, 4, %a; ld.global.u32 %r1, "
         "[%y];",
         "race");
}

TEST_F(Clusters, ArrivalsAtPeersOrderWhatCameBefore) {
  const std::string begin =
      "@!%p1 bra r; mbarrier.init.shared.b64 [%m], 64; fence.mbarrier_init.release.cluster; r: C;";
  const std::string wait = "w: mbarrier.try_wait.parity.shared.b64 %p2, [%m], 0; @!%p2 bra w;";
  expect_needs(begin + "st.shared::cluster.u32 [%v], %t; mbarrier.arrive.shared::cluster.b64 _, [%n];" +
                   wait +
                   "xor.b32 %r1, %t, 32; mad.lo.u32 %r1, %r1, 4, %m; mov.u32 %r2, s; xor.b32 %r3, %t, 32; "
                   "mad.lo.u32 %r3, %r3, 4, %r2; ld.shared.u32 %r4, [%r3]; C;",
               {wait}, "race");
  // Global memory as well.
  expect_needs(begin +
                   "st.global.u32 [%x], %t; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%n];" +
                   wait + "ld.global.u32 %r4, [%y]; C;",
               {wait}, "race");
}

TEST_F(Clusters, AtomicsOfTheClusterSynchroniseIt) {
  const std::string flags = "mov.u32 %r1, 0; @%p1 st.shared.u32 [%s+256], %r1; C; @!%p1 bra e; ";
  const std::string sends = "st.global.u32 [%x], %t; ", receives = "ld.global.u32 %r3, [%y]; e: C;";
  const std::string release = "st.release.cluster.shared::cluster.u32 [%v+256], 1; ";
  const std::string acquire = "w: ld.acquire.cluster.shared::cta.u32 %r2, [%s+256]; setp.eq.u32 %p2, %r2, 0; "
                              "@%p2 bra w; ";
  const std::string relaxed = "w: ld.relaxed.cluster.shared::cta.u32 %r2, [%s+256]; setp.eq.u32 %p2, %r2, 0; "
                              "@%p2 bra w; ";
  expect(flags + sends + release + acquire + receives, "");
  expect(flags + sends + release + relaxed + receives, "race");
  expect(flags + sends + release + relaxed + "fence.acq_rel.cluster; " + receives, "");
  expect(flags + sends + "fence.acq_rel.cluster; red.relaxed.cluster.shared::cluster.add.u32 [%v+256], 1; " +
             acquire + receives,
         "");
  expect(flags + sends + "red.relaxed.cluster.shared::cluster.add.u32 [%v+256], 1; " + acquire + receives,
         "race");
  expect(flags + sends +
             "fence.release.sync_restrict::shared::cta.cluster; red.relaxed.cluster.shared::cluster.add.u32 "
             "[%v+256], 1; " +
             relaxed + "fence.acquire.sync_restrict::shared::cluster.cluster; " + receives,
         "");
  // A fence of one kind does not do for the other.
  expect(flags + sends + "fence.acquire.cluster; red.relaxed.cluster.shared::cluster.add.u32 [%v+256], 1; " +
             acquire + receives,
         "race");
  expect(flags + sends + release + relaxed + "fence.release.cluster; " + receives, "race");
  // The scope of a block is too small.
  expect(flags + sends + "st.release.cta.shared::cluster.u32 [%v+256], 1; " + acquire + receives, "race");
}

// In global memory a fence of the cluster says nothing to other clusters.
TEST_F(Clusters, ScopesOfFences) {
  const auto body = [](const std::string& scope, const std::string& flip) {
    return "@!%p1 bra e; st.global.u32 [%x], %t; fence.acq_rel." + scope + "; mad.wide.u32 %l0, %i, 4, %b; " +
           "st.relaxed." + scope + ".global.u32 [%l0], 1; xor.b32 %r1, %i, " + flip +
           "; mad.wide.u32 %l0, %r1, 4, %b; mad.wide.u32 %l1, %r1, 4, %a; w: ld.relaxed." + scope +
           ".global.u32 %r2, [%l0]; setp.eq.u32 %p2, %r2, 0; @%p2 bra w; fence.acq_rel." + scope +
           "; ld.global.u32 %r3, [%l1]; e:";
  };
  const auto clear = [&] { std::memset(reinterpret_cast<void*>(b), 0, 4096); };
  const auto kinds = [&](const std::string& text) {
    std::string all;
    machine.options.mode = Options::Mode::scheduled;
    clear();
    all = machine.kinds(kernel(text), {a, b});
    EXPECT_EQ(machine.outcome.status, Status::success) << machine.reported();
    return all;
  };
  EXPECT_EQ(kinds(body("cluster", "64")), "");
  EXPECT_EQ(kinds(body("gpu", "64")), "");
  EXPECT_EQ(kinds(body("gpu", "128")), "");
  EXPECT_EQ(kinds(body("cluster", "128")), "race");
  EXPECT_EQ(kinds(body("cta", "64")), "race");
}

// ---- definedness, bounds ----

TEST_F(Clusters, UndefinedBytesOfPeers) {
  expect(" C; ld.shared::cluster.u32 %r1, [%v]; setp.eq.u32 %p2, %r1, 0; @%p2 bra e; e: C;",
         "undefined-branch");
  expect(" C; st.shared::cluster.u32 [%v], %t; C; ld.shared.u32 %r1, [%s]; setp.eq.u32 %p2, %r1, 0; @%p2 bra "
         "e; e:",
         "");
}

TEST_F(Clusters, BoundsOfPeers) {
  expect(" C; st.shared::cluster.u32 [%v+4096], %t; C;", "out-of-bounds");
  expect("mapa.shared::cluster.u32 %r1, s, 2; C; st.shared::cluster.u32 [%r1], %t; C;", "out-of-bounds");
  EXPECT_NE(machine.reported().find("expected a rank below 2"), std::string::npos) << machine.reported();
  expect(" C; st.shared.u32 [%v], %t; C;", "out-of-bounds");
  // Beside the variable that the address is computed from.
  expect(" C; st.shared::cluster.u32 [%n+8], %t; C;", "out-of-bounds");
  EXPECT_NE(machine.reported().find("after the end of 'm'"), std::string::npos) << machine.reported();
}

// ---- blocks that have not begun, or have left ----

TEST_F(Clusters, PeersMustHaveBegun) {
  expect("st.shared::cluster.u32 [%v], %t; C;", "block-lifetime");
  expect("barrier.cluster.arrive.relaxed; barrier.cluster.wait; st.shared::cluster.u32 [%v], %t; C;", "");
}

TEST_F(Clusters, BlocksStayUntilPeersAreDone) {
  expect(" C; @%p0 bra e; st.shared::cluster.u32 [%v], %t; e:", "block-lifetime");
  expect(" C; @%p0 bra e; st.shared::cluster.u32 [%v], %t; e: C;", "");
  expect(" C; @!%p0 ld.shared::cluster.u32 %r1, [%v]; barrier.cluster.arrive.relaxed; barrier.cluster.wait;",
         "block-lifetime");
  // Whoever of the block waits last for the access, does so for all.
  expect("@!%p1 bra r; mbarrier.init.shared.b64 [%m], 64; fence.mbarrier_init.release.cluster; r: C; "
         "@!%p0 bra p; @!%p1 bra e; w: mbarrier.try_wait.parity.shared.b64 %p2, [%m], 0; @!%p2 bra w; bra e; "
         "p: st.shared::cluster.u32 [%v], %t; mbarrier.arrive.shared::cluster.b64 _, [%n]; e:",
         "");
}

// ---- barriers ----

TEST_F(Clusters, AlignedBarriers) {
  expect("setp.lt.u32 %p2, %t, 16; @%p2 bra l; barrier.cluster.arrive.aligned; bra e; "
         "l: barrier.cluster.arrive.aligned; e: barrier.cluster.wait;",
         "barrier-divergence");
  expect("setp.lt.u32 %p2, %t, 16; @%p2 bra l; barrier.cluster.arrive; bra e; l: barrier.cluster.arrive; "
         "e: barrier.cluster.wait;",
         "");
}

TEST_F(Clusters, DeadlocksAcrossBlocks) {
  expect("@!%p1 bra r; mbarrier.init.shared.b64 [%m], 64; fence.mbarrier_init.release.cluster; r: C; "
         "@%p0 bra w; bar.sync 1, 96; w: mbarrier.try_wait.parity.shared.b64 %p2, [%m], 0; @!%p2 bra w;",
         "deadlock", Status::deadlock);
}

// ---- launches that overlap ----

TEST(DependentLaunch, WaitsForWhatItReads) {
  Checked machine;
  machine.threads.x = 64;
  const std::uint64_t a = machine.buffer(4096), b = machine.buffer(4096);
  const std::string first =
      ".visible .entry test(.param .u64 pa, .param .u64 pb) { .reg .b32 %t; .reg .b64 %a; "
      "mov.u32 %t, %tid.x; ld.param.u64 %a, [pa]; mad.wide.u32 %a, %t, 4, %a; "
      "TRIGGER st.global.u32 [%a], %t; ret; }";
  const std::string second =
      ".visible .entry test(.param .u64 pa, .param .u64 pb) { .reg .b32 %t, %r; .reg .b64 %a; "
      ".reg .pred %p; mov.u32 %t, %tid.x; ld.param.u64 %a, [pa]; xor.b32 %r, %t, 32; "
      "setp.ne.u32 %p, %t, 0; mad.wide.u32 %a, %r, 4, %a; WAIT ld.global.u32 %r, [%a]; ret; }";
  const auto with = [](std::string text, const std::string& word, const std::string& instead) {
    return text.replace(text.find(word), word.size(), instead);
  };
  const auto kinds = [&](const std::string& trigger, bool programmatic, const std::string& wait) {
    machine.programmatic = false;
    EXPECT_EQ(machine.kinds(with(first, "TRIGGER", trigger), {a, b}), "");
    machine.programmatic = programmatic;
    return machine.kinds(with(second, "WAIT", wait), {a, b});
  };
  EXPECT_EQ(kinds("griddepcontrol.launch_dependents;", true, ""), "race");
  EXPECT_NE(machine.reported().find("griddepcontrol.wait before"), std::string::npos) << machine.reported();
  EXPECT_EQ(kinds("griddepcontrol.launch_dependents;", true, "griddepcontrol.wait;"), "");
  // One thread waits, and tells the others.
  EXPECT_EQ(kinds("griddepcontrol.launch_dependents;", true, "@!%p griddepcontrol.wait; bar.sync 0;"), "");
  EXPECT_EQ(kinds("griddepcontrol.launch_dependents;", true, "@!%p griddepcontrol.wait;"), "race");
  EXPECT_EQ(kinds("griddepcontrol.launch_dependents;", false, ""), "");
  EXPECT_EQ(kinds("", true, ""), "");
}

} // namespace
} // namespace emu::test
