//===- Tile.cpp - registration, types and syntax of the tile dialect -------===//

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attile::tile;

// Names of roles are bare identifiers: #tile.role<producer : 1 warp>.
static ParseResult parseName(AsmParser& parser, std::string& name) {
  StringRef keyword;
  if (failed(parser.parseKeyword(&keyword)))
    return failure();
  name = keyword.str();
  return success();
}
static void printName(AsmPrinter& printer, StringRef name) { printer << name; }

// A scope is a bare keyword too: tile.sync warpgroup.
static ParseResult parseScope(OpAsmParser& parser, ScopeAttr& scope) {
  StringRef keyword;
  SMLoc location = parser.getCurrentLocation();
  if (failed(parser.parseKeyword(&keyword)))
    return failure();
  std::optional<Scope> value = symbolizeScope(keyword);
  if (!value)
    return parser.emitError(location) << "unknown scope '" << keyword << "'";
  scope = ScopeAttr::get(parser.getContext(), *value);
  return success();
}
static void printScope(OpAsmPrinter& printer, Operation*, ScopeAttr scope) {
  printer << stringifyScope(scope.getValue());
}

#include "dialect/tile/TileDialect.cpp.inc"
#include "dialect/tile/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/tile/TileOps.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/tile/TileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/tile/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/tile/TileOps.cpp.inc"
      >();
}

Type attile::tile::widened(Type element) {
  if (isa<FloatType>(element))
    return Float32Type::get(element.getContext());
  bool boolean = element.isInteger(1) || element.isInteger(8);
  return IntegerType::get(element.getContext(), boolean ? 1 : 64);
}

// ---- !tile.buffer<64x?xf32, local, col_major> ---------------------------------------------------

/// `, keyword`, of an enumeration.
template <typename Enum>
static FailureOr<Enum> parseEnum(AsmParser& parser, StringRef what,
                                 std::optional<Enum> (*symbolize)(StringRef)) {
  StringRef keyword;
  SMLoc location = parser.getCurrentLocation();
  if (failed(parser.parseKeyword(&keyword)))
    return failure();
  if (std::optional<Enum> value = symbolize(keyword))
    return *value;
  return parser.emitError(location) << "unknown " << what << " '" << keyword << "'";
}

Type BufferType::parse(AsmParser& parser) {
  SmallVector<int64_t> shape;
  Type element;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(shape) || parser.parseType(element) ||
      parser.parseComma())
    return {};
  FailureOr<Space> space = parseEnum<Space>(parser, "memory space", symbolizeSpace);
  if (failed(space))
    return {};
  FailureOr<LayoutKind> layout = LayoutKind::RowMajor;
  if (succeeded(parser.parseOptionalComma()))
    layout = parseEnum<LayoutKind>(parser, "layout", symbolizeLayoutKind);
  if (failed(layout) || parser.parseGreater())
    return {};
  return parser.getChecked<BufferType>(location, parser.getContext(), shape, element, *space, *layout);
}

void BufferType::print(AsmPrinter& printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  if (getRank() != 0)
    printer << 'x';
  printer << getElementType() << ", " << stringifySpace(getSpace());
  if (getLayout() != LayoutKind::RowMajor)
    printer << ", " << stringifyLayoutKind(getLayout());
  printer << '>';
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                                 Type element, Space, LayoutKind layout) {
  if (!isa<Float32Type, Float16Type, BFloat16Type>(element) && !element.isInteger(1) &&
      !element.isInteger(8) && !element.isInteger(32) && !element.isInteger(64))
    return emitError() << "element type is " << element << ", expected f32, f16, bf16, i64, i32, i8 or i1";
  if (layout != LayoutKind::RowMajor && shape.size() < 2)
    return emitError() << "layout is " << stringifyLayoutKind(layout) << ", but the rank is " << shape.size()
                       << "; expected at least 2";
  return success();
}

// ---- tile.kernel --------------------------------------------------------------------------------

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

StringRef KernelOp::argumentName(unsigned i) {
  auto name = getArgAttrOfType<StringAttr>(i, kNameAttr);
  return name ? name.getValue() : StringRef();
}

void KernelOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  for (auto [i, argument] : llvm::enumerate(region.getArguments()))
    setName(argument, argumentName(i));
}

// ---- names of region arguments and results ------------------------------------------------------

void VisitOp::getAsmBlockArgumentNames(Region& region, OpAsmSetValueNameFn setName) {
  static constexpr StringRef classify[] = {"k0", "k1"}, body[] = {"k0", "n", "full"};
  ArrayRef<StringRef> names = &region == &getClassify() ? ArrayRef(classify) : ArrayRef(body);
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, name);
}

void SizeOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getName()); }
void BlockIndexOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "block"); }
void IndexOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), getDim() == 0 ? "row" : "col");
}
