#include "tools/attile-opt/Passes.h"

#include "mlir/Transforms/Passes.h"

void attile::registerAttilePasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
}
