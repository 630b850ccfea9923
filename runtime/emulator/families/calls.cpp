// Calls and returns (PTX ISA, "call", "ret", and "Function Declarations and Definitions").
#include "emulator/checks/checker.h"
#include "emulator/exec/groups.h"
#include "emulator/exec/passing.h"
#include "emulator/families/builtins.h"
#include "emulator/isa/operands.h"
#include "emulator/isa/placement.h"
#include "emulator/isa/table.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

/// What a caller gives or takes.
struct Passed {
  enum class In : std::uint8_t { memory, reg, constant, nothing } in = In::nothing;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;               ///< of a .param variable, in the activation's local memory
  int slot = 0;                           ///< of the call
  std::array<std::byte, 8> constant = {}; ///< its bits
};

struct CallSite : Extra {
  const Function* callee = nullptr; ///< null: by address
  Builtin builtin = nullptr;
  std::vector<Passed> arguments, results;
};

PassedValue of_caller(const Frame& frame, const Instruction& call, const Passed& passed) {
  PassedValue value = {.frame = &frame, .at = frame.local_base + passed.offset, .bytes = passed.bytes};
  if (passed.in == Passed::In::reg)
    value.slot = call.slot[passed.slot];
  if (passed.in == Passed::In::constant)
    value.constant = passed.constant.data();
  return value;
}

PassedValue of_callee(const Frame* frame, std::uint64_t base, const Placed& placed) {
  PassedValue value = {.frame = frame, .at = base + placed.offset, .bytes = placed.size};
  if (placed.in_register)
    value.slot = placed.reg;
  return value;
}

Flow return_from(Group& group, const Instruction&, Mask mask) {
  if (!group.activation->caller)
    return leave(group, mask);
  const Frame& from = *group.activation;
  const auto& results = static_cast<const CallSite&>(*from.call->extra).results;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].in != Passed::In::nothing)
      pass(*group.warp, mask, of_caller(*from.caller, *from.call, results[i]),
           of_callee(&from, from.local_base, from.function->returns[i]));
  return leave_function(group, mask);
}

Flow call_function(Group& group, const Instruction& instruction, Mask mask, const Function& callee) {
  const auto& site = static_cast<const CallSite&>(*instruction.extra);
  const std::shared_ptr<Frame> caller = group.activation;
  const std::uint64_t base = locals_end(*caller);
  if (base + callee.local_bytes > most_local_bytes || caller->depth > 4096)
    return fault(group, instruction, __builtin_ctz(mask), Status::hardware_stack_error,
                 "the stack of calls is full");
  if (site.arguments.size() != callee.params.size() || site.results.size() > callee.returns.size())
    return fault(group, instruction, __builtin_ctz(mask), Status::illegal_instruction,
                 fmt::format("'{}' is called with {} arguments and {} results, expected {} and {}",
                             callee.name, site.arguments.size(), site.results.size(), callee.params.size(),
                             callee.returns.size()));
  Warp& warp = *group.warp;
  const Entered entered = enter(group, instruction, callee, mask);
  for (std::size_t i = 0; i < site.arguments.size(); ++i)
    pass(warp, mask, of_callee(entered.frame, base, callee.params[i]),
         of_caller(*caller, instruction, site.arguments[i]));
  return entered.flow;
}

Flow call_direct(Group& group, const Instruction& instruction, Mask mask) {
  return call_function(group, instruction, mask, *static_cast<const CallSite&>(*instruction.extra).callee);
}

