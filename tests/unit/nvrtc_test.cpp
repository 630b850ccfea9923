#include "compiler/backends/cuda/nvrtc.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>

namespace attile::cuda {
namespace {

const char* const kernel = R"(
extern "C" __global__ void twice(float* x) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = 2 * tile[63 - threadIdx.x];
})";

// The machine may lack NVRTC; that is said, and counted as skipped.
class NvrtcTest : public testing::Test {
protected:
  void SetUp() override {
    Result<Nvrtc> opened = Nvrtc::open();
    if (!opened)
      GTEST_SKIP() << "no NVRTC: " << opened.error().text();
    nvrtc = std::move(*opened);
  }
  std::optional<Nvrtc> nvrtc;
};

TEST(NvrtcLibrary, WhatLacksFunctionsIsClosedAgain) {
  const char* const before = std::getenv("ATTILE_NVRTC");
  const std::string restored = before == nullptr ? "" : before;
  setenv("ATTILE_NVRTC", ATTILE_INCOMPLETE_NVRTC, 1);
  const Result<Nvrtc> opened = Nvrtc::open();
  EXPECT_TRUE(!opened || opened->path() != ATTILE_INCOMPLETE_NVRTC);
  EXPECT_EQ(dlopen(ATTILE_INCOMPLETE_NVRTC, RTLD_NOW | RTLD_NOLOAD), nullptr);
  if (before == nullptr)
    unsetenv("ATTILE_NVRTC");
  else
    setenv("ATTILE_NVRTC", restored.c_str(), 1);
}

TEST_F(NvrtcTest, MakesPtxForEveryTarget) {
  const std::string targets[] = {"sm_75", "sm_80", "sm_89", "sm_90a"};
  for (const std::string& target : targets) {
    NvrtcOptions options;
    options.target = target;
    options.cubin = false;
    const Result<NvrtcResult> result = nvrtc->compile(kernel, "twice.cu", options);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_NE(result->ptx.find(".target " + target), std::string::npos) << result->ptx;
    EXPECT_NE(result->ptx.find(".loc"), std::string::npos);
    EXPECT_TRUE(result->cubin.empty());
  }
}

TEST_F(NvrtcTest, TellsTheResourcesOfAKernel) {
  const Result<NvrtcResult> result = nvrtc->compile(kernel, "twice.cu", {});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_FALSE(result->cubin.empty());
  ASSERT_EQ(result->kernels.size(), 1u) << result->log;
  EXPECT_EQ(result->kernels[0].kernel, "twice");
  EXPECT_GT(result->kernels[0].registers, 0);
  EXPECT_EQ(result->kernels[0].shared, 256);
  EXPECT_EQ(result->kernels[0].spill_stores, 0);
}

TEST_F(NvrtcTest, RefusesWithTheCompilersMessage) {
  const Result<NvrtcResult> result = nvrtc->compile("__global__ void k() { unknown(); }", "bad.cu", {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::user);
  EXPECT_NE(result.error().message.find("bad.cu(1): error: identifier \"unknown\""), std::string::npos)
      << result.error().message;
}

TEST(NvrtcLog, ReadsSpillsAndWarnings) {
  NvrtcResult result;
  read_log(
      "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
      "ptxas info    : Function properties for a\n"
      "ptxas         .     64 bytes stack frame, 48 bytes spill stores, 52 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 3 barriers, 64 bytes cumulative stack size, 1024 bytes smem\n"
      "ptxas info    : (C7511) Potential Performance Loss: wgmma.mma_async instructions are serialized due "
      "to "
      "insufficient register resources for the wgmma pipeline in the function 'a'\n"
      "ptxas warning : (C7508) Potential Performance Loss: 'setmaxnreg' ignored\n"
      "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
      "ptxas info    : Used 12 registers\n",
      result);
  ASSERT_EQ(result.kernels.size(), 2u);
  EXPECT_EQ(result.kernels[0].kernel, "a");
  EXPECT_EQ(result.kernels[0].stack, 64);
  EXPECT_EQ(result.kernels[0].spill_stores, 48);
  EXPECT_EQ(result.kernels[0].spill_loads, 52);
  EXPECT_EQ(result.kernels[0].registers, 168);
  EXPECT_EQ(result.kernels[0].barriers, 3);
  EXPECT_EQ(result.kernels[0].shared, 1024);
  EXPECT_EQ(result.kernels[1].registers, 12);
  ASSERT_EQ(result.warnings.size(), 2u);
  EXPECT_NE(result.warnings[0].find("C7511"), std::string::npos);
  EXPECT_NE(result.warnings[1].find("C7508"), std::string::npos);
}

} // namespace
} // namespace attile::cuda
