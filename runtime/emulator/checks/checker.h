// Checks a launch while it runs. The executor tells a Checker what happens, and goes on as it would without
// one; what is wrong becomes a Report. Launch::checker is null when checks are off, so every call stands
// behind `if (checker)`.
//
// Who calls what:
// - The run loop: execute() instead of Instruction::execute; launch_begins, block_begins, frame_begins.
// - resolve(): refused() for an address that is not allowed, accessed() for those that are. Families that
//   load, store or do atomics need no more: Access::doing, order and scope say it all. ld and st of any kind,
//   atom and red must fill in `order` and `scope` (atom's default is relaxed.gpu).
// - fence, membar: fence(); fence.proxy.async: proxy_fence().
// - barrier: barrier_arrives() for each group that comes, before it may complete the barrier;
//   barrier_completes() when all have come, before any thread goes on.
// - bar.warp.sync: warp_syncs() with the whole group, once all have come.
// - cp.async: its two accesses are Doing::async_read and async_write; async_commits() and async_waits().
// - wgmma, cp.async.bulk: async_begins() and what follows it; async_operation.h has the order.
// - mbarrier: mbarrier_* below; the mbarrier object itself is accessed with Doing::atomic.
// - exit: leaves().
// - The driver: host_* and allocated(), for what the host does to memory between launches.
#pragma once

#include "emulator/checks/async_operation.h"
#include "emulator/checks/report.h"
#include "emulator/exec/access.h"
#include "emulator/exec/state.h"
#include "emulator/isa/instruction.h"

#include <memory>
#include <span>

namespace emu {

struct PassedValue;

struct CheckOptions {
  bool bounds = true;  ///< addresses against allocations, alignment
  bool defined = true; ///< uninitialised memory and registers
  bool races = true;
  bool barriers = true;        ///< divergence, counts, asynchronous work that is left behind
  unsigned most_reports = 100; ///< different ones; more are counted only
};

class Checker {
public:
  explicit Checker(Memory& memory, CheckOptions options = {});
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  Reports& reports();

  // ---- a launch ----
  void launch_begins(const Launch& launch);
  void block_begins(Block& block); ///< before its warps are made
  /// A new activation of those lanes: its registers and their local variables are undefined.
  void frame_begins(Warp& warp, Frame& frame, Mask lanes);
  /// A value passes between two activations.
  void passed(Warp& warp, Mask lanes, const PassedValue& to, const PassedValue& from);
  /// Local memory that a lane has from now on, and that is undefined.
  void local_allocated(Warp& warp, int lane, std::uint64_t at, std::uint64_t bytes);
  /// Something other than an instruction writes to local memory.
  void local_written(Warp& warp, Mask lanes, std::uint64_t at, std::uint64_t bytes);

  /// Runs the instruction for the lanes of `mask`, as its `execute` would, and follows definedness through
  /// it. Call it also when `mask` is 0 because of a guard that is not defined: `guarded` says which lanes the
  /// guard was asked for.
  Flow execute(Group& group, const Instruction& instruction, Mask guarded, Mask mask);

  // ---- memory ----
  /// An access of a lane that cannot be done. True: it was reported, and the lane is left out.
  bool refused(Group& group, const Instruction& instruction, const Access& access, int lane, Status status);
  /// The lanes of `access.mask` do the access now. Takes out lanes whose address is not allowed for them.
  void accessed(Group& group, const Instruction& instruction, Access& access);
  /// What the lane has just read (accessed) is used at once, not put into a register: `what` names it.
  void uses(Group& group, const Instruction& instruction, int lane, std::string_view what);
  void fence(Group& group, Mask mask, Scope scope, Order order = Order::acq_rel);
  /// fence.mbarrier_init: operations of other proxies and blocks see the mbarriers that the lanes have made.
  void mbarriers_fenced(Group& group, Mask mask);

  // ---- barriers ----
  struct Arrival {
    std::uint32_t id = 0;
    std::uint32_t count = 0; ///< of threads, as given; 0: all of the block
    bool waits = true;       ///< false: barrier.arrive
    bool aligned = false;
  };
  void barrier_arrives(Group& group, const Instruction& instruction, Mask mask, const Arrival& arrival);
  void barrier_completes(Block& block, std::uint32_t id);
  void warp_syncs(Group& group, Mask mask);
  /// barrier.cluster.arrive; the instruction's order says whether it releases.
  void cluster_arrives(Group& group, const Instruction& instruction, Mask mask, bool aligned);
  void cluster_completes(Cluster& cluster);
  /// What they have waited for is complete.
  void cluster_waits(Group& group, Mask mask);
  /// griddepcontrol: the launch before this one in its stream is complete; the next one may begin.
  void grid_waits(Group& group, Mask mask);
  void grid_triggers(const Group& group);
  void leaves(Group& group, const Instruction& instruction, Mask mask);
  /// Every group of the block waits; `message` says for what.
  void deadlocked(const Block& block, std::string_view message);