// The parameters of a builtin lie where those of a function would.
Flow call_builtin(Group& group, const Instruction& instruction, Mask mask) {
  const auto& site = static_cast<const CallSite&>(*instruction.extra);
  const Frame& caller = *group.activation;
  const std::uint64_t base = locals_end(caller);
  Warp& warp = *group.warp;
  constexpr std::uint64_t widest = 16; // what a builtin takes may be wider than what the text declares
  reserve_local(warp, base + site.callee->local_bytes + widest);
  BuiltinCall call{group, instruction, mask, {}, {}};
  for (std::size_t i = 0; i < site.arguments.size(); ++i) {
    const PassedValue at = of_callee(nullptr, base, site.callee->params[i]);
    pass(warp, mask, at, of_caller(caller, instruction, site.arguments[i]));
    call.arguments.push_back(at.at);
  }
  for (const Placed& result : site.callee->returns)
    call.results.push_back(base + result.offset);
  const Flow flow = site.builtin(call);
  ++warp.block->changes;
  for (std::size_t i = 0; i < site.results.size(); ++i) {
    const PassedValue at = of_callee(nullptr, base, site.callee->returns[i]);
    if (Checker* checker = warp.block->launch->checker)
      checker->local_written(warp, mask, at.at, at.bytes);
    if (site.results[i].in != Passed::In::nothing)
      pass(warp, mask, of_caller(caller, instruction, site.results[i]), at);
  }
  return flow;
}

// Lanes may call different functions: those of the first lane's go, the others come back to the instruction.
Flow call_indirect(Group& group, const Instruction& instruction, Mask mask) {
  const auto* address = lanes<std::uint64_t>(group.frame, instruction.slot[instruction.destinations]);
  const int lane = __builtin_ctz(mask);
  const auto& functions = group.warp->block->launch->program->functions;
  const std::uint64_t number = (address[lane] - function_window) / 16;
  if (address[lane] < function_window || number >= functions.size() || functions[number]->code.empty() ||
      functions[number]->entry)
    return fault(group, instruction, lane, Status::invalid_pc,
                 fmt::format("0x{:x} is not the address of a function", address[lane]));
  const Mask same = lanes_where(mask, [&](int i) { return address[i] == address[lane]; });
  if (same != mask)
    group.pc = instruction.index;
  return call_function(group, instruction, same, *functions[number]);
}

// ---- decoding ----

using Operand = ptx::Operand;

/// What a callee declares; unknown for a call by address without a prototype.
struct Shape {
  std::string_view name;
  std::span<const ptx::Variable> returns, parameters;
};

std::optional<Shape> shape_of(const Decoding& d, const ptx::Call& call) {
  if (call.callee->is(Operand::Kind::function)) {
    const ptx::Function& function = d.module.functions[call.callee->index];
    return Shape{function.name, function.returns(), function.parameters()};
  }
  const auto& statements = d.function.source->statements;
  if (call.targets == nullptr || call.targets->index >= statements.size())
    return std::nullopt;
  const ptx::Statement& list = statements[call.targets->index];
  if (list.prototype != nullptr)
    return Shape{call.targets->text, list.prototype->returns, list.prototype->parameters};
  if (list.operands.empty() || !list.operands[0].is(Operand::Kind::function))
    return std::nullopt;
  const ptx::Function& first = d.module.functions[list.operands[0].index];
  return Shape{first.name, first.returns(), first.parameters()};
}

/// The operands of a call, one by one, with the slots that those have which are registers.
class Collector {
public:
  explicit Collector(Decoding& d) : d(d) {}

  bool collect(std::span<const Operand> operands, const std::span<const ptx::Variable>* declared,
               bool results, std::vector<Passed>& out) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const ptx::Variable* formal = declared != nullptr && i < declared->size() ? &(*declared)[i] : nullptr;
      if (!one(operands[i], formal, results, out.emplace_back()))
        return false;
    }
    return true;
  }
  int next_slot = 0;

