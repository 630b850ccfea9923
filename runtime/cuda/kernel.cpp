#include "cuda/kernel.h"

#include "cuda/events.h"
#include <algorithm>
#include <fmt/core.h>

namespace attile::cuda {

CudaKernel::CudaKernel(Chosen chosen, std::shared_ptr<const Gpu> gpu, std::unique_ptr<Code> code)
    : KernelImpl(std::move(chosen)), gpu(std::move(gpu)), code(std::move(code)), params(steps.size()) {
  for (Step& step : steps)
    for (std::size_t i = 0; i < step.slots.size(); ++i) {
      bool is_map = plan.launches[step.kernel].slots[i].kind == plan::Slot::Kind::map;
      params[step.kernel].push_back(is_map ? static_cast<void*>(&maps.emplace_back()) : &step.slots[i]);
    }
}

CudaKernel::~CudaKernel() {
  // Unloading code is a matter of the context, like freeing.
  Result<Current> current = Current::enter(*gpu);
  lanes.clear();
  code.reset();
}

Result<void> CudaKernel::enter(const Arguments& arguments) {
  stream = static_cast<Stream>(arguments.stream);
  lane = nullptr;
  Result<Current> entered = Current::enter(*gpu, stream);
  if (!entered)
    return entered.error();
  current.emplace(*std::move(entered));
  return {};
}

void CudaKernel::leave() { current.reset(); }

Result<void> CudaKernel::check_memory(const Binding& binding) {
  for (std::size_t i = 0; i < plan.operands.size(); ++i)
    if (binding.pointers[i])
      if (Result<void> result = check_memory(plan.operands[i].spec.name, binding.pointers[i]); !result)
        return result;
  return {};
}

Result<void> CudaKernel::check_memory(const std::string& operand, const void* pointer) const {
  unsigned type = memory_unknown, managed = 0;
  int ordinal = -1;
  int attributes[] = {attribute::memory_type, attribute::is_managed, attribute::device_ordinal};
  void* values[] = {&type, &managed, &ordinal};
  auto address = reinterpret_cast<Pointer>(pointer);
  Status status = gpu->driver.cuPointerGetAttributes(3, attributes, values, address);
  if (status != Status::success)
    return gpu->driver.error(status, operand);
  if (managed || (type == memory_device && ordinal == gpu->ordinal))
    return {};
  std::string got = type == memory_device ? fmt::format("memory of device {}", ordinal)
                    : type == memory_host ? "pinned host memory"
                                          : "host memory";
  return user_error(
      fmt::format("{}: expected memory of device {}, got {} at {:#x}", operand, gpu->name(), got, address),
      "copy it to that device");
}

/// The scratch of the stream, and whether the stream is captured, which matters to who asks for it.
Result<Scratch*> CudaKernel::scratch() {
  if (lane)
    return lane;
  if (Result<void> result = find_capture(); !result)
    return result.error();
  unsigned long long id = 0;
  if (Status status = gpu->driver.cuStreamGetId(stream, &id); status != Status::success)
    return gpu->driver.error(status, "stream");
  Context context = current->context();
  auto found = std::find_if(lanes.begin(), lanes.end(),
                            [&](const Lane& l) { return l.context == context && l.stream == id; });
  if (found == lanes.end()) {
    std::size_t buffers = package.plan.scratch.size() + package.outputs.size();
    lanes.push_back({context, id, std::make_unique<Scratch>(*gpu, context, buffers)});
    found = lanes.end() - 1;
  }
  return lane = found->scratch.get();
}

Result<void> CudaKernel::find_capture() {
  int status = capture_none;
  Status asked = gpu->driver.cuStreamIsCapturing(stream, &status);
  if (asked == Status::stream_capture_implicit)
    return user_error("stream: expected another than the default one while a graph is captured");
  is_captured = status != capture_none;
  return gpu->driver.check(asked, "stream");
}

Result<const void*> CudaKernel::zeros() {
  Result<Scratch*> memory = scratch();
  if (!memory)
    return memory.error();
  Result<Pointer> some = (*memory)->zeros(stream, is_captured);
  if (!some)
    return std::move(some).error().in("an empty operand");
  return reinterpret_cast<const void*>(*some);
}

Result<void*> CudaKernel::buffer(int index, std::int64_t bytes) {
  Result<Scratch*> memory = scratch();
  if (!memory)
    return memory.error();
  Result<Pointer> pointer = (*memory)->require(static_cast<std::size_t>(index), bytes, is_captured);
  if (!pointer)
    return pointer.error();
  return reinterpret_cast<void*>(*pointer);
}

Result<void> CudaKernel::make_map(int kernel, std::size_t slot, const Mapped& operand) {
  Result<TensorMap> map = make_tensor_map(gpu->driver, operand);
  if (!map)
    return map.error();
  *static_cast<TensorMap*>(params[kernel][slot]) = *map;
  return {};
}

Result<void> CudaKernel::run(int /*threads*/, bool poison, LaunchStats* stats) {
  if (poison && lane)
    if (Result<void> result = lane->poison(stream); !result)
      return result;
  return stats ? launch_timed(*stats) : launch_all();
}

Result<void> CudaKernel::launch_all() {
  for (const Step& step : steps)
    if (!step.skipped && step.grid > 0)
      if (Result<void> result = launch(step); !result)
        return result;
  return {};
}

Result<void> CudaKernel::launch_timed(LaunchStats& stats) {
  if (Result<void> result = find_capture(); !result)
    return result;
  if (is_captured)
    return user_error("a launch that is captured in a graph has no times: expected no stats to be asked for");
  Events events(gpu->driver, stream);
  Result<void> result = events.record();
  for (const Step& step : steps) {
    if (result && !step.skipped && step.grid > 0)
      result = launch(step);
    if (result)
      result = events.record();
  }
  if (result)
    result = events.wait(stats.kernel_ms);
  for (const Step& step : steps)
    if (step.skipped || step.grid == 0)
      stats.kernel_ms[step.kernel] = 0;
  return result;
}

Result<void> CudaKernel::launch(const Step& step) {
  const Code::Kernel& kernel = code->kernels[step.kernel];
  Status status =
      gpu->driver.cuLaunchKernel(kernel.function, static_cast<unsigned>(step.grid), 1, 1, kernel.threads, 1,
                                 1, kernel.shared_bytes, stream, params[step.kernel].data(), nullptr);
  if (status == Status::stream_capture_implicit)
    return user_error("stream: expected another than the default one while a graph is captured");
  if (status != Status::success)
    return gpu->driver.error(status, fmt::format("kernel '{}'", plan.launches[step.kernel].symbol));
  return {};
}

std::int64_t CudaKernel::scratch_bytes() const {
  std::int64_t bytes = 0;
  for (const Lane& lane : lanes)
    bytes += lane.scratch->size();
  return bytes;
}

} // namespace attile::cuda
