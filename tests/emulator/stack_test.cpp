// alloca, stacksave, stackrestore.
#include "kernel_text.h"
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

// Each thread sums 0 to i in memory that it allocates, in a function that does the same with its own, and
// lanes have called the function from memory of different sizes.
TEST(Stack, EachThreadHasItsOwn) {
  const std::string sum =
      ".func (.param .b32 result) sum(.param .b32 count) {\n"
      ".reg .b32 %n, %k, %v, %s;\n.reg .b64 %z, %p, %q;\n.reg .pred %more;\n"
      ".local .align 8 .b8 own[24];\n"
      "ld.param.u32 %n, [count];\nmul.wide.u32 %z, %n, 4;\nadd.u64 %z, %z, 4;\n"
      "mov.u32 %s, 7;\nst.local.u32 [own+16], %s;\n"
      "alloca.u64 %p, %z;\nmov.u32 %k, 0;\nmov.u64 %q, %p;\n"
      "fill:\nst.local.u32 [%q], %k;\nadd.u64 %q, %q, 4;\nadd.u32 %k, %k, 1;\n"
      "setp.le.u32 %more, %k, %n;\n@%more bra fill;\n"
      "mov.u32 %k, 0;\nld.local.u32 %s, [own+16];\nsub.u32 %s, %s, 7;\n"
      "add:\nld.local.u32 %v, [%p];\nadd.u32 %s, %s, %v;\nadd.u64 %p, %p, 4;\nadd.u32 %k, %k, 1;\n"
      "setp.le.u32 %more, %k, %n;\n@%more bra add;\nst.param.b32 [result], %s;\nret;\n}\n";
  const std::string text =
      kernel("mul.wide.u32 %l0, %i, 8;\nadd.u64 %l0, %l0, 8;\nalloca.u64 %l1, %l0, 32;\n"
             "and.b64 %l2, %l1, 31;\nst.local.u64 [%l1], %l2;\nmul.wide.u32 %l3, %i, 8;\n"
             "add.u64 %l3, %l3, %l1;\nst.local.u64 [%l3], %l0;\n"
             "{\n.param .b32 r;\n.param .b32 n;\nst.param.b32 [n], %i;\ncall (r), sum, (n);\n"
             "ld.param.b32 %r0, [r];\n}\n"
             "ld.local.u64 %l4, [%l3];\nsub.u64 %l4, %l4, %l0;\ncvt.u32.u64 %r1, %l4;\n" // still there
             "add.u32 %r0, %r0, %r1;\nmad.wide.u32 %x0, %i, 4, %x0;\nst.global.u32 [%x0], %r0;\n",
             sum);
  run_all_ways(
      {.x = 2}, {.x = 64}, text,
      [](Machine& machine) { return std::vector<u64>{machine.upload(std::vector<u32>(128)), 0, 0, 0}; },
      [](Machine& machine, const std::vector<u64>& params) {
        const auto sums = machine.download<u32>(params[0], 128);
        for (u32 i = 0; i < 128; ++i)
          EXPECT_EQ(sums[i], i * (i + 1) / 2) << i;
      },
      4);
}

TEST(Stack, IsRestored) {
  // A thousand times 1 KiB, which are more than a thread has: each time at the same place.
  const std::string text =
      kernel("mov.u32 %r0, 0;\nmov.u64 %l4, 0;\nmov.u64 %l3, 0;\nagain:\nstacksave.u64 %l0;\nalloca.u64 %l1, "
             "1024, 16;\n"
             "st.local.u32 [%l1+1020], %r0;\nsetp.eq.u32 %p0, %r0, 0;\n@%p0 mov.u64 %l3, %l1;\n"
             "xor.b64 %l2, %l1, %l3;\nor.b64 %l4, %l4, %l2;\nstackrestore.u64 %l0;\nadd.u32 %r0, %r0, 1;\n"
             "setp.lt.u32 %p0, %r0, 1000;\n@%p0 bra again;\nst.global.u64 [%x0], %l4;\n");
  Checked machine;
  machine.threads.x = 1;
  const u64 out = machine.buffer(8, false);
  EXPECT_EQ(machine.kinds(text, {out, 0, 0, 0}), "") << machine.reported();
  EXPECT_EQ(machine.outcome.status, Status::success) << machine.outcome.message;
  EXPECT_EQ(machine.download<u64>(out, 1)[0], 0u);
}

std::string kinds(const std::string& body) {
  Checked machine;
  machine.threads.x = 32;
  const u64 out = machine.buffer(8);
  const std::string found = machine.kinds(kernel("mov.u32 %r0, 5;\n" + body), {out, 0, 0, 0});
  return machine.outcome.status == Status::success ? found : machine.outcome.message;
}

TEST(Stack, IsChecked) {
  EXPECT_EQ(kinds("alloca.u64 %l0, 12;\nst.local.u32 [%l0+8], %r0;\nld.local.u32 %r1, [%l0+8];\n"), "");
  EXPECT_EQ(kinds("stacksave.u32 %r3;\nalloca.u32 %r2, 12;\nst.local.u32 [%r2+8], %r0;\nld.local.u32 %r1, "
                  "[%r2+8];\nstackrestore.u32 %r3;\n"),
            "");
  EXPECT_EQ(kinds("alloca.u64 %l0, 12;\nst.local.u32 [%l0+12], %r0;\n"), "out-of-bounds");
  EXPECT_EQ(
      kinds("stacksave.u64 %l1;\nalloca.u64 %l0, 12;\nstackrestore.u64 %l1;\nst.local.u32 [%l0], %r0;\n"),
      "out-of-bounds");
  EXPECT_EQ(
      kinds(
          "alloca.u64 %l0, 12;\nld.local.u32 %r1, [%l0];\nadd.u32 %r1, %r1, 1;\nst.global.u32 [%x0], %r1;\n"),
      "undefined-store");
  EXPECT_NE(kinds("alloca.u64 %l0, 600000;\n").find("no room for 600000 bytes"), std::string::npos);
  EXPECT_NE(kinds("mov.u64 %l0, -1;\nalloca.u64 %l0, %l0;\n").find("no room"), std::string::npos);
  EXPECT_NE(kinds("stacksave.u64 %l0;\nadd.u64 %l0, %l0, 8;\nstackrestore.u64 %l0;\n").find("stack pointer"),
            std::string::npos);
  Machine machine;
  EXPECT_EQ(machine.load(kernel("alloca.u64 %l0, %l0, 24;\n")), nullptr);
  EXPECT_NE(machine.error.message.find("a power of two"), std::string::npos) << machine.error.message;
}

} // namespace
} // namespace emu::test
