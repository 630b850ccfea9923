// cp.async and mbarrier: forms, sizes, phases, and pipelines of both under many schedules.
#include "kernel_text.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace emu::test {
namespace {

std::vector<u32> numbers(std::size_t count) {
  std::vector<u32> values(count);
  std::iota(values.begin(), values.end(), 1000);
  return values;
}

// Each thread copies `size` bytes (of which its source gives some) and waits; then another one looks.
TEST(CopyAsync, SizesAndForms) {
  struct Case {
    std::string form;
    u32 size;
    std::string more; ///< operands after the size
    u32 (*given)(u32 thread);
  };
  auto all = [](u32) { return 16u; };
  auto none_of_odd = [](u32 i) { return i % 2 ? 0u : 16u; };
  const Case cases[] = {
      {"cp.async.ca.shared.global", 4, "", all},
      {"cp.async.ca.shared::cta.global", 8, "", all},
      {"cp.async.cg.shared.global.L2::128B", 16, "", all},
      {"cp.async.ca.shared.global", 16, ", %r7", [](u32 i) { return i % 17; }},
      {"cp.async.cg.shared.global", 16, ", 5", [](u32) { return 5u; }},
      {"cp.async.ca.shared.global.L2::64B", 8, ", %p1", none_of_odd},
      {"cp.async.ca.shared.global", 4, ", !%p2", none_of_odd},
      {"cp.async.cg.shared.global.L2::cache_hint", 16, ", %l9", all},
      {"cp.async.cg.shared.global.L2::cache_hint.L2::256B", 16, ", %r7, %l9", [](u32 i) { return i % 17; }},
  };
  for (const Case& one : cases)
    for (const char* wait : {"cp.async.commit_group;\ncp.async.wait_group 0;", "cp.async.wait_all;"}) {
      SCOPED_TRACE(one.form + one.more);
      constexpr u32 threads = 64;
      run_all_ways(
          {1}, {threads},
          kernel(".shared .align 16 .b8 s[1024];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t0, 16, %r0;\n"
                 "mov.u32 %r2, 0xcccccccc;\nst.shared.v4.u32 [%r1], {%r2, %r2, %r2, %r2};\n"
                 "rem.u32 %r7, %t0, 17;\nmov.u64 %l9, 0;\nand.b32 %r8, %t0, 1;\nsetp.eq.u32 %p1, %r8, 1;\n"
                 "setp.eq.u32 %p2, %r8, 0;\nmad.wide.u32 %l0, %t0, 16, %x0;\n" +
                 one.form + " [%r1+0], [%l0], " + std::to_string(one.size) + one.more + ";\n" + wait +
                 "\nbar.sync 0;\nxor.b32 %r3, %t0, 63;\nmad.lo.u32 %r4, %r3, 16, %r0;\n"
                 "ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r4];\nmad.wide.u32 %l1, %r3, 16, %x1;\n"
                 "st.global.v4.u32 [%l1], {%r10, %r11, %r12, %r13};"),
          [](Machine& machine) {
            return std::vector<u64>{machine.upload(numbers(threads * 4)),
                                    machine.upload(std::vector<u32>(threads * 4)), 0, 0};
          },
          [&](Machine& machine, const std::vector<u64>& params) {
            const std::vector<u8> from = machine.download<u8>(params[0], threads * 16);
            std::vector<u8> expected(threads * 16, 0xcc);
            for (u32 i = 0; i < threads; ++i)
              for (u32 k = 0; k < one.size; ++k)
                expected[16 * i + k] = k < one.given(i) ? from[16 * i + k] : 0;
            EXPECT_EQ(machine.download<u8>(params[1], threads * 16), expected);
          },
          4);
    }
}

TEST(CopyAsync, Errors) {
  const std::pair<const char*, const char*> refused[] = {
      {"cp.async.cg.shared.global [%r0], [%x0], 8;", "cp-size 8: expected 16"},
      {"cp.async.ca.shared.global [%r0], [%x0], 32;", "cp-size 32: expected 4, 8 or 16"},
      {"cp.async.ca.shared.global [%r0], [%x0], %r1;", "no integer constant"},
      {"cp.async.bulk.wait_all;", "cannot follow"},
  };
  for (const auto& [text, message] : refused) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr);
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
  Machine machine;
  machine.threads.x = 32;
  const Outcome outcome =
      machine.run(kernel(".shared .align 16 .b8 s[64];\nmov.u32 %r0, s;\nmov.u32 %r1, 17;\n"
                         "cp.async.ca.shared.global [%r0], [%x0], 16, %r1;"),
                  {machine.upload(numbers(4)), 0, 0, 0});
  EXPECT_EQ(outcome.status, Status::illegal_instruction) << outcome.message;
}

