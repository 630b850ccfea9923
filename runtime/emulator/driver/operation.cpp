#include "emulator/driver/operation.h"
#include "emulator/counters/counters.h"
#include "emulator/driver/graph.h"
#include "emulator/driver/launch.h"
#include "emulator/driver/objects.h"
#include "emulator/exec/register_pool.h"

#include <cstdio>
#include <cstring>
#include <optional>

namespace emu::driver {
namespace {

std::uint64_t load(std::uint64_t address, unsigned bytes) {
  if (bytes == 4)
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(address)).load();
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(address)).load();
}

void store(std::uint64_t address, std::uint64_t value, unsigned bytes) {
  if (bytes == 4)
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(address)).store(static_cast<std::uint32_t>(value));
  else
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(address)).store(value);
}

bool satisfied(const AwaitValue& wait) {
  const std::uint64_t found = load(wait.address, wait.bytes);
  const std::uint64_t mask = wait.bytes == 4 ? 0xffffffffU : ~std::uint64_t(0);
  switch (wait.flags & 3U) {
  case CU_STREAM_WAIT_VALUE_GEQ: { // cyclic
    const std::uint64_t ahead = (found - wait.value) & mask;
    return ahead <= mask / 2;
  }
  case CU_STREAM_WAIT_VALUE_EQ:
    return found == (wait.value & mask);
  case CU_STREAM_WAIT_VALUE_AND:
    return (found & wait.value) != 0;
  default:
    return (~(found | wait.value) & mask) != 0;
  }
}

CUresult result_of(Status status) {
  switch (status) {
  case Status::success:
    return CUDA_SUCCESS;
  case Status::illegal_address:
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  case Status::misaligned_address:
    return CUDA_ERROR_MISALIGNED_ADDRESS;
  case Status::illegal_instruction:
    return CUDA_ERROR_ILLEGAL_INSTRUCTION;
  case Status::invalid_pc:
    return CUDA_ERROR_INVALID_PC;
  case Status::hardware_stack_error:
    return CUDA_ERROR_HARDWARE_STACK_ERROR;
  case Status::assertion:
    return CUDA_ERROR_ASSERT;
  case Status::trap:
    return CUDA_ERROR_LAUNCH_FAILED;
  case Status::deadlock:
  case Status::too_long:
    return CUDA_ERROR_LAUNCH_TIMEOUT;
  case Status::internal:
    return CUDA_ERROR_UNKNOWN;
  }
  return CUDA_ERROR_UNKNOWN;
}

CUresult result_of(emu::Report::Kind kind) {
  switch (kind) {
  case emu::Report::Kind::out_of_bounds:
  case emu::Report::Kind::use_after_free:
  case emu::Report::Kind::read_only:
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  case emu::Report::Kind::misaligned:
    return CUDA_ERROR_MISALIGNED_ADDRESS;
  case emu::Report::Kind::deadlock:
    return CUDA_ERROR_LAUNCH_TIMEOUT;
  default:
    return CUDA_SUCCESS;
  }
}

// Emulated time (docs/emulator.md): a lower bound by throughput, which orders things and has a chip's scale,
// no more.
constexpr double launch_ns = 2000, copy_ns = 1000, host_link_bytes_per_ns = 25;

double memory_bytes_per_ns(const Chip& chip) {
  return 2.0 * chip.memory_clock_khz * 1e-6 * chip.memory_bus_bits / 8;
}

double kernel_ns(const Chip& chip, const Launch& launch, const Outcome& outcome) {
  const auto used = static_cast<double>(std::min<std::uint64_t>(launch.blocks(), chip.multiprocessors));
  const double cycles = static_cast<double>(outcome.warp_instructions) / (4 * std::max(used, 1.0));
  return launch_ns + cycles / (chip.clock_khz * 1e-6);
}

std::string one_line(std::string text) {
  for (std::size_t at = text.find("\n  "); at != std::string::npos; at = text.find("\n  "))
    text.replace(at, 3, "; ");
  return text;
}

class Execution {
public:
  explicit Execution(Context& context) : driver(*driver::driver()), context(context) {}

  void operator()(const Nothing&) {}

