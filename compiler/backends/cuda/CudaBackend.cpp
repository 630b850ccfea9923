//===- CudaBackend.cpp - tile passes of a GPU, and NVRTC --------------------------------------===//
#include "compiler/backends/cuda/CudaBackend.h"

#include "compiler/backends/cuda/PrepareForEmission.h"
#include "compiler/transforms/tile/FoldScale.h"
#include "compiler/transforms/tile/FuseMasks.h"
#include "compiler/transforms/tile/GpuLayouts.h"
#include "compiler/transforms/tile/NarrowIntegers.h"
#include "compiler/transforms/tile/OverlapProducts.h"
#include "compiler/transforms/tile/PingPong.h"
#include "compiler/transforms/tile/PrefetchTiles.h"
#include "compiler/transforms/tile/PrepareRows.h"
#include "compiler/transforms/tile/SpecialiseWarps.h"
#include "compiler/transforms/tile/VisitLoops.h"
#include "dialect/tile/Tile.h"
#include "templates/templates.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace attile::cuda {

static LogicalResult tidy(ModuleOp module) {
  PassManager manager(module.getContext());
  manager.enableVerifier(false);
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  return manager.run(module);
}

LogicalResult lowerTiles(ModuleOp module, const schedule::Warpgroups& warpgroups) {
  assignGpuLayouts(module);
  if (failed(tidy(module)))
    return failure();
  fuseMasks(module);
  prepareRows(module);
  foldScale(module);
  if (failed(lowerVisitsToLoops(module)))
    return failure();
  specialiseWarps(module);
  if (warpgroups.overlap)
    overlapProducts(module);
  if (warpgroups.ping_pong)
    pingPong(module);
  prefetchTiles(module);
  if (failed(tidy(module)))
    return failure();
  narrowIntegers(module);
  if (failed(tidy(module)))
    return failure();
  return prepareForEmission(module);
}

/// What NVRTC says of lines of the text, with those lines: "document.cu(12): error: ...".
static std::vector<std::string> quotedLines(StringRef log, StringRef text, StringRef name) {
  std::vector<std::string> notes;
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef rest = log; !rest.empty();) {
    auto [line, after] = rest.split('\n');
    rest = after;
    size_t number = 0;
    if (line.consume_front(name) && line.consume_front("(") && !line.consumeInteger(10, number) &&
        number > 0 && number <= lines.size())
      notes.push_back(
          (name + ":" + Twine(number) + line.drop_front() + ": " + lines[number - 1].trim()).str());
  }
  return notes;
}

static std::map<std::string, GpuKernel> kernelsOf(ModuleOp module, const NvrtcResult& result) {
  std::map<std::string, GpuKernel> kernels;
  for (auto kernel : module.getOps<tile::KernelOp>()) {
    GpuKernel& entry = kernels[kernel.getSymName().str()];
    entry.function = kernel.getSymName().str();
    entry.threads = kernel->getAttrOfType<IntegerAttr>(kThreads).getInt();
    entry.shared_bytes = kernel->getAttrOfType<IntegerAttr>(kSharedBytes).getInt();
    for (const KernelResources& resources : result.kernels)
      if (resources.kernel == entry.function) {
        entry.registers = resources.registers;
        entry.spills = resources.spill_stores + resources.spill_loads;
      }
  }
  return kernels;
}

Result<CudaCode> compileCuda(ModuleOp module, const std::string& text, const std::string& name,
                             const std::string& target, bool machineCode) {
  Result<Nvrtc> nvrtc = Nvrtc::open();
  if (!nvrtc)
    return std::move(nvrtc).error();
  std::vector<std::string> known = nvrtc->targets();
  if (!known.empty() &&
      llvm::none_of(known, [&](const std::string& each) { return StringRef(target).rtrim('a') == each; }))
    return environment_error("the NVRTC at " + nvrtc->path() + " does not know " + target,
                             "install a newer CUDA toolkit, or the wheel nvidia-cuda-nvrtc");
  NvrtcOptions options{.target = target, .cubin = machineCode, .headers = {}};
  for (const Template& header : templates())
    options.headers.emplace_back(header.name, header.text);
  Result<NvrtcResult> compiled = nvrtc->compile(text, name, options);
  if (!compiled) { // a user's expression has its line of the spec in a comment
    Error error =
        internal_error("the CUDA text of '" + name + "' does not compile: " + compiled.error().message);
    error.notes = quotedLines(compiled.error().message, text, name);
    return error;
  }
  CudaCode code{std::move(*compiled), {}};
  auto add = [&](std::string_view kind, const std::byte* bytes, std::size_t size) {
    CodeSection section;
    section.kind = kind;
    section.target = target;
    section.kernels = kernelsOf(module, code.result);
    section.bytes.assign(bytes, bytes + size);
    code.sections.push_back(std::move(section));
  };
  if (machineCode && code.result.cubin.empty())
    return internal_error("NVRTC has made no machine code of '" + name + "': " + code.result.log);
  if (machineCode)
    add(CodeSection::cubin, code.result.cubin.data(), code.result.cubin.size());
  add(CodeSection::ptx, reinterpret_cast<const std::byte*>(code.result.ptx.data()), code.result.ptx.size());
  return code;
}

} // namespace attile::cuda
