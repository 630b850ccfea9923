#include "cuda/backend.h"
#include "cuda/kernel.h"

#include <charconv>
#include <fmt/core.h>

namespace attile::cuda {

namespace {

class CudaDevice : public DeviceImpl {
public:
  explicit CudaDevice(std::shared_ptr<const Gpu> gpu) : gpu(std::move(gpu)) {
    info = {this->gpu->name(), this->gpu->description(), true, "", to_string(this->gpu->capability)};
  }

  Result<std::shared_ptr<KernelImpl>> load(const Package& package) override {
    Result<const CodeSection*> section = choose_section(package, *gpu);
    if (!section)
      return section.error();
    Result<Chosen> chosen = choose(package, **section);
    if (!chosen)
      return chosen.error();
    Result<Current> current = Current::enter(*gpu);
    if (!current)
      return current.error();
    Result<std::unique_ptr<Code>> code = Code::load(package, **section, *gpu);
    if (!code)
      return std::move(code).error().in(fmt::format("package '{}'", package.spec_name));
    return std::shared_ptr<KernelImpl>(
        std::make_shared<CudaKernel>(*std::move(chosen), gpu, *std::move(code)));
  }

  Result<void*> allocate(std::int64_t bytes) override {
    Result<Current> current = Current::enter(*gpu);
    if (!current)
      return current.error();
    Result<Pointer> memory = gpu->allocate(bytes);
    if (!memory)
      return memory.error();
    return reinterpret_cast<void*>(*memory);
  }

  void release(void* memory) override {
    if (Result<Current> current = Current::enter(*gpu))
      gpu->release(reinterpret_cast<Pointer>(memory));
  }

  Result<void> write(void* memory, const void* host, std::size_t bytes) override {
    return after_all_work("copying to the device", [&] {
      return gpu->driver.cuMemcpyHtoD_v2(reinterpret_cast<Pointer>(memory), host, bytes);
    });
  }

  Result<void> read(const void* memory, void* host, std::size_t bytes) override {
    return after_all_work("copying from the device", [&] {
      return gpu->driver.cuMemcpyDtoH_v2(host, reinterpret_cast<Pointer>(memory), bytes);
    });
  }

  Result<void> synchronize() override {
    return after_all_work("", [] { return Status::success; });
  }

  void* driver_function(const char* name) override { return gpu->driver.function(name); }

private:
  template <class Call> Result<void> after_all_work(std::string_view what, Call call) {
    Result<Current> current = Current::enter(*gpu);
    if (!current)
      return current.error();
    if (Status status = gpu->driver.cuCtxSynchronize(); status != Status::success)
      return gpu->driver.error(status, "cuCtxSynchronize");
    return gpu->driver.check(call(), what);
  }

  std::shared_ptr<const Gpu> gpu;
};

Result<std::shared_ptr<DeviceImpl>> open(const Driver& driver, int ordinal) {
  Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(driver, ordinal);
  if (!gpu)
    return gpu.error();
  return std::shared_ptr<DeviceImpl>(std::make_shared<CudaDevice>(*std::move(gpu)));
}

/// What follows the colon of a device's name.
std::string_view suffix(std::string_view name) {
  std::size_t colon = name.find(':');
  return colon == name.npos ? "" : name.substr(colon + 1);
}

} // namespace

Result<std::shared_ptr<DeviceImpl>> open(std::string_view name) {
  int ordinal = 0;
  if (name != backend.name) {
    std::string_view number = suffix(name);
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), ordinal);
    if (error != std::errc() || end != number.data() + number.size())
      return usage_error("expected 'cuda' or 'cuda:N' with a device's number N");
  }
  Result<const Driver*> driver = Driver::open();
  if (!driver)
    return driver.error();
  return open(**driver, ordinal);
}

Result<std::shared_ptr<DeviceImpl>> open_emulator(std::string_view name) {
  std::string_view chip = suffix(name);
  if (chip.empty())
    return usage_error("expected 'emulator:sm_XX', such as emulator:sm_90a");
  Result<const Driver*> driver = Driver::open_emulator(std::string(chip));
  if (!driver)
    return driver.error();
  return open(**driver, 0);
}

void list(std::vector<DeviceInfo>& devices) {
  auto missing = [&](std::string name, const Error& error) {
    devices.push_back({std::move(name), "", false,
                       error.remedy.empty() ? error.message : error.message + "; " + error.remedy});
  };
  Result<const Driver*> driver = Driver::open();
  if (!driver)
    return missing(std::string(backend.name), driver.error());
  int count = 0;
  (*driver)->cuDeviceGetCount(&count);
  for (int i = 0; i < count; ++i)
    if (Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(**driver, i))
      devices.push_back({(*gpu)->name(), (*gpu)->description(), true, ""});
    else
      missing((*driver)->device_name(i), gpu.error());
}

void list_emulator(std::vector<DeviceInfo>& devices) {
  Result<std::string> path = Driver::find_emulator();
  if (path)
    devices.push_back(
        {"emulator:sm_XX", "a GPU in software, for any chip from sm_75 on: " + *path, true, ""});
  else
    devices.push_back({"emulator:sm_XX", "", false, path.error().message + "; " + path.error().remedy});
}

} // namespace attile::cuda
