#include "tests/unit/cpu_kernels.h"

#include "compiler/backends/cpu/CpuBackend.h"
#include "compiler/transforms/tile/CpuLayouts.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>

namespace attile::test {

bool can_run(const std::string& target) {
  Result<CpuTarget> cpu = cpuTarget(target);
  return cpu && std::all_of(cpu->required.begin(), cpu->required.end(),
                            [](const std::string& feature) { return cpu_info().has(feature); });
}

Result<CpuKernels> CpuKernels::compile(std::string_view text, const std::string& name) {
  Result<CpuTarget> target = cpuTarget(name);
  if (!target)
    return target.error();
  mlir::DialectRegistry registry;
  registry.insert<tile::TileDialect, mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect, mlir::scf::SCFDialect,
                  mlir::vector::VectorDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(llvm::StringRef(text), &context);
  if (!module ||
      mlir::failed(assignCpuLayouts(*module, target->vector.lanes, !target->vector.dotBf16.empty(),
                                    target->vector.tilesBf16)) ||
      mlir::failed(lowerKernelsToVector(*module, target->vector)) || mlir::failed(mlir::verify(*module)))
    return internal_error("no vector code");
  std::map<std::string, Kernel> kernels;
  for (auto function : module->getOps<mlir::LLVM::LLVMFuncOp>()) {
    auto slots = function->getAttrOfType<mlir::ArrayAttr>(tile::kSlotsAttr);
    if (!slots)
      continue;
    Kernel& kernel = kernels[function.getSymName().str()];
    for (mlir::Attribute slot : slots)
      kernel.slots.push_back(mlir::cast<mlir::StringAttr>(slot).str());
    kernel.worker_scratch = function->getAttrOfType<mlir::IntegerAttr>(kWorkerScratchAttr).getInt();
  }
  Result<CpuImage> code = compileImage(*module, *target);
  if (!code)
    return code.error();
  CodeSection section;
  section.features = target->required;
  section.alignment = code->alignment;
  section.entries = code->entries;
  section.bytes = std::move(code->bytes);
  Result<cpu::Image> image = cpu::Image::map(section);
  if (!image)
    return image.error();
  CpuKernels result(std::move(*image));
  for (auto& [kernel, entry] : kernels) {
    entry.entry = result.image.entry(section.entries.at(kernel));
    result.kernels.emplace(kernel, std::move(entry));
  }
  return result;
}

/// What the slot "value:x.stride.1", "pointer:x" or "param:x" receives.
static std::optional<std::uint64_t> slot_value(const std::string& slot, const Arguments& arguments) {
  std::string kind = slot.substr(0, slot.find(':')), name = slot.substr(slot.find(':') + 1);
  if (auto it = arguments.find(name); it != arguments.end())
    return it->second.value;
  std::size_t number = name.rfind('.'), property = name.rfind('.', number - 1);
  if (kind != "value" || property == std::string::npos)
    return std::nullopt;
  auto it = arguments.find(name.substr(0, property));
  if (it == arguments.end())
    return std::nullopt;
  std::size_t d = std::stoul(name.substr(number + 1));
  const auto& [value, extents, strides] = it->second;
  if (name.compare(property, 4, ".dim") == 0)
    return extents.at(d);
  if (!strides.empty())
    return strides.at(d);
  std::int64_t stride = 1;
  for (std::size_t inner = d + 1; inner < extents.size(); ++inner)
    stride *= extents[inner];
  return stride;
}

void CpuKernels::run(const std::string& name, const Arguments& arguments, std::uint64_t blocks) const {
  auto kernel = kernels.find(name);
  ASSERT_NE(kernel, kernels.end()) << name;
  std::vector<std::uint64_t> slots;
  for (const std::string& slot : kernel->second.slots) {
    std::optional<std::uint64_t> value = slot_value(slot, arguments);
    ASSERT_TRUE(value) << "no argument for " << slot;
    slots.push_back(*value);
  }
  std::size_t bytes = (std::size_t(kernel->second.worker_scratch) + 63) / 64 * 64;
  std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, bytes), &std::free);
  std::fill_n(static_cast<unsigned char*>(scratch.get()), bytes, 0xff);
  for (std::uint64_t block = 0; block < blocks; ++block)
    cpu::call(kernel->second.entry, slots.data(), block, scratch.get());
}

} // namespace attile::test
