// Branches, and leaving the kernel.
#include "emulator/exec/groups.h"
#include "emulator/isa/table.h"

#include <fmt/format.h>

namespace emu {
namespace {

struct Targets : Extra {
  std::vector<std::uint32_t> pcs;
};

Flow branch(Group& group, const Instruction& instruction, Mask mask) {
  return split(group, mask, static_cast<std::uint32_t>(instruction.immediate));
}

Flow branch_indexed(Group& group, const Instruction& instruction, Mask mask) {
  const auto& targets = static_cast<const Targets&>(*instruction.extra).pcs;
  const auto* index = lanes<std::uint32_t>(group.frame, instruction.operand(0));
  const int lane = __builtin_ctz(mask);
  if (index[lane] >= targets.size())
    return fault(group, instruction, lane, Status::invalid_pc,
                 fmt::format("branch index {}: the table has {} targets", index[lane], targets.size()));
  const Mask same = lanes_where(mask, [&](int i) { return index[i] == index[lane]; });
  if (same != mask) // the others come back to this instruction
    group.pc = instruction.index;
  return split(group, same, targets[index[lane]]);
}

Flow exit_kernel(Group& group, const Instruction&, Mask mask) { return leave(group, mask); }

Flow trap(Group& group, const Instruction& instruction, Mask mask) {
  return fault(group, instruction, __builtin_ctz(mask), Status::trap, "trap");
}

Flow nothing(Group&, const Instruction&, Mask) { return Flow::go; }
Flow pause(Group&, const Instruction&, Mask) { return Flow::yields; }

void decode_branch(Decoding& d) {
  const std::uint32_t target = d.target(d.statement.operands[0]);
  d.out.execute = branch;
  d.out.immediate = target;
  d.targets = {target};
  d.ends = true;
}

void decode_branch_indexed(Decoding& d) {
  const ptx::Operand& label = d.statement.operands[1];
  Targets targets;
  const auto& statements = d.function.source->statements;
  if (label.kind == ptx::Operand::Kind::label && label.index < statements.size())
    for (const ptx::Operand& target : statements[label.index].operands)
      targets.pcs.push_back(d.target(target));
  if (targets.pcs.empty())
    return d.fail(fmt::format("'{}' is not the label of a .branchtargets list", label.text));
  d.targets = targets.pcs;
  d.attach(std::move(targets));
  d.out.execute = branch_indexed;
  d.ends = true;
}

void decode_exit(Decoding& d) {
  d.out.execute = exit_kernel;
  d.ends = true;
}

void decode_trap(Decoding& d) {
  d.out.execute = trap;
  d.ends = true;
}

template <Execute execute> void decode_as(Decoding& d) { d.out.execute = execute; }

} // namespace

std::span<const Entry> control_entries() {
  static constexpr Entry entries[] = {
      {"bra{.uni}", "label", decode_branch, Kind::control, Class::control},
      {"brx.idx{.uni}", "u32 label", decode_branch_indexed, Kind::control, Class::control},
      {"exit", "", decode_exit, Kind::control, Class::control},
      {"trap", "", decode_trap, Kind::control, Class::control},
      {"brkpt", "", decode_as<nothing>, Kind::control, Class::control},
      {"pmevent{.mask}", "any", decode_as<nothing>, Kind::control, Class::control},
      {"nanosleep.u32", "u32", decode_as<pause>, Kind::control, Class::control},
  };
  return entries;
}

} // namespace emu
