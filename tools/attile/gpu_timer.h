// Times of what a GPU does, by its events, through the driver that a device has opened.
#pragma once

#include <attile/device.h>
#include <functional>
#include <memory>

namespace attile::cli {

/// While it lives, the context of the device's memory is current in this thread.
class GpuTimer {
public:
  static Result<std::unique_ptr<GpuTimer>> on(const Device& device);
  ~GpuTimer();
  GpuTimer(const GpuTimer&) = delete;

  /// Milliseconds on the GPU of what `work` puts into the default stream; waits for it.
  Result<double> ms(const std::function<Result<void>()>& work) const;
  /// A CUdevice_attribute.
  Result<int> attribute(int which) const;
  /// Whether the driver is the emulator, under whatever name: then little work will do.
  bool is_emulated() const { return emulated; }

private:
  struct Functions;
  explicit GpuTimer(std::unique_ptr<Functions> functions);
  std::unique_ptr<Functions> driver;
  void* events[2] = {};
  bool emulated = false, entered = false;
};

/// An environment error of a driver's call.
Error gpu_error(const char* call, int status);

} // namespace attile::cli
