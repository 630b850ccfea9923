// What decoders of matrix instructions share.
#pragma once

#include "emulator/families/matrix_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/matrix.h"

namespace emu {

/// "m16n8k16" among the modifiers.
numeric::MatrixShape shape_of(const Decoding& decoding);

/// Types of the elements of D, A, B and C. wmma leaves out those of A and B that are f16.
struct MatrixTypes {
  ptx::Type d, a, b, c;
};
MatrixTypes types_of(const Decoding& decoding);

/// What the modifiers say of a product, as if A were stored whole.
Product product_of(const Decoding& decoding, const MatrixTypes& types);

/// 80 of a module for sm_80.
int target_number(const Decoding& decoding);

/// Of elements of a floating-point type.
numeric::MatrixFormat matrix_format_of(ptx::Type type);

/// Registers of a fragment of wmma that needs so many: A and B of f16 have eight, and hold elements
/// repeatedly.
inline int registers_of_wmma(ptx::Type element, bool sums, int needed) {
  return element == ptx::Type::f16 && !sums ? 8 : needed;
}

} // namespace emu
