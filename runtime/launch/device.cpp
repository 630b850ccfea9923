#include <attile/device.h>

#include "cpu/backend.h"
#include "cuda/backend.h"
#include "launch/kernel_impl.h"
#include <fmt/core.h>

namespace attile {

namespace {
/// Every kind of device that this build knows.
constexpr Backend backends[] = {
#ifndef ATTILE_GPU_ONLY
    cpu::backend,
#endif
    cuda::backend, cuda::emulator_backend};
} // namespace

Result<Device> Device::open(std::string_view name) {
  std::string known;
  std::string_view kind = name.substr(0, name.find(':'));
  for (const Backend& backend : backends) {
    if (kind == backend.name) {
      Result<std::shared_ptr<DeviceImpl>> device = backend.open(name);
      if (!device)
        return std::move(device).error().in(fmt::format("cannot open device '{}'", name));
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
  return devices;
}

Result<Kernel> Device::load(const Package& package) const {
  if (Result<void> result = verify(package); !result)
    return std::move(result).error().in("cannot load package");
  Result<std::shared_ptr<KernelImpl>> kernel = impl->load(package);
  if (!kernel)
    return kernel.error();
  return Kernel(*std::move(kernel));
}

Result<DeviceBuffer> Device::allocate(std::int64_t bytes) const {
  if (bytes < 0)
    return usage_error(fmt::format("expected a size of memory, got {} bytes", bytes));
  Result<void*> memory = impl->allocate(bytes);
  if (!memory)
    return memory.error();
  return DeviceBuffer(impl, *memory, bytes);
}

Result<void> Device::synchronize() const { return impl->synchronize(); }

void* Device::driver_function(const char* name) const { return impl->driver_function(name); }

const DeviceInfo& Device::info() const { return impl->info; }

DeviceBuffer::DeviceBuffer(std::shared_ptr<DeviceImpl> device, void* memory, std::int64_t bytes)
    : device(std::move(device)), memory(memory), bytes(bytes) {}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : device(std::move(other.device)), memory(std::exchange(other.memory, nullptr)), bytes(other.bytes) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(device, other.device);
  std::swap(memory, other.memory);
  std::swap(bytes, other.bytes);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (memory)
    device->release(memory);
}

Result<void> DeviceBuffer::write(std::span<const std::byte> from) const {
  if (from.size() > static_cast<std::size_t>(bytes))
    return usage_error(
        fmt::format("cannot write to a buffer of {} bytes: expected no more, got {}", bytes, from.size()));
  return device->write(memory, from.data(), from.size());
}

Result<void> DeviceBuffer::read(std::span<std::byte> to) const {
  if (to.size() > static_cast<std::size_t>(bytes))
    return usage_error(
        fmt::format("cannot read from a buffer of {} bytes: expected no more, got {}", bytes, to.size()));
  return device->read(memory, to.data(), to.size());
}

Result<void> Kernel::launch(const Arguments& arguments, LaunchStats* stats) const {
  return impl->launch(arguments, stats);
}

Result<void> Kernel::check(const Arguments& arguments) const { return impl->check(arguments); }

Result<void> Kernel::reserve(const Arguments& arguments) const { return impl->reserve(arguments); }

const Package& Kernel::package() const { return impl->package; }

const std::string& Kernel::target() const { return impl->target; }

} // namespace attile
