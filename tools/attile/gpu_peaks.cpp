#include "tools/attile/gpu_peaks.h"

#include "tools/attile/gpu_timer.h"

#include <algorithm>
#include <fmt/core.h>
#include <functional>

using namespace attile;
using namespace attile::cli;

namespace {

/// The best of five times of some work, after one that warms up.
Result<double> best_ms(const GpuTimer& timer, const std::function<Result<void>()>& work) {
  double best = 1e300;
  for (int run = -1; run < 5; ++run) {
    Result<double> ms = timer.ms(work);
    if (!ms)
      return ms;
    if (run >= 0)
      best = std::min(best, *ms);
  }
  return best;
}

Result<double> copy_gbps(const Device& device, const GpuTimer& timer, std::int64_t bytes) {
  auto copy = reinterpret_cast<int (*)(unsigned long long, unsigned long long, std::size_t, void*)>(
      device.driver_function("cuMemcpyDtoDAsync_v2"));
  Result<DeviceBuffer> from = device.allocate(bytes), to = device.allocate(bytes);
  if (!from || !to)
    return from ? to.error() : from.error();
  auto address = [](const DeviceBuffer& buffer) {
    return reinterpret_cast<unsigned long long>(buffer.data());
  };
  Result<double> ms = best_ms(timer, [&]() -> Result<void> {
    if (int status = copy(address(*to), address(*from), static_cast<std::size_t>(bytes), nullptr))
      return gpu_error("cuMemcpyDtoDAsync", status);
    return {};
  });
  if (!ms)
    return ms;
  return 2.0 * static_cast<double>(bytes) / *ms / 1e6;
}

/// A kernel of independent instructions in a loop, and the FLOP that a warp does in one round.
struct Loop {
  std::string ptx, instructions;
  double flops_per_round = 0;
};

/// `type` is f16, bf16 or f32, on a chip of that generation.
Loop loop_for(const std::string& type, int generation) {
  constexpr int chains = 8;
  bool matrix = type != "f32", old = generation < 8; // 8: sm_80
  Loop loop;
  std::string body;
  for (int i = 0; i < chains; ++i) {
    std::string sums = fmt::format("{{%d{}, %d{}, %d{}, %d{}}}", 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3);
    if (!matrix)
      for (int j = 4 * i; j < 4 * i + 4; ++j)
        body += fmt::format("  fma.rn.f32 %d{0}, %d{0}, %x, %x;\n", j);
    else if (old)
      body += fmt::format(
          "  mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {0}, {{%a0, %a1}}, {{%a2}}, {0};\n", sums);
    else
      body += fmt::format("  mma.sync.aligned.m16n8k16.row.col.f32.{1}.{1}.f32 {0}, {{%a0, %a1, %a2, %a3}}, "
                          "{{%a1, %a2}}, {0};\n",
                          sums, type);
  }
  std::string start, sum;
  for (int i = 0; i < 4 * chains; ++i) {
    start += fmt::format("  mov.f32 %d{}, 0f00000000;\n", i);
    sum += fmt::format("  add.f32 %x, %x, %d{};\n", i);
  }
  loop.ptx = fmt::format(R"(.version {}
.target {}
.address_size 64
.visible .entry peak(.param .u64 out, .param .u32 rounds) {{
  .reg .f32 %d<{}>, %x;
  .reg .b32 %a<4>, %n, %i, %t;
  .reg .b64 %o, %g;
  .reg .pred %more;
  mov.u32 %t, %tid.x;
  add.u32 %a0, %t, 0x3c003c00;
  add.u32 %a1, %t, 0x3a003a00;
  add.u32 %a2, %t, 0x38003800;
  add.u32 %a3, %t, 0x36003600;
  mov.f32 %x, 0f3F000000;
{}  ld.param.u32 %n, [rounds];
  mov.u32 %i, 0;
again:
{}  add.u32 %i, %i, 1;
  setp.lt.u32 %more, %i, %n;
  @%more bra again;
{}  ld.param.u64 %o, [out];
  mul.wide.u32 %g, %t, 4;
  add.s64 %o, %o, %g;
  st.global.f32 [%o], %x;
  ret;
}}
)",
                         old ? "6.5" : "7.0", old ? "sm_75" : "sm_80", 4 * chains, start, body, sum);
  loop.instructions = matrix ? "mma.sync " + (old ? "f16" : type) : "fma f32";
  loop.flops_per_round = chains * (!matrix ? 32 * 4 * 2.0 : 2.0 * 16 * 8 * (old ? 8 : 16));
  return loop;
}

