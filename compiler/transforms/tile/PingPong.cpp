//===- PingPong.cpp - warpgroups take turns at the matrix units ----------------------------===//
#include "compiler/transforms/tile/PingPong.h"

#include "compiler/transforms/tile/Stages.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

class Turns {
public:
  Turns(tile::RolesOp roles, Region& role, int64_t groups)
      : role(role), loc(roles.getLoc()), groups(groups),
        firstBarrier(static_cast<int64_t>(roles.getBodies().size()) + 1) {}

  /// Whether the role starts scores that are waited for later.
  bool match() {
    role.walk([&](tile::DotAsyncOp dot) {
      if (dot.getTransposeB())
        scores.push_back(dot);
    });
    if (scores.size() != 1)
      return false;
    role.walk([&](tile::WaitOp wait) {
      if (llvm::is_contained(wait.getOf(), scores[0].getAcc()))
        waits.push_back(wait);
    });
    return !waits.empty();
  }

  void run() {
    OpBuilder b = OpBuilder::atBlockBegin(&role.front());
    Value last = wholeNumber(b, loc, groups - 1);
    who = tile::RoleIndexOp::create(b, loc, b.getI64Type());
    Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, who, last);
    Value after = arith::AddIOp::create(b, loc, who, wholeNumber(b, loc, 1));
    next = arith::SelectOp::create(b, loc, isLast, wholeNumber(b, loc, 0), after);
    auto opens = scf::IfOp::create(b, loc, isLast, /*withElseRegion=*/false);
    OpBuilder inside(opens.thenYield());
    pass(inside);
    b.setInsertionPoint(scores[0]);
    meet(b, who, false);
    for (tile::WaitOp wait : waits) {
      b.setInsertionPoint(wait);
      pass(b);
    }
  }

private:
  void pass(OpBuilder& b) { meet(b, next, true); }
  /// Who waits for a turn and who passes it on meet at the former's barrier.
  void meet(OpBuilder& b, Value whose, bool arrive) {
    tile::SyncOp::create(b, loc, tile::Scope::Role, b.getI64IntegerAttr(firstBarrier), whose,
                         b.getI64IntegerAttr(2), arrive);
  }

  Region& role;
  Location loc;
  int64_t groups, firstBarrier;
  SmallVector<tile::DotAsyncOp> scores;
  SmallVector<tile::WaitOp> waits;
  Value who, next;
};

struct PingPongPass : PassWrapper<PingPongPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PingPongPass)
  StringRef getArgument() const override { return "ping-pong"; }
  StringRef getDescription() const override { return "warpgroups take turns at the matrix units"; }
  void runOnOperation() override { pingPong(getOperation()); }
};

} // namespace

void pingPong(ModuleOp module) {
  module.walk([&](tile::RolesOp roles) {
    for (auto [role, body] : llvm::zip(roles.getRoles().getAsRange<tile::RoleAttr>(), roles.getBodies()))
      if (Turns turns(roles, body, role.getCount()); role.getCount() >= 2 && turns.match())
        turns.run();
  });
}

void registerPingPongPass() { PassRegistration<PingPongPass>(); }

} // namespace attile
