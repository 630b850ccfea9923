// Branches, calls, and leaving.
#include "emulator/checks/checker.h"
#include "emulator/exec/groups.h"
#include "emulator/families/builtins.h"
#include "emulator/isa/placement.h"
#include "emulator/isa/table.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

struct Targets : Extra {
  std::vector<std::uint32_t> pcs;
};

/// A .param variable of the caller, in local memory.
struct Passed {
  std::uint64_t offset = 0, bytes = 0;
};

struct CallSite : Extra {
  const Function* callee = nullptr; ///< null: by address, or a builtin
  Builtin builtin = nullptr;
  std::vector<Passed> arguments, results;
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

// From the variables of one activation to those of another.
void copy_local(Warp& warp, Mask mask, std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
  for_lanes(mask, [&](int lane) {
    std::byte* local = local_memory(warp, lane);
    std::memcpy(local + to, local + from, bytes);
  });
  if (Checker* checker = warp.block->launch->checker)
    checker->local_copied(warp, mask, to, from, bytes);
}

Flow return_from(Group& group, const Instruction&, Mask mask) {
  if (!group.activation->caller)
    return leave(group, mask);
  const Frame& from = *group.activation;
  const Frame& to = *from.caller;
  const auto& results = static_cast<const CallSite&>(*from.call->extra).results;
  for (std::size_t i = 0; i < results.size(); ++i)
    copy_local(*group.warp, mask, to.local_base + results[i].offset,
               from.local_base + from.function->returns[i].offset, results[i].bytes);
  return leave_function(group, mask);
}

Flow call_function(Group& group, const Instruction& instruction, Mask mask, const Function& callee) {
  const auto& site = static_cast<const CallSite&>(*instruction.extra);
  const Frame& from = *group.activation;
  const std::uint64_t base = locals_end(from);
  if (base + callee.local_bytes > most_local_bytes || from.depth > 4096)
    return fault(group, instruction, __builtin_ctz(mask), Status::hardware_stack_error,
                 "the stack of calls is full");
  if (site.arguments.size() != callee.params.size() || site.results.size() > callee.returns.size())
    return fault(group, instruction, __builtin_ctz(mask), Status::illegal_instruction,
                 fmt::format("'{}' is called with {} arguments and {} results, expected {} and {}",
                             callee.name, site.arguments.size(), site.results.size(), callee.params.size(),
                             callee.returns.size()));
  const std::uint64_t caller_base = from.local_base;
  Warp& warp = *group.warp;
  const Flow flow = enter(group, instruction, callee, mask);
  for (std::size_t i = 0; i < site.arguments.size(); ++i)
    copy_local(warp, mask, base + callee.params[i].offset, caller_base + site.arguments[i].offset,
               std::min(site.arguments[i].bytes, callee.params[i].size));
  return flow;
}

Flow call_direct(Group& group, const Instruction& instruction, Mask mask) {
  return call_function(group, instruction, mask, *static_cast<const CallSite&>(*instruction.extra).callee);
}

Flow call_builtin(Group& group, const Instruction& instruction, Mask mask) {
  const auto& site = static_cast<const CallSite&>(*instruction.extra);
  const std::uint64_t base = group.activation->local_base;
  BuiltinCall call{group, instruction, mask, {}, {}};
  for (const Passed& argument : site.arguments)
    call.arguments.push_back(base + argument.offset);
  for (const Passed& result : site.results)
    call.results.push_back(base + result.offset);
  const Flow flow = site.builtin(call);
  ++group.warp->block->changes;
  if (Checker* checker = group.warp->block->launch->checker)
    for (const Passed& result : site.results)
      checker->local_written(*group.warp, mask, base + result.offset, result.bytes);
  return flow;
}

// Lanes may call different functions: those of the first lane's go, the others come back to the instruction.
Flow call_indirect(Group& group, const Instruction& instruction, Mask mask) {
  const auto* address = lanes<std::uint64_t>(group.frame, instruction.slot[0]);
  const int lane = __builtin_ctz(mask);
  const auto& functions = group.warp->block->launch->program->functions;
  const std::uint64_t number = (address[lane] - function_window) / 16;
  if (address[lane] < function_window || number >= functions.size() || functions[number]->code.empty())
    return fault(group, instruction, lane, Status::invalid_pc,
                 fmt::format("0x{:x} is not the address of a function", address[lane]));
  const Mask same = lanes_where(mask, [&](int i) { return address[i] == address[lane]; });
  if (same != mask)
    group.pc = instruction.index;
  return call_function(group, instruction, same, *functions[number]);
}

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

void decode_return(Decoding& d) {
  d.out.execute = return_from;
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

bool collect(Decoding& d, std::span<const ptx::Operand> operands, std::vector<Passed>& out) {
  for (const ptx::Operand& operand : operands) {
    if (!operand.is(ptx::Operand::Kind::variable) || !operand.local) {
      d.fail(fmt::format("'{}' cannot be passed: expected a .param variable", operand.text));
      return false;
    }
    out.push_back({d.placement.locals(d.function).offsets[operand.index],
                   d.function.source->variables[operand.index].size});
  }
  return true;
}

void decode_call(Decoding& d) {
  const std::optional<ptx::Call> call = ptx::call_of(d.statement);
  if (!call || call->callee == nullptr)
    return d.fail("not a call: expected (results), function, (arguments)");
  CallSite site;
  if (!collect(d, call->returns, site.results) || !collect(d, call->arguments, site.arguments))
    return;
  if (call->callee->is(ptx::Operand::Kind::function)) {
    const ptx::Function* named = &d.module.functions[call->callee->index];
    std::uint32_t number = call->callee->index;
    if (named->alias_of) {
      number = *named->alias_of;
      named = &d.module.functions[number];
    }
    site.callee = d.program.functions[number].get();
    d.out.execute = call_direct;
    if (!named->defined) {
      site.builtin = builtin_named(named->name);
      d.out.execute = call_builtin;
      if (site.builtin == nullptr)
        return d.fail(fmt::format("function '{}' is declared but not defined", named->name));
    }
  } else {
    d.out.execute = call_indirect;
  }
  d.attach(std::move(site));
}

template <Execute execute> void decode_as(Decoding& d) { d.out.execute = execute; }

} // namespace

Execute function_end() { return return_from; }

std::span<const Entry> control_entries() {
  static constexpr Entry entries[] = {
      {"bra{.uni}", "label", decode_branch, Kind::control, Class::control},
      {"brx.idx{.uni}", "u32 label", decode_branch_indexed, Kind::control, Class::control},
      {"call{.uni}", "any any? any? any?", decode_call, Kind::control, Class::control},
      {"ret{.uni}", "", decode_return, Kind::control, Class::control},
      {"exit", "", decode_exit, Kind::control, Class::control},
      {"trap", "", decode_trap, Kind::control, Class::control},
      {"brkpt", "", decode_as<nothing>, Kind::control, Class::control},
      {"pmevent{.mask}", "any", decode_as<nothing>, Kind::control, Class::control},
      {"nanosleep.u32", "u32", decode_as<pause>, Kind::control, Class::control},
  };
  return entries;
}

} // namespace emu
