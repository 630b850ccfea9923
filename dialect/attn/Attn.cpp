//===- Attn.cpp - registration, attributes and syntax of the attn dialect --===//

#include "dialect/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectImplementation.h"
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

void AttnDialect::initialize() {
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
