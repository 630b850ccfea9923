//===- AttnVerifyFold.cpp - verifiers of the users of a monoid: reduce, fold, scan ---===//
//
// Each check carries the identifier of the constraint that it enforces, as listed in AttnOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/attn/AttnVerify.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn;

// ---- ops that refer to a monoid -----------------------------------------------------------------

/// Adds a note at the monoid's definition.
static LogicalResult definedHere(InFlightDiagnostic&& diagnostic, MonoidOp monoid) {
  diagnostic.attachNote(monoid.getLoc()) << "defined here";
  return std::move(diagnostic);
}

template <typename Op> static MonoidOp lookupMonoid(Op op, SymbolTableCollection& symbols) {
  auto monoid = symbols.lookupNearestSymbolFrom<MonoidOp>(op, op.getMonoidAttr());
  if (!monoid)
    op.emitOpError() << op.getMonoidAttr() << " is not an attn.monoid";
  return monoid;
}

/// A per-row monoid (reduce, fold) has no state matrices.
static LogicalResult verifyPerRow(Operation* op, MonoidOp monoid) {
  for (unsigned i = 0; i != monoid.numFields(); ++i) {
    FieldKind kind = monoid.field(i).getKind();
    if (kind == FieldKind::Row || kind == FieldKind::RowDv)
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "field '" << monoid.field(i).getName() << "' of @"
                                    << monoid.getSymName() << " is of kind " << stringifyFieldKind(kind)
                                    << ", expected row or row_dv; attn.scan reads a state per head";
    diagnostic.attachNote(monoid.getLoc()) << "defined here";
    return diagnostic;
  }
  return success();
}

/// Lift takes one f32 per score and per value.
static LogicalResult verifyLift(Operation* op, MonoidOp monoid, size_t scores, size_t values) {
  if (monoid.getLift().getArgumentTypes() == TypeRange(floats(op, scores + values)))
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError() << "has " << scores << " scores and " << values
                                                    << " values, but lift of @" << monoid.getSymName()
                                                    << " takes " << text(monoid.getLift().getArgumentTypes());
  diagnostic.attachNote(monoid.getLoc()) << "defined here";
  return diagnostic;
}

/// One result per name, [batch, heads, q_len] of f32 or [batch, heads, q_len, dv] of any float.
static LogicalResult verifyOutputs(Operation* op, MonoidOp monoid, ArrayAttr names) {
  if (names.size() != op->getNumResults())
    return op->emitOpError() << "names " << names.size() << " outputs, but has " << op->getNumResults()
                             << " results";
  for (auto [attribute, type] : llvm::zip(names, op->getResultTypes())) {
    StringRef name = cast<StringAttr>(attribute).getValue();
    int index = monoid.outputIndex(name);
    if (index < 0) {
      InFlightDiagnostic diagnostic = op->emitOpError()
                                      << "@" << monoid.getSymName() << " has no output '" << name << "'";
      diagnostic.attachNote(monoid.getLoc()) << "defined here";
      return diagnostic;
    }
    FieldKind kind = monoid.output(index).getKind();
    auto tensor = cast<RankedTensorType>(type);
    bool fits = kind == FieldKind::Row ? tensor.getRank() == 3 && tensor.getElementType().isF32()
                                       : kind == FieldKind::RowDv && tensor.getRank() == 4 &&
                                             isa<FloatType>(tensor.getElementType());
    if (!fits)
      return op->emitOpError() << "output '" << name << "' of kind " << stringifyFieldKind(kind)
                               << " has type " << type << ", expected "
                               << (kind == FieldKind::Row ? "f32 [batch, heads, q_len]"
                                                          : "a float tensor [batch, heads, q_len, dv]");
  }
  return success();
}

/// The region (b, h, kv_h) that yields one score per score of the lift.
static LogicalResult verifySink(Operation* op, Region& sink, size_t scores) {
  return sink.empty() ? success()
                      : verifySignature<YieldOp>(op, sink, "sink", indices(op, 3), floats(op, scores));
}

