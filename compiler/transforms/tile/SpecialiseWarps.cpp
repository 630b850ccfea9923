//===- SpecialiseWarps.cpp - one warpgroup brings keys and values, others multiply ----===//
#include "compiler/transforms/tile/SpecialiseWarps.h"

#include "compiler/schedule/gpu.h"
#include "compiler/transforms/tile/Stages.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace attile {
namespace {

using tile::BufferType;

// ---- how often the body has run ------------------------------------------------------------------------

/// Rebuilds loops and branches around a body so that they carry a count of its runs, in 32 bits.
class Counter {
public:
  /// `marker` is an operation of the body, `top` what stands around it outermost. The count is 0 before.
  Counter(Operation* top, Operation* marker) : marker(marker) {
    OpBuilder b(top);
    carry(top, wholeNumber(b, top->getLoc(), 0, 32));
  }
  /// How often the body had run when a run of it begins.
  Value before;

private:
  Value carry(Operation* op, Value count) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return carry(loop, count);
    return carry(cast<scf::IfOp>(op), count);
  }

  Value carry(scf::ForOp loop, Value count) {
    OpBuilder b(loop);
    SmallVector<Value> inits(loop.getInitArgs());
    inits.push_back(count);
    auto next = scf::ForOp::create(b, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(),
                                   loop.getStep(), inits);
    take(next.getBody(), loop.getBody());
    Value after = inside(next.getBody(), next.getBody()->getArguments().back());
    yield(next.getBody(), after);
    return replace(loop, next);
  }

  Value carry(scf::IfOp branch, Value count) {
    OpBuilder b(branch);
    SmallVector<Type> types(branch.getResultTypes());
    types.push_back(b.getI32Type());
    auto next = scf::IfOp::create(b, branch.getLoc(), types, branch.getCondition(), /*withElseRegion=*/true);
    for (auto [to, from] : llvm::zip(next->getRegions(), branch->getRegions())) {
      Block* block = &to.front();
      if (from.empty()) {
        b.setInsertionPointToEnd(block);
        scf::YieldOp::create(b, branch.getLoc());
      } else {
        take(block, &from.front());
      }
      yield(block, block->findAncestorOpInBlock(*marker) ? inside(block, count) : count);
    }
    return replace(branch, next);
  }

  /// The count after a block that the marker is in.
  Value inside(Block* block, Value count) {
    Operation* child = block->findAncestorOpInBlock(*marker);
    if (child != marker)
      return carry(child, count);
    before = count;
    OpBuilder b(block->getTerminator());
    return arith::AddIOp::create(b, child->getLoc(), count, wholeNumber(b, child->getLoc(), 1, 32));
  }

  static void take(Block* to, Block* from) {
    for (auto [old, argument] : llvm::zip(from->getArguments(), to->getArguments()))
      old.replaceAllUsesWith(argument);
    to->getOperations().splice(to->end(), from->getOperations());
  }
  static void yield(Block* block, Value count) {
    Operation* end = block->getTerminator();
    end->insertOperands(end->getNumOperands(), count);
  }
  static Value replace(Operation* old, Operation* next) {
    old->replaceAllUsesWith(next->getResults().drop_back());
    old->erase();
    return next->getResults().back();
  }

  Operation* marker;
};

// ---- the roles -------------------------------------------------------------------------------------------

/// What one staged operand passes through.
struct Stage {
  Value buffers;     ///< the tile, by stage
  Value full, empty; ///< barriers
};

class Specialisation {
public:
  /// Nothing if the kernel has no loop that this is for.
  static std::optional<Specialisation> match(tile::KernelOp kernel) {
    Specialisation found(kernel);
    if (!kernel.getScheduleAttr() || kernel.getScheduleAttr().getDotRows() != schedule::warpgroup_rows)
      return std::nullopt;
    found.copies = copiesOf(kernel);
    if (found.copies.empty() || !llvm::all_of(found.copies, [&](tile::CopyAsyncOp copy) {
          return copy.getToken() && copy->getBlock() == found.copies.front()->getBlock();
        }))
      return std::nullopt;
    found.nest = kernel.getBody().front().findAncestorOpInBlock(*found.copies.front());
    return found;
  }

