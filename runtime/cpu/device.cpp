#include "cpu/backend.h"
#include "cpu/buffer.h"
#include "cpu/image.h"
#include "cpu/workers.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <cstring>
#include <fmt/core.h>

namespace attile::cpu {

namespace {

class CpuKernel : public KernelImpl {
public:
  CpuKernel(Chosen chosen, const CodeSection& section, Image image)
      : KernelImpl(std::move(chosen)), image(std::move(image)) {
    for (const plan::Launch& launch : package.plan.kernels)
      functions.push_back(this->image.entry(section.entries.at(launch.symbol)));
    buffers.resize(package.plan.scratch.size() + package.outputs.size());
  }

private:
  int thread_count(int asked) const override { return asked ? asked : cpu_info().threads; }

  Result<void*> buffer(int index, std::int64_t bytes) override { return buffers[index].require(bytes); }

  Result<const void*> zeros() override {
    alignas(64) static const std::byte some[64] = {};
    return static_cast<const void*>(some);
  }

  Result<void> run(int threads, bool poison, LaunchStats* stats) override {
    if (poison)
      for (Buffer& buffer : buffers)
        buffer.poison();
    for (const Step& step : steps) {
      if (step.skipped || step.grid == 0)
        continue;
      Clock::time_point start = Clock::now();
      if (Result<void> result = run(step, threads, poison); !result)
        return result;
      if (stats)
        stats->kernel_ms[step.kernel] = ms_since(start);
    }
    return {};
  }

  Result<void> run(const Step& step, int threads, bool poison) {
    if (!workers || workers->threads() != threads)
      workers = std::make_unique<Workers>(threads);
    if (worker_scratch.size() < static_cast<std::size_t>(threads))
      worker_scratch.resize(static_cast<std::size_t>(threads));
    int used = static_cast<int>(std::min<std::int64_t>(threads, step.grid));
    worker_memory.assign(static_cast<std::size_t>(used), nullptr);
    for (int i = 0; i < used && step.worker_scratch > 0; ++i) {
      Result<void*> memory = worker_scratch[i].require(step.worker_scratch);
      if (!memory)
        return std::move(memory).error().in("scratch of a worker");
      if (poison)
        worker_scratch[i].poison();
      worker_memory[i] = *memory;
    }
    return workers->run(step.grid, [this, &step](int worker, std::int64_t block) {
      call(functions[step.kernel], step.slots.data(), static_cast<std::uint64_t>(block),
           worker_memory[worker]);
    });
  }

  std::int64_t scratch_bytes() const override {
    std::int64_t bytes = 0;
    for (const std::vector<Buffer>* list : {&buffers, &worker_scratch})
      for (const Buffer& buffer : *list)
        bytes += buffer.size();
    return bytes;
  }

  Image image;
  std::vector<KernelFunction> functions; ///< by kernel of the plan
  std::vector<Buffer> buffers;           ///< the plan's scratch, then outputs that were left out
  std::vector<Buffer> worker_scratch;
  std::vector<void*> worker_memory; ///< of the step that runs
  std::unique_ptr<Workers> workers;
};

class CpuDevice : public DeviceImpl {
public:
  CpuDevice() {
    std::vector<DeviceInfo> devices;
    list(devices);
    info = devices.front();
  }

  Result<std::shared_ptr<KernelImpl>> load(const Package& package) override {
    Result<const CodeSection*> section = choose_section(package);
    if (!section)
      return section.error();
    Result<Image> image = Image::map(**section);
    if (!image)
      return image.error();
    Result<Chosen> chosen = choose(package, **section);
    if (!chosen)
      return chosen.error();
    return std::shared_ptr<KernelImpl>(
        std::make_shared<CpuKernel>(*std::move(chosen), **section, *std::move(image)));
  }

  Result<void*> allocate(std::int64_t bytes) override {
    Memory memory = attile::allocate(bytes);
    if (!memory)
      return environment_error(fmt::format("not enough memory for {} bytes", bytes));
    return memory.release();
  }
  void release(void* memory) override { Memory{memory}; }
  Result<void> write(void* memory, const void* host, std::size_t bytes) override {
    std::memcpy(memory, host, bytes);
    return {};
  }
  Result<void> read(const void* memory, void* host, std::size_t bytes) override {
    std::memcpy(host, memory, bytes);
    return {};
  }
};

} // namespace

Result<std::shared_ptr<DeviceImpl>> open(std::string_view name) {
  if (name != backend.name)
    return usage_error("expected 'cpu', which has no number");
  return std::shared_ptr<DeviceImpl>(std::make_shared<CpuDevice>());
}

void list(std::vector<DeviceInfo>& devices) {
  const CpuInfo& cpu = cpu_info();
  devices.push_back({"cpu",
                     fmt::format("{}, {}, {} thread{}", cpu.brand.empty() ? cpu.arch : cpu.brand, cpu.level(),
                                 cpu.threads, cpu.threads == 1 ? "" : "s"),
                     true, ""});
}

} // namespace attile::cpu
