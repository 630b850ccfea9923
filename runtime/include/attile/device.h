// Devices, and kernels loaded on them: package in, launch.
#pragma once

#include <attile/package.h>
#include <attile/result.h>
#include <attile/tensor.h>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace attile {

/// A parameter of the spec by name: {"window", 512}, {"cap", 50.0}, {"causal", true}, {"slope", view}.
struct Param {
  std::string_view name;
  std::variant<std::int64_t, double, bool, ConstTensorView> value;
};

struct NamedOutput {
  std::string_view name;
  TensorView view;
};

/// What a kernel is launched on. Views are in the order [batch, heads, len, dim] (lse and max: [batch, heads,
/// len]); another layout is other strides, see TensorView::transposed. Everything is checked before anything
/// runs.
///
///     kernel.launch({.q = q, .k = k, .v = v, .o = o, .params = {{"window", 512}, {"slope", slopes}}});
struct Arguments {
  ConstTensorView q = {}, k = {}, v = {};
  TensorView o = {};
  TensorView lse = {}, max = {};         ///< of specs that output them; may be left out, as may o
  std::vector<Param> params = {};        ///< those without a default must be here
  std::vector<NamedOutput> outputs = {}; ///< outputs with other names
  void* stream = nullptr;      ///< a CUstream, which a launch on a GPU goes to; null: the default one
  int threads = 0;             ///< workers on a CPU; 0: all that this process may use
  bool poison_scratch = false; ///< for tests: fill scratch memory with NaN before the launch
};

/// Times of one launch. Asking for them makes a launch on a GPU wait until it is done.
struct LaunchStats {
  double ms = 0;                  ///< wall-clock, checks and everything
  std::vector<double> kernel_ms;  ///< by kernel of the plan; 0 where skipped
  std::int64_t scratch_bytes = 0; ///< held by the kernel after the launch, workers' included
};

class KernelImpl;
class DeviceImpl;

/// A package loaded on a device. Copies share it. It keeps its scratch memory, so that later launches
/// allocate nothing; launches of one kernel from several threads wait for each other.
///
/// On a GPU, operands are addresses of its memory, and a launch is put into the caller's stream, in the
/// context that is current if there is one, and returns. Scratch is kept by stream. A launch can be captured
/// in a CUDA graph, before which reserve() provides its scratch.
class Kernel {
public:
  explicit Kernel(std::shared_ptr<KernelImpl> impl) : impl(std::move(impl)) {}

  /// Runs the plan; on a CPU it is done on return. An Error of kind `user` names the operand, what was
  /// expected and what was given; nothing has run then.
  Result<void> launch(const Arguments& arguments, LaunchStats* stats = nullptr) const;
  /// The checks of `launch` alone.
  Result<void> check(const Arguments& arguments) const;
  /// Provides the memory that `launch` needs with these arguments, so that it allocates nothing.
  Result<void> reserve(const Arguments& arguments) const;
  /// What was loaded: names, dtypes, the plan of the chosen code (the code is not kept).
  const Package& package() const;
  /// The target of the code that was chosen, "x86-64-v4" or "sm_90a".
  const std::string& target() const;

private:
  std::shared_ptr<KernelImpl> impl;
};

struct DeviceInfo {
  std::string name;        ///< what Device::open accepts
  std::string description; ///< "AMD EPYC ..., 2 threads, avx512f ..."
  bool available = false;
  std::string missing;   ///< why not, and how to get it
  std::string chip = {}; ///< of a GPU: "sm_90"
};

/// Memory of a device, for programs that have no other source of it: plain memory on a CPU. 256-byte aligned
/// on a GPU, 64-byte on a CPU.
class DeviceBuffer {
public:
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  void* data() const { return memory; } ///< for views; on a GPU not for the host to touch
  std::int64_t size() const { return bytes; }
  /// Copies between the host and the start of the buffer, after all work that the device was given before.
  Result<void> write(std::span<const std::byte> from) const;
  Result<void> read(std::span<std::byte> to) const;

private:
  friend class Device;
  DeviceBuffer(std::shared_ptr<DeviceImpl> device, void* memory, std::int64_t bytes);
  std::shared_ptr<DeviceImpl> device;
  void* memory = nullptr;
  std::int64_t bytes = 0;
};

class Device {
public:
  /// "cpu", "cuda" (the first), "cuda:1", or "emulator:sm_90a": the CUDA driver in software, as that chip. An
  /// unknown name is a usage error, a device that is not there an environment error.
  static Result<Device> open(std::string_view name);
  /// All that could be opened, and those that this build knows but which are missing here.
  static std::vector<DeviceInfo> list();

  /// Chooses the best code in the package that this device can run, and maps it. On a GPU: machine code for
  /// it, else PTX, which the driver compiles.
  Result<Kernel> load(const Package& package) const;
  /// Uninitialised memory.
  Result<DeviceBuffer> allocate(std::int64_t bytes) const;
  /// Waits for all work that the device was given, by whomever; errors of kernels appear here.
  Result<void> synchronize() const;
  /// A function of the driver behind this device: "cuStreamCreate", "attileEmuGetReport". Null if there is
  /// none.
  void* driver_function(const char* name) const;
  const DeviceInfo& info() const;

private:
  explicit Device(std::shared_ptr<DeviceImpl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<DeviceImpl> impl;
};

} // namespace attile
