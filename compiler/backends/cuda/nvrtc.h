// NVRTC, NVIDIA's run-time compiler from CUDA C++ to PTX and cubins: opened when it is needed, never linked.
// (CUDA Toolkit documentation, "NVRTC".)
#pragma once

#include <attile/result.h>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace attile::cuda {

struct NvrtcOptions {
  std::string target = "sm_90a"; ///< what the code is for
  bool cubin = true;             ///< machine code, too; without it only PTX is made, which is faster
  bool line_info = true;         ///< source lines in PTX and cubin
  std::vector<std::pair<std::string, std::string>> headers; ///< name as in #include, text
  std::vector<std::string> flags = {};                      ///< further ones, as NVRTC takes them
};

/// What the assembler says of a kernel.
struct KernelResources {
  std::string kernel;
  int registers = 0;                     ///< a thread
  int spill_stores = 0, spill_loads = 0; ///< bytes a thread
  int stack = 0;                         ///< bytes a thread
  int shared = 0;                        ///< bytes of static shared memory
  int barriers = 0;
};

struct NvrtcResult {
  std::string ptx;
  std::vector<std::byte> cubin;
  std::vector<KernelResources> kernels; ///< in the order of the log; empty without a cubin
  std::vector<std::string> warnings;    ///< lines of the log, the assembler's included
  std::string log;                      ///< all of it
};

class Nvrtc {
public:
  /// The first that is found of: $ATTILE_NVRTC (a file), the CUDA toolkit ($CUDA_HOME, /usr/local/cuda, the
  /// linker's path), the wheel nvidia-cuda-nvrtc in $XDG_CACHE_HOME/attile/nvrtc (where `tools/dev setup`
  /// puts it) or in the site packages of python3. An environment error that names them all if there is none.
  static Result<Nvrtc> open();

  const std::string& path() const { return path_; }
  std::pair<int, int> version() const { return version_; }
  /// Targets that it makes machine code for, e.g. {"sm_75", ...}, without the suffixes.
  std::vector<std::string> targets() const;
  /// A user error with NVRTC's log if the source is refused. `name` stands for the source in messages and
  /// line tables.
  Result<NvrtcResult> compile(const std::string& source, const std::string& name,
                              const NvrtcOptions& options) const;

private:
  struct Library;
  std::shared_ptr<const Library> loaded_;
  std::string path_;
  std::pair<int, int> version_;
};

/// The resources and warnings that a log tells of (`ptxas -v` in NVRTC's form).
void read_log(const std::string& log, NvrtcResult& result);

} // namespace attile::cuda
