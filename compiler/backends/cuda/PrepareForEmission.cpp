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
    countArrivals();
    kernel->setAttr(kThreads, b.getI64IntegerAttr(threads()));
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

  /// What takes part in roles has a form in the patterns that SpecialiseWarps writes.
  bool isPrintedSo(Operation* op) {
    auto role = op->getParentOfType<tile::RolesOp>();
    if (auto roles = dyn_cast<tile::RolesOp>(op))
      return usesWarpgroups(kernel) && !role &&
             llvm::all_of(roles.getRoles().getAsRange<tile::RoleAttr>(),
                          [](tile::RoleAttr each) { return each.getScope() == tile::Scope::Warpgroup; });
    if (auto sync = dyn_cast<tile::SyncOp>(op))
      return sync.getScope() == (role ? tile::Scope::Role : tile::Scope::Block) && (role || !sync.getId());
    if (isa<tile::BarrierAllocOp, tile::BarrierArriveOp, tile::BarrierWaitOp, tile::DotAsyncOp>(op) &&
        !usesWarpgroups(kernel))
      return false;
    if (auto dot = dyn_cast<tile::DotAsyncOp>(op))
      return !dot.getToken() && dot.getTransposeB() != dot.getAccumulate();
    if (auto wait = dyn_cast<tile::WaitOp>(op))
      return wait.getOf().empty() == !usesWarpgroups(kernel);
    if (auto arrive = dyn_cast<tile::BarrierArriveOp>(op); arrive && arrive.getExpect()) {
      auto copy = dyn_cast_or_null<tile::CopyAsyncOp>(op->getNextNode()); // that announces its bytes
      return copy && copy.getBarrier() == arrive.getBarrier() && copy.getStage() == arrive.getStage();
    }
    if (auto copy = dyn_cast<tile::CopyAsyncOp>(op); copy && copy.getBarrier()) {
      auto slice = copy.getSource().getDefiningOp<tile::SliceOp>();
      return isa_and_nonnull<tile::BarrierArriveOp>(op->getPrevNode()) && slice &&
             slice.getSource().getType().getRank() == 4 && slice.getSizes().size() == 1;
    }
    return true;
  }

  LogicalResult checkOperations() {
    WalkResult walked = kernel.walk([&](Operation* op) {
      bool structured = isa<scf::ForOp, scf::IfOp, scf::YieldOp>(op);
      bool scalar = isa<arith::ConstantOp>(op) ||
                    (isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) && hasText(*op));
      bool known =
          isa<tile::KernelOp, tile::ReturnOp, tile::YieldOp, tile::SizeOp, tile::BlockIndexOp, tile::AllocOp,
              tile::SliceOp, tile::LookupOp, tile::FillOp, tile::CopyOp, tile::CopyAsyncOp, tile::WaitOp,
              tile::SyncOp, tile::ResidualOp, tile::GatherOp, tile::ScatterOp, tile::DotOp, tile::DotAsyncOp,
              tile::GenericOp, tile::IndexOp, tile::SummarizeOp, tile::RangeOfOp, tile::RolesOp,
              tile::RoleIndexOp, tile::BarrierAllocOp, tile::BarrierArriveOp, tile::BarrierWaitOp>(op);
      if (structured || scalar || (known && isPrintedSo(op)))
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
    llvm::SetVector<Attribute> maps;
    kernel.walk([&](tile::CopyAsyncOp copy) {
      if (copy.getBarrier())
        maps.insert(b.getStringAttr(mapSlot(copy)));
    });
    llvm::append_range(slots, maps);
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
    SmallVector<OpOperand*> uses;
    for (OpOperand& use : alloc.getResult().getUses())
      if (auto slice = dyn_cast<tile::SliceOp>(use.getOwner())) // a stage of it
        llvm::append_range(uses, llvm::make_pointer_range(slice->getUses()));
      else
        uses.push_back(&use);
    for (OpOperand* each : uses) {
      OpOperand& use = *each;
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
      if (isa<tile::DotOp, tile::DotAsyncOp>(user)) { // operands: acc, lhs, rhs, perhaps rescale
        bool ofKeys = user->hasAttr("transpose_b");
        switch (use.getOperandNumber()) {
        case 0:
          return ofKeys ? "scores" : "out";
        case 2:
          return ofKeys ? "k_tile" : "v_tile";
        default:
          found = use.getOperandNumber() == 1 ? "weights" : "factor";
        }
      }
    }
    if (!found.empty())
      return found;
    return type.getElementType().isInteger(1) ? "visible" : type.getRank() == 2 ? "tile" : "row";
  }

  void nameBuffers() {
    llvm::StringMap<int> taken;
    auto give = [&](Operation* op, const std::string& name) {
      int count = taken[name]++;
      op->setAttr(kId, b.getStringAttr(count ? name + "_" + std::to_string(count + 1) : name));
    };
    kernel.walk([&](tile::AllocOp alloc) { give(alloc, purpose(alloc)); });
    kernel.walk([&](tile::BarrierAllocOp barrier) { // after the stages that it is for
      bool filled = llvm::any_of(barrier->getUsers(), llvm::IsaPred<tile::CopyAsyncOp>);
      Operation* stages = barrier->getPrevNode();
      while (stages && !isa<tile::AllocOp>(stages))
        stages = stages->getPrevNode();
      StringRef tile = stages ? stages->getAttrOfType<StringAttr>(kId).getValue() : "tile";
      give(barrier, (tile + (filled ? "_full" : "_empty")).str());
    });
  }

  // ---- roles -----------------------------------------------------------------------------------------

  int64_t threads() {
    int64_t ofRoles = 0;
    kernel.walk([&](tile::RolesOp roles) {
      for (auto role : roles.getRoles().getAsRange<tile::RoleAttr>())
        ofRoles += threadsOf(role);
    });
    tile::ScheduleAttr tile = kernel.getScheduleAttr();
    if (ofRoles > 0)
      return ofRoles;
    return tile ? schedule::threads_of(tile.getRows(), tile.getDotRows()) : schedule::threads_of(0, 0);
  }

  /// A group arrives warp by warp, but where a copy arrives for it.
  void countArrivals() {
    kernel.walk([&](tile::BarrierAllocOp barrier) {
      bool byWarps = llvm::any_of(barrier->getUsers(), [](Operation* user) {
        auto arrive = dyn_cast<tile::BarrierArriveOp>(user);
        return arrive && !arrive.getExpect();
      });
      barrier->setAttr(kCount, b.getI64IntegerAttr(barrier.getArrivals() * (byWarps ? 4 : 1)));
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
      if (type.getSpace() != Space::Shared)
        return;
      ArrayRef<int64_t> tile = type.getShape().take_back(2);
      int64_t stages = type.getRank() == 3 ? type.getShape()[0] : 1;
      place(alloc, usesWarpgroups(kernel)
                       ? stages * schedule::panel_tile_bytes(tile[0], tile[1])
                       : schedule::shared_tile_bytes(tile[0], tile[1],
                                                     type.getElementType().getIntOrFloatBitWidth() / 8));
    });
    kernel.walk([&](tile::GatherOp gather) {
      place(gather, schedule::row_offset_bytes(gather.getDest().getType().getShape()[0]));
    });
    kernel.walk(
        [&](tile::BarrierAllocOp barrier) { place(barrier, 8 * barrier.getResult().getType().getStages()); });
    kernel->setAttr(kSharedBytes, b.getI64IntegerAttr(offset));
  }

  // ---- waits -----------------------------------------------------------------------------------------

  /// Copies complete in the order in which they started. Those that were started later in the same block may
  /// go on, unless the wait is for all.
  void countPending() {
    kernel.walk([&](tile::WaitOp wait) {
      int64_t pending = wait.getOf().empty() ? 0 : laterDots(wait);
      for (Operation* op = wait->getPrevNode(); op && !wait.getTokens().empty(); op = op->getPrevNode()) {
        auto copy = dyn_cast<tile::CopyAsyncOp>(op);
        if (copy && llvm::is_contained(wait.getTokens(), copy.getToken()))
          break;
        pending += copy != nullptr;
      }
      wait->setAttr(kPending, b.getI64IntegerAttr(pending));
    });
  }

  /// Dots that have started after those that are waited for, whatever path has led here.
  static int64_t laterDots(tile::WaitOp wait) {
    auto isMeant = [&](Operation* op) {
      auto dot = dyn_cast<tile::DotAsyncOp>(op);
      return dot && llvm::is_contained(wait.getOf(), dot.getAcc());
    };
    int64_t later = 0;
    for (Operation* at = wait;;) {
      Operation* op = at->getPrevNode();
      at = op ? op : at->getParentOp();
      if (!op && !isa<scf::IfOp>(at))
        return 0;
      if (!op)
        continue;
      if (isMeant(op))
        return later;
      WalkResult inside = op->walk(
          [&](Operation* each) { return isMeant(each) ? WalkResult::interrupt() : WalkResult::advance(); });
      if (inside.wasInterrupted()) // on some paths
        return 0;
      later += isa<tile::DotAsyncOp>(op);
    }
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

bool usesWarpgroups(tile::KernelOp kernel) {
  tile::ScheduleAttr tile = kernel.getScheduleAttr();
  return tile && tile.getDotRows() == schedule::warpgroup_rows;
}

int64_t threadsOf(tile::RoleAttr role) { return schedule::warpgroup_threads * role.getCount(); }

std::string mapSlot(tile::CopyAsyncOp copy) {
  auto argument = cast<BlockArgument>(copy.getSource().getDefiningOp<tile::SliceOp>().getSource());
  auto kernel = cast<tile::KernelOp>(argument.getOwner()->getParentOp());
  return ("map:" + Twine(copy.getDest().getType().getShape()[0]) + ":" +
          kernel.argumentName(argument.getArgNumber()))
      .str();
}

LogicalResult prepareForEmission(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (failed(Preparation(kernel).run()))
      return failure();
  return success();
}

void registerPrepareForEmissionPass() { PassRegistration<PrepareForEmissionPass>(); }

} // namespace attile::cuda
