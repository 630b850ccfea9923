#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/async.h"
#include "emulator/exec/cluster.h"
#include "emulator/exec/schedule.h"
#include "emulator/exec/spin.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <thread>

namespace emu {
namespace {

// Blocks that the chip holds at a time: those, and no others, are sure to run beside each other.
std::uint64_t resident_blocks(const Launch& launch) {
  const Chip& chip = *launch.chip;
  const std::uint64_t threads = (launch.block_threads() + warp_size - 1) / warp_size * warp_size;
  const std::uint64_t shared =
      launch.kernel->shared_bytes + launch.dynamic_shared + static_cast<std::uint64_t>(chip.shared_reserved);
  std::uint64_t per_sm = std::min(static_cast<std::uint64_t>(chip.max_blocks_per_sm),
                                  static_cast<std::uint64_t>(chip.max_threads_per_sm) / threads);
  if (shared > 0)
    per_sm = std::min(per_sm, static_cast<std::uint64_t>(chip.shared_per_sm) / shared);
  per_sm = std::max<std::uint64_t>(1, per_sm);
  // A cluster begins as a whole.
  return std::max(per_sm * static_cast<std::uint64_t>(chip.multiprocessors), launch.cluster.count());
}

void account(Launch& launch, const Block& block) {
  launch.warp_instructions.fetch_add(block.executed, std::memory_order_relaxed);
  launch.thread_instructions.fetch_add(block.thread_instructions, std::memory_order_relaxed);
}

bool over_limit(const Launch& launch, std::uint64_t executed) {
  return launch.options.most_instructions != 0 && executed > launch.options.most_instructions;
}

void give_up(Launch& launch) {
  const std::lock_guard lock(launch.mutex);
  if (launch.outcome.status == Status::success) {
    launch.outcome.status = Status::too_long;
    launch.outcome.message = fmt::format("kernel {}: not done after {} warp instructions",
                                         launch.kernel->name, launch.options.most_instructions);
  }
  launch.stopped = true;
}

bool can_go_on(const Block& block) {
  return std::ranges::any_of(block.warps, [](const auto& warp) {
    return std::ranges::any_of(warp->groups, [](const auto& group) { return group->ready(); });
  });
}

/// Blocks that have begun and are not done, and their clusters.
class Running {
public:
  /// Begins the cluster of that number.
  void begin(Launch& launch, std::uint64_t number, CounterShard* counts) {
    clusters.push_back(make_cluster(launch, number));
    for (const auto& block : clusters.back()->blocks) {
      block->counts = counts;
      all.push_back(block.get());
    }
  }
  /// The i-th block is done. Its shared memory stays until its cluster is.
  void finish(std::size_t i) {
    Cluster* const cluster = all[i]->cluster;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
    if (std::ranges::none_of(all, [=](const Block* block) { return block->cluster == cluster; }))
      clusters.erase(std::ranges::find(clusters, cluster, &std::unique_ptr<Cluster>::get));
  }
  const std::vector<Block*>& blocks() const { return all; }
  bool empty() const { return all.empty(); }
  bool are_quiet() const {
    return std::ranges::all_of(all, [](const Block* block) { return is_quiet(*block); });
  }
  bool look_at_host() const {
    return std::ranges::any_of(all, [](const Block* block) { return looks_at_host(*block); });
  }

private:
  std::vector<Block*> all;
  std::vector<std::unique_ptr<Cluster>> clusters;
};

/// What the host threads of the fast mode share.
struct Workers {
  static constexpr std::uint64_t busy = 0, gone = ~std::uint64_t(0);
  Workers(Launch& launch, unsigned count, std::uint64_t resident)
      : launch(launch), resident(resident), quiet_since(count) {}
  Launch& launch;
  std::uint64_t resident;                ///< blocks at a time
  std::atomic<std::uint64_t> running{0}; ///< blocks
  std::atomic<std::uint64_t> next{0};    ///< cluster
  std::atomic<std::uint64_t> turns{1};   ///< in which something may have changed
  /// By worker: `turns` when it began the turns in which all its blocks were quiet, and each of them has
  /// looked. When that is what it still is for each worker, then every block has looked after the last
  /// change, in vain.
  std::vector<std::atomic<std::uint64_t>> quiet_since;
};

// One host thread of the fast mode. It begins a cluster when the blocks it has do not finish soon, or wait:
// perhaps for it.
class Worker {
public:
  Worker(Workers& shared, unsigned index)
      : launch(shared.launch), shared(shared), quiet_since(shared.quiet_since[index]),
        counts(launch.counters ? &launch.counters->shard() : nullptr) {}

