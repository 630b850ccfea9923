// Bulk copies and the asynchronous proxy, from PTX to the report. What is left out of a right kernel is
// found.
#include "tests/emulator/checked.h"

#include <algorithm>

namespace emu::test {
namespace {

// 64 threads; %t is the thread's number, %s its word in shared memory, %x and %y its words of the buffers.
// `B` is a barrier of all threads, `ONE` a guard that holds for thread 0, `WAIT n` waits for a phase of
// parity n, `LOAD` copies 256 bytes of the first buffer, and `STORE` to the second.
std::string kernel(const std::string& body) {
  std::string text = R"(
.shared .align 16 .b8 s[256];
.shared .align 8 .b64 m;
.visible .entry test(.param .u64 pa, .param .u64 pb) {
.reg .pred %p<8>; .reg .b32 %t, %s, %r<16>; .reg .b64 %a, %b, %x, %y, %l<8>;
ld.param.u64 %a, [pa]; ld.param.u64 %b, [pb]; mov.u32 %t, %tid.x;
mov.u32 %r0, s; mad.lo.u32 %s, %t, 4, %r0; mad.wide.u32 %x, %t, 4, %a; mad.wide.u32 %y, %t, 4, %b;
setp.eq.u32 %p1, %t, 0;
@%p1 mbarrier.init.shared.b64 [m], 1;
fence.proxy.async;
bar.sync 0;
)" + body + "\nret;\n}\n";
  const std::pair<std::string, std::string> words[] = {
      {" B;", " bar.sync 0;"},
      {"ONE ", "@%p1 "},
      {"EXPECT;", "@%p1 mbarrier.arrive.expect_tx.shared.b64 %l0, [m], 256;"},
      {"LOAD;",
       "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%a], 256, [m];"},
      {"STORE;", "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%b], [s], 256;"},
      {"COMMIT;", "@%p1 cp.async.bulk.commit_group;"},
      {"WAIT_READ;", "@%p1 cp.async.bulk.wait_group.read 0;"},
      {"WAIT_ALL;", "@%p1 cp.async.bulk.wait_group 0;"},
      {"WAIT 0;", "W0: mbarrier.try_wait.parity.shared.b64 %p3, [m], 0; @!%p3 bra W0;"},
      {"WAIT 1;", "W1: mbarrier.try_wait.parity.shared.b64 %p3, [m], 1; @!%p3 bra W1;"}};
  for (const auto& [word, instead] : words)
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += instead.size())
      text.replace(at, word.size(), instead);
  return text;
}

class AsyncProxy : public testing::Test {
protected:
  void SetUp() override {
    machine.threads.x = 64;
    a = machine.buffer(256);
    b = machine.buffer(256);
  }
  // In the fast mode and by some schedules.
  void expect(const std::string& body, std::string_view kinds) {
    for (std::uint64_t schedule = 0; schedule < 5; ++schedule) {
      machine.options.mode = schedule == 0 ? Options::Mode::fast : Options::Mode::scheduled;
      machine.options.seed = schedule;
      machine.options.most_instructions = 1'000'000;
      EXPECT_EQ(machine.kinds(kernel(body), {a, b}), kinds) << body << "\n" << machine.reported();
    }
  }
  // Whatever the schedule, one of these is found.
  void expect_one_of(const std::string& body, std::initializer_list<std::string_view> kinds) {
    for (std::uint64_t schedule = 0; schedule < 5; ++schedule) {
      machine.options.mode = schedule == 0 ? Options::Mode::fast : Options::Mode::scheduled;
      machine.options.seed = schedule;
      machine.options.most_instructions = 1'000'000;
      const std::string found = machine.kinds(kernel(body), {a, b});
      EXPECT_TRUE(std::ranges::any_of(
          kinds, [&](std::string_view kind) { return found.find(kind) != std::string::npos; }))
          << body << "\n"
          << found << machine.reported();
    }
  }
  // Without `part`, taken out of a right kernel.
  void expect_without(const std::string& body, const std::string& part,
                      std::initializer_list<std::string_view> kinds) {
    const std::size_t at = body.find(part);
    ASSERT_NE(at, std::string::npos) << part;
    expect_one_of(std::string(body).erase(at, part.size()), kinds);
  }
  Checked machine;
  std::uint64_t a = 0, b = 0;
};

TEST_F(AsyncProxy, LoadIsCompleteWithItsPhase) {
  const std::string body = "EXPECT; LOAD; WAIT 0; ld.shared.u32 %r1, [%s]; st.global.u32 [%y], %r1;";
  expect(body, "");
  expect("EXPECT; LOAD; B; ld.shared.u32 %r1, [%s]; WAIT 0;", "async-early");
  // The phase of parity 1 came before the first one: nobody waits, or, if that is complete, for ever.
  expect_one_of("EXPECT; LOAD; B; WAIT 1; ld.shared.u32 %r1, [%s]; WAIT 0;", {"async-early", "deadlock"});
}

TEST_F(AsyncProxy, LoadMustSeeTheMbarrier) {
  const std::string again = "ONE mbarrier.inval.shared.b64 [m]; ONE mbarrier.init.shared.b64 [m], 1; ";
  const std::string body = again + "fence.proxy.async; B; EXPECT; LOAD; WAIT 0;";
  expect(body, "");
  expect_without(body, "fence.proxy.async;", {"proxy-fence"});
}