  void run() {
    OpBuilder b(nest);
    allocate(b);
    tile::SyncOp::create(b, loc, tile::Scope::Block, IntegerAttr(), Value(), IntegerAttr(), false);
    auto roles = tile::RolesOp::create(b, loc, describeRoles(b), 2);
    Block* consumer = b.createBlock(&roles.getBodies()[0]);
    Block* producer = b.createBlock(&roles.getBodies()[1]);
    b.setInsertionPointToStart(producer);
    produce(b.clone(*nest));
    b.setInsertionPointToEnd(producer);
    tile::YieldOp::create(b, loc);
    fillConsumer(roles, consumer);
  }

private:
  explicit Specialisation(tile::KernelOp kernel) : kernel(kernel), loc(kernel.getLoc()) {}

  static SmallVector<tile::CopyAsyncOp> copiesOf(Operation* root) {
    SmallVector<tile::CopyAsyncOp> copies;
    root->walk([&](tile::CopyAsyncOp copy) { copies.push_back(copy); });
    return copies;
  }

  int64_t warpgroups() { return kernel.getScheduleAttr().getRows() / kernel.getScheduleAttr().getDotRows(); }

  void allocate(OpBuilder& b) {
    for (tile::CopyAsyncOp copy : copies) {
      BufferType type = copy.getDest().getType();
      SmallVector<int64_t> shape{schedule::pipeline_stages};
      llvm::append_range(shape, type.getShape());
      auto stages =
          BufferType::get(b.getContext(), shape, type.getElementType(), type.getSpace(), type.getLayout());
      auto barrier = tile::BarrierType::get(b.getContext(), schedule::pipeline_stages);
      stagesOf.push_back({tile::AllocOp::create(b, loc, stages),
                          tile::BarrierAllocOp::create(b, loc, barrier, 1),
                          tile::BarrierAllocOp::create(b, loc, barrier, warpgroups())});
    }
  }

  /// Scalars that the loops read from before: each role keeps them in registers.
  int64_t scalarsFromAbove() {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(nest->getRegions(), used);
    used.insert(nest->operand_begin(), nest->operand_end());
    return llvm::count_if(used, [](Value value) {
      Operation* op = value.getDefiningOp();
      return value.getType().isIntOrFloat() && op && !isa<tile::SizeOp>(op) &&
             !matchPattern(op, m_Constant());
    });
  }

  ArrayAttr describeRoles(OpBuilder& b) {
    auto [consumer, producer] = schedule::role_registers(warpgroups(), scalarsFromAbove());
    return b.getArrayAttr(
        {tile::RoleAttr::get(b.getContext(), "consumer", warpgroups(), tile::Scope::Warpgroup, consumer),
         tile::RoleAttr::get(b.getContext(), "producer", 1, tile::Scope::Warpgroup, producer)});
  }

  StageAt stageAt(OpBuilder& b, const Counter& counter) {
    return {b, loc, counter.before, schedule::pipeline_stages};
  }

  // ---- the producer: what copies, and what decides about it --------------------------------------------

  void produce(Operation* loops) {
    SmallVector<Operation*> rest;
    loops->walk([&](Operation* op) {
      if (op->getNumResults() == 0 && isa<tile::TileDialect>(op->getDialect()) && !isa<tile::YieldOp>(op))
        rest.push_back(op);
    });
    for (Operation* op : rest)
      op->erase();
    SmallVector<tile::CopyAsyncOp> mine = copiesOf(loops);
    Counter counter(loops, mine.front());
    OpBuilder b(mine.front());
    StageAt at = stageAt(b, counter);
    Value other = arith::SubIOp::create(b, loc, wholeNumber(b, loc, 1), at.parity);
    for (auto [copy, stage] : llvm::zip(mine, stagesOf)) {
      BufferType type = copy.getDest().getType();
      b.setInsertionPoint(copy);
      Value bytes = wholeNumber(b, loc, schedule::panel_tile_bytes(type.getShape()[0], type.getShape()[1]));
      Value to = tileOfStage(b, loc, stage.buffers, at.stage, type);
      tile::BarrierWaitOp::create(b, loc, stage.empty, at.stage, other);
      tile::BarrierArriveOp::create(b, loc, stage.full, at.stage, bytes);
      tile::CopyAsyncOp::create(b, copy.getLoc(), Type(), to, copy.getSource(), stage.full, at.stage);
      copy.erase();
    }
  }

