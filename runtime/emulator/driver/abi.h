// The binary interface of the CUDA 13 Driver API, as far as this driver has it: types, constants and
// functions under the names of cuda.h, which is not needed to build. tests/emulator/driver_abi_test.cpp
// compares all of it with cuda.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emu::abi {

// ---- results and constants ----

enum CUresult : unsigned int {
#define ATTILE_CU_RESULT(name, value, description) name = value,
#include "emulator/driver/errors.def"
#undef ATTILE_CU_RESULT
};

enum CUdevice_attribute : unsigned int {};
enum CUpointer_attribute : unsigned int {};
enum CUfunction_attribute : unsigned int {};
enum CUctx_flags : unsigned int {};
enum CUstream_flags : unsigned int {};
enum CUevent_flags : unsigned int {};
enum CUevent_record_flags : unsigned int {};
enum CUevent_wait_flags : unsigned int {};
enum CUstreamWaitValue_flags : unsigned int {};
enum CUstreamWriteValue_flags : unsigned int {};
enum CUoccupancy_flags : unsigned int {};
enum CUstreamUpdateCaptureDependencies_flags : unsigned int {};
enum CUfunc_cache : unsigned int {};
enum CUsharedconfig : unsigned int {};
enum CUmemorytype : unsigned int {};
enum CUmem_advise : unsigned int {};
enum CUjit_option : unsigned int {};
enum CUlimit : unsigned int {};
enum CUgraphNodeType : unsigned int {};
enum CUgraphInstantiateResult : unsigned int {};
enum CUlaunchAttributeID : unsigned int {};
enum CUstreamCaptureStatus : unsigned int {};
enum CUstreamCaptureMode : unsigned int {};
enum CUdriverProcAddress_flags : unsigned int {};
enum CUdriverProcAddressQueryResult : unsigned int {};
enum CUexecAffinityType : unsigned int {};
enum CUlibraryOption : unsigned int {};
enum CUdevice_P2PAttribute : unsigned int {};
enum CUmemAccess_flags : unsigned int {};
enum CUmemLocationType : unsigned int {};
enum CUmemAllocationType : unsigned int {};
enum CUmemAllocationHandleType : unsigned int {};
enum CUgraphExecUpdateResult : unsigned int {};
enum CUmemPool_attribute : unsigned int {};
enum CUgraphInstantiate_flags : unsigned int {};
enum CUmemAttach_flags : unsigned int {};
enum CUjitInputType : unsigned int {};
enum CUfunctionLoadingState : unsigned int {};
enum CUmoduleLoadingMode : unsigned int {};
enum CUtensorMapDataType : unsigned int {};
enum CUtensorMapInterleave : unsigned int {};
enum CUtensorMapSwizzle : unsigned int {};
enum CUtensorMapL2promotion : unsigned int {};
enum CUtensorMapFloatOOBfill : unsigned int {};
enum CUtensorMapIm2ColWideMode : unsigned int {};
enum CUflag : unsigned int {}; ///< of constants that are macros in cuda.h

#define ATTILE_CU_CONSTANT(type, name, value) inline constexpr type name{value};
#include "emulator/driver/constants.def"
#undef ATTILE_CU_CONSTANT

inline constexpr int driver_version = 13000;

// ---- handles ----

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using cuuint32_t = std::uint32_t;
using cuuint64_t = std::uint64_t;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUlibrary = struct CUlib_st*;
using CUkernel = struct CUkern_st*;
using CUarray = struct CUarray_st*;
using CUevent = struct CUevent_st*;
using CUstream = struct CUstream_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphNode = struct CUgraphNode_st*;
using CUgraphExec = struct CUgraphExec_st*;
using CUmemoryPool = struct CUmemPoolHandle_st*;
using CUlinkState = struct CUlinkState_st*;
using CUgreenCtx = struct CUgreenCtx_st*;

using CUhostFn = void (*)(void* data);
using CUstreamCallback = void (*)(CUstream stream, CUresult status, void* data);
using CUoccupancyB2DSize = std::size_t (*)(int block_size);

inline const CUstream CU_STREAM_LEGACY = reinterpret_cast<CUstream>(1);
inline const CUstream CU_STREAM_PER_THREAD = reinterpret_cast<CUstream>(2);
// Of the `extra` argument of a launch.
inline void* const CU_LAUNCH_PARAM_END = nullptr;
inline void* const CU_LAUNCH_PARAM_BUFFER_POINTER = reinterpret_cast<void*>(1);
inline void* const CU_LAUNCH_PARAM_BUFFER_SIZE = reinterpret_cast<void*>(2);

// ---- structures ----

struct CUuuid {
  char bytes[16];
};
struct CUipcMemHandle {
  char reserved[64];
};
struct CUipcEventHandle {
  char reserved[64];
};

