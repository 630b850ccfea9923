//===- Attn.cpp - registration, attributes and syntax of the attn dialect --===//

#include "dialect/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FoldInterfaces.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attile::attn;

// Names of fields and outputs are bare identifiers: #attn.field<m : row gauge>.
static ParseResult parseName(AsmParser& parser, std::string& name) {
  StringRef keyword;
  if (failed(parser.parseKeyword(&keyword)))
    return failure();
  name = keyword.str();
  return success();
}
static void printName(AsmPrinter& printer, StringRef name) { printer << name; }

#include "dialect/attn/AttnDialect.cpp.inc"
#include "dialect/attn/AttnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/attn/AttnAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/attn/AttnOps.cpp.inc"

namespace {
/// Keeps constants in the region that uses them: a region reads as the user's expression, whole.
struct KeepConstants : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;
  bool shouldMaterializeInto(Region*) const override { return true; }
};
} // namespace

void AttnDialect::initialize() {
  addInterfaces<KeepConstants>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/attn/AttnAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/attn/AttnOps.cpp.inc"
      >();
}

Operation* AttnDialect::materializeConstant(OpBuilder& builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

ArrayRef<llvm::StringLiteral> attile::attn::sizeNames() {
  static constexpr llvm::StringLiteral names[] = {"batch", "heads", "kv_heads", "q_len", "kv_len"};
  return names;
}

// ---- attn.kernel --------------------------------------------------------------------------------

ParseResult KernelOp::parse(OpAsmParser& parser, OperationState& result) {
  auto functionType = [](Builder& builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                         function_interface_impl::VariadicFlag,
                         std::string&) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), functionType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter& printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

static StringRef stringOrEmpty(Attribute attribute) {
  auto string = dyn_cast_or_null<StringAttr>(attribute);
  return string ? string.getValue() : StringRef();
}

StringRef KernelOp::argumentName(unsigned i) { return stringOrEmpty(getArgAttr(i, kNameAttr)); }
StringRef KernelOp::resultName(unsigned i) { return stringOrEmpty(getResultAttr(i, kNameAttr)); }
StringRef KernelOp::argumentRole(unsigned i) { return stringOrEmpty(getArgAttr(i, kRoleAttr)); }

int MonoidOp::outputIndex(StringRef name) {
  for (unsigned i = 0, e = numOutputs(); i != e; ++i)
    if (output(i).getName() == name)
      return i;
  return -1;
}

void KernelOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  for (auto [i, argument] : llvm::enumerate(region.getArguments()))
    setName(argument, argumentName(i));
}

// ---- names of region arguments and results ------------------------------------------------------

/// Names the arguments in order; those past the last name keep their numbers.
static void nameArguments(Region& region, OpAsmSetValueNameFn setName, ArrayRef<StringRef> names) {
  if (region.empty())
    return;
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, name);
}

/// "s", or "s0", "s1", ... when there are several; then b, h, kv_h, q, k.
static void nameScoreArguments(Region& region, OpAsmSetValueNameFn setName, unsigned scores) {
  static constexpr StringRef indices[] = {"b", "h", "kv_h", "q", "k"};
  if (region.empty())
    return;
  for (auto [i, argument] : llvm::enumerate(region.getArguments())) {
    if (i >= scores + std::size(indices))
      return;
    setName(argument, i >= scores ? indices[i - scores].str() : scores == 1 ? "s" : "s" + std::to_string(i));
  }
}

void MonoidOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  if (&region == &getLift()) {
    if (region.getNumArguments() == 2)
      nameArguments(region, setName, {"s", "v"});
    return;
  }
  bool merge = &region == &getMerge();
  for (auto [i, argument] : llvm::enumerate(region.getArguments())) {
    if (i >= (merge ? 2 : 1) * numFields())
      return;
    std::string side = merge ? (i < numFields() ? "a_" : "b_") : "";
    setName(argument, side + field(i % numFields()).getName().str());
  }
}

void ScoresOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "s"); }

void ModifyOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "s"); }
void ModifyOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  nameScoreArguments(region, setName, getScores().size());
}

void MaskOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "visible"); }
void MaskOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  nameScoreArguments(region, setName, 0);
}

void BlockTableOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "visible"); }
void BlockTableOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  nameArguments(region, setName, {"b", "h", "kv_h", "qb"});
}

void TransformOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  nameArguments(region, setName, {"x", "b", "h", "i", "c"});
}

static void nameOutputs(ResultRange results, ArrayAttr names, OpAsmSetValueNameFn setName) {
  for (auto [result, name] : llvm::zip(results, names))
    setName(result, cast<StringAttr>(name).getValue());
}

void ReduceOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameOutputs(getResults(), getOutputs(), setName);
}
void ReduceOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  nameScoreArguments(region, setName, 0);
}

void FoldOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameOutputs(getResults(), getOutputs(), setName);
}
void FoldOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  if (&region == &getScore())
    nameScoreArguments(region, setName, getQueries().size());
  else if (&region == &getBlocks())
    nameArguments(region, setName, {"b", "h", "kv_h", "qb"});
  else if (&region != &getStep())
    nameScoreArguments(region, setName, 0);
}

void SizeOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getName()); }