// A pipeline of four stages: each thread copies 16 bytes a step, three steps ahead, for 12 steps.
std::string pipeline(const std::string& wait) {
  return kernel(
      ".shared .align 16 .b8 s[4096];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t0, 16, %r0;\n"
      "xor.b32 %r2, %t0, 63;\nmad.lo.u32 %r2, %r2, 16, %r0;\nmad.wide.u32 %l0, %t0, 16, %x0;\n"
      "mov.u32 %r3, 0;\nmov.u32 %r4, 0;\nmov.u32 %r5, 0;\n"
      "head:\nmad.lo.u32 %r6, %r3, 1024, %r1;\ncp.async.cg.shared.global [%r6], [%l0], 16;\n"
      "cp.async.commit_group;\nadd.u64 %l0, %l0, 1024;\nadd.u32 %r3, %r3, 1;\nsetp.lt.u32 %p0, %r3, 3;\n"
      "@%p0 bra head;\n"
      "step:\n" +
      wait +
      "\nbar.sync 0;\nand.b32 %r7, %r5, 3;\nmad.lo.u32 %r7, %r7, 1024, %r2;\n"
      "ld.shared.v2.u32 {%r8, %r9}, [%r7+8];\nmad.lo.u32 %r4, %r4, 5, %r9;\n"
      "add.u32 %r10, %r5, 3;\nsetp.lt.u32 %p1, %r10, 12;\nand.b32 %r10, %r10, 3;\n"
      "mad.lo.u32 %r10, %r10, 1024, %r1;\n@%p1 cp.async.cg.shared.global [%r10], [%l0], 16;\n"
      "cp.async.commit_group;\nadd.u64 %l0, %l0, 1024;\nadd.u32 %r5, %r5, 1;\nsetp.lt.u32 %p0, %r5, 12;\n"
      "@%p0 bra step;\nmad.wide.u32 %l1, %t0, 4, %x1;\nst.global.u32 [%l1], %r4;");
}

std::vector<u64> pipeline_arrays(Machine& machine) {
  return {machine.upload(numbers(64 * 4 * 12)), machine.upload(std::vector<u32>(64)), 0, 0};
}

std::vector<u32> pipeline_result() {
  const std::vector<u32> from = numbers(64 * 4 * 12);
  std::vector<u32> result(64);
  for (u32 i = 0; i < 64; ++i)
    for (u32 step = 0; step < 12; ++step)
      result[i] = result[i] * 5 + from[step * 256 + (i ^ 63) * 4 + 3];
  return result;
}

TEST(CopyAsync, Pipeline) {
  run_all_ways({1}, {64}, pipeline("cp.async.wait_group 2;"), pipeline_arrays,
               [](Machine& machine, const std::vector<u64>& params) {
                 EXPECT_EQ(machine.download<u32>(params[1], 64), pipeline_result());
               });
}

// Without enough waiting most schedules show it: copies are late.
TEST(CopyAsync, MissingWaitsAreSeen) {
  int wrong = 0;
  for (u64 i = 0; i < 32; ++i) {
    Machine machine;
    machine.threads.x = 64;
    machine.options = {.mode = Options::Mode::scheduled, .seed = seed() + i};
    const std::vector<u64> params = pipeline_arrays(machine);
    const Outcome outcome = machine.run(pipeline("cp.async.wait_group 3;"), params);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    wrong += machine.download<u32>(params[1], 64) != pipeline_result();
  }
  EXPECT_GT(wrong, 16);
}

