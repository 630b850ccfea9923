#include "emulator/isa/provenance.h"

#include <algorithm>

namespace emu {
namespace {

using Is = ptx::Operand::Kind;

bool among(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

} // namespace

Provenance::Provenance(const ptx::Module& module, const ptx::Function& function,
                       std::span<const Entry* const> entries)
    : module_variables(static_cast<std::uint32_t>(module.variables.size())),
      registers(function.registers.size(), unset) {
  // Compiled code names registers before it uses them, loops apart; what takes longer is left unknown.
  constexpr int most_passes = 16;
  for (int pass = 0; pass < most_passes; ++pass) {
    bool changed = false;
    for (const ptx::Statement& statement : function.statements)
      if (statement.kind == ptx::Statement::Kind::instruction)
        changed |= follow(statement, *entries[statement.opcode->index]);
    if (!changed)
      return;
  }
  std::ranges::fill(registers, anything);
}

std::optional<Provenance::Variable> Provenance::of(const ptx::Operand& address) const {
  if (!address.is(Is::address) || address.parts.empty())
    return std::nullopt;
  const Value base = value(address.parts[0]);
  if (!is_variable(base))
    return std::nullopt;
  return base < module_variables ? Variable{false, base} : Variable{true, base - module_variables};
}

// A register that is written in several places.
Provenance::Value Provenance::either(Value a, Value b) {
  if (a == unset || a == b)
    return b;
  return b == unset ? a : anything;
}

// Numbers are added to an address; two addresses are nothing that is known.
Provenance::Value Provenance::sum(Value a, Value b) {
  if (a == unset || b == unset)
    return unset;
  return a == number ? b : b == number ? a : anything;
}

// What has to do with addresses in some other way is none that is known.
Provenance::Value Provenance::mixed(Value a, Value b) {
  if (a == unset || b == unset)
    return unset;
  return a == number && b == number ? number : anything;
}

Provenance::Value Provenance::value(const ptx::Operand& operand) const {
  switch (operand.kind) {
  case Is::reg:
    return registers[operand.index];
  case Is::variable:
    return operand.local ? module_variables + operand.index : operand.index;
  case Is::function:
    return anything;
  case Is::vector: {
    Value all = number;
    for (const ptx::Operand& part : operand.parts)
      all = mixed(all, value(part));
    return all;
  }
  default:
    return number;
  }
}

bool Provenance::assign(const ptx::Operand& operand, Value value) {
  bool changed = false;
  if (operand.is(Is::reg)) {
    Value& reg = registers[operand.index];
    const Value before = reg;
    reg = either(reg, value);
    changed = reg != before;
  }
  for (const ptx::Operand& part : operand.parts)
    changed |= assign(part, is_variable(value) ? anything : value);
  return changed;
}

Provenance::Value Provenance::result(const ptx::Statement& statement, const Entry& entry,
                                     std::span<const OperandSpec> specs) const {
  const std::string_view name = statement.opcode->mnemonic;
  const auto& operands = statement.operands;
  // What comes from memory is followed by nobody.
  if (entry.kind == Kind::memory)
    return number;
  if (among(name, {"mov", "cvta", "cvt"}) && operands.size() == 2)
    return value(operands[1]);
  if (name == "mapa" && operands.size() == 3) // the same variable, of another block
    return value(operands[1]);
  if (among(name, {"add", "xor", "or"}) && operands.size() == 3)
    return sum(value(operands[1]), value(operands[2]));
  if (name == "sub" && operands.size() == 3)
    return sum(value(operands[1]), mixed(number, value(operands[2])));
  if (name == "mad" && operands.size() == 4)
    return sum(mixed(value(operands[1]), value(operands[2])), value(operands[3]));
  if (name == "selp" && operands.size() == 4)
    return either(value(operands[1]), value(operands[2]));
  Value all = number;
  std::size_t next = 0;
  for (const OperandSpec& spec : specs) {
    if (!spec.written() || next == operands.size())
      continue;
    const ptx::Operand& operand = operands[next++];
    if (!spec.destination)
      all = mixed(all, value(operand));
  }
  return all;
}

// True if something new is known.
bool Provenance::follow(const ptx::Statement& statement, const Entry& entry) {
  const auto specs = Table::instance().operands(Table::instance().index(entry));
  bool changed = false;
  std::size_t next = 0;
  const Value value = result(statement, entry, specs);
  for (const OperandSpec& spec : specs) {
    if (!spec.written() || next == statement.operands.size())
      continue;
    const ptx::Operand& operand = statement.operands[next++];
    if (spec.destination)
      changed |= assign(operand, value);
  }
  return changed;
}

} // namespace emu
