//===- CpuBackend.h - kernels as a position-independent image for an x86-64 CPU ----===//
//
// The last stages on a CPU: vector code -> LLVM dialect -> LLVM IR -> object code -> image. An image is code
// and read-only data, laid out and relocated against itself, with nothing undefined: the runtime maps it
// without LLVM.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_BACKENDS_CPU_CPUBACKEND_H
#define ATTILE_BACKENDS_CPU_CPUBACKEND_H

#include "compiler/conversion/tile-to-llvm/TileToLLVM.h"

#include <attile/result.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace attile {

/// A CPU that code is made for.
struct CpuTarget {
  std::string name;                  ///< "x86-64-v4", or "native" for what this machine has
  std::string cpu;                   ///< LLVM's name: "x86-64-v4", "znver5"
  std::vector<std::string> features; ///< beyond `cpu`, in LLVM's names: "avx512bf16"
  std::vector<std::string> required; ///< what the machine that runs the image must have
  VectorTarget vector;
};

/// x86-64-v2 (the baseline), x86-64-v3, x86-64-v4, x86-64-v4-bf16, x86-64-v4-amx (tile registers for the
/// scores of few rows), or native, the fastest for this machine.
/// Errors: an unknown name (user), native on a machine that is not x86-64-v2 (environment).
Result<CpuTarget> cpuTarget(const std::string& name);

struct CpuImage {
  std::vector<std::byte> bytes;
  std::map<std::string, uint64_t> entries; ///< offset of each kernel
  uint64_t alignment = 64;
};

/// What the stages `llvm` and `asm` show; filled where a pointer is given.
struct CpuListing {
  std::string llvm, assembly;
};

/// Lowers the functions of `module` (vector, scf, arith, llvm) to the LLVM dialect in place.
mlir::LogicalResult lowerToLLVMDialect(mlir::ModuleOp module);

/// Lowers and compiles such functions, as many at a time as there are cores. Errors are internal: the input
/// has been checked by then.
Result<CpuImage> compileImage(mlir::ModuleOp module, const CpuTarget& target, CpuListing* listing = nullptr);

/// Links one relocatable x86-64 ELF object with itself. Errors name an undefined symbol or an unknown
/// relocation.
Result<CpuImage> linkImage(const std::vector<std::byte>& object);

} // namespace attile

#endif
