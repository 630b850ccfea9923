// Devices and what they can do: the chip of the option `target`, as often as the option `devices` says.
#include "emulator/driver/call.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string_view>

namespace emu::abi {

using namespace emu::driver;

namespace {

constexpr int max_grid_x = 0x7fffffff, max_grid_yz = 65535;

// The bus of "bus:slot", "domain:bus:slot" or "domain:bus:slot.function", all hexadecimal.
std::optional<int> bus_of(std::string_view id) {
  if (std::ranges::count(id, ':') == 2)
    id.remove_prefix(id.find(':') + 1);
  const std::size_t length = id.find(':');
  if (length == std::string_view::npos)
    return std::nullopt;
  id = id.substr(0, length);
  int bus = 0;
  const char *first = std::to_address(id.begin()), *last = std::to_address(id.end());
  const auto [end, error] = std::from_chars(first, last, bus, 16);
  return error == std::errc() && end == last ? std::optional(bus) : std::nullopt;
}

// What the emulator does not have (textures, sharing with other processes or graphics) is 0, as is what is
// unknown.
int attribute_of(const Device& device, CUdevice_attribute attribute) {
  const Chip& chip = *device.chip;
  switch (static_cast<unsigned>(attribute)) {
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:
    return chip.max_threads_per_block;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
    return 64;
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
    return max_grid_x;
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
    return max_grid_yz;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    return chip.shared_per_block;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    return chip.shared_per_block_optin;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
    return chip.shared_per_sm;
  case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
    return chip.shared_reserved;
  case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:
    return 65536;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    return 32;
  case CU_DEVICE_ATTRIBUTE_MAX_PITCH:
    return 0x7fffffff;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    return chip.registers_per_block;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
    return chip.registers_per_sm;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
    return chip.clock_khz;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    return chip.multiprocessors;
  case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    return chip.memory_clock_khz;
  case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
    return chip.memory_bus_bits;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    return chip.l2_bytes;
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
    return chip.max_threads_per_sm;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
    return chip.max_blocks_per_sm;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    return chip.major;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    return chip.minor;
  case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH:
    return chip.max_cluster > 0 ? 1 : 0;
  case CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED:
    return chip.major >= 9 ? 1 : 0;
  case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
    return device.ordinal + 1;
  case CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO:
    return chip.minor == 0 && chip.major < 12 ? 2 : 64;
  case CU_DEVICE_ATTRIBUTE_MEM_SYNC_DOMAIN_COUNT:
    return chip.major >= 9 ? 4 : 1;
  case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
    return 2;
  case CU_DEVICE_ATTRIBUTE_NUMA_CONFIG:
    return 0;
  case CU_DEVICE_ATTRIBUTE_NUMA_ID:
  case CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID:
    return -1;
  case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
  case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
  case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
  case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:
  case CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
  case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR:
  case CU_DEVICE_ATTRIBUTE_UNIFIED_FUNCTION_POINTERS:
    return 1;
  default:
    return 0;
  }
}

CUuuid uuid_of(const Device& device) {
  CUuuid uuid{};
  const std::string text =
      fmt::format("{:<12.12}{:04}", fmt::format("emu-{}", device.chip->target), device.ordinal);
  std::memcpy(uuid.bytes, text.data(), sizeof uuid.bytes);
  return uuid;
}

} // namespace

CUresult cuInit(unsigned int flags) { return flags == 0 ? start_driver() : CUDA_ERROR_INVALID_VALUE; }

CUresult cuDriverGetVersion(int* version) {
  if (version == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *version = driver_version;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (device == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (count == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<int>(call->devices.size());
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char* name, int length, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (name == nullptr || length <= 0)
    return CUDA_ERROR_INVALID_VALUE;
  std::snprintf(name, static_cast<std::size_t>(length), "%s", std::string(call.device->chip->name).c_str());
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (uuid == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *uuid = uuid_of(*call.device);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice ordinal) { return cuDeviceGetUuid_v2(uuid, ordinal); }

// Of Windows only.
CUresult cuDeviceGetLuid(char* luid, unsigned int* mask, CUdevice ordinal) {
  return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (bytes == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *bytes = call.device->chip->memory_bytes;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (value == nullptr || attribute < CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK ||
      attribute > CU_DEVICE_ATTRIBUTE_ONLY_PARTIAL_HOST_NATIVE_ATOMIC_SUPPORTED)
    return CUDA_ERROR_INVALID_VALUE;
  *value = attribute_of(*call.device, attribute);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetProperties(CUdevprop* properties, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (properties == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const Chip& chip = *call.device->chip;
  *properties = {chip.max_threads_per_block,
                 {chip.max_threads_per_block, chip.max_threads_per_block, 64},
                 {max_grid_x, max_grid_yz, max_grid_yz},
                 chip.shared_per_block,
                 65536,
                 32,
                 0x7fffffff,
                 chip.registers_per_block,
                 chip.clock_khz,
                 512};
  return CUDA_SUCCESS;
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (major == nullptr || minor == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *major = call.device->chip->major;
  *minor = call.device->chip->minor;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (id == nullptr || length < 13)
    return CUDA_ERROR_INVALID_VALUE;
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02X:00.0",
                static_cast<unsigned>(ordinal + 1) & 0xffU);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetByPCIBusId(CUdevice* device, const char* id) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (device == nullptr || id == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const std::optional<int> bus = bus_of(id);
  if (!bus || call->device(*bus - 1) == nullptr)
    return CUDA_ERROR_INVALID_DEVICE;
  *device = *bus - 1;
  return CUDA_SUCCESS;
}

CUresult cuDeviceCanAccessPeer(int* can, CUdevice ordinal, CUdevice peer) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (can == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (call->device(peer) == nullptr)
    return CUDA_ERROR_INVALID_DEVICE;
  *can = ordinal != peer ? 1 : 0;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetP2PAttribute(int* value, CUdevice_P2PAttribute attribute, CUdevice ordinal,
                                 CUdevice peer) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call->device(peer) == nullptr || ordinal == peer)
    return CUDA_ERROR_INVALID_DEVICE;
  if (value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *value = attribute == CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED ||
           attribute == CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetExecAffinitySupport(int* supported, CUexecAffinityType type, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (supported == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *supported = 0;
  return CUDA_SUCCESS;
}

} // namespace emu::abi
