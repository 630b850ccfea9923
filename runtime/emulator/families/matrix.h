// What decoders of matrix instructions share.
#pragma once

#include "emulator/isa/table.h"
#include "emulator/numeric/matrix.h"

namespace emu {

/// "m16n8k16" among the modifiers.
numeric::MatrixShape shape_of(const Decoding& decoding);

/// Registers of a fragment of wmma that needs so many: A and B of f16 have eight, and hold elements
/// repeatedly.
inline int registers_of_wmma(ptx::Type element, bool sums, int needed) {
  return element == ptx::Type::f16 && !sums ? 8 : needed;
}

} // namespace emu