  // ---- asynchronous copies ----
  void async_commits(Group& group, Mask mask);
  /// All but the latest `keep` committed groups of each lane are done.
  void async_waits(Group& group, Mask mask, std::uint32_t keep);
  /// cp.async.wait_all: also what was not committed.
  void async_waits_all(Group& group, Mask mask);
  /// cp.async.mbarrier.arrive: what the lane issued before is done when that mbarrier's phase is; counts as
  /// an arrival.
  void async_arrives(Group& group, int lane, std::uint64_t mbarrier);

  // ---- operations of the asynchronous proxy: see async_operation.h ----
  AsyncRef async_begins(Group& group, const Instruction& instruction, int lane, AsyncIssue issue);
  /// False: some of the bytes were never defined. (Undefined bytes may be copied: see async_writes.)
  bool async_reads(const AsyncRef& operation, const AsyncRange& range);
  /// `from`: the bytes are a copy of those, and defined as far as they are; null: they are defined.
  void async_writes(const AsyncRef& operation, const AsyncRange& range, const AsyncRange* from = nullptr);
  /// cp.reduce.async.bulk, red.async: a relaxed atomic at the device, for each element.
  void async_reduces(const AsyncRef& operation, const AsyncRange& range);
  /// It is complete, and does complete-tx on that mbarrier, which is told of it.
  void async_signals(const AsyncRef& operation, Block& owner, std::uint64_t mbarrier);
  /// cp.async.bulk.commit_group, .wait_group: all but the latest `keep` groups of each lane are done, or,
  /// with `.read`, have read their sources.
  void bulk_commits(Group& group, Mask mask);
  void bulk_waits(Group& group, Mask mask, std::uint32_t keep, bool read_only);
  /// wgmma.commit_group, wait_group, for each warp of the warpgroup.
  void matrix_commits(Group& group);
  void matrix_waits(Group& group, std::uint32_t keep);
  /// fence.proxy.async, of whatever space: what the lanes know is there for asynchronous operations.
  void proxy_fence(Group& group, Mask mask);

  // ---- wgmma ----
  /// What one reads of shared memory, in chunks of 16 bytes, by offset: of A, unless that is in registers,
  /// and of B. Of which rows of A and columns of B a chunk has elements follows from its number.
  struct MatrixReads {
    std::span<const std::uint32_t> a, b;
    bool a_mn_major = false, b_mn_major = false; ///< else two chunks a line
    unsigned accumulates = 0;                    ///< a bit for each warp: it reads its sums as well
  };
  /// All four warps have come to the instruction: its descriptors, and whether it adds to what was there.
  void matrix_operands(std::span<Group* const> warps, const Instruction& instruction);
  /// ... which is in flight from now on.
  void matrix_issues(std::span<Group* const> warps, const Instruction& instruction, const MatrixReads& reads);
  void matrix_fence(Group& group);

  /// Something else that a family finds wrong.
  void finds(Report::Kind kind, Group& group, const Instruction& instruction, int lane, std::string actual,
             std::string expected);

  // ---- mbarriers, by address in the block's shared memory ----
  void mbarrier_begins(Group& group, const Instruction& instruction, int lane,
                       std::uint64_t mbarrier); ///< init
  /// An arrival at an mbarrier of `owner`, a block of the thread's cluster.
  void mbarrier_arrives(Group& group, int lane, Block& owner, std::uint64_t mbarrier);
  void mbarrier_completes(Block& block, std::uint64_t mbarrier);
  /// A test or wait of some lanes that found a phase complete.
  void mbarrier_waits(Group& group, Mask mask, std::uint64_t mbarrier);
  /// Who arrived in the current phase and in the one before, for those who wait in vain: "; of ...", or
  /// empty.
  std::string mbarrier_history(const Block& block, std::uint64_t mbarrier) const;

  // ---- the host, between launches ----
  void allocated(std::uint64_t address, std::uint64_t bytes); ///< undefined from now on
  void host_writes(std::uint64_t address, std::uint64_t bytes);
  void host_copies(std::uint64_t to, std::uint64_t from, std::uint64_t bytes);
  bool host_reads_defined(std::uint64_t address, std::uint64_t bytes) const;

private:
  struct Data;
  std::unique_ptr<Data> data;
};

} // namespace emu