  void run() {
    constexpr std::uint64_t longest = 1 << 15; // instructions of a warp
    constexpr int patience = 8;                // turns
    const std::uint64_t limit = launch.options.most_instructions;
    const auto turn = static_cast<std::uint32_t>(limit == 0 ? longest : std::min(longest, limit + 1));
    while (!launch.stopped && begin_cluster()) {
      while (launch.cooperative && begin_cluster()) // they wait for it sooner or later
        ;
      for (int turns = 1; !running.empty() && !launch.stopped; ++turns) {
        const std::uint64_t before = shared.turns;
        const bool any_finished = turn_of_all(turn);
        if (!any_finished && running.are_quiet()) {
          if (!begin_cluster())
            wait_quietly(before);
        } else {
          ++shared.turns;
          if (turns % patience == 0)
            begin_cluster();
        }
      }
    }
    quiet_since = Workers::gone;
    for (const Block* block : running.blocks())
      account(launch, *block);
  }

private:
  bool begin_cluster() {
    const std::uint64_t size = launch.cluster.count();
    quiet_since = Workers::busy; // before others can see that no cluster is left to begin
    if (shared.running.fetch_add(size) + size > shared.resident) {
      shared.running -= size;
      return false;
    }
    const std::uint64_t number = shared.next.fetch_add(1);
    if (number >= launch.clusters()) {
      shared.running -= size;
      return false;
    }
    running.begin(launch, number, counts);
    return true;
  }

  // Blocks wait for each other by looking at memory again and again. A cluster whose groups all wait inside
  // it waits for ever. Has any block finished?
  bool turn_of_all(std::uint32_t turn) {
    bool any_finished = false;
    for (std::size_t i = 0; i < running.blocks().size() && !launch.stopped;) {
      Block& block = *running.blocks()[i];
      if (is_still(block) && ++block.skipped % most_skipped != 0) {
        ++i;
        continue;
      }
      const std::uint64_t before = block.executed;
      const Progress progress = run_block(block, turn);
      executed += block.executed - before;
      if (over_limit(launch, executed))
        give_up(launch);
      if (progress == Progress::waiting && !unblock(block))
        report_deadlock(*block.cluster);
      if (progress == Progress::finished) {
        account(launch, block);
        running.finish(i);
        --shared.running;
        any_finished = true;
      } else {
        ++i;
      }
    }
    return any_finished;
  }

  // After a turn that began when there were `turns`.
  void wait_quietly(std::uint64_t turns) {
    quiet_turns = turns == quiet_from ? quiet_turns + 1 : 1;
    quiet_from = turns;
    if (quiet_turns % most_skipped == 0)
      std::this_thread::yield();
    if (quiet_turns < 2 * most_skipped || running.look_at_host()) // which may write at any time
      return;
    quiet_since = turns;
    const std::uint64_t now = shared.turns;
    if (std::ranges::all_of(shared.quiet_since,
                            [=](const auto& since) { return since == now || since == Workers::gone; }))
      report_endless_wait(launch, running.blocks(),
                          std::min(shared.next.load() * launch.cluster.count(), launch.blocks()));
  }

  static constexpr std::uint32_t most_skipped = 64; // turns

  Launch& launch;
  Workers& shared;
  std::atomic<std::uint64_t>& quiet_since;
  std::uint64_t executed = 0, quiet_from = 0;
  std::uint32_t quiet_turns = 0; ///< since there were `quiet_from`
  CounterShard* counts;
  Running running;
};

} // namespace

Progress run_block(Block& block, std::uint32_t budget) {
  Progress progress = Progress::finished;
  for (auto& warp : block.warps) {
    const Progress one = run_warp(*warp, budget);
    if (one == Progress::ran || (one == Progress::waiting && progress == Progress::finished))
      progress = one;
  }
  return progress;
}

void run_fast(Launch& launch) {
  const unsigned wanted =
      launch.options.workers ? launch.options.workers : std::thread::hardware_concurrency();
  const std::uint64_t resident = launch.cooperative ? launch.blocks() : resident_blocks(launch);
  const auto count =
      static_cast<unsigned>(std::clamp<std::uint64_t>(wanted, 1, std::min(launch.clusters(), resident)));
  Workers shared(launch, count, resident);
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < count; ++i)
    threads.emplace_back([&shared, i] { Worker(shared, i).run(); });
  Worker(shared, 0).run();
  for (std::thread& thread : threads)
    thread.join();
}

