//===- AttnVerify.cpp - verifiers of structure, the naive chain and scalars ---===//
//
// Each check carries the identifier of the constraint that it enforces, as listed in AttnOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/attn/AttnVerify.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn;

// ---- attn.kernel --------------------------------------------------------------------------------

/// The optional attributes of a param: (kernel_c4), (kernel_c5).
static LogicalResult verifyParam(KernelOp kernel, unsigned i) {
  Type type = kernel.getArgumentTypes()[i];
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (Attribute dims = kernel.getArgAttr(i, kDimsAttr)) { // (kernel_c4)
    auto array = dyn_cast<ArrayAttr>(dims);
    if (!tensor || !array || static_cast<int64_t>(array.size()) != tensor.getRank() ||
        !llvm::all_of(array, llvm::IsaPred<StringAttr, IntegerAttr>))
      return kernel.emitOpError() << "argument '" << kernel.argumentName(i) << "' of type " << type << " has "
                                  << kDimsAttr << " " << dims
                                  << ", expected a name or an integer per dimension of a tensor";
  }
  if (Attribute value = kernel.getArgAttr(i, kDefaultAttr)) { // (kernel_c5)
    auto typed = dyn_cast<TypedAttr>(value);
    if (tensor || !typed || typed.getType() != type)
      return kernel.emitOpError() << "argument '" << kernel.argumentName(i) << "' of type " << type << " has "
                                  << kDefaultAttr << " " << value << ", expected a scalar of this type";
  }
  return success();
}

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
    if (failed(verifyParam(*this, i)))
      return failure();
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
  if (failed(verifySignature<YieldOp>(*this, getIdentity(), "identity", {}, fields)) || // (monoid_c1)
      failed(verifyYield<YieldOp>(*this, getLift(), "lift", fields)) ||                 // (monoid_c1)
      failed(
          verifySignature<YieldOp>(*this, getMerge(), "merge", pair, fields)) || // (monoid_c1), (monoid_c2)
      failed(verifySignature<YieldOp>(*this, getFinalize(), "finalize", fields, outputs))) // (monoid_c2)
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
  return verifySignature<YieldOp>(*this, getBody(), "body",
                                  indices(*this, 5, floats(*this, getScores().size())), floats(*this, 1));
}

LogicalResult MaskOp::verifyRegions() { // (mask_c1)
  return verifySignature<YieldOp>(*this, getBody(), "body", indices(*this, 5),
                                  Type(IntegerType::get(getContext(), 1)));
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
  return verifySignature<YieldOp>(*this, getBody(), "body", indices(*this, 4, floats(*this, 1)),
                                  floats(*this, 1));
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
