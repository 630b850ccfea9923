//===- KernelPrinter.h - prints one kernel ---------------------------------------------===//
#ifndef ATTILE_BACKENDS_CUDA_KERNELPRINTER_H
#define ATTILE_BACKENDS_CUDA_KERNELPRINTER_H

#include "compiler/backends/cuda/EmitScalar.h"
#include "compiler/backends/cuda/PrepareForEmission.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

namespace attile::cuda {

class KernelPrinter {
public:
  KernelPrinter(tile::KernelOp kernel, llvm::raw_ostream& out) : kernel(kernel), out(out) {}
  void print();

private:
  // ---- KernelPrinter.cpp: signature, statements, control flow
  void signature();
  std::string parameterName(llvm::StringRef kind, llvm::StringRef name);
  void block(mlir::Block& block);
  void operation(mlir::Operation& op);
  /// A value of its own, or where `mayInline` and it reads well, a part of what uses it.
  void scalar(mlir::Operation& op, bool mayInline = true);
  void loop(mlir::scf::ForOp op);
  void branch(mlir::scf::IfOp op);
  /// `type name = init;` for each value that control flow carries or yields.
  void declare(mlir::ValueRange values, mlir::ValueRange inits);
  /// ... which take the values that a region yields.
  void assign(mlir::ValueRange values);
  /// A statement on a line of its own, with the line of the spec that it is from.
  void line(const llvm::Twine& text, mlir::Location place);
  void line(const llvm::Twine& text);
  std::string fresh(llvm::StringRef stem);

  // ---- TilePrinter.cpp: tile operations
  void tileOperation(mlir::Operation& op);
  void allocate(tile::AllocOp op);
  void copy(tile::CopyOp op);
  void copyAsync(tile::CopyAsyncOp op);
  void dot(tile::DotOp op);
  void wait(tile::WaitOp op);
  void gather(tile::GatherOp op);
  void scatter(tile::ScatterOp op);
  void rangeOf(tile::RangeOfOp op);
  /// C++ name of a buffer.
  std::string buffer(mlir::Value value) const;
  /// Pointer to the first element of a window into a global buffer.
  std::string pointer(tile::SliceOp slice) const;
  std::string stride(mlir::Value buffer, unsigned dim) const;
  std::string dims(mlir::Value buffer) const;

  // ---- RolePrinter.cpp: parts of a block, and what passes between them
  void roleOperation(mlir::Operation& op);
  void roles(tile::RolesOp op);
  void sync(tile::SyncOp op);
  void allocateBarrier(tile::BarrierAllocOp op);
  void bringRows(tile::CopyAsyncOp op);
  /// "empty, stage" of a barrier's stage.
  std::string stageOf(mlir::Value barrier, mlir::Value stage) const;

  // ---- GenericPrinter.cpp: loops over the elements of a thread
  void generic(tile::GenericOp op);
  void genericElement(tile::GenericOp op, mlir::ArrayRef<std::string> partial);
  /// Prints what is the same for all columns of a row; it is in `ofRows` afterwards.
  void genericRow(tile::GenericOp op);

  /// A warpgroup's rows are those of its four warps.
  int64_t warpRows() const {
    int64_t rows = tile::KernelOp(kernel).getScheduleAttr().getDotRows();
    return usesWarpgroups(kernel) ? rows / 4 : rows;
  }
  llvm::StringRef argumentName(mlir::Value buffer) const;
  bool isScratch(mlir::Value buffer) const;

  tile::KernelOp kernel;
  llvm::raw_ostream& out;
  ScalarText text;
  int depth = 0;
  int role = 0;                     ///< hardware barrier of the role that is printed; 0 outside of roles
  int64_t roleThreads = 0;          ///< that meet there
  int64_t firstThread = 0;          ///< of that role
  llvm::StringSet<> names;          ///< of variables
  llvm::StringMap<int> taken;       ///< how many there are of a stem, about
  llvm::StringMap<std::string> ids; ///< variables of the parameters, by the names of their slots
  llvm::DenseMap<mlir::Value, std::string> buffers;
  llvm::DenseSet<mlir::Operation*> ofRows; ///< of the generic that is printed
  mlir::SmallVector<mlir::SmallVector<std::string>>
      carried; ///< variables of the enclosing loops and branches
};

} // namespace attile::cuda

#endif
