//===- GpuLayouts.cpp - buffers where a GPU block wants them --------------------===//
#include "compiler/transforms/tile/GpuLayouts.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace attile {
namespace {

using tile::BufferType;
using tile::LayoutKind;
using tile::Space;

/// Rows of a warp, at least: those of a matrix instruction.
constexpr int64_t kLeastRows = 16;
/// Keys up to which the residual of rounded weights is multiplied too: rounding averages out over many only.
/// More where there are few rows to average over.
constexpr int64_t kFewKeys = 512, kFewKeysOfFewRows = 4096, kFewRows = 16;

struct BlockLayouts {
  tile::KernelOp kernel;

  void run() {
    decideTiles();
    dropSpans();
    kernel.walk([&](tile::AllocOp alloc) { place(alloc); });
    llvm::MapVector<Block*, SmallVector<tile::DotOp>> dots;
    kernel.walk([&](tile::DotOp dot) { dots[dot->getBlock()].push_back(dot); });
    if (dots.empty())
      spreadRows();
    for (auto& [body, ofTile] : dots)
      stage(body, ofTile);
    kernel.walk([&](tile::GenericOp generic) { loadInputs(generic); });
    kernel.walk([&](tile::ScatterOp scatter) { remakeRows(scatter); });
    dropUnreadRows();
  }

  /// Without products no operand is read by every warp: the more warps there are, the fewer registers each
  /// needs.
  void spreadRows() {
    tile::ScheduleAttr tile = kernel.getScheduleAttr();
    kernel.setScheduleAttr(tile::ScheduleAttr::get(kernel.getContext(), tile.getRows(), tile.getKeys(),
                                                   kLeastRows, tile.getScoreKeys(), tile.getValueCols()));
  }

  int64_t rows() { return kernel.getScheduleAttr().getRows(); }

  /// A tile is what its classification says: looking whether a partial one is empty or full would make the
  /// warps wait for each other.
  void decideTiles() {
    kernel.walk([&](tile::AnyAllOp op) {
      OpBuilder b(op);
      op.getAny().replaceAllUsesWith(arith::ConstantIntOp::create(b, op.getLoc(), 1, 1));
      op.getAll().replaceAllUsesWith(arith::ConstantIntOp::create(b, op.getLoc(), 0, 1));
      op.erase();
    });
  }

  /// Warps multiply all keys of a tile: those that a dot may leave out by row stay in it.
  void dropSpans() {
    kernel.walk([&](tile::DotOp dot) { dot.getWithinMutable().clear(); });
    kernel.walk([&](tile::GenericOp generic) { generic.getWithinMutable().clear(); });
    kernel.walk([&](tile::SpansOp spans) {
      Value bounds[] = {spans.getFirst(), spans.getLast()};
      spans.erase();
      for (Value bound : bounds)
        if (llvm::all_of(bound.getUsers(), llvm::IsaPred<tile::FillOp>)) {
          for (Operation* fill : llvm::make_early_inc_range(bound.getUsers()))
            fill->erase();
          bound.getDefiningOp()->erase();
        }
    });
  }

  // ---- spaces ----------------------------------------------------------------------------------------

  static BufferType shared(BufferType type, ArrayRef<int64_t> shape) {
    return BufferType::get(type.getContext(), shape, type.getElementType(), Space::Shared,
                           LayoutKind::Swizzle128);
  }
  static BufferType registers(ArrayRef<int64_t> shape, Type element) {
    return BufferType::get(element.getContext(), shape, element, Space::Register,
                           shape.size() == 2 ? LayoutKind::Fragment : LayoutKind::RowMajor);
  }

  void place(tile::AllocOp alloc) {
    BufferType type = alloc.getType();
    bool gathered = llvm::any_of(alloc->getUsers(), llvm::IsaPred<tile::GatherOp>) && type.getRank() == 2;
    Type element = type.getElementType();
    if (element.isInteger(64)) // positions of rows
      element = IntegerType::get(alloc.getContext(), 32);
    alloc.getResult().setType(gathered ? shared(type, type.getShape()) : registers(type.getShape(), element));
  }

