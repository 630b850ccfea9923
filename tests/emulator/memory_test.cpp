// ld and st: spaces, widths, vectors, orders.
#include "kernel_text.h"

#include <algorithm>
#include <numeric>

namespace emu::test {
namespace {

std::vector<u8> random_bytes(std::size_t count) {
  std::mt19937_64 random(seed());
  std::vector<u8> bytes(count);
  std::ranges::generate(bytes, [&] { return static_cast<u8>(random()); });
  return bytes;
}

// Every type into every register that is at least as wide: zeros or the sign above it.
TEST(Memory, LoadsExtend) {
  for (const char kind : {'b', 'u', 's'})
    for (int bits : {8, 16, 32, 64})
      for (int to = std::max(16, bits); to <= 64; to *= 2) {
        const std::string type = kind + std::to_string(bits);
        const std::string reg = (to == 16 ? "%h" : to == 32 ? "%r" : "%l") + std::string("1");
        const std::size_t bytes = static_cast<std::size_t>(bits) / 8, wide = static_cast<std::size_t>(to) / 8;
        Machine machine;
        machine.threads.x = 64;
        const std::vector<u8> from = random_bytes(64 * bytes);
        const u64 source = machine.upload(from), result = machine.upload(std::vector<u8>(64 * wide));
        const Outcome outcome = machine.run(
            kernel("mad.wide.u32 %x0, %i, " + std::to_string(bytes) + ", %x0;\nmad.wide.u32 %x1, %i, " +
                   std::to_string(wide) + ", %x1;\nld.global." + type + " " + reg + ", [%x0];\nst.global.b" +
                   std::to_string(to) + " [%x1], " + reg + ";"),
            {source, result, 0, 0});
        ASSERT_EQ(outcome.status, Status::success) << outcome.message;
        std::vector<u8> expected(64 * wide);
        for (std::size_t i = 0; i < 64; ++i)
          for (std::size_t k = 0; k < wide; ++k)
            expected[i * wide + k] = k < bytes ? from[i * bytes + k]
                                     : kind == 's' && (from[i * bytes + bytes - 1] & 0x80) ? 0xff
                                                                                           : 0;
        EXPECT_EQ(machine.download<u8>(result, 64 * wide), expected) << type << " into " << reg;
      }
}

// Copies 32 bytes a thread with vectors of every shape, through the space, by half of the lanes.
void copies(const std::string& load, const std::string& store, int bits, int parts,
            const std::string& between, const std::string& outside = "") {
  Machine machine;
  machine.threads.x = 96;
  const std::vector<u8> from = random_bytes(96 * 64);
  const u64 source = machine.upload(from), result = machine.upload(std::vector<u8>(96 * 64, 0xcc));
  const int bytes = bits * parts / 8;
  std::string registers = parts > 1 ? "{" : "";
  for (int part = 0; part < parts; ++part)
    registers += std::string(part ? ", " : "") +
                 (bits == 8    ? "%b"
                  : bits == 16 ? "%h"
                  : bits == 32 ? "%r"
                  : bits == 64 ? "%l"
                               : "%w") +
                 std::to_string(part);
  registers += parts > 1 ? "}" : "";
  const std::string suffix =
      (parts > 1 ? ".v" + std::to_string(parts) : std::string()) + ".b" + std::to_string(bits);
  std::string body = "mad.wide.u32 %x0, %i, 64, %x0;\nmad.wide.u32 %x1, %i, 64, %x1;\n"
                     "and.b32 %r30, %i, 1;\nsetp.eq.u32 %p0, %r30, 1;\n" +
                     between;
  for (int at = 0; at < 64; at += bytes) {
    const std::string offset = "+" + std::to_string(at) + "]";
    body += "@%p0 " + load + suffix + " " + registers + ", [%x0" + offset + ";\n";
    body += "@%p0 " + store + suffix + " [%x1" + offset + ", " + registers + ";\n";
  }
  const Outcome outcome = machine.run(kernel(body, outside), {source, result, 0, 0});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message << "\n" << body;
  std::vector<u8> expected = from;
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (i / 64 % 2 == 0)
      expected[i] = 0xcc;
  EXPECT_EQ(machine.download<u8>(result, from.size()), expected) << load << suffix;
}

TEST(Memory, Vectors) {
  const std::pair<int, int> shapes[] = {{8, 1},  {8, 2},  {8, 4},  {16, 1}, {16, 2},
                                        {16, 4}, {16, 8}, {32, 1}, {32, 2}, {32, 4},
                                        {32, 8}, {64, 1}, {64, 2}, {64, 4}, {128, 1}};
  for (const auto& [bits, parts] : shapes)
    copies("ld.global", "st.global", bits, parts, "");
}

TEST(Memory, OrdersAndHints) {
  const std::pair<const char*, const char*> forms[] = {
      {"ld", "st"},
      {"ld.weak.global", "st.weak.global"},
      {"ld.volatile.global", "st.volatile.global"},
      {"ld.volatile", "st.volatile"},
      {"ld.relaxed.gpu.global", "st.relaxed.sys.global"},
      {"ld.acquire.cluster.global", "st.release.cta.global"},
      {"ld.global.ca", "st.global.wb"},
      {"ld.global.cg", "st.global.cs"},
      {"ld.global.lu", "st.global.wt"},
      {"ld.global.cv", "st.global.cg"},
      {"ld.global.nc", "st.global"},
      {"ld.global.nc.L1::no_allocate.L2::128B", "st.global.L1::no_allocate"},
      {"ld.global.L1::evict_last.L2::evict_first.L2::256B", "st.global.L1::evict_first.L2::evict_last"},
      {"ldu.global", "st.global"},
      {"ld.global.acquire.gpu", "st.global.release.gpu"}, // as public kernels write them
      {"ld.global.volatile", "st.global.volatile"},
      {"ld.relaxed.gpu.global.L1::no_allocate.L2::64B", "st.relaxed.gpu.global.L1::no_allocate"},
  };
  for (const auto& [load, store] : forms)
    copies(load, store, 32, 2, "");
  copies("ld.mmio.relaxed.sys.global", "st.mmio.relaxed.sys.global", 32, 1, "");
}

TEST(Memory, PoliciesAndPrefetches) {
  const std::vector<u32> values = {1, 2, 3, 4};
  const std::vector<u32> d =
      each<u32>("mov.u64 %l0, %x0;\n"
                "createpolicy.fractional.L2::evict_last.L2::evict_unchanged.b64 %l1, 1.0;\n"
                "createpolicy.fractional.L2::evict_first.b64 %l1;\n"
                "prefetch.global.L2 [%l0];\nprefetch.L1 [%l0];\nprefetchu.L1 [%l0];\n"
                "prefetch.global.L2::evict_last [%l0];\napplypriority.global.L2::evict_normal [%l0], 128;\n"
                "mov.u32 %d, %a;",
                values);
  EXPECT_EQ(d, values);
}

// Threads turn an array around through shared memory; also with generic addresses and through local memory.
TEST(Memory, SharedAndLocal) {
  Machine machine;
  machine.threads.x = 128;
  const u64 result = machine.upload(std::vector<u32>(128)), local = machine.upload(std::vector<u32>(128));
  const Outcome outcome = machine.run(
      kernel(".shared .align 16 .b8 s[512];\n.local .align 8 .b8 m[16];\n"
             "mov.u32 %r0, s;\nmad.lo.u32 %r1, %i, 4, %r0;\nst.shared.u32 [%r1], %i;\nbar.sync 0;\n"
             "sub.u32 %r2, 127, %i;\nshl.b32 %r2, %r2, 2;\nadd.u32 %r2, %r2, %r0;\n"
             "mov.u32 %r9, 0;\nmov.b64 %l0, {%r2, %r9};\ncvta.shared.u64 %l0, %l0;\nld.u32 %r3, [%l0];\n"
             "mad.wide.u32 %x0, %i, 4, %x0;\nst.global.u32 [%x0], %r3;\n"
             "mov.u64 %l1, m;\nst.local.v2.u32 [m+8], {%r3, %i};\ncvta.local.u64 %l1, %l1;\n"
             "ld.v2.u32 {_, %r4}, [%l1+8];\nmad.wide.u32 %x1, %i, 4, %x1;\nst.global.u32 [%x1], %r4;"),
      {result, local, 0, 0});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  std::vector<u32> expected(128);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(machine.download<u32>(local, 128), expected);
  std::ranges::reverse(expected);
  EXPECT_EQ(machine.download<u32>(result, 128), expected);
}

TEST(Memory, Errors) {
  struct Case {
    const char* body;
    Status status;
    const char* message;
  };
  const Case cases[] = {
      {"ld.global.u32 %r0, [%x0+2];", Status::misaligned_address, "misaligned global address"},
      {"ld.global.v4.u32 {%r0, %r1, %r2, %r3}, [%x0+8];", Status::misaligned_address, "a multiple of 16"},
      {"mov.u64 %l0, 16;\nld.global.u32 %r0, [%l0];", Status::illegal_address, "outside all memory"},
      {"mov.u32 %r0, 1;\nst.shared.u32 [4096], %r0;", Status::illegal_address, "shared address 0x1000"},
      // One lane of a warp whose others are right.
      {"setp.eq.u32 %p0, %i, 7;\nselp.u64 %l0, 16, %x0, %p0;\nst.u32 [%l0], %i;", Status::illegal_address,
       "thread (7,0,0)"},
  };
  for (const Case& one : cases) {
    Machine machine;
    machine.threads.x = 32;
    const Outcome outcome = machine.run(kernel(one.body), {machine.upload(std::vector<u32>(32)), 0, 0, 0});
    EXPECT_EQ(outcome.status, one.status) << one.body;
    EXPECT_NE(outcome.message.find(one.message), std::string::npos) << outcome.message;
  }
}

TEST(Memory, UnknownFormsAreRefused) {
  for (const char* text : {"ld.global.f16 %h0, [%x0];", "ld.relaxed.global.u32 %r0, [%x0];",
                           "st.global.acquire.u32 [%x0], %r0;", "ld.global.v3.u32 {%r0, %r1, %r2}, [%x0];",
                           "cp.async.bulk.wait_all;", "multimem.ld_reduce.global.add.u32 %r0, [%x0];"}) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr) << text;
    EXPECT_NE(machine.error.place.line, 0) << text;
  }
}

