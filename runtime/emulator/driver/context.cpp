// Contexts: what a thread's calls refer to, and where a kernel's error stays.
#include "emulator/driver/call.h"
#include "emulator/driver/capture.h"
#include "emulator/isa/load.h"

#include <utility>

namespace emu::abi {

using namespace emu::driver;

namespace {

constexpr unsigned known_flags = 0xff;
constexpr int least_priority = 0, greatest_priority = -5;

std::shared_ptr<Context> make_context(Driver& driver, int device, unsigned flags) {
  auto context = std::make_shared<Context>();
  context->device = device;
  context->flags = flags;
  context->id = driver.next_id++;
  context->legacy = std::make_shared<Stream>();
  context->legacy->context = context.get();
  context->legacy->id = driver.next_id++;
  context->legacy->legacy = true;
  context->limits = {{CU_LIMIT_STACK_SIZE, 1024},
                     {CU_LIMIT_PRINTF_FIFO_SIZE, 1 << 20},
                     {CU_LIMIT_MALLOC_HEAP_SIZE, 8 << 20},
                     {CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH, 2},
                     {CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT, 2048},
                     {CU_LIMIT_MAX_L2_FETCH_GRANULARITY, 64},
                     {CU_LIMIT_PERSISTING_L2_CACHE_SIZE, 0}};
  driver.contexts.add(context);
  return context;
}

// Lets its work end, and everything that belongs to it go.
void destroy_context(Call& call, const std::shared_ptr<Context>& context) {
  Driver& driver = *call.driver;
  driver.contexts.take(driver.contexts.handle_of(*context));
  call.lock.unlock();
  driver.queue.drain_context(context.get());
  call.lock.lock();
  const auto mine = [&](const auto& object) { return object.context == context.get(); };
  std::erase_if(driver.capturing, [&](const Stream* stream) { return mine(*stream); });
  driver.streams.erase_if(mine);
  driver.events.erase_if(mine);
  driver.functions.erase_if([&](const FunctionObject& function) {
    const std::shared_ptr<Module> module = function.module.lock();
    return module == nullptr || mine(*module);
  });
  driver.modules.erase_if([&](const Module& module) {
    if (mine(module))
      release_variables(*module.program, *driver.memory);
    return mine(module);
  });
  driver.libraries.for_each([&](Library& library) { library.modules.erase(context.get()); });
  for (auto buffer = driver.buffers.begin(); buffer != driver.buffers.end();) {
    const auto next = std::next(buffer);
    if (mine(buffer->second)) {
      if (buffer->second.kind != Buffer::Kind::registered)
        driver.memory->release(buffer->first);
      driver.forget(buffer);
    }
    buffer = next;
  }
}

CUresult create(CUcontext* context, unsigned flags, CUdevice ordinal) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (context == nullptr || (flags & ~known_flags) != 0)
    return CUDA_ERROR_INVALID_VALUE;
  if (call->device(ordinal) == nullptr)
    return CUDA_ERROR_INVALID_DEVICE;
  const std::shared_ptr<Context> made = make_context(*call.driver, ordinal, flags);
  context_stack().push_back(made);
  *context = call->contexts.handle_of(*made);
  return CUDA_SUCCESS;
}

std::shared_ptr<Context> top() { return context_stack().empty() ? nullptr : context_stack().back(); }

CUresult synchronize(Call& call, const std::shared_ptr<Context>& context) {
  if (capture_forbids_waiting(*call.driver))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  Queue& queue = call->queue;
  call.lock.unlock();
  queue.drain_context(context.get());
  return context->error.load();
}

} // namespace

// ---- the primary context ----

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice ordinal) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (context == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (call.device->primary == nullptr) {
    call.device->primary = make_context(*call.driver, ordinal, call.device->primary_flags);
    call.device->primary->primary = true;
  }
  ++call.device->primary_count;
  *context = call->contexts.handle_of(*call.device->primary);
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice ordinal) {
  DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.device->primary_count == 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (--call.device->primary_count == 0 && call.device->primary != nullptr)
    destroy_context(call, std::exchange(call.device->primary, nullptr));
  return CUDA_SUCCESS;
}

// It stays retained as often as it was; the next retention makes it anew.
CUresult cuDevicePrimaryCtxReset_v2(CUdevice ordinal) {
  DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.device->primary != nullptr)
    destroy_context(call, std::exchange(call.device->primary, nullptr));
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice ordinal, unsigned int flags) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if ((flags & ~known_flags) != 0)
    return CUDA_ERROR_INVALID_VALUE;
  call.device->primary_flags = flags;
  if (call.device->primary != nullptr)
    call.device->primary->flags = flags;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice ordinal, unsigned int* flags, int* active) {
  const DeviceCall call(ordinal);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags != nullptr)
    *flags = call.device->primary_flags;
  if (active != nullptr)
    *active = call.device->primary != nullptr ? 1 : 0;
  return CUDA_SUCCESS;
}

