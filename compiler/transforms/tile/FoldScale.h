//===- FoldScale.h - exp2's multiply-add scales the scores ----------------------------------===//
//
// Scores that are only scaled by a constant c > 0, and then only read by the multiply-adds of weights, stay
// as the product has left them: one multiplication a score less. With k = log2e:
//
//     tile.dot %s, ...                                    tile.dot %s, ...
//     generic outs(%s) reduces(%m) max {                  fill %raw, -inf
//       y = visible ? x * c : -inf                        generic outs(%s) reduces(%raw) max {
//       yield y, y                                          y = visible ? x : -inf
//     }                                          ->         yield y, y
//                                                         }
//                                                         generic rows outs(%m) { max(m, raw * c) }
//     generic ins(%s, %m) {                               generic ins(%s, %m) {
//       exp2(fma(x, k, -(m * k)))                           exp2(fma(x, k * c, -(m * k)))
//     }                                                   }
//
// A product with c > 0 is monotone, rounded too: %m is bit for bit the same, and so is every statistic of a
// row. The weight's exponent is rounded once less; k * c is rounded, by 2^-24 of it, alike for all weights.
//
// Precondition: PrepareRows, whose multiply-adds it looks for. Postcondition: the same values but for that
// rounding. Stands before VisitLoops, which doubles generics.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_TRANSFORMS_TILE_FOLDSCALE_H
#define ATTILE_TRANSFORMS_TILE_FOLDSCALE_H

#include "mlir/IR/BuiltinOps.h"

namespace attile {

void foldScale(mlir::ModuleOp module);
void registerFoldScalePass();

} // namespace attile

#endif
