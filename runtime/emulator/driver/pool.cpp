// Allocation in the order of a stream, and the pools it comes from. An address is given at once; it is free
// again when the stream comes to the release.
#include "emulator/driver/call.h"

#include <fmt/format.h>

namespace emu::abi {

using namespace emu::driver;

namespace {

CUresult allocate(StreamCall& call, CUdeviceptr* pointer, std::size_t bytes,
                  const std::shared_ptr<Pool>& pool) {
  if (pointer == nullptr || bytes == 0 || pool == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (call.stream->capture != nullptr) {
    call.stream->capture->invalid = true;
    return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the emulator has no allocation nodes in graphs");
  }
  const std::uint64_t address = call->allocate(
      bytes,
      {.kind = Buffer::Kind::device, .device = pool->device, .context = call.stream->context, .pool = pool});
  if (address == 0)
    return CUDA_ERROR_OUT_OF_MEMORY;
  pool->used += bytes;
  pool->most_used = std::max(pool->most_used, pool->used);
  *pointer = address;
  return CUDA_SUCCESS;
}

std::uint64_t* number_of(Pool& pool, CUmemPool_attribute attribute) {
  switch (static_cast<unsigned>(attribute)) {
  case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
    return &pool.release_threshold;
  case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
  case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
    return &pool.used;
  case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
  case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
    return &pool.most_used;
  default:
    return nullptr;
  }
}

bool is_reuse(CUmemPool_attribute attribute) {
  return attribute >= CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES &&
         attribute <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES;
}

} // namespace

CUresult cuMemAllocAsync(CUdeviceptr* pointer, std::size_t bytes, CUstream stream) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return allocate(call, pointer, bytes, call->pools.find(call->devices[call.stream->context->device].pool));
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr* pointer, std::size_t bytes, CUmemoryPool pool,
                                 CUstream stream) {
  StreamCall call(stream);
  return call.error != CUDA_SUCCESS ? call.error : allocate(call, pointer, bytes, call->pools.find(pool));
}

CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (pointer == 0)
    return CUDA_SUCCESS;
  const auto found = call->buffers.find(pointer);
  if (found == call->buffers.end() || found->second.kind != Buffer::Kind::device)
    return refuse(
        CUDA_ERROR_INVALID_VALUE,
        fmt::format("{:#x} is freed but is not the address of device memory that is allocated", pointer));
  const CUresult result = call.submit(Release{pointer});
  if (result == CUDA_SUCCESS)
    call->forget(found);
  return result;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (pool == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *pool = call.device->default_pool;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetMemPool(CUmemoryPool* pool, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (pool == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *pool = call.device->pool;
  return CUDA_SUCCESS;
}

CUresult cuDeviceSetMemPool(CUdevice ordinal, CUmemoryPool pool) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Pool> found = call->pools.find(pool);
  if (found == nullptr || found->device != ordinal)
    return CUDA_ERROR_INVALID_VALUE;
  call.device->pool = pool;
  return CUDA_SUCCESS;
}

CUresult cuMemPoolCreate(CUmemoryPool* pool, const CUmemPoolProps* properties) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (pool == nullptr || properties == nullptr || properties->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
      properties->location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
      call->device(properties->location.id) == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (static_cast<unsigned>(properties->handleTypes) != 0)
    return CUDA_ERROR_NOT_SUPPORTED;
  auto made = std::make_shared<Pool>();
  made->device = properties->location.id;
  *pool = call->pools.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuMemPoolDestroy(CUmemoryPool pool) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  for (Device& device : call->devices) {
    if (device.default_pool == pool)
      return CUDA_ERROR_INVALID_VALUE;
    if (device.pool == pool)
      device.pool = device.default_pool;
  }
  return call->pools.take(pool) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, std::size_t bytes) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return call->pools.find(pool) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolSetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void* value) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Pool> pool = call->pools.find(handle);
  if (pool == nullptr || value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (is_reuse(attribute))
    pool->reuse[attribute] = *static_cast<int*>(value);
  else if (attribute == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
    pool->release_threshold = *static_cast<cuuint64_t*>(value);
  else if (number_of(*pool, attribute) == &pool->most_used && *static_cast<cuuint64_t*>(value) == 0)
    pool->most_used = pool->used;
  else
    return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

CUresult cuMemPoolGetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void* value) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Pool> pool = call->pools.find(handle);
  if (pool == nullptr || value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (is_reuse(attribute))
    *static_cast<int*>(value) = pool->reuse.contains(attribute) ? pool->reuse[attribute] : 1;
  else if (const std::uint64_t* number = number_of(*pool, attribute))
    *static_cast<cuuint64_t*>(value) = *number;
  else
    return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

// All devices share one memory.
CUresult cuMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc* access, std::size_t count) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return call->pools.find(pool) != nullptr && (access != nullptr || count == 0) ? CUDA_SUCCESS
                                                                                : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolGetAccess(CUmemAccess_flags* flags, CUmemoryPool pool, CUmemLocation* location) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags == nullptr || location == nullptr || call->pools.find(pool) == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  return CUDA_SUCCESS;
}

} // namespace emu::abi