  Value allocateAtTop(BufferType type, Location loc) {
    OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
    return tile::AllocOp::create(b, loc, type);
  }

  // ---- dots ------------------------------------------------------------------------------------------

  /// Keys and values come into shared memory, and each dot waits for its own. The copy for the first dot may
  /// start when the last tile's first dot is done, which the later waits tell; the other copies when all of
  /// the last tile is, which the first wait tells. 16-bit weights are rounded in registers.
  void stage(Block* body, ArrayRef<tile::DotOp> dots) {
    OpBuilder start(dots.front());
    SmallVector<Value> tokens;
    for (tile::DotOp dot : dots) {
      tokens.push_back(copyOperand(start, body, dot, dots.front()));
      if (dot == dots.front())
        waitFor(start, tokens.front());
    }
    for (auto [dot, token] : llvm::zip(dots, tokens)) {
      tile::DotOp op = dot;
      if (!op.getTransposeB() && mayRound(op))
        roundWeights(op, op.getRhs().getType().getElementType());
      OpBuilder b(op);
      if (op != dots.front())
        waitFor(b, token);
    }
    OpBuilder end(body->getTerminator());
    if (dots.size() == 1)
      synchronise(end); // before the next tile overwrites this one
  }

  Value copyOperand(OpBuilder& b, Block* body, tile::DotOp dot, tile::DotOp first) {
    BufferType source = dot.getRhs().getType();
    Operation* slice = dot.getRhs().getDefiningOp();
    if (slice->getBlock() == body && !slice->isBeforeInBlock(first))
      slice->moveBefore(first);
    int64_t keys = kernel.getScheduleAttr().getKeys();
    Value staged = allocateAtTop(shared(source, {keys, source.getShape()[1]}), dot.getLoc());
    auto copy = tile::CopyAsyncOp::create(b, dot.getLoc(), tile::TokenType::get(b.getContext()), staged,
                                          dot.getRhs(), Value(), Value());
    dot.getRhsMutable().assign(staged);
    return copy.getToken();
  }

  void waitFor(OpBuilder& b, Value token) {
    tile::WaitOp::create(b, kernel.getLoc(), token, ValueRange(), ValueRange());
    synchronise(b);
  }

  void synchronise(OpBuilder& b) {
    tile::SyncOp::create(b, kernel.getLoc(), tile::Scope::Block, IntegerAttr(), Value(), IntegerAttr(),
                         false);
  }

  /// Weights that no running maximum scales need not fit into f16: they meet their values in f32.
  static bool mayRound(tile::DotOp dot) {
    Type element = dot.getRhs().getType().getElementType();
    return element.isBF16() || (element.isF16() && dot.getRescale());
  }

  void roundWeights(tile::DotOp dot, Type element) {
    OpBuilder b(dot);
    Value exact = dot.getLhs();
    BufferType type = registers(cast<BufferType>(exact.getType()).getShape(), element);
    Value rounded = allocateAtTop(type, dot.getLoc());
    tile::CopyOp::create(b, dot.getLoc(), rounded, exact);
    dot.getLhsMutable().assign(rounded);
    addResidual(dot, exact);
  }

  /// Rounding weights to 16 bits costs about as much accuracy as rounding the result, but only on average
  /// over many weights. Where there may be few, what the rounding left is multiplied too. It is taken before
  /// the first product, which then need not keep the exact weights.
  void addResidual(tile::DotOp dot, Value exact) {
    Location loc = dot.getLoc();
    Value residual = allocateAtTop(dot.getLhs().getType(), loc), few;
    if (auto visit = dot->getParentOfType<tile::VisitOp>())
      few = hasFewKeys(visit);
    auto ifFew = [&](OpBuilder& b) {
      if (few)
        b.setInsertionPointToStart(scf::IfOp::create(b, loc, few, /*withElseRegion=*/false).thenBlock());
    };
    OpBuilder before(dot);
    ifFew(before);
    tile::ResidualOp::create(before, loc, residual, exact);
    OpBuilder b(dot->getContext());
    b.setInsertionPointAfter(dot);
    ifFew(b);
    auto again = cast<tile::DotOp>(b.clone(*dot));
    again.getLhsMutable().assign(residual);
    again.getRescaleMutable().clear();
    again.setAccumulate(true);
  }

