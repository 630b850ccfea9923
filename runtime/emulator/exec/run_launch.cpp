#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/async.h"
#include "emulator/exec/schedule.h"

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
  return per_sm * static_cast<std::uint64_t>(chip.multiprocessors);
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

// One host thread of the fast mode. It begins a block when those it has do not finish soon: they may wait for
// it.
class Worker {
public:
  Worker(Launch& launch, std::atomic<std::uint64_t>& next, std::uint64_t most)
      : launch(launch), next(next), most(most),
        counts(launch.counters ? &launch.counters->shard() : nullptr) {}

  void run() {
    constexpr std::uint64_t longest = 1 << 15; // instructions of a warp
    constexpr int patience = 8;                // turns
    const std::uint64_t limit = launch.options.most_instructions;
    const auto turn = static_cast<std::uint32_t>(limit == 0 ? longest : std::min(longest, limit + 1));
    while (!launch.stopped && begin_block()) {
      while (launch.cooperative && begin_block()) // they wait for it sooner or later
        ;
      int turns = 0;
      while (!blocks.empty() && !launch.stopped) {
        turn_of_all(turn);
        if (++turns % patience == 0)
          begin_block();
      }
    }
    for (const auto& block : blocks)
      account(launch, *block);
  }

private:
  bool begin_block() {
    if (blocks.size() >= most)
      return false;
    const std::uint64_t linear = next.fetch_add(1);
    if (linear >= launch.blocks())
      return false;
    blocks.push_back(make_block(launch, linear));
    blocks.back()->counts = counts;
    return true;
  }

  // Blocks wait for each other by looking at memory again and again, which is progress. One whose groups all
  // wait inside it waits for ever.
  void turn_of_all(std::uint32_t turn) {
    for (std::size_t i = 0; i < blocks.size() && !launch.stopped;) {
      const std::uint64_t before = blocks[i]->executed;
      const Progress progress = run_block(*blocks[i], turn);
      executed += blocks[i]->executed - before;
      if (over_limit(launch, executed))
        give_up(launch);
      if (progress == Progress::waiting && !unblock(*blocks[i]))
        report_deadlock(*blocks[i]);
      if (progress == Progress::finished) {
        account(launch, *blocks[i]);
        blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
  }

  Launch& launch;
  std::atomic<std::uint64_t>& next;
  std::uint64_t most, executed = 0;
  CounterShard* counts;
  std::vector<std::unique_ptr<Block>> blocks;
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
  const auto workers = static_cast<unsigned>(std::clamp<std::uint64_t>(wanted, 1, launch.blocks()));
  const std::uint64_t most = launch.cooperative
                                 ? (launch.blocks() + workers - 1) / workers
                                 : std::max<std::uint64_t>(1, resident_blocks(launch) / workers);
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < workers; ++i)
    threads.emplace_back([&] { Worker(launch, next, most).run(); });
  Worker(launch, next, most).run();
  for (std::thread& thread : threads)
    thread.join();
}

void run_scheduled(Launch& launch) {
  constexpr std::uint64_t most_blocks = 64; // at a time: enough to meet every order of a few
  constexpr std::uint32_t longest = 64;     // instructions of one turn
  Random random(launch.options.seed);
  launch.random = &random;
  const std::uint64_t resident =
      launch.cooperative ? launch.blocks() : std::min(resident_blocks(launch), most_blocks);
  std::vector<std::unique_ptr<Block>> blocks;
  std::uint64_t next = 0, executed = 0;
  CounterShard* counts = launch.counters ? &launch.counters->shard() : nullptr;
  while (!launch.stopped) {
    while (blocks.size() < resident && next < launch.blocks()) {
      blocks.push_back(make_block(launch, next++));
      blocks.back()->counts = counts;
    }
    if (blocks.empty())
      break;
    const std::size_t b = random.below(blocks.size());
    Block& block = *blocks[b];
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
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(b));
    } else if (progress == Progress::waiting && !can_go_on(block) && !unblock(block)) {
      report_deadlock(block);
    }
  }
  for (const auto& block : blocks)
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
