// Streams, and what they are given that is neither a kernel nor a copy.
#include "emulator/driver/call.h"
#include "emulator/driver/capture.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu::abi {

using namespace emu::driver;

namespace {

CUresult value_operation(StreamCall& call, CUdeviceptr address, unsigned bytes, Operation operation) {
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::optional<Allocation> found = call->memory->find(address);
  if (!found || address % bytes != 0 || found->end() - address < bytes)
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  fmt::format("{:#x} is not the aligned device address of {} bytes", address, bytes));
  return call.submit(std::move(operation));
}

} // namespace

CUresult cuStreamCreateWithPriority(CUstream* handle, unsigned int flags, int priority) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (handle == nullptr || flags > CU_STREAM_NON_BLOCKING)
    return CUDA_ERROR_INVALID_VALUE;
  auto stream = std::make_shared<Stream>();
  stream->context = call.context.get();
  stream->flags = flags;
  stream->non_blocking = flags == CU_STREAM_NON_BLOCKING;
  stream->priority = std::clamp(priority, -5, 0);
  stream->id = call->next_id++;
  *handle = call->streams.add(std::move(stream));
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream* stream, unsigned int flags) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}

// What it was given is still done.
CUresult cuStreamDestroy_v2(CUstream handle) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call->streams.take(handle) == nullptr)
    return CUDA_ERROR_INVALID_HANDLE; // a default stream
  if (call.stream->capture != nullptr)
    call.stream->capture->invalid = true;
  std::erase(call->capturing, call.stream.get());
  return CUDA_SUCCESS;
}

CUresult cuStreamGetPriority(CUstream handle, int* priority) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (priority == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *priority = call.stream->priority;
  return CUDA_SUCCESS;
}

CUresult cuStreamGetFlags(CUstream handle, unsigned int* flags) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *flags = call.stream->flags;
  return CUDA_SUCCESS;
}

CUresult cuStreamGetId(CUstream handle, unsigned long long* id) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (id == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *id = call.stream->id;
  return CUDA_SUCCESS;
}

CUresult cuStreamGetDevice(CUstream handle, CUdevice* device) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (device == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *device = call.stream->context->device;
  return CUDA_SUCCESS;
}

CUresult cuStreamGetCtx(CUstream handle, CUcontext* context) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (context == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *context = call->contexts.handle_of(*call.stream->context);
  return CUDA_SUCCESS;
}

CUresult cuStreamGetCtx_v2(CUstream handle, CUcontext* context, CUgreenCtx* green) {
  if (green != nullptr)
    *green = nullptr;
  return cuStreamGetCtx(handle, context);
}

CUresult cuStreamQuery(CUstream handle) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.stream->capture != nullptr) {
    call.stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return call->queue.idle(*call.stream) ? call.context->error.load() : CUDA_ERROR_NOT_READY;
}

CUresult cuStreamSynchronize(CUstream handle) {
  StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.stream->capture != nullptr) {
    call.stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  if (capture_forbids_waiting(*call.driver))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  call.lock.unlock();
  call->queue.drain(*call.stream);
  return call.context->error.load();
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned int flags) {
  StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Event> event = call->events.find(event_handle);
  if (event == nullptr)
    return CUDA_ERROR_INVALID_HANDLE;
  if (flags > CU_EVENT_WAIT_EXTERNAL)
    return CUDA_ERROR_INVALID_VALUE;
  if (call.stream->capture != nullptr || event->capture != nullptr)
    return capture_wait(*call.driver, *call.stream, *event,
                        flags == CU_EVENT_WAIT_EXTERNAL ? event : nullptr);
  return event->submitted == 0 ? CUDA_SUCCESS : call.submit(AwaitEvent{event, event->submitted});
}

CUresult cuStreamAddCallback(CUstream handle, CUstreamCallback function, void* data, unsigned int flags) {
  StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (function == nullptr || flags != 0)
    return CUDA_ERROR_INVALID_VALUE;
  return call.submit(Callback{function, handle, data});
}

CUresult cuLaunchHostFunc(CUstream handle, CUhostFn function, void* data) {
  StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return function == nullptr ? CUDA_ERROR_INVALID_VALUE : call.submit(HostCall{function, data});
}

CUresult cuStreamAttachMemAsync(CUstream handle, CUdeviceptr pointer, std::size_t bytes, unsigned int flags) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto found = call->buffers.find(pointer);
  return found != call->buffers.end() && found->second.kind == Buffer::Kind::managed
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_VALUE;
}

// ---- values in memory ----

CUresult cuStreamWaitValue32_v2(CUstream handle, CUdeviceptr address, cuuint32_t value, unsigned int flags) {
  StreamCall call(handle);
  return value_operation(call, address, 4, AwaitValue{address, value, 4, flags});
}
CUresult cuStreamWaitValue64_v2(CUstream handle, CUdeviceptr address, cuuint64_t value, unsigned int flags) {
  StreamCall call(handle);
  return value_operation(call, address, 8, AwaitValue{address, value, 8, flags});
}
CUresult cuStreamWriteValue32_v2(CUstream handle, CUdeviceptr address, cuuint32_t value, unsigned int flags) {
  StreamCall call(handle);
  return value_operation(call, address, 4, WriteValue{address, value, 4});
}
CUresult cuStreamWriteValue64_v2(CUstream handle, CUdeviceptr address, cuuint64_t value, unsigned int flags) {
  StreamCall call(handle);
  return value_operation(call, address, 8, WriteValue{address, value, 8});
}

// ---- attributes: hints, without effect ----

CUresult cuStreamCopyAttributes(CUstream dst, CUstream src) {
  const StreamCall call(dst);
  return call.error;
}

CUresult cuStreamGetAttribute(CUstream handle, CUlaunchAttributeID attribute, CUlaunchAttributeValue* value) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  std::memset(value, 0, sizeof *value);
  if (attribute == CU_LAUNCH_ATTRIBUTE_PRIORITY)
    value->priority = call.stream->priority;
  else if (attribute == CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY)
    value->syncPolicy = 1;
  return CUDA_SUCCESS;
}

CUresult cuStreamSetAttribute(CUstream handle, CUlaunchAttributeID attribute,
                              const CUlaunchAttributeValue* value) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (value == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (attribute == CU_LAUNCH_ATTRIBUTE_PRIORITY)
    call.stream->priority = std::clamp(value->priority, -5, 0);
  return CUDA_SUCCESS;
}

} // namespace emu::abi
