//===- PrepareRows.h - what a row's elements have in common is computed once -----------------===//
//
// Two patterns of generics whose elements meet a value of their row, with log2e = 1.44269502:
//
//     exp(s - m)    becomes    exp2(fma(s, log2e, r))    with r = -(m * log2e) for each row
//     x / l         becomes    x * r                     with r = 1 / l for each row, or all of them
//
// The first is one multiply-add and the special-function unit's own instruction, where exp takes about nine.
// The product with log2e is rounded for the row only, by 2^-24 of |m|: no more than scores of that size are
// rounded by themselves (design: the error may grow with the largest score). An exact quotient takes about
// ten instructions; the product with a GPU's reciprocal is within 2 units in the last place.
//
// Precondition: kernels with GPU layouts. Postcondition: the same values within that rounding, also infinite
// and NaN ones, as long as m * log2e and 1 / l are finite. Stands after GpuLayouts; a CPU's exp has no use
// for the first, and divides vectors.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_PREPAREROWS_H
#define ATTILE_TRANSFORMS_TILE_PREPAREROWS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void prepareRows(mlir::ModuleOp module);
void registerPrepareRowsPass();

} // namespace attile

#endif
