// What the names of a PTX text mean where they stand: nested scopes of variables, functions, registers and
// labels. Labels have a namespace of their own, and may be used before they are declared.
#pragma once

#include "emulator/ptx/tokens.h"

#include <string_view>
#include <unordered_map>
#include <vector>

namespace emu::ptx {

class Scopes {
public:
  struct Binding {
    enum class Kind : std::uint8_t { variable, function, registers };
    Kind kind = Kind::variable;
    bool local = false;      ///< of a variable: it belongs to the function
    std::uint32_t index = 0; ///< among the variables or functions, or the register declarations
    Place place = {};
    std::uint32_t depth = 0;
  };

  /// `text_size` bounds what the tables of registers may take.
  explicit Scopes(std::size_t text_size);

  void open(Place place);
  /// Labels of the scope become known to its statements; see resolve_later.
  void close();
  bool at_module_level() const { return scopes.size() == 1; }
  std::size_t depth() const { return scopes.size(); }

  void declare(std::string_view name, Binding binding);
  /// Null if no such variable or function is in scope.
  const Binding* find(std::string_view name) const;

  /// `.reg .type name` if count is 0, else `.reg .type name<count>`.
  void declare_registers(std::string_view name, Register shape, std::uint64_t count);
  /// The index of a register in `registers`, where it is put if this is its first use; nothing if `name` is a
  /// variable, a function, or not declared.
  std::optional<std::uint32_t> find_register(std::string_view name, std::vector<Register>& registers);
  /// If `name` would be in a range of registers that is in scope, had it more: "%r<10> declares %r0 to %r9".
  std::string near_miss(std::string_view name) const;

  void declare_label(std::string_view name, std::uint32_t statement, Place place);
  /// Sets `operand.index` when the label is known: the innermost one around here.
  void resolve_later(Operand& operand);
  /// A label that was used in the function but is nowhere around its use; to be asked when a function ends.
  const Operand* unresolved() const;

private:
  static constexpr std::uint32_t unused = ~0U;
  struct Registers {
    std::string_view name;
    Register shape;
    std::uint64_t count = 0;
    std::uint32_t depth = 0;
    std::uint32_t hidden = unused; ///< the range of this name in an outer scope, among the declarations
    std::vector<std::uint32_t> indices = {}; ///< by number; grows with use
  };
  using Names = std::unordered_map<std::string_view, Binding>;
  struct Undo {
    Names* names;
    std::string_view name;
    std::optional<Binding> before;
  };
  struct Scope {
    std::size_t undo_mark = 0;
    std::size_t pending_mark = 0;
    std::unordered_map<std::string_view, Label> labels = {};
  };

  void declare_in(Names& names, std::string_view name, Binding binding);
  const Registers* range_with(std::string_view prefix, std::uint64_t number) const;
  std::uint32_t& slot(Registers& declaration, std::size_t number);

  Names exact;  ///< whole names
  Names ranges; ///< %r of %r<10>
  bool range_ends_in_digit = false;
  std::size_t slots_left;
  std::vector<Registers> declarations; ///< of the current function
  std::vector<Undo> undo;
  std::vector<Scope> scopes;
  std::vector<Operand*> pending;
};

} // namespace emu::ptx