LogicalResult ReduceOp::verifySymbolUses(SymbolTableCollection& symbols) {
  MonoidOp monoid = lookupMonoid(*this, symbols);
  if (!monoid || failed(verifyPerRow(*this, monoid)) ||
      failed(verifyLift(*this, monoid, getScores().size(), getValues().size())) || // (reduce_c1)
      failed(verifyOutputs(*this, monoid, getOutputs())))                          // (reduce_c2)
    return failure();
  return success();
}

LogicalResult ReduceOp::verifyRegions() { return verifySink(*this, getSink(), getScores().size()); }

// ---- attn.fold ----------------------------------------------------------------------------------

LogicalResult FoldOp::verify() {
  if (getQueries().size() != getKeys().size()) // (fold_c2)
    return emitOpError() << "has " << getQueries().size() << " queries, but " << getKeys().size() << " keys";
  bool table = getTable() != nullptr;
  if (table != getQBlock().has_value() || table != getKBlock().has_value() ||
      table == getBlocks().empty()) // (fold_c5)
    return emitOpError("has some of table, q_block, k_block and blocks; they come together");
  if (!table)
    return success();
  if (failed(verifyBlockSize(*this, "q_block", *getQBlock())))
    return failure();
  return verifyBlockSize(*this, "k_block", *getKBlock());
}

LogicalResult FoldOp::verifyRegions() {
  Type boolean = IntegerType::get(getContext(), 1);
  if (failed(verifyArguments(*this, getScore(), "score", // (fold_c3)
                             indices(*this, 5, floats(*this, getQueries().size())))))
    return failure();
  YieldOp scores = terminator<YieldOp>(*this, getScore(), "score");
  if (!scores || failed(verifyYield<YieldOp>(*this, getScore(), "score",
                                             floats(*this, scores->getNumOperands())))) // (fold_c3)
    return failure();
  if (!getMask().empty() &&
      failed(verifySignature<YieldOp>(*this, getMask(), "mask", indices(*this, 5), boolean)))
    return failure();
  if (getTable() && failed(verifyTableIndices(*this, getBlocks(), "blocks", getTable().getType())))
    return failure();
  return verifySink(*this, getSink(), scores->getNumOperands());
}

LogicalResult FoldOp::verifySymbolUses(SymbolTableCollection& symbols) {
  MonoidOp monoid = lookupMonoid(*this, symbols); // (fold_c1)
  size_t scores = getScore().front().back().getNumOperands();
  if (!monoid || failed(verifyPerRow(*this, monoid)) ||
      failed(verifyLift(*this, monoid, scores, getValues().size())) ||
      failed(verifyOutputs(*this, monoid, getOutputs())))
    return failure();

  SmallVector<Type> state; // (fold_c4)
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    state.push_back(dynamicF32(*this, monoid.field(i).getKind() == FieldKind::Row ? 1 : 2));
  SmallVector<Type> arguments(state);
  arguments.append(scores, dynamicF32(*this, 2));
  arguments.push_back(dynamicTensor(*this, 2, IntegerType::get(getContext(), 1)));
  arguments.append(getValues().size(), dynamicF32(*this, 2));
  return verifySignature<YieldOp>(*this, getStep(), "step", arguments, state);
}

// ---- tiles --------------------------------------------------------------------------------------

LogicalResult MapOp::verifyRegions() {
  if (getInputs().empty()) // (map_c2)
    return emitOpError("has no inputs");
  // (map_c1)
  SmallVector<Type> arguments;
  int64_t rank = 1;
  for (Type type : getInputs().getTypes()) {
    arguments.push_back(getElementTypeOrSelf(type));
    rank = std::max(rank, cast<RankedTensorType>(type).getRank());
  }
  auto result = cast<RankedTensorType>(getType());
  if (result.getRank() != rank)
    return emitOpError() << "result has rank " << result.getRank() << ", expected " << rank
                         << ", the greatest rank of the inputs";
  return verifySignature<YieldOp>(*this, getBody(), "body", arguments, result.getElementType());
}

