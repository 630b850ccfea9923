#include "emulator/driver/objects.h"
#include "emulator/driver/call.h"
#include "emulator/driver/capture.h"
#include "emulator/driver/graph.h"
#include "emulator/driver/launch.h"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace emu::driver {
namespace {

std::mutex start_mutex;
std::atomic<Driver*> the_driver{nullptr};
thread_local int per_thread_default = 0;

// The driver itself stays: threads may still be in it. What has not begun is given up, as with a real one.
void end_driver() {
  {
    const std::lock_guard lock(driver()->running_mutex);
    if (driver()->running != nullptr)
      driver()->running->stopped = true;
  }
  driver()->queue.stop();
  const std::string path = settings().counters_file;
  if (path.empty())
    return;
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    fmt::print(stderr, "emulator: cannot write the counters to '{}'\n", path);
    return;
  }
  const std::string text = report().counters_json();
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

} // namespace

Driver* driver() { return the_driver.load(std::memory_order_acquire); }

Driver::Driver() {
  const Settings now = settings();
  const Chip* chip = chip_named(now.target);
  // Host memory that kernels may touch, and ranges that are free but not used again at once, need addresses
  // as well.
  memory = std::make_unique<Memory>(chip->memory_bytes * (static_cast<std::uint64_t>(now.devices) + 1));
  checker = std::make_unique<Checker>(*memory);
  for (int ordinal = 0; ordinal < now.devices; ++ordinal) {
    Device& device = devices.emplace_back();
    device.ordinal = ordinal;
    device.chip = chip;
    auto pool = std::make_shared<Pool>();
    pool->device = ordinal;
    device.default_pool = device.pool = pools.add(std::move(pool));
  }
}

std::map<std::uint64_t, Buffer>::iterator Driver::buffer(std::uint64_t address) {
  auto after = buffers.upper_bound(address);
  if (after == buffers.begin())
    return buffers.end();
  --after;
  return address - after->first < std::max<std::uint64_t>(after->second.size, 1) ? after : buffers.end();
}

std::uint64_t Driver::allocate(std::uint64_t bytes, Buffer buffer) {
  Device& device = devices[buffer.device];
  const bool on_host = buffer.kind == Buffer::Kind::host;
  if (!on_host && (bytes > device.chip->memory_bytes || device.used > device.chip->memory_bytes - bytes))
    return 0;
  Allocation attributes;
  attributes.host = buffer.kind != Buffer::Kind::device;
  const std::uint64_t address = memory->allocate(bytes, 256, attributes);
  if (address == 0)
    return 0;
  if (!on_host)
    device.used += bytes;
  if (Checker* const checks = this->checks()) {
    if (buffer.kind == Buffer::Kind::device)
      checks->allocated(address, bytes);
    else // what the host writes there is not seen
      checks->host_writes(address, bytes);
  }
  buffer.size = bytes;
  buffer.serial = next_id++;
  buffers.emplace(address, std::move(buffer));
  return address;
}

void Driver::forget(std::map<std::uint64_t, Buffer>::iterator buffer) {
  if (buffer->second.kind == Buffer::Kind::device || buffer->second.kind == Buffer::Kind::managed)
    devices[buffer->second.device].used -= buffer->second.size;
  if (buffer->second.pool != nullptr)
    buffer->second.pool->used -= buffer->second.size;
  buffers.erase(buffer);
}

CUresult start_driver() {
  const std::lock_guard lock(start_mutex);
  if (driver() == nullptr) {
    the_driver.store(new Driver, std::memory_order_release);
    std::atexit(end_driver);
  }
  return CUDA_SUCCESS;
}

// ---- calls ----

std::vector<std::shared_ptr<Context>>& context_stack() {
  thread_local std::vector<std::shared_ptr<Context>> stack;
  return stack;
}

