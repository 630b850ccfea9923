//===- Regions.h - the signature of an op's region ------------------------===//
//
// What the verifiers of both dialects say about regions: which arguments they take and what they yield.
// Each check emits its own diagnostic on `op`, naming the region, what it has and what was expected.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_DIALECT_REGIONS_H
#define ATTILE_DIALECT_REGIONS_H

#include "mlir/IR/Operation.h"

#include "llvm/ADT/STLExtras.h"

namespace attile {

/// "(f32, i64)".
inline std::string text(mlir::TypeRange types) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  stream << '(';
  llvm::interleaveComma(types, stream);
  stream << ')';
  return result;
}

/// The region must take exactly `arguments`.
inline llvm::LogicalResult verifyArguments(mlir::Operation* op, mlir::Region& region, llvm::StringRef name,
                                           mlir::TypeRange arguments) {
  if (region.getArgumentTypes() == arguments)
    return mlir::success();
  return op->emitOpError() << name << " region takes " << text(region.getArgumentTypes()) << ", expected "
                           << text(arguments);
}

/// The `Yield` that the region ends in; null, after a diagnostic, when it ends in something else.
template <typename Yield> Yield terminator(mlir::Operation* op, mlir::Region& region, llvm::StringRef name) {
  if (!region.front().empty())
    if (auto yield = llvm::dyn_cast<Yield>(region.front().back()))
      return yield;
  op->emitOpError() << name << " region does not end in " << Yield::getOperationName();
  return {};
}

/// The region must end in a `Yield` of exactly `types`.
template <typename Yield>
llvm::LogicalResult verifyYield(mlir::Operation* op, mlir::Region& region, llvm::StringRef name,
                                mlir::TypeRange types) {
  auto yield = terminator<Yield>(op, region, name);
  if (!yield)
    return mlir::failure();
  if (yield.getOperandTypes() == types)
    return mlir::success();
  mlir::InFlightDiagnostic diagnostic = op->emitOpError()
                                        << name << " region yields " << text(yield.getOperandTypes())
                                        << ", expected " << text(types);
  diagnostic.attachNote(yield.getLoc()) << "yielded here";
  return diagnostic;
}

/// Both: the region takes `arguments` and yields `results`.
template <typename Yield>
llvm::LogicalResult verifySignature(mlir::Operation* op, mlir::Region& region, llvm::StringRef name,
                                    mlir::TypeRange arguments, mlir::TypeRange results) {
  if (failed(verifyArguments(op, region, name, arguments)))
    return mlir::failure();
  return verifyYield<Yield>(op, region, name, results);
}

} // namespace attile

#endif // ATTILE_DIALECT_REGIONS_H
