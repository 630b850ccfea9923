// The binary interface of the CUDA Driver API, as far as the runtime uses it. Declared here, so that no
// toolkit is needed to build; tests/unit/cuda_driver_test.cpp compares it with the emulator's, which is
// compared with cuda.h. (CUDA Driver API reference, CUDA 12.)
#pragma once

#include <cstddef>

namespace attile::cuda {

using Pointer = unsigned long long;
using Context = struct ContextHandle*;
using Stream = struct StreamHandle*;
using Event = struct EventHandle*;
using Library = struct LibraryHandle*;
using Function = struct FunctionHandle*; ///< CUfunction or CUkernel: what launches takes both

/// CUresult, those values that we tell apart.
enum class Status : unsigned {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  no_device = 100,
  jit_compiler_not_found = 221,
  unsupported_ptx_version = 222,
  not_found = 500,
  illegal_address = 700,
  launch_failed = 719,
  system_driver_mismatch = 803,
  stream_capture_implicit = 906,
};

namespace attribute {
// CUdevice_attribute
inline constexpr int multiprocessors = 16, capability_major = 75, capability_minor = 76,
                     shared_bytes_optin = 97;
// CUpointer_attribute
inline constexpr int memory_type = 2, is_managed = 8, device_ordinal = 9;
// CUfunction_attribute
inline constexpr int max_threads = 0, static_shared_bytes = 1, max_dynamic_shared_bytes = 8;
} // namespace attribute

enum MemoryType : unsigned { memory_unknown = 0, memory_host = 1, memory_device = 2 }; ///< CUmemorytype
inline constexpr int capture_mode_relaxed = 2;                   ///< CUstreamCaptureMode
inline constexpr int capture_none = 0;                           ///< CUstreamCaptureStatus
inline constexpr int jit_error_log = 5, jit_error_log_bytes = 6; ///< CUjit_option
namespace tensor_map {
inline constexpr int f16 = 6, bf16 = 9; ///< CUtensorMapDataType
inline constexpr int no_interleave = 0; ///< CUtensorMapInterleave
inline constexpr int swizzle_128 = 3;   ///< CUtensorMapSwizzle
inline constexpr int promote_128 = 2;   ///< CUtensorMapL2promotion
inline constexpr int fill_zeros = 0;    ///< CUtensorMapFloatOOBfill
} // namespace tensor_map
/// Streams up to this handle are no objects of a context, but mean its default ones.
inline constexpr std::size_t last_default_stream = 2;

} // namespace attile::cuda