  /// Which rows there are is made again where results are stored: registers that hold it meanwhile are worth
  /// more.
  void remakeRows(tile::ScatterOp scatter) {
    for (Operation* user : scatter.getRowQ().getUsers()) {
      auto generic = dyn_cast<tile::GenericOp>(user);
      if (!generic || !llvm::is_contained(generic.getOutputs(), scatter.getRowQ()) ||
          !llvm::is_contained(generic.getOutputs(), scatter.getRowH()))
        continue;
      OpBuilder b(scatter);
      IRMapping map;
      for (Value output : generic.getOutputs())
        map.map(output, allocateAtTop(cast<BufferType>(output.getType()), scatter.getLoc()));
      b.clone(*generic, map);
      scatter.getRowHMutable().assign(map.lookup(scatter.getRowH()));
      scatter.getRowQMutable().assign(map.lookup(scatter.getRowQ()));
      return;
    }
  }

  void dropUnreadRows() {
    SmallVector<tile::GenericOp> unread;
    kernel.walk([&](tile::GenericOp generic) {
      if (generic.getReduces().empty() && llvm::all_of(generic.getOutputs(), [](Value buffer) {
            return buffer.getDefiningOp<tile::AllocOp>() && buffer.hasOneUse();
          }))
        unread.push_back(generic);
    });
    for (tile::GenericOp generic : unread) {
      SmallVector<Value> buffers(generic.getOutputs());
      generic.erase();
      for (Value buffer : buffers)
        buffer.getDefiningOp()->erase();
    }
  }

  /// Whether a row meets few keys: those of the visit's range; of a block table a tile for each entry, a
  /// quarter of which are taken not to be empty.
  Value hasFewKeys(tile::VisitOp visit) {
    Location loc = visit.getLoc();
    auto entries = visit->getParentOfType<scf::ForOp>();
    OpBuilder b(entries ? entries.getOperation() : visit.getOperation());
    Value keys = entries ? arith::SubIOp::create(b, loc, entries.getUpperBound(), entries.getLowerBound())
                         : arith::SubIOp::create(b, loc, visit.getHi(), visit.getLo());
    int64_t most = rows() <= kFewRows ? kFewKeysOfFewRows : kFewKeys;
    if (entries)
      most = std::max<int64_t>(4 * most / static_cast<int64_t>(visit.getTile()), 1);
    Value limit = arith::ConstantIntOp::create(b, loc, most, 64);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, keys, limit);
  }

  // ---- partial results ---------------------------------------------------------------------------------

  /// States in scratch memory are loaded before a generic reads them.
  void loadInputs(tile::GenericOp generic) {
    for (OpOperand& input : generic.getInputsMutable()) {
      auto type = cast<BufferType>(input.get().getType());
      if (type.getSpace() != Space::Global)
        continue;
      Value loaded = allocateAtTop(registers(type.getShape(), type.getElementType()), generic.getLoc());
      OpBuilder b(generic);
      tile::CopyOp::create(b, generic.getLoc(), loaded, input.get());
      input.set(loaded);
    }
  }
};

struct GpuLayoutsPass : PassWrapper<GpuLayoutsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(GpuLayoutsPass)
  StringRef getArgument() const override { return "assign-gpu-layouts"; }
  StringRef getDescription() const override { return "buffers where a GPU block wants them"; }
  void runOnOperation() override { assignGpuLayouts(getOperation()); }
};

} // namespace

void assignGpuLayouts(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (kernel.getScheduleAttr())
      BlockLayouts{kernel}.run();
}

void registerGpuLayoutsPass() { PassRegistration<GpuLayoutsPass>(); }

} // namespace attile
