#include "tools/attile/gpu_timer.h"

#include "tools/attile/emulator_report.h"

#include <fmt/core.h>
#include <type_traits>

using namespace attile;
using namespace attile::cli;

// CUDA Driver API reference.
struct GpuTimer::Functions {
  int (*pointer_attribute)(void*, int, unsigned long long) = nullptr;
  int (*push)(void*) = nullptr;
  int (*pop)(void**) = nullptr;
  int (*create)(void**, unsigned) = nullptr;
  int (*destroy)(void*) = nullptr;
  int (*record)(void*, void*) = nullptr;
  int (*synchronize)(void*) = nullptr;
  int (*elapsed)(float*, void*, void*) = nullptr;
  int (*device)(int*) = nullptr;
  int (*attribute)(int*, int, int) = nullptr;

  bool find(const Device& on) {
    bool complete = true;
    auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(on.driver_function(name));
      complete = complete && function != nullptr;
    };
    find(pointer_attribute, "cuPointerGetAttribute");
    find(push, "cuCtxPushCurrent_v2");
    find(pop, "cuCtxPopCurrent_v2");
    find(create, "cuEventCreate");
    find(destroy, "cuEventDestroy_v2");
    find(record, "cuEventRecord");
    find(synchronize, "cuEventSynchronize");
    find(elapsed, "cuEventElapsedTime");
    find(device, "cuCtxGetDevice");
    find(attribute, "cuDeviceGetAttribute");
    return complete;
  }
};

Error cli::gpu_error(const char* call, int status) {
  return environment_error(fmt::format("the GPU cannot be measured: {} gives {}", call, status));
}

GpuTimer::GpuTimer(std::unique_ptr<Functions> functions) : driver(std::move(functions)) {}

Result<std::unique_ptr<GpuTimer>> GpuTimer::on(const Device& device) {
  auto functions = std::make_unique<Functions>();
  if (!functions->find(device))
    return environment_error(fmt::format("device '{}' has no events to measure with", device.info().name),
                             "take a GPU; update NVIDIA's driver");
  std::unique_ptr<GpuTimer> timer(new GpuTimer(std::move(functions)));
  timer->emulated = cli::is_emulated(device);
  Result<DeviceBuffer> any = device.allocate(256);
  if (!any)
    return any.error();
  constexpr int context_of = 1; // CU_POINTER_ATTRIBUTE_CONTEXT
  void* context = nullptr;
  if (int status = timer->driver->pointer_attribute(static_cast<void*>(&context), context_of,
                                                    reinterpret_cast<unsigned long long>(any->data())))
    return gpu_error("cuPointerGetAttribute", status);
  if (int status = timer->driver->push(context))
    return gpu_error("cuCtxPushCurrent", status);
  timer->entered = true;
  for (void*& event : timer->events)
    if (int status = timer->driver->create(&event, 0))
      return gpu_error("cuEventCreate", status);
  return timer;
}

GpuTimer::~GpuTimer() {
  for (void* event : events)
    if (event)
      driver->destroy(event);
  void* context = nullptr;
  if (entered)
    driver->pop(&context);
}

Result<double> GpuTimer::ms(const std::function<Result<void>()>& work) const {
  if (int status = driver->record(events[0], nullptr))
    return gpu_error("cuEventRecord", status);
  if (Result<void> worked = work(); !worked)
    return worked.error();
  if (int status = driver->record(events[1], nullptr))
    return gpu_error("cuEventRecord", status);
  if (int status = driver->synchronize(events[1]))
    return gpu_error("cuEventSynchronize", status);
  float ms = 0;
  if (int status = driver->elapsed(&ms, events[0], events[1]))
    return gpu_error("cuEventElapsedTime", status);
  return static_cast<double>(ms);
}

Result<int> GpuTimer::attribute(int which) const {
  int ordinal = 0, value = 0;
  if (int status = driver->device(&ordinal))
    return gpu_error("cuCtxGetDevice", status);
  if (int status = driver->attribute(&value, which, ordinal))
    return gpu_error("cuDeviceGetAttribute", status);
  return value;
}
