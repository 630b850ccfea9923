//===- Kernels.h - the kernels of a plan --------------------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELS_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELS_H

#include "compiler/conversion/attn-to-tile/Variant.h"

namespace attile::attn_to_tile {

/// `<name>_main`: one row tile and one range of keys; finalizes where there is one range, else stores its
/// state.
mlir::FailureOr<tile::KernelOp> writeMainKernel(mlir::OpBuilder& builder, Variant& variant);

/// `<name>_merge`: one row tile; merges the states of its ranges of keys and finalizes.
tile::KernelOp writeMergeKernel(mlir::OpBuilder& builder, Variant& variant);

/// `<name>_summarize_<tensor>`: one row of a captured tensor.
tile::KernelOp writeSummaryKernel(mlir::OpBuilder& builder, Variant& variant, mlir::Value tensor);

/// `<name>_count_main`: classifies the tiles of keys as the main kernel does, and counts instead of
/// computing.
tile::KernelOp writeCountKernel(mlir::OpBuilder& builder, Variant& variant);

/// The rows of `counts`, an f32 operand [row tiles, 5, rows] whose sum over the last dimension is what a row
/// tile has counted.
enum class Count : int64_t { Full, Partial, Empty, Visible, Executed };

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELS_H
