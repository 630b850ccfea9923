//===- Kernels.cpp - main, merge and summary kernels ---------------------------===//

#include "compiler/conversion/attn-to-tile/Kernels.h"
#include "compiler/conversion/attn-to-tile/Step.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

/// The rows of q, in q's element type.
static Value gatherQueries(KernelBuilder& k, const RowTile& rows) {
  Value q = k.operand(k.variant.fold.getQueries().front());
  auto type = cast<tile::BufferType>(q.getType());
  Value tile = k.alloc({k.rows, type.getShape().back()}, type.getElementType());
  tile::GatherOp::create(k.b, k.loc, tile, q, rows.b, rows.rowH, rows.rowQ, rows.count);
  return tile;
}

FailureOr<tile::KernelOp> attile::attn_to_tile::writeMainKernel(OpBuilder& builder, Variant& variant) {
  KernelBuilder k(builder, variant, variant.prefix + "_main");
  // Operands first, in the order of the signature.
  for (Value operand : variant.fold->getOperands())
    k.operand(operand);
  for (unsigned i = 0; i != variant.fold.getNumResults(); ++i)
    k.output(i);

  RowTile rows = decodeRowTile(k, /*split=*/true);
  Value queries = gatherQueries(k, rows);
  State state = identityState(k);
  StepLowering step(k, rows, state, queries);
  LogicalResult fits = step.prepare();
  if (succeeded(fits)) {
    visitKeys(k, rows, [&](Value k0, Value n, Value full) { step.emit(k0, n, full); });
    auto whole = scf::IfOp::create(k.b, k.loc, k.equal(rows.splits, k.number(1)), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(whole.thenBlock());
    finalizeState(k, state, rows);
    k.b.setInsertionPointToStart(whole.elseBlock());
    storePartial(k, state, rows.block);
  }
  tile::KernelOp kernel = k.finish();
  if (failed(fits)) {
    kernel.erase();
    return failure();
  }
  return kernel;
}

tile::KernelOp attile::attn_to_tile::writeMergeKernel(OpBuilder& builder, Variant& variant) {
  KernelBuilder k(builder, variant, variant.prefix + "_merge");
  for (unsigned i = 0; i != variant.fold.getNumResults(); ++i)
    k.output(i);
  RowTile rows = decodeRowTile(k, /*split=*/false);
  State state = identityState(k);
  Value splits = k.size(value::splits);
  Value first = k.mul(rows.tile, splits);
  auto loop = scf::ForOp::create(k.b, k.loc, first, k.add(first, splits), k.number(1));
  {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(loop.getBody());
    mergeState(k, state, partialAt(k, loop.getInductionVar()));
  }
  finalizeState(k, state, rows);
  return k.finish();
}

tile::KernelOp attile::attn_to_tile::writeSummaryKernel(OpBuilder& builder, Variant& variant, Value tensor) {
  StringRef name = variant.kernel.argumentName(cast<BlockArgument>(tensor).getArgNumber());
  KernelBuilder k(builder, variant, variant.name() + "_summarize_" + name);
  Value source = k.operand(tensor);
  Type type = KernelBuilder::global({ShapedType::kDynamic, ShapedType::kDynamic, 2}, k.i64());
  Value summary = k.argument(summaryName(name), type);
  Value row = tile::BlockIndexOp::create(k.b, k.loc, k.i64());
  tile::SummarizeOp::create(k.b, k.loc, summary, source, row, kSummaryBlock);
  tile::KernelOp kernel = k.finish();
  kernel.removeScheduleAttr(); // no tile of scores
  return kernel;
}
