// What a device implements. Checking arguments and evaluating the plan is the same for all of them.
#pragma once

#include "launch/binding.h"
#include <attile/device.h>
#include <mutex>

namespace attile {

/// A loaded package: the plan's evaluation, over four things that a device does.
class KernelImpl {
public:
  /// `package` is verified; its code is not kept.
  KernelImpl(const Package& package, plan::CompiledPlan plan, std::string target);
  virtual ~KernelImpl() = default;

  Result<void> launch(const Arguments& arguments, LaunchStats* stats);
  Result<void> check(const Arguments& arguments);

  const Package package; ///< without code
  const std::string target;

protected:
  struct Step {
    int kernel = 0; ///< of the plan
    std::int64_t grid = 0, worker_scratch = 0;
    bool skipped = false;
    std::vector<std::uint64_t> slots;
  };

  virtual int default_threads() const = 0;
  /// Device memory number `index`, kept and grown from launch to launch.
  virtual Result<void*> buffer(int index, std::int64_t bytes) = 0;
  /// A launch begins; its buffers are there. `poison`: fill them, and what workers get, with bytes 0xff.
  virtual void begin(bool poison) = 0;
  /// Runs the blocks of one kernel; the grid is not empty.
  virtual Result<void> run(const Step& step, int threads) = 0;
  virtual std::int64_t scratch_bytes() const = 0;

private:
  Result<int> thread_count(const Arguments& arguments) const;
  /// Everything that can fail because of the arguments.
  Result<void> prepare(const Arguments& arguments, int threads);
  Result<void> provide_buffers();
  Result<void> prepare_step(Step& step);

  const plan::CompiledPlan plan;
  std::mutex mutex; ///< over all that follows
  Binding binding;
  std::vector<void*> buffers; ///< the plan's scratch
  std::vector<Step> steps;
};

class DeviceImpl {
public:
  virtual ~DeviceImpl() = default;
  virtual Result<std::shared_ptr<KernelImpl>> load(const Package& package, plan::CompiledPlan plan) = 0;

  DeviceInfo info;
};

/// A kind of device: one line in device.cpp registers it.
struct Backend {
  std::string_view name;
  Result<std::shared_ptr<DeviceImpl>> (*open)(std::string_view name);
  void (*list)(std::vector<DeviceInfo>& devices);
};

} // namespace attile
