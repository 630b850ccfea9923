// What checks find in the operands of bulk copies: addresses outside of allocations, and values that were
// never defined.
#include "emulator/exec/tensor_map.h"
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

const std::string beginning =
    ".visible .entry test(.param .u64 a, .param .u64 b) {\n.reg .pred %p<3>;\n.reg .b32 %r<9>;\n.reg .b64 "
    "%l<9>;\n"
    ".shared .align 128 .b8 s[1024];\n.shared .align 8 .b64 m;\nmov.u32 %r0, s;\nmov.u32 %r1, m;\n"
    "ld.param.u64 %l0, [a];\nld.param.u64 %l1, [b];\nmov.u32 %r2, %tid.x;\nsetp.ne.u32 %p0, %r2, 0;\n@%p0 "
    "exit;\n"
    "mbarrier.init.shared.b64 [%r1], 1;\nfence.proxy.async;\n"
    "mbarrier.arrive.expect_tx.shared.b64 _, [%r1], 1024;\n";
const std::string wait = "\nW:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n@!%p1 bra W;\n";
const std::string store = "cp.async.bulk.global.shared::cta.bulk_group [%l1], [%r0], 1024;\n"
                          "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n";
const std::string end = "ret;\n}\n";

const std::string load =
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%l0], %r3, [%r1];";
const std::string load_box =
    "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], "
    "[%l0, {%r4, 0}], [%r1];";

std::uint64_t map_of(Checked& machine, std::uint64_t address) {
  std::vector<std::byte> bytes(TensorMap::size);
  TensorMap{.type = TensorMap::Type::f32,
            .rank = 2,
            .address = address,
            .dims = {16, 16, 1, 1, 1},
            .strides = {64},
            .box = {16, 16, 1, 1, 1}}
      .encode(bytes.data());
  const std::uint64_t map = machine.buffer(TensorMap::size);
  std::memcpy(machine.at<std::byte>(map), bytes.data(), bytes.size());
  return map;
}

TEST(ChecksBulk, BoundsOfGlobalMemory) {
  Checked machine;
  machine.threads.x = 32;
  const std::uint64_t enough = machine.buffer(1024), small = machine.buffer(960);
  const std::string copy = beginning + "mov.u32 %r3, 1024;\n" + load + wait + store + end;
  EXPECT_EQ(machine.kinds(copy, {enough, enough}), "") << machine.reported();
  EXPECT_EQ(machine.kinds(copy, {small, enough}), "out-of-bounds") << machine.reported();
  EXPECT_NE(machine.reported().find("reads 1024 bytes"), std::string::npos) << machine.reported();
  EXPECT_EQ(machine.kinds(copy, {enough, small}), "out-of-bounds") << machine.reported();
  EXPECT_NE(machine.reported().find("writes 1024 bytes"), std::string::npos) << machine.reported();
  // A map that says more than there is: the last row of the box.
  const std::string box = beginning + "mov.u32 %r4, 0;\n" + load_box + wait + store + end;
  EXPECT_EQ(machine.kinds(box, {map_of(machine, enough), enough}), "") << machine.reported();
  EXPECT_EQ(machine.kinds(box, {map_of(machine, small), enough}), "out-of-bounds") << machine.reported();
  EXPECT_NE(machine.reported().find("reads 64 bytes"), std::string::npos) << machine.reported();
}

// All lanes store one box; then boxes that overlap.
TEST(ChecksBulk, BoxesOfAWarp) {
  Checked machine;
  machine.threads.x = 32;
  const std::uint64_t data = machine.buffer(2048);
  const auto kernel = [](const std::string& coordinate) {
    std::string text = beginning;
    text.resize(text.find("setp.ne"));
    return text +
           "mad.lo.u32 %r3, %r2, 32, %r0;\nst.shared.v4.u32 [%r3], {%r2, %r2, %r2, %r2};\n"
           "st.shared.v4.u32 [%r3+16], {%r2, %r2, %r2, %r2};\nfence.proxy.async;\nbar.sync 0;\nmov.u32 "
           "%r4, " +
           coordinate +
           ";\ncp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%l0, {0, %r4}], [%r0];\n"
           "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n" +
           end;
  };
  EXPECT_EQ(machine.kinds(kernel("0"), {map_of(machine, data), data}), "") << machine.reported();
  EXPECT_EQ(machine.kinds(kernel("%tid.x"), {map_of(machine, data), data}), "async-early")
      << machine.reported();
}

TEST(ChecksBulk, Alignment) {
  Checked machine;
  machine.threads.x = 32;
  const std::uint64_t data = machine.buffer(2048);
  EXPECT_EQ(machine.kinds(beginning + "mov.u32 %r3, 1024;\n" + load + wait + end, {data + 8, data}),
            "misaligned")
      << machine.reported();
  EXPECT_EQ(machine.kinds(beginning + "mov.u32 %r3, 1024;\nadd.u32 %r0, %r0, 16;\nmov.u32 %r4, 0;\n" +
                              load_box + end,
                          {map_of(machine, data), data}),
            "misaligned")
      << machine.reported();
}

TEST(ChecksBulk, OperandsThatWereNeverDefined) {
  Checked machine;
  machine.threads.x = 32;
  machine.options.most_instructions = 100'000;
  const std::uint64_t data = machine.buffer(1024);
  EXPECT_NE(machine.kinds(beginning + load + end, {data, data}).find("undefined-use"), std::string::npos)
      << machine.reported();
  EXPECT_NE(machine.reported().find("the operand depends on a value that was never defined"),
            std::string::npos)
      << machine.reported();
  EXPECT_NE(
      machine.kinds(beginning + load_box + end, {map_of(machine, data), data}).find("undefined-address"),
      std::string::npos)
      << machine.reported();
  EXPECT_NE(machine.reported().find("a coordinate depends on"), std::string::npos) << machine.reported();
}

// Undefined bytes may be copied, and are undefined where they arrive.
TEST(ChecksBulk, UndefinedBytesAreCopied) {
  Checked machine;
  machine.threads.x = 32;
  const std::uint64_t undefined = machine.buffer(1024, false), data = machine.buffer(1024);
  const std::string copy = beginning + "mov.u32 %r3, 1024;\n" + load + wait;
  EXPECT_EQ(machine.kinds(copy + store + end, {undefined, data}), "") << machine.reported();
  EXPECT_FALSE(machine.checks.host_reads_defined(data, 1024));
  const std::string use = "ld.shared.u32 %r5, [%r0+64];\nadd.u32 %r5, %r5, 1;\nst.global.u32 [%l1], %r5;\n";
  EXPECT_EQ(machine.kinds(copy + use + end, {undefined, data}), "undefined-store") << machine.reported();
}

} // namespace
} // namespace emu::test
