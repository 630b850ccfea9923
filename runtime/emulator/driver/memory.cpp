// Allocation, and what a pointer points to. A device address is a host address, and the same in every
// context.
#include "emulator/driver/call.h"
#include "emulator/driver/capture.h"

#include <fmt/format.h>

namespace emu::abi {

using namespace emu::driver;

namespace {

using Kind = Buffer::Kind;

CUresult allocate(std::uint64_t* address, std::size_t bytes, Kind kind, unsigned flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (address == nullptr || bytes == 0)
    return CUDA_ERROR_INVALID_VALUE;
  if (capture_forbids_waiting(*call.driver))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  *address = call->allocate(
      bytes, {.kind = kind, .device = call.context->device, .context = call.context.get(), .flags = flags});
  return *address != 0 ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

// Freeing waits for the work that may use it, as drivers do.
CUresult release(std::uint64_t address, bool host) {
  ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (address == 0)
    return CUDA_SUCCESS;
  if (capture_forbids_waiting(*call.driver))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  const auto is_it = [&](auto found) {
    return found != call->buffers.end() && found->second.kind != Kind::registered &&
           (found->second.kind == Kind::host) == host;
  };
  if (!is_it(call->buffers.find(address)))
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  fmt::format("{:#x} is freed but is not the address of {} memory that is allocated", address,
                              host ? "pinned host" : "device"));
  call.lock.unlock();
  call->queue.drain_context(nullptr);
  call.lock.lock();
  const auto found = call->buffers.find(address);
  if (!is_it(found)) // another thread freed it meanwhile
    return CUDA_ERROR_INVALID_VALUE;
  call->forget(found);
  call->memory->release(address);
  return CUDA_SUCCESS;
}

bool in_device_range(const Driver& driver, std::uint64_t address) {
  return address - driver.memory->base() < driver.memory->capacity();
}

CUresult pointer_attribute(Driver& driver, void* data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  const auto found = driver.buffer(pointer);
  const std::optional<Allocation> variable = found == driver.buffers.end() && in_device_range(driver, pointer)
                                                 ? driver.memory->find(pointer)
                                                 : std::nullopt;
  if (found == driver.buffers.end() && !variable)
    return CUDA_ERROR_INVALID_VALUE;
  const Buffer buffer = variable ? Buffer{.size = variable->size, .serial = variable->serial} : found->second;
  const std::uint64_t base = variable ? variable->address : found->first;
  const bool host = buffer.kind == Kind::host || buffer.kind == Kind::registered;
  switch (static_cast<unsigned>(attribute)) {
  case CU_POINTER_ATTRIBUTE_CONTEXT:
    *static_cast<CUcontext*>(data) = reinterpret_cast<CUcontext>(buffer.context);
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    *static_cast<unsigned*>(data) = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    if (buffer.kind == Kind::registered)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<CUdeviceptr*>(data) = pointer;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    if (!host && buffer.kind != Kind::managed)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<std::uint64_t*>(data) = pointer;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    *static_cast<unsigned long long*>(data) = buffer.serial;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    *static_cast<unsigned*>(data) = buffer.kind == Kind::managed ? 1 : 0;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
    *static_cast<int*>(data) = buffer.device;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    *static_cast<std::uint64_t*>(data) = base;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    *static_cast<std::size_t*>(data) = buffer.size;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MAPPED:
    *static_cast<bool*>(data) = true;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
  case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
  case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    *static_cast<bool*>(data) = false;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
    *static_cast<unsigned*>(data) = 3; // it may be read and written
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
    *static_cast<CUmemoryPool*>(data) = reinterpret_cast<CUmemoryPool>(buffer.pool.get());
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_NOT_SUPPORTED;
  }
}

} // namespace

CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const Device& device = call->devices[call.context->device];
  if (free != nullptr)
    *free = device.chip->memory_bytes - device.used;
  if (total != nullptr)
    *total = device.chip->memory_bytes;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr* pointer, std::size_t bytes) {
  std::uint64_t address = 0;
  const CUresult result = allocate(pointer == nullptr ? nullptr : &address, bytes, Kind::device, 0);
  if (result == CUDA_SUCCESS)
    *pointer = address;
  return result;
}

CUresult cuMemAllocPitch_v2(CUdeviceptr* pointer, std::size_t* pitch, std::size_t width, std::size_t height,
                            unsigned int element) {
  if (pitch == nullptr || width == 0 || height == 0 || (element != 4 && element != 8 && element != 16))
    return CUDA_ERROR_INVALID_VALUE;
  *pitch = (width + 511) / 512 * 512;
  if (height > SIZE_MAX / *pitch)
    return CUDA_ERROR_OUT_OF_MEMORY;
  return cuMemAlloc_v2(pointer, *pitch * height);
}

CUresult cuMemAllocManaged(CUdeviceptr* pointer, std::size_t bytes, unsigned int flags) {
  if (pointer == nullptr || (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST))
    return CUDA_ERROR_INVALID_VALUE;
  std::uint64_t address = 0;
  const CUresult result = allocate(&address, bytes, Kind::managed, flags);
  if (result == CUDA_SUCCESS)
    *pointer = address;
  return result;
}

CUresult cuMemFree_v2(CUdeviceptr pointer) { return release(pointer, false); }

CUresult cuMemGetAddressRange_v2(CUdeviceptr* base, std::size_t* size, CUdeviceptr pointer) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::optional<Allocation> found = call->memory->find(pointer);
  if (!found)
    return CUDA_ERROR_NOT_FOUND;
  if (base != nullptr)
    *base = found->address;
  if (size != nullptr)
    *size = found->size;
  return CUDA_SUCCESS;
}

// ---- host memory ----

