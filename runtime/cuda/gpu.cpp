#include "cuda/gpu.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace attile::cuda {

namespace {

/// While another thread captures a stream, allocating is refused in every thread that does not say that it
/// does not mind.
class Relaxed {
public:
  explicit Relaxed(const Driver& driver) : driver(driver) { driver.cuThreadExchangeStreamCaptureMode(&mode); }
  Relaxed(const Relaxed&) = delete;
  ~Relaxed() { driver.cuThreadExchangeStreamCaptureMode(&mode); }

private:
  const Driver& driver;
  int mode = capture_mode_relaxed;
};

bool is_default(Stream stream) { return reinterpret_cast<std::uintptr_t>(stream) <= last_default_stream; }

} // namespace

Result<std::shared_ptr<const Gpu>> Gpu::open(const Driver& driver, int ordinal) {
  auto gpu = std::make_shared<Gpu>(driver, ordinal);
  int count = 0;
  if (Result<void> result = driver.check(driver.cuDeviceGetCount(&count), "cuDeviceGetCount"); !result)
    return result.error();
  if (ordinal < 0 || ordinal >= count)
    return environment_error(
        fmt::format("expected a number from 0 to {}, as there are {} devices", count - 1, count),
        "look at nvidia-smi and CUDA_VISIBLE_DEVICES");
  if (Result<void> result = driver.check(driver.cuDeviceGet(&gpu->device, ordinal), "cuDeviceGet"); !result)
    return result.error();
  char model[256] = {};
  int shared_bytes = 0;
  driver.cuDeviceGetName(model, sizeof model - 1, gpu->device);
  driver.cuDeviceTotalMem_v2(&gpu->memory_bytes, gpu->device);
  for (auto [value, attribute] : {std::pair{&gpu->capability.major, attribute::capability_major},
                                  {&gpu->capability.minor, attribute::capability_minor},
                                  {&gpu->multiprocessors, attribute::multiprocessors},
                                  {&shared_bytes, attribute::shared_bytes_optin}})
    if (Result<void> result =
            driver.check(driver.cuDeviceGetAttribute(value, attribute, gpu->device), "cuDeviceGetAttribute");
        !result)
      return result.error();
  gpu->model = model;
  gpu->shared_bytes = shared_bytes;
  return std::shared_ptr<const Gpu>(std::move(gpu));
}

Gpu::~Gpu() {
  if (primary_)
    driver.cuDevicePrimaryCtxRelease_v2(device);
}

std::string Gpu::description() const {
  return fmt::format("{}, {}, {} multiprocessors, {:.0f} GiB, driver for {}", model, to_string(capability),
                     multiprocessors, static_cast<double>(memory_bytes) / (1 << 30),
                     version_text(driver.version()));
}

Result<Context> Gpu::primary() const {
  std::lock_guard lock(mutex);
  if (!primary_) {
    Context context = nullptr;
    if (Status status = driver.cuDevicePrimaryCtxRetain(&context, device); status != Status::success)
      return driver.error(status, "cuDevicePrimaryCtxRetain");
    primary_ = context;
  }
  return primary_;
}

Result<Pointer> Gpu::allocate(std::int64_t bytes) const {
  Relaxed relaxed(driver);
  Pointer memory = 0;
  Status status = driver.cuMemAlloc_v2(&memory, static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)));
  if (status != Status::success)
    return driver.error(status, fmt::format("{} bytes", bytes));
  return memory;
}

void Gpu::release(Pointer memory) const {
  Relaxed relaxed(driver);
  driver.cuMemFree_v2(memory);
}

Result<Current> Current::enter(const Gpu& gpu, Stream stream) {
  const Driver& driver = gpu.driver;
  if (!is_default(stream)) {
    Context context = nullptr;
    if (Status status = driver.cuStreamGetCtx(stream, &context); status != Status::success)
      return driver.error(status, "stream");
    return enter(gpu, context);
  }
  Context current = nullptr;
  int device = -1;
  if (driver.cuCtxGetCurrent(&current) == Status::success && current &&
      driver.cuCtxGetDevice(&device) == Status::success && device == gpu.device)
    return Current(gpu, current, false);
  Result<Context> primary = gpu.primary();
  if (!primary)
    return primary.error();
  return enter(gpu, *primary);
}

Result<Current> Current::enter(const Gpu& gpu, Context context) {
  const Driver& driver = gpu.driver;
  Context current = nullptr;
  driver.cuCtxGetCurrent(&current);
  bool push = current != context;
  if (push)
    if (Status status = driver.cuCtxPushCurrent_v2(context); status != Status::success)
      return driver.error(status, "cuCtxPushCurrent");
  Current entered(gpu, context, push);
  int device = -1;
  if (Status status = driver.cuCtxGetDevice(&device); status != Status::success)
    return driver.error(status, "cuCtxGetDevice");
  if (device != gpu.device)
    return user_error(fmt::format("stream: expected one of device {}, got one of {}", gpu.name(),
                                  driver.device_name(device)));
  return entered;
}

Current::Current(Current&& other) noexcept
    : gpu(other.gpu), context_(other.context_), pushed(std::exchange(other.pushed, false)) {}

Current::~Current() {
  Context popped = nullptr;
  if (pushed)
    gpu->driver.cuCtxPopCurrent_v2(&popped);
}

} // namespace attile::cuda
