// The emulator as a program of the Driver API sees it: opened at run time, all functions by their names.
#pragma once

#include "emulator/driver/abi.h"
#include "emulator/include/attile_emulator.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace emu::abi;

struct Api {
#define ATTILE_CU_FUNCTION(name, since, symbol, parameters) CUresult(*symbol) parameters = nullptr;
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION
  decltype(&::attileEmuSetOption) set_option = nullptr;
  decltype(&::attileEmuGetReport) get_report = nullptr;
  decltype(&::attileEmuGetLastFailure) get_last_failure = nullptr;
  decltype(&::attileEmuClearReport) clear_report = nullptr;

  Api() {
    void* const library = dlopen(ATTILE_EMULATOR, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      ADD_FAILURE() << dlerror();
      return;
    }
    const auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      EXPECT_NE(function, nullptr) << name;
    };
#define ATTILE_CU_FUNCTION(name, since, symbol, parameters) load(symbol, #symbol);
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION
    load(set_option, "attileEmuSetOption");
    load(get_report, "attileEmuGetReport");
    load(get_last_failure, "attileEmuGetLastFailure");
    load(clear_report, "attileEmuClearReport");
    set_option("quiet", "1");
  }

  std::string name(CUresult result) const {
    const char* text = nullptr;
    return cuGetErrorName(result, &text) == CUDA_SUCCESS ? text : "?";
  }
  std::string last_failure() const {
    std::string text(get_last_failure(nullptr, 0), '\0');
    get_last_failure(text.data(), text.size() + 1);
    return text;
  }
};

inline Api& api() {
  static Api only;
  return only;
}

#define EXPECT_CU(expression) EXPECT_EQ(api().name(expression), "CUDA_SUCCESS") << api().last_failure()
#define ASSERT_CU(expression) ASSERT_EQ(api().name(expression), "CUDA_SUCCESS") << api().last_failure()
#define EXPECT_REFUSED(expression, result) EXPECT_EQ(api().name(expression), #result)
#define EXPECT_SAYS(part)                                                                                    \
  EXPECT_NE(api().last_failure().find(part), std::string::npos) << api().last_failure()

/// A context of its own for each test, so that errors of kernels stay in it.
class DriverTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_CU(api().cuInit(0));
    ASSERT_CU(api().cuCtxCreate_v2(&context, 0, 0));
  }
  void TearDown() override { EXPECT_CU(api().cuCtxDestroy_v2(context)); }

  CUfunction load(const std::string& text, const char* name) {
    CUmodule module = nullptr;
    CUfunction function = nullptr;
    EXPECT_CU(api().cuModuleLoadData(&module, text.c_str()));
    EXPECT_CU(api().cuModuleGetFunction(&function, module, name));
    return function;
  }
  template <class T> CUdeviceptr upload(const std::vector<T>& values) {
    CUdeviceptr pointer = 0;
    EXPECT_CU(api().cuMemAlloc_v2(&pointer, values.size() * sizeof(T)));
    EXPECT_CU(api().cuMemcpyHtoD_v2(pointer, values.data(), values.size() * sizeof(T)));
    return pointer;
  }
  template <class T> std::vector<T> download(CUdeviceptr pointer, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_CU(api().cuMemcpyDtoH_v2(values.data(), pointer, count * sizeof(T)));
    return values;
  }
  CUresult launch(CUfunction function, unsigned blocks, unsigned threads, std::vector<void*> values,
                  CUstream stream = nullptr, unsigned shared = 0) {
    return api().cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, stream, values.data(),
                                nullptr);
  }

  CUcontext context = nullptr;
};

inline std::string module_text(const std::string& body, const std::string& target = "sm_75") {
  return ".version 8.0\n.target " + target + "\n.address_size 64\n" + body;
}

/// out[i] = a[i] + b[i] for i < n.
inline const std::string add_kernel = R"(
.visible .entry add(.param .u64 a, .param .u64 b, .param .u64 out, .param .u32 n)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<8>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  ld.param.u32 %r5, [n];
  setp.ge.u32 %p1, %r4, %r5;
  @%p1 bra done;
  ld.param.u64 %rd1, [a];
  ld.param.u64 %rd2, [b];
  ld.param.u64 %rd3, [out];
  mul.wide.u32 %rd4, %r4, 4;
  add.s64 %rd5, %rd1, %rd4;
  add.s64 %rd6, %rd2, %rd4;
  add.s64 %rd7, %rd3, %rd4;
  ld.global.u32 %r6, [%rd5];
  ld.global.u32 %r7, [%rd6];
  add.s32 %r6, %r6, %r7;
  st.global.u32 [%rd7], %r6;
done:
  ret;
}
)";

/// *p = value.
inline const std::string store_kernel = R"(
.visible .entry store(.param .u64 p, .param .u32 value)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [p];
  ld.param.u32 %r1, [value];
  st.global.u32 [%rd1], %r1;
  ret;
}
)";

inline const std::string empty_kernel = ".visible .entry empty()\n{\n  ret;\n}\n";
