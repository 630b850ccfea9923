// Our declarations of the Driver API against those of cuda.h: constants, sizes and places of members, and of
// every function the name, the CUDA version that brought it, and what it takes. Compiled where the toolkit
// is.
#define ATTILE_CU_TYPES_ONLY
#include "emulator/driver/abi.h"

#include <cuda.h>
#include <cudaProfiler.h>
#include <cudaProfilerTypedefs.h>
#include <cudaTypedefs.h>
#include <gtest/gtest.h>
#include <type_traits>

// ---- constants ----
#define ATTILE_CU_CONSTANT(type, name, value) static_assert((value) == static_cast<long long>(name));
#include "emulator/driver/constants.def"
#undef ATTILE_CU_CONSTANT
#define ATTILE_CU_RESULT(name, value, description) static_assert((value) == static_cast<long long>(name));
#include "emulator/driver/errors.def"
#undef ATTILE_CU_RESULT

// ---- structures ----
#define SAME_SIZE(name) static_assert(sizeof(emu::abi::name) == sizeof(::name))
#define SAME_PLACE(type, member) static_assert(offsetof(emu::abi::type, member) == offsetof(::type, member))
SAME_SIZE(CUuuid);
SAME_SIZE(CUdevprop);
SAME_PLACE(CUdevprop, textureAlign);
SAME_SIZE(CUctxCreateParams);
SAME_SIZE(CUDA_MEMCPY2D);
SAME_PLACE(CUDA_MEMCPY2D, srcDevice);
SAME_PLACE(CUDA_MEMCPY2D, dstMemoryType);
SAME_PLACE(CUDA_MEMCPY2D, dstPitch);
SAME_PLACE(CUDA_MEMCPY2D, Height);
SAME_SIZE(CUDA_MEMCPY3D);
SAME_PLACE(CUDA_MEMCPY3D, srcDevice);
SAME_PLACE(CUDA_MEMCPY3D, srcHeight);
SAME_PLACE(CUDA_MEMCPY3D, dstMemoryType);
SAME_PLACE(CUDA_MEMCPY3D, dstHeight);
SAME_PLACE(CUDA_MEMCPY3D, Depth);
SAME_SIZE(CUmemLocation);
SAME_SIZE(CUmemPoolProps);
SAME_PLACE(CUmemPoolProps, location);
SAME_SIZE(CUmemAccessDesc);
SAME_SIZE(CUlaunchAttributeValue);
SAME_SIZE(CUlaunchAttribute);
SAME_PLACE(CUlaunchAttribute, value);
SAME_PLACE(CUlaunchAttributeValue, programmaticEvent.triggerAtBlockStart);
SAME_PLACE(CUlaunchAttributeValue, launchCompletionEvent.event);
SAME_SIZE(CUlaunchConfig);
SAME_PLACE(CUlaunchConfig, sharedMemBytes);
SAME_PLACE(CUlaunchConfig, hStream);
SAME_PLACE(CUlaunchConfig, numAttrs);
SAME_SIZE(CUDA_KERNEL_NODE_PARAMS);
SAME_PLACE(CUDA_KERNEL_NODE_PARAMS, kernelParams);
SAME_PLACE(CUDA_KERNEL_NODE_PARAMS, kern);
SAME_SIZE(CUDA_MEMSET_NODE_PARAMS);
SAME_PLACE(CUDA_MEMSET_NODE_PARAMS, width);
SAME_SIZE(CUDA_HOST_NODE_PARAMS);
SAME_SIZE(CUDA_GRAPH_INSTANTIATE_PARAMS);
SAME_PLACE(CUDA_GRAPH_INSTANTIATE_PARAMS, result_out);
SAME_SIZE(CUgraphExecUpdateResultInfo);
SAME_PLACE(CUgraphExecUpdateResultInfo, errorFromNode);
SAME_SIZE(CUgraphEdgeData);
SAME_SIZE(CUtensorMap);
static_assert(alignof(emu::abi::CUtensorMap) == alignof(::CUtensorMap));
SAME_SIZE(CUipcMemHandle);
SAME_SIZE(CUipcEventHandle);

// ---- functions ----
namespace emu::abi {
#define ATTILE_CU_FUNCTION(name, since, symbol, parameters) using ours_##symbol = CUresult(*) parameters;
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION
} // namespace emu::abi

// Whether two types are passed alike and mean the same: enumerations and structures have other names here.
// What a function is refused with is not looked at, so it may be declared void.
template <class Ours, class Theirs> constexpr bool alike() {
  if constexpr (std::is_same_v<Ours, Theirs>)
    return true;
  else if constexpr (std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>) {
    using A = std::remove_pointer_t<Ours>;
    using B = std::remove_pointer_t<Theirs>;
    if constexpr (std::is_void_v<A>)
      return std::is_const_v<A> == std::is_const_v<B>;
    else if constexpr (std::is_class_v<A> || std::is_class_v<B>)
      return std::is_class_v<A> == std::is_class_v<B> && std::is_const_v<A> == std::is_const_v<B>;
    else if constexpr (std::is_function_v<A> && std::is_function_v<B>)
      return true;
    else
      return std::is_const_v<A> == std::is_const_v<B> && alike<std::remove_cv_t<A>, std::remove_cv_t<B>>();
  } else if constexpr (std::is_enum_v<Ours> && std::is_enum_v<Theirs>)
    return sizeof(Ours) == sizeof(Theirs);
  else if constexpr (std::is_class_v<Ours> || std::is_union_v<Ours>)
    return sizeof(Ours) == sizeof(Theirs);
  else // unsigned long and unsigned long long
    return std::is_integral_v<Ours> && std::is_integral_v<Theirs> && sizeof(Ours) == sizeof(Theirs) &&
           std::is_signed_v<Ours> == std::is_signed_v<Theirs>;
}

template <class Ours, class Theirs> struct AlikeFunctions : std::false_type {};
template <class R, class... A, class S, class... B>
  requires(sizeof...(A) == sizeof...(B))
struct AlikeFunctions<R (*)(A...), S (*)(B...)>
    : std::bool_constant<alike<R, S>() && (alike<A, B>() && ...)> {};

#define ATTILE_CU_FUNCTION(name, since, symbol, parameters)                                                  \
  static_assert(AlikeFunctions<emu::abi::ours_##symbol, PFN_##name##_v##since>::value, #symbol);
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION

TEST(DriverAbi, is_what_cuda_h_says) { EXPECT_EQ(emu::abi::driver_version, CUDA_VERSION); }
