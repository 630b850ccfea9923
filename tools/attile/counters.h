// What the emulated GPU counts while kernels run.
#pragma once

#include "tools/attile/report.h"

#include <attile/device.h>
#include <cstdint>

namespace attile::cli {

/// Of the launches since `count`, one of each kernel.
struct Counted {
  struct Kernel {
    std::string name;
    Json totals; ///< what docs/emulator.md lists under "Counters", by name
    Json mix;    ///< instructions of threads, by class
    std::int64_t total(const char* counter) const { return totals.value(counter, std::int64_t{0}); }
  };
  std::vector<Kernel> kernels; ///< in the order of their launches

  std::int64_t total(const char* counter) const; ///< of all kernels
  std::int64_t global_bytes() const { return total("global_read_bytes") + total("global_written_bytes"); }
};

/// From now on every launch on the device is counted. A usage error if it is no emulated GPU.
Result<void> count(const Device& device);
/// What was counted; the device must be idle.
Result<Counted> counted(const Device& device);

/// `predicted_bytes`: of global memory, as `attile explain` says.
Json json_of(const Counted& counted, double predicted_bytes);
void print(const Counted& counted, double predicted_bytes);

} // namespace attile::cli
