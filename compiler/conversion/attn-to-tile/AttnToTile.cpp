//===- AttnToTile.cpp - writes the plan and its kernels ------------------------===//

#include "compiler/conversion/attn-to-tile/AttnToTile.h"
#include "compiler/analysis/mask.h"
#include "compiler/conversion/attn-to-tile/Kernels.h"
#include "compiler/conversion/attn-to-tile/State.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

namespace attile {
#define GEN_PASS_DEF_CONVERTATTNTOTILE
#include "compiler/conversion/attn-to-tile/Passes.h.inc"
} // namespace attile

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

/// kSummaryBlock^levels exceeds any length of a tensor in memory.
static constexpr int kSummaryLevels = 8;

static Value planSize(Arithmetic& a, const Twine& name) {
  return tile::SizeOp::create(a.b, a.loc, a.b.getI64Type(), name.str());
}

/// Scratch and launch of one tensor's summary: i64 [rows, slots, 2].
static void planSummary(Arithmetic& a, Variant& variant, Value tensor, tile::KernelOp kernel) {
  StringRef name = variant.kernel.argumentName(cast<BlockArgument>(tensor).getArgNumber());
  unsigned rank = cast<RankedTensorType>(tensor.getType()).getRank();
  Value rows = a.number(1), one = rows;
  for (unsigned i = 0; i + 1 < rank; ++i)
    rows = a.mul(rows, planSize(a, name + ".dim." + Twine(i)));
  Value length = planSize(a, name + ".dim." + Twine(rank - 1)), slots = a.number(0);
  for (int level = 0; level != kSummaryLevels; ++level) {
    Value blocks = a.ceil(length, a.number(kSummaryBlock));
    bool first = level == 0; // levels go on until one slot is left
    slots = a.add(slots, first ? blocks : a.select(a.less(one, length), blocks, a.number(0)));
    length = blocks;
  }
  tile::ValueOp::create(a.b, a.loc, summaryName(name) + ".dim.1", slots);
  Value pair = a.number(2 * sizeof(int64_t));
  tile::ScratchOp::create(a.b, a.loc, summaryName(name), a.mul(a.mul(rows, slots), pair));
  tile::LaunchOp::create(a.b, a.loc, kernel.getSymName(), rows, Value());
}

namespace {
/// The kernels of one size of tile.
struct TileKernels {
  tile::KernelOp main, merge;
};

/// The kernels of one variant and the plan that launches them.
class Converter {
public:
  Converter(OpBuilder& builder, Variant& variant, const AttnToTileOptions& options)
      : builder(builder), variant(variant), options(options) {}

  LogicalResult run();

private:
  /// An empty plan with its summaries launched.
  Arithmetic openPlan(const Twine& name);
  void writePlan(MutableArrayRef<TileKernels> tiles);
  void writeCountPlan(ArrayRef<tile::KernelOp> kernels);

  OpBuilder& builder;
  Variant& variant;
  const AttnToTileOptions& options;
  SmallVector<std::pair<Value, tile::KernelOp>> summaries;
};
} // namespace

Arithmetic Converter::openPlan(const Twine& name) {
  auto plan = tile::PlanOp::create(builder, variant.kernel.getLoc(), builder.getStringAttr(name));
  OpBuilder inside(builder.getContext());
  inside.createBlock(&plan.getBody());
  Arithmetic a(inside, plan.getLoc());
  for (auto [tensor, kernel] : summaries)
    planSummary(a, variant, tensor, kernel);
  return a;
}

/// One copy of every size and constant.
static void clean(Block* block) {
  Operation* plan = block->getParentOp();
  IRRewriter rewriter(plan->getContext());
  DominanceInfo dominance(plan);
  eliminateCommonSubExpressions(rewriter, dominance, plan);
}

/// Of a smaller tile beside the main one.
static std::optional<FewRows> fewRowsOf(const AttnToTileOptions& options) {
  if (!options.fewRows)
    return std::nullopt;
  int64_t rows = options.fewRows.getRows();
  return FewRows{rows, std::max(rows, options.mostFewRows), options.fewBlocksPerThread};
}

