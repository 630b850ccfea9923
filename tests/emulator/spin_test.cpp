// Threads that wait by looking at memory again and again: what can go on does, with as many blocks as the
// chip holds; what cannot is a deadlock that names who waits for what.
#include "kernel_text.h"

#include <chrono>
#include <thread>

namespace emu::test {
namespace {

std::vector<Options> all_modes() {
  std::vector<Options> modes = {{.workers = 1}, {.workers = 3}};
  for (u64 i = 0; i < 3; ++i)
    modes.push_back({.mode = Options::Mode::scheduled, .seed = seed() + i});
  return modes;
}

struct Run {
  std::string text;
  u32 blocks = 1, threads = 32;
  std::size_t words = 256; ///< of the memory that parameter a points to, all 0
  u64 most_instructions = 0;
};

Outcome run(const Run& what, Options options, Machine& machine) {
  machine.grid = {what.blocks};
  machine.threads = {what.threads};
  machine.options = options;
  machine.options.most_instructions = what.most_instructions;
  return machine.run(what.text, {machine.upload(std::vector<u32>(what.words)), 0, 0, 0});
}

void deadlocks(const Run& what, std::initializer_list<const char*> said) {
  for (const Options& options : all_modes()) {
    Machine machine;
    const Outcome outcome = run(what, options, machine);
    ASSERT_EQ(outcome.status, Status::deadlock) << outcome.message;
    for (const char* part : said)
      EXPECT_NE(outcome.message.find(part), std::string::npos) << part << " is not in\n" << outcome.message;
  }
}

void ends(const Run& what) {
  for (const Options& options : all_modes()) {
    Machine machine;
    const Outcome outcome = run(what, options, machine);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  }
}

const char* const flag = ".shared .align 4 .b32 flag;\n";

// ---- deadlocks ----

TEST(Spin, ForAThreadThatWaitsAtABarrier) {
  deadlocks(
      {.text = kernel("setp.ge.u32 %p0, %t0, 32;\n@%p0 bra OTHERS;\n"
                      "LOOK: ld.volatile.shared.u32 %r0, [flag];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\n"
                      "bar.sync 0;\nret;\n"
                      "OTHERS: bar.sync 0;\nst.volatile.shared.u32 [flag], 1;\n",
                      flag),
       .threads = 64},
      {"deadlock of kernel test", "'ld.volatile.shared.u32' looks at shared address 0x",
       "waits for barrier 0 of all threads (32 have come)"});
}

TEST(Spin, InALoopOfPlainLoads) {
  deadlocks({.text = kernel("LOOK: ld.shared.u32 %r0, [flag];\nsetp.eq.u32 %p1, %r0, %r0;\n@%p1 bra LOOK;\n",
                            flag)},
            {"is in a loop that changes nothing"});
  deadlocks({.text = kernel("HERE: bra HERE;\n"), .blocks = 3}, {"is in a loop that changes nothing"});
}

// Each block waits for the next one before it says that it is there.
const char* const next_flag = "add.u32 %r1, %t2, 1;\nrem.u32 %r1, %r1, %r2;\nmad.wide.u32 %l1, %r1, 4, %x0;\n"
                              "mad.wide.u32 %l2, %t2, 4, %x0;\n";

TEST(Spin, OfBlocksInARing) {
  deadlocks({.text = kernel("mov.u32 %r2, %nctaid.x;\n" + std::string(next_flag) +
                            "LOOK: ld.acquire.gpu.u32 %r0, [%l1];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\n"
                            "st.release.gpu.u32 [%l2], 1;\n"),
             .blocks = 8},
            {"'ld.acquire.gpu.u32' looks at global address 0x"});
}

TEST(Spin, ForALockThatNobodyOpens) {
  deadlocks(
      {.text = kernel("mov.u32 %r2, 0;\nLOCK: atom.cas.b32 %r0, [%x0], 0, 1;\nsetp.ne.u32 %p0, %r0, 0;\n"
                      "@%p0 bra LOCK;\n"),
       .blocks = 2},
      {"'atom.cas.b32' looks at global address 0x"});
}

// However long the one that has it goes on, the others are known by what they look at.
TEST(Spin, ForALockWhileItsOwnerComputes) {
  deadlocks(
      {.text = kernel("mov.u32 %r2, 0;\nLOCK: atom.cas.b32 %r0, [%x0], 0, 1;\nsetp.ne.u32 %p0, %r0, 0;\n"
                      "@%p0 bra LOCK;\n"
                      "WORK: add.u32 %r2, %r2, 1;\nsetp.lt.u32 %p1, %r2, 100000;\n@%p1 bra WORK;\n"),
       .blocks = 2},
      {"'atom.cas.b32' looks at global address 0x"});
}

// All blocks meet.
std::string meeting(const std::string& count) {
  return kernel("setp.ne.u32 %p0, %t0, 0;\n@%p0 bra MET;\natom.add.u32 %r0, [%x0], 1;\n"
                "LOOK: ld.acquire.gpu.u32 %r0, [%x0];\nsetp.lt.u32 %p1, %r0, " +
                count + ";\n@%p1 bra LOOK;\nMET: bar.sync 0;\n");
}

TEST(Spin, ForBlocksThatTheChipHasNoRoomFor) {
  // two blocks of 1024 threads on each of four multiprocessors
  deadlocks({.text = meeting("9"), .blocks = 9, .threads = 1024},
            {"1 of 9 blocks have not begun", "waits for barrier 0"});
}

// ---- no deadlocks ----

TEST(Spin, ForAsManyBlocksAsTheChipHolds) {
  ends({.text = meeting("8"), .blocks = 8, .threads = 1024});
  ends({.text = meeting("128"), .blocks = 128, .threads = 32});
}

TEST(Spin, OfBlocksThatWaitForLaterOnes) {
  ends({.text = kernel("mov.u32 %r2, %nctaid.x;\nsub.u32 %r3, %r2, 1;\nsetp.eq.u32 %p2, %t2, %r3;\n" +
                       std::string(next_flag) +
                       "@%p2 bra LAST;\n"
                       "LOOK: ld.relaxed.gpu.u32 %r0, [%l1];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\n"
                       "LAST: st.relaxed.gpu.u32 [%l2], 1;\n"),
        .blocks = 128});
}

TEST(Spin, ForATime) {
  ends({.text = kernel("mov.u64 %l0, %clock64;\n"
                       "LOOK: ld.relaxed.gpu.u32 %r0, [%x0];\nsetp.ne.u32 %p0, %r0, 0;\n@%p0 bra DONE;\n"
                       "mov.u64 %l1, %clock64;\nsub.u64 %l1, %l1, %l0;\nsetp.lt.u64 %p1, %l1, 20000;\n"
                       "@%p1 bra LOOK;\nDONE: st.global.u32 [%x0+4], 1;\n")});
}

TEST(Spin, ForAThreadThatComputesForLong) {
  ends({.text = kernel(
            "setp.ge.u32 %p0, %t0, 32;\n@%p0 bra OTHERS;\n"
            "LOOK: ld.volatile.shared.u32 %r0, [flag];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\nret;\n"
            "OTHERS: mov.u32 %r1, 0;\n"
            "MORE: add.u32 %r1, %r1, 1;\nsetp.lt.u32 %p2, %r1, 200000;\n@%p2 bra MORE;\n"
            "st.volatile.shared.u32 [flag], 1;\n",
            flag),
        .threads = 64});
}

TEST(Spin, ForOneOfTwoFlags) {
  ends({.text = kernel("setp.ne.u32 %p0, %t2, 0;\n@%p0 bra OTHERS;\n"
                       "LOOK: ld.relaxed.gpu.u32 %r0, [%x0];\nsetp.ne.u32 %p1, %r0, 0;\n@%p1 bra DONE;\n"
                       "ld.relaxed.gpu.u32 %r0, [%x0+4];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\n"
                       "DONE: mov.u32 %r1, 0;\n" // for long, and changes nothing
                       "MORE: add.u32 %r1, %r1, 1;\nsetp.lt.u32 %p2, %r1, 100000;\n@%p2 bra MORE;\n"
                       "st.relaxed.gpu.u32 [%x0+8], 1;\nret;\n"
                       "OTHERS: mov.u32 %r1, 0;\n"
                       "WAIT: add.u32 %r1, %r1, 1;\nsetp.lt.u32 %p2, %r1, 1000;\n@%p2 bra WAIT;\n"
                       "st.relaxed.gpu.u32 [%x0+4], 1;\n"
                       "BACK: ld.relaxed.gpu.u32 %r0, [%x0+8];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra BACK;\n"),
        .blocks = 2});
}

u64 host_word(Machine& machine) {
  Allocation pinned;
  pinned.host = true;
  return machine.memory.allocate(4, 256, pinned);
}

std::string host_flag(const std::string& load) {
  return join({"LOOK: ", load, " %r0, [%x1];\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 bra LOOK;\n"});
}

TEST(Spin, ForTheHost) {
  for (const char* load : {"ld.volatile.global.u32", "ld.global.u32"})
    for (const Options& options : all_modes()) {
      Machine machine;
      const u64 word = host_word(machine);
      auto* const there = machine.at<u32>(word);
      __atomic_store_n(there, 0, __ATOMIC_RELAXED);
      machine.grid = {3};
      machine.threads = {32};
      machine.options = options;
      std::thread host([=] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        __atomic_store_n(there, 1, __ATOMIC_RELAXED);
      });
      const Outcome outcome = machine.run(kernel(host_flag(load)), {0, word, 0, 0});
      host.join();
      EXPECT_EQ(outcome.status, Status::success) << load << ": " << outcome.message;
    }
}

TEST(Spin, ForTheHostThatNeverComesEndsAtTheLimit) {
  for (Options options : all_modes()) {
    Machine machine;
    const u64 word = host_word(machine);
    *machine.at<u32>(word) = 0;
    machine.grid = {3};
    machine.threads = {32};
    options.most_instructions = 100'000;
    machine.options = options;
    EXPECT_EQ(machine.run(kernel(host_flag("ld.volatile.global.u32")), {0, word, 0, 0}).status,
              Status::too_long);
  }
}

} // namespace
} // namespace emu::test