Call::Call() : driver(driver::driver()) {
  if (driver == nullptr)
    error = CUDA_ERROR_NOT_INITIALIZED;
  else if (Queue::is_worker())
    error = refuse(CUDA_ERROR_NOT_PERMITTED,
                   "a function of the driver is called inside a host function of a stream");
  else
    lock = std::unique_lock(driver->mutex);
}

DeviceCall::DeviceCall(CUdevice ordinal) {
  if (error != CUDA_SUCCESS)
    return;
  device = driver->device(ordinal);
  if (device == nullptr)
    error = CUDA_ERROR_INVALID_DEVICE;
}

ContextCall::ContextCall() {
  if (error != CUDA_SUCCESS)
    return;
  if (context_stack().empty() || context_stack().back() == nullptr) {
    error = CUDA_ERROR_INVALID_CONTEXT;
    return;
  }
  context = context_stack().back();
  if (driver->contexts.find(driver->contexts.handle_of(*context)) == nullptr)
    error = CUDA_ERROR_CONTEXT_IS_DESTROYED;
  else
    error = context->error.load();
}

FunctionCall::FunctionCall(CUfunction handle) {
  if (error != CUDA_SUCCESS)
    return;
  function = find_function(*driver, *context, handle);
  if (function == nullptr)
    error = CUDA_ERROR_INVALID_HANDLE;
}

StreamCall::StreamCall(CUstream handle) {
  if (error != CUDA_SUCCESS)
    return;
  stream = find_stream(*driver, context, handle);
  if (stream == nullptr)
    error = CUDA_ERROR_INVALID_HANDLE;
}

PerThreadDefault::PerThreadDefault() { ++per_thread_default; }
PerThreadDefault::~PerThreadDefault() { --per_thread_default; }

std::shared_ptr<Stream> find_stream(Driver& driver, const std::shared_ptr<Context>& context,
                                    CUstream handle) {
  if (handle == nullptr)
    handle = per_thread_default > 0 ? CU_STREAM_PER_THREAD : CU_STREAM_LEGACY;
  if (handle == CU_STREAM_LEGACY)
    return context->legacy;
  if (handle != CU_STREAM_PER_THREAD)
    return driver.streams.find(handle);
  std::shared_ptr<Stream>& stream = context->per_thread[std::this_thread::get_id()];
  if (stream == nullptr) {
    stream = std::make_shared<Stream>();
    stream->context = context.get();
    stream->id = driver.next_id++;
  }
  return stream;
}

namespace {

// What a stream is given next: a kernel that follows another one directly may overlap it.
void follow(Driver& driver, Stream& stream, Operation& operation) {
  auto* const kernel = std::get_if<KernelLaunch>(&operation);
  if (kernel != nullptr) {
    kernel->number = ++driver.launches;
    kernel->after = stream.last_launch;
  }
  stream.last_launch = kernel != nullptr ? kernel->number : 0;
}

} // namespace

CUresult StreamCall::submit(Operation operation) {
  if (stream->capture != nullptr)
    return capture(*stream, std::move(operation));
  // The legacy stream would have to wait for a blocking stream that captures.
  if (stream->legacy && blocking_capture(*driver, *stream->context))
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  std::shared_ptr<Context> owner =
      driver->contexts.find(Handles<Context, CUcontext>::handle_of(*stream->context));
  if (owner == nullptr)
    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  follow(*driver, *stream, operation);
  auto shared = std::make_shared<const Operation>(std::move(operation));
  driver->queue.submit(
      {stream, [shared] { return may_begin(*shared); }, [shared, owner] { execute(*shared, *owner); }});
  return CUDA_SUCCESS;
}

CUresult StreamCall::complete(Operation operation) {
  if (stream->capture != nullptr) {
    stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  if (stream->legacy && blocking_capture(*driver, *stream->context))
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  follow(*driver, *stream, operation);
  const std::shared_ptr<Context> owner = context;
  Queue& queue = driver->queue;
  lock.unlock();
  queue.complete({stream, [&] { return may_begin(operation); }, [&] { execute(operation, *owner); }});
  return owner->error.load();
}

} // namespace emu::driver
