//===- Attn.h - the attn dialect: the mathematics of attention ------------===//
//
// Everything that C++ needs to read and build `attn` and its fold form. The ops are defined, with their
// syntax and constraints, in AttnOps.td and AttnDialect.td (see also docs/dialects/attn.md).
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_DIALECT_ATTN_ATTN_H
#define ATTILE_DIALECT_ATTN_ATTN_H

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

#include <cstdint>

namespace attile::attn {

/// Names of the argument and result attributes of `attn.kernel`.
inline constexpr llvm::StringLiteral kNameAttr = "attn.name";
inline constexpr llvm::StringLiteral kRoleAttr = "attn.role";
inline constexpr llvm::StringLiteral kDefaultAttr = "attn.default";
inline constexpr llvm::StringLiteral kDimsAttr = "attn.dims";

/// What `attn.size` may name: batch, heads, kv_heads, q_len, kv_len.
llvm::ArrayRef<llvm::StringLiteral> sizeNames();

/// Quotient rounded down; x / 0 = 0, and the one overflow wraps. The meaning of `attn.floordiv`.
int64_t floorDiv(int64_t lhs, int64_t rhs);
/// lhs - floorDiv(lhs, rhs) * rhs, with x mod 0 = 0. The meaning of `attn.floormod`.
int64_t floorMod(int64_t lhs, int64_t rhs);

} // namespace attile::attn

#include "dialect/attn/AttnDialect.h.inc"
#include "dialect/attn/AttnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/attn/AttnAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialect/attn/AttnOps.h.inc"

#endif // ATTILE_DIALECT_ATTN_ATTN_H
