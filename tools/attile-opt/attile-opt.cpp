//===- attile-opt.cpp - runs passes on .mlir files, for tests and for looking inside ---===//

#include "dialect/attn/Attn.h"
#include "dialect/tile/Tile.h"
#include "tools/attile-opt/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  registry.insert<attile::attn::AttnDialect, attile::tile::TileDialect>();
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::LLVM::LLVMDialect,
                  mlir::math::MathDialect, mlir::scf::SCFDialect, mlir::vector::VectorDialect>();
  attile::registerAttilePasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Attile's pass driver\n", registry));
}
