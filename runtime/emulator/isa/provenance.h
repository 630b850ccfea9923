// Which variable an address is computed from: `mov %r, s`, and then what pointer arithmetic does with it. It
// is known of an access when every path says the same variable; what was loaded, or passed to a function, is
// not followed.
#pragma once

#include "emulator/isa/table.h"
#include "emulator/ptx/module.h"

namespace emu {

class Provenance {
public:
  /// `entries`: of the module's opcodes, as far as the function uses them.
  Provenance(const ptx::Module& module, const ptx::Function& function, std::span<const Entry* const> entries);
  struct Variable {
    bool local = false; ///< as of an Operand
    std::uint32_t index = 0;
  };
  /// What the address operand points into, if it is known.
  std::optional<Variable> of(const ptx::Operand& address) const;

private:
  /// What a register holds: nothing yet, a number (or an address of which nothing is known), an address
  /// inside a variable (a module's, or after those one of the function), or any of several.
  using Value = std::uint32_t;
  static constexpr Value unset = ~0u, number = ~1u, anything = ~2u;
  static bool is_variable(Value value) { return value < anything; }
  static Value either(Value a, Value b);
  static Value sum(Value a, Value b);
  static Value mixed(Value a, Value b);
  Value value(const ptx::Operand& operand) const;
  Value result(const ptx::Statement& statement, const Entry& entry, std::span<const OperandSpec> specs) const;
  bool assign(const ptx::Operand& operand, Value value);
  bool follow(const ptx::Statement& statement, const Entry& entry);

  std::uint32_t module_variables;
  std::vector<Value> registers;
};

} // namespace emu
