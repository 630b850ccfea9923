// Named barriers: all forms, with threads that come late, leave, or never come.
#include "kernel_text.h"

namespace emu::test {
namespace {

std::vector<u64> one_array(Machine& machine, std::size_t count) {
  return {machine.upload(std::vector<u32>(count)), 0, 0, 0};
}

// In each of several rounds all threads write, wait, and read what another warp wrote. `wait` is the barrier.
void rounds(const std::string& wait, u32 threads = 160) {
  const std::string last = std::to_string(threads - 1);
  run_all_ways(
      {2}, {threads},
      kernel(".shared .b32 s[256];\nmov.u32 %r0, s;\nmov.u32 %r1, 0;\nmad.lo.u32 %r2, %t0, 4, %r0;\n"
             "sub.u32 %r3, " +
             last +
             ", %t0;\nmad.lo.u32 %r3, %r3, 4, %r0;\nmov.u32 %r4, 0;\n"
             "again:\nadd.u32 %r5, %t0, %r1;\nst.shared.u32 [%r2], %r5;\n" +
             wait + "\nld.shared.u32 %r6, [%r3];\nmad.lo.u32 %r4, %r4, 3, %r6;\n" + wait +
             "\nadd.u32 %r1, %r1, 1;\nsetp.lt.u32 %p0, %r1, 4;\n@%p0 bra again;\n"
             "mad.wide.u32 %x0, %i, 4, %x0;\nst.global.u32 [%x0], %r4;"),
      [=](Machine& machine) { return one_array(machine, 2 * threads); },
      [=](Machine& machine, const std::vector<u64>& params) {
        std::vector<u32> expected;
        for (u32 i = 0; i < 2 * threads; ++i) {
          u32 value = 0;
          for (u32 round = 0; round < 4; ++round)
            value = value * 3 + threads - 1 - i % threads + round;
          expected.push_back(value);
        }
        EXPECT_EQ(machine.download<u32>(params[0], expected.size()), expected);
      },
      8);
}

TEST(Barriers, AllThreads) {
  for (const char* wait : {"bar.sync 0;", "bar.cta.sync 3;", "barrier.sync 0;", "barrier.sync.aligned 15;",
                           "barrier.cta.sync.aligned 1, 160;", "bar.sync 2, 160;", "barrier.sync 4, 160;",
                           "mov.u32 %r20, 7;\nmov.u32 %r21, 160;\nbar.sync %r20, %r21;"})
    rounds(wait);
  rounds("bar.sync 0;", 150);      // the last warp is not full
  rounds("bar.sync 0, 160;", 150); // but counts as if it were
  rounds("barrier.sync 0;", 150);
}

// Reductions over 96 threads of which some hold their predicate.
TEST(Barriers, Reductions) {
  for (const u32 holders : {0u, 1u, 37u, 96u})
    for (const bool negated : {false, true})
      for (const char* count : {"", "96, "}) {
        const std::string vote = std::string(count) + (negated ? "!%p0" : "%p0");
        run_all_ways(
            {1}, {96},
            kernel("setp.lt.u32 %p0, %i, " + std::to_string(holders) + ";\nbar.red.popc.u32 %r0, 1, " + vote +
                   ";\nbar.red.and.pred %p1, 1, " + vote + ";\nbarrier.cta.red.or.pred %p2, 2, " + vote +
                   ";\nbarrier.red.popc.aligned.u32 %r3, 0, " + vote +
                   ";\nselp.u32 %r1, 256, 0, %p1;\nselp.u32 %r2, 512, 0, %p2;\nadd.u32 %r0, %r0, %r1;\n"
                   "add.u32 %r0, %r0, %r2;\nmad.lo.u32 %r0, %r3, 1024, %r0;\nmad.wide.u32 %x0, %i, 4, %x0;\n"
                   "st.global.u32 [%x0], %r0;"),
            [](Machine& machine) { return one_array(machine, 96); },
            [=](Machine& machine, const std::vector<u64>& params) {
              const u32 held = negated ? 96 - holders : holders;
              const u32 wanted = held + (held == 96 ? 256 : 0) + (held > 0 ? 512 : 0) + 1024 * held;
              EXPECT_EQ(machine.download<u32>(params[0], 96), std::vector<u32>(96, wanted));
            },
            2);
      }
}

// One warp produces, three consume; full and empty are barriers 1 and 2. 20 items pass through one slot.
TEST(Barriers, ProducerAndConsumers) {
  run_all_ways(
      {1}, {128},
      kernel(
          ".shared .b32 s[32];\nmov.u32 %r0, s;\nmov.u32 %r1, 0;\nmov.u32 %r4, 0;\nand.b32 %r2, %t0, 31;\n"
          "mad.lo.u32 %r3, %r2, 4, %r0;\nsetp.ge.u32 %p0, %t0, 32;\n@%p0 bra consume;\n"
          "produce:\nbarrier.sync 2, 128;\nmad.lo.u32 %r5, %r1, 100, %r2;\nst.shared.u32 [%r3], %r5;\n"
          "bar.arrive 1, 128;\nadd.u32 %r1, %r1, 1;\nsetp.lt.u32 %p1, %r1, 20;\n@%p1 bra produce;\nbra "
          "done;\n"
          "consume:\nbar.arrive 2, 128;\nbar.sync 1, 128;\nld.shared.u32 %r5, [%r3];\n"
          "mad.lo.u32 %r4, %r4, 7, %r5;\nadd.u32 %r1, %r1, 1;\nsetp.lt.u32 %p1, %r1, 20;\n@%p1 bra consume;\n"
          "done:\nmad.wide.u32 %x0, %i, 4, %x0;\nst.global.u32 [%x0], %r4;"),
      [](Machine& machine) { return one_array(machine, 128); },
      [](Machine& machine, const std::vector<u64>& params) {
        const std::vector<u32> found = machine.download<u32>(params[0], 128);
        for (u32 i = 32; i < 128; ++i) {
          u32 wanted = 0;
          for (u32 item = 0; item < 20; ++item)
            wanted = wanted * 7 + item * 100 + i % 32;
          EXPECT_EQ(found[i], wanted);
        }
      });
}

// Lanes of a warp come to different barriers, by a number in a register.
TEST(Barriers, LanesOfDifferentBarriers) {
  run_all_ways(
      {1}, {64},
      kernel("and.b32 %r0, %t0, 1;\nadd.u32 %r0, %r0, 4;\nsetp.eq.u32 %p1, %r0, 4;\n"
             "barrier.red.popc.u32 %r1, %r0, 32, %p1;\nmad.wide.u32 %x0, %i, 4, %x0;\nst.global.u32 [%x0], "
             "%r1;"),
      [](Machine& machine) { return one_array(machine, 64); },
      [](Machine& machine, const std::vector<u64>& params) {
        const std::vector<u32> found = machine.download<u32>(params[0], 64);
        for (u32 i = 0; i < 64; ++i)
          EXPECT_EQ(found[i], i % 2 == 0 ? 32u : 0u);
      },
      8);
}

// Threads that leave are not waited for (PTX ISA, "exit"): whole warps, and lanes of one.
TEST(Barriers, ExitReleases) {
  for (const char* leave : {"setp.ge.u32 %p0, %t0, 64;", "and.b32 %r0, %t0, 3;\nsetp.eq.u32 %p0, %r0, 3;"})
    for (const char* wait : {"bar.sync 0;", "barrier.sync 0;"})
      run_all_ways(
          {1}, {128},
          kernel(std::string(leave) + "\n@%p0 exit;\nred.global.add.u32 [%x0], 1;\n" + wait +
                 "\nld.global.u32 %r1, [%x0];\nred.global.max.u32 [%x0+4], %r1;\nsub.u32 %r2, 128, %r1;\n"
                 "red.global.max.u32 [%x0+8], %r2;"),
          [](Machine& machine) { return one_array(machine, 3); },
          [](Machine& machine, const std::vector<u64>& params) {
            const std::vector<u32> found = machine.download<u32>(params[0], 3);
            EXPECT_EQ(found[1], found[0]); // all of them, seen by all
            EXPECT_EQ(found[2], 128 - found[0]);
          },
          8);
}

void fails(const std::string& body, Status status, const std::string& message) {
  for (const auto mode : {Options::Mode::fast, Options::Mode::scheduled}) {
    Machine machine;
    machine.threads.x = 64;
    machine.options.mode = mode;
    const Outcome outcome = machine.run(kernel(body), {machine.upload(std::vector<u32>(64)), 0, 0, 0});
    EXPECT_EQ(outcome.status, status) << body;
    EXPECT_NE(outcome.message.find(message), std::string::npos) << outcome.message;
  }
}

TEST(Barriers, Deadlocks) {
  fails("setp.lt.u32 %p0, %t0, 32;\n@%p0 bar.sync 1, 64;\n@!%p0 bar.sync 2, 64;", Status::deadlock,
        "barrier 1 (32 of 64 threads have come)");
  fails("bar.sync 0, 96;", Status::deadlock, "64 of 96 threads");
  fails("setp.lt.u32 %p0, %t0, 32;\n@%p0 bar.sync 0;\n@!%p0 bar.sync 1, 32;\n@!%p0 bar.sync 3, 64;",
        Status::deadlock, "barrier 0 of all threads (32 have come)");
}

TEST(Barriers, Refusals) {
  fails("mov.u32 %r0, 16;\nbar.sync %r0;", Status::illegal_instruction, "there is no barrier 16");
  fails("bar.sync 0, 40;", Status::illegal_instruction, "expected a multiple of 32");
}

TEST(Fences, AreAccepted) {
  const std::vector<u32> values = {1, 2, 3};
  EXPECT_EQ(each<u32>("membar.cta;\nmembar.gl;\nmembar.sys;\nfence.sc.gpu;\nfence.acq_rel.cta;\nfence.gpu;\n"
                      "fence.acquire.cluster;\nfence.release.sys;\nfence.proxy.alias;\n"
                      "fence.acquire.sync_restrict::shared::cluster.cluster;\n"
                      "fence.release.sync_restrict::shared::cta.cluster;\nmov.u32 %d, %a;",
                      values),
            values);
}

} // namespace
} // namespace emu::test
