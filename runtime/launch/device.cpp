#include <attile/device.h>

#include "cpu/backend.h"
#include "launch/kernel_impl.h"
#include <fmt/core.h>

namespace attile {

namespace {
/// Every kind of device that this build knows.
constexpr Backend backends[] = {cpu::backend};

/// Those that users will ask for, and which no build of this version has.
struct Absent {
  std::string_view name, missing, remedy;
};
constexpr Absent absent[] = {
    {"cuda", "this version has no CUDA backend (driver and NVRTC are not looked for)",
     "nothing that can be installed helps; use the cpu, or a later version of Attile"},
    {"emulator", "this version has no GPU emulator",
     "nothing that can be installed helps; use the cpu, or a later version of Attile"},
};
} // namespace

Result<Device> Device::open(std::string_view name) {
  std::string known;
  std::string_view kind = name.substr(0, name.find(':')); // emulator:sm_90
  for (const Absent& device : absent)
    if (kind == device.name)
      return environment_error(fmt::format("cannot open device '{}': {}", name, device.missing),
                               std::string(device.remedy));
  for (const Backend& backend : backends) {
    if (kind == backend.name) {
      Result<std::shared_ptr<DeviceImpl>> device = backend.open(name);
      if (!device)
        return device.error();
      return Device(*std::move(device));
    }
    known += (known.empty() ? "" : ", ") + std::string(backend.name);
  }
  return usage_error(fmt::format("there is no device '{}': expected one of: {}", name, known));
}

std::vector<DeviceInfo> Device::list() {
  std::vector<DeviceInfo> devices;
  for (const Backend& backend : backends)
    backend.list(devices);
  for (const Absent& device : absent)
    devices.push_back(
        {std::string(device.name), "", false, fmt::format("{}; {}", device.missing, device.remedy)});
  return devices;
}

Result<Kernel> Device::load(const Package& package) const {
  if (Result<void> result = verify(package); !result)
    return std::move(result).error().in("cannot load package");
  Result<plan::CompiledPlan> plan = plan::CompiledPlan::compile(package);
  if (!plan)
    return plan.error();
  Result<std::shared_ptr<KernelImpl>> kernel = impl->load(package, *std::move(plan));
  if (!kernel)
    return kernel.error();
  return Kernel(*std::move(kernel));
}

const DeviceInfo& Device::info() const { return impl->info; }

Result<void> Kernel::launch(const Arguments& arguments, LaunchStats* stats) const {
  return impl->launch(arguments, stats);
}

Result<void> Kernel::check(const Arguments& arguments) const { return impl->check(arguments); }

const Package& Kernel::package() const { return impl->package; }

const std::string& Kernel::target() const { return impl->target; }

} // namespace attile
