//===- FuseMasks.cpp - masks are evaluated where they are used --------------------------===//
#include "compiler/transforms/tile/FuseMasks.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attile {
namespace {

/// Whether `first` has run whenever `second` runs: it stands before it, or both stand in branches of the same
/// condition.
bool alwaysBefore(Operation* first, Operation* second) {
  Operation* here = first->getBlock()->findAncestorOpInBlock(*second);
  if (here)
    return first->isBeforeInBlock(here);
  auto a = dyn_cast<scf::IfOp>(first->getParentOp());
  if (!a)
    return false;
  for (auto b = second->getParentOfType<scf::IfOp>(); b; b = b->getParentOfType<scf::IfOp>())
    if (b->getBlock() == a->getBlock() && b.getCondition() == a.getCondition())
      return a->isBeforeInBlock(b) &&
             b->getRegion(first->getParentRegion()->getRegionNumber()).isAncestor(second->getParentRegion());
  return false;
}

/// Whether an operation does nothing with a buffer but read its elements.
bool onlyReads(Operation* user, Value buffer) {
  auto generic = dyn_cast<tile::GenericOp>(user);
  return generic && llvm::is_contained(generic.getInputs(), buffer) &&
         !llvm::is_contained(generic.getOutputs(), buffer) &&
         !llvm::is_contained(generic.getReduces(), buffer);
}

/// The generics that read a mask's tile of flags; nothing if something else uses it.
std::optional<SmallVector<tile::GenericOp>> readersOf(tile::GenericOp mask) {
  SmallVector<tile::GenericOp> readers;
  for (Operation* user : mask.getOutputs()[0].getUsers()) {
    if (user == mask)
      continue;
    auto reader = dyn_cast<tile::GenericOp>(user);
    if (!onlyReads(user, mask.getOutputs()[0]) || reader.getCols() != mask.getCols() ||
        reader.getRows() != mask.getRows() || !alwaysBefore(mask, reader))
      return std::nullopt;
    readers.push_back(reader);
  }
  return readers;
}

/// Positions of rows: written once, before all visits.
bool isStable(Value input, Operation* around) {
  return llvm::all_of(input.getUsers(),
                      [&](Operation* user) { return !around->isAncestor(user) || onlyReads(user, input); });
}

/// Replaces what `reader` reads of the flags by the mask's own body.
void inlineInto(tile::GenericOp reader, tile::GenericOp mask) {
  Value flags = mask.getOutputs()[0];
  Block &body = reader.getBody().front(), &source = mask.getBody().front();
  IRMapping map;
  for (auto [argument, input] : llvm::zip(source.getArguments(), mask.getInputs())) {
    unsigned at = reader.getInputs().size();
    reader.getInputsMutable().append(input);
    map.map(argument, body.insertArgument(at, argument.getType(), argument.getLoc()));
  }
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  for (Operation& op : source.without_terminator())
    b.clone(op, map);
  Value visible = map.lookupOrDefault(source.getTerminator()->getOperand(0));
  for (unsigned i = reader.getInputs().size(); i-- > 0;)
    if (reader.getInputs()[i] == flags) {
      body.getArgument(i).replaceAllUsesWith(visible);
      body.eraseArgument(i);
      reader.getInputsMutable().erase(i);
    }
}

void fuse(tile::GenericOp mask) {
  if (!mask.getCols() || !mask.getReduces().empty() || mask.getOutputs().size() != 1)
    return;
  Value flags = mask.getOutputs()[0];
  auto alloc = flags.getDefiningOp<tile::AllocOp>();
  if (!alloc || !alloc.getType().getElementType().isInteger(1))
    return;
  auto visit = mask->getParentOfType<tile::VisitOp>();
  std::optional<SmallVector<tile::GenericOp>> readers = readersOf(mask);
  if (!visit || !readers ||
      !llvm::all_of(mask.getInputs(), [&](Value input) { return isStable(input, visit); }))
    return;
  for (tile::GenericOp reader : *readers)
    inlineInto(reader, mask);
  mask.erase();
  if (alloc->use_empty())
    alloc.erase();
}

struct FuseMasksPass : PassWrapper<FuseMasksPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FuseMasksPass)
  StringRef getArgument() const override { return "fuse-masks"; }
  StringRef getDescription() const override { return "masks are evaluated where they are used"; }
  void runOnOperation() override { fuseMasks(getOperation()); }
};

} // namespace

void fuseMasks(ModuleOp module) {
  SmallVector<tile::GenericOp> generics;
  module.walk([&](tile::GenericOp generic) { generics.push_back(generic); });
  for (tile::GenericOp generic : generics)
    fuse(generic);
}

void registerFuseMasksPass() { PassRegistration<FuseMasksPass>(); }

} // namespace attile
