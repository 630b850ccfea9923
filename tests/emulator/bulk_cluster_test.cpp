// Bulk copies into the shared memory of other blocks of a cluster: to one of them, and to several.
#include "kernel_text.h"

#include <numeric>

namespace emu::test {
namespace {

// Blocks of one thread, which waits for `bytes` at its mbarrier %r1 and writes out the 128 bytes from %r0 on;
// %r2 is its rank, %r3 the next one.
std::string text(const std::string& body, u32 bytes) {
  return kernel(
      ".shared .align 128 .b8 s[128];\n.shared .align 128 .b8 from[32];\n.shared .align 8 .b8 bar[8];\n"
      "mov.u32 %r0, s;\nmov.u32 %r1, bar;\nmov.u32 %r2, %cluster_ctarank;\n"
      "mov.u32 %r4, %cluster_nctarank;\nadd.u32 %r3, %r2, 1;\nrem.u32 %r3, %r3, %r4;\n"
      "mbarrier.init.shared.b64 [%r1], 1;\nfence.mbarrier_init.release.cluster;\n"
      "mbarrier.arrive.expect_tx.shared.b64 %l0, [%r1], " +
      std::to_string(bytes) + ";\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n" + body +
      "\nwait:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n@!%p1 bra wait;\n"
      "mov.u32 %r5, 0;\nnext:\nadd.u32 %r6, %r0, %r5;\nld.shared.u32 %r7, [%r6];\n"
      "mad.lo.u32 %r8, %t2, 128, %r5;\ncvt.u64.u32 %l1, %r8;\nadd.u64 %l1, %l1, %x1;\n"
      "st.global.u32 [%l1], %r7;\nadd.u32 %r5, %r5, 4;\nsetp.lt.u32 %p2, %r5, " +
      std::to_string(bytes) + ";\n@%p2 bra next;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n");
}

void check(const std::string& kernel_text, u32 size, u32 words,
           u32 (*expected)(u32 block, u32 word, u32 size)) {
  run_all_ways(
      {4}, {1}, kernel_text,
      [=](Machine& machine) {
        machine.cluster = {size};
        std::vector<u32> values(4 * 8);
        std::iota(values.begin(), values.end(), 100);
        return std::vector<u64>{machine.upload(values), machine.upload(std::vector<u32>(4 * 32)), 0, 0};
      },
      [=](Machine& machine, const std::vector<u64>& params) {
        const auto found = machine.download<u32>(params[1], 4 * 32);
        for (u32 block = 0; block < 4; ++block)
          for (u32 word = 0; word < words; ++word)
            EXPECT_EQ(found[32 * block + word], expected(block, word, size)) << block << " " << word;
      },
      4);
}

// Every block loads the 32 bytes of its number, and sends them to all blocks of its cluster.
TEST(BulkCluster, Multicast) {
  for (const u32 size : {1u, 2u, 4u})
    check(text("mad.wide.u32 %l2, %t2, 32, %x0;\nmad.lo.u32 %r9, %r2, 32, %r0;\nmov.u16 %h0, " +
                   std::to_string((1 << size) - 1) +
                   ";\ncp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
                   "[%r9], "
                   "[%l2], 32, [%r1], %h0;",
               32 * size),
          size, 8 * size, [](u32 block, u32 word, u32 of) { return 100 + block / of * of * 8 + word; });
}

// Every block sends the 32 bytes of its number to the next one, through its own shared memory.
TEST(BulkCluster, SharedMemoryToThatOfAnotherBlock) {
  for (const u32 size : {1u, 2u, 4u})
    check(
        text(
            "mov.u32 %r9, from;\nmad.wide.u32 %l2, %t2, 32, %x0;\nld.global.v4.u32 {%r10, %r11, %r12, %r13}, "
            "[%l2];\nst.shared.v4.u32 [%r9], {%r10, %r11, %r12, %r13};\nld.global.v4.u32 {%r10, %r11, %r12, "
            "%r13}, [%l2+16];\nst.shared.v4.u32 [%r9+16], {%r10, %r11, %r12, %r13};\n"
            "fence.proxy.async.shared::cta;\nmapa.shared::cluster.u32 %r14, s, %r3;\n"
            "mapa.shared::cluster.u32 %r15, bar, %r3;\n"
            "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r14], [%r9], 32, "
            "[%r15];",
            32),
        size, 8, [](u32 block, u32 word, u32 of) {
          return 100 + (block / of * of + (block % of + of - 1) % of) * 8 + word;
        });
}

} // namespace
} // namespace emu::test
