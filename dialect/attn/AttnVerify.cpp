//===- AttnVerify.cpp - verifiers of the attn dialect ----------------------===//
//
// Each check carries the identifier of the constraint that it enforces, as listed in AttnOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/attn/Attn.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attile::attn;

// ---- regions ------------------------------------------------------------------------------------

static std::string text(TypeRange types) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  stream << '(';
  llvm::interleaveComma(types, stream);
  stream << ')';
  return result;
}

/// The region must take exactly `arguments`.
static LogicalResult verifyArguments(Operation* op, Region& region, StringRef name, TypeRange arguments) {
  if (region.getArgumentTypes() == arguments)
    return success();
  return op->emitOpError() << name << " region takes " << text(region.getArgumentTypes()) << ", expected "
                           << text(arguments);
}

/// The region must end in attn.yield. Null, after a diagnostic, when it does not.
static YieldOp terminator(Operation* op, Region& region, StringRef name) {
  if (!region.front().empty())
    if (auto yield = dyn_cast<YieldOp>(region.front().back()))
      return yield;
  op->emitOpError() << name << " region does not end in attn.yield";
  return {};
}

/// The region must end in an attn.yield of exactly `types`.
static LogicalResult verifyYield(Operation* op, Region& region, StringRef name, TypeRange types) {
  YieldOp yield = terminator(op, region, name);
  if (!yield)
    return failure();
  if (yield.getOperandTypes() == types)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError()
                                  << name << " region yields " << text(yield.getOperandTypes())
                                  << ", expected " << text(types);
  diagnostic.attachNote(yield.getLoc()) << "yielded here";
  return diagnostic;
}

static LogicalResult verifySignature(Operation* op, Region& region, StringRef name, TypeRange arguments,
                                     TypeRange results) {
  if (failed(verifyArguments(op, region, name, arguments)))
    return failure();
  return verifyYield(op, region, name, results);
}

/// `count` times i64: the indices of a region, b, h, kv_h, q, k or a prefix of them.
static SmallVector<Type> indices(Operation* op, unsigned count, SmallVector<Type> before = {}) {
  before.append(count, IntegerType::get(op->getContext(), 64));
  return before;
}

static SmallVector<Type> floats(Operation* op, unsigned count) {
  return SmallVector<Type>(count, Float32Type::get(op->getContext()));
}

static RankedTensorType dynamicTensor(Operation* op, unsigned rank, Type element) {
  return RankedTensorType::get(SmallVector<int64_t>(rank, ShapedType::kDynamic), element);
}

static RankedTensorType dynamicF32(Operation* op, unsigned rank) {
  return dynamicTensor(op, rank, Float32Type::get(op->getContext()));
}

// ---- attn.kernel --------------------------------------------------------------------------------

LogicalResult KernelOp::verify() {
  llvm::StringSet<> seen;
  for (unsigned i = 0, e = getNumArguments(); i != e; ++i) {
    StringRef name = argumentName(i), role = argumentRole(i);
    if (name.empty()) // (kernel_c1)
      return emitOpError() << "argument " << i << " has no " << kNameAttr;
    if (!seen.insert(name).second) // (kernel_c1)
      return emitOpError() << "two arguments are named '" << name << "'";
    if (role != "input" && role != "param") // (kernel_c3)
      return emitOpError() << "argument '" << name << "' has " << kRoleAttr << " '" << role
                           << "', expected 'input' or 'param'";
  }
  for (unsigned i = 0, e = getNumResults(); i != e; ++i)
    if (resultName(i).empty()) // (kernel_c1)
      return emitOpError() << "result " << i << " has no " << kNameAttr;

  Block& block = getBody().front();
  auto returns = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (!returns) // (kernel_c2)
    return emitOpError("body does not end in attn.return");
  if (returns.getOperandTypes() != TypeRange(getResultTypes())) { // (kernel_c2)
    InFlightDiagnostic diagnostic = emitOpError() << "body returns " << text(returns.getOperandTypes())
                                                  << ", expected " << text(getResultTypes());
    diagnostic.attachNote(returns.getLoc()) << "returned here";
    return diagnostic;
  }
  return success();
}

