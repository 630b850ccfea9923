// st.async and red.async: what they write, and the transactions that they complete.
#include "kernel_text.h"

#include <algorithm>
#include <cstring>

namespace emu::test {
namespace {

constexpr u32 threads = 32;

// Thread t of each of two blocks does `body` at slot t of its peer, of 16 bytes from %r4 (%l4 generic) on,
// with the mbarrier of %r5 (%l5); then each block waits for its own mbarrier's `bytes` of each thread, and
// writes its slots out. The slots hold `before`.
std::string kernel_with(const std::string& body, u32 bytes, u32 before) {
  return kernel(
      ".shared .align 16 .b8 s[512];\n.shared .align 8 .b8 bar[8];\nmov.u32 %r0, s;\nmov.u32 %r1, bar;\n"
      "mad.lo.u32 %r2, %t0, 16, %r0;\nmov.u32 %r3, " +
      std::to_string(before) +
      ";\nst.shared.v4.u32 [%r2], {%r3, %r3, %r3, %r3};\nsetp.ne.u32 %p0, %t0, 0;\n@%p0 bra ready;\n"
      "mbarrier.init.shared.b64 [%r1], 1;\nfence.mbarrier_init.release.cluster;\n"
      "mbarrier.arrive.expect_tx.shared.b64 %l0, [%r1], " +
      std::to_string(threads * bytes) +
      ";\nready:\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n"
      "mov.u32 %r6, %cluster_ctarank;\nxor.b32 %r6, %r6, 1;\nmapa.shared::cluster.u32 %r4, %r2, %r6;\n"
      "mapa.shared::cluster.u32 %r5, %r1, %r6;\ncvt.u64.u32 %l4, %r4;\ncvta.shared::cluster.u64 %l4, %l4;\n"
      "cvt.u64.u32 %l5, %r5;\ncvta.shared::cluster.u64 %l5, %l5;\n"
      "mad.lo.u32 %r10, %i, 3, 0x11000000;\nadd.u32 %r11, %r10, 1000;\nadd.u32 %r12, %r10, 2000;\n"
      "add.u32 %r13, %r10, 3000;\nmov.b64 %l10, {%r10, %r11};\nmov.b64 %l11, {%r12, %r13};\n" +
      body +
      "\nwait:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n@!%p1 bra wait;\n"
      "ld.shared.v4.u32 {%r20, %r21, %r22, %r23}, [%r2];\nmad.wide.u32 %l0, %i, 16, %x0;\n"
      "st.global.v4.u32 [%l0], {%r20, %r21, %r22, %r23};\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n");
}

using Slot = std::array<u32, 4>;

void check_slots(const std::string& body, u32 bytes, u32 before, Slot (*expected)(Slot old, Slot from)) {
  SCOPED_TRACE(body);
  run_all_ways(
      {2}, {threads}, kernel_with(body, bytes, before),
      [](Machine& machine) {
        machine.cluster = {2};
        return std::vector<u64>{machine.upload(std::vector<u32>(8 * threads)), 0, 0, 0};
      },
      [&](Machine& machine, const std::vector<u64>& params) {
        const auto found = machine.download<Slot>(params[0], 2 * threads);
        for (u32 i = 0; i < 2 * threads; ++i) {
          const u32 first = 0x11000000 + 3 * (i ^ threads); // of the peer's thread
          EXPECT_EQ(found[i], expected({before, before, before, before},
                                       {first, first + 1000, first + 2000, first + 3000}))
              << i;
        }
      },
      4);
}

TEST(StoreAsync, Forms) {
  const auto one = [](Slot old, Slot from) { return Slot{from[0], old[1], old[2], old[3]}; };
  const auto two = [](Slot old, Slot from) { return Slot{from[0], from[1], old[2], old[3]}; };
  const auto four = [](Slot, Slot from) { return from; };
  const std::string st = "st.async.shared::cluster.mbarrier::complete_tx::bytes";
  for (const char* type : {".b32 ", ".u32 ", ".s32 ", ".f32 "})
    check_slots(st + type + "[%r4], %r10, [%r5];", 4, 77, one);
  for (const char* type : {".b64 ", ".u64 ", ".s64 ", ".f64 "})
    check_slots(st + type + "[%r4], %l10, [%r5];", 8, 77, two);
  check_slots(st + ".v2.b32 [%r4], {%r10, %r11}, [%r5];", 8, 77, two);
  check_slots(st + ".v4.f32 [%r4], {%r10, %r11, %r12, %r13}, [%r5];", 16, 77, four);
  check_slots(st + ".v2.u64 [%r4], {%l10, %l11}, [%r5];", 16, 77, four);
  check_slots("st.async.weak.mbarrier::complete_tx::bytes.b32 [%l4], %r10, [%l5];", 4, 77, one);
  check_slots("st.async.mbarrier::complete_tx::bytes.shared::cluster.b32 [%r4+4], %r10, [%r5+0];", 4, 77,
              [](Slot old, Slot from) { return Slot{old[0], from[0], old[2], old[3]}; });
}

TEST(ReduceAsync, Operations) {
  const std::string red = "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes";
  const auto check = [&](const std::string& operation, u32 before, u32 (*f)(u32, u32)) {
    static u32 (*now)(u32, u32) = nullptr; // of the operation, for a function without captures
    now = f;
    check_slots(red + operation + " [%r4], %r10, [%r5];", 4, before,
                [](Slot old, Slot from) { return Slot{now(old[0], from[0]), old[1], old[2], old[3]}; });
  };
  for (const u32 before : {5u, 0x11000010u, 0xf0000000u}) {
    check(".add.u32", before, [](u32 a, u32 b) { return a + b; });
    check(".add.s32", before, [](u32 a, u32 b) { return a + b; });
    check(".min.u32", before, [](u32 a, u32 b) { return std::min(a, b); });
    check(".max.u32", before, [](u32 a, u32 b) { return std::max(a, b); });
    check(".min.s32", before,
          [](u32 a, u32 b) { return static_cast<u32>(std::min(static_cast<int>(a), static_cast<int>(b))); });
    check(".max.s32", before,
          [](u32 a, u32 b) { return static_cast<u32>(std::max(static_cast<int>(a), static_cast<int>(b))); });
    check(".inc.u32", before, [](u32 a, u32 b) { return a >= b ? 0 : a + 1; });
    check(".dec.u32", before, [](u32 a, u32 b) { return a == 0 || a > b ? b : a - 1; });
    check(".and.b32", before, [](u32 a, u32 b) { return a & b; });
    check(".or.b32", before, [](u32 a, u32 b) { return a | b; });
    check(".xor.b32", before, [](u32 a, u32 b) { return a ^ b; });
  }
  const auto wide = [](Slot old, Slot from) {
    const u64 sum = (old[0] | u64(old[1]) << 32) + (from[0] | u64(from[1]) << 32);
    return Slot{static_cast<u32>(sum), static_cast<u32>(sum >> 32), old[2], old[3]};
  };
  check_slots(red + ".add.u64 [%r4], %l10, [%r5];", 8, 0xf0000000, wide);
  check_slots(red + ".add.s64 [%r4], %l10, [%r5];", 8, 0xf0000000, wide);
}

TEST(StoreAsync, Errors) {
  struct Case {
    const char* body;
    Status status;
    const char* message;
  };
  const std::string st = "st.async.shared::cluster.mbarrier::complete_tx::bytes";
  const Case cases[] = {
      {".b32 [%r4+512], %r10, [%r5];", Status::illegal_address, "lie outside"},
      {".b32 [%r4], %r10, [%r5+8];", Status::illegal_address, "lie outside"},
      {".b64 [%r4+4], %l10, [%r5];", Status::misaligned_address, "expected a multiple of 8"},
      {".b32 [%r4], %r10, [%r1];", Status::illegal_instruction, "expected one block"},
      {".b32 [%r4], %r10, [%r4+8];", Status::illegal_instruction, "there is no mbarrier object"},
  };
  for (const Case& one : cases) {
    Machine machine;
    machine.cluster = machine.grid = {2};
    machine.threads = {threads};
    const Outcome outcome = machine.run(kernel_with(st + one.body, 4, 0),
                                        {machine.upload(std::vector<u32>(8 * threads)), 0, 0, 0});
    EXPECT_EQ(outcome.status, one.status) << outcome.message;
    EXPECT_NE(outcome.message.find(one.message), std::string::npos) << outcome.message;
  }
  Machine machine;
  EXPECT_EQ(machine.load(kernel(st + ".v4.b64 [%r0], {%l0, %l1, %l2, %l3}, [%r1];")), nullptr);
  EXPECT_NE(machine.error.message.find("a vector of 32 bytes: expected at most 16"), std::string::npos)
      << machine.error.message;
}

// The mbarrier waits for more bytes than come.
TEST(StoreAsync, MissingTransactionsAreADeadlock) {
  Machine machine;
  machine.cluster = machine.grid = {2};
  machine.threads = {threads};
  const Outcome outcome = machine.run(
      kernel_with("st.async.shared::cluster.mbarrier::complete_tx::bytes.b32 [%r4], %r10, [%r5];", 8, 0),
      {machine.upload(std::vector<u32>(8 * threads)), 0, 0, 0});
  EXPECT_EQ(outcome.status, Status::deadlock);
  EXPECT_NE(outcome.message.find("128 bytes of transactions"), std::string::npos) << outcome.message;
}

} // namespace
} // namespace emu::test
