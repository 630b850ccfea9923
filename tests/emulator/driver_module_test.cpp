// Images: what is loaded, what is refused, and with which words.
#include "tests/emulator/driver_test.h"

#include <cstdint>
#include <cstring>

namespace {

class DriverModule : public DriverTest {
protected:
  CUresult try_load(const std::string& text) {
    CUmodule module = nullptr;
    return api().cuModuleLoadData(&module, text.c_str());
  }
};

TEST_F(DriverModule, refuses_machine_code) {
  EXPECT_REFUSED(try_load("\x7f"
                          "ELF\x02\x01\x01"),
                 CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_SAYS("the image is a cubin");
  EXPECT_REFUSED(try_load("hello"), CUDA_ERROR_INVALID_IMAGE);
  CUmodule module = nullptr;
  EXPECT_REFUSED(api().cuModuleLoad(&module, "/no/such/file.ptx"), CUDA_ERROR_FILE_NOT_FOUND);
  CUlinkState state = nullptr;
  EXPECT_REFUSED(api().cuLinkCreate_v2(0, nullptr, nullptr, &state), CUDA_ERROR_NOT_SUPPORTED);
}

TEST_F(DriverModule, refuses_other_targets) {
  EXPECT_CU(try_load(module_text(empty_kernel, "sm_90a")));
  EXPECT_CU(try_load(module_text(empty_kernel, "sm_80")));
  EXPECT_REFUSED(try_load(module_text(empty_kernel, "sm_100")), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_SAYS("PTX for sm_100 does not run on sm_90a");
  EXPECT_REFUSED(try_load(".version 9.9\n.target sm_75\n.address_size 64\n" + empty_kernel),
                 CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
}

TEST_F(DriverModule, errors_are_located_in_the_log) {
  char error[512] = "", info[512] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
                            CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES};
  const auto size = reinterpret_cast<void*>(std::uintptr_t{sizeof error});
  void* values[] = {error, size, info, size};
  CUmodule module = nullptr;
  const std::string wrong = module_text(".visible .entry f()\n{\n  frobnicate.u32 1;\n  ret;\n}\n");
  EXPECT_REFUSED(api().cuModuleLoadDataEx(&module, wrong.c_str(), 4, options, values),
                 CUDA_ERROR_INVALID_PTX);
  EXPECT_NE(std::string(error).find("ptx:6:"), std::string::npos) << error;
  EXPECT_NE(std::string(error).find("frobnicate"), std::string::npos) << error;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values[1]), std::strlen(error));
  values[1] = values[3] = size;
  EXPECT_CU(api().cuModuleLoadDataEx(&module, module_text(empty_kernel).c_str(), 4, options, values));
  EXPECT_NE(std::string(info).find("empty: 0 bytes shared"), std::string::npos) << info;
  EXPECT_NE(std::string(info).find("registers unknown"), std::string::npos) << info;
}

// The layout that nvcc --no-compress makes.
std::string fat_binary(const std::string& text, std::uint32_t architecture, std::uint32_t compressed) {
  std::string payload = text;
  payload.resize((text.size() + 8) / 8 * 8);
  std::string out(16 + 64, '\0');
  const auto put = [&](std::size_t at, auto value) { std::memcpy(out.data() + at, &value, sizeof value); };
  put(0, std::uint32_t{0xba55ed50});
  put(4, std::uint16_t{1});
  put(6, std::uint16_t{16});
  put(8, std::uint64_t{64 + payload.size()});
  put(16, std::uint16_t{1});
  put(20, std::uint32_t{64});
  put(24, std::uint64_t{payload.size()});
  put(32, compressed);
  put(44, architecture);
  return out + payload;
}

TEST_F(DriverModule, takes_ptx_from_a_fat_binary) {
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  std::string fat = fat_binary(module_text(empty_kernel), 75, 0);
  EXPECT_CU(api().cuModuleLoadData(&module, fat.data()));
  EXPECT_CU(api().cuModuleGetFunction(&function, module, "empty"));
  struct {
    std::uint32_t magic = 0x466243b1, version = 1;
    const void* data;
    const void* file = nullptr;
  } wrapper;
  wrapper.data = fat.data();
  EXPECT_CU(api().cuModuleLoadFatBinary(&module, &wrapper));
  fat = fat_binary(module_text(empty_kernel), 100, 0);
  EXPECT_REFUSED(api().cuModuleLoadData(&module, fat.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
  fat = fat_binary(module_text(empty_kernel), 75, 10);
  EXPECT_REFUSED(api().cuModuleLoadData(&module, fat.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_SAYS("--no-compress");
}

TEST_F(DriverModule, functions_and_variables) {
  const std::string text =
      module_text(".visible .global .align 4 .u32 table[3] = {7, 8, 9};\n" + empty_kernel + store_kernel);
  CUmodule module = nullptr;
  ASSERT_CU(api().cuModuleLoadData(&module, text.c_str()));
  unsigned count = 0;
  EXPECT_CU(api().cuModuleGetFunctionCount(&count, module));
  EXPECT_EQ(count, 2U);
  CUfunction function = nullptr;
  EXPECT_REFUSED(api().cuModuleGetFunction(&function, module, "absent"), CUDA_ERROR_NOT_FOUND);
  CUdeviceptr table = 0;
  std::size_t bytes = 0;
  EXPECT_CU(api().cuModuleGetGlobal_v2(&table, &bytes, module, "table"));
  EXPECT_EQ(bytes, 12U);
  EXPECT_EQ(download<std::uint32_t>(table, 3), (std::vector<std::uint32_t>{7, 8, 9}));
  EXPECT_CU(api().cuModuleGetFunction(&function, module, "store"));
  std::size_t offset = 0, size = 0;
  EXPECT_CU(api().cuFuncGetParamInfo(function, 1, &offset, &size));
  EXPECT_EQ(offset, 8U);
  EXPECT_EQ(size, 4U);
  EXPECT_REFUSED(api().cuFuncGetParamInfo(function, 2, &offset, &size), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuModuleUnload(module));
  EXPECT_REFUSED(api().cuModuleGetFunction(&function, module, "store"), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(launch(function, 1, 1, {}), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverModule, libraries) {
  CUlibrary library = nullptr;
  CUkernel kernel = nullptr;
  ASSERT_CU(api().cuLibraryLoadData(&library, module_text(store_kernel).c_str(), nullptr, nullptr, 0, nullptr,
                                    nullptr, 0));
  ASSERT_CU(api().cuLibraryGetKernel(&kernel, library, "store"));
  EXPECT_CU(api().cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000, kernel, 0));
  CUcontext other = nullptr; // a context that has not seen it
  EXPECT_CU(api().cuCtxCreate_v2(&other, 0, 0));
  CUdeviceptr p = upload(std::vector<std::uint32_t>(1, 0));
  unsigned value = 3;
  EXPECT_CU(launch(reinterpret_cast<CUfunction>(kernel), 1, 1, {&p, &value}, nullptr, 100000));
  EXPECT_EQ(download<std::uint32_t>(p, 1)[0], 3U);
  EXPECT_CU(api().cuCtxDestroy_v2(other));
  EXPECT_CU(api().cuLibraryUnload(library));
  EXPECT_REFUSED(api().cuKernelGetFunction(nullptr, kernel), CUDA_ERROR_INVALID_HANDLE);
}

} // namespace