TEST(Load, LeavesNothingAllocatedWhenItFails) {
  Machine machine;
  const std::string variable = ".global .b32 g[16];\n", kernel = ".visible .entry test() { ret; }\n";
  for (const std::string& wrong :
       {std::string(".global .b8 x[68719476736];\n"), std::string(".extern .global .b32 elsewhere;\n"),
        std::string(".shared .b32 s;\n.global .u64 x = s;\n"),
        std::string(".func f() { mov.u33 %r, 1; ret; }\n")}) {
    EXPECT_EQ(machine.load(variable + wrong + kernel), nullptr) << wrong;
    EXPECT_EQ(machine.memory.used(), 0u) << wrong;
  }
  const std::shared_ptr<Program> good = machine.load(variable + kernel);
  ASSERT_NE(good, nullptr) << machine.error.message;
  EXPECT_EQ(machine.memory.used(), 64u);
  release_variables(*good, machine.memory);
  EXPECT_EQ(machine.memory.used(), 0u);
}

TEST(Load, RefusesGuardsThatAreNoPredicates) {
  Machine machine;
  EXPECT_EQ(
      machine.load(".visible .entry test() {\n.reg .b32 %r<2>;\nmov.u32 %r0, 1;\n@!%r0 exit;\nret;\n}\n"),
      nullptr);
  EXPECT_EQ(machine.error.place.line, 7);
  EXPECT_EQ(machine.error.message, "the guard of 'exit' has 32 bits: expected a predicate");
}

