// Counters against numbers counted by hand.
#include "emulator/counters/counters.h"
#include "emulator/exec/tensor_map.h"
#include "run_ptx.h"

namespace emu::test {
namespace {

// Runs the kernel `test` of one block of 32 threads, or as many as the machine says, with counters; `check`
// sees them.
template <class F>
void counted(const std::string& text, std::vector<std::uint64_t> params, Machine& machine, F check,
             Outcome* told = nullptr) {
  const std::shared_ptr<Program> program = machine.load(text);
  ASSERT_NE(program, nullptr) << machine.error.place.line << ": " << machine.error.message;
  Counters counters(program, *program->find("test"));
  Launch launch;
  launch.program = program;
  launch.kernel = program->find("test");
  launch.grid = machine.grid;
  launch.cluster = machine.cluster;
  launch.threads = {std::max(32u, machine.threads.x), 1, 1};
  launch.params.resize(launch.kernel->param_bytes);
  std::memcpy(launch.params.data(), params.data(), std::min(launch.params.size(), 8 * params.size()));
  launch.memory = &machine.memory;
  launch.chip = &machine.chip;
  launch.options = machine.options;
  launch.counters = &counters;
  const Outcome outcome = run(launch);
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  if (told != nullptr)
    *told = outcome;
  check(counters);
}

std::string kernel(const std::string& body) {
  return ".shared .align 128 .b8 tile[8192];\n.visible .entry test(.param .u64 p) {\n.reg .b64 %l<8>;\n.reg "
         ".b32 %r<16>;\n.reg .f32 %f<8>;\n"
         ".reg .pred %p<4>;\nld.param.u64 %l0, [p];\nmov.u32 %r0, %tid.x;\nmov.u32 %r1, tile;\n" +
         body + "ret;\n}\n";
}

TEST(Counters, GlobalTraffic) {
  Machine machine;
  const std::uint64_t data = machine.upload(std::vector<std::uint32_t>(1024));
  // Consecutive words: 4 sectors; words 64 bytes apart: a sector each; every lane the same word: one sector.
  counted(kernel("mad.wide.u32 %l1, %r0, 4, %l0;\nld.global.u32 %r2, [%l1];\n"
                 "mad.wide.u32 %l2, %r0, 64, %l0;\nst.global.u32 [%l2], %r0;\n"
                 "ld.global.u32 %r3, [%l0];\n"),
          {data}, machine, [](const Counters& counters) {
            const Counts totals = counters.totals();
            EXPECT_EQ(totals.global_read, 2 * 128u);
            EXPECT_EQ(totals.global_read_sectors, 4u + 1);
            EXPECT_EQ(counters.unique().read, 128u);
            EXPECT_EQ(totals.global_written, 128u);
            EXPECT_EQ(totals.global_write_sectors, 32u);
            EXPECT_EQ(counters.unique().written, 128u);
          });
}

// Each of two blocks reads 128 bytes of the other, writes 256, and updates 4 (of one lane).
TEST(Counters, SharedMemoryOfPeers) {
  Machine machine;
  machine.grid = machine.cluster = {2};
  counted(kernel("mad.lo.u32 %r2, %r0, 8, %r1;\nst.shared.u32 [%r2], %r0;\nbarrier.cluster.arrive;\n"
                 "barrier.cluster.wait;\nmov.u32 %r3, %cluster_ctarank;\nxor.b32 %r3, %r3, 1;\n"
                 "mapa.shared::cluster.u32 %r4, %r2, %r3;\nld.shared::cluster.u32 %r5, [%r4];\n"
                 "st.shared::cluster.v2.u32 [%r4+1024], {%r5, %r5};\nsetp.eq.u32 %p0, %r0, 0;\n"
                 "@%p0 red.shared::cluster.add.u32 [%r4+2048], "
                 "1;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n"),
          {0}, machine, [](const Counters& counters) {
            const Counts totals = counters.totals();
            EXPECT_EQ(totals.peer_read, 2 * (128u + 4));
            EXPECT_EQ(totals.peer_written, 2 * (256u + 4));
            EXPECT_EQ(totals.shared_read, 0u);
            EXPECT_EQ(totals.shared_written, 2 * 128u);
          });
}

// A box of 8 rows of 64 bytes, 256 bytes apart, of which the last two rows lie out of bounds: 12 sectors.
// Stored as one run of 512 bytes, and added to 32 of them.
TEST(Counters, BulkCopies) {
  Machine machine;
  const TensorMap map = {.type = TensorMap::Type::f32,
                         .rank = 2,
                         .address = machine.upload(std::vector<std::uint32_t>(4096)),
                         .dims = {64, 16, 1, 1, 1},
                         .strides = {256},
                         .box = {16, 8, 1, 1, 1},
                         .swizzle = TensorMap::Swizzle::span_64};
  std::vector<std::byte> bytes(TensorMap::size);
  map.encode(bytes.data());
  const std::uint64_t to = machine.upload(std::vector<std::uint32_t>(256));
  std::vector<std::uint64_t> parameters = {to, machine.upload(bytes)};
  std::memcpy(machine.at<std::byte>(to) + 512, &parameters[1], sizeof parameters[1]);
  counted(
      kernel("setp.ne.u32 %p0, %r0, 0;\n@%p0 exit;\nld.global.u64 %l1, [%l0+512];\nadd.u32 %r2, %r1, 4096;\n"
             "mbarrier.init.shared.b64 [%r2], 1;\n"
             "mbarrier.arrive.expect_tx.shared.b64 _, [%r2], 512;\n"
             "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%l1, {16, "
             "10}], "
             "[%r2];\nW:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r2], 0;\n@!%p1 bra W;\n"
             "cp.async.bulk.global.shared::cta.bulk_group [%l0], [%r1], 512;\n"
             "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%l0], [%r1], 32;\n"
             "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n"),
      parameters, machine, [](const Counters& counters) {
        const Counts totals = counters.totals();
        EXPECT_EQ(totals.bulk_loaded, 512u);
        EXPECT_EQ(totals.bulk_stored, 512u);
        EXPECT_EQ(totals.bulk_reduced, 32u);
        EXPECT_EQ(totals.bulk_shared, 0u);
        EXPECT_EQ(totals.global_read, 6 * 64u + 8);
        EXPECT_EQ(totals.global_read_sectors, 12u + 1);
        EXPECT_EQ(counters.unique().read, 6 * 64u + 8);
        EXPECT_EQ(totals.global_written, 544u);
        EXPECT_EQ(totals.global_write_sectors, 16u + 1);
        EXPECT_EQ(counters.unique().written, 512u);
        EXPECT_NE(counters.json().find("\"bulk_load_bytes\": 512"), std::string::npos);
        EXPECT_NE(counters.summary().find("stored 512 bytes"), std::string::npos);
      });
}

TEST(Counters, LimitOfInstructionsIsKept) {
  Machine machine;
  machine.options.most_instructions = 100;
  const Outcome outcome = machine.run(".visible .entry test() {\nL: bra L;\n}\n", {});
  EXPECT_EQ(outcome.status, Status::too_long);
  EXPECT_LE(outcome.warp_instructions, 102u);
}

// The driver reports the outcome's number, and counters the other: instructions whose guard holds for no lane
// count, and so do both sides of a branch.
TEST(Counters, CountWhatTheOutcomeCounts) {
  Machine machine;
  const std::uint64_t data = machine.upload(std::vector<std::uint32_t>(1024));
  Outcome outcome;
  counted(
      kernel("setp.gt.u32 %p0, %r0, 40;\n@%p0 add.u32 %r2, %r2, 1;\n@%p0 st.global.u32 [%l0], %r0;\n"
             "setp.lt.u32 %p1, %r0, 9;\n@%p1 bra over;\nadd.u32 %r2, %r2, 1;\nover: bar.sync 0;\n"),
      {data}, machine,
      [&](const Counters& counters) {
        EXPECT_EQ(counters.totals().warps, outcome.warp_instructions);
        EXPECT_EQ(counters.totals().threads, outcome.thread_instructions);
        EXPECT_EQ(counters.totals().global_written, 0u);
        EXPECT_GE(outcome.warp_instructions, 11u);
      },
      &outcome);
}

TEST(Counters, BankConflicts) {
  const auto conflicts = [](const std::string& type, int stride) {
    Machine machine;
    Counts totals;
    const std::string registers = type == "v4.b32" ? "{%r4, %r5, %r6, %r7}" : "%r4";
    counted(
        kernel("mov.u32 %r4, 1;\nmov.u32 %r5, 1;\nmov.u32 %r6, 1;\nmov.u32 %r7, 1;\nmad.lo.u32 %r2, %r0, " +
               std::to_string(stride) + ", %r1;\nst.shared." + type + " [%r2], " + registers + ";\n"),
        {0}, machine, [&](const Counters& counters) { totals = counters.totals(); });
    return std::pair(totals.shared_wavefronts, totals.shared_conflicts);
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(conflicts("b32", 4), Pair(1, 0));
  EXPECT_EQ(conflicts("b32", 8), Pair(2, 1));
  EXPECT_EQ(conflicts("b32", 128), Pair(32, 31));
  EXPECT_EQ(conflicts("b32", 132), Pair(1, 0));   // padded rows
  EXPECT_EQ(conflicts("v4.b32", 16), Pair(4, 0)); // 512 bytes need four passes
  EXPECT_EQ(conflicts("v4.b32", 128), Pair(32, 28));
}

TEST(Counters, WorkAndDivergence) {
  Machine machine;
  counted(
      kernel("cvt.rn.f32.u32 %f0, %r0;\nex2.approx.f32 %f1, %f0;\nsetp.lt.u32 %p0, %r0, 8;\n@%p0 bra skip;\n"
             "add.u32 %r2, %r0, 1;\nadd.u32 %r3, %r2, 1;\nskip:\n"
             "mov.b32 %r4, 0;\nmov.b32 %r5, 0;\nmma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
             "{%f2,%f3,%f4,%f5}, {%r4,%r4,%r4,%r4}, {%r5,%r5}, {%f1,%f1,%f1,%f1};\n"),
      {0}, machine, [](const Counters& counters) {
        const Counts totals = counters.totals();
        EXPECT_EQ(totals.tensor_flops, 4096u);
        EXPECT_EQ(counters.threads_by_class()[static_cast<std::size_t>(Class::special)], 32u);
        EXPECT_EQ(counters.threads_by_class()[static_cast<std::size_t>(Class::tensor)], 32u);
        EXPECT_EQ(counters.threads_by_class()[static_cast<std::size_t>(Class::integer)], 2 * 24u);
        EXPECT_GE(totals.divergent, 2u); // the two additions, at least
        const auto lines = counters.lines();
        const auto mma = std::find_if(lines.begin(), lines.end(),
                                      [](const LineCounts& line) { return line.counts.tensor_flops > 0; });
        ASSERT_NE(mma, lines.end());
        EXPECT_EQ(mma->counts.threads, 32u);
        EXPECT_EQ(mma->opcode, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
      });
}

TEST(Counters, MatricesOfAWarpgroup) {
  Machine machine;
  machine.target = "sm_90a";
  machine.threads.x = 128;
  counted(
      kernel("mov.b64 %l1, 64;\nwgmma.fence.sync.aligned;\n"
             "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0,%f1,%f2,%f3}, %l1, %l1, 0, 1, 1, 0, 0;\n"
             "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {%f4,%f5,%f6,%f7}, {%r2,%r3,%r4,%r5}, %l1, "
             "0, 1, 1;\n"
             "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"),
      {0}, machine, [](const Counters& counters) {
        const Counts totals = counters.totals();
        EXPECT_EQ(totals.tensor_flops, 2u * 64 * 8 * 16 + 2u * 64 * 8 * 8);
        EXPECT_EQ(totals.wgmma_read_ss, (64u + 8) * 32);
        EXPECT_EQ(totals.wgmma_read_rs, 8u * 32);
        EXPECT_EQ(totals.shared_read, (64u + 8 + 8) * 32);
        EXPECT_EQ(totals.shared_wavefronts, (64u + 8 + 8) * 32 / 128);
        EXPECT_NE(counters.summary().find(
                      "of shared read         2304 bytes with A there, 256 with A in registers"),
                  std::string::npos)
            << counters.summary();
        EXPECT_NE(counters.json().find("\"wgmma_ss_shared_read_bytes\": 2304"), std::string::npos);
      });
}

// What `.loc` names is summed, also where it was inlined more than once.
TEST(Counters, ByLineOfSource) {
  Machine machine;
  counted(
      kernel(".file 7 \"kernel.cu\"\n.loc 7 12 1\nadd.u32 %r2, %r0, 1;\n.loc 7 13 1\nadd.u32 %r3, %r2, 1;\n"
             "mad.lo.u32 %r4, %r0, 4, %r1;\nst.shared.b32 [%r4], %r3;\n.loc 7 12 9\nadd.u32 %r2, %r0, 1;\n"),
      {0}, machine, [](const Counters& counters) {
        const std::vector<SourceCounts> sources = counters.sources();
        ASSERT_EQ(sources.size(), 2u);
        EXPECT_EQ(sources[0].file, "kernel.cu");
        EXPECT_EQ(sources[0].line, 12u);
        EXPECT_EQ(sources[1].line, 13u);
        EXPECT_EQ(sources[1].counts.shared_written, 128u);
        EXPECT_EQ(sources[0].counts.shared_written, 0u);
        EXPECT_EQ(sources[1].counts.threads, 3 * 32u);
        EXPECT_GE(sources[0].counts.threads, 2 * 32u); // and what follows in the kernel
        EXPECT_NE(counters.summary().find("kernel.cu:13"), std::string::npos);
        EXPECT_NE(counters.json().find("\"sources\""), std::string::npos);
      });
}

// Of a line: each byte once, whichever of its instructions, blocks and passes of a loop touched it.
TEST(Counters, UniqueBytesByLine) {
  Machine machine;
  const std::uint64_t data = machine.upload(std::vector<std::uint32_t>(1024));
  counted(kernel(".file 7 \"kernel.cu\"\n.loc 7 20 1\nmov.u32 %r5, 0;\nmad.wide.u32 %l1, %r0, 4, %l0;\nL:\n"
                 "ld.global.u32 %r2, [%l1];\nld.global.u32 %r3, [%l1+64];\nadd.u32 %r5, %r5, 1;\n"
                 "setp.lt.u32 %p0, %r5, 3;\n@%p0 bra L;\n.loc 7 21 1\nst.global.u16 [%l0+6], 7;\n"
                 "atom.global.add.u32 %r2, [%l0+2000], 1;\n"),
          {data}, machine, [](const Counters& counters) {
            const std::vector<SourceCounts> sources = counters.sources();
            ASSERT_EQ(sources.size(), 2u);
            EXPECT_EQ(sources[0].counts.global_read, 2 * 3 * 128u);
            EXPECT_EQ(sources[0].unique.read, 128u + 64);
            EXPECT_EQ(sources[0].unique.written, 0u);
            EXPECT_EQ(sources[1].unique.written, 2u + 4);
            EXPECT_EQ(sources[1].unique.read, 4u);
            EXPECT_EQ(counters.unique().read, 128u + 64 + 4);
            std::vector<std::uint64_t> loads;
            for (const LineCounts& line : counters.lines())
              if (line.opcode == "ld.global.u32")
                loads.push_back(line.unique.read);
            EXPECT_EQ(loads, (std::vector<std::uint64_t>{128, 128}));
            EXPECT_NE(counters.json().find("\"unique_read_bytes\": 192"), std::string::npos);
            EXPECT_NE(counters.summary().find("global 768 bytes (192 unique)"), std::string::npos);
          });
}

} // namespace
} // namespace emu::test
