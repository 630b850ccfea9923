// Code of a package on a GPU: which of it, and its kernels once it is loaded.
#pragma once

#include "cuda/gpu.h"
#include <attile/package.h>
#include <vector>

namespace attile::cuda {

/// The section that a GPU runs best: machine code for it rather than PTX, then the newest target. An
/// environment error names what the package has and why that does not do.
Result<const CodeSection*> choose_section(const Package& package, const Gpu& gpu);

/// Loaded code. It belongs to no context: the driver loads it into those that launch it.
class Code {
public:
  struct Kernel {
    Function function = nullptr;
    unsigned threads = 0, shared_bytes = 0;
  };

  /// A context of the GPU must be current. An Error has the log of the driver's compiler, or says what the
  /// chip lacks.
  static Result<std::unique_ptr<Code>> load(const Package& package, const CodeSection& section,
                                            const Gpu& gpu);
  explicit Code(const Gpu& gpu) : gpu(gpu) {}
  Code(const Code&) = delete;
  ~Code();

  std::vector<Kernel> kernels; ///< in the order of the plan

private:
  Result<void> load(const CodeSection& section);
  Result<Kernel> kernel(const GpuKernel& facts, const std::vector<plan::Slot>& slots) const;
  Result<void> check_resources(const GpuKernel& facts, Function function) const;
  Result<void> check_parameters(Function function, const std::vector<plan::Slot>& slots) const;

  const Gpu& gpu;
  Library library = nullptr;
  std::string text; ///< PTX, which ends with a zero; the driver may come back to it, as to the log
  std::vector<char> log;
};

} // namespace attile::cuda
