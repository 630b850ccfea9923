// Drivers that are missing, too old, incomplete or without a GPU; and our declarations of the driver's
// interface.
#include "tests/unit/cuda_test_package.h"

#include "emulator/driver/abi.h"
#include "runtime/cuda/abi.h"
#include <algorithm>
#include <cstdlib>

namespace attile {
namespace {

/// Variables of the environment, until the end of a test.
class Environment {
public:
  Environment(std::initializer_list<std::pair<const char*, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      names.push_back(name);
      setenv(name, value.c_str(), 1);
    }
  }
  Environment(const Environment&) = delete;
  ~Environment() {
    for (const char* name : names)
      unsetenv(name);
  }

private:
  std::vector<const char*> names;
};

/// A driver that was opened is kept by its name, so each test has another.
std::string fake_driver(const std::string& path = ATTILE_FAKE_DRIVER) {
  static std::string detour;
  detour += "/.";
  std::size_t slash = path.rfind('/');
  return path.substr(0, slash) + detour + path.substr(slash);
}

std::string open_error(const char* name = "cuda", ErrorKind kind = ErrorKind::environment) {
  Result<Device> device = Device::open(name);
  if (device)
    return "";
  EXPECT_EQ(device.error().kind, kind);
  return device.error().text();
}

TEST(CudaDriver, IsMissing) {
  Environment environment{{"ATTILE_CUDA_DRIVER", "/nonexistent/libcuda.so.1"}};
  EXPECT_EQ(open_error(),
            "error: cannot open device 'cuda': there is no CUDA driver: /nonexistent/libcuda.so.1: "
            "cannot open shared object file: No such file or directory\n"
            "remedy: install NVIDIA's driver; in a container, ask for GPUs when it is started; if it "
            "is elsewhere, set ATTILE_CUDA_DRIVER to its path");
  std::vector<DeviceInfo> devices = Device::list();
  auto cuda =
      std::find_if(devices.begin(), devices.end(), [](auto& device) { return device.name == "cuda"; });
  ASSERT_NE(cuda, devices.end());
  EXPECT_FALSE(cuda->available);
  EXPECT_NE(cuda->missing.find("; install NVIDIA's driver"), std::string::npos);
}

TEST(CudaDriver, IsTooOld) {
  Environment environment{{"ATTILE_CUDA_DRIVER", fake_driver()}, {"FAKE_CUDA_VERSION", "11040"}};
  EXPECT_EQ(open_error(),
            "error: cannot open device 'cuda': expected a driver for CUDA 12.0 or newer, got one for "
            "CUDA 11.4\nremedy: update NVIDIA's driver to 525 or newer");
}

TEST(CudaDriver, LacksAFunction) {
  std::string path = fake_driver(ATTILE_INCOMPLETE_DRIVER);
  Environment environment{{"ATTILE_CUDA_DRIVER", path}};
  EXPECT_EQ(open_error(), "error: cannot open device 'cuda': '" + path +
                              "', for CUDA 12.4, lacks the function cuLibraryLoadData\n"
                              "remedy: install NVIDIA's driver again");
}

TEST(CudaDriver, IsNoDriver) {
  Environment environment{{"ATTILE_CUDA_DRIVER", "libc.so.6"}};
  EXPECT_EQ(open_error(),
            "error: cannot open device 'cuda': 'libc.so.6' is no CUDA driver: it does not tell its version");
}

TEST(CudaDriver, FindsNoGpu) {
  Environment driver{{"ATTILE_CUDA_DRIVER", fake_driver()}};
  {
    Environment environment{{"FAKE_CUDA_INIT", "100"}};
    EXPECT_EQ(open_error(),
              "error: cannot open device 'cuda': the driver cannot start: CUDA_ERROR_FAKE 100 (of a "
              "fake driver)\nremedy: look at nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, "
              "ask for GPUs when it is started");
  }
  {
    Environment environment{{"FAKE_CUDA_DEVICES", "0"}};
    EXPECT_NE(open_error().find("CUDA_VISIBLE_DEVICES"), std::string::npos);
  }
  EXPECT_EQ(open_error(), "") << "what was missing may come";
  EXPECT_EQ(open_error("cuda:0"), "");
  EXPECT_EQ(open_error("cuda:1"),
            "error: cannot open device 'cuda:1': expected a number from 0 to 0, as there are 1 devices\n"
            "remedy: look at nvidia-smi and CUDA_VISIBLE_DEVICES");
  std::vector<DeviceInfo> devices = Device::list();
  auto cuda =
      std::find_if(devices.begin(), devices.end(), [](auto& device) { return device.name == "cuda:0"; });
  ASSERT_NE(cuda, devices.end());
  EXPECT_EQ(cuda->description, "Fake GPU, sm_90, 132 multiprocessors, 128 GiB, driver for CUDA 12.4");
}

TEST(CudaDriver, MachineCodeIsPreferredOnAGpu) {
  Environment environment{{"ATTILE_CUDA_DRIVER", fake_driver()}};
  Package p = test::slots_package({});
  CodeSection cubin = p.code[0];
  cubin.kind = "cubin", cubin.bytes = test::bytes_of("\177ELF");
  for (const char* target : {"sm_86", "sm_90", "sm_90a", "sm_100a"})
    cubin.target = target, p.code.push_back(cubin);
  Result<Kernel> kernel = Device::open("cuda")->load(p);
  ASSERT_TRUE(kernel) << kernel.error().text();
  EXPECT_EQ(kernel->target(), "sm_90a");
  p.code.erase(p.code.begin() + 2, p.code.begin() + 4);
  EXPECT_EQ(Device::open("cuda")->load(p)->target(), "sm_75") << "PTX, where no machine code fits";
  p.code.erase(p.code.begin());
  EXPECT_EQ(Device::open("cuda")->load(p).error().text(),
            "error: package 'test' has no code for device cuda:0, which is a sm_90\n"
            "note: cubin for 'sm_86' does not run on sm_90\n"
            "note: cubin for 'sm_100a' does not run on sm_90\n"
            "remedy: build the package with --target=sm_90");
}

TEST(Emulator, IsMissing) {
  Environment environment{{"ATTILE_EMULATOR", "/nonexistent/libattile_emulator.so"}};
  EXPECT_EQ(open_error("emulator:sm_80"),
            "error: cannot open device 'emulator:sm_80': there is no emulator: expected "
            "'/nonexistent/libattile_emulator.so'\nremedy: build the target attile_emulator, or set "
            "ATTILE_EMULATOR to the path of libattile_emulator.so");
}

// ---- the interface: the emulator's declarations are compared with cuda.h ----

template <class A, class B>
constexpr bool same_shape = sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B>;
template <class A, class B> constexpr bool same_call = false;
template <class R, class S, class... A, class... B>
  requires(sizeof...(A) == sizeof...(B))
constexpr bool same_call<R(A...), S(B...)> = same_shape<R, S> && (same_shape<A, B> && ...);

#define ATTILE_CUDA_FUNCTION(name, parameters)                                                               \
  static_assert(same_call<Status parameters, decltype(::emu::abi::name)>, #name);
} // namespace
namespace cuda {
#include "cuda/functions.def"
} // namespace cuda
namespace {

TEST(CudaAbi, ConstantsAreTheDrivers) {
  using namespace emu::abi;
  auto same = [](auto ours, auto theirs) {
    EXPECT_EQ(static_cast<unsigned>(ours), static_cast<unsigned>(theirs));
  };
  same(cuda::Status::success, CUDA_SUCCESS);
  same(cuda::Status::out_of_memory, CUDA_ERROR_OUT_OF_MEMORY);
  same(cuda::Status::not_initialized, CUDA_ERROR_NOT_INITIALIZED);
  same(cuda::Status::no_device, CUDA_ERROR_NO_DEVICE);
  same(cuda::Status::jit_compiler_not_found, CUDA_ERROR_JIT_COMPILER_NOT_FOUND);
  same(cuda::Status::unsupported_ptx_version, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  same(cuda::Status::not_found, CUDA_ERROR_NOT_FOUND);
  same(cuda::Status::illegal_address, CUDA_ERROR_ILLEGAL_ADDRESS);
  same(cuda::Status::launch_failed, CUDA_ERROR_LAUNCH_FAILED);
  same(cuda::Status::system_driver_mismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
  same(cuda::Status::stream_capture_implicit, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  same(cuda::attribute::multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  same(cuda::attribute::capability_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  same(cuda::attribute::capability_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  same(cuda::attribute::shared_bytes_optin, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  same(cuda::attribute::memory_type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
  same(cuda::attribute::is_managed, CU_POINTER_ATTRIBUTE_IS_MANAGED);
  same(cuda::attribute::device_ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
  same(cuda::attribute::max_threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  same(cuda::attribute::static_shared_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
  same(cuda::attribute::max_dynamic_shared_bytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  same(cuda::memory_host, CU_MEMORYTYPE_HOST);
  same(cuda::memory_device, CU_MEMORYTYPE_DEVICE);
  same(cuda::capture_mode_relaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
  same(cuda::capture_none, CU_STREAM_CAPTURE_STATUS_NONE);
  same(cuda::jit_error_log, CU_JIT_ERROR_LOG_BUFFER);
  same(cuda::jit_error_log_bytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
}

} // namespace
} // namespace attile
