//===- PrepareForEmission.cpp - parameters, shared memory, names, waits --------------===//
#include "compiler/backends/cuda/PrepareForEmission.h"

#include "compiler/backends/cuda/EmitScalar.h"
#include "compiler/schedule/gpu.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace attile::cuda {
namespace {

using tile::BufferType;
using tile::Space;

class Preparation {
public:
  explicit Preparation(tile::KernelOp kernel) : kernel(kernel), b(kernel.getContext()) {}

  LogicalResult run() {
    if (failed(checkOperations()))
      return failure();
    collectSlots();
    nameBuffers();
    placeSharedMemory();
    countPending();
    tile::ScheduleAttr tile = kernel.getScheduleAttr();
    int64_t threads =
        tile ? schedule::threads_of(tile.getRows(), tile.getDotRows()) : schedule::threads_of(0, 0);
    kernel->setAttr(kThreads, b.getI64IntegerAttr(threads));
    return success();
  }

private:
  // ---- what can be printed -----------------------------------------------------------------------------

  /// C++ reads an i1 as 0 or 1, and an i64 as signed.
  static bool hasText(Operation& op) {
    bool fromFlag = op.getOperand(0).getType().isInteger(1);
    if (isa<arith::ExtSIOp, arith::SIToFPOp>(op) && fromFlag)
      return false;
    if (isa<arith::ExtUIOp, arith::UIToFPOp>(op) && !fromFlag)
      return false;
    if (isa<arith::TruncIOp>(op) && !op.getResult(0).getType().isInteger(32))
      return false;
    return !ScalarText().expression(op).empty();
  }

  LogicalResult checkOperations() {
    WalkResult walked = kernel.walk([&](Operation* op) {
      bool structured = isa<scf::ForOp, scf::IfOp, scf::YieldOp>(op);
      bool scalar = isa<arith::ConstantOp>(op) ||
                    (isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) && hasText(*op));
      bool known =
          isa<tile::KernelOp, tile::ReturnOp, tile::YieldOp, tile::SizeOp, tile::BlockIndexOp, tile::AllocOp,
              tile::SliceOp, tile::LookupOp, tile::FillOp, tile::CopyOp, tile::CopyAsyncOp, tile::WaitOp,
              tile::SyncOp, tile::ResidualOp, tile::GatherOp, tile::ScatterOp, tile::DotOp, tile::GenericOp,
              tile::IndexOp, tile::SummarizeOp, tile::RangeOfOp>(op);
      if (structured || scalar || known)
        return WalkResult::advance();
      op->emitOpError("has no CUDA form");
      return WalkResult::interrupt();
    });
    return failure(walked.wasInterrupted());
  }

  // ---- parameters ------------------------------------------------------------------------------------

