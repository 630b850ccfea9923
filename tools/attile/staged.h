// A launch on host memory, on any device: operands are copied to it, and outputs back.
#pragma once

#include <attile/device.h>

namespace attile::cli {

class Staged {
public:
  /// Copies every operand, with the gaps of its strides, to memory of the device; on a CPU it copies nothing.
  /// `host` views must outlive it.
  static Result<Staged> to(const Device& device, const Arguments& host);

  /// The same launch with addresses of the device. Views of it are good while this lives.
  const Arguments& arguments() const { return device_side; }
  /// Waits for the device, and copies outputs to the host.
  Result<void> back();

private:
  struct Copy {
    DeviceBuffer buffer;
    void* host; ///< the lowest byte; null for inputs
  };
  template <class View> Result<void> move(View& view, bool output);

  explicit Staged(Device device) : device(std::move(device)) {}
  Device device;
  Arguments device_side;
  std::vector<Copy> copies;
};

} // namespace attile::cli
