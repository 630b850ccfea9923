//===- Tile.h - the tile dialect: tiled kernels over explicit memory ------===//
//
// Everything that C++ needs to read and build `tile`. The types and ops are defined, with their syntax and
// constraints, in TileDialect.td and TileOps.td (see also docs/dialects/tile.md).
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_DIALECT_TILE_TILE_H
#define ATTILE_DIALECT_TILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace attile::tile {

/// Name of the argument attribute of `tile.kernel` that says what the argument is bound to.
inline constexpr llvm::StringLiteral kNameAttr = "tile.name";
/// Of a kernel that has been lowered: its parameters, in order, as a plan's slots: ["pointer:q",
/// "value:q.stride.0"].
inline constexpr llvm::StringLiteral kSlotsAttr = "tile.slots";

/// The type as which an element of a buffer is read and computed with: f32 for floats, i1 for i1 and i8 (a
/// bool in memory), i64 for other integers.
mlir::Type widened(mlir::Type element);

} // namespace attile::tile

#include "dialect/tile/TileDialect.h.inc"
#include "dialect/tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialect/tile/TileOps.h.inc"

#endif // ATTILE_DIALECT_TILE_TILE_H
