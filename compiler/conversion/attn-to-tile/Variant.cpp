//===- Variant.cpp - reads a fold, refuses what is not compiled yet --------===//

#include "compiler/conversion/attn-to-tile/Variant.h"
#include "compiler/analysis/mask.h"
#include "compiler/transforms/fold/Expression.h"
#include "compiler/transforms/fold/Monoid.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

double Variant::identity(unsigned field) {
  return *fold::constantFloat(monoid.getIdentity().front().getTerminator()->getOperand(field));
}

unsigned Variant::output(unsigned result) {
  return monoid.outputIndex(cast<StringAttr>(fold.getOutputs()[result]).getValue());
}

/// The fold that the kernel returns, and nothing else.
static FailureOr<attn::FoldOp> onlyFold(attn::KernelOp kernel) {
  attn::FoldOp fold;
  for (Operation& op : kernel.getBody().front()) {
    if (isa<attn::ScanOp, attn::TransformOp>(op))
      return op.emitError() << op.getName() << " is not compiled yet; the reference interpreter runs it";
    if (isa<attn::ReduceOp>(op))
      return op.emitError("attn.reduce is left; run fuse-fold first");
    auto found = dyn_cast<attn::FoldOp>(op);
    if (!found)
      continue;
    if (fold) {
      InFlightDiagnostic diagnostic = found.emitError("a second fold in one kernel is not compiled yet");
      diagnostic.attachNote(fold.getLoc()) << "the first is here";
      return diagnostic;
    }
    fold = found;
  }
  if (!fold)
    return kernel.emitError("has no attn.fold to compile");
  if (fold.getQueries().size() != 1)
    return fold.emitError() << "a fold over " << fold.getQueries().size()
                            << " score streams is not compiled yet";
  Operation* end = kernel.getBody().front().getTerminator();
  if (end->getOperands() != ValueRange(fold.getResults()))
    return end->emitError("returns something else than the results of its fold, in their order");
  return fold;
}

/// dv of every row_dv field: the width of the values that are contracted into it; 0 for rows.
static FailureOr<SmallVector<int64_t>> fieldColumns(attn::FoldOp fold, attn::MonoidOp monoid) {
  SmallVector<int64_t> columns(monoid.numFields(), 0);
  Block& step = fold.getStep().front();
  unsigned firstValue = step.getNumArguments() - fold.getValues().size();
  for (unsigned i = 0; i != columns.size(); ++i) {
    if (monoid.field(i).getKind() == attn::FieldKind::Row)
      continue;
    auto contract = step.getTerminator()->getOperand(i).getDefiningOp<attn::ContractOp>();
    auto values = contract ? dyn_cast<BlockArgument>(contract.getValues()) : BlockArgument();
    if (!values || values.getArgNumber() < firstValue)
      return fold.emitError()
             << "step advances '" << monoid.field(i).getName()
             << "' by something else than attn.contract with values, which is not compiled yet";
    columns[i] =
        cast<RankedTensorType>(fold.getValues()[values.getArgNumber() - firstValue].getType()).getDimSize(3);
  }
  return columns;
}

/// A row that sees no key gives 0 by itself: the row_dv outputs of finalize(identity) are 0.
static bool vanishesWhenEmpty(Variant& variant) {
  Operation* end = variant.monoid.getFinalize().front().getTerminator();
  for (unsigned i = 0; i != variant.fold.getNumResults(); ++i) {
    unsigned output = variant.output(i);
    if (variant.monoid.output(output).getKind() == attn::FieldKind::Row)
      continue;
    auto atIdentity = [&](Value leaf) -> std::optional<fold::Approximate> {
      auto argument = dyn_cast<BlockArgument>(leaf);
      if (!argument)
        return std::nullopt;
      return fold::Approximate::constant(variant.identity(argument.getArgNumber()));
    };
    if (!fold::evaluate(end->getOperand(output), atIdentity).isZero())
      return false;
  }
  return true;
}

static LogicalResult verifyExtents(attn::FoldOp fold) {
  for (Value operand :
       llvm::concat<Value>(llvm::to_vector(fold.getQueries()), llvm::to_vector(fold.getKeys()),
                           llvm::to_vector(fold.getValues())))
    if (cast<RankedTensorType>(operand.getType()).isDynamicDim(3))
      return fold.emitError() << "operand of type " << operand.getType()
                              << " has a dynamic head_dim; head dims are static in a compiled kernel";
  return success();
}

FailureOr<Variant> Variant::of(attn::KernelOp kernel, tile::ScheduleAttr schedule, int64_t splitKeys) {
  FailureOr<attn::FoldOp> fold = onlyFold(kernel);
  if (failed(fold) || failed(verifyExtents(*fold)))
    return failure();
  Variant variant;
  variant.kernel = kernel;
  variant.fold = *fold;
  variant.schedule = schedule;
  variant.prefix = variant.name().str();
  variant.splitKeys = splitKeys;
  variant.monoid = SymbolTable::lookupNearestSymbolFrom<attn::MonoidOp>(*fold, fold->getMonoidAttr());
  unsigned scores = fold->getScore().front().getTerminator()->getNumOperands();
  FailureOr<fold::LinearMonoid> form = fold::LinearMonoid::derive(variant.monoid, scores, *fold);
  FailureOr<SmallVector<int64_t>> columns = fieldColumns(*fold, variant.monoid);
  if (failed(form) || failed(columns))
    return failure();
  variant.columns = *columns;
  for (const fold::Gauge& gauge : form->gauges())
    if (gauge.unbounded())
      variant.unbounded.push_back({gauge.field, gauge.identity});
  variant.tracksSeen = variant.unbounded.empty() && !vanishesWhenEmpty(variant);
  bool oneHead = !readsArgument(fold->getMask(), 1);
  variant.mask = std::make_shared<analysis::MaskAnalysis>(fold->getMask(), analysis::MaskOptions{oneHead});
  variant.masked = !variant.mask->alwaysVisible();
  return variant;
}