  // ---- the consumers: everything else --------------------------------------------------------------------

  /// Work on buffers before the loops moves in with them and what follows them; scalars stay, for both roles.
  void fillConsumer(tile::RolesOp roles, Block* consumer) {
    OpBuilder b = OpBuilder::atBlockEnd(consumer);
    Operation* end = tile::YieldOp::create(b, loc);
    for (Operation& op : llvm::make_early_inc_range(*roles->getBlock())) {
      bool isBefore = op.isBeforeInBlock(roles);
      if (&op == roles || op.hasTrait<OpTrait::IsTerminator>() ||
          (isBefore && !isa<tile::GenericOp, tile::GatherOp, tile::FillOp, tile::CopyOp>(op)))
        continue;
      op.moveBefore(end);
      if (isa<tile::GatherOp>(op)) {
        b.setInsertionPoint(end);
        tile::SyncOp::create(b, loc, tile::Scope::Role, IntegerAttr(), Value(), IntegerAttr(), false);
      }
    }
    consume();
  }

  void consume() {
    Counter counter(nest, copies.front());
    Block* body = copies.front()->getBlock();
    OpBuilder b = OpBuilder::atBlockBegin(body);
    StageAt at = stageAt(b, counter);
    SmallVector<tile::SyncOp> syncs;
    body->walk([&](tile::SyncOp sync) { syncs.push_back(sync); });
    for (tile::SyncOp sync : syncs)
      sync.erase();
    for (auto [each, stage] : llvm::zip(copies, stagesOf)) {
      tile::CopyAsyncOp copy = each;
      Value staged = copy.getDest();
      Value now = tileOfStage(b, loc, stage.buffers, at.stage, staged.getType());
      staged.replaceUsesWithIf(now, [&](OpOperand& use) { return use.getOwner() != copy; });
      for (Operation* user : llvm::make_early_inc_range(copy.getToken().getUsers())) {
        OpBuilder here(user);
        tile::BarrierWaitOp::create(here, loc, stage.full, at.stage, at.parity);
        user->erase();
      }
      Operation* last = now.getDefiningOp();
      for (Operation* user : now.getUsers())
        if (Operation* in = body->findAncestorOpInBlock(*user); last->isBeforeInBlock(in))
          last = in;
      OpBuilder after(last->getContext());
      after.setInsertionPointAfter(last);
      tile::BarrierArriveOp::create(after, loc, stage.empty, at.stage, Value());
      copy.erase();
      staged.getDefiningOp()->erase();
    }
  }

  tile::KernelOp kernel;
  Location loc;
  SmallVector<tile::CopyAsyncOp> copies;
  Operation* nest = nullptr;   ///< the loops around the copies, outermost
  SmallVector<Stage> stagesOf; ///< by copy
};

struct SpecialiseWarpsPass : PassWrapper<SpecialiseWarpsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SpecialiseWarpsPass)
  StringRef getArgument() const override { return "specialise-warps"; }
  StringRef getDescription() const override {
    return "one warpgroup brings keys and values, others multiply";
  }
  void runOnOperation() override { specialiseWarps(getOperation()); }
};

} // namespace

void specialiseWarps(ModuleOp module) {
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (std::optional<Specialisation> found = Specialisation::match(kernel))
      found->run();
}

void registerSpecialiseWarpsPass() { PassRegistration<SpecialiseWarpsPass>(); }

} // namespace attile
