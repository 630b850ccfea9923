// Devices, contexts, memory and copies.
#include "tests/emulator/driver_test.h"

#include <cstring>
#include <numeric>

namespace {

class DriverMemory : public DriverTest {};

TEST_F(DriverMemory, devices) {
  int count = 0, value = 0;
  EXPECT_CU(api().cuDeviceGetCount(&count));
  EXPECT_EQ(count, 1);
  CUdevice device = 0;
  EXPECT_REFUSED(api().cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
  char name[64];
  EXPECT_CU(api().cuDeviceGetName(name, sizeof name, 0));
  EXPECT_NE(std::strstr(name, "sm_90a"), nullptr) << name;
  const std::pair<CUdevice_attribute, int> expected[] = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448},
      {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
      {CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, 1},
      {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1}};
  for (const auto& [attribute, number] : expected) {
    EXPECT_CU(api().cuDeviceGetAttribute(&value, attribute, 0));
    EXPECT_EQ(value, number) << attribute;
  }
  EXPECT_REFUSED(api().cuDeviceGetAttribute(&value, CUdevice_attribute{9999}, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverMemory, devices_by_bus) {
  char id[32];
  EXPECT_CU(api().cuDeviceGetPCIBusId(id, sizeof id, 0));
  for (const char* name : {static_cast<const char*>(id), "0000:01:00", "01:00", "0:1:0.0"}) {
    CUdevice device = 7;
    EXPECT_CU(api().cuDeviceGetByPCIBusId(&device, name)) << name;
    EXPECT_EQ(device, 0) << name;
  }
  for (const char* name : {"", "01", ":", "0000:02:00.0", "01x:00", "gpu:00"}) {
    CUdevice device = 7;
    EXPECT_REFUSED(api().cuDeviceGetByPCIBusId(&device, name), CUDA_ERROR_INVALID_DEVICE) << name;
  }
}

TEST_F(DriverMemory, contexts) {
  CUcontext current = nullptr, other = nullptr;
  EXPECT_CU(api().cuCtxGetCurrent(&current));
  EXPECT_EQ(current, context);
  EXPECT_CU(api().cuDevicePrimaryCtxRetain(&other, 0));
  EXPECT_CU(api().cuCtxPushCurrent_v2(other));
  EXPECT_REFUSED(api().cuCtxDestroy_v2(other), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_CU(api().cuCtxPopCurrent_v2(&current));
  EXPECT_EQ(current, other);
  EXPECT_CU(api().cuDevicePrimaryCtxRelease_v2(0));
  EXPECT_REFUSED(api().cuCtxSetCurrent(other), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_CU(api().cuCtxPopCurrent_v2(nullptr));
  CUdeviceptr p = 0;
  EXPECT_REFUSED(api().cuMemAlloc_v2(&p, 4), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_CU(api().cuCtxSetCurrent(context));
}

TEST_F(DriverMemory, allocations) {
  std::size_t before = 0, after = 0, total = 0, size = 0;
  EXPECT_CU(api().cuMemGetInfo_v2(&before, &total));
  CUdeviceptr p = 0, base = 0;
  EXPECT_CU(api().cuMemAlloc_v2(&p, 1000));
  EXPECT_EQ(p % 256, 0U);
  EXPECT_CU(api().cuMemGetInfo_v2(&after, &total));
  EXPECT_EQ(before - after, 1000U);
  EXPECT_CU(api().cuMemGetAddressRange_v2(&base, &size, p + 999));
  EXPECT_EQ(base, p);
  EXPECT_EQ(size, 1000U);
  unsigned type = 0;
  EXPECT_CU(api().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p + 5));
  EXPECT_EQ(type, CU_MEMORYTYPE_DEVICE);
  EXPECT_REFUSED(api().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p + 1000),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuMemFree_v2(p));
  EXPECT_REFUSED(api().cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("not the address of device memory that is allocated");
  EXPECT_CU(api().cuMemFree_v2(0));
  EXPECT_REFUSED(api().cuMemAlloc_v2(&p, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(api().cuMemAlloc_v2(&p, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
}

TEST_F(DriverMemory, copies_must_lie_in_one_allocation) {
  const CUdeviceptr p = upload(std::vector<char>(100, 'x'));
  char host[128];
  EXPECT_REFUSED(api().cuMemcpyDtoH_v2(host, p + 50, 51), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("ends 1 bytes after its allocation of 100 bytes");
  EXPECT_REFUSED(api().cuMemcpyHtoD_v2(reinterpret_cast<CUdeviceptr>(host), host, 4),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("is not a device address");
  EXPECT_CU(api().cuMemFree_v2(p));
  EXPECT_REFUSED(api().cuMemcpyDtoH_v2(host, p, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("it was freed");
}

TEST_F(DriverMemory, copies_of_rectangles) {
  CUdeviceptr p = 0;
  std::size_t pitch = 0;
  ASSERT_CU(api().cuMemAllocPitch_v2(&p, &pitch, 10, 6, 4));
  EXPECT_EQ(pitch, 512U);
  std::vector<unsigned char> source(60), got(60, 0xff);
  std::iota(source.begin(), source.end(), static_cast<unsigned char>(0));
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = source.data();
  copy.srcPitch = 10;
  copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.dstDevice = p;
  copy.dstPitch = pitch;
  copy.WidthInBytes = 10;
  copy.Height = 6;
  EXPECT_CU(api().cuMemcpy2D_v2(&copy));
  CUDA_MEMCPY3D back{}; // columns 2 to 5 of rows 1 to 3
  back.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  back.srcDevice = p;
  back.srcPitch = pitch;
  back.srcXInBytes = 2;
  back.srcY = 1;
  back.dstMemoryType = CU_MEMORYTYPE_HOST;
  back.dstHost = got.data();
  back.dstPitch = 4;
  back.WidthInBytes = 4;
  back.Height = 3;
  back.Depth = 1;
  EXPECT_CU(api().cuMemcpy3D_v2(&back));
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 4; ++x)
      EXPECT_EQ(got[y * 4 + x], source[(y + 1) * 10 + x + 2]);
  EXPECT_EQ(got[12], 0xff);
  copy.dstPitch = 9; // rows would overlap
  EXPECT_REFUSED(api().cuMemcpy2D_v2(&copy), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverMemory, fills) {
  const CUdeviceptr p = upload(std::vector<std::uint32_t>(8, 0));
  EXPECT_CU(api().cuMemsetD32_v2(p, 0xdeadbeef, 2));
  EXPECT_CU(api().cuMemsetD16_v2(p + 8, 0x1234, 2));
  EXPECT_CU(api().cuMemsetD8_v2(p + 12, 0x56, 4));
  EXPECT_CU(api().cuMemsetD2D8_v2(p + 16, 8, 0x11, 1, 2));
  EXPECT_EQ(download<std::uint32_t>(p, 8),
            (std::vector<std::uint32_t>{0xdeadbeef, 0xdeadbeef, 0x12341234, 0x56565656, 0x11, 0, 0x11, 0}));
  EXPECT_REFUSED(api().cuMemsetD32_v2(p + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_REFUSED(api().cuMemsetD32_v2(p, 0, 9), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverMemory, host_and_managed_memory) {
  void* host = nullptr;
  ASSERT_CU(api().cuMemHostAlloc(&host, 64, CU_MEMHOSTALLOC_DEVICEMAP));
  CUdeviceptr mapped = 0, managed = 0;
  ASSERT_CU(api().cuMemHostGetDevicePointer_v2(&mapped, host, 0));
  ASSERT_CU(api().cuMemAllocManaged(&managed, 64, CU_MEM_ATTACH_GLOBAL));
  const CUfunction store = load(module_text(store_kernel), "store");
  unsigned value = 77;
  EXPECT_CU(launch(store, 1, 1, {&mapped, &value}));
  EXPECT_CU(launch(store, 1, 1, {&managed, &value}));
  EXPECT_CU(api().cuCtxSynchronize());
  EXPECT_EQ(*static_cast<std::uint32_t*>(host), 77U);
  EXPECT_EQ(*reinterpret_cast<std::uint32_t*>(managed), 77U);
  EXPECT_REFUSED(api().cuMemFree_v2(reinterpret_cast<CUdeviceptr>(host)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuMemFreeHost(host));
  EXPECT_CU(api().cuMemFree_v2(managed));
  std::vector<char> own(4096);
  EXPECT_CU(api().cuMemHostRegister_v2(own.data(), own.size(), 0));
  EXPECT_REFUSED(api().cuMemHostRegister_v2(own.data() + 1, 1, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  EXPECT_CU(api().cuMemHostUnregister(own.data()));
  EXPECT_REFUSED(api().cuMemHostUnregister(own.data()), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

TEST_F(DriverMemory, pools) {
  CUdeviceptr p = 0;
  CUmemoryPool pool = nullptr;
  cuuint64_t used = 0;
  EXPECT_CU(api().cuMemAllocAsync(&p, 4096, nullptr));
  EXPECT_CU(api().cuDeviceGetDefaultMemPool(&pool, 0));
  EXPECT_CU(api().cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
  EXPECT_EQ(used, 4096U);
  EXPECT_CU(api().cuMemsetD8Async(p, 1, 4096, nullptr));
  EXPECT_CU(api().cuMemFreeAsync(p, nullptr));
  EXPECT_CU(api().cuStreamSynchronize(nullptr));
  EXPECT_REFUSED(api().cuMemFreeAsync(p, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverMemory, entry_points_by_name) {
  void* function = nullptr;
  CUdriverProcAddressQueryResult result{};
  EXPECT_CU(api().cuGetProcAddress_v2("cuMemAlloc", &function, 13000, 0, &result));
  EXPECT_EQ(function, reinterpret_cast<void*>(api().cuMemAlloc_v2));
  EXPECT_CU(api().cuGetProcAddress_v2("cuStreamGetCaptureInfo", &function, 12000, 0, &result));
  EXPECT_EQ(function, reinterpret_cast<void*>(api().cuStreamGetCaptureInfo_v2));
  EXPECT_CU(api().cuGetProcAddress_v2("cuLaunchKernelEx", &function, 11000, 0, &result));
  EXPECT_EQ(result, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
  EXPECT_CU(api().cuGetProcAddress_v2("cuNothing", &function, 13000, 0, &result));
  EXPECT_EQ(result, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  EXPECT_EQ(function, nullptr);
  EXPECT_REFUSED(api().cuGetProcAddress("cuNothing", &function, 13000, 0), CUDA_ERROR_NOT_FOUND);
}

// Under the name of another chip: tests/emulator/CMakeLists.txt runs this with ATTILE_EMU_TARGET=sm_75.
TEST(DriverTarget, is_what_the_environment_says) {
  if (std::getenv("ATTILE_EMU_TARGET") == nullptr)
    GTEST_SKIP();
  ASSERT_CU(api().cuInit(0));
  EXPECT_NE(api().set_option("target", "sm_80"), nullptr); // too late
  int count = 0, threads = 0;
  EXPECT_CU(api().cuDeviceGetCount(&count));
  EXPECT_EQ(count, 2);
  EXPECT_CU(api().cuDeviceGetAttribute(&threads, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 1));
  EXPECT_EQ(threads, 1024);
  CUcontext context = nullptr;
  ASSERT_CU(api().cuCtxCreate_v2(&context, 0, 1));
  CUmodule module = nullptr;
  EXPECT_REFUSED(api().cuModuleLoadData(&module, module_text(empty_kernel, "sm_80").c_str()),
                 CUDA_ERROR_NO_BINARY_FOR_GPU);
  CUfunction f = nullptr;
  ASSERT_CU(api().cuModuleLoadData(&module, module_text(empty_kernel).c_str()));
  ASSERT_CU(api().cuModuleGetFunction(&f, module, "empty"));
  EXPECT_CU(api().cuLaunchKernel(f, 100, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr));
  EXPECT_CU(api().cuCtxSynchronize());
  EXPECT_REFUSED(api().cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 65537),
                 CUDA_ERROR_INVALID_VALUE);
  CUlaunchAttribute attribute{};
  attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  attribute.value.clusterDim = {2, 1, 1};
  const CUlaunchConfig config{2, 1, 1, 32, 1, 1, 0, nullptr, &attribute, 1};
  EXPECT_REFUSED(api().cuLaunchKernelEx(&config, f, nullptr, nullptr), CUDA_ERROR_INVALID_CLUSTER_SIZE);
}

TEST(DriverOptions, are_checked) {
  EXPECT_NE(api().set_option("target", "sm_1"), nullptr);
  EXPECT_NE(api().set_option("seed", "many"), nullptr);
  EXPECT_NE(api().set_option("mode", "slow"), nullptr);
  EXPECT_NE(api().set_option("nothing", "1"), nullptr);
  EXPECT_EQ(api().set_option("seed", "12"), nullptr);
}

} // namespace