TEST_F(AsyncProxy, LoadMustWaitForReaders) {
  const std::string body = "EXPECT; LOAD; WAIT 0; ld.shared.u32 %r1, [%s]; B; EXPECT; LOAD; WAIT 1;";
  expect(body, "");
  expect_without(body, " B;", {"race"});
}

TEST_F(AsyncProxy, LoadMustSeeWritesOfThreads) {
  const std::string body = "st.shared.u32 [%s], %t; fence.proxy.async; B; EXPECT; LOAD; WAIT 0;";
  expect(body, "");
  expect_without(body, "fence.proxy.async;", {"proxy-fence"});
  expect_without(body, " B;", {"race"});
}

TEST_F(AsyncProxy, StoreReadsWhatIsFenced) {
  const std::string body =
      "st.shared.u32 [%s], %t; fence.proxy.async.shared::cta; B; STORE; COMMIT; WAIT_READ; "
      "B; st.shared.u32 [%s], 0;";
  expect(body, "");
  expect_without(body, "fence.proxy.async.shared::cta;", {"proxy-fence"});
  expect_without(body, "WAIT_READ;", {"async-early"});
  expect_without(body, "COMMIT;", {"async-early"});
  expect_without(body, "WAIT_READ; B;", {"async-early"});
}

// As CUTLASS's epilogues do: the first warp, and not one thread of it, stores.
TEST_F(AsyncProxy, AWarpThatStoresTheSame) {
  const std::string body = "st.shared.u32 [%s], %t; fence.proxy.async; B; setp.lt.u32 %p2, %t, 32; "
                           "and.b32 %r1, %t, 1; shl.b32 %r1, %r1, 4; add.u32 %r1, %r1, %r0; "
                           "@%p2 cp.async.bulk.global.shared::cta.bulk_group [%b], [s], 128; "
                           "@%p2 cp.async.bulk.commit_group; @%p2 cp.async.bulk.wait_group 0; B; "
                           "ld.global.u32 %r2, [%b];";
  const auto with = [&](std::string_view old, std::string_view text) {
    std::string changed = body;
    return changed.replace(changed.find(old), old.size(), text);
  };
  expect(body, "");
  expect(with("[s], 128", "[%r1], 128"), "async-early"); // what the lanes store is not the same
  expect(with("setp.lt.u32 %p2, %t, 32", "setp.lt.u32 %p2, %t, 64"), "async-early"); // nor one warp
  expect(with("@%p2 cp.async.bulk.commit", "@%p2 cp.async.bulk.global.shared::cta.bulk_group [%b], [s], 128; "
                                           "@%p2 cp.async.bulk.commit"),
         "async-early"); // nor one instruction
  expect(with("@%p2 cp.async.bulk.wait", "@%p1 cp.async.bulk.wait"),
         "async-early, async-leak"); // nor all wait
}

TEST_F(AsyncProxy, FenceOfOneThreadAfterTheBarrier) {
  expect("st.shared.u32 [%s], %t; B; ONE fence.proxy.async; STORE; COMMIT; WAIT_READ;", "");
}

TEST_F(AsyncProxy, StoreIsThereOnceItIsCompleteNotOnceItHasRead) {
  const std::string body = "st.shared.u32 [%s], %t; fence.proxy.async; B; STORE; COMMIT; WAIT_ALL; B; "
                           "ld.global.u32 %r1, [%y];";
  expect(body, "");
  std::string read_only = body;
  read_only.replace(read_only.find("WAIT_ALL"), 8, "WAIT_READ");
  expect(read_only, "async-early");
}

TEST_F(AsyncProxy, NothingIsLeftInFlight) {
  const std::string fill = "st.shared.u32 [%s], %t; fence.proxy.async; B; ";
  expect(fill + "STORE; COMMIT;", "async-leak");
  expect(fill + "STORE; COMMIT; WAIT_READ;", "");
  expect("EXPECT; LOAD;", "async-leak");
}

TEST_F(AsyncProxy, DeadlockTellsWhoArrivedBefore) {
  expect("EXPECT; LOAD; WAIT 0; WAIT 1;", "deadlock");
  const std::string text = machine.outcome.message;
  EXPECT_NE(text.find("1 of 1 arrivals"), std::string::npos) << text;
  EXPECT_NE(text.find("of the phase before: arrivals of line "), std::string::npos) << text;
  EXPECT_NE(text.find(", bytes of line "), std::string::npos) << text;
}

TEST_F(AsyncProxy, ReportNamesBothSides) {
  expect("st.shared.u32 [%s], %t; B; STORE; COMMIT; WAIT_READ;", "proxy-fence");
  const Report report = machine.checks.reports().all().at(0);
  EXPECT_NE(report.place.text.find("cp.async.bulk.global"), std::string::npos);
  ASSERT_TRUE(report.other.has_value());
  EXPECT_NE(report.other->text.find("st.shared.u32"), std::string::npos);
  EXPECT_NE(report.expected.find("fence.proxy.async"), std::string::npos);
  EXPECT_EQ(report.address->space, "shared");
}

} // namespace
} // namespace emu::test