TEST(Load, RefusesAddressesOf32Bits) {
  Memory memory(1 << 20);
  ptx::Error error;
  EXPECT_EQ(load(".version 9.0\n.target sm_80\n.address_size 32\n.entry test() { ret; }\n", memory, error),
            nullptr);
  EXPECT_EQ(error.message, "addresses have 32 bits: expected '.address_size 64'");
  EXPECT_EQ(error.place.line, 2);
}

TEST(Load, RefusesVariablesThatNoSpaceHasRoomFor) {
  Machine machine;
  auto error = [&](const std::string& text) {
    EXPECT_EQ(machine.load(text), nullptr) << text;
    return machine.error.message;
  };
  const std::string begin = ".visible .entry test() { .local .b8 a[", end = "]; ret; }";
  EXPECT_NE(machine.load(begin + "524288" + end), nullptr) << machine.error.message;
  EXPECT_EQ(error(begin + "524289" + end),
            "'test' has 524304 bytes of local memory: at most 524288 are possible");
  EXPECT_NE(error(begin + "9223372036854775808]; .local .b8 b[9223372036854775808" + end), "");
  EXPECT_NE(error(".shared .b8 a[4294967296]; .visible .entry test() { st.shared.b8 [a], 1; ret; }"), "");
  EXPECT_NE(error(".visible .entry test(.param .b8 a[32768]) { ret; }"), "");
}

} // namespace
} // namespace emu::test
