//===- CpuLayouts.cpp - buffers as vector code for a CPU wants them --------------===//
#include "compiler/transforms/tile/CpuLayouts.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

using tile::BufferType;
using tile::LayoutKind;
using tile::Space;

/// Keys up to which the residual of rounded weights is multiplied too; more where there are few rows to
/// average over.
constexpr int64_t kFewKeys = 256, kFewKeysOfFewRows = 4096;

struct KernelLayouts {
  tile::KernelOp kernel;
  int64_t lanes;
  bool dotBf16, tilesBf16;

  void run() {
    placeRowsAcrossLanes();
    SmallVector<tile::DotOp> dots;
    kernel.walk([&](tile::DotOp dot) { dots.push_back(dot); });
    for (tile::DotOp dot : dots)
      stage(dot);
  }

  int64_t rows() { return kernel.getScheduleAttr().getRows(); }
  bool hasFewRows() { return rows() < lanes; }

  /// Gives `value` the type and so the windows into it.
  void retype(Value value, BufferType type) {
    value.setType(type);
    for (Operation* user : value.getUsers())
      if (auto slice = dyn_cast<tile::SliceOp>(user)) {
        BufferType old = slice.getType();
        if (old.getRank() == 2)
          retype(slice.getResult(), BufferType::get(slice.getContext(), old.getShape(), type.getElementType(),
                                                    old.getSpace(), type.getLayout()));
      }
  }

