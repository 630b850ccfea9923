// Any bytes as PTX, loaded, and every kernel of it run for some steps with checks on: a located error, or
// reports and an outcome, but never a crash; and nothing stays allocated.
#include "emulator/checks/checker.h"
#include "emulator/exec/launch.h"
#include "emulator/isa/load.h"

#include <cstring>

using namespace emu;

namespace {

void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

constexpr std::uint64_t buffer_bytes = 4096;

struct Machine {
  Memory memory{std::uint64_t(8) << 20};
  Checker checker{memory};
  Chip chip = *chip_named("sm_90a");
  std::uint64_t buffer = 0; ///< of the current input: kernels may free it
};

// Every parameter of 8 bytes or more is the address of a buffer, and the others are small numbers.
std::vector<std::byte> parameters(const Function& kernel, std::uint64_t buffer) {
  std::vector<std::byte> bytes(kernel.param_bytes);
  for (const Placed& one : kernel.params) {
    const std::uint64_t value = one.size >= 8 ? buffer : 3;
    std::memcpy(bytes.data() + one.offset, &value, std::min<std::uint64_t>(one.size, sizeof value));
  }
  return bytes;
}

void run_kernel(Machine& machine, const std::shared_ptr<Program>& program, const Function& kernel,
                Options::Mode mode) {
  Launch launch;
  launch.program = program;
  launch.kernel = &kernel;
  launch.grid.x = 2;
  launch.threads.x = 128;
  launch.dynamic_shared = 512;
  launch.params = parameters(kernel, machine.buffer);
  launch.memory = &machine.memory;
  launch.chip = &machine.chip;
  launch.options = {.mode = mode, .seed = 1, .workers = 1, .most_instructions = 2000};
  launch.checker = &machine.checker;
  launch.print = [](std::string_view) {};
  if (kernel.shared_bytes + launch.dynamic_shared >
      static_cast<std::uint64_t>(machine.chip.shared_per_block_optin))
    return; // the driver refuses it
  std::memset(reinterpret_cast<void*>(machine.buffer), 1, buffer_bytes);
  machine.checker.host_writes(machine.buffer, buffer_bytes);
  const Outcome outcome = run(launch);
  require((outcome.status == Status::success) == outcome.message.empty());
  require(outcome.status != Status::internal);
  for (const Report& report : machine.checker.reports().all())
    require(!render(report).empty());
  machine.checker.reports().clear();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Machine& machine = *new Machine;
  machine.buffer = machine.memory.allocate(buffer_bytes);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ptx::Error error;
  if (const std::shared_ptr<Program> program = load(text, machine.memory, error)) {
    for (const auto& function : program->functions)
      if (function->entry && function->source->defined)
        for (const Options::Mode mode : {Options::Mode::fast, Options::Mode::scheduled})
          run_kernel(machine, program, *function, mode);
    release_variables(*program, machine.memory);
  } else {
    require(!error.message.empty() && !ptx::render(text, "fuzz", error).empty());
  }
  // What a kernel got from malloc, and the buffer.
  for (const Allocation& allocation : machine.memory.allocations())
    if (allocation.name.empty())
      machine.memory.release(allocation.address);
  require(machine.memory.used() == 0);
  return 0;
}