// The source may be read until the wait: what overwrites it before is seen by some schedules, not by all.
TEST(CopyAsync, SourcesAreReadLate) {
  std::set<u32> seen;
  for (u64 i = 0; i < 32; ++i) {
    Machine machine;
    machine.threads.x = 1;
    machine.options = {.mode = Options::Mode::scheduled, .seed = seed() + i};
    const u64 source = machine.upload(std::vector<u32>{1}), result = machine.upload(std::vector<u32>{0});
    const Outcome outcome =
        machine.run(kernel(".shared .b32 s;\nmov.u32 %r0, s;\ncp.async.ca.shared.global [%r0], [%x0], 4;\n"
                           "st.global.u32 [%x0], 2;\ncp.async.wait_all;\nld.shared.u32 %r1, [%r0];\n"
                           "st.global.u32 [%x1], %r1;"),
                    {source, result, 0, 0});
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    seen.insert(machine.download<u32>(result, 1)[0]);
  }
  EXPECT_EQ(seen, (std::set<u32>{1, 2}));
}

// ---- mbarrier ----

// Runs one thread with an mbarrier at [%r0]; what it stores at [%x0] and after.
std::vector<u32> one_thread(const std::string& body, std::size_t count) {
  Machine machine;
  machine.threads.x = 1;
  const u64 result = machine.upload(std::vector<u32>(count, 99));
  const Outcome outcome =
      machine.run(kernel(".shared .align 8 .b64 s[4];\nmov.u32 %r0, s;\n" + body), {result, 0, 0, 0});
  EXPECT_EQ(outcome.status, Status::success) << outcome.message << "\n" << body;
  return machine.download<u32>(result, count);
}

// Stores predicate %p0 as number `at`.
std::string keep(int at) {
  return "selp.u32 %r30, 1, 0, %p0;\nst.global.u32 [%x0+" + std::to_string(4 * at) + "], %r30;\n";
}

TEST(Mbarrier, PhasesAndParities) {
  const std::vector<u32> found = one_thread(
      "mbarrier.init.shared.b64 [%r0], 2;\n"
      "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 1;\n" +
          keep(0) + // the phase before the first
          "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;\n" + keep(1) +
          "mbarrier.arrive.shared.b64 %l0, [%r0];\nmbarrier.test_wait.shared.b64 %p0, [%r0], %l0;\n" +
          keep(2) +
          "mbarrier.arrive.release.cta.shared::cta.b64 %l1, [%r0];\n"
          "mbarrier.test_wait.acquire.cta.shared::cta.b64 %p0, [%r0], %l0;\n" +
          keep(3) + "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;\n" + keep(4) +
          "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 1;\n" + keep(5) +
          "mbarrier.try_wait.shared.b64 %p0, [%r0], %l1;\n" + keep(6) +
          "mbarrier.arrive.shared.b64 %l2, [%r0], 2;\nmbarrier.try_wait.parity.shared.b64 %p0, [%r0], 1, "
          "1000;\n" +
          keep(7) +
          "mbarrier.pending_count.b64 %r1, %l0;\nst.global.u32 [%x0+32], %r1;\n"
          "mbarrier.pending_count.b64 %r1, %l1;\nst.global.u32 [%x0+36], %r1;\n"
          "mbarrier.inval.shared.b64 [%r0];",
      10);
  EXPECT_EQ(found, (std::vector<u32>{1, 0, 0, 1, 1, 0, 1, 1, 2, 1}));
}