// ---- attn.monoid --------------------------------------------------------------------------------

static Type fieldType(Operation* op, FieldKind kind) {
  if (kind == FieldKind::DkDv || kind == FieldKind::DkDk)
    return dynamicF32(op, 2);
  return Float32Type::get(op->getContext());
}

static SmallVector<Type> fieldTypes(MonoidOp monoid) {
  SmallVector<Type> types;
  for (unsigned i = 0; i != monoid.numFields(); ++i)
    types.push_back(fieldType(monoid, monoid.field(i).getKind()));
  return types;
}

LogicalResult MonoidOp::verify() {
  llvm::StringSet<> fields, outputs; // (monoid_c3)
  for (unsigned i = 0; i != numFields(); ++i)
    if (!fields.insert(field(i).getName()).second)
      return emitOpError() << "two fields are named '" << field(i).getName() << "'";
  for (unsigned i = 0; i != numOutputs(); ++i)
    if (!outputs.insert(output(i).getName()).second)
      return emitOpError() << "two outputs are named '" << output(i).getName() << "'";
  return success();
}

/// Adds to `reached` the arguments of `block` that `value` is computed from.
static void collectArguments(Value value, Block& block, llvm::SmallPtrSetImpl<Value>& reached) {
  if (!reached.insert(value).second)
    return;
  Operation* op = value.getDefiningOp();
  if (!op)
    return;
  op->walk([&](Operation* inner) {
    for (Value operand : inner->getOperands())
      collectArguments(operand, block, reached);
  });
}

/// The merge of a gauge field depends on gauge fields only: (monoid_c4).
static LogicalResult verifyGauge(MonoidOp monoid) {
  Block& merge = monoid.getMerge().front();
  unsigned fields = monoid.numFields();
  for (unsigned i = 0; i != fields; ++i) {
    if (monoid.field(i).getRole() != FieldRole::Gauge)
      continue;
    llvm::SmallPtrSet<Value, 16> reached;
    collectArguments(merge.back().getOperand(i), merge, reached);
    for (BlockArgument argument : merge.getArguments()) {
      FieldAttr read = monoid.field(argument.getArgNumber() % fields);
      if (reached.contains(argument) && read.getRole() != FieldRole::Gauge)
        return monoid.emitOpError() << "merge of gauge field '" << monoid.field(i).getName()
                                    << "' reads field '" << read.getName() << "', expected gauge fields only";
    }
  }
  return success();
}

LogicalResult MonoidOp::verifyRegions() {
  SmallVector<Type> fields = fieldTypes(*this), pair(fields), outputs;
  pair.append(fields);
  for (unsigned i = 0; i != numOutputs(); ++i)
    outputs.push_back(fieldType(*this, output(i).getKind()));
  if (failed(verifySignature(*this, getIdentity(), "identity", {}, fields)) ||    // (monoid_c1)
      failed(verifyYield(*this, getLift(), "lift", fields)) ||                    // (monoid_c1)
      failed(verifySignature(*this, getMerge(), "merge", pair, fields)) ||        // (monoid_c1), (monoid_c2)
      failed(verifySignature(*this, getFinalize(), "finalize", fields, outputs))) // (monoid_c2)
    return failure();
  return verifyGauge(*this);
}

// ---- the naive chain ----------------------------------------------------------------------------

LogicalResult ScoresOp::verify() {
  auto query = cast<RankedTensorType>(getQuery().getType()), key = cast<RankedTensorType>(getKey().getType());
  if (query.getElementType() != key.getElementType()) // (scores_c1)
    return emitOpError() << "query is " << query.getElementType() << ", but key is " << key.getElementType();
  if (query.getDimSize(3) != key.getDimSize(3)) // (scores_c1)
    return emitOpError() << "query has type " << query << ", but key has " << key
                         << "; their last dimension, the head_dim, must agree";
  return success();
}

