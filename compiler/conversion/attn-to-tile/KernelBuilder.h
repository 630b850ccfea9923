//===- KernelBuilder.h - writes one tile.kernel ------------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELBUILDER_H
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELBUILDER_H

#include "compiler/conversion/attn-to-tile/Variant.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"

namespace attile::attn_to_tile {

/// Integer arithmetic on i64 values, folded as it is written.
class Arithmetic {
public:
  Arithmetic(mlir::OpBuilder builder, mlir::Location loc) : b(builder), loc(loc) {}
  mlir::Value number(int64_t value);
  mlir::Value real(double value);
  mlir::Value flag(bool value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);  ///< of non-negative numbers
  mlir::Value rem(mlir::Value x, mlir::Value y);  ///< of non-negative numbers
  mlir::Value ceil(mlir::Value x, mlir::Value y); ///< quotient rounded up, y > 0
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  mlir::Value equal(mlir::Value x, mlir::Value y);
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value both(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y);

  mlir::OpBuilder b;
  mlir::Location loc;
};

/// Writes the body of one kernel in order. Arguments appear when they are first asked for.
class KernelBuilder : public Arithmetic {
public:
  KernelBuilder(mlir::OpBuilder& module, Variant& variant, const llvm::Twine& name);

  /// Types of local and global buffers of this kernel.
  static tile::BufferType local(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  static tile::BufferType global(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  mlir::Type f32() { return b.getF32Type(); }
  mlir::Type i64() { return b.getI64Type(); }

  /// The kernel's argument bound to `name`.
  mlir::Value argument(llvm::StringRef name, mlir::Type type);
  /// The counterpart of an argument of the attn.kernel: a buffer, or a scalar param.
  mlir::Value operand(mlir::Value attnArgument);
  /// The same for any value outside of the fold: scalar code there is copied to `at`.
  mlir::Value captured(mlir::OpBuilder& at, mlir::Value value);
  /// The buffer of result `i` of the attn.kernel.
  mlir::Value output(unsigned i);
  mlir::Value size(llvm::StringRef name);
  /// A local buffer, allocated at the kernel's entry.
  mlir::Value alloc(llvm::ArrayRef<int64_t> shape, mlir::Type element);

  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpBuilder&, mlir::ValueRange)>;
  struct Generic {
    mlir::Value cols = {};                      ///< null: a domain of rows only
    llvm::SmallVector<mlir::Value> within = {}; ///< first and last column that each row needs; empty: all
    llvm::SmallVector<mlir::Value> ins = {}, outs = {}, reduces = {};
    llvm::SmallVector<tile::Combiner> combiners = {};
  };
  /// A tile.generic over the rows of the tile.
  void generic(const Generic& shape, Body body);

  /// Copies a region of scalar attn code to the builder's place: sizes, lookups and divisions become those of
  /// tile.
  llvm::SmallVector<mlir::Value> inlineScalars(mlir::OpBuilder& at, mlir::Region& region,
                                               mlir::ValueRange arguments);

  /// Sets the signature, moves what does not depend on a loop out of it, removes duplicates.
  tile::KernelOp finish();

  Variant& variant;
  int64_t rows, keys; ///< the tile of scores

private:
  mlir::Value captured(mlir::OpBuilder& at, mlir::Value value, mlir::IRMapping& mapping);
  void lowerScalar(mlir::OpBuilder& at, mlir::Operation& op, mlir::IRMapping& mapping);

  tile::KernelOp kernel;
  mlir::Block* entry;
  llvm::StringMap<mlir::Value> arguments, sizes;
  llvm::SmallVector<std::string> names;
};

} // namespace attile::attn_to_tile

#endif // ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_KERNELBUILDER_H
