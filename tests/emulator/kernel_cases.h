// Kernels in CUDA C++ (kernels/*.cu), compiled by NVRTC, with their inputs and the results that they must
// have.
#pragma once

#include "emulator/checks/checker.h"
#include "emulator/chips.h"
#include "emulator/exec/launch.h"
#include "emulator/isa/load.h"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace emu::test {

/// What a run of a kernel came to.
struct KernelRun {
  Outcome outcome;
  std::vector<Report> reports;
  std::string wrong; ///< what differs from the result expected; empty: nothing
  double seconds = 0;
  bool ran() const { return outcome.status != Status::internal; } ///< the text could be loaded
  bool reported() const { return outcome.status != Status::success || !reports.empty(); }
};

/// A kernel's arguments in device memory, and the check of its result.
class Arguments {
public:
  explicit Arguments(Memory& memory) : memory(memory) {}
  template <class T> T* input(const std::vector<T>& values) {
    T* const there = array(values);
    pass(reinterpret_cast<std::uint64_t>(there));
    return there;
  }
  /// Allocated, not initialised.
  template <class T> T* output(std::size_t count) {
    const std::uint64_t address = memory.allocate(count * sizeof(T));
    pass(address);
    allocated.push_back({address, count * sizeof(T), false});
    return reinterpret_cast<T*>(address);
  }
  template <class T> void pass(T value) {
    bytes.resize((bytes.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T));
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(T));
  }
  /// In memory, but no argument.
  template <class T> T* array(const std::vector<T>& values) {
    const std::uint64_t address = memory.allocate(values.size() * sizeof(T));
    std::copy(values.begin(), values.end(), reinterpret_cast<T*>(address));
    allocated.push_back({address, values.size() * sizeof(T), true});
    return reinterpret_cast<T*>(address);
  }
  /// Empty, or what differs.
  std::function<std::string()> verify;

  struct Array {
    std::uint64_t address, size;
    bool defined;
  };
  std::vector<std::byte> bytes;
  std::vector<Array> allocated;

private:
  Memory& memory;
};

struct KernelCase {
  std::string name, file, kernel;
  std::string oldest; ///< the first target that can run it
  Dim3 grid, threads;
  std::function<void(Arguments&, std::mt19937_64&)> prepare;
  std::string define = {};      ///< flags for NVRTC
  bool toolkit_headers = false; ///< which not every NVRTC has beside it
  bool cooperative = false;
  Dim3 cluster = {};
  bool barriers_of_library = false; ///< some of which guard nothing that the kernel does: no mutants
};

const std::vector<KernelCase>& kernel_cases();
/// Those of a family, which are among them.
std::vector<KernelCase> wgmma_cases();
std::vector<KernelCase> bulk_cases();

/// PTX of a case for a target; made once. Empty if there is no NVRTC, and then `missing` says so.
const std::string& ptx_of(const KernelCase& one, const std::string& target, std::string& missing);

KernelRun run_kernel(const KernelCase& one, const std::string& ptx, const std::string& target,
                     Options options, bool checks, std::uint64_t data_seed);

} // namespace emu::test
