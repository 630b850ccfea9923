// What is reported of wgmma: registers in flight, fences, descriptors, undefined factors.
#include "checked.h"
#include "kernel_text.h"

namespace emu::test {
namespace {

// Two matrices of zeros in shared memory, A of m64k16 at %l3 and B of n8k16 at %l4, without a swizzle.
class Warpgroup : public Checked {
public:
  Warpgroup() {
    target = "sm_90a";
    threads = {128, 1, 1};
  }
  std::string of(const std::string& body,
                 const std::string& fill = "st.shared.v4.b32 [%r1], {%r3, %r3, %r3, %r3};\n") {
    const std::string begin =
        ".reg .b32 %d<8>, %a<4>;\nmov.b32 %r3, 0;\nmov.u32 %r0, tile;\nmad.lo.u32 %r1, %t0, 16, %r0;\n" +
        fill + "add.u32 %r1, %r1, 2048;\n" + fill +
        "fence.proxy.async;\nbar.sync 0;\n"
        "shr.u32 %r2, %r0, 4;\nor.b32 %r2, %r2, 0x80000;\nmov.b64 %l3, {%r2, 8};\nadd.u64 %l4, %l3, 128;\n"
        "mov.b32 %a0, 0;\nmov.b32 %a1, 0;\nmov.b32 %a2, 0;\nmov.b32 %a3, 0;\n"
        "mul.wide.u32 %l0, %t0, 4;\nadd.u64 %l0, %l0, %x0;\n";
    return kinds(kernel(begin + body, ".shared .align 1024 .b8 tile[4096];"), {buffer(512)});
  }
};

std::string multiply(const std::string& a = "%l3", const std::string& sums = "0",
                     const std::string& accumulate = "0") {
  std::string d;
  for (int i = 0; i < 4; ++i)
    d += (i > 0 ? ", %d" : "%d") + std::to_string(i + std::stoi(sums));
  return "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {" + d + "}, " + a + ", %l4, " + accumulate +
         ", 1, 1, " + (a[0] == '{' ? "0;\n" : "0, 0;\n");
}

const std::string fence = "wgmma.fence.sync.aligned;\n", commit = "wgmma.commit_group.sync.aligned;\n",
                  wait = "wgmma.wait_group.sync.aligned 0;\n", registers = "{%a0, %a1, %a2, %a3}",
                  store = "st.global.b32 [%l0], %d1;\n";

TEST(ChecksWgmma, FindsNothingWhereNothingIsWrong) {
  Warpgroup machine;
  EXPECT_EQ(machine.of(fence + multiply() + multiply("%l3", "0", "1") + commit + multiply(registers, "4") +
                       commit + "wgmma.wait_group.sync.aligned 1;\n" + store + wait +
                       "st.global.b32 [%l0], %d5;\n" + fence + multiply() + commit + wait),
            "")
      << machine.reported();
}

TEST(ChecksWgmma, SumsInFlight) {
  for (const std::string& use :
       {store, std::string("mov.b32 %d0, 0;\n"), std::string("add.f32 %d2, %d2, %d2;\n")}) {
    Warpgroup machine;
    EXPECT_EQ(machine.of(fence + multiply() + commit + use + wait), "register-early") << use;
    EXPECT_EQ(machine.checks.reports().all().at(0).message,
              "accesses a register that the wgmma of line " +
                  std::to_string(machine.checks.reports().all()[0].place.line - 2) +
                  " adds to, which has not been waited for");
  }
  Warpgroup machine; // the second group is not waited for, an uncommitted one never is
  EXPECT_EQ(machine.of(fence + multiply("%l3", "4") + commit + multiply() + commit +
                       "wgmma.wait_group.sync.aligned 1;\n" + store + wait),
            "register-early");
  EXPECT_EQ(machine.of(fence + multiply() + wait + store + commit + wait), "register-early");
}

TEST(ChecksWgmma, FactorsInFlight) {
  Warpgroup machine;
  EXPECT_EQ(machine.of(fence + multiply(registers) + commit + "mov.b32 %a3, 1;\n" + wait), "register-early");
  EXPECT_EQ(machine.of(fence + multiply(registers) + commit + "mov.b32 %r9, %a3;\n" + wait), "")
      << machine.reported();
  EXPECT_EQ(machine.of(fence + multiply() + multiply("{%d0, %d1, %d2, %d3}", "4") + commit + wait),
            "register-early");
}

TEST(ChecksWgmma, FenceIsMissing) {
  Warpgroup machine;
  EXPECT_EQ(machine.of(multiply() + commit + wait), "register-fence");
  EXPECT_EQ(machine.of(fence + "mov.b32 %d1, 0;\n" + multiply() + commit + wait), "register-fence");
  EXPECT_EQ(machine.of(fence + "mov.b32 %a1, 0;\n" + multiply(registers) + commit + wait), "register-fence");
  EXPECT_EQ(machine.of(fence + multiply() + commit + wait + store + multiply() + commit + wait),
            "register-fence");
  const std::string wider =
      "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {%d0, %d1, %d2, %d3}, %l3, %l4, 1, 1, 1;\n";
  EXPECT_EQ(machine.of(fence + multiply() + wider + commit + wait), "register-fence");
  EXPECT_EQ(machine.of(fence + multiply() + fence + wider + commit + wait), "") << machine.reported();
}

TEST(ChecksWgmma, LeftInFlight) {
  Warpgroup machine;
  EXPECT_EQ(machine.of(fence + multiply() + commit), "async-leak");
  EXPECT_EQ(machine.of(fence + multiply() + wait), "async-leak");
}

TEST(ChecksWgmma, Descriptors) {
  Warpgroup machine;
  const auto message = [&](const std::string& change) {
    EXPECT_EQ(machine.of(change + fence + multiply() + commit + wait), "matrix-descriptor");
    const auto all = machine.checks.reports().all();
    return all.empty() ? "" : all[0].message;
  };
  EXPECT_EQ(message("or.b64 %l3, %l3, 0x4000;\n"),
            "bits 0x4000 of a matrix descriptor are set: expected zero in all "
            "that it does not use");
  EXPECT_EQ(message("or.b64 %l3, %l3, 0x2000000000000;\n"),
            "base offset 1 of a matrix descriptor without swizzle: expected 0");
  EXPECT_EQ(
      message("or.b64 %l4, %l4, 0x4000000000000000;\nadd.u64 %l4, %l4, 8;\n"),
      "base offset 0 of a matrix descriptor whose start address 0xc80 lies 1 x 128 bytes after a multiple of "
      "1024, the swizzle's period: expected 1");
  EXPECT_NE(message("setp.eq.u32 %p0, %t0, 70;\n@%p0 xor.b64 %l4, %l4, 1;\n")
                .find(" in the warpgroup's first lane"),
            std::string::npos);
}

TEST(ChecksWgmma, GroupsThatNotAllWarpsHaveCommitted) {
  Warpgroup machine;
  EXPECT_EQ(machine.of("setp.lt.u32 %p0, %t0, 32;\n@%p0 bra skip;\n" + commit + "skip:\n" + fence +
                       multiply() + commit + wait),
            "barrier-divergence");
}

TEST(ChecksWgmma, UndefinedOperands) {
  Warpgroup machine;
  EXPECT_TRUE(machine.of(fence + multiply("%l9") + commit + wait).starts_with("undefined-address"));
  EXPECT_EQ(machine.of(fence + multiply("%l3", "0", "%p7") + commit + wait), "undefined-branch");
}

TEST(ChecksWgmma, OutOfSharedMemory) {
  Warpgroup machine;
  EXPECT_EQ(machine.of("add.u64 %l4, %l4, 128;\n" + fence + multiply() + commit + wait), "out-of-bounds");
}

// Rows 8 and 16 of A and column 3 of B are not defined: what depends on them may not be stored.
TEST(ChecksWgmma, UndefinedFactors) {
  const std::string fill = "sub.u32 %r4, %r1, %r0;\nsetp.ne.u32 %p0, %r4, 256;\nsetp.ne.u32 %p1, %r4, 2096;\n"
                           "and.pred %p0, %p0, %p1;\n@%p0 st.shared.v4.b32 [%r1], {%r3, %r3, %r3, %r3};\n";
  const auto stored = [&](const std::string& sum, int thread) {
    Warpgroup machine;
    return machine.of(fence + multiply() + commit + wait + "setp.eq.u32 %p2, %t0, " + std::to_string(thread) +
                          ";\n@%p2 st.global.b32 [%l0], %d" + sum + ";\n",
                      fill);
  };
  EXPECT_EQ(stored("0", 0), "");
  EXPECT_EQ(stored("2", 0), "undefined-store");  // row 8
  EXPECT_EQ(stored("1", 1), "undefined-store");  // row 0, column 3
  EXPECT_EQ(stored("0", 1), "");                 // row 0, column 2
  EXPECT_EQ(stored("2", 4), "");                 // row 9
  EXPECT_EQ(stored("1", 37), "undefined-store"); // row 17, column 3
}

} // namespace
} // namespace emu::test
