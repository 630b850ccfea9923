// The instruction set as data. Adding an instruction is one Entry here (in the file of its family), one
// semantic function beside it, and one test; and a rule in requirements.cpp, if not every chip has it.
//
// `syntax` is the ISA's notation in small: ".x" a modifier that must be there, "(.a|.b)" one of several,
// "{.a|.b}" one of several or none:
//     "add{.rn|.rz|.rm|.rp}{.ftz}{.sat}.f32"
// `operands` has a word an operand: destinations begin with "=", "?" ends one that may be left out, "N*"
// means a vector of N, "v*" one of as many parts as the modifier .v2, .v4 or .v8 says (one without it), "n*"
// one of any number. The words:
//     t0 t1 t2   a register or immediate of the first, second, third type among the modifiers
//     w0         of twice the width of t0
//     p0         as t0, or a vector of parts that are together as wide (mov)
//     r0         a register at least as wide as t0 (ld, st, cvt)
//     b32 f64 .. of that type
//     u32/pred   either of them, by the register that is given
//     pred       a predicate (sources: also negated, see Instruction::negated)
//     sel        b32, of which .h1 or .b3210 may select parts, and which may be negated (video)
//     cc         the carry flag, which is not written: a hidden predicate of the function
//     mem        an address; label  a branch target; any  whatever is written (the decoder looks at the
//     statement)
// A destination "=pred|pred" is a pair p|q of which q may be missing, and "=b32|pred" one that has both.
#pragma once

#include "emulator/isa/program.h"
#include "emulator/isa/syntax.h"
#include "emulator/ptx/module.h"
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace emu {

class Placement;

/// What an instruction is counted as.
enum class Class : std::uint8_t {
  integer,
  floating,
  half,
  special,
  convert,
  move,
  compare,
  control,
  memory,
  atomic,
  shared_matrix,
  tensor,
  warp,
  sync,
  async,
  other,
};

/// One spelling of an instruction on its way to a decoded one: `out` has its operands already, and the
/// family's decoder chooses the semantic function and sets what that reads.
class Decoding {
public:
  bool has(std::string_view modifier) const;
  /// The i-th modifier that is a type. The table's syntax guarantees that there are so many.
  ptx::Type type(int i = 0) const;
  /// The first of `choices` that is among the modifiers: its index, -1 if none is.
  int which(std::initializer_list<std::string_view> choices) const;
  /// Refuses the instruction with a message at its place.
  void fail(std::string_view message);
  /// The instruction that a label stands for.
  std::uint32_t target(const ptx::Operand& label) const { return pc_of_statement[label.index]; }
  /// The slot of an operand (its place in the frame is not known yet, its width is).
  Slot slot(int operand, int part = 0) const {
    return function.slots[out.first_slot + out.first[operand] + part];
  }
  /// The program keeps `extra` for the instruction.
  template <class T> T& attach(T extra);

  const ptx::Module& module;
  const ptx::Statement& statement;
  Instruction& out;
  Function& function;
  Program& program;
  const Placement& placement;
  const std::vector<std::uint32_t>& pc_of_statement;

  std::string error = {};
  bool in_kernel_params = false;           ///< the address operand names a parameter of a kernel
  std::vector<std::uint32_t> targets = {}; ///< where it may jump
  bool ends = false;                       ///< never goes on with the next instruction
  bool returns = false;                    ///< hands on the results of the function
};

template <class T> T& Decoding::attach(T extra) {
  auto owned = std::make_shared<T>(std::move(extra));
  T& result = *owned;
  out.extra = owned.get();
  program.extras.push_back(std::move(owned));
  return result;
}

using Decode = void (*)(Decoding&);

struct Entry {
  std::string_view syntax, operands;
  Decode decode;
  Kind kind;
  Class counted;
};

/// An operand of an Entry, parsed.
struct OperandSpec {
  enum class What : std::uint8_t { typed, predicate, carry, address, label, any } what = What::any;
  bool destination = false, optional = false;
  bool or_predicate = false;      ///< may be one instead
  bool pair = false;              ///< what|predicate
  bool packs = false;             ///< also a vector of parts of it; and clocks
  bool selects = false;           ///< parts of it may be selected; it may be negated
  bool at_least = false;          ///< the register may be wider than the type
  std::int8_t modifier_type = -1; ///< which type among the modifiers; -1: `type`
  ptx::Type type = ptx::Type::b32;
  std::uint8_t widen = 1;                              ///< 2: of twice the width
  std::int8_t parts = 1;                               ///< of a vector; 0: as .v2, .v4 say; -1: any number
  bool written() const { return what != What::carry; } ///< in the text
};

/// The families' tables.
std::span<const Entry> arithmetic_entries();
std::span<const Entry> bit_entries();
std::span<const Entry> compare_entries();
std::span<const Entry> float_entries();
std::span<const Entry> half_entries();
std::span<const Entry> convert_entries();
std::span<const Entry> move_entries();
std::span<const Entry> control_entries();
std::span<const Entry> call_entries();
std::span<const Entry> memory_entries();
std::span<const Entry> cache_entries();
std::span<const Entry> atomic_entries();
std::span<const Entry> warp_entries();
std::span<const Entry> barrier_entries();
std::span<const Entry> mma_entries();
std::span<const Entry> sparse_mma_entries();
std::span<const Entry> shared_matrix_entries();
std::span<const Entry> wmma_entries();
std::span<const Entry> wgmma_entries();
std::span<const Entry> stack_entries();
std::span<const Entry> async_entries();
std::span<const Entry> bulk_entries();
std::span<const Entry> bulk_tensor_entries();
std::span<const Entry> tensor_map_entries();
std::span<const Entry> mbarrier_entries();
std::span<const Entry> video_entries();
std::span<const Entry> cluster_entries();
std::span<const Entry> grid_entries();
std::span<const Entry> async_store_entries();

/// What stands after the last instruction of a function: its lanes return, or leave.
Execute function_end();

/// All of them, indexed by mnemonic.
class Table {
public:
  static constexpr std::uint32_t no_entry = ~0u;
  static const Table& instance();
  /// The entry for a spelling, or nothing and why (unknown mnemonic, or the modifier that does not fit).
  const Entry* find(std::string_view mnemonic, std::span<const std::string_view> modifiers,
                    std::string& why) const;
  const Entry& operator[](std::uint32_t index) const { return entries[index]; }
  std::span<const OperandSpec> operands(std::uint32_t index) const { return specs[index]; }
  std::uint32_t index(const Entry& entry) const {
    return static_cast<std::uint32_t>(&entry - entries.data());
  }
  std::span<const Entry> all() const { return entries; }

private:
  Table();
  std::vector<Entry> entries;
  std::vector<Syntax> syntaxes;                ///< of the entries
  std::vector<std::vector<OperandSpec>> specs; ///< of the entries
  std::map<std::string_view, std::vector<std::uint32_t>> by_mnemonic;
};

} // namespace emu