void Converter::writePlan(MutableArrayRef<TileKernels> tiles) {
  Arithmetic a = openPlan(variant.name());
  Grid grid = planRowTiles(a, variant, /*split=*/true, fewRowsOf(options));
  Value blocks = a.mul(grid.tiles, grid.splits);
  Value split = a.less(a.number(1), grid.splits);
  Value rows = a.mul(a.select(split, blocks, a.number(0)), grid.rows);
  for (auto& [name, columns] : storedFields(variant)) {
    int64_t rowBytes = std::max<int64_t>(columns, 1) * static_cast<int64_t>(sizeof(float));
    tile::ScratchOp::create(a.b, a.loc, partialName(name), a.mul(rows, a.number(rowBytes)));
  }
  for (auto [i, kernels] : llvm::enumerate(tiles)) {
    Value chosen = i == 0 ? grid.many : grid.few;
    tile::LaunchOp::create(a.b, a.loc, kernels.main.getSymName(), blocks, chosen);
    tile::LaunchOp::create(a.b, a.loc, kernels.merge.getSymName(), grid.tiles,
                           chosen ? a.both(chosen, split) : split);
  }
  clean(a.b.getInsertionBlock());
}

void Converter::writeCountPlan(ArrayRef<tile::KernelOp> kernels) {
  Arithmetic a = openPlan(variant.name() + "_count");
  Grid grid = planRowTiles(a, variant, /*split=*/false, fewRowsOf(options));
  tile::ValueOp::create(a.b, a.loc, kTileRows, grid.rows);
  for (auto [i, kernel] : llvm::enumerate(kernels))
    tile::LaunchOp::create(a.b, a.loc, tile::KernelOp(kernel).getSymName(), grid.tiles,
                           i == 0 ? grid.many : grid.few);
  clean(a.b.getInsertionBlock());
}

LogicalResult Converter::run() {
  for (Value tensor : variant.mask->summarizedTensors())
    summaries.push_back({tensor, writeSummaryKernel(builder, variant, tensor)});
  SmallVector<Variant> variants{variant};
  if (options.fewRows)
    variants.push_back(variant.with(options.fewRows, "_few"));
  if (options.count) {
    SmallVector<tile::KernelOp> counting;
    for (Variant& one : variants)
      counting.push_back(writeCountKernel(builder, one));
    builder.setInsertionPoint(summaries.empty() ? counting.front() : summaries.front().second);
    writeCountPlan(counting);
    return success();
  }
  SmallVector<TileKernels> tiles;
  for (Variant& one : variants) {
    FailureOr<tile::KernelOp> main = writeMainKernel(builder, one);
    if (failed(main))
      return failure();
    tiles.push_back({*main, writeMergeKernel(builder, one)});
  }
  builder.setInsertionPoint(summaries.empty() ? tiles.front().main : summaries.front().second);
  writePlan(tiles);
  return success();
}

bool attile::packsHeads(attn::FoldOp fold) {
  Region& blocks = fold.getBlocks();
  return blocks.empty() || blocks.getArgument(1).use_empty();
}

LogicalResult attile::convertAttnToTile(ModuleOp module, const AttnToTileOptions& options) {
  for (auto kernel : llvm::make_early_inc_range(module.getOps<attn::KernelOp>())) {
    FailureOr<Variant> variant = Variant::of(kernel, options.schedule, options.splitKeys);
    if (failed(variant))
      return failure();
    variant->blocksPerThread = options.blocksPerThread;
    variant->ascendingTiles = options.ascendingTiles;
    OpBuilder builder(kernel);
    if (failed(Converter(builder, *variant, options).run()))
      return failure();
    kernel.erase();
  }
  for (auto monoid : llvm::make_early_inc_range(module.getOps<attn::MonoidOp>()))
    monoid.erase();
  return success();
}

namespace {
struct ConvertAttnToTile : attile::impl::ConvertAttnToTileBase<ConvertAttnToTile> {
  using Base::Base;
  void runOnOperation() override {
    AttnToTileOptions options;
    options.schedule = tile::ScheduleAttr::get(&getContext(), rows, keys, dotRows, scoreKeys, valueCols);
    if (fewRows > 0)
      options.fewRows = tile::ScheduleAttr::get(&getContext(), fewRows, keys, fewRows, scoreKeys, valueCols);
    options.mostFewRows = mostFewRows;
    options.splitKeys = splitKeys;
    options.ascendingTiles = ascendingTiles;
    options.count = count;
    if (failed(convertAttnToTile(getOperation(), options)))
      signalPassFailure();
  }
};
} // namespace
