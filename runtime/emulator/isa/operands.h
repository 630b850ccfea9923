// Operands of a statement to slots. Registers are numbered first; their places in the frame follow from
// liveness, when all of a function is decoded.
#pragma once

#include "emulator/isa/placement.h"
#include "emulator/isa/registers.h"
#include "emulator/isa/table.h"
#include <unordered_map>

namespace emu {

/// The bits of a constant as an operand of `type`; nothing if it is none of that type.
std::optional<std::uint64_t> constant_bits(const ptx::Operand& operand, ptx::Type type);

class Operands {
public:
  Operands(const ptx::Module& module, Function& function, const Placement& placement);

  /// Adds the slots of `statement`'s operands, as `specs` wants them, to the function, and points `out` to
  /// them. False, and `error` set, if they do not fit.
  bool decode(const ptx::Statement& statement, std::span<const OperandSpec> specs, Decoding& decoding,
              ptx::Error& error);
  /// Adds a register, which `statement` may not name in its operands (a guard).
  Slot register_slot(std::uint32_t reg) const;
  /// The registers in which results are handed on.
  std::vector<RegisterUse> results() const;
  /// What instruction `i` reads and writes, for liveness.
  std::vector<RegisterUse> uses(const Instruction& instruction) const;
  /// Replaces register numbers by places, appends the constants, and fills the function's frame.
  void finish(FlowGraph& graph);

private:
  bool add(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding);
  bool add_packed(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding);
  bool add_part(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding);
  bool add_register(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding);
  bool add_address(const ptx::Operand& operand, Decoding& decoding);
  bool add_any(const ptx::Operand& operand, Decoding& decoding);
  bool add_special(const ptx::Operand& operand, std::uint32_t bytes, Decoding& decoding);
  Slot constant(std::uint64_t value, std::uint32_t bytes);
  Slot special(Special what, std::uint64_t addend, std::uint32_t bytes);
  Slot sink(std::uint32_t bytes);
  Slot variable(const ptx::Operand& operand, std::uint32_t bytes, Decoding& decoding);
  void mark_held();
  void place(Slot& slot, const RegisterPlaces& places) const;

  const ptx::Module& module;
  Function& function;
  const Placement& placement;
  std::vector<std::uint32_t> first_number; ///< of a register: its components have numbers of their own
  std::vector<std::uint16_t> bytes_of;     ///< by number, a lane; 0: a predicate
  std::unordered_map<std::uint64_t, Slot> constants[9];
  std::unordered_map<std::uint64_t, Slot> special_slots;
  std::uint32_t carry = 0; ///< number of the register that is the carry flag
  std::uint32_t constant_bytes = 0;
  std::uint32_t sink_offset = ~0u;
};

} // namespace emu
