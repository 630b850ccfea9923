// Races, asynchronous copies and barriers, from PTX to the report. What is left out of a right kernel is
// found.
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

// 64 threads; %t is the thread's number, %u its neighbour's in the other warp; %s and %v their words in
// shared memory, %x its word of the first buffer. `B` in the body is a barrier of all threads.
std::string kernel(const std::string& body) {
  std::string text = R"(
.shared .align 16 .b8 s[2048];
.shared .align 8 .b64 m;
.visible .entry test(.param .u64 pa, .param .u64 pb) {
.reg .pred %p<8>; .reg .b32 %t, %u, %s, %v, %w, %c, %r<16>; .reg .b64 %a, %b, %x, %y, %l<8>;
ld.param.u64 %a, [pa]; ld.param.u64 %b, [pb]; mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x; shr.u32 %w, %t, 5;
xor.b32 %u, %t, 32; mov.u32 %r0, s; mad.lo.u32 %s, %t, 4, %r0; mad.lo.u32 %v, %u, 4, %r0;
mad.wide.u32 %x, %t, 4, %a; mad.wide.u32 %y, %u, 4, %a;
setp.eq.u32 %p0, %w, 0; setp.eq.u32 %p1, %t, 0; setp.eq.u32 %p2, %c, 0;
)" + body + "\nret;\n}\n";
  for (std::size_t at = 0; (at = text.find(" B;")) != std::string::npos;)
    text.replace(at, 3, " bar.sync 0;");
  return text;
}

