// Launches of clusters and launches that overlap, as programs of the Driver API ask for them.
#include "driver_test.h"

#include <cstdint>

namespace {

class DriverCluster : public DriverTest {
protected:
  static CUlaunchAttribute cluster_of(unsigned x, unsigned y = 1) {
    CUlaunchAttribute attribute{};
    attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    attribute.value.clusterDim = {x, y, 1};
    return attribute;
  }
  static CUlaunchConfig config_of(unsigned blocks, unsigned threads, CUlaunchAttribute* attributes = nullptr,
                                  unsigned count = 0, unsigned shared = 0) {
    return {blocks, 1, 1, threads, 1, 1, shared, nullptr, attributes, count};
  }
};

// out[block] = the sum of the numbers of its cluster's blocks, through distributed shared memory.
const std::string sum_kernel = R"(
.shared .align 4 .b8 s[4];
.visible .entry sum(.param .u64 out) DIRECTIVE
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<4>;
  mov.u32 %r0, %ctaid.x;
  st.shared.u32 [s], %r0;
  barrier.cluster.arrive.aligned;
  barrier.cluster.wait.aligned;
  mov.u32 %r1, %cluster_nctarank;
  mov.u32 %r2, 0;
  mov.u32 %r3, 0;
next:
  mapa.shared::cluster.u32 %r4, s, %r2;
  ld.shared::cluster.u32 %r5, [%r4];
  add.u32 %r3, %r3, %r5;
  add.u32 %r2, %r2, 1;
  setp.lt.u32 %p1, %r2, %r1;
  @%p1 bra next;
  ld.param.u64 %rd1, [out];
  mul.wide.u32 %rd2, %r0, 4;
  add.s64 %rd1, %rd1, %rd2;
  st.global.u32 [%rd1], %r3;
  barrier.cluster.arrive.aligned;
  barrier.cluster.wait.aligned;
  ret;
}
)";

std::string sums(const std::string& directive = "") {
  std::string text = sum_kernel;
  text.replace(text.find("DIRECTIVE"), 9, directive);
  return module_text(text, "sm_90");
}

TEST_F(DriverCluster, runs_clusters) {
  CUdeviceptr out = upload(std::vector<std::uint32_t>(16));
  void* values[] = {&out};
  for (const unsigned size : {1U, 2U, 4U, 8U, 16U}) {
    const CUfunction f = load(sums(), "sum");
    EXPECT_CU(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1));
    CUlaunchAttribute attribute = cluster_of(size);
    const CUlaunchConfig config = config_of(16, 1, &attribute, 1);
    EXPECT_CU(api().cuLaunchKernelEx(&config, f, values, nullptr));
    std::vector<std::uint32_t> expected;
    for (unsigned i = 0; i < 16; ++i)
      expected.push_back(i / size * size * size + size * (size - 1) / 2);
    EXPECT_EQ(download<std::uint32_t>(out, 16), expected) << size;
  }
}

TEST_F(DriverCluster, takes_the_size_from_the_code) {
  CUdeviceptr out = upload(std::vector<std::uint32_t>(4));
  void* values[] = {&out};
  const CUfunction f = load(sums(".reqnctapercluster 2 .explicitcluster"), "sum");
  EXPECT_CU(api().cuLaunchKernel(f, 4, 1, 1, 1, 1, 1, 0, nullptr, values, nullptr));
  EXPECT_EQ(download<std::uint32_t>(out, 4), (std::vector<std::uint32_t>{1, 1, 5, 5}));
  CUlaunchAttribute attribute = cluster_of(4);
  const CUlaunchConfig config = config_of(4, 1, &attribute, 1);
  EXPECT_REFUSED(api().cuLaunchKernelEx(&config, f, values, nullptr), CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_SAYS("but its .reqnctapercluster is 2x1x1");
}

TEST_F(DriverCluster, occupancy) {
  const CUfunction f = load(sums(), "sum");
  int size = 0, clusters = 0;
  CUlaunchAttribute attribute = cluster_of(4);
  const CUlaunchConfig config = config_of(4, 1024, &attribute, 1), none = config_of(4, 1024);
  EXPECT_CU(api().cuOccupancyMaxPotentialClusterSize(&size, f, &none));
  EXPECT_EQ(size, 8);
  EXPECT_CU(api().cuOccupancyMaxActiveClusters(&clusters, f, &config));
  EXPECT_EQ(clusters, 66); // 132 multiprocessors with two blocks each
  attribute = cluster_of(16);
  EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(&clusters, f, &config), CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_CU(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1));
  EXPECT_CU(api().cuOccupancyMaxPotentialClusterSize(&size, f, &none));
  EXPECT_EQ(size, 16);
  EXPECT_CU(api().cuOccupancyMaxActiveClusters(&clusters, f, &config));
  EXPECT_EQ(clusters, 16);
  attribute = cluster_of(2);
  EXPECT_CU(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 120000));
  const CUlaunchConfig large = config_of(4, 128, &attribute, 1, 120000),
                       small = config_of(4, 128, &attribute, 1);
  EXPECT_CU(api().cuOccupancyMaxActiveClusters(&clusters, f, &large));
  EXPECT_EQ(clusters, 66); // one block each
  EXPECT_CU(api().cuOccupancyMaxActiveClusters(&clusters, f, &small));
  EXPECT_EQ(clusters, 66 * 16);
}

