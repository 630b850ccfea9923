// What bulk copies of bytes (bulk.cpp) and of boxes of tensors (bulk_tensor.cpp) share.
#pragma once

#include "emulator/exec/bulk.h"
#include "emulator/isa/table.h"

namespace emu {

/// An address operand of an instruction that has several; -1: it has none.
struct AddressOperand {
  int operand = -1;
  std::int64_t offset = 0;
  std::uint64_t of(const Group& group, const Instruction& instruction, int lane) const;
};
AddressOperand address_operand(const Decoding& decoding, int operand);

/// The value of a lane in an operand of up to 64 bits.
std::uint64_t value_of(const Group& group, const Instruction& instruction, int operand, int lane);

/// copy_of_lane(lane, alike) for each lane. `alike`: all of them if operands_of(lane) is the same for all, so
/// that they copy the same bytes to the same place; else none.
template <class Operands, class Copy> Flow copy_each(Mask mask, Operands operands_of, Copy copy_of_lane) {
  if (mask == 0)
    return Flow::go;
  const auto first = operands_of(__builtin_ctz(mask));
  const Mask same = lanes_where(mask, [&](int lane) { return operands_of(lane) == first; });
  for (Mask rest = mask; rest != 0; rest &= rest - 1)
    if (copy_of_lane(__builtin_ctz(rest), same == mask ? mask : 0) == Flow::fault)
      return Flow::fault;
  return Flow::go;
}

/// How copies into shared memory complete.
struct SignalOperands {
  AddressOperand mbarrier; ///< none: by the thread's bulk group
  int multicast = -1;      ///< operand of the mask of blocks
};

/// The shared memory that a lane's copy of `bytes` goes to, with the mbarrier of each: one, or those of all
/// blocks of the mask.
struct BulkTarget {
  BulkRange to, mbarrier;
};
struct BulkTargets {
  BulkRange::Is is = BulkRange::Is::there;
  std::vector<BulkTarget> all;
};
BulkTargets bulk_targets(Group& group, const Instruction& instruction, int lane, const BulkPlace& to,
                         const SignalOperands& signal);

} // namespace emu
