#include "emulator/exec/register_pool.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::uint32_t unit = 8, most = 256;

// The pool is what the launch gave to all threads.
void begin(Block& block) {
  RegisterPool& pool = block.registers;
  if (!pool.warps.empty())
    return;
  const std::uint32_t each = (block.launch->registers + unit - 1) / unit * unit; // as they are given out
  pool.warps.assign(block.warps.size(), {.registers = each});
  pool.changes.resize((block.warps.size() + warps_of_warpgroup - 1) / warps_of_warpgroup);
}

void wake(Block& block) {
  for (auto& warp : block.warps)
    for (auto& group : warp->groups)
      if (group->wait.what == Wait::For::registers)
        group->wait = {};
}

// Empty, or why the warp may not execute it now.
std::string misuse(const Block& block, std::uint32_t warp, const Instruction& instruction) {
  const RegisterPool& pool = block.registers;
  const std::uint32_t mine = pool.warps[warp].changes;
  const auto& changes = pool.changes[warp / warps_of_warpgroup];
  if (mine < changes.size() && changes[mine] != &instruction)
    return fmt::format("another warp of the warpgroup executed the one of line {}: expected the same of all",
                       changes[mine]->line);
  const std::uint32_t first = warp / warps_of_warpgroup * warps_of_warpgroup;
  for (std::uint32_t i = first; i < std::min<std::size_t>(first + warps_of_warpgroup, pool.warps.size());
       ++i) {
    if (pool.warps[i].changes < mine)
      return "a warp of the warpgroup has not executed the one before: expected a barrier of the warpgroup "
             "between";
    if (block.warps[i]->alive == 0 && pool.warps[i].changes == mine)
      return "a warp of the warpgroup has left without it";
  }
  return {};
}

} // namespace

std::uint32_t registers_at_entry(const Function& kernel, const Chip& chip) {
  if (kernel.max_registers)
    return *kernel.max_registers;
  const std::uint32_t threads =
      kernel.required_threads
          ? (*kernel.required_threads)[0] * (*kernel.required_threads)[1] * (*kernel.required_threads)[2]
          : kernel.max_threads.value_or(0);
  if (threads == 0 || kernel.min_blocks.value_or(0) == 0)
    return 0;
  constexpr std::uint32_t group = warps_of_warpgroup * warp_size;
  const std::uint64_t all = std::uint64_t(*kernel.min_blocks) * ((threads + group - 1) / group * group);
  const std::uint64_t each = static_cast<std::uint64_t>(chip.registers_per_sm) / all / unit * unit;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(each, most));
}

Flow change_registers(Group& group, const Instruction& instruction, std::uint32_t count, bool takes) {
  Block& block = *group.warp->block;
  begin(block);
  RegisterPool& pool = block.registers;
  RegisterPool::OfWarp& warp = pool.warps[group.warp->index];
  const int lane = __builtin_ctz(group.mask);
  if (std::string wrong = misuse(block, group.warp->index, instruction); !wrong.empty())
    return fault(group, instruction, lane, Status::illegal_instruction, wrong);
  const bool known = block.launch->registers != 0;
  if (known && (takes ? count < warp.registers : count > warp.registers))
    return fault(group, instruction, lane, Status::illegal_instruction,
                 fmt::format("{} registers a thread, which has {}: expected {} so many", count,
                             warp.registers, takes ? "at least" : "at most"));
  if (known && takes && std::uint64_t(count - warp.registers) * warp_size > pool.free) {
    group.wait = {.what = Wait::For::registers, .id = count, .where = &instruction};
    return Flow::retry;
  }
  if (known) {
    pool.free += std::uint64_t(warp.registers) * warp_size;
    pool.free -= std::uint64_t(count) * warp_size;
    warp.registers = count;
  }
  auto& changes = pool.changes[group.warp->index / warps_of_warpgroup];
  if (warp.changes++ == changes.size())
    changes.push_back(&instruction);
  ++block.changes;
  if (!takes)
    wake(block);
  return Flow::go;
}

std::string registers_after_leaving(const Warp& warp) {
  const RegisterPool& pool = warp.block->registers;
  if (pool.warps.empty() || warp.alive != 0)
    return {};
  const auto& changes = pool.changes[warp.index / warps_of_warpgroup];
  const std::uint32_t mine = pool.warps[warp.index].changes;
  return mine < changes.size()
             ? fmt::format("the warp leaves without the setmaxnreg of line {}, which another warp "
                           "of its warpgroup executed",
                           changes[mine]->line)
             : std::string();
}

std::string describe_registers(const Group& group) {
  const RegisterPool& pool = group.warp->block->registers;
  const std::uint32_t has = pool.warps[group.warp->index].registers;
  return fmt::format(
      "{} registers a thread, {} of the warp more than it has: of the block's pool {} are free",
      group.wait.id, (group.wait.id - has) * warp_size, pool.free);
}

} // namespace emu