  /// Every tile with the block's rows as its first dimension; scratch keeps tiles in the same order.
  void placeRowsAcrossLanes() {
    auto isRowTile = [&](BufferType type, int64_t rank) {
      return type.getRank() == rank && type.getShape()[rank - 2] == rows() &&
             type.getLayout() == LayoutKind::RowMajor;
    };
    auto across = [&](BufferType type) {
      return BufferType::get(kernel.getContext(), type.getShape(), type.getElementType(), type.getSpace(),
                             LayoutKind::ColMajor);
    };
    kernel.walk([&](tile::AllocOp alloc) {
      if (isRowTile(alloc.getType(), 2))
        retype(alloc.getResult(), across(alloc.getType()));
    });
    SmallVector<Type> inputs;
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      if (auto type = dyn_cast<BufferType>(argument.getType()); type && isRowTile(type, 3))
        retype(argument, across(type));
      inputs.push_back(argument.getType());
    }
    kernel.setFunctionType(FunctionType::get(kernel.getContext(), inputs, {}));
  }

  /// Operand formats of a dot: f32, or pairs of bf16 where the operands are bf16 and the CPU multiplies
  /// those.
  void stage(tile::DotOp dot) {
    auto global = dot.getRhs().getDefiningOp<tile::SliceOp>();
    BufferType rhs = dot.getRhs().getType();
    bool scores = dot.getTransposeB();
    bool bf16 = rhs.getElementType().isBF16(), even = rhs.getShape()[1] % 2 == 0;
    bool pairs = dotBf16 && bf16 && (!scores || hasFewRows() || even);
    if (!global || rhs.getSpace() != Space::Global)
      return;
    if (tilesBf16 && bf16 && even && scores && hasFewRows()) {
      BufferType queries = dot.getLhs().getType();
      return retype(dot.getLhs(), BufferType::get(dot.getContext(), queries.getShape(), rhs.getElementType(),
                                                  Space::Local, LayoutKind::ColPairs));
    }
    stageLhs(dot, pairs);
    if (hasFewRows()) { // keys and values are read once, where they lie
      if (!scores)
        placeColumnsAcrossLanes(dot);
      if (pairs && !scores)
        addResidual(dot);
      return;
    }
    if (rhs.getElementType().isF32())
      return; // read where they lie
    OpBuilder b(dot);
    Type element = pairs ? Type(b.getBF16Type()) : Type(b.getF32Type());
    LayoutKind layout = pairs && !scores ? LayoutKind::RowPairs : LayoutKind::RowMajor;
    int64_t keys = kernel.getScheduleAttr().getKeys();
    auto type = BufferType::get(b.getContext(), {keys, rhs.getShape()[1]}, element, Space::Local, layout);
    Value staged = allocateAtTop(type, dot.getLoc());
    tile::CopyOp::create(b, dot.getLoc(), staged, dot.getRhs());
    auto window = BufferType::get(b.getContext(), rhs.getShape(), element, Space::Local, layout);
    Value zero = arith::ConstantIntOp::create(b, dot.getLoc(), 0, 64);
    dot.getRhsMutable().assign(
        tile::SliceOp::create(b, dot.getLoc(), window, staged, ValueRange{zero, zero}, global.getSizes()));
    if (pairs && !scores)
      addResidual(dot);
  }

  /// Rounding weights to 16 bits costs about as much accuracy as rounding the result, but only on average
  /// over many weights. Where there may be few, what the rounding left is multiplied too.
  void addResidual(tile::DotOp dot) {
    OpBuilder b(dot->getContext());
    b.setInsertionPointAfter(dot);
    Location loc = dot.getLoc();
    auto visit = dot->getParentOfType<tile::VisitOp>();
    if (visit) {
      OpBuilder outside(visit);
      Value keys = arith::SubIOp::create(outside, loc, visit.getHi(), visit.getLo());
      Value limit =
          arith::ConstantIntOp::create(outside, loc, hasFewRows() ? kFewKeysOfFewRows : kFewKeys, 64);
      Value few = arith::CmpIOp::create(outside, loc, arith::CmpIPredicate::sle, keys, limit);
      auto branch = scf::IfOp::create(b, loc, few, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    Value rounded = dot.getLhs();
    auto copy = cast<tile::CopyOp>(
        *llvm::find_if(rounded.getUsers(), [](Operation* user) { return isa<tile::CopyOp>(user); }));
    Value residual = allocateAtTop(cast<BufferType>(rounded.getType()), loc);
    tile::ResidualOp::create(b, loc, residual, copy.getSource());
    auto again = cast<tile::DotOp>(b.clone(*dot));
    again.getLhsMutable().assign(residual);
    again.getRescaleMutable().clear();
    again.setAccumulate(true);
  }

  void stageLhs(tile::DotOp dot, bool pairs) {
    Value lhs = dot.getLhs();
    BufferType type = cast<BufferType>(lhs.getType());
    auto b = OpBuilder(dot);
    auto format = [&](LayoutKind layout, Type element) {
      return BufferType::get(b.getContext(), type.getShape(), element, Space::Local, layout);
    };
    if (dot.getTransposeB()) { // queries: gathered once, in the format of the dot
      Type element = pairs ? Type(b.getBF16Type()) : Type(b.getF32Type());
      retype(lhs, format(hasFewRows() ? LayoutKind::ColWords
                         : pairs      ? LayoutKind::ColPairs
                                      : LayoutKind::ColMajor,
                         element));
      return;
    }
    if (!pairs)
      return;
    // Weights are computed in f32 and rounded for the dot.
    Value narrow = allocateAtTop(format(LayoutKind::ColPairs, b.getBF16Type()), dot.getLoc());
    Value zero = arith::ConstantIntOp::create(b, dot.getLoc(), 0, 64);
    auto window = BufferType::get(b.getContext(), {type.getShape()[0], ShapedType::kDynamic},
                                  type.getElementType(), Space::Local, type.getLayout());
    auto keys = dot.getRhs().getDefiningOp<tile::SliceOp>().getSizes();
    Value used = tile::SliceOp::create(b, dot.getLoc(), window, lhs, ValueRange{zero, zero}, keys);
    tile::CopyOp::create(b, dot.getLoc(), narrow, used);
    dot.getLhsMutable().assign(narrow);
  }

  /// A dot of few rows has its output's columns across lanes, everything else has rows there: the output
  /// changes its layout before and after the tiles of keys, or the dot, if others want to see it in between.
  void placeColumnsAcrossLanes(tile::DotOp dot) {
    Value acc = dot.getAcc();
    BufferType type = cast<BufferType>(acc.getType());
    if (type.getLayout() == LayoutKind::RowMajor)
      return; // along with an earlier dot
    Operation* around = dot;
    SmallVector<tile::DotOp> dots{dot};
    if (auto visit = dot->getParentOfType<tile::VisitOp>()) {
      auto inside = llvm::make_filter_range(acc.getUsers(),
                                            [&](Operation* user) { return visit->isProperAncestor(user); });
      if (llvm::all_of(inside, llvm::IsaPred<tile::DotOp>)) {
        around = visit;
        dots = llvm::map_to_vector(inside, llvm::CastTo<tile::DotOp>);
      }
    }
    Value across = allocateAtTop(BufferType::get(type.getContext(), type.getShape(), type.getElementType(),
                                                 type.getSpace(), LayoutKind::RowMajor),
                                 dot.getLoc());
    OpBuilder b(around);
    if (auto fill = dyn_cast_or_null<tile::FillOp>(lastUserBefore(around, acc)))
      tile::FillOp::create(b, fill.getLoc(), across, fill.getValue());
    else
      tile::CopyOp::create(b, dot.getLoc(), across, acc);
    b.setInsertionPointAfter(around);
    tile::CopyOp::create(b, dot.getLoc(), acc, across);
    for (tile::DotOp each : dots)
      each.getAccMutable().assign(across);
  }

  /// The last operation before `op` in its block that touches the buffer; null if it is not told.
  static Operation* lastUserBefore(Operation* op, Value buffer) {
    for (Operation* before = op->getPrevNode(); before; before = before->getPrevNode()) {
      if (before->getNumRegions())
        return nullptr;
      if (llvm::is_contained(before->getOperands(), buffer))
        return before;
    }
    return nullptr;
  }

  Value allocateAtTop(BufferType type, Location loc) {
    OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
    return tile::AllocOp::create(b, loc, type);
  }
};

struct CpuLayoutsPass : PassWrapper<CpuLayoutsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CpuLayoutsPass)
  CpuLayoutsPass() = default;
  CpuLayoutsPass(const CpuLayoutsPass& other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "assign-cpu-layouts"; }
  StringRef getDescription() const override { return "buffers as vector code for a CPU wants them"; }
  void runOnOperation() override {
    if (failed(assignCpuLayouts(getOperation(), lanes, dotBf16, tilesBf16)))
      signalPassFailure();
  }
  Option<int64_t> lanes{*this, "lanes", llvm::cl::desc("f32 lanes of a vector register"), llvm::cl::init(16)};
  Option<bool> dotBf16{*this, "dot-bf16", llvm::cl::desc("the CPU has vdpbf16ps"), llvm::cl::init(false)};
  Option<bool> tilesBf16{*this, "tiles-bf16", llvm::cl::desc("the CPU has AMX"), llvm::cl::init(false)};
};

} // namespace

LogicalResult assignCpuLayouts(ModuleOp module, int64_t lanes, bool dotBf16, bool tilesBf16) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (kernel.getScheduleAttr())
      KernelLayouts{kernel, lanes, dotBf16, tilesBf16}.run();
  return success();
}

void registerCpuLayoutsPass() { PassRegistration<CpuLayoutsPass>(); }

} // namespace attile