LogicalResult RowReduceOp::verifyRegions() { // (row_reduce_c1)
  return verifySignature<YieldOp>(*this, getCombiner(), "combiner", floats(*this, 2), floats(*this, 1));
}

LogicalResult ContractOp::verify() { // (contract_c1)
  auto shape = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape(); };
  auto agree = [](int64_t a, int64_t b) {
    return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
  };
  ArrayRef<int64_t> weights = shape(getWeights()), values = shape(getValues()), acc = shape(getAcc());
  if (!agree(weights[1], values[0]) || !agree(weights[0], acc[0]) || !agree(values[1], acc[1]))
    return emitOpError() << "weights " << getWeights().getType() << ", values " << getValues().getType()
                         << " and acc " << getAcc().getType()
                         << " do not fit: expected [r, k], [k, c] and [r, c]";
  if (getType() != getAcc().getType())
    return emitOpError() << "result has type " << getType() << ", expected acc's " << getAcc().getType();
  return success();
}

// ---- the linear family --------------------------------------------------------------------------

LogicalResult ScanOp::verifyRegions() {
  for (auto [i, extra] : llvm::enumerate(getExtras())) {
    auto type = cast<RankedTensorType>(extra.getType());
    if (type.getRank() != 3 && type.getRank() != 4) // (scan_c6)
      return emitOpError() << "extra " << i << " has type " << type
                           << ", expected [batch, heads, len] or [batch, heads, len, channels]";
  }
  return success();
}

/// A scan's state is per head: no row fields.
static LogicalResult verifyPerHead(Operation* op, MonoidOp monoid) {
  for (unsigned i = 0; i != monoid.numFields(); ++i) {
    FieldKind kind = monoid.field(i).getKind();
    if (kind != FieldKind::Row && kind != FieldKind::RowDv)
      continue;
    return definedHere(op->emitOpError() << "field '" << monoid.field(i).getName() << "' of @"
                                         << monoid.getSymName() << " is of kind " << stringifyFieldKind(kind)
                                         << ", expected a state per head: scalar, dk_dv or dk_dk",
                       monoid);
  }
  return success();
}

LogicalResult ScanOp::verifySymbolUses(SymbolTableCollection& symbols) {
  MonoidOp monoid = lookupMonoid(*this, symbols); // (scan_c1)
  if (!monoid || failed(verifyPerHead(*this, monoid)))
    return failure();

  Type row = dynamicF32(*this, 1), scalar = Float32Type::get(getContext());
  SmallVector<Type> lift{row, row};
  for (Value extra : getExtras())
    lift.push_back(cast<RankedTensorType>(extra.getType()).getRank() == 4 ? row : scalar);
  if (monoid.getLift().getArgumentTypes() != TypeRange(lift)) // (scan_c3)
    return definedHere(emitOpError() << "lift of @" << monoid.getSymName() << " takes "
                                     << text(monoid.getLift().getArgumentTypes()) << ", expected "
                                     << text(lift),
                       monoid);
  if (!getInitial().empty() && getInitial().size() != monoid.numFields()) // (scan_c4)
    return definedHere(emitOpError() << "has " << getInitial().size() << " initial tensors for "
                                     << monoid.numFields() << " fields of @" << monoid.getSymName(),
                       monoid);
  if (getNumResults() != 1 && getNumResults() != 1 + monoid.numFields()) // (scan_c5)
    return definedHere(emitOpError() << "has " << getNumResults()
                                     << " results, expected the output alone or with the "
                                     << monoid.numFields() << " final fields",
                       monoid);

  SmallVector<Type> arguments{row};
  llvm::append_range(arguments, fieldTypes(monoid));
  return verifySignature<YieldOp>(*this, getRead(), "read", arguments, row); // (scan_c2)
}