LogicalResult ModifyOp::verifyRegions() {
  if (getScores().empty()) // (modify_c2)
    return emitOpError("has no scores");
  // (modify_c1)
  return verifySignature(*this, getBody(), "body", indices(*this, 5, floats(*this, getScores().size())),
                         floats(*this, 1));
}

LogicalResult MaskOp::verifyRegions() { // (mask_c1)
  return verifySignature(*this, getBody(), "body", indices(*this, 5),
                         Type(IntegerType::get(getContext(), 1)));
}

/// Positive block sizes: (block_table_c1).
static LogicalResult verifyBlockSize(Operation* op, StringRef name, int64_t size) {
  if (size > 0)
    return success();
  return op->emitOpError() << name << " is " << size << ", expected a positive number";
}

/// Leading indices of a block table: (block_table_c2).
static LogicalResult verifyTableIndices(Operation* op, Region& region, StringRef name, Type table) {
  auto type = dyn_cast<RankedTensorType>(table);
  if (!type || type.getRank() < 1)
    return op->emitOpError() << "table has type " << table
                             << ", expected a ranked tensor with a dimension of slots";
  return verifySignature(op, region, name, indices(op, 4), indices(op, type.getRank() - 1));
}

LogicalResult BlockTableOp::verify() {
  if (failed(verifyBlockSize(*this, "q_block", getQBlock())))
    return failure();
  return verifyBlockSize(*this, "k_block", getKBlock());
}

LogicalResult BlockTableOp::verifyRegions() {
  return verifyTableIndices(*this, getIndices(), "indices", getTable().getType());
}

LogicalResult TransformOp::verifyRegions() { // (transform_c1)
  return verifySignature(*this, getBody(), "body", indices(*this, 4, floats(*this, 1)), floats(*this, 1));
}

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
  return sink.empty() ? success() : verifySignature(op, sink, "sink", indices(op, 3), floats(op, scores));
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
  YieldOp scores = terminator(*this, getScore(), "score");
  if (!scores ||
      failed(verifyYield(*this, getScore(), "score", floats(*this, scores->getNumOperands())))) // (fold_c3)
    return failure();
  if (!getMask().empty() && failed(verifySignature(*this, getMask(), "mask", indices(*this, 5), boolean)))
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
  return verifySignature(*this, getStep(), "step", arguments, state);
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
  return verifySignature(*this, getBody(), "body", arguments, result.getElementType());
}

LogicalResult RowReduceOp::verifyRegions() { // (row_reduce_c1)
  return verifySignature(*this, getCombiner(), "combiner", floats(*this, 2), floats(*this, 1));
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

// ---- scalars in regions -------------------------------------------------------------------------

LogicalResult SizeOp::verify() {
  if (llvm::is_contained(sizeNames(), getName())) // (size_c1)
    return success();
  return emitOpError() << "name is '" << getName() << "', expected batch, heads, kv_heads, q_len or kv_len";
}

LogicalResult LookupOp::verify() {
  auto tensor = dyn_cast<RankedTensorType>(getTensor().getType());
  if (!tensor || tensor.getRank() != static_cast<int64_t>(getIndices().size())) // (lookup_c1)
    return emitOpError() << "has " << getIndices().size() << " indices for a tensor of type "
                         << getTensor().getType() << ", expected one index per dimension";
  Type element = tensor.getElementType();
  Type widened = isa<FloatType>(element) ? Type(Float32Type::get(getContext()))
                 : element.isInteger(8)  ? Type(IntegerType::get(getContext(), 1))
                                         : Type(IntegerType::get(getContext(), 64));
  if (getType() != widened) // (lookup_c2)
    return emitOpError() << "result has type " << getType() << ", but an element of " << tensor
                         << " is read as " << widened;
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
  return verifySignature(*this, getRead(), "read", arguments, row); // (scan_c2)
}