TEST(Mbarrier, DropsAndTransactions) {
  const std::vector<u32> found = one_thread(
      "mov.u32 %r9, 0;\nmov.b64 %l9, {%r0, %r9};\ncvta.shared.u64 %l9, %l9;\nmbarrier.init.b64 [%l9], 3;\n"
      "mbarrier.arrive_drop.b64 %l0, [%l9];\nmbarrier.arrive.noComplete.shared.b64 %l0, [%r0], 1;\n"
      "mbarrier.arrive.b64 _, [%l9];\nmbarrier.test_wait.parity.b64 %p0, [%l9], 0;\n" +
          keep(0) +
          "mbarrier.arrive.shared.b64 _, [%r0], 2;\nmbarrier.test_wait.parity.b64 %p0, [%l9], 1;\n" +
          keep(1) +
          "mbarrier.arrive.expect_tx.shared.b64 _, [%r0], 48;\nmbarrier.arrive.shared.b64 _, [%r0];\n"
          "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;\n" +
          keep(2) +
          "mbarrier.complete_tx.relaxed.cta.shared.b64 [%r0], 32;\n"
          "mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;\n" +
          keep(3) +
          "mbarrier.complete_tx.shared.b64 [%r0], 16;\nmbarrier.test_wait.parity.shared.b64 %p0, [%r0], "
          "0;\n" +
          keep(4) +
          "mbarrier.complete_tx.shared.b64 [%r0], 8;\nmbarrier.expect_tx.relaxed.cta.shared.b64 [%r0], 8;\n"
          "mbarrier.arrive.shared.b64 _, [%r0], 2;\nmbarrier.test_wait.parity.shared.b64 %p0, [%r0], 1;\n" +
          keep(5),
      6);
  EXPECT_EQ(found, (std::vector<u32>{1, 1, 0, 0, 1, 1}));
}

void fails(const std::string& body, Status status, const std::string& message) {
  for (const auto mode : {Options::Mode::fast, Options::Mode::scheduled}) {
    Machine machine;
    machine.threads.x = 32;
    machine.options.mode = mode;
    const Outcome outcome =
        machine.run(kernel(".shared .align 8 .b64 s[4];\nmov.u32 %r0, s;\nsetp.eq.u32 %p7, %t0, 0;\n" + body),
                    {machine.upload(std::vector<u32>(64)), 0, 0, 0});
    EXPECT_EQ(outcome.status, status) << body << outcome.message;
    EXPECT_NE(outcome.message.find(message), std::string::npos) << outcome.message;
  }
}

TEST(Mbarrier, Errors) {
  fails("mbarrier.arrive.shared.b64 _, [%r0];", Status::illegal_instruction, "there is no mbarrier object");
  fails("mbarrier.test_wait.parity.shared.b64 %p0, [%r0], 0;", Status::illegal_instruction,
        "no mbarrier object");
  fails("mbarrier.init.shared.b64 [%r0], 0;", Status::illegal_instruction, "count 0: expected 1 to 1048575");
  fails("@%p7 mbarrier.init.shared.b64 [%r0], 4;\nbar.sync 0;\n@%p7 mbarrier.arrive.shared.b64 _, [%r0], 5;",
        Status::illegal_instruction, "5 arrivals, but the phase needs only 4 more (of 4)");
  fails("@%p7 mbarrier.init.shared.b64 [%r0], 1;\nbar.sync 0;\n"
        "@%p7 mbarrier.arrive.noComplete.shared.b64 _, [%r0], 1;",
        Status::illegal_instruction, ".noComplete");
  fails("mbarrier.init.b64 [%x0], 1;", Status::illegal_instruction, "must lie in shared memory");
  fails("mbarrier.init.shared.b64 [%r0+4], 1;", Status::misaligned_address, "a multiple of 8");
}

TEST(Mbarrier, Deadlocks) {
  fails("@%p7 mbarrier.init.shared.b64 [%r0], 3;\nbar.sync 0;\n@%p7 mbarrier.arrive.shared.b64 _, [%r0];\n"
        "again:\nmbarrier.try_wait.parity.shared.b64 %p0, [%r0], 0;\n@!%p0 bra again;",
        Status::deadlock, "2 of 3 arrivals");
}

