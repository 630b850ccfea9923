// A PTX module as a tree: what the text says, with every name resolved, and no knowledge of what an
// instruction means. An instruction is a mnemonic with modifiers as text, and structured operands.
//
//     Error error;
//     std::optional<Module> module = parse(text, error);
//     if (!module)
//       print(render(text, "kernel.ptx", error));
#pragma once

#include "emulator/ptx/types.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emu::ptx {

/// A position in the PTX text, both from 1. Columns count bytes.
struct Place {
  int line = 0;
  int column = 0;
  friend bool operator==(Place, Place) = default;
};

/// What is wrong with a text: lower case, without a final period; the remedy may be empty.
struct Error {
  Place place;
  std::string message;
  std::string remedy = {};
};

/// "name:line:column: error: message", the line of `text`, a caret under the column, and the remedy if there
/// is one; without a final newline.
std::string render(std::string_view text, std::string_view name, const Error& error);

/// A position in the source that was compiled to PTX, as `.loc` gives it. Line 0 is code that the compiler
/// made.
struct SourceLine {
  std::uint32_t file = 0; ///< see Module::file
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t inlined_at = 0;         ///< where this was inlined, in Module::source_lines; 0: it was not
  std::string_view function_label = {}; ///< of the inlined function: see Module::function_name
  std::uint32_t function_label_offset = 0;
};

// ---- operands ----

enum class Component : std::uint8_t { none, x, y, z, w, bytes, halves };

struct Operand {
  enum class Kind : std::uint8_t {
    reg,      ///< `index` in Function::registers; `component` of it; `negated`: !p, or -a
    special,  ///< %tid.x: `text` is the name without the component
    integer,  ///< `value`; a constant expression is evaluated, WARP_SZ is 32
    f32,      ///< 0f...: `value` holds the 32 bits
    f64,      ///< 0d... or a decimal number: `value` holds the 64 bits
    label,    ///< `index` in Function::statements; may be one past the last
    variable, ///< `index` in Function::variables if `local`, else in Module::variables
    function, ///< `index` in Module::functions
    address,  ///< [a], [a, b], [a, {x, y}]: `parts`
    vector,   ///< {a, b, c, d}: `parts`
    list,     ///< (a, b): `parts`; only of calls
    pair,     ///< p|q: two `parts`, each a register or a sink
    sink,     ///< _
  };
  Kind kind = Kind::sink;
  Component component = Component::none;
  bool negated = false;
  bool local = false;
  bool is_unsigned = false; ///< of an integer: .u64 in the sense of constant expressions, else .s64
  /// Of Component::bytes and halves: so many, and which, 4 bits each: 2 and 0x10 of .h10.
  std::uint8_t selected = 0;
  std::uint16_t selection = 0;
  std::uint32_t index = 0;
  /// Bits of a constant, or the offset added to a register (in an address) or to a variable: [%r+8], var+8.
  std::int64_t value = 0;
  std::span<const Operand> parts = {};
  std::string_view text = {}; ///< as written, for messages
  Place place;

  bool is(Kind k) const { return kind == k; }
};

// ---- statements ----

/// Equal opcodes of a module are one object, so that they can be decoded once.
struct Opcode {
  std::uint32_t index = 0;                          ///< in Module::opcodes
  std::string_view text;                            ///< "ld.shared::cta.v2.f32"
  std::string_view mnemonic;                        ///< "ld"
  std::span<const std::string_view> modifiers = {}; ///< "shared::cta", "v2", "f32"

  bool has(std::string_view modifier) const {
    for (std::string_view m : modifiers)
      if (m == modifier)
        return true;
    return false;
  }
};

struct Guard {
  std::uint32_t reg = 0; ///< in Function::registers
  bool negated = false;
};

struct Variable;

/// `.callprototype`: the shape of a function that is called by its address.
struct Prototype {
  std::span<const Variable> returns = {};
  std::span<const Variable> parameters = {};
  bool noreturn = false;
};

struct Statement {
  enum class Kind : std::uint8_t {
    instruction,
    branch_targets, ///< `name: .branchtargets a, b;` the operands are labels
    call_targets,   ///< `name: .calltargets f, g;` the operands are functions
    call_prototype, ///< `name: .callprototype ...;` no operands
  };
  Kind kind = Kind::instruction;
  std::optional<Guard> guard = {};
  std::uint32_t source = 0; ///< in Module::source_lines; 0: unknown
  Place place;
  const Opcode* opcode = nullptr; ///< of an instruction
  std::span<const Operand> operands = {};
  const Prototype* prototype = nullptr; ///< of a call_prototype
};

/// The parts of `call (r), f, (a, b), targets`. Its operands are these in order; what is absent is null.
struct Call {
  std::span<const Operand> returns = {};
  const Operand* callee = nullptr; ///< a function or a register
  std::span<const Operand> arguments = {};
  const Operand* targets = nullptr; ///< the label of a .calltargets or a .callprototype
};
/// Null if `statement` does not have the shape of a call.
std::optional<Call> call_of(const Statement& statement);

struct Label {
  std::string_view name;
  std::uint32_t statement = 0; ///< may be one past the last
  Place place;
};

// ---- variables ----

enum class Linkage : std::uint8_t { none, external, visible, weak, common };

