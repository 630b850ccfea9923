#include "tools/attile-opt/Passes.h"

#include "compiler/transforms/attn/Passes.h"

#include "mlir/Transforms/Passes.h"

void attile::registerAttilePasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  attile::registerFuseFold();
  attile::registerTestMaskAnalysis();
}