struct CUdevprop {
  int maxThreadsPerBlock;
  int maxThreadsDim[3];
  int maxGridSize[3];
  int sharedMemPerBlock, totalConstantMemory, SIMDWidth, memPitch, regsPerBlock, clockRate, textureAlign;
};

struct CUexecAffinityParam {
  CUexecAffinityType type;
  unsigned int smCount;
};
struct CUctxCreateParams {
  CUexecAffinityParam* execAffinityParams;
  int numExecAffinityParams;
  void* cigParams;
};

struct CUDA_MEMCPY2D {
  std::size_t srcXInBytes, srcY;
  CUmemorytype srcMemoryType;
  const void* srcHost;
  CUdeviceptr srcDevice;
  CUarray srcArray;
  std::size_t srcPitch;
  std::size_t dstXInBytes, dstY;
  CUmemorytype dstMemoryType;
  void* dstHost;
  CUdeviceptr dstDevice;
  CUarray dstArray;
  std::size_t dstPitch;
  std::size_t WidthInBytes, Height;
};

struct CUDA_MEMCPY3D {
  std::size_t srcXInBytes, srcY, srcZ, srcLOD;
  CUmemorytype srcMemoryType;
  const void* srcHost;
  CUdeviceptr srcDevice;
  CUarray srcArray;
  void* reserved0;
  std::size_t srcPitch, srcHeight;
  std::size_t dstXInBytes, dstY, dstZ, dstLOD;
  CUmemorytype dstMemoryType;
  void* dstHost;
  CUdeviceptr dstDevice;
  CUarray dstArray;
  void* reserved1;
  std::size_t dstPitch, dstHeight;
  std::size_t WidthInBytes, Height, Depth;
};

struct CUmemLocation {
  CUmemLocationType type;
  int id;
};
struct CUmemAccessDesc {
  CUmemLocation location;
  CUmemAccess_flags flags;
};
struct CUmemPoolProps {
  CUmemAllocationType allocType;
  CUmemAllocationHandleType handleTypes;
  CUmemLocation location;
  void* win32SecurityAttributes;
  std::size_t maxSize;
  unsigned short usage;
  unsigned char reserved[54];
};

struct CUaccessPolicyWindow {
  void* base_ptr;
  std::size_t num_bytes;
  float hitRatio;
  unsigned int hitProp, missProp;
};
struct Extent {
  unsigned int x, y, z;
};
union CUlaunchAttributeValue {
  char pad[64];
  CUaccessPolicyWindow accessPolicyWindow;
  int cooperative;
  unsigned int syncPolicy;
  Extent clusterDim;
  int programmaticStreamSerializationAllowed;
  struct {
    CUevent event;
    int flags, triggerAtBlockStart;
  } programmaticEvent;
  struct {
    CUevent event;
    int flags;
  } launchCompletionEvent;
  int priority;
  Extent preferredClusterDim;
  unsigned int sharedMemCarveout;
};
struct CUlaunchAttribute {
  CUlaunchAttributeID id;
  char pad[4];
  CUlaunchAttributeValue value;
};
struct CUlaunchConfig {
  unsigned int gridDimX, gridDimY, gridDimZ;
  unsigned int blockDimX, blockDimY, blockDimZ;
  unsigned int sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute* attrs;
  unsigned int numAttrs;
};

struct CUDA_KERNEL_NODE_PARAMS {
  CUfunction func;
  unsigned int gridDimX, gridDimY, gridDimZ;
  unsigned int blockDimX, blockDimY, blockDimZ;
  unsigned int sharedMemBytes;
  void** kernelParams;
  void** extra;
  CUkernel kern;
  CUcontext ctx;
};
struct CUDA_MEMSET_NODE_PARAMS {
  CUdeviceptr dst;
  std::size_t pitch;
  unsigned int value, elementSize;
  std::size_t width, height;
};
struct CUDA_HOST_NODE_PARAMS {
  CUhostFn fn;
  void* userData;
};
struct CUDA_GRAPH_INSTANTIATE_PARAMS {
  cuuint64_t flags;
  CUstream hUploadStream;
  CUgraphNode hErrNode_out;
  CUgraphInstantiateResult result_out;
};
struct CUgraphExecUpdateResultInfo {
  CUgraphExecUpdateResult result;
  CUgraphNode errorNode, errorFromNode;
};
struct CUgraphEdgeData {
  unsigned char from_port, to_port, type, reserved[5];
};

struct alignas(128) CUtensorMap {
  cuuint64_t opaque[16];
};

// ---- functions ----

#ifndef ATTILE_CU_TYPES_ONLY // of a test, beside cuda.h
extern "C" {
#define ATTILE_CU_FUNCTION(name, since, symbol, parameters) CUresult symbol parameters;
#include "emulator/driver/functions.def"
#undef ATTILE_CU_FUNCTION
}
#endif

} // namespace emu::abi
