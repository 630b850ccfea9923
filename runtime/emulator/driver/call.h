// How a function of the API begins: the driver's mutex, the calling thread's context, and the errors of both.
#pragma once

#include "emulator/driver/objects.h"

namespace emu::driver {

/// Holds the driver's mutex, for functions that need no context.
struct Call {
  Call();
  Driver* operator->() const { return driver; }

  CUresult error = CUDA_SUCCESS;
  Driver* driver = nullptr;
  std::unique_lock<std::mutex> lock;
};

/// As Call, with the calling thread's context, whose error, if a kernel has failed, is the call's.
struct ContextCall : Call {
  ContextCall();
  const Chip& chip() const { return *driver->devices[context->device].chip; }

  std::shared_ptr<Context> context;
};

/// As Call, with a device.
struct DeviceCall : Call {
  explicit DeviceCall(CUdevice ordinal);
  Device* device = nullptr;
};

/// As ContextCall, with the function that `handle` stands for, which may be that of a CUkernel.
struct FunctionCall : ContextCall {
  explicit FunctionCall(CUfunction handle);
  std::shared_ptr<FunctionObject> function;
};

/// As ContextCall, with the stream that `handle` stands for, of any context.
struct StreamCall : ContextCall {
  explicit StreamCall(CUstream handle);
  std::shared_ptr<Stream> stream;

  /// Gives the stream something to do, or the graph that it captures into.
  CUresult submit(Operation operation);
  /// As submit, and waits until it is done. Refused while the stream captures.
  CUresult complete(Operation operation);
};

/// The contexts of the calling thread, the current one last.
std::vector<std::shared_ptr<Context>>& context_stack();

/// What the default stream is in this call: of functions that a program got for per-thread default streams.
struct PerThreadDefault {
  PerThreadDefault();
  ~PerThreadDefault();
};

/// The stream that `handle` stands for, in `context`; null if there is none.
std::shared_ptr<Stream> find_stream(Driver& driver, const std::shared_ptr<Context>& context, CUstream handle);

} // namespace emu::driver