/// An initialiser that is known only when the module is laid out: bytes of the address of something.
struct Relocation {
  std::uint64_t offset = 0; ///< in the variable, in bytes
  std::uint8_t size = 8;    ///< bytes to write
  bool function = false;    ///< `symbol` is in Module::functions, else in Module::variables
  bool generic = false;     ///< the address is converted to a generic one
  std::uint32_t symbol = 0;
  std::int64_t addend = 0;
  std::uint64_t mask = 0; ///< if not 0: of mask(address), which selects one byte of the address
  Place place;
};

/// Bytes of an initialiser that lie together; what no chunk covers is zero.
struct Chunk {
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes = {};
};

/// `.ptr`: what a pointer parameter of a kernel points to.
struct Pointee {
  Space space = Space::generic;
  std::uint32_t align = 0; ///< 0: not given
};

struct Variable {
  std::string_view name;
  Place place;
  Space space = Space::global;
  Type type = Type::b8;
  std::uint8_t vector = 1; ///< 1, 2, 4 or 8
  Linkage linkage = Linkage::none;
  bool array = false;
  bool unsized = false;    ///< the first extent is []; it counts as 0 unless an initialiser gives it
  bool managed = false;    ///< .attribute(.managed)
  std::uint32_t align = 1; ///< in bytes, as given or natural
  std::uint32_t reg = 0;   ///< of a parameter in Space::reg: its index in Function::registers
  std::uint64_t size = 0;  ///< in bytes
  std::span<const std::uint64_t> extents = {};
  std::span<const Chunk> chunks = {};
  std::span<const Relocation> relocations = {};
  std::optional<Pointee> pointee = {};
};

// ---- functions ----

struct Register {
  std::string_view name;
  Type type = Type::b32;
  std::uint8_t vector = 1; ///< 1, 2, 4 or 8
  Place place;             ///< of the declaration
};

/// What the directives between the parameters and the body say; 0 and empty: not given.
struct Directives {
  std::uint32_t maxntid[3] = {0, 0, 0}; ///< what is left out of a given triple is 1
  std::uint32_t reqntid[3] = {0, 0, 0};
  std::uint32_t reqnctapercluster[3] = {0, 0, 0};
  std::uint32_t minnctapersm = 0;
  std::uint32_t maxnctapersm = 0;
  std::uint32_t maxnreg = 0;
  std::uint32_t maxclusterrank = 0;
  std::uint32_t abi_preserve = 0;
  std::uint32_t abi_preserve_control = 0;
  bool explicitcluster = false;
  bool blocksareclusters = false;
  bool noreturn = false;
};

struct Function {
  std::string_view name;
  Place place;
  bool entry = false;   ///< a kernel
  bool defined = false; ///< has a body
  Linkage linkage = Linkage::none;
  Directives directives;
  std::optional<std::uint32_t> alias_of = {}; ///< in Module::functions
  std::vector<std::string_view> pragmas;

  /// Return parameters, parameters, and then every variable declared in the body, in any scope.
  std::vector<Variable> variables;
  std::uint32_t return_count = 0;
  std::uint32_t parameter_count = 0;
  std::span<const Variable> returns() const { return {variables.data(), return_count}; }
  std::span<const Variable> parameters() const { return {variables.data() + return_count, parameter_count}; }
  std::span<const Variable> locals() const {
    return std::span(variables).subspan(return_count + parameter_count);
  }

  std::vector<Register> registers; ///< those that are used, in the order of their first use
  std::vector<Statement> statements;
  std::vector<Label> labels; ///< in the order of the text
};

// ---- modules ----

struct Storage; ///< the text, and what spans point to

class Module {
public:
  struct Version {
    int major = 0, minor = 0;
  };
  Version version;
  std::string_view target; ///< "sm_90a"
  Place target_place;
  std::vector<std::string_view> target_options; ///< "debug", ...
  int address_size = 64;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::vector<const Opcode*> opcodes;
  std::vector<SourceLine> source_lines; ///< the first one stands for "unknown"
  std::vector<std::string_view> pragmas;

  /// Null if there is none of that name.
  const Function* function(std::string_view name) const;
  const Variable* variable(std::string_view name) const;
  const Variable& variable(const Function& function, const Operand& operand) const {
    return operand.local ? function.variables[operand.index] : variables[operand.index];
  }
  /// The name of a source file by the number that `.file` gave it; empty if unknown.
  std::string_view file(std::uint32_t number) const;
  /// "kernel.cu:12:3, inlined at kernel.cu:40:5"; empty for line 0 of Module::source_lines.
  std::string describe(const SourceLine& source) const;
  /// Of the function that was inlined there, mangled; empty if unknown. Searches the debug information.
  std::string function_name(const SourceLine& source) const;
  std::string_view text() const;

  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  ~Module();

private:
  friend class Parser;
  explicit Module(std::unique_ptr<Storage> storage);
  std::unique_ptr<Storage> storage;
  std::vector<std::pair<std::uint32_t, std::string_view>> files;
  std::string_view debug_strings; ///< what is between the braces of .debug_str
};

/// Places are `int`.
constexpr std::size_t max_text = std::size_t(1) << 30;

/// The module that `text` says, or nothing, and then `error` is what is wrong with it. No text makes it crash
/// or take memory out of proportion to its length.
std::optional<Module> parse(std::string_view text, Error& error);

} // namespace emu::ptx
