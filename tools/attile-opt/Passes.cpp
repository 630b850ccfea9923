#include "tools/attile-opt/Passes.h"

#include "compiler/backends/cuda/PrepareForEmission.h"
#include "compiler/conversion/attn-to-tile/AttnToTile.h"
#include "compiler/conversion/tile-to-llvm/TileToLLVM.h"
#include "compiler/transforms/attn/Passes.h"
#include "compiler/transforms/tile/CpuLayouts.h"
#include "compiler/transforms/tile/FoldScale.h"
#include "compiler/transforms/tile/FuseMasks.h"
#include "compiler/transforms/tile/GpuLayouts.h"
#include "compiler/transforms/tile/NarrowIntegers.h"
#include "compiler/transforms/tile/OverlapProducts.h"
#include "compiler/transforms/tile/PingPong.h"
#include "compiler/transforms/tile/PrefetchTiles.h"
#include "compiler/transforms/tile/PrepareRows.h"
#include "compiler/transforms/tile/SpecialiseWarps.h"
#include "compiler/transforms/tile/VisitLoops.h"

#include "mlir/Transforms/Passes.h"

void attile::registerAttilePasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  attile::registerFuseFold();
  attile::registerConvertAttnToTile();
  attile::registerTestMaskAnalysis();
  registerCpuLayoutsPass();
  registerGpuLayoutsPass();
  registerFoldScalePass();
  registerFuseMasksPass();
  registerPrepareRowsPass();
  registerVisitLoopsPass();
  registerPrefetchTilesPass();
  registerSpecialiseWarpsPass();
  registerOverlapProductsPass();
  registerPingPongPass();
  registerNarrowIntegersPass();
  cuda::registerPrepareForEmissionPass();
  registerTileToVectorPass();
}
