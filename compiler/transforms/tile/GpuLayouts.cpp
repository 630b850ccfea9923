//===- GpuLayouts.cpp - buffers where a GPU block wants them --------------------===//
#include "compiler/transforms/tile/GpuLayouts.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace attile {
namespace {

using tile::BufferType;
using tile::LayoutKind;
using tile::Space;

/// Keys up to which the residual of rounded weights is multiplied too: rounding averages out over many only.
/// More where there are few rows to average over.
constexpr int64_t kFewKeys = 512, kFewKeysOfFewRows = 4096, kFewRows = 16;

struct BlockLayouts {
  tile::KernelOp kernel;

  LogicalResult run() {
    decideTiles();
    kernel.walk([&](tile::AllocOp alloc) { place(alloc); });
    llvm::MapVector<Block*, SmallVector<tile::DotOp>> dots;
    WalkResult walked = kernel.walk([&](tile::DotOp dot) {
      if (!dot.getWithin().empty()) {
        dot.emitOpError("leaves out keys by row, which the warps of a GPU do not");
        return WalkResult::interrupt();
      }
      bool weighted = !dot.getTransposeB() && dot.getRhs().getType().getElementType().isF16();
      if (weighted && !dot.getRescale()) {
        dot.emitOpError("multiplies weights that no running maximum scales, which need not fit into f16; use "
                        "bf16 or f32");
        return WalkResult::interrupt();
      }
      dots[dot->getBlock()].push_back(dot);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
    for (auto& [body, ofTile] : dots)
      stage(body, ofTile);
    kernel.walk([&](tile::GenericOp generic) { loadInputs(generic); });
    return success();
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
    alloc.getResult().setType(gathered ? shared(type, type.getShape())
                                       : registers(type.getShape(), type.getElementType()));
  }

  Value allocateAtTop(BufferType type, Location loc) {
    OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
    return tile::AllocOp::create(b, loc, type);
  }

  // ---- dots ------------------------------------------------------------------------------------------

  /// Keys and values come into shared memory: all copies of a tile start before its first dot, and each dot
  /// waits for its own. 16-bit weights are rounded in registers.
  void stage(Block* body, ArrayRef<tile::DotOp> dots) {
    OpBuilder start(dots.front());
    SmallVector<Value> tokens;
    int64_t keys = kernel.getScheduleAttr().getKeys();
    for (tile::DotOp dot : dots) {
      BufferType source = dot.getRhs().getType();
      Operation* slice = dot.getRhs().getDefiningOp();
      if (slice->getBlock() == body && !slice->isBeforeInBlock(dots.front()))
        slice->moveBefore(dots.front());
      Value staged = allocateAtTop(shared(source, {keys, source.getShape()[1]}), dot.getLoc());
      auto copy = tile::CopyAsyncOp::create(start, dot.getLoc(), tile::TokenType::get(start.getContext()),
                                            staged, dot.getRhs(), Value(), Value());
      tokens.push_back(copy.getToken());
      dot.getRhsMutable().assign(staged);
    }
    for (auto [dot, token] : llvm::zip(dots, tokens)) {
      tile::DotOp op = dot;
      OpBuilder b(op);
      Type element = op.getRhs().getType().getElementType();
      if (!op.getTransposeB() && !element.isF32())
        roundWeights(op, element);
      tile::WaitOp::create(b, op.getLoc(), token);
      synchronise(b);
    }
    OpBuilder end(body->getTerminator());
    synchronise(end); // before the next tile overwrites this one
  }

  void synchronise(OpBuilder& b) {
    tile::SyncOp::create(b, kernel.getLoc(), tile::Scope::Block, IntegerAttr(), false);
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
  /// over many weights. Where there may be few, what the rounding left is multiplied too.
  void addResidual(tile::DotOp dot, Value exact) {
    Location loc = dot.getLoc();
    OpBuilder b(dot->getContext());
    b.setInsertionPointAfter(dot);
    if (auto visit = dot->getParentOfType<tile::VisitOp>()) {
      OpBuilder outside(visit);
      Value keys = arith::SubIOp::create(outside, loc, visit.getHi(), visit.getLo());
      Value limit =
          arith::ConstantIntOp::create(outside, loc, rows() <= kFewRows ? kFewKeysOfFewRows : kFewKeys, 64);
      Value few = arith::CmpIOp::create(outside, loc, arith::CmpIPredicate::sle, keys, limit);
      auto branch = scf::IfOp::create(b, loc, few, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    Value residual = allocateAtTop(dot.getLhs().getType(), loc);
    tile::ResidualOp::create(b, loc, residual, exact);
    auto again = cast<tile::DotOp>(b.clone(*dot));
    again.getLhsMutable().assign(residual);
    again.getRescaleMutable().clear();
    again.setAccumulate(true);
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
  void runOnOperation() override {
    if (failed(assignGpuLayouts(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult assignGpuLayouts(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (kernel.getScheduleAttr() && failed(BlockLayouts{kernel}.run()))
      return failure();
  return success();
}

void registerGpuLayoutsPass() { PassRegistration<GpuLayoutsPass>(); }

} // namespace attile
