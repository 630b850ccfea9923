// Runs a kernel: the one door between the driver and the executor.
#pragma once

#include "emulator/chips.h"
#include "emulator/exec/state.h"
#include "emulator/memory/memory.h"
#include <atomic>
#include <functional>
#include <mutex>
#include <string>

namespace emu {

struct Options {
  enum class Mode : std::uint8_t {
    fast,      ///< blocks in parallel on the host's cores, asynchronous work done at once
    scheduled, ///< one schedule, chosen by `seed` and reproducible; everything interleaves, asynchronous work
               ///< is late or early
  };
  Mode mode = Mode::fast;
  std::uint64_t seed = 0; ///< of the schedule, of approximations, and of what undefined registers hold
  unsigned workers = 0;   ///< host threads of the fast mode; 0: as many as the host has
  bool truncating_matrix = false;      ///< matrix accumulation truncates as hardware may; else it is exact
  std::uint64_t most_instructions = 0; ///< warp instructions after which a launch is given up; 0: no limit
};

enum class Status : std::uint8_t {
  success,
  illegal_address,
  misaligned_address,
  illegal_instruction,
  invalid_pc,
  hardware_stack_error,
  assertion,
  trap,
  deadlock,
  too_long,
  internal,
};

struct Outcome {
  Status status = Status::success;
  std::string message; ///< with kernel, block, thread, PTX and CUDA lines
  std::uint64_t warp_instructions = 0, thread_instructions = 0;
};

class Random;

struct Launch {
  std::shared_ptr<const Program> program;
  const Function* kernel = nullptr;
  Dim3 grid, threads;
  Dim3 cluster; ///< blocks of each; divides the grid
  std::uint32_t dynamic_shared = 0;
  std::vector<std::byte> params; ///< of kernel->param_bytes
  Memory* memory = nullptr;
  const Chip* chip = nullptr;
  Options options;
  Checker* checker = nullptr;                  ///< null: no checks
  Counters* counters = nullptr;                ///< null: no counting
  std::function<void(std::string_view)> print; ///< what vprintf writes; called by one thread at a time
  std::uint64_t grid_id = 0;
  std::uint32_t registers = 0; ///< of a thread when it begins, as far as known; 0: unknown
  /// It may have begun before the one before it in its stream was done (programmatic dependent launch).
  bool programmatic = false;
  bool cooperative =
      false; ///< all blocks run beside each other; the caller has seen that the chip can hold them

  // While it runs:
  std::uint64_t workspace = 0; ///< of a cooperative launch, in memory: where its blocks wait for each other
  Random* random = nullptr;    ///< of the schedule; null in the fast mode
  std::atomic<bool> stopped{false};
  std::atomic<std::uint64_t> warp_instructions{0}, thread_instructions{0};
  std::mutex mutex; ///< of outcome, and of print
  Outcome outcome;

  std::uint64_t blocks() const { return grid.count(); }
  std::uint64_t clusters() const { return blocks() / cluster.count(); }
  std::uint32_t block_threads() const { return static_cast<std::uint32_t>(threads.count()); }
};

/// Runs all blocks; returns when they are done or one failed.
Outcome run(Launch& launch);

/// Ends the launch with an error at an instruction of a lane; the first error counts. For `return
/// fault(...)`.
Flow fault(Group& group, const Instruction& instruction, int lane, Status status, std::string_view message);

/// Ends the launch with an error of what goes on beside its threads; the first error counts.
void fail(Launch& launch, Status status, std::string message);

/// "kernel k, block (1,0,0), thread (3,0,0), kernel.ptx:12: ld.global.f32 ... (kernel.cu:7:5)".
std::string describe(const Group& group, const Instruction& instruction, int lane);
std::string describe(const Warp& warp, const Function& function, const Instruction& instruction, int lane);

} // namespace emu
