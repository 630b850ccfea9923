// What setp and set do with the outcome of a comparison, of any type.
#pragma once

#include "emulator/exec/state.h"
#include "emulator/isa/instruction.h"

namespace emu {

/// Of two predicates; `none` gives the first.
enum class Combine : std::uint8_t { none, conjunction, disjunction, exclusive };

inline Mask combine(Combine how, Mask a, Mask b) {
  switch (how) {
  case Combine::none:
    return a;
  case Combine::conjunction:
    return a & b;
  case Combine::disjunction:
    return a | b;
  case Combine::exclusive:
    break;
  }
  return a ^ b;
}

/// A source predicate of an instruction, as the text may have negated it.
inline Mask source_predicate(const Group& group, const Instruction& instruction, int operand) {
  const Mask value = predicate(group.frame, instruction.operand(operand));
  return instruction.negated >> operand & 1 ? ~value : value;
}

inline void write_predicate(Group& group, Slot slot, Mask mask, Mask value) {
  Mask& d = predicate(group.frame, slot);
  d = (d & ~mask) | (value & mask);
}

/// Bits of Instruction::flags.
enum ComparisonFlag : std::uint64_t { combines = 3, gives_float = 4 };

/// The third source of setp and set, where there is one.
inline Mask combined_with(const Group& group, const Instruction& instruction) {
  return (instruction.flags & combines) == 0 ? 0 : source_predicate(group, instruction, 3);
}

/// Operands: p|q, a, b and perhaps c, which is combined with the outcome.
inline void set_predicates(Group& group, const Instruction& instruction, Mask mask, Mask holds) {
  const auto how = static_cast<Combine>(instruction.flags & combines);
  const Mask c = combined_with(group, instruction);
  write_predicate(group, instruction.operand(0, 0), mask, combine(how, holds, c));
  write_predicate(group, instruction.operand(0, 1), mask, combine(how, ~holds, c));
}

/// All ones, or 1.0, where it holds; else 0.
inline void set_register(Group& group, const Instruction& instruction, Mask mask, Mask holds) {
  const auto how = static_cast<Combine>(instruction.flags & combines);
  const Mask result = combine(how, holds, combined_with(group, instruction));
  const std::uint32_t one = instruction.flags & gives_float ? 0x3f800000 : 0xffffffff;
  each_lane(lanes<std::uint32_t>(group.frame, instruction.operand(0)), mask,
            [=](int i) { return result >> i & 1 ? one : 0; });
}

} // namespace emu
