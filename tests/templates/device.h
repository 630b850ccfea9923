// Runs small kernels that include the device library: compiled by NVRTC, on every emulated chip, with all
// checks on.
#pragma once

#include "compiler/backends/cuda/nvrtc.h"
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/launch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace attile::test {

using i64 = std::int64_t;
using u64 = std::uint64_t;
using u16 = std::uint16_t;

/// CUDA C++ with a kernel `test`, whose parameters are pointers and i64.
struct Kernel {
  std::string text;
  unsigned threads = 128;
  unsigned shared = 0; ///< bytes of dynamic shared memory
  int oldest = 75;     ///< sm_75
  std::pair<std::string, int> without = {
      "", 0};                         ///< a piece of the device library that is left out, its n-th occurrence
  std::vector<std::string> only = {}; ///< targets; none: all
};

/// One chip with the kernel loaded and some memory.
class Device {
public:
  Device(std::shared_ptr<emu::Program> program, std::unique_ptr<emu::Memory> memory, std::string target,
         unsigned threads, unsigned shared, u64 schedule);
  std::string target;
  u64 schedule;                     ///< 0: the fast mode
  emu::Counts counts;               ///< of the latest run
  std::vector<emu::Report> reports; ///< of it
  emu::Outcome outcome;

  /// The address of the values, which begin `skip` bytes past a multiple of 256.
  template <class T> u64 upload(const std::vector<T>& values, u64 skip = 0) {
    const u64 at = allocate(values.size() * sizeof(T), skip);
    std::memcpy(reinterpret_cast<void*>(at), values.data(), values.size() * sizeof(T));
    wrote(at, values.size() * sizeof(T));
    return at;
  }
  /// The values as elements of `type`: "float", "bf16" or "f16".
  u64 tensor(const std::string& type, const std::vector<float>& values, u64 skip = 0);
  std::vector<float> elements(const std::string& type, u64 at, std::size_t count) const;
  /// Not initialised: what kernels do not write is reported or poison.
  template <class T> u64 output(std::size_t count, u64 skip = 0) {
    const u64 at = allocate(count * sizeof(T), skip);
    std::memset(reinterpret_cast<void*>(at), 0xcb, count * sizeof(T));
    return at;
  }
  template <class T> std::vector<T> download(u64 at, std::size_t count) const {
    std::vector<T> values(count);
    std::memcpy(values.data(), reinterpret_cast<const void*>(at), count * sizeof(T));
    return values;
  }
  /// True if it succeeded and no check reported anything.
  bool launch(const std::vector<u64>& parameters, unsigned blocks = 1);
  /// The same, as an expectation.
  void run(const std::vector<u64>& parameters, unsigned blocks = 1);

private:
  u64 allocate(u64 bytes, u64 skip);
  void wrote(u64 at, u64 bytes);
  std::shared_ptr<emu::Program> program;
  std::unique_ptr<emu::Memory> memory;
  std::unique_ptr<emu::Checker> checker;
  unsigned threads, shared;
};

u64 seed();                ///< ATTILE_SEED, or a fresh one; printed
std::mt19937_64& random(); ///< of the running test, begun by the seed

const std::vector<std::string>& targets();
/// One of them, at random, that is at least sm_`oldest`.
std::string some_target(int oldest = 75);
bool no_nvrtc(std::string& why);

/// `use` is called with the kernel on every target in the fast mode, and on one target by a few schedules.
void everywhere(const Kernel& kernel, const std::function<void(Device&)>& use);
/// On one target, by one schedule (0: the fast mode).
void on(const Kernel& kernel, const std::string& target, u64 schedule,
        const std::function<void(Device&)>& use);

/// What NVRTC says of a kernel that it does not take.
std::string refusal(const Kernel& kernel, const std::string& target);

/// What the assembler says of its machine code.
std::vector<cuda::KernelResources> resources_of(const Kernel& kernel, const std::string& target);

#define NEEDS_NVRTC                                                                                          \
  if (std::string why; ::attile::test::no_nvrtc(why))                                                        \
  GTEST_SKIP() << why

/// `pattern` with each $name replaced.
std::string with(std::string pattern, const std::vector<std::pair<std::string, std::string>>& values);

// ---- numbers on the host ----

float widened(const std::string& type, u16 bits); ///< of "bf16" or "f16"
u16 narrowed(const std::string& type, float x);   ///< to the nearest, ties to even

/// Values that are exact in every type, and whose products and their sums are exact in f32.
std::vector<float> exact_values(std::size_t count);

} // namespace attile::test
