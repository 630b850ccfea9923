// What a device implements. Checking arguments and evaluating the plan is the same for all of them.
#pragma once

#include "launch/binding.h"
#include <array>
#include <attile/device.h>
#include <chrono>
#include <mutex>

namespace attile {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start);

/// An operand of four dimensions that a kernel reads by a tensor map.
struct Mapped {
  const void* data = nullptr;
  DType dtype = DType::f16;
  std::array<std::int64_t, 4> extents, strides; ///< strides in elements
  std::int64_t rows = 0;                        ///< of a box
};

/// What a kernel keeps of a package once a device has chosen among its code.
struct Chosen {
  Package package; ///< without code; its plan is that of the code
  plan::CompiledPlan plan;
  std::string target;
};
/// `package` is verified, `section` one of its sections.
Result<Chosen> choose(const Package& package, const CodeSection& section);

/// A loaded package: checks and the plan's evaluation, over what a device does.
class KernelImpl {
public:
  explicit KernelImpl(Chosen chosen);
  virtual ~KernelImpl() = default;

  Result<void> launch(const Arguments& arguments, LaunchStats* stats);
  Result<void> reserve(const Arguments& arguments);
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

  /// What a plan is told of as `threads`; `asked` of the caller is 0 for as many as there are.
  virtual int thread_count(int asked) const = 0;
  virtual std::int64_t most_blocks() const { return INT64_MAX; }
  /// Whatever is asked for until leave() is for these arguments.
  virtual Result<void> enter(const Arguments& /*arguments*/) { return {}; }
  virtual void leave() {}
  /// Whether kernels can reach the memory of every operand.
  virtual Result<void> check_memory(const Binding& /*binding*/) { return {}; }
  /// Some zeros, for kernels that look into an empty operand all the same.
  virtual Result<const void*> zeros() = 0;
  /// Device memory number `index`, kept and grown from launch to launch. First the plan's scratch, then
  /// outputs that were left out.
  virtual Result<void*> buffer(int index, std::int64_t bytes) = 0;
  /// Makes slot number `slot` of a kernel, which is a map.
  virtual Result<void> make_map(int kernel, std::size_t slot, const Mapped& operand);
  /// Runs those steps that are not skipped and whose grid is not empty. `poison`: fills buffers, and what
  /// workers get, with bytes 0xff before. `stats` may be null; its times by kernel are 0 still.
  virtual Result<void> run(int threads, bool poison, LaunchStats* stats) = 0;
  virtual std::int64_t scratch_bytes() const = 0;

  const plan::CompiledPlan plan;
  std::vector<Step> steps; ///< in the order of the plan

private:
  struct Entered;
  Result<int> threads_of(const Arguments& arguments) const;
  /// Everything that can fail because of the arguments.
  Result<void> prepare(const Arguments& arguments, int threads);
  Result<void> provide_buffers();
  Result<void> provide_zeros();
  Result<void> prepare_step(Step& step);
  Mapped mapped(const plan::CompiledSlot& slot) const;

  std::mutex mutex; ///< over everything but what is const
  Binding binding;
  std::vector<void*> buffers; ///< the plan's scratch
};

class DeviceImpl {
public:
  virtual ~DeviceImpl() = default;
  /// `package` is verified.
  virtual Result<std::shared_ptr<KernelImpl>> load(const Package& package) = 0;

  virtual Result<void*> allocate(std::int64_t bytes) = 0;
  virtual void release(void* memory) = 0;
  virtual Result<void> write(void* memory, const void* host, std::size_t bytes) = 0;
  virtual Result<void> read(const void* memory, void* host, std::size_t bytes) = 0;
  virtual Result<void> synchronize() { return {}; }
  virtual void* driver_function(const char* /*name*/) { return nullptr; }

  DeviceInfo info;
};

/// A kind of device: one line in device.cpp registers it.
struct Backend {
  std::string_view name;
  Result<std::shared_ptr<DeviceImpl>> (*open)(std::string_view name);
  void (*list)(std::vector<DeviceInfo>& devices);
};

} // namespace attile
