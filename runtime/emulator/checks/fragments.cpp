// Definedness between memory and the fragments of wmma: lane i accesses the bytes from i * chunk on, of which
// other lanes have the registers.
#include "emulator/checks/block_checks.h"
#include "emulator/isa/fragment.h"

namespace emu {
namespace {

// f(slot, lane, the part's first byte in the register, its place) for the parts of a fragment.
template <class F>
void for_parts(const Instruction& instruction, int operand, const FragmentLines& matrix, F f) {
  const std::uint16_t* place = matrix.places.data();
  for (int j = 0; j < instruction.parts(operand); ++j) {
    const Slot slot = instruction.operand(operand, j);
    for (int lane = 0; lane < warp_size; ++lane)
      for (int byte = 0; byte < slot.bytes; byte += matrix.part_bytes)
        f(slot, lane, static_cast<unsigned>(byte), *place++);
  }
}

} // namespace

const FragmentLines* fragment_lines(const Instruction& instruction) {
  return dynamic_cast<const FragmentLines*>(instruction.extra);
}

void load_fragment(RegisterShadow& shadow, const Instruction& instruction, const FragmentLines& matrix,
                   const AccessEffects& effects) {
  for_parts(instruction, 0, matrix, [&](Slot slot, int lane, unsigned byte, int place) {
    const int from = place / matrix.chunk;
    const auto first = static_cast<unsigned>(place % matrix.chunk),
               bytes = static_cast<unsigned>(matrix.part_bytes);
    const Mask bit = Mask(1) << lane;
    if ((effects.loaded_bad >> from & 1) == 0)
      return;
    if ((bytes_from(effects.loaded_tainted[from], first) & all_bytes(bytes)) != 0)
      return shadow.taint(slot, bit, &instruction);
    const ByteBits undefined = bytes_from(effects.loaded_undefined[from], first) & all_bytes(bytes);
    if (undefined != 0 && (shadow.tainted(slot) & bit) == 0) // beside other parts of the register
      shadow.undefine(slot, lane, shadow.undefined_bytes(slot, lane) | bytes_at(undefined, byte),
                      &instruction);
  });
}

StoredData stored_fragment(const RegisterShadow& shadow, const Instruction& instruction,
                           const FragmentLines& matrix, int chunk) {
  StoredData data;
  for_parts(instruction, 1, matrix, [&](Slot slot, int lane, unsigned byte, int place) {
    if (place / matrix.chunk != chunk || (shadow.bad(slot) >> lane & 1) == 0)
      return;
    const ByteBits part = all_bytes(static_cast<unsigned>(matrix.part_bytes));
    const auto first = static_cast<unsigned>(place % matrix.chunk);
    if ((shadow.tainted(slot) >> lane & 1) != 0)
      data.tainted |= bytes_at(part, first);
    else
      data.undefined |= bytes_at(bytes_from(shadow.undefined_bytes(slot, lane), byte) & part, first);
    data.origin = shadow.origin(slot);
  });
  return data;
}

} // namespace emu