class Synchronisation : public testing::Test {
protected:
  void SetUp() override {
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
  /// Right as it is; each of `parts`, taken out alone, gives a report of one of `kinds`.
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

// ---- barriers ----

TEST_F(Synchronisation, BlockBarrier) {
  expect_needs(
      "st.shared.u32 [%s], %t; bar.sync 0; ld.shared.u32 %r1, [%v]; barrier.sync 0; st.shared.u32 [%s], %r1;",
      {"bar.sync 0;", "barrier.sync 0;"}, "race");
  const std::string text = "st.shared.u32 [%s], %t; ld.shared.u32 %r1, [%v];";
  expect(text, "race");
  const Report report = machine.checks.reports().all().at(0);
  ASSERT_TRUE(report.other.has_value());
  EXPECT_EQ(report.place.thread.x ^ 32, report.other->thread.x);
}

TEST_F(Synchronisation, GlobalMemoryIsOrderedByBarriers) {
  expect_needs("st.global.u32 [%x], %t; bar.sync 0; ld.global.u32 %r1, [%y];", {"bar.sync 0;"}, "race");
}

TEST_F(Synchronisation, WarpBarrier) {
  expect_needs("xor.b32 %u, %t, 1; mad.lo.u32 %v, %u, 4, %r0; st.shared.u32 [%s], %t; bar.warp.sync -1; "
               "ld.shared.u32 %r1, [%v];",
               {"bar.warp.sync -1;"}, "race");
}

TEST_F(Synchronisation, ShufflesOrderNothing) {
  expect("xor.b32 %u, %t, 1; mad.lo.u32 %v, %u, 4, %r0; st.shared.u32 [%s], %t; "
         "shfl.sync.idx.b32 %r2, %t, 0, 31, -1; ld.shared.u32 %r1, [%v];",
         "race");
}

TEST_F(Synchronisation, NamedBarriers) { // one warp produces, and does not wait for its consumers
  expect_needs("@!%p0 bra C; st.shared.u32 [%s], %t; bar.arrive 1, 64; bra E; C: bar.sync 1, 64; "
               "ld.shared.u32 %r1, [%v]; E:",
               {}, "");
  expect("@!%p0 bra C; bar.arrive 1, 64; st.shared.u32 [%s], %t; bra E; C: bar.sync 1, 64; "
         "ld.shared.u32 %r1, [%v]; E:",
         "race");
}

TEST_F(Synchronisation, LanesThatWriteOneWord) {
  expect("st.shared.u32 [%r0], 7;", "");
  expect("@%p0 st.shared.u32 [%r0], %t;", "race");
}

TEST_F(Synchronisation, Atomics) {
  expect("atom.shared.add.u32 %r1, [%r0], 1; st.global.u32 [%x], %r1;", "undefined-store");
  expect("@%p1 st.shared.u32 [%r0], 0; bar.sync 0; red.shared.add.u32 [%r0], 1; bar.sync 0; ld.shared.u32 "
         "%r1, [%r0];",
         "");
  expect("@%p1 st.shared.u32 [%r0], 0; bar.sync 0; red.shared.add.u32 [%r0], 1; ld.shared.u32 %r1, [%r0];",
         "race");
  expect("red.global.add.u32 [%a], 1;", "");
  a = machine.buffer(4096, false);
  EXPECT_EQ(machine.kinds(kernel("red.global.add.u32 [%a], 1;"), {a, b}), "undefined-use");
}

TEST_F(Synchronisation, CountsDiffer) {
  EXPECT_EQ(machine.kinds(kernel("@%p0 bar.sync 1, 64; @!%p0 bar.sync 1, 96;"), {a, b}), "barrier-count");
  EXPECT_EQ(machine.kinds(kernel("@%p0 bar.sync 1, 64; @!%p0 bar.sync 1, 64;"), {a, b}), "");
}

TEST_F(Synchronisation, DivergentWarp) {
  expect("and.b32 %r1, %t, 1; setp.eq.u32 %p3, %r1, 0; @%p3 bra C; bar.sync 0; bra E; C: bar.sync 0; E:",
         "barrier-divergence");
  expect("and.b32 %r1, %t, 1; setp.eq.u32 %p3, %r1, 0; @%p3 bra C; mov.u32 %r2, 0; C: bar.sync 0;", "");
}

// As FlashAttention-3 does: who gives the first signal takes it himself where there is no work.
TEST_F(Synchronisation, WarpThatArrivesAndComesAgain) {
  const std::string body =
      "@%p0 st.shared.u32 [%s], %t; @%p0 bar.arrive 1, 96; bar.sync 1, 96; ld.shared.u32 %r1, [s];";
  expect(body, "");
  expect("@%p0 bar.arrive 1, 64; @%p0 bar.sync 1, 64;", "");
  expect("setp.lt.u32 %p3, %t, 16; @%p0 bar.arrive 1, 96; @!%p0 bar.sync 1, 96; @!%p0 bra E; "
         "@%p3 bra C; bar.sync 1, 96; bra E; C: bar.sync 1, 96; E:",
         "barrier-divergence");
}

TEST_F(Synchronisation, Deadlock) {
  expect("@%p0 bar.sync 1, 64;", "deadlock", Status::deadlock);
  EXPECT_NE(machine.reported().find("barrier 1"), std::string::npos) << machine.reported();
}

// ---- between blocks ----

TEST_F(Synchronisation, FlagBetweenBlocks) {
  machine.grid.x = 2;
  // Block 0 writes; its first thread publishes for all. Block 1 waits, and reads.
  const std::string body =
      "@!%p2 bra C; st.global.u32 [%x], %t; bar.sync 0; @%p1 st.release.gpu.global.u32 [%b], 1; bra E; "
      "C: @!%p1 bra D; L: ld.acquire.gpu.global.u32 %r1, [%b]; setp.eq.u32 %p4, %r1, 0; @%p4 bra L; "
      "D: barrier.sync 0; ld.global.u32 %r2, [%y]; E:";
  auto run = [&](const std::string& text, std::string_view kinds) {
    for (const Options::Mode mode : {Options::Mode::fast, Options::Mode::scheduled})
      for (int seed = 0; seed < 3; ++seed) {
        machine.options.mode = mode;
        machine.options.seed = static_cast<std::uint64_t>(seed);
        machine.options.workers = kinds.empty() ? 2 : 1; // what races here, races on the host
        *reinterpret_cast<std::uint32_t*>(b) = 0;
        EXPECT_EQ(machine.kinds(kernel(text), {a, b}), kinds) << text << "\n" << machine.reported();
      }
  };
  auto with = [&](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  run(body, "");
  run(with(body, "bar.sync 0;", ""), "race");
  run(with(body, "barrier.sync 0;", ""), "race");
  run(with(body, "st.release.gpu", "st.relaxed.gpu"), "race");
  run(with(body, "ld.acquire.gpu", "ld.relaxed.gpu"), "race");
  run(with(body, "st.release.gpu", "st.release.cta"), "race");
  // Fences and volatile accesses, as __threadfence makes them.
  std::string fenced = with(body, "@%p1 st.release.gpu.global", "membar.gl; @%p1 st.volatile.global");
  fenced = with(with(fenced, "ld.acquire.gpu", "ld.volatile"), "D: ", "fence.acq_rel.gpu; D: ");
  run(fenced, "");
  run(with(fenced, "membar.gl; ", ""), "race");
  run(with(fenced, "fence.acq_rel.gpu; ", ""), "race");
  run(with(fenced, "fence.acq_rel.gpu; ", "fence.acq_rel.cta; "), "race");
  // Launches are ordered.
  run("@%p2 st.global.u32 [%x], %t;", "");
}

// ---- cp.async ----

TEST_F(Synchronisation, AsynchronousCopies) {
  const std::string body =
      "cp.async.ca.shared.global [%s], [%x], 4; cp.async.commit_group; cp.async.wait_group 0; bar.sync 0; "
      "ld.shared.u32 %r1, [%v];";
  expect(body, "");
  auto without = [&](const std::string& part) {
    std::string text = body;
    return text.erase(text.find(part), part.size());
  };
  expect(without("bar.sync 0; "), "race");
  expect(without("cp.async.commit_group; "), "async-early, async-leak");
  expect(without("cp.async.wait_group 0; "), "async-early, async-leak");
  expect("cp.async.ca.shared.global [%s], [%x], 4; cp.async.wait_all; ld.shared.u32 %r1, [%s];", "");
  expect("cp.async.ca.shared.global [%s], [%x], 4;", "async-leak");
}

// What a copy reads must stay until it has been waited for: by its own thread, by others, and by those that a
// barrier tells only that it was issued.
TEST_F(Synchronisation, SourcesOfCopies) {
  const std::string copy = "cp.async.ca.shared.global [%s], [%x], 4; ", wait = "cp.async.wait_all; ",
                    write = "st.global.u32 [%x], %t; ", write_other = "st.global.u32 [%y], %t; ";
  expect(copy + wait + write, "");
  expect(copy + write + wait, "async-early");
  const Report report = machine.checks.reports().all().at(0);
  EXPECT_NE(report.message.find("which a cp.async that has not been waited for reads"), std::string::npos)
      << report.message;
  EXPECT_EQ(report.other_what, "also read by");
  EXPECT_EQ(report.place.thread.x, report.other->thread.x);
  expect(copy + "red.global.add.u32 [%x], 1; " + wait, "async-early");
  expect(copy + "st.global.u32 [%x+256], %t; ld.global.u32 %r1, [%x]; " + wait, "");
  expect(copy + wait + "B; " + write_other, "");
  expect(copy + "B; " + write_other + "B; " + wait, "async-early");
  // Warp 0 waits only after the barrier that lets warp 1 go on; or at the same time.
  expect("@!%p0 bra C; " + copy + "B; B; " + wait + "bra E; C: B; " + write_other + "B; E:", "async-early");
  EXPECT_NE(machine.kinds(
                kernel("@!%p0 bra C; " + copy + "B; " + wait + "bra E; C: B; " + write_other + "E:"), {a, b}),
            "");
  expect("@!%p0 bra C; " + copy + "B; " + wait + "B; bra E; C: B; B; " + write_other + "E:", "");
  // Waited for, but nobody was told.
  expect("@!%p0 bra C; " + copy + wait + "bra E; C: " + write_other + "E:", "race");
  // A copy of no bytes reads nothing; one of some reads no more than those.
  expect("cp.async.ca.shared.global [%s], [%x], 4, 0; " + write + wait, "");
  expect("cp.async.ca.shared.global [%s], [%x], 4, 2; st.global.u16 [%x+2], 0; " + wait, "");
  expect("cp.async.ca.shared.global [%s], [%x], 4, 3; st.global.u16 [%x+2], 0; " + wait, "async-early");
  // The next stage is read while the last one's source is written.
  expect(copy +
             "cp.async.commit_group; cp.async.ca.shared.global [%s+256], [%x+256], 4; "
             "cp.async.commit_group; cp.async.wait_group 1; " +
             write + "cp.async.wait_group 0; ",
         "");
  expect(copy + "cp.async.commit_group; cp.async.ca.shared.global [%s+256], [%x+256], 4; "
                "cp.async.commit_group; cp.async.wait_group 1; st.global.u32 [%x+256], %t; "
                "cp.async.wait_group 0; ",
         "async-early");
}

TEST_F(Synchronisation, PipelineOfCopies) {
  // Two stages; the second is in flight while the first is used.
  const std::string body = "cp.async.ca.shared.global [%s], [%x], 4; cp.async.commit_group; "
                           "cp.async.ca.shared.global [%s+256], [%x+256], 4; cp.async.commit_group; "
                           "cp.async.wait_group 1; B; ld.shared.u32 %r1, [%v]; bar.sync 1; "
                           "cp.async.ca.shared.global [%s], [%x+512], 4; cp.async.commit_group; "
                           "cp.async.wait_group 1; B; ld.shared.u32 %r1, [%v+256]; cp.async.wait_group 0; B; "
                           "ld.shared.u32 %r1, [%v];";
  expect(body, "");
  std::string text = body;
  expect(text.replace(text.find("wait_group 1"), 12, "wait_group 2"), "async-early");
  text = body;
  expect(text.erase(text.find("bar.sync 1; "), 12), "async-early, race");
}

// ---- mbarriers ----

TEST_F(Synchronisation, Mbarriers) {
  const std::string body =
      "mov.u32 %r3, m; @%p1 mbarrier.init.shared.b64 [%r3], 64; B; st.shared.u32 [%s], %t; "
      "mbarrier.arrive.shared.b64 %l0, [%r3]; "
      "L: mbarrier.try_wait.shared.b64 %p3, [%r3], %l0; @!%p3 bra L; ld.shared.u32 %r1, [%v];";
  expect(body, "");
  std::string text = body;
  const std::string wait = "L: mbarrier.try_wait.shared.b64 %p3, [%r3], %l0; @!%p3 bra L; ";
  expect(text.erase(text.find(wait), wait.size()), "race");
}

TEST_F(Synchronisation, CopiesThatArriveAtAnMbarrier) {
  const std::string body =
      "mov.u32 %r3, m; @%p1 mbarrier.init.shared.b64 [%r3], 64; B; "
      "cp.async.ca.shared.global [%s], [%x], 4; cp.async.mbarrier.arrive.noinc.shared.b64 [%r3]; "
      "L: mbarrier.try_wait.parity.shared.b64 %p3, [%r3], 0; @!%p3 bra L; ld.shared.u32 %r1, [%v];";
  expect(body, "");
  std::string text = body;
  const std::string wait = "L: mbarrier.try_wait.parity.shared.b64 %p3, [%r3], 0; @!%p3 bra L; ";
  expect(text.erase(text.find(wait), wait.size()), "race");
}

} // namespace
} // namespace emu::test