private:
  // A .param variable of the body: what the function itself was given cannot be passed on.
  bool in_memory(const Operand& operand) const {
    const ptx::Function& function = *d.function.source;
    return function.variables[operand.index].space == ptx::Space::param &&
           operand.index >= function.return_count + function.parameter_count;
  }

  bool one(const Operand& operand, const ptx::Variable* formal, bool result, Passed& out) {
    if (operand.is(Operand::Kind::variable) && operand.local && in_memory(operand)) {
      out = {.in = Passed::In::memory,
             .bytes = d.function.source->variables[operand.index].size,
             .offset = d.placement.locals(d.function).offsets[operand.index]};
      return true;
    }
    if (operand.is(Operand::Kind::reg))
      return in_register(operand, formal, out);
    if (operand.is(Operand::Kind::sink) && result)
      return true;
    if (!result && formal != nullptr && !formal->array)
      if (const std::optional<std::uint64_t> bits = constant_bits(operand, formal->type)) {
        out.in = Passed::In::constant;
        out.bytes = formal->size;
        std::memcpy(out.constant.data(), &*bits, sizeof *bits);
        return true;
      }
    d.fail(fmt::format("'{}' cannot be passed: expected a .param variable, a register{}", operand.text,
                       result ? " or _" : " or a constant of the parameter's type"));
    return false;
  }

  bool in_register(const Operand& operand, const ptx::Variable* formal, Passed& out) {
    const Slot slot = d.function.slots[d.out.first_slot + static_cast<std::uint32_t>(next_slot)];
    out = {.in = Passed::In::reg, .bytes = slot.bytes, .slot = next_slot++};
    if (slot.bytes == 0)
      d.fail(fmt::format("'{}' is a predicate, which cannot be passed: expected a register of 8 bits or more",
                         operand.text));
    else if (formal != nullptr && formal->size != slot.bytes)
      d.fail(fmt::format("'{}' has {} bits, expected {}, as parameter '{}' has", operand.text, 8 * slot.bytes,
                         8 * formal->size, formal->name));
    return d.error.empty();
  }

  Decoding& d;
};

bool counts_fit(Decoding& d, const Shape& shape, const CallSite& site) {
  const bool fit =
      site.arguments.size() == shape.parameters.size() && site.results.size() == shape.returns.size();
  if (!fit)
    d.fail(fmt::format("'{}' is called with {} arguments and {} results, expected {} and {}", shape.name,
                       site.arguments.size(), site.results.size(), shape.parameters.size(),
                       shape.returns.size()));
  return fit;
}

void decode_direct(Decoding& d, std::uint32_t number, CallSite& site) {
  const ptx::Function* named = &d.module.functions[number];
  if (named->alias_of) {
    number = *named->alias_of;
    named = &d.module.functions[number];
  }
  if (named->entry)
    return d.fail(fmt::format("'{}' is a kernel: expected a function (.func)", named->name));
  site.callee = d.program.functions[number].get();
  d.out.execute = call_direct;
  if (named->defined)
    return;
  site.builtin = builtin_named(named->name);
  d.out.execute = call_builtin;
  if (site.builtin == nullptr)
    d.fail(fmt::format("function '{}' is declared but not defined", named->name));
}

void decode_call(Decoding& d) {
  const std::optional<ptx::Call> call = ptx::call_of(d.statement);
  if (!call || call->callee == nullptr)
    return d.fail("not a call: expected (results), function, (arguments)");
  CallSite site;
  const std::optional<Shape> shape = shape_of(d, *call);
  Collector collector(d);
  if (!collector.collect(call->returns, shape ? &shape->returns : nullptr, true, site.results))
    return;
  d.out.destinations = static_cast<std::uint16_t>(collector.next_slot);
  if (call->callee->is(Operand::Kind::function)) {
    decode_direct(d, call->callee->index, site);
  } else {
    d.out.execute = call_indirect;
    d.out.immediate = 1;
    ++collector.next_slot;
  }
  if (!d.error.empty() ||
      !collector.collect(call->arguments, shape ? &shape->parameters : nullptr, false, site.arguments) ||
      (shape && !counts_fit(d, *shape, site)))
    return;
  d.attach(std::move(site));
}

void decode_return(Decoding& d) {
  d.out.execute = return_from;
  d.ends = true;
  d.returns = true;
}

} // namespace

Execute function_end() { return return_from; }

std::span<const Entry> call_entries() {
  static constexpr Entry entries[] = {
      {"call{.uni}", "any any? any? any?", decode_call, Kind::call, Class::control},
      {"ret{.uni}", "", decode_return, Kind::control, Class::control},
  };
  return entries;
}

} // namespace emu
