// Events. Their time is the emulated device's (docs/emulator.md), not the host's.
#include "emulator/driver/call.h"

namespace emu::abi {

using namespace emu::driver;

namespace {

struct EventCall : ContextCall {
  explicit EventCall(CUevent handle) {
    if (error != CUDA_SUCCESS)
      return;
    event = driver->events.find(handle);
    if (event == nullptr)
      error = CUDA_ERROR_INVALID_HANDLE;
    else if (event->capture != nullptr)
      error = CUDA_ERROR_CAPTURED_EVENT;
  }
  std::shared_ptr<Event> event;
};

} // namespace

CUresult cuEventCreate(CUevent* handle, unsigned int flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (handle == nullptr || flags > 7)
    return CUDA_ERROR_INVALID_VALUE;
  if ((flags & CU_EVENT_INTERPROCESS) != 0)
    return CUDA_ERROR_NOT_SUPPORTED;
  auto event = std::make_shared<Event>();
  event->context = call.context.get();
  event->flags = flags;
  *handle = call->events.add(std::move(event));
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent handle) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return call->events.take(handle) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuEventRecordWithFlags(CUevent handle, CUstream stream, unsigned int flags) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Event> event = call->events.find(handle);
  if (event == nullptr || event->context != call.stream->context)
    return CUDA_ERROR_INVALID_HANDLE;
  if (flags > CU_EVENT_RECORD_EXTERNAL)
    return CUDA_ERROR_INVALID_VALUE;
  if (call.stream->capture != nullptr && flags != CU_EVENT_RECORD_EXTERNAL) {
    if (call.stream->capture->invalid)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    event->capture = call.stream->capture;
    event->frontier = call.stream->frontier;
    return CUDA_SUCCESS;
  }
  if (call.stream->capture != nullptr)
    return call.submit(Record{event, 0});
  event->capture = nullptr;
  event->frontier.clear();
  return call.submit(Record{event, ++event->submitted});
}

CUresult cuEventRecord(CUevent event, CUstream stream) { return cuEventRecordWithFlags(event, stream, 0); }

CUresult cuEventQuery(CUevent handle) {
  const EventCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::lock_guard lock(call->queue.mutex());
  return call.event->completed >= call.event->submitted ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuEventSynchronize(CUevent handle) {
  EventCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::uint64_t generation = call.event->submitted;
  call.lock.unlock();
  call->queue.wait([&] { return call.event->completed >= generation; });
  return call.context->error.load();
}

CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent start_handle, CUevent end_handle) {
  const EventCall call(start_handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Event> end = call->events.find(end_handle);
  if (milliseconds == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (end == nullptr || ((call.event->flags | end->flags) & CU_EVENT_DISABLE_TIMING) != 0 ||
      call.event->submitted == 0 || end->submitted == 0)
    return CUDA_ERROR_INVALID_HANDLE;
  const std::lock_guard lock(call->queue.mutex());
  if (call.event->completed < call.event->submitted || end->completed < end->submitted)
    return CUDA_ERROR_NOT_READY;
  *milliseconds = static_cast<float>((end->time - call.event->time) * 1e-6);
  return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  return cuEventElapsedTime_v2(milliseconds, start, end);
}

} // namespace emu::abi