TEST_F(DriverCluster, occupancy_of_fixed_sizes) {
  const CUfunction fixed = load(sums(".reqnctapercluster 4 .explicitcluster"), "sum"),
                   limited = load(sums(".maxclusterrank 2"), "sum");
  int size = 0, clusters = 0;
  CUlaunchAttribute attribute = cluster_of(8);
  const CUlaunchConfig none = config_of(8, 1024), other = config_of(8, 1024, &attribute, 1);
  EXPECT_CU(api().cuOccupancyMaxPotentialClusterSize(&size, fixed, &none));
  EXPECT_EQ(size, 4);
  EXPECT_CU(api().cuOccupancyMaxActiveClusters(&clusters, fixed, &none));
  EXPECT_EQ(clusters, 66);
  EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(&clusters, fixed, &other),
                 CUDA_ERROR_INVALID_CLUSTER_SIZE);
  EXPECT_CU(api().cuOccupancyMaxPotentialClusterSize(&size, limited, &none));
  EXPECT_EQ(size, 2);
  EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(&clusters, limited, &none),
                 CUDA_ERROR_INVALID_CLUSTER_SIZE);
}

TEST_F(DriverCluster, occupancy_refuses) {
  const CUfunction f = load(sums(), "sum");
  int number = 0;
  const CUlaunchConfig no_threads = config_of(4, 0), many = config_of(4, 2048),
                       lost = config_of(4, 32, nullptr, 1);
  for (const CUlaunchConfig* config :
       {static_cast<const CUlaunchConfig*>(nullptr), &no_threads, &many, &lost}) {
    EXPECT_REFUSED(api().cuOccupancyMaxPotentialClusterSize(&number, f, config), CUDA_ERROR_INVALID_VALUE);
    EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(&number, f, config), CUDA_ERROR_INVALID_VALUE);
  }
  const CUlaunchConfig good = config_of(4, 32);
  EXPECT_REFUSED(api().cuOccupancyMaxPotentialClusterSize(nullptr, f, &good), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(nullptr, f, &good), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(api().cuOccupancyMaxActiveClusters(&number, f, &good), CUDA_ERROR_INVALID_CLUSTER_SIZE);
}

// The first kernel lets the next one begin; that one reads what the first wrote.
class DriverDependentLaunch : public DriverCluster {
protected:
  std::string findings(bool programmatic, const std::string& wait, bool between = false) {
    const std::string text = module_text(R"(
.visible .entry first(.param .u64 p)
{
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [p];
  griddepcontrol.launch_dependents;
  st.global.u32 [%rd1], 5;
  ret;
}
.visible .entry second(.param .u64 p)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [p];
)" + wait + R"(
  ld.global.u32 %r1, [%rd1];
  st.global.u32 [%rd1+4], %r1;
  ret;
}
)",
                                         "sm_90");
    CUdeviceptr p = upload(std::vector<std::uint32_t>(2));
    void* values[] = {&p};
    CUlaunchAttribute attribute{};
    attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    attribute.value.programmaticStreamSerializationAllowed = programmatic ? 1 : 0;
    const CUlaunchConfig config = config_of(1, 1, &attribute, 1);
    const CUfunction first = load(text, "first"), second = load(text, "second");
    api().clear_report();
    EXPECT_CU(api().cuLaunchKernel(first, 1, 1, 1, 1, 1, 1, 0, nullptr, values, nullptr));
    if (between) {
      EXPECT_CU(api().cuMemsetD32Async(p + 4, 0, 1, nullptr));
    }
    EXPECT_CU(api().cuLaunchKernelEx(&config, second, values, nullptr));
    EXPECT_EQ(download<std::uint32_t>(p, 2), (std::vector<std::uint32_t>{5, 5}));
    std::string report(api().get_report(nullptr, 0), '\0');
    api().get_report(report.data(), report.size() + 1);
    return report;
  }
};

TEST_F(DriverDependentLaunch, must_wait) {
  EXPECT_NE(findings(true, "").find("griddepcontrol.wait before"), std::string::npos);
  const std::string none = R"("findings": [])";
  EXPECT_NE(findings(true, "griddepcontrol.wait;").find(none), std::string::npos);
  EXPECT_NE(findings(false, "").find(none), std::string::npos);
  EXPECT_NE(findings(true, "", true).find(none), std::string::npos); // something else has come between
}

} // namespace