  void collectSlots() {
    llvm::StringSet<> scratch;
    for (auto plan : kernel->getParentOfType<ModuleOp>().getOps<tile::PlanOp>())
      for (auto buffer : plan.getBody().getOps<tile::ScratchOp>())
        scratch.insert(buffer.getName());
    llvm::SetVector<StringRef> values;
    for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments())) {
      StringRef name = kernel.argumentName(i);
      auto type = dyn_cast<BufferType>(argument.getType());
      if (!type) {
        StringRef param = name;
        param.consume_front("param.");
        slots.push_back(b.getStringAttr("param:" + param));
        continue;
      }
      bool isScratch = scratch.contains(name);
      slots.push_back(b.getStringAttr((isScratch ? "scratch:" : "pointer:") + name));
      bool wholly = llvm::any_of(argument.getUsers(),
                                 llvm::IsaPred<tile::LookupOp, tile::RangeOfOp, tile::SummarizeOp>);
      for (int64_t d = 0; d < type.getRank(); ++d) {
        if (wholly && type.isDynamicDim(d) && !(isScratch && d == 0))
          addSize(name + ".dim." + Twine(d));
        if (!isScratch && (wholly || type.getRank() < 4 || d != 3)) // rows of operands are dense
          addSize(name + ".stride." + Twine(d));
      }
    }
    kernel.walk([&](tile::SizeOp size) { addSize(size.getName()); });
    kernel->setAttr(tile::kSlotsAttr, b.getArrayAttr(slots));
  }

  void addSize(const Twine& name) {
    Attribute slot = b.getStringAttr("value:" + name);
    if (!llvm::is_contained(slots, slot))
      slots.push_back(slot);
  }

  // ---- names -----------------------------------------------------------------------------------------

  /// What a buffer is for, by its first telling use.
  std::string purpose(tile::AllocOp alloc) {
    BufferType type = alloc.getType();
    std::string found;
    for (OpOperand& use : alloc.getResult().getUses()) {
      Operation* user = use.getOwner();
      if (auto gather = dyn_cast<tile::GatherOp>(user); gather && gather.getDest() == alloc.getResult())
        return "q_tile";
      if (isa<tile::GatherOp, tile::ScatterOp>(user) && type.getElementType().isInteger(32)) {
        Value rowH = isa<tile::GatherOp>(user) ? cast<tile::GatherOp>(user).getRowH()
                                               : cast<tile::ScatterOp>(user).getRowH();
        return rowH == alloc.getResult() ? "row_h" : "row_q";
      }
      if (isa<tile::ResidualOp>(user) && use.getOperandNumber() == 0)
        return "weights_low";
      if (auto dot = dyn_cast<tile::DotOp>(user)) {
        if (dot.getAcc() == alloc.getResult())
          return dot.getTransposeB() ? "scores" : "out";
        if (dot.getRhs() == alloc.getResult())
          return dot.getTransposeB() ? "k_tile" : "v_tile";
        if (dot.getRescale() == alloc.getResult())
          found = "factor";
        else
          found = "weights";
      }
    }
    if (!found.empty())
      return found;
    return type.getElementType().isInteger(1) ? "visible" : type.getRank() == 2 ? "tile" : "row";
  }

  void nameBuffers() {
    llvm::StringMap<int> taken;
    kernel.walk([&](tile::AllocOp alloc) {
      std::string name = purpose(alloc);
      int count = taken[name]++;
      alloc->setAttr(kId, b.getStringAttr(count ? name + "_" + std::to_string(count + 1) : name));
    });
  }

  // ---- shared memory ---------------------------------------------------------------------------------

  void placeSharedMemory() {
    int64_t offset = 0;
    auto place = [&](Operation* op, int64_t bytes) {
      op->setAttr(kOffset, b.getI64IntegerAttr(offset));
      offset += bytes;
    };
    kernel.walk([&](tile::AllocOp alloc) {
      BufferType type = alloc.getType();
      if (type.getSpace() == Space::Shared)
        place(alloc, schedule::shared_tile_bytes(type.getShape()[0], type.getShape()[1],
                                                 type.getElementType().getIntOrFloatBitWidth() / 8));
    });
    kernel.walk([&](tile::GatherOp gather) {
      place(gather, schedule::row_offset_bytes(gather.getDest().getType().getShape()[0]));
    });
    kernel->setAttr(kSharedBytes, b.getI64IntegerAttr(offset));
  }

  // ---- waits -----------------------------------------------------------------------------------------

  /// Copies complete in the order in which they started. Those that were started later in the same block may
  /// go on, unless the wait is for all.
  void countPending() {
    kernel.walk([&](tile::WaitOp wait) {
      int64_t pending = 0;
      for (Operation* op = wait->getPrevNode(); op && !wait.getTokens().empty(); op = op->getPrevNode()) {
        auto copy = dyn_cast<tile::CopyAsyncOp>(op);
        if (copy && llvm::is_contained(wait.getTokens(), copy.getToken()))
          break;
        pending += copy != nullptr;
      }
      wait->setAttr(kPending, b.getI64IntegerAttr(pending));
    });
  }

  tile::KernelOp kernel;
  OpBuilder b;
  SmallVector<Attribute> slots;
};

struct PrepareForEmissionPass : PassWrapper<PrepareForEmissionPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrepareForEmissionPass)
  StringRef getArgument() const override { return "prepare-for-emission"; }
  StringRef getDescription() const override { return "the last rewriting before CUDA text is printed"; }
  void runOnOperation() override {
    if (failed(prepareForEmission(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult prepareForEmission(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (failed(Preparation(kernel).run()))
      return failure();
  return success();
}

void registerPrepareForEmissionPass() { PassRegistration<PrepareForEmissionPass>(); }

} // namespace attile::cuda
