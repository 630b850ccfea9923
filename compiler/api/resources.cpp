#include "compiler/api/selected.h"
#include "compiler/api/tuned.h"
#include "compiler/backends/cuda/disassembler.h"
#include "compiler/schedule/occupancy.h"

#include <attile/compiler.h>

#include <algorithm>
#include <fmt/core.h>

namespace attile {
namespace {

ResourceReport::Kernel kernel_of(const std::string& name, const GpuKernel& launched,
                                 const std::vector<cuda::KernelResources>& assembled,
                                 const schedule::GpuDescription& gpu) {
  ResourceReport::Kernel kernel;
  kernel.name = name;
  kernel.threads = launched.threads;
  kernel.dynamic_shared_bytes = launched.shared_bytes;
  auto facts = std::find_if(assembled.begin(), assembled.end(),
                            [&](const auto& each) { return each.kernel == launched.function; });
  if (facts != assembled.end()) {
    kernel.registers = facts->registers;
    kernel.spill_bytes = facts->spill_stores + facts->spill_loads;
    kernel.stack_bytes = facts->stack;
    kernel.static_shared_bytes = facts->shared;
  }
  kernel.blocks_per_sm = schedule::blocks_per_sm(
      gpu, {kernel.threads, kernel.registers, kernel.static_shared_bytes + kernel.dynamic_shared_bytes});
  return kernel;
}

} // namespace

Result<ResourceReport> resources(const Spec& spec, const CompileOptions& options) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  if (!schedule::describe_gpu(options.target))
    return usage_error(
        fmt::format("target '{}' is no GPU: the resources of a kernel are those of a GPU's", options.target),
        "give --target=sm_80 or another GPU's");
  Result<PipelineOptions> pipeline = api::pipelineOptions(options, *selected->attention);
  if (!pipeline)
    return pipeline.error();
  Result<PipelineResult> compiled = compileAttention(*selected->source, *selected->attention, *pipeline);
  if (!compiled)
    return std::move(compiled).error();

  ResourceReport report;
  report.warnings = compiled->assembled.warnings;
  report.cubin_bytes = static_cast<std::int64_t>(compiled->assembled.cubin.size());
  for (const CodeSection& section : compiled->package.code)
    if (section.kind == CodeSection::cubin)
      for (const auto& [name, kernel] : section.kernels)
        report.kernels.push_back(kernel_of(name, kernel, compiled->assembled.kernels, *compiled->gpu));
  return report;
}

std::vector<GpuTool> gpu_tools() {
  auto reason = [](const Error& error) {
    return error.message + (error.remedy.empty() ? "" : "; " + error.remedy);
  };
  GpuTool nvrtc{.name = "nvrtc"}, disassembler{.name = "disassembler"};
  if (Result<cuda::Nvrtc> opened = cuda::Nvrtc::open()) {
    auto [major, minor] = opened->version();
    nvrtc.available = true;
    nvrtc.description = fmt::format("NVRTC {}.{}, {}", major, minor, opened->path());
  } else {
    nvrtc.missing = reason(opened.error());
  }
  if (Result<std::string> found = cuda::find_disassembler()) {
    disassembler.available = true;
    disassembler.description = *found;
  } else {
    disassembler.missing = reason(found.error());
  }
  return {nvrtc, disassembler};
}

} // namespace attile