// ---- creation, and what is current ----

CUresult cuCtxCreate_v2(CUcontext* context, unsigned int flags, CUdevice device) {
  return create(context, flags, device);
}

CUresult cuCtxCreate_v4(CUcontext* context, CUctxCreateParams* params, unsigned int flags, CUdevice device) {
  if (params != nullptr && params->numExecAffinityParams != 0)
    return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
  return create(context, flags, device);
}

CUresult cuCtxDestroy_v2(CUcontext handle) {
  Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = call->contexts.find(handle);
  if (context == nullptr || context->primary)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (top() == context)
    context_stack().pop_back();
  destroy_context(call, context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = call->contexts.find(handle);
  if (context == nullptr)
    return CUDA_ERROR_INVALID_CONTEXT;
  context_stack().push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext* handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (top() == nullptr)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (handle != nullptr)
    *handle = call->contexts.handle_of(*top());
  context_stack().pop_back();
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = call->contexts.find(handle);
  if (handle != nullptr && context == nullptr)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (!context_stack().empty())
    context_stack().pop_back();
  if (context != nullptr)
    context_stack().push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (handle == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *handle = top() == nullptr ? nullptr : call->contexts.handle_of(*top());
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice_v2(CUdevice* device, CUcontext handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = handle == nullptr ? top() : call->contexts.find(handle);
  if (context == nullptr)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (device == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *device = context->device;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* device) { return cuCtxGetDevice_v2(device, nullptr); }

CUresult cuCtxGetFlags(unsigned int* flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *flags = call.context->flags;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetFlags(unsigned int flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if ((flags & ~known_flags) != 0)
    return CUDA_ERROR_INVALID_VALUE;
  call.context->flags = flags;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetId(CUcontext handle, unsigned long long* id) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = handle == nullptr ? top() : call->contexts.find(handle);
  if (context == nullptr)
    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  if (id == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *id = context->id;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetApiVersion(CUcontext handle, unsigned int* version) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if ((handle == nullptr ? top() : call->contexts.find(handle)) == nullptr)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (version == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *version = 3020;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize() {
  ContextCall call;
  return call.error != CUDA_SUCCESS ? call.error : synchronize(call, call.context);
}

CUresult cuCtxSynchronize_v2(CUcontext handle) {
  if (handle == nullptr)
    return cuCtxSynchronize();
  Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Context> context = call->contexts.find(handle);
  return context == nullptr ? CUDA_ERROR_INVALID_CONTEXT : synchronize(call, context);
}

// ---- limits and preferences: remembered, without effect ----

CUresult cuCtxSetLimit(CUlimit limit, std::size_t value) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto known = call.context->limits.find(limit);
  if (known == call.context->limits.end())
    return CUDA_ERROR_UNSUPPORTED_LIMIT;
  known->second = value;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetLimit(std::size_t* value, CUlimit limit) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const auto known = call.context->limits.find(limit);
  if (known == call.context->limits.end())
    return CUDA_ERROR_UNSUPPORTED_LIMIT;
  *value = known->second;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCacheConfig(CUfunc_cache* config) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (config == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *config = call.context->cache;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config) {
  const ContextCall call;
  if (call.error == CUDA_SUCCESS)
    call.context->cache = config;
  return call.error;
}

CUresult cuCtxGetSharedMemConfig(CUsharedconfig* config) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (config == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *config = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetSharedMemConfig(CUsharedconfig config) {
  const ContextCall call;
  return call.error;
}

CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (least != nullptr)
    *least = least_priority;
  if (greatest != nullptr)
    *greatest = greatest_priority;
  return CUDA_SUCCESS;
}

CUresult cuCtxResetPersistingL2Cache() {
  const ContextCall call;
  return call.error;
}

// All devices share one memory.
CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags != 0)
    return CUDA_ERROR_INVALID_VALUE;
  const std::shared_ptr<Context> other = call->contexts.find(peer);
  if (other == nullptr || other == call.context)
    return CUDA_ERROR_INVALID_CONTEXT;
  return call.context->peers.insert(peer).second ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
}

CUresult cuCtxDisablePeerAccess(CUcontext peer) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return call.context->peers.erase(peer) == 1 ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
}

} // namespace emu::abi