  void operator()(const KernelLaunch& kernel) {
    if (failed())
      return;
    const FunctionObject& function = *kernel.function;
    const Settings now = settings();
    Launch launch;
    launch.program = function.program;
    launch.kernel = function.function;
    launch.grid = kernel.grid;
    launch.threads = kernel.threads;
    launch.cluster = kernel.cluster;
    launch.dynamic_shared = kernel.dynamic_shared;
    launch.cooperative = kernel.cooperative;
    launch.registers = registers_of(*launch.kernel);
    if (launch.registers == 0)
      launch.registers = registers_at_entry(*launch.kernel, *function.chip);
    // No other stream's kernel, and nothing else, has come between.
    launch.programmatic = kernel.programmatic && kernel.after != 0 && kernel.after == driver.launched;
    driver.launched = kernel.number;
    launch.params = kernel.params;
    launch.memory = driver.memory.get();
    launch.chip = function.chip;
    launch.options = now.options;
    launch.grid_id = ++grids;
    launch.print = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); };
    std::optional<Counters> counters;
    if (now.count)
      launch.counters = &counters.emplace(function.program, *function.function);
    launch.checker = now.checks ? driver.checker.get() : nullptr;
    set_running(&launch);
    const Outcome outcome = emu::run(launch);
    set_running(nullptr);
    if (counters)
      report().counted(counters->json());
    std::fflush(stdout);
    driver.now += kernel_ns(*function.chip, launch, outcome);
    report().launch(function.function->name, outcome.warp_instructions, outcome.thread_instructions);
    if (launch.checker != nullptr)
      report_findings(launch.checker->reports());
    if (outcome.status != Status::success)
      fail(result_of(outcome.status), outcome.message);
  }

  void operator()(const Copy& copy) {
    if (failed())
      return;
    for (std::size_t z = 0; z < copy.depth; ++z)
      for (std::size_t y = 0; y < copy.height; ++y)
        std::memmove(reinterpret_cast<void*>(copy.dst + z * copy.dst_slice + y * copy.dst_pitch),
                     reinterpret_cast<const void*>(copy.src + z * copy.src_slice + y * copy.src_pitch),
                     copy.width);
    const auto bytes = static_cast<double>(copy.width * copy.height * copy.depth);
    const bool crosses = copy.to_host || copy.from_host;
    note_copy(copy);
    driver.now +=
        copy_ns + (crosses ? bytes / host_link_bytes_per_ns : 2 * bytes / memory_bytes_per_ns(chip()));
  }

  void operator()(const Fill& fill) {
    if (failed())
      return;
    for (std::size_t y = 0; y < fill.height; ++y) {
      char* const row = reinterpret_cast<char*>(fill.dst + y * fill.pitch);
      if (fill.element == 1)
        std::memset(row, static_cast<int>(fill.value & 0xff), fill.width);
      else
        for (std::size_t x = 0; x < fill.width; ++x)
          std::memcpy(row + x * fill.element, &fill.value, fill.element);
      if (Checker* const checks = driver.checks())
        checks->host_writes(fill.dst + y * fill.pitch, fill.width * fill.element);
    }
    driver.now +=
        copy_ns + static_cast<double>(fill.width * fill.element * fill.height) / memory_bytes_per_ns(chip());
  }

  void operator()(const HostCall& call) {
    if (!failed())
      call.function(call.data);
  }
  void operator()(const Callback& call) { call.function(call.stream, context.error.load(), call.data); }

  void operator()(const Record& record) {
    const std::lock_guard lock(driver.queue.mutex());
    record.event->completed = std::max(record.event->completed, record.generation);
    record.event->time = driver.now;
  }
  void operator()(const AwaitEvent&) {}
  void operator()(const AwaitValue&) {}

  void operator()(const WriteValue& write) {
    if (failed())
      return;
    if (Checker* const checks = driver.checks())
      checks->host_writes(write.address, write.bytes);
    store(write.address, write.value, write.bytes);
  }
  void operator()(const Release& release) { driver.memory->release(release.address); }

  void operator()(const ChildGraph& child) {
    for (const GraphExec::Step& step : child.graph->steps)
      if (step.enabled)
        std::visit(*this, step.operation);
  }

private:
  // Tells the checks what memory holds now.
  void note_copy(const Copy& copy) {
    Checker* const checks = driver.checks();
    if (checks == nullptr || copy.to_host)
      return;
    for (std::size_t z = 0; z < copy.depth; ++z)
      for (std::size_t y = 0; y < copy.height; ++y) {
        const std::uint64_t dst = copy.dst + z * copy.dst_slice + y * copy.dst_pitch;
        if (copy.from_host)
          checks->host_writes(dst, copy.width);
        else
          checks->host_copies(dst, copy.src + z * copy.src_slice + y * copy.src_pitch, copy.width);
      }
  }
  bool failed() const { return context.error.load() != CUDA_SUCCESS; }
  const Chip& chip() const { return *driver.devices[context.device].chip; }
  // What a chip might let pass, such as an access beyond an allocation, is an error here. The context fails
  // last: from then on its calls return, and the report is whole.
  void report_findings(Reports& found) {
    CUresult first = CUDA_SUCCESS;
    for (const emu::Report& one : found.all()) {
      report().finding(one);
      const CUresult result = result_of(one.kind);
      if (result != CUDA_SUCCESS)
        report().failure(result, one_line(render(one)));
      if (first == CUDA_SUCCESS)
        first = result;
    }
    if (const std::uint64_t left_out = found.left_out(); left_out > 0)
      report().left_out(left_out);
    found.clear();
    fail(first);
  }
  void set_running(Launch* launch) {
    const std::lock_guard lock(driver.running_mutex);
    driver.running = launch;
  }
  void fail(CUresult result) {
    CUresult none = CUDA_SUCCESS;
    context.error.compare_exchange_strong(none, result);
  }
  void fail(CUresult result, std::string_view message) {
    report().failure(result, message);
    fail(result);
  }

  Driver& driver;
  Context& context;
  static std::atomic<std::uint64_t> grids;
};

std::atomic<std::uint64_t> Execution::grids{0};

} // namespace

bool may_begin(const Operation& operation) {
  if (const auto* wait = std::get_if<AwaitEvent>(&operation))
    return wait->event->completed >= wait->generation;
  if (const auto* wait = std::get_if<AwaitValue>(&operation))
    return satisfied(*wait);
  return true;
}

void execute(const Operation& operation, Context& context) {
  Execution execution(context);
  std::visit(execution, operation);
}

} // namespace emu::driver
