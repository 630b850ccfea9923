// Errors that end a launch, in words.
#include "emulator/checks/checker.h"
#include "emulator/exec/cluster.h"
#include "emulator/exec/mbarrier.h"
#include "emulator/exec/register_pool.h"
#include "emulator/exec/schedule.h"
#include "emulator/exec/spin.h"
#include "emulator/exec/warpgroup.h"

#include <fmt/format.h>

namespace emu {
namespace {

Dim3 thread_of(const Warp& warp, int lane) {
  const Dim3& threads = warp.block->launch->threads;
  const std::uint32_t thread = warp.index * warp_size + static_cast<std::uint32_t>(lane);
  return {thread % threads.x, thread / threads.x % threads.y, thread / threads.x / threads.y};
}

// For whom lanes wait that a warp expects, and where those are.
std::string lanes_missing(const Group& group) {
  const Instruction& where = *group.wait.where;
  const ptx::Statement& statement =
      group.activation->function->source->statements[group.activation->function->statements[where.index]];
  const Mask missing = group.wait.lanes & group.warp->alive & ~group.mask;
  std::string text = fmt::format("lanes 0x{:08x} of its warp to come to ", missing);
  if (statement.opcode->has("aligned"))
    text += "the same instruction";
  else
    text +=
        fmt::format("'{}' with the member mask 0x{:08x}", statement.opcode->text,
                    lanes<Mask>(group.frame, where.operand(where.operands - 1))[__builtin_ctz(group.mask)]);
  for (const auto& other : group.warp->groups)
    if (const Mask there = other->mask & missing; there != 0)
      text += fmt::format(", but 0x{:08x} {} in line {}", there, other->ready() ? "are" : "wait",
                          other->code[other->pc].line);
  return text;
}

// For whom a cluster's barrier waits.
std::string threads_missing(const Cluster& cluster) {
  std::uint32_t missing = 0, all = 0;
  std::string blocks;
  for (const auto& block : cluster.blocks) {
    std::uint32_t of_block = 0;
    for (std::size_t i = 0; i < block->warps.size(); ++i) {
      const Mask come = block->cluster_arrived.empty() ? 0 : block->cluster_arrived[i];
      all += static_cast<std::uint32_t>(__builtin_popcount(block->warps[i]->alive | come));
      of_block += static_cast<std::uint32_t>(__builtin_popcount(block->warps[i]->alive & ~come));
    }
    missing += of_block;
    if (of_block != 0)
      blocks += fmt::format("{} {} of block ({},{},{})", blocks.empty() ? ":" : ",", of_block, block->id.x,
                            block->id.y, block->id.z);
  }
  return fmt::format("the barrier of its cluster, at which {} of {} threads are missing{}", missing, all,
                     blocks);
}

// What a phase lacks, and who arrived in it and before.
std::string mbarrier_missing(const Block& block, std::uint64_t address) {
  const Checker* checker = block.launch->checker;
  return describe_mbarrier(block, address) +
         (checker != nullptr ? checker->mbarrier_history(block, address) : "");
}

std::string waiting_for(const Group& group) {
  const Block& block = *group.warp->block;
  if (group.wait.what == Wait::For::barrier) {
    const Barrier& barrier = block.barriers[group.wait.id];
    if (barrier.expected == 0)
      return fmt::format("barrier {} of all threads ({} have come)", group.wait.id, barrier.threads);
    return fmt::format("barrier {} ({} of {} threads have come)", group.wait.id, barrier.arrived,
                       barrier.expected);
  }
  if (group.wait.what == Wait::For::warp)
    return lanes_missing(group);
  if (group.wait.what == Wait::For::registers)
    return describe_registers(group);
  if (group.wait.what == Wait::For::cluster)
    return threads_missing(*block.cluster);
  if (group.wait.what == Wait::For::warpgroup)
    return describe_warpgroup(group);
  return mbarrier_missing(block, group.wait.id);
}

} // namespace

std::string describe(const Group& group, const Instruction& instruction, int lane) {
  return describe(*group.warp, *group.activation->function, instruction, lane);
}

std::string describe(const Warp& warp, const Function& function, const Instruction& instruction, int lane) {
  const Block& block = *warp.block;
  const Launch& launch = *block.launch;
  const Dim3 thread = thread_of(warp, lane);
  std::string text =
      fmt::format("kernel {}, block ({},{},{}), thread ({},{},{}), PTX line {}", launch.kernel->name,
                  block.id.x, block.id.y, block.id.z, thread.x, thread.y, thread.z, instruction.line);
  if (instruction.index < function.statements.size()) {
    const ptx::Statement& statement = function.source->statements[function.statements[instruction.index]];
    text += fmt::format(" '{}'", statement.opcode->text);
    const ptx::Module& module = *launch.program->module;
    if (statement.source != 0)
      text += fmt::format(" ({})", module.describe(module.source_lines[statement.source]));
  }
  return text;
}

void fail(Launch& launch, Status status, std::string message) {
  const std::lock_guard lock(launch.mutex);
  if (launch.outcome.status == Status::success) {
    launch.outcome.status = status;
    launch.outcome.message = std::move(message);
  }
  launch.stopped = true;
}

Flow fault(Group& group, const Instruction& instruction, int lane, Status status, std::string_view message) {
  fail(*group.warp->block->launch, status,
       fmt::format("{}: {}", describe(group, instruction, lane), message));
  return Flow::fault;
}

namespace {

std::string looking_at(const Group& group) {
  const Spin& spin = group.spin;
  const std::string where = describe(group, *spin.where, __builtin_ctz(group.mask));
  if (spin.endless)
    return fmt::format("{} is in a loop that changes nothing", where);
  if (spin.space == Space::shared &&
      spin.where->kind == Kind::sync) // mbarrier.test_wait, or a try that ended
    return fmt::format("{} waits for {}", where,
                       mbarrier_missing(*group.warp->block, shared_address(*group.warp->block, spin.at)));
  return fmt::format("{} looks at {} address 0x{:x} again and again", where,
                     spin.space == Space::shared ? "shared" : "global", spin.address);
}

// What each group does; of many, some.
std::string all_of(std::span<Block* const> blocks) {
  constexpr int most = 8;
  int count = 0;
  std::string text;
  for (const Block* block : blocks)
    for (const auto& warp : block->warps)
      for (const auto& group : warp->groups) {
        if (count++ >= most)
          continue;
        text += group->ready() ? fmt::format("\n  {}", looking_at(*group))
                               : fmt::format("\n  {} waits for {}",
                                             describe(*group, *group->wait.where, __builtin_ctz(group->mask)),
                                             waiting_for(*group));
      }
  if (count > most)
    text += fmt::format("\n  and {} more", count - most);
  return text;
}

void end_in_deadlock(Launch& launch, const Block& block, std::string message) {
  if (launch.checker != nullptr)
    launch.checker->deadlocked(block, message);
  fail(launch, Status::deadlock, std::move(message));
}

} // namespace

void report_deadlock(const Cluster& cluster) {
  std::vector<Block*> blocks;
  for (const auto& block : cluster.blocks)
    if (!block->exited)
      blocks.push_back(block.get());
  const Launch& launch = *cluster.launch;
  const bool alone = cluster.blocks.size() == 1;
  const Dim3& id = alone ? blocks.front()->id : cluster.id;
  end_in_deadlock(*cluster.launch, *blocks.front(),
                  fmt::format("deadlock in {} ({},{},{}) of kernel {}: every thread waits{}",
                              alone ? "block" : "cluster", id.x, id.y, id.z, launch.kernel->name,
                              all_of(blocks)));
}

void report_endless_wait(Launch& launch, std::span<Block* const> blocks, std::uint64_t begun) {
  std::string message =
      fmt::format("deadlock of kernel {}: every thread waits, or looks for what no thread will write{}",
                  launch.kernel->name, all_of(blocks));
  if (begun < launch.blocks())
    message += fmt::format("\n  {} of {} blocks have not begun: the chip holds no more at a time",
                           launch.blocks() - begun, launch.blocks());
  end_in_deadlock(launch, *blocks.front(), std::move(message));
}

} // namespace emu