// Producers fill a ring of two slots with cp.async that arrives at the slot's mbarrier; consumers give slots
// back through another. `wait` waits for the phase of parity %r20 at [%r21], and may use %p6.
void ring(const std::string& wait, const std::string& arrive, int schedules) {
  const std::string text = kernel(
      ".shared .align 16 .b8 s[1024];\n.shared .align 8 .b64 m[4];\nmov.u32 %r0, s;\nmov.u32 %r1, m;\n"
      "setp.eq.u32 %p0, %t0, 0;\n"
      "@%p0 mbarrier.init.shared.b64 [%r1], 32;\n@%p0 mbarrier.init.shared.b64 [%r1+8], 32;\n"     // full
      "@%p0 mbarrier.init.shared.b64 [%r1+16], 64;\n@%p0 mbarrier.init.shared.b64 [%r1+24], 64;\n" // empty
      "bar.sync 0;\nmov.u32 %r2, 0;\nmov.u32 %r3, 0;\nand.b32 %r4, %t0, 31;\nmad.wide.u32 %l0, %r4, 16, "
      "%x0;\n"
      "next:\nand.b32 %r5, %r2, 1;\nshr.u32 %r6, %r2, 1;\nand.b32 %r6, %r6, 1;\nmad.lo.u32 %r7, %r5, 8, "
      "%r1;\n"
      "mad.lo.u32 %r8, %r5, 512, %r0;\nsetp.ge.u32 %p1, %t0, 32;\n@%p1 bra consume;\n"
      "xor.b32 %r20, %r6, 1;\nadd.u32 %r21, %r7, 16;\n{\n" +
      wait +
      "\n}\nmad.lo.u32 %r9, %r4, 16, %r8;\n"
      "cp.async.cg.shared.global [%r9], [%l0], 16;\n" +
      arrive +
      "\nadd.u64 %l0, %l0, 512;\nbra end;\n"
      "consume:\nmov.u32 %r20, %r6;\nmov.u32 %r21, %r7;\n{\n" +
      wait +
      "\n}\nxor.b32 %r9, %r4, 31;\n"
      "mad.lo.u32 %r9, %r9, 16, %r8;\nld.shared.u32 %r10, [%r9+4];\nmad.lo.u32 %r3, %r3, 9, %r10;\n"
      "mbarrier.arrive.shared.b64 _, [%r7+16];\n"
      "end:\nadd.u32 %r2, %r2, 1;\nsetp.lt.u32 %p2, %r2, 11;\n@%p2 bra next;\n"
      "mad.wide.u32 %l1, %t0, 4, %x1;\nst.global.u32 [%l1], %r3;");
  run_all_ways(
      {1}, {96}, text,
      [](Machine& machine) {
        return std::vector<u64>{machine.upload(numbers(128 * 11)), machine.upload(std::vector<u32>(96)), 0,
                                0};
      },
      [](Machine& machine, const std::vector<u64>& params) {
        const std::vector<u32> from = numbers(128 * 11), found = machine.download<u32>(params[1], 96);
        for (u32 i = 32; i < 96; ++i) {
          u32 wanted = 0;
          for (u32 step = 0; step < 11; ++step)
            wanted = wanted * 9 + from[step * 128 + (i % 32 ^ 31) * 4 + 1];
          EXPECT_EQ(found[i], wanted) << i;
        }
      },
      schedules);
}

constexpr const char* try_wait = "W:\nmbarrier.try_wait.parity.shared.b64 %p6, [%r21], %r20;\n@!%p6 bra W;";
constexpr const char* test_wait = "W:\nmbarrier.test_wait.parity.shared.b64 %p6, [%r21], %r20;\n@!%p6 bra W;";

TEST(Mbarrier, RingOfCopies) {
  for (const auto& [wait, schedules] : {std::pair(try_wait, 32), std::pair(test_wait, 4)}) {
    ring(wait, "cp.async.mbarrier.arrive.noinc.shared.b64 [%r7];", schedules);
    ring(wait, "cp.async.mbarrier.arrive.shared.b64 [%r7];\nmbarrier.arrive.shared.b64 _, [%r7];", schedules);
    ring(wait, "cp.async.wait_all;\nmbarrier.arrive.shared.b64 _, [%r7];", 4);
  }
}

} // namespace
} // namespace emu::test
