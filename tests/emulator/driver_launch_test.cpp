// Launches, and those that a chip refuses.
#include "tests/emulator/driver_test.h"

#include <numeric>

namespace {

class DriverLaunch : public DriverTest {};

TEST_F(DriverLaunch, adds_vectors) {
  const unsigned n = 1000;
  std::vector<std::uint32_t> a(n), b(n);
  std::iota(a.begin(), a.end(), 0U);
  std::iota(b.begin(), b.end(), 5000U);
  CUdeviceptr da = upload(a), db = upload(b), out = upload(std::vector<std::uint32_t>(n, 0));
  unsigned count = n;
  const CUfunction add = load(module_text(add_kernel), "add");
  ASSERT_CU(launch(add, 4, 256, {&da, &db, &out, &count}));
  const auto got = download<std::uint32_t>(out, n);
  for (unsigned i = 0; i < n; ++i)
    ASSERT_EQ(got[i], a[i] + b[i]) << i;
}

TEST_F(DriverLaunch, takes_parameters_in_a_buffer) {
  CUdeviceptr out = upload(std::vector<std::uint32_t>(1, 0));
  const CUfunction store = load(module_text(store_kernel), "store");
  struct {
    CUdeviceptr p;
    std::uint32_t value;
  } params{out, 42};
  std::size_t size = 12;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &params, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                   CU_LAUNCH_PARAM_END};
  ASSERT_CU(api().cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra));
  EXPECT_EQ(download<std::uint32_t>(out, 1)[0], 42U);
  size = 8;
  EXPECT_REFUSED(api().cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("a buffer of 8 bytes of parameters; it has 12");
  EXPECT_REFUSED(api().cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("parameter 0 of 2 is not given");
}

TEST_F(DriverLaunch, refuses_sizes) {
  const CUfunction f = load(module_text(empty_kernel), "empty");
  const auto go = [&](Extent g, Extent b, unsigned shared = 0) {
    return api().cuLaunchKernel(f, g.x, g.y, g.z, b.x, b.y, b.z, shared, nullptr, nullptr, nullptr);
  };
  EXPECT_REFUSED(go({0, 1, 1}, {1, 1, 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(go({1, 65536, 1}, {1, 1, 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("a grid of 1x65536x1 blocks");
  EXPECT_REFUSED(go({1, 1, 1}, {1025, 1, 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(go({1, 1, 1}, {32, 33, 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(go({1, 1, 1}, {1, 1, 65}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(go({1, 1, 1}, {0, 1, 1}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(go({1, 1, 1}, {1, 16, 64}));
  EXPECT_REFUSED(go({1, 1, 1}, {1, 1, 1}, 49153), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES");
  EXPECT_CU(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232448));
  EXPECT_CU(go({1, 1, 1}, {1, 1, 1}, 232448));
  EXPECT_REFUSED(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232449),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuCtxSynchronize());
}

TEST_F(DriverLaunch, refuses_what_directives_forbid) {
  const std::string text = module_text(R"(
.visible .entry bounded() .maxntid 64, 2, 1 { ret; }
.visible .entry exact() .reqntid 32, 2, 1 { ret; }
.visible .entry statics()
{
  .shared .align 4 .b8 tile[32768];
  .reg .b32 %r<2>;
  mov.u32 %r1, tile;
  st.shared.u32 [%r1], %r1;
  ret;
}
)");
  const CUfunction bounded = load(text, "bounded"), exact = load(text, "exact"),
                   statics = load(text, "statics");
  EXPECT_CU(launch(bounded, 1, 128, {}));
  EXPECT_REFUSED(launch(bounded, 1, 129, {}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("129 threads a block, but its .maxntid allows 128");
  EXPECT_REFUSED(launch(exact, 1, 64, {}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuLaunchKernel(exact, 1, 1, 1, 32, 2, 1, 0, nullptr, nullptr, nullptr));
  int value = 0;
  EXPECT_CU(api().cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, bounded));
  EXPECT_EQ(value, 128);
  EXPECT_CU(api().cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, statics));
  EXPECT_EQ(value, 32768);
  EXPECT_CU(launch(statics, 1, 32, {}, nullptr, 16384));
  EXPECT_REFUSED(launch(statics, 1, 32, {}, nullptr, 16385), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuCtxSynchronize());
}

TEST_F(DriverLaunch, refuses_registers_that_are_known) {
  const CUfunction f = load(module_text(".visible .entry hungry() { ret; }"), "hungry");
  EXPECT_CU(launch(f, 1, 1024, {}));
  EXPECT_EQ(api().set_option("registers.hungry", "128"), nullptr);
  EXPECT_REFUSED(launch(f, 1, 1024, {}), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  EXPECT_SAYS("1024 threads of 128 registers");
  EXPECT_CU(launch(f, 1, 512, {}));
  int value = 0, blocks = 0;
  EXPECT_CU(api().cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, f));
  EXPECT_EQ(value, 128);
  EXPECT_CU(api().cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f));
  EXPECT_EQ(value, 512);
  EXPECT_CU(api().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 256, 0));
  EXPECT_EQ(blocks, 2);
  EXPECT_EQ(api().set_option("registers.hungry", "0"), nullptr);
}

TEST_F(DriverLaunch, occupancy) {
  const CUfunction f = load(module_text(empty_kernel), "empty");
  int blocks = 0, grid = 0, threads = 0;
  EXPECT_CU(api().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 256, 0));
  EXPECT_EQ(blocks, 8); // 2048 threads
  EXPECT_CU(api().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 32, 0));
  EXPECT_EQ(blocks, 32);
  EXPECT_CU(api().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 32, 48 * 1024));
  EXPECT_EQ(blocks, 4); // 228 KiB of 48 + 1 each
  EXPECT_CU(api().cuOccupancyMaxPotentialBlockSize(&grid, &threads, f, nullptr, 0, 0));
  EXPECT_EQ(threads, 1024);
  EXPECT_EQ(grid, 264);
  std::size_t bytes = 0;
  EXPECT_CU(api().cuOccupancyAvailableDynamicSMemPerBlock(&bytes, f, 2, 256));
  EXPECT_EQ(bytes, 116736U - 1024U);
}

TEST_F(DriverLaunch, refuses_clusters) {
  const CUfunction f = load(module_text(empty_kernel, "sm_90"), "empty");
  CUlaunchAttribute attribute{};
  attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  const auto go = [&](unsigned blocks, unsigned cluster) {
    attribute.value.clusterDim = {cluster, 1, 1};
    const CUlaunchConfig config{blocks, 1, 1, 32, 1, 1, 0, nullptr, &attribute, 1};
    return api().cuLaunchKernelEx(&config, f, nullptr, nullptr);
  };
  EXPECT_REFUSED(go(32, 16), CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_SAYS("CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED");
  EXPECT_CU(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1));
  EXPECT_REFUSED(go(32, 17), CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_REFUSED(go(31, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("is not a multiple of its cluster of 2x1x1");
}

TEST_F(DriverLaunch, refuses_cooperative_grids_that_do_not_fit) {
  const CUfunction f = load(module_text(empty_kernel), "empty");
  EXPECT_CU(api().cuLaunchCooperativeKernel(f, 264, 1, 1, 1024, 1, 1, 0, nullptr, nullptr));
  EXPECT_REFUSED(api().cuLaunchCooperativeKernel(f, 265, 1, 1, 1024, 1, 1, 0, nullptr, nullptr),
                 CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

// What cooperative_groups::this_grid().sync() does, for blocks of one warp: each block's word says how many
// had come when it went on.
const std::string meet_kernel = R"(
.visible .entry meet(.param .u64 out, .param .u64 count)
{
  .reg .pred %p<2>;
  .reg .b32 %r<12>;
  .reg .b64 %rd<8>;
  mov.u32 %r0, %envreg2;
  mov.u32 %r1, %envreg1;
  cvt.u64.u32 %rd0, %r0;
  cvt.u64.u32 %rd1, %r1;
  bfi.b64 %rd2, %rd1, %rd0, 32, 32;
  setp.ne.s64 %p0, %rd2, 0;
  @%p0 bra there;
  trap;
there:
  mov.u32 %r2, %tid.x;
  setp.ne.u32 %p1, %r2, 0;
  @%p1 exit;
  ld.param.u64 %rd3, [count];
  atom.global.add.u32 %r3, [%rd3], 1;
  mov.u32 %r4, %nctaid.x;
  mov.u32 %r5, %ctaid.x;
  sub.u32 %r6, -2147483647, %r4;
  setp.eq.u32 %p0, %r5, 0;
  selp.b32 %r6, %r6, 1, %p0;
  atom.add.release.gpu.u32 %r7, [%rd2+4], %r6;
wait:
  ld.acquire.gpu.u32 %r8, [%rd2+4];
  xor.b32 %r8, %r8, %r7;
  setp.gt.s32 %p0, %r8, -1;
  @%p0 bra wait;
  ld.relaxed.gpu.u32 %r9, [%rd3];
  ld.param.u64 %rd4, [out];
  mul.wide.u32 %rd5, %r5, 4;
  add.u64 %rd4, %rd4, %rd5;
  st.global.u32 [%rd4], %r9;
  ret;
}
)";

TEST_F(DriverLaunch, cooperative_grids_meet) {
  const unsigned blocks = 100; // more than the scheduled mode has of other grids at a time
  const CUfunction meet = load(module_text(meet_kernel), "meet");
  for (const char* mode : {"scheduled", "fast"}) {
    EXPECT_EQ(api().set_option("mode", mode), nullptr);
    CUdeviceptr out = upload(std::vector<std::uint32_t>(blocks, 0)),
                count = upload(std::vector<std::uint32_t>(1, 0));
    void* values[] = {&out, &count};
    ASSERT_CU(api().cuLaunchCooperativeKernel(meet, blocks, 1, 1, 32, 1, 1, 0, nullptr, values));
    EXPECT_EQ(download<std::uint32_t>(out, blocks), std::vector<std::uint32_t>(blocks, blocks)) << mode;
    CUlaunchAttribute attribute{};
    attribute.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
    attribute.value.cooperative = 1;
    const CUlaunchConfig config{blocks, 1, 1, 32, 1, 1, 0, nullptr, &attribute, 1};
    ASSERT_CU(api().cuLaunchKernelEx(&config, meet, values, nullptr));
    EXPECT_EQ(download<std::uint32_t>(out, blocks), std::vector<std::uint32_t>(blocks, 2 * blocks)) << mode;
  }
}

TEST_F(DriverLaunch, other_grids_have_no_workspace) {
  const CUfunction meet = load(module_text(meet_kernel), "meet");
  CUdeviceptr out = upload(std::vector<std::uint32_t>(1, 0));
  EXPECT_CU(launch(meet, 1, 32, {&out, &out}));
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_SAYS("trap");
}

TEST_F(DriverLaunch, what_kernels_do_wrong_stays_with_the_context) {
  const CUfunction store = load(module_text(store_kernel), "store");
  CUdeviceptr nowhere = 64;
  unsigned value = 1;
  EXPECT_CU(launch(store, 1, 1, {&nowhere, &value})); // the launch itself is right
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_SAYS("store");
  CUdeviceptr p = 0;
  EXPECT_REFUSED(api().cuMemAlloc_v2(&p, 4), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_REFUSED(launch(store, 1, 1, {&nowhere, &value}), CUDA_ERROR_ILLEGAL_ADDRESS);
  CUcontext other = nullptr; // another one is well
  EXPECT_CU(api().cuCtxCreate_v2(&other, 0, 0));
  EXPECT_CU(api().cuMemAlloc_v2(&p, 4));
  EXPECT_CU(api().cuCtxDestroy_v2(other));
}

TEST_F(DriverLaunch, misaligned_addresses_and_traps) {
  CUdeviceptr p = upload(std::vector<std::uint32_t>(4, 0)) + 1;
  unsigned value = 1;
  EXPECT_CU(launch(load(module_text(store_kernel), "store"), 1, 1, {&p, &value}));
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_MISALIGNED_ADDRESS);
  CUcontext other = nullptr;
  EXPECT_CU(api().cuCtxCreate_v2(&other, 0, 0));
  EXPECT_CU(launch(load(module_text(".visible .entry f()\n{\n  trap;\n}\n"), "f"), 1, 1, {}));
  EXPECT_REFUSED(api().cuStreamSynchronize(nullptr), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_CU(api().cuCtxDestroy_v2(other));
}

TEST_F(DriverLaunch, checks_are_stricter_than_a_chip) {
  CUdeviceptr p = 0;
  ASSERT_CU(api().cuMemAlloc_v2(&p, 4));
  CUdeviceptr beyond = p + 4;
  unsigned value = 1, count = 1;
  const CUfunction store = load(module_text(store_kernel), "store"),
                   add = load(module_text(add_kernel), "add");
  api().clear_report();
  const auto report = [] {
    std::string text(api().get_report(nullptr, 0), '\0');
    api().get_report(text.data(), text.size() + 1);
    return text;
  };
  CUdeviceptr a = upload(std::vector<std::uint32_t>(1, 0));
  EXPECT_CU(launch(store, 1, 1, {&p, &value}));
  EXPECT_CU(launch(add, 1, 1, {&a, &a, &p, &count}));
  EXPECT_CU(api().cuCtxSynchronize());
  EXPECT_NE(report().find(R"("findings": [])"), std::string::npos) << report();
  EXPECT_EQ(api().set_option("checks", "0"), nullptr);
  EXPECT_CU(launch(store, 1, 1, {&beyond, &value})); // the page is there
  EXPECT_CU(api().cuCtxSynchronize());
  EXPECT_EQ(api().set_option("checks", "1"), nullptr);
  EXPECT_CU(launch(store, 1, 1, {&beyond, &value}));
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(report().find(R"("findings": [])"), std::string::npos);
}

TEST_F(DriverLaunch, many_findings_are_capped) {
  std::string body;
  for (int i = 0; i < 105; ++i)
    body += "ld.shared.u32 %r, [" + std::to_string(64 + 4 * i) + "];\n";
  const CUfunction wild =
      load(module_text(".visible .entry wild() {\n.reg .b32 %r;\n" + body + "ret;\n}\n"), "wild");
  api().clear_report();
  EXPECT_CU(launch(wild, 1, 1, {}));
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  std::string text(api().get_report(nullptr, 0), '\0');
  api().get_report(text.data(), text.size() + 1);
  EXPECT_NE(text.find(R"("findings_left_out": 5)"), std::string::npos) << text;
}

} // namespace
