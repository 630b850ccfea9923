//===- Compile.cpp - kernels as vector code to object code ---------------------------------===//
#include "compiler/backends/cpu/CpuBackend.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/ModuleTranslation.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <attile/cpu_info.h>
#include <mutex>
#include <optional>
#include <thread>

namespace attile {

static std::unique_ptr<llvm::TargetMachine> targetMachine(const CpuTarget& target, std::string& error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target* backend = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  std::string features;
  for (const std::string& feature : target.features)
    features += (features.empty() ? "+" : ",+") + feature;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, target.cpu, features, options, llvm::Reloc::PIC_,
                                   llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

/// Kernels are leaves: nothing may become a call to a library, and nothing unwinds through them.
static void prepare(llvm::Module& module, llvm::TargetMachine& machine) {
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple());
  for (llvm::Function& function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("no-builtins");
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.setDoesNotThrow();
    if (!function.hasLocalLinkage()) {
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      for (llvm::Argument& argument : function.args())
        if (argument.getType()->isPointerTy())
          argument.addAttr(llvm::Attribute::NoAlias);
    }
  }
}

/// What code that is vector code already still gains from. LLVM's own levels take four times as long to make
/// nothing faster of it: they look for vectors, calls and idioms.
constexpr llvm::StringLiteral kPasses =
    "globaldce,function(early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop-mssa(licm),early-cse<memssa>)";

static void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, kPasses));
  passes.run(module, modules);
}

/// Object or assembly text.
static bool emit(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType kind,
                 llvm::SmallVectorImpl<char>& out) {
  llvm::raw_svector_ostream stream(out);
  llvm::legacy::PassManager passes;
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  passes.add(new llvm::TargetLibraryInfoWrapperPass(library));
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return false;
  passes.run(module);
  return true;
}

namespace {

/// One kernel on its way to object code, with an LLVM context of its own: kernels are compiled side by side.
struct KernelJob {
  std::unique_ptr<llvm::LLVMContext> context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module;
  CpuListing listing;
  std::optional<Error> failure;
  CpuImage image;

  void run(const CpuTarget& target, bool list) {
    std::string error;
    std::unique_ptr<llvm::TargetMachine> machine = targetMachine(target, error);
    if (!machine) {
      failure =
          environment_error("LLVM has no x86-64 backend: " + error, "install a build of LLVM 22 with X86");
      return;
    }
    prepare(*module, *machine);
    optimize(*module, *machine);
    if (list) {
      llvm::raw_string_ostream(listing.llvm) << *module;
      std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*module);
      llvm::SmallVector<char> text;
      emit(*copy, *machine, llvm::CodeGenFileType::AssemblyFile, text);
      listing.assembly.assign(text.begin(), text.end());
    }
    llvm::SmallVector<char> object;
    if (!emit(*module, *machine, llvm::CodeGenFileType::ObjectFile, object)) {
      failure = internal_error("LLVM cannot write object code for " + target.name);
      return;
    }
    auto* bytes = reinterpret_cast<const std::byte*>(object.data());
    Result<CpuImage> linked = linkImage(std::vector<std::byte>(bytes, bytes + object.size()));
    if (linked)
      image = std::move(*linked);
    else
      failure = std::move(linked).error();
  }
};

} // namespace

/// Of a kernel: a module with it and the functions that kernels share, as LLVM IR.
static std::optional<Error> translate(mlir::ModuleOp module, mlir::LLVM::LLVMFuncOp kernel, KernelJob& job) {
  mlir::OwningOpRef<mlir::ModuleOp> alone = mlir::ModuleOp::create(module.getLoc());
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(alone->getBody());
  for (auto function : module.getOps<mlir::LLVM::LLVMFuncOp>())
    if (function == kernel || function.getLinkage() == mlir::LLVM::Linkage::Internal)
      builder.clone(*function);
  if (mlir::failed(lowerToLLVMDialect(*alone)))
    return internal_error("a kernel could not be lowered to the LLVM dialect");
  job.module = mlir::translateModuleToLLVMIR(*alone, *job.context, kernel.getSymName());
  if (!job.module)
    return internal_error("the LLVM dialect could not be translated to LLVM IR");
  return std::nullopt;
}

/// Kernels are lowered one after the other, since the MLIR context is not for several threads; each is
/// compiled while the next ones are lowered.
static std::vector<std::unique_ptr<KernelJob>> compileKernels(mlir::ModuleOp module, const CpuTarget& target,
                                                              bool list) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  bool alone = cpu_info().threads < 2;
  std::vector<std::unique_ptr<KernelJob>> jobs;
  std::vector<std::jthread> threads; // joined before the jobs that they work on are handed out
  for (auto kernel : module.getOps<mlir::LLVM::LLVMFuncOp>()) {
    if (kernel.getLinkage() == mlir::LLVM::Linkage::Internal)
      continue;
    KernelJob& job = *jobs.emplace_back(std::make_unique<KernelJob>());
    job.failure = translate(module, kernel, job);
    if (job.failure)
      break;
    auto work = [&job, &target, list] { job.run(target, list); };
    if (alone)
      work();
    else
      threads.emplace_back(work);
  }
  return jobs;
}

Result<CpuImage> compileImage(mlir::ModuleOp module, const CpuTarget& target, CpuListing* listing) {
  std::vector<std::unique_ptr<KernelJob>> jobs = compileKernels(module, target, listing != nullptr);
  if (jobs.empty())
    return internal_error("there is no kernel to compile");
  CpuImage image;
  for (const std::unique_ptr<KernelJob>& each : jobs) {
    const KernelJob& job = *each;
    if (job.failure)
      return *job.failure;
    image.alignment = std::max(image.alignment, job.image.alignment);
    image.bytes.resize((image.bytes.size() + job.image.alignment - 1) / job.image.alignment *
                       job.image.alignment);
    for (const auto& [name, offset] : job.image.entries)
      image.entries[name] = image.bytes.size() + offset;
    image.bytes.insert(image.bytes.end(), job.image.bytes.begin(), job.image.bytes.end());
    if (listing) {
      listing->llvm += job.listing.llvm;
      listing->assembly += job.listing.assembly;
    }
  }
  return image;
}

} // namespace attile