/// The loop as a kernel.
class Module {
public:
  explicit Module(const Device& device) {
    load_ = reinterpret_cast<Load>(device.driver_function("cuModuleLoadData"));
    unload_ = reinterpret_cast<Unload>(device.driver_function("cuModuleUnload"));
    find_ = reinterpret_cast<Find>(device.driver_function("cuModuleGetFunction"));
    launch_ = reinterpret_cast<Launch>(device.driver_function("cuLaunchKernel"));
  }
  Module(const Module&) = delete;
  ~Module() {
    if (module)
      unload_(module);
  }
  Result<void> load(const std::string& ptx) {
    if (int status = load_(&module, ptx.c_str()))
      return gpu_error("cuModuleLoadData", status);
    if (int status = find_(&kernel, module, "peak"))
      return gpu_error("cuModuleGetFunction", status);
    return {};
  }
  Result<void> launch(unsigned blocks, unsigned threads, void** parameters) const {
    if (int status = launch_(kernel, blocks, 1, 1, threads, 1, 1, 0, nullptr, parameters, nullptr))
      return gpu_error("cuLaunchKernel", status);
    return {};
  }

private:
  using Load = int (*)(void**, const void*);
  using Unload = int (*)(void*);
  using Find = int (*)(void**, void*, const char*);
  using Launch = int (*)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
                         void**, void**);
  Load load_;
  Unload unload_;
  Find find_;
  Launch launch_;
  void *module = nullptr, *kernel = nullptr;
};

Result<double> tflops(const Device& device, const GpuTimer& timer, const Loop& loop, int multiprocessors,
                      unsigned rounds) {
  constexpr unsigned threads = 256;
  // Every block stores into the same place: only that the sums are used matters.
  Result<DeviceBuffer> out = device.allocate(threads * 4);
  if (!out)
    return out.error();
  Module module(device);
  if (Result<void> loaded = module.load(loop.ptx); !loaded)
    return loaded.error();
  auto blocks = static_cast<unsigned>(8 * multiprocessors);
  void* address = out->data();
  void* parameters[] = {static_cast<void*>(&address), static_cast<void*>(&rounds)};
  Result<double> ms = best_ms(timer, [&] { return module.launch(blocks, threads, parameters); });
  if (!ms)
    return ms;
  constexpr unsigned warps = threads / 32;
  return loop.flops_per_round * rounds * blocks * warps / *ms / 1e9;
}

} // namespace

Result<GpuPeaks> cli::probe_gpu(const Device& device, DType dtype) {
  constexpr int multiprocessors_attribute = 16, generation_attribute = 75; // of CUdevice_attribute
  Result<std::unique_ptr<GpuTimer>> opened = GpuTimer::on(device);
  if (!opened)
    return std::move(opened).error();
  const GpuTimer& timer = **opened;
  Result<int> multiprocessors = timer.attribute(multiprocessors_attribute),
              generation = timer.attribute(generation_attribute);
  if (!multiprocessors || !generation)
    return multiprocessors ? generation.error() : multiprocessors.error();
  Loop loop = loop_for(std::string(name(dtype)), *generation);
  Result<double> copied = copy_gbps(device, timer, timer.is_emulated() ? 1 << 16 : 512 << 20);
  if (!copied)
    return copied.error();
  Result<double> computed = timer.is_emulated() ? tflops(device, timer, loop, 1, 2)
                                                : tflops(device, timer, loop, *multiprocessors, 4000);
  if (!computed)
    return computed.error();
  return GpuPeaks{*copied, *computed, loop.instructions};
}
