#include "cuda/driver.h"

#include "cuda/library.h"
#include <cstdlib>
#include <dlfcn.h>
#include <fmt/core.h>
#include <map>
#include <mutex>
#include <unistd.h>
#include <vector>

namespace attile::cuda {

namespace {

constexpr const char *driver_variable = "ATTILE_CUDA_DRIVER", *emulator_variable = "ATTILE_EMULATOR";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Drivers by the name under which they were opened.
struct Opened {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Driver>> drivers;
};
Opened& opened() {
  static Opened& only = *new Opened; // outlives kernels that are destroyed at the end of the process
  return only;
}

/// What can be done about a status; may be empty.
std::string remedy(Status status) {
  switch (status) {
  case Status::out_of_memory:
    return "free memory of the device, or launch on smaller operands";
  case Status::not_initialized:
    return "a process that was forked after CUDA was used cannot use it: start it anew (spawn)";
  case Status::no_device:
    return "look at nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, ask for GPUs when it is started";
  case Status::unsupported_ptx_version:
    return "update NVIDIA's driver, or build the package with machine code for this GPU";
  case Status::jit_compiler_not_found:
    return "install libnvidia-ptxjitcompiler, or build the package with machine code for this GPU";
  case Status::system_driver_mismatch:
    return "NVIDIA's kernel module and libcuda.so.1 differ in version: install both from one driver, reboot";
  default:
    return "";
  }
}

/// Errors of kernels stay in their context, and appear at whatever is called next.
bool is_of_a_kernel(Status status) {
  return status >= Status::illegal_address && status <= Status::launch_failed;
}

} // namespace

std::string version_text(int version) {
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

Result<const Driver*> Driver::open() {
  std::string path = variable(driver_variable);
  if (path.empty())
    path = "libcuda.so.1";
  Opened& all = opened();
  std::lock_guard lock(all.mutex);
  std::unique_ptr<Driver>& driver = all.drivers[path];
  if (driver)
    return driver.get();
  Result<void*> library = open_library(path);
  if (!library)
    return environment_error("there is no CUDA driver: " + library.error().message,
                             fmt::format("install NVIDIA's driver; in a container, ask for GPUs when it is "
                                         "started; if it is elsewhere, set {} to its path",
                                         driver_variable));
  Result<std::unique_ptr<Driver>> loaded = load(path, *library, "");
  if (!loaded)
    return loaded.error();
  driver = *std::move(loaded);
  return driver.get();
}

Result<std::string> Driver::find_emulator() {
  constexpr std::string_view name = "libattile_emulator.so";
  std::string folder = own_folder();
  std::vector<std::string> places = {fmt::format("{}/{}", folder, name),
                                     fmt::format("{}/../lib/{}", folder, name)};
  if (std::string given = variable(emulator_variable); !given.empty())
    places = {given};
  for (const std::string& place : places)
    if (access(place.c_str(), R_OK) == 0)
      return place;
  return environment_error(
      fmt::format("there is no emulator: expected '{}'", places.front()),
      fmt::format("build the target attile_emulator, or set {} to the path of {}", emulator_variable, name));
}

Result<const Driver*> Driver::open_emulator(const std::string& chip) {
  Result<std::string> path = find_emulator();
  if (!path)
    return path.error();
  Opened& all = opened();
  std::lock_guard lock(all.mutex);
  std::unique_ptr<Driver>& driver = all.drivers[*path + ":" + chip];
  if (driver)
    return driver.get();
  // The library is one chip for all its life, and may be another one already: then it refuses.
  Error failure;
  for (auto open : {open_library, open_copy}) {
    Result<void*> library = open(*path);
    if (!library)
      return std::move(library).error().in("cannot open the emulator");
    Result<std::unique_ptr<Driver>> loaded = load(*path, *library, chip);
    if (loaded) {
      driver = *std::move(loaded);
      return driver.get();
    }
    failure = loaded.error();
  }
  return failure;
}

Result<std::unique_ptr<Driver>> Driver::load(const std::string& path, void* library,
                                             const std::string& chip) {
  auto driver = std::make_unique<Driver>();
  driver->library_ = library;
  driver->path_ = path;
  driver->chip_ = chip;
  if (Result<void> result = driver->find_functions(); !result)
    return result.error();
  if (Result<void> result = driver->choose_chip(); !result)
    return result.error();
  if (Result<void> result = driver->initialise(); !result)
    return result.error();
  return driver;
}

Result<void> Driver::find_functions() {
  std::string missing;
  auto find = [this](const char* name, auto& pointer) {
    return pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(function(name)), pointer;
  };
#define ATTILE_CUDA_FUNCTION(name, parameters)                                                               \
  if (!find(#name, name) && missing.empty())                                                                 \
    missing = #name;
#include "cuda/functions.def"
#undef ATTILE_CUDA_FUNCTION
  find("cuKernelGetParamInfo", cuKernelGetParamInfo);
  find("cuTensorMapEncodeTiled", cuTensorMapEncodeTiled);
  if (!cuDriverGetVersion || cuDriverGetVersion(&version_) != Status::success)
    return environment_error(fmt::format("'{}' is no CUDA driver: it does not tell its version", path_));
  if (version_ < oldest)
    return environment_error(fmt::format("expected a driver for {} or newer, got one for {}",
                                         version_text(oldest), version_text(version_)),
                             "update NVIDIA's driver to 525 or newer");
  if (!missing.empty())
    return environment_error(
        fmt::format("'{}', for {}, lacks the function {}", path_, version_text(version_), missing),
        "install NVIDIA's driver again");
  return {};
}

Result<void> Driver::choose_chip() const {
  if (!is_emulator())
    return {};
  auto set = reinterpret_cast<const char* (*)(const char*, const char*)>(function("attileEmuSetOption"));
  if (!set)
    return environment_error(fmt::format("'{}' is no emulator: it has no attileEmuSetOption", path_));
  if (const char* wrong = set("target", chip_.c_str()))
    return usage_error(wrong);
  return {};
}

Result<void> Driver::initialise() {
  Status status = cuInit(0);
  int count = 0;
  if (status == Status::success)
    status = cuDeviceGetCount(&count);
  if (status == Status::success && count == 0)
    status = Status::no_device;
  return check(status, "the driver cannot start");
}

Error Driver::error(Status status, std::string_view call) const {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(status, &name) != Status::success || !name)
    name = "unknown error";
  if (cuGetErrorString(status, &text) != Status::success || !text)
    text = "?";
  Error error = environment_error(
      fmt::format("{}: {} {} ({})", call, name, static_cast<unsigned>(status), text), remedy(status));
  if (is_of_a_kernel(status)) {
    error.message = "a kernel that was launched before has failed: " + error.message;
    error.remedy =
        "the process must start anew to use this GPU; the emulator or compute-sanitizer tell which "
        "kernel it was and why";
  }
  auto last = reinterpret_cast<std::size_t (*)(char*, std::size_t)>(function("attileEmuGetLastFailure"));
  if (is_emulator() && last) {
    std::string failure(last(nullptr, 0), '\0');
    last(failure.data(), failure.size() + 1);
    if (!failure.empty())
      error.notes.push_back("emulator: " + failure);
  }
  return error;
}

void* Driver::function(const char* name) const { return dlsym(library_, name); }

std::string Driver::device_name(int ordinal) const {
  return is_emulator() ? "emulator:" + chip_ : fmt::format("cuda:{}", ordinal);
}

} // namespace attile::cuda
