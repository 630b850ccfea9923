// What runs: a launch has blocks, a block has warps, a warp has groups: lanes that are at the same
// instruction of the same call. Threads are scheduled independently: a group splits at a divergent branch,
// and groups that meet again become one (PTX ISA, "Independent Thread Scheduling").
#pragma once

#include "emulator/isa/program.h"
#include <array>
#include <memory>
#include <vector>

namespace emu {

/// `cluster` is shared::cluster, which instructions name; what they find there is shared memory.
enum class Space : std::uint8_t { generic, global, shared, local, param, constant, cluster };

class AsyncQueue;
class Checker;
class Counters;
class CounterShard;
class Memory;
struct Block;
struct Cluster;
struct Launch;
struct Warp;

struct Dim3 {
  std::uint32_t x = 1, y = 1, z = 1;
  std::uint64_t count() const { return std::uint64_t(x) * y * z; }
};

/// One activation of a function by some lanes: its registers, and the lanes' variables in local memory.
struct Frame {
  const Function* function = nullptr;
  std::unique_ptr<std::byte[]> storage; ///< of `registers`
  std::byte* registers = nullptr;       ///< aligned to 64 bytes
  std::uint64_t local_base = 0;      ///< where this activation's variables begin in each lane's local memory
  std::shared_ptr<Frame> caller;     ///< null for a kernel
  const Instruction* call = nullptr; ///< in the caller
  std::uint32_t depth = 0;           ///< 0 for a kernel
  std::unique_ptr<std::array<std::uint64_t, warp_size>>
      stack; ///< where what lanes have allocated ends in their local memory; null: they have not
  std::shared_ptr<void> checks; ///< the checker's own data of this activation
};

struct Barrier;
struct Exchange;
struct Group;

/// Gives a group that waited for a barrier what the barrier's threads voted for.
using BarrierResult = void (*)(Group& group, const Instruction& instruction, const Barrier& barrier);

/// What a group waits for; `where` is the instruction, for reports.
struct Wait {
  enum class For : std::uint8_t { nothing, barrier, warp, warpgroup, async, cluster, registers };
  For what = For::nothing;
  std::uint64_t id = 0; ///< of a barrier; for async: the mbarrier's address in shared memory; for registers:
                        ///< how many a thread asks for
  Mask lanes = 0;       ///< of a warp-wide rendezvous
  const Instruction* where = nullptr;
  BarrierResult result = nullptr; ///< of barrier.red
};

/// What a group did that seems to wait by looking at memory again and again: see spin.h.
struct Spin {
  const Instruction* where = nullptr; ///< it comes back to
  std::uint64_t state = 0;            ///< of its registers, when it was there
  std::uint64_t changes = 0;          ///< Block::changes then
  std::uint64_t looked = 0;           ///< Group::ran then
  std::uint64_t lap = 0;              ///< instructions since it was there before
  std::uint32_t laps = 0;             ///< in which nothing changed
  std::uint32_t others = 0;           ///< looks elsewhere since
  bool endless = false;               ///< it looks at nothing
  std::uint64_t address = 0;          ///< what one of its lanes looks at
  const std::byte* at = nullptr;      ///< where that is
  std::uint64_t found = 0;            ///< there
  std::uint8_t width = 0;             ///< of that, in bytes
  Space space = Space::generic;
};

struct Group {
  Warp* warp = nullptr;
  const Instruction* code = nullptr; ///< of the activation's function
  std::byte* frame = nullptr;        ///< registers of the activation
  std::shared_ptr<Frame> activation;
  std::uint32_t pc = 0;
  Mask mask = 0;
  Wait wait;
  bool timed_out = false;                   ///< woken from mbarrier.try_wait without the phase being complete
  std::shared_ptr<const Exchange> exchange; ///< with lanes at other instructions: see rendezvous.h
  std::uint64_t exchanged = 0;      ///< Warp::executed when it took place; 0: at the group's next instruction
  std::uint64_t last_run = 0;       ///< for fairness
  std::uint64_t ran = 0;            ///< instructions
  std::uint64_t began = 0;          ///< Warp::executed at the beginning of its turn
  std::uint64_t unchanged = 0;      ///< instructions of turns without a change
  std::uint64_t patience = 1 << 16; ///< so many of them, and it may be in an endless loop
  Spin spin;
  bool ready() const { return wait.what == Wait::For::nothing; }
};

struct Warp {
  Block* block = nullptr;
  std::uint32_t index = 0; ///< in its block
  Mask alive = 0;          ///< lanes that have not exited
  std::vector<std::unique_ptr<Group>> groups;
  std::vector<std::byte> local;                        ///< local memory, lane after lane
  std::uint64_t local_bytes = 0;                       ///< of one lane
  std::uint64_t executed = 0;                          ///< instructions, for clocks
  std::array<std::uint32_t, warp_size> async_groups{}; ///< of cp.async, that each lane has committed
  std::array<std::uint32_t, warp_size> bulk_groups{};  ///< of cp.async.bulk
  std::uint32_t matrix_groups = 0;                     ///< of wgmma, that it has committed
};

inline constexpr std::uint32_t warps_of_warpgroup = 4;

/// Warps of a warpgroup that have come to an instruction and wait for the others, see warpgroup.h.
struct Warpgroup {
  const Instruction* where = nullptr;
  std::array<Group*, warps_of_warpgroup> come{};
};

/// What setmaxnreg gives to warps and takes from them; see register_pool.h.
struct RegisterPool {
  struct OfWarp {
    std::uint32_t registers = 0; ///< of each thread
    std::uint32_t changes = 0;   ///< setmaxnreg that it has executed
  };
  std::uint64_t free = 0;    ///< of the block
  std::vector<OfWarp> warps; ///< empty: nobody has asked yet
  std::vector<std::vector<const Instruction*>>
      changes; ///< by warpgroup, in the order of its first warp to come
};

/// A named barrier of a block, see barriers.h.
struct Barrier {
  std::uint32_t expected = 0;   ///< threads, if a count was given
  std::uint32_t arrived = 0;    ///< threads, where an aligned instruction counts full warps
  std::uint32_t threads = 0;    ///< those that really came
  std::uint32_t voted = 0;      ///< of barrier.red: threads
  std::uint32_t held = 0;       ///< of barrier.red: threads whose predicate held
  std::vector<Mask> parts = {}; ///< by warp: lanes that came to an aligned instruction before the others
  const Instruction* where = nullptr; ///< of the first that came
  std::uint64_t generation = 0;
};

struct Block {
  Launch* launch = nullptr;
  Cluster* cluster = nullptr; ///< see cluster.h; of one block, if the launch asks for no clusters
  std::uint32_t rank = 0;     ///< in its cluster
  bool exited = false;        ///< all its threads have left
  Dim3 id;                    ///< %ctaid
  std::uint64_t linear = 0;   ///< its number in the grid
  std::uint32_t threads = 0;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<std::byte> shared;  ///< shared memory
  std::uint64_t shared_begin = 0; ///< the address of its first byte
  std::array<Barrier, 16> barriers;
  std::vector<Warpgroup> warpgroups; ///< once one has met
  std::vector<Mask> cluster_arrived; ///< by warp: lanes that have come to the cluster's barrier this time
  std::vector<Mask> cluster_owing;   ///< lanes that have come and not waited since
  RegisterPool registers;
  std::uint64_t executed = 0; ///< warp instructions
  std::uint64_t thread_instructions = 0;
  std::uint64_t changes = 0;         ///< of memory, barriers and whatever else its threads may look at
  std::uint64_t looks = 0;           ///< at memory that others may write
  std::shared_ptr<AsyncQueue> async; ///< work in flight
  std::uint32_t skipped = 0;         ///< turns, because nothing that it looks at has changed
  std::shared_ptr<void> checks;      ///< the checker's own data of this block
  CounterShard* counts = nullptr;    ///< of the host thread that runs it; null: no counting
};

/// The number in its block of the thread that is the group's lane `lane`.
inline std::uint32_t thread_of(const Group& group, int lane) {
  return group.warp->index * warp_size + static_cast<std::uint32_t>(lane);
}

} // namespace emu
