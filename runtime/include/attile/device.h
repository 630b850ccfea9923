// Devices, and kernels loaded on them: package in, launch.
#pragma once

#include <attile/package.h>
#include <attile/result.h>
#include <attile/tensor.h>
#include <cstdint>
#include <memory>
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
  int threads = 0;                       ///< workers on a CPU; 0: all that this process may use
  bool poison_scratch = false;           ///< for tests: fill scratch memory with NaN before the launch
};

/// Wall-clock times of one launch.
struct LaunchStats {
  double ms = 0;                  ///< checks and everything
  std::vector<double> kernel_ms;  ///< by kernel of the plan; 0 where skipped
  std::int64_t scratch_bytes = 0; ///< held by the kernel after the launch, workers' included
};

class KernelImpl;
class DeviceImpl;

/// A package loaded on a device. Copies share it. It keeps its scratch memory, so that later launches
/// allocate nothing; launches of one kernel from several threads wait for each other.
class Kernel {
public:
  explicit Kernel(std::shared_ptr<KernelImpl> impl) : impl(std::move(impl)) {}

  /// Runs the plan and returns when it is done. An Error of kind `user` names the operand, what was expected
  /// and what was given; nothing has run then.
  Result<void> launch(const Arguments& arguments, LaunchStats* stats = nullptr) const;
  /// The checks of `launch` alone.
  Result<void> check(const Arguments& arguments) const;
  /// What was loaded: names, dtypes, plan (its code is not kept).
  const Package& package() const;
  /// The target of the code that was chosen, "x86-64-v4".
  const std::string& target() const;

private:
  std::shared_ptr<KernelImpl> impl;
};

struct DeviceInfo {
  std::string name;        ///< what Device::open accepts
  std::string description; ///< "AMD EPYC ..., 2 threads, avx512f ..."
  bool available = false;
  std::string missing; ///< why not, and how to get it
};

class Device {
public:
  /// "cpu". An unknown name is a usage error, a device that is not there an environment error.
  static Result<Device> open(std::string_view name);
  /// All that could be opened, and those that this build knows but which are missing here.
  static std::vector<DeviceInfo> list();

  /// Chooses the best code in the package that this device can run, and maps it.
  Result<Kernel> load(const Package& package) const;
  const DeviceInfo& info() const;

private:
  explicit Device(std::shared_ptr<DeviceImpl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<DeviceImpl> impl;
};

} // namespace attile