namespace {

// Of the scheduled mode: with blocks none of which finishes.
class Patience {
public:
  /// Called after each turn: true from time to time, when many were taken, or all blocks are quiet.
  bool ends(const Running& running) {
    constexpr std::uint64_t turns_of_a_block = 128, checks = 64;
    if (++turns < turns_of_a_block * running.blocks().size())
      return false;
    turns = 0;
    quiet = running.are_quiet() ? quiet + 1 : 0;
    return quiet > 0 || ++others % checks == 0;
  }
  /// They are quiet for so long that each of them has looked again and again.
  bool in_vain(const Running& running) const {
    constexpr int enough = 8;
    return quiet >= enough && !running.look_at_host();
  }

private:
  std::uint64_t turns = 0, others = 0;
  int quiet = 0;
};

} // namespace

void run_scheduled(Launch& launch) {
  constexpr std::uint64_t few = 64;     // blocks: enough to meet every order of some of them
  constexpr std::uint32_t longest = 64; // instructions of one turn
  Random random(launch.options.seed);
  launch.random = &random;
  const std::uint64_t resident = launch.cooperative ? launch.blocks() : resident_blocks(launch);
  std::uint64_t at_once = launch.cooperative ? resident : std::min(resident, few);
  Running running;
  std::uint64_t next = 0, executed = 0; // clusters, instructions
  const std::uint64_t size = launch.cluster.count();
  Patience patience;
  CounterShard* counts = launch.counters ? &launch.counters->shard() : nullptr;
  while (!launch.stopped) {
    while (next < launch.clusters() && (running.empty() || running.blocks().size() + size <= at_once))
      running.begin(launch, next++, counts);
    if (running.empty())
      break;
    const std::size_t b = random.below(running.blocks().size());
    Block& block = *running.blocks()[b];
    Warp& warp = *block.warps[random.below(block.warps.size())];
    const std::uint64_t before = block.executed;
    const auto turn = static_cast<std::uint32_t>(1 + random.below(1 + random.below(longest)));
    const Progress progress = run_warp_randomly(warp, turn, random);
    executed += block.executed - before;
    if (over_limit(launch, executed))
      give_up(launch);
    block.async->advance(block.executed);
    if (progress == Progress::finished &&
        std::ranges::all_of(block.warps, [](const auto& one) { return one->groups.empty(); })) {
      block.async->finish_all();
      account(launch, block);
      running.finish(b);
      patience = {};
    } else if (progress == Progress::waiting && !can_go_on(block) && !unblock(block)) {
      report_deadlock(*block.cluster);
    }
    if (!patience.ends(running))
      continue;
    if (at_once < resident && next < launch.clusters())
      at_once = std::min(resident, 2 * at_once); // perhaps they wait for others
    else if (patience.in_vain(running))
      report_endless_wait(launch, running.blocks(), next * size);
  }
  for (const Block* block : running.blocks())
    account(launch, *block);
}

namespace {

// What cooperative groups expect: the workspace's size, and the word that blocks meet at (CUDA's
// cooperative_groups/details/driver_abi.h).
std::uint64_t make_workspace(Memory& memory) {
  constexpr std::uint32_t words[2] = {sizeof words, 0};
  const std::uint64_t address =
      memory.allocate(sizeof words, 16, {.name = "workspace of a cooperative launch"});
  if (address != 0)
    std::memcpy(reinterpret_cast<void*>(address), words, sizeof words);
  return address;
}

} // namespace

Outcome run(Launch& launch) {
  if (launch.cooperative)
    launch.workspace = make_workspace(*launch.memory);
  if (launch.cooperative && launch.workspace == 0)
    return {.status = Status::internal, .message = "no device memory left for a cooperative launch"};
  if (launch.checker != nullptr)
    launch.checker->launch_begins(launch);
  if (launch.options.mode == Options::Mode::scheduled)
    run_scheduled(launch);
  else
    run_fast(launch);
  if (launch.cooperative)
    launch.memory->release(launch.workspace);
  launch.outcome.warp_instructions = launch.warp_instructions;
  launch.outcome.thread_instructions = launch.thread_instructions;
  return launch.outcome;
}

} // namespace emu
