#include "launch/kernel_impl.h"

#include <fmt/core.h>

namespace attile {

constexpr int max_threads = 4096;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Result<Chosen> choose(const Package& package, const CodeSection& section) {
  Result<plan::CompiledPlan> plan = plan::CompiledPlan::compile(package, package.plan_of(section));
  if (!plan)
    return plan.error();
  Chosen chosen{package, *std::move(plan), section.target};
  chosen.package.plan = package.plan_of(section);
  chosen.package.code.clear();
  return chosen;
}

/// A call of enter(), which is left at the end of a scope.
struct KernelImpl::Entered {
  Entered(KernelImpl& kernel, const Arguments& arguments)
      : kernel(kernel), lock(kernel.mutex), result(kernel.enter(arguments)) {}
  Entered(const Entered&) = delete;
  ~Entered() {
    if (result)
      kernel.leave();
  }

  KernelImpl& kernel;
  const std::lock_guard<std::mutex> lock;
  const Result<void> result;
};

KernelImpl::KernelImpl(Chosen chosen)
    : package(std::move(chosen.package)), target(std::move(chosen.target)), plan(std::move(chosen.plan)) {
  buffers.resize(this->plan.scratch.size());
  steps.resize(this->plan.launches.size());
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i].kernel = static_cast<int>(i), steps[i].slots.resize(this->plan.launches[i].slots.size());
}

Result<void> KernelImpl::launch(const Arguments& arguments, LaunchStats* stats) {
  Clock::time_point start = Clock::now();
  Result<int> threads = threads_of(arguments);
  if (!threads)
    return threads.error();
  Entered entered(*this, arguments);
  if (!entered.result)
    return entered.result;
  if (Result<void> result = prepare(arguments, *threads); !result)
    return result;
  if (stats)
    stats->kernel_ms.assign(steps.size(), 0);
  if (Result<void> result = run(*threads, arguments.poison_scratch, stats); !result)
    return result;
  if (stats)
    stats->ms = ms_since(start), stats->scratch_bytes = scratch_bytes();
  return {};
}

Result<void> KernelImpl::check(const Arguments& arguments) {
  Result<int> threads = threads_of(arguments);
  if (!threads)
    return threads.error();
  Entered entered(*this, arguments);
  if (!entered.result)
    return entered.result;
  Binding local;
  if (Result<void> result = bind(package, plan, arguments, *threads, local); !result)
    return result;
  return check_memory(local);
}

Result<void> KernelImpl::reserve(const Arguments& arguments) {
  Result<int> threads = threads_of(arguments);
  if (!threads)
    return threads.error();
  Entered entered(*this, arguments);
  return entered.result ? prepare(arguments, *threads) : entered.result;
}

Result<int> KernelImpl::threads_of(const Arguments& arguments) const {
  if (arguments.threads < 0 || arguments.threads > max_threads)
    return user_error(fmt::format("threads: expected 0 (all) to {}, got {}", max_threads, arguments.threads));
  return thread_count(arguments.threads);
}

Result<void> KernelImpl::prepare(const Arguments& arguments, int threads) {
  if (Result<void> result = bind(package, plan, arguments, threads, binding); !result)
    return result;
  if (Result<void> result = check_memory(binding); !result)
    return result;
  for (std::size_t i = 0; i < plan.values.size(); ++i) {
    Result<std::int64_t> value = plan.values[i].evaluate(binding.symbols);
    if (!value)
      return std::move(value).error().in(fmt::format("plan value '{}'", package.plan.values[i].name));
    binding.symbols[plan.first_value + i] = *value;
  }
  if (Result<void> result = provide_buffers(); !result)
    return result;
  if (Result<void> result = provide_zeros(); !result)
    return result;
  for (Step& step : steps)
    if (Result<void> result = prepare_step(step); !result)
      return std::move(result).error().in(fmt::format("kernel '{}'", plan.launches[step.kernel].symbol));
  return {};
}

