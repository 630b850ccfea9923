//===- NarrowIntegers.h - positions in 32 bits ------------------------------------===//
//
// Before, all in i64:
//
//     scf.for %at = %lo to %hi step %c64 {
//       tile.generic ... {
//         %k = arith.addi %at, %col
//         %d = arith.subi %q_pos, %k
//         %in = arith.cmpi slt, %d, %window           // a param: it may be anything
//
// After:
//
//     scf.for %at = %lo_32 to %hi_32 step %c64 : i32 {
//       %limit = arith.trunci (%window clamped to i32) // outside of the generic
//       tile.generic ... {
//         %k = arith.addi %at, %col_32 : i32
//         %d = arith.subi %q_pos_32, %k : i32
//         %in = arith.cmpi slt, %d, %limit : i32
//
// A divisor that may be anything is clamped likewise: what is divided is nearer to 0.
//
// A GPU has no 64-bit integers: each takes two registers, and an operation two or more instructions, a
// division a hundred. Operations change where the ranges of positions prove that nothing is lost. (The CPU's
// lowering decides the same while it makes vectors.)
//
// Precondition: kernels without tile.visit. Postcondition: the same values. Stands last but for preparing
// emission, so that it sees all loops.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_NARROWINTEGERS_H
#define ATTILE_TRANSFORMS_TILE_NARROWINTEGERS_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void narrowIntegers(mlir::ModuleOp module);
void registerNarrowIntegersPass();

} // namespace attile

#endif