CUresult cuMemHostAlloc(void** pointer, std::size_t bytes, unsigned int flags) {
  if (pointer == nullptr || flags > 7)
    return CUDA_ERROR_INVALID_VALUE;
  std::uint64_t address = 0;
  const CUresult result = allocate(&address, bytes, Kind::host, flags | CU_MEMHOSTALLOC_DEVICEMAP);
  if (result == CUDA_SUCCESS)
    *pointer = reinterpret_cast<void*>(address);
  return result;
}

CUresult cuMemAllocHost_v2(void** pointer, std::size_t bytes) { return cuMemHostAlloc(pointer, bytes, 0); }

CUresult cuMemFreeHost(void* pointer) { return release(reinterpret_cast<std::uint64_t>(pointer), true); }

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device_pointer, void* pointer, unsigned int flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto address = reinterpret_cast<std::uint64_t>(pointer);
  const auto found = call->buffer(address);
  if (device_pointer == nullptr || flags != 0 || found == call->buffers.end() ||
      found->second.kind == Kind::device)
    return CUDA_ERROR_INVALID_VALUE;
  if (found->second.kind == Kind::registered)
    return refuse(CUDA_ERROR_NOT_SUPPORTED,
                  "the emulator does not map registered host memory into the device; allocate "
                  "it with cuMemHostAlloc");
  *device_pointer = address;
  return CUDA_SUCCESS;
}

CUresult cuMemHostGetFlags(unsigned int* flags, void* pointer) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto found = call->buffer(reinterpret_cast<std::uint64_t>(pointer));
  if (flags == nullptr || found == call->buffers.end() || found->second.kind != Kind::host)
    return CUDA_ERROR_INVALID_VALUE;
  *flags = found->second.flags;
  return CUDA_SUCCESS;
}

// Registered memory is only marked as pinned: kernels cannot reach it.
CUresult cuMemHostRegister_v2(void* pointer, std::size_t bytes, unsigned int flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto address = reinterpret_cast<std::uint64_t>(pointer);
  if (pointer == nullptr || bytes == 0 || flags > 15)
    return CUDA_ERROR_INVALID_VALUE;
  const auto after = call->buffers.lower_bound(address);
  if (call->buffer(address) != call->buffers.end() ||
      (after != call->buffers.end() && after->first < address + bytes))
    return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  Buffer buffer{.kind = Kind::registered,
                .size = bytes,
                .device = call.context->device,
                .context = call.context.get(),
                .flags = flags};
  buffer.serial = call->next_id++;
  call->buffers.emplace(address, buffer);
  return CUDA_SUCCESS;
}

CUresult cuMemHostUnregister(void* pointer) {
  ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto found = call->buffers.find(reinterpret_cast<std::uint64_t>(pointer));
  if (found == call->buffers.end() || found->second.kind != Kind::registered)
    return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  call->forget(found);
  call.lock.unlock();
  call->queue.drain_context(nullptr);
  return CUDA_SUCCESS;
}

// ---- hints: there is one memory, and nothing moves ----

CUresult cuMemAdvise_v2(CUdeviceptr pointer, std::size_t bytes, CUmem_advise advice, CUmemLocation location) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto found = call->buffer(pointer);
  const bool managed = found != call->buffers.end() && found->second.kind == Kind::managed;
  return managed && bytes > 0 && bytes <= found->second.size - (pointer - found->first)
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemAdvise(CUdeviceptr pointer, std::size_t bytes, CUmem_advise advice, CUdevice device) {
  return cuMemAdvise_v2(pointer, bytes, advice, {CU_MEM_LOCATION_TYPE_DEVICE, device});
}

CUresult cuMemPrefetchAsync_v2(CUdeviceptr pointer, std::size_t bytes, CUmemLocation location,
                               unsigned int flags, CUstream stream) {
  return cuMemAdvise_v2(pointer, bytes, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, location);
}

CUresult cuMemPrefetchAsync(CUdeviceptr pointer, std::size_t bytes, CUdevice device, CUstream stream) {
  return cuMemPrefetchAsync_v2(pointer, bytes, {CU_MEM_LOCATION_TYPE_DEVICE, device}, 0, stream);
}

// ---- pointers ----

CUresult cuPointerGetAttribute(void* data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return data == nullptr ? CUDA_ERROR_INVALID_VALUE
                         : pointer_attribute(*call.driver, data, attribute, pointer);
}

// What does not apply to the pointer is null, and no error.
CUresult cuPointerGetAttributes(unsigned int count, CUpointer_attribute* attributes, void** data,
                                CUdeviceptr pointer) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (attributes == nullptr || data == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < count; ++i) {
    if (data[i] == nullptr)
      return CUDA_ERROR_INVALID_VALUE;
    if (pointer_attribute(*call.driver, data[i], attributes[i], pointer) == CUDA_SUCCESS)
      continue;
    if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
      *static_cast<int*>(data[i]) = -2;
    else if (attributes[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE ||
             attributes[i] == CU_POINTER_ATTRIBUTE_IS_MANAGED ||
             attributes[i] == CU_POINTER_ATTRIBUTE_ACCESS_FLAGS)
      *static_cast<unsigned*>(data[i]) = 0;
    else if (attributes[i] == CU_POINTER_ATTRIBUTE_MAPPED ||
             attributes[i] == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS)
      *static_cast<bool*>(data[i]) = false;
    else
      *static_cast<std::uint64_t*>(data[i]) = 0;
  }
  return CUDA_SUCCESS;
}

CUresult cuPointerSetAttribute(const void* value, CUpointer_attribute attribute, CUdeviceptr pointer) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return value != nullptr && attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS &&
                 call->buffer(pointer) != call->buffers.end()
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_VALUE;
}

} // namespace emu::abi