Result<void> KernelImpl::provide_buffers() {
  auto provide = [&](int index, std::int64_t bytes, const std::string& name) -> Result<void*> {
    if (bytes < 0)
      return internal_error(fmt::format("scratch '{}': expected a size, got {} bytes", name, bytes));
    Result<void*> memory = buffer(index, bytes);
    if (!memory)
      return std::move(memory).error().in(fmt::format("scratch '{}'", name));
    return memory;
  };
  int count = static_cast<int>(buffers.size());
  for (int i = 0; i < count; ++i) {
    const std::string& name = package.plan.scratch[i].name;
    Result<std::int64_t> bytes = plan.scratch[i].evaluate(binding.symbols);
    if (!bytes)
      return std::move(bytes).error().in(fmt::format("scratch '{}'", name));
    Result<void*> memory = provide(i, *bytes, name);
    if (!memory)
      return memory.error();
    buffers[i] = *memory;
  }
  int first_output = plan.inputs + plan.tensor_params;
  for (int i = 0; i < plan.outputs; ++i)
    if (binding.missing_bytes[i] > 0) {
      Result<void*> memory = provide(count + i, binding.missing_bytes[i], package.outputs[i].name);
      if (!memory)
        return memory.error();
      binding.pointers[first_output + i] = *memory;
    }
  return {};
}

Result<void> KernelImpl::provide_zeros() {
  for (const void*& pointer : binding.pointers)
    if (!pointer) {
      Result<const void*> some = zeros();
      if (!some)
        return some.error();
      pointer = *some;
    }
  return {};
}

Mapped KernelImpl::mapped(const plan::CompiledSlot& slot) const {
  const plan::CompiledTensor& tensor = plan.operands[slot.index];
  Mapped operand{binding.pointers[slot.index], tensor.spec.dtype, {}, {}, slot.rows};
  for (int d = 0; d < 4; ++d) {
    operand.extents[d] = binding.symbols[tensor.first_dim + d];
    operand.strides[d] = binding.symbols[tensor.first_stride + d];
  }
  return operand;
}

Result<void> KernelImpl::make_map(int kernel, std::size_t /*slot*/, const Mapped& /*operand*/) {
  return internal_error(fmt::format("kernel '{}' reads a tensor map, which this device does not make",
                                    plan.launches[kernel].symbol));
}

Result<void> KernelImpl::prepare_step(Step& step) {
  const plan::CompiledLaunch& launch = plan.launches[step.kernel];
  step.skipped = false;
  if (launch.when) {
    Result<std::int64_t> when = launch.when->evaluate(binding.symbols);
    if (!when)
      return when.error();
    step.skipped = *when == 0;
  }
  if (step.skipped) // its expressions need not make sense
    return {};
  for (auto [expr, value] :
       {std::pair{&launch.grid, &step.grid}, {&launch.worker_scratch, &step.worker_scratch}}) {
    Result<std::int64_t> result = expr->evaluate(binding.symbols);
    if (!result)
      return result.error();
    if (*result < 0)
      return internal_error(fmt::format("expected a size, got {}", *result));
    *value = *result;
  }
  if (step.grid > most_blocks())
    return user_error(fmt::format("expected at most {} blocks, got {}", most_blocks(), step.grid),
                      "launch it on fewer heads or batches at a time");
  for (std::size_t i = 0; i < step.slots.size(); ++i) {
    const plan::CompiledSlot& slot = launch.slots[i];
    switch (slot.kind) {
    case plan::Slot::Kind::pointer:
      step.slots[i] = reinterpret_cast<std::uint64_t>(binding.pointers[slot.index]);
      break;
    case plan::Slot::Kind::param:
      step.slots[i] = binding.scalars[slot.index];
      break;
    case plan::Slot::Kind::scratch:
      step.slots[i] = reinterpret_cast<std::uint64_t>(buffers[slot.index]);
      break;
    case plan::Slot::Kind::map:
      if (Result<void> made = make_map(step.kernel, i, mapped(slot)); !made)
        return std::move(made).error().in(plan.operands[slot.index].spec.name);
      break;
    case plan::Slot::Kind::value:
      Result<std::int64_t> value = slot.expr.evaluate(binding.symbols);
      if (!value)
        return value.error();
      step.slots[i] = static_cast<std::uint64_t>(*value);
    }
  }
  return {};
}

} // namespace attile
