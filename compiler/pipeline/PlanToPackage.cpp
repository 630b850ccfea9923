//===- PlanToPackage.cpp - signature and plan as the runtime reads them --------------===//
#include "compiler/pipeline/PlanToPackage.h"

#include "compiler/conversion/tile-to-llvm/TileToLLVM.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attile {

// ---- signature -----------------------------------------------------------------------------------------

static DType dtypeOf(Type element) {
  if (element.isF16())
    return DType::f16;
  if (element.isBF16())
    return DType::bf16;
  if (element.isInteger(32))
    return DType::i32;
  if (element.isInteger(64))
    return DType::i64;
  return element.isF32() ? DType::f32 : DType::u8;
}

static ScalarParam scalarParam(attn::KernelOp kernel, unsigned i) {
  ScalarParam param{kernel.argumentName(i).str()};
  Type type = kernel.getArgumentTypes()[i];
  param.type = type.isF32()        ? ScalarParam::Type::f32
               : type.isInteger(1) ? ScalarParam::Type::boolean
                                   : ScalarParam::Type::integer;
  Attribute value = kernel.getArgAttr(i, attn::kDefaultAttr);
  if (auto real = dyn_cast_if_present<FloatAttr>(value))
    param.default_value = Scalar(float(real.getValueAsDouble()));
  else if (auto boolean = dyn_cast_if_present<BoolAttr>(value))
    param.default_value = Scalar(boolean.getValue());
  else if (auto integer = dyn_cast_if_present<IntegerAttr>(value))
    param.default_value = Scalar(integer.getInt());
  return param;
}

/// NamedExtents by name: of sizes and scalar params, and those that tensors introduce, which stand for the
/// first tensor's own.
using NamedExtents = std::map<std::string, plan::Expr>;

static NamedExtents extentsOf(attn::KernelOp kernel) {
  NamedExtents extents;
  for (const char* size : {"batch", "heads", "kv_heads", "q_len", "kv_len", "head_dim", "head_dim_v"})
    extents.emplace(size, plan::sym(size));
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    if (!isa<RankedTensorType>(kernel.getArgumentTypes()[i]))
      extents.emplace(kernel.argumentName(i).str(), plan::sym(kernel.argumentName(i).str()));
  return extents;
}

static TensorSpec tensorParam(attn::KernelOp kernel, unsigned i, NamedExtents& extents) {
  auto type = cast<RankedTensorType>(kernel.getArgumentTypes()[i]);
  TensorSpec spec{kernel.argumentName(i).str(), dtypeOf(type.getElementType()), {}};
  for (Attribute dim : kernel.getArgAttrOfType<ArrayAttr>(i, attn::kDimsAttr)) {
    if (auto extent = dyn_cast<IntegerAttr>(dim))
      spec.dims.push_back(plan::Expr(extent.getInt()));
    else if (std::string name = cast<StringAttr>(dim).getValue().str(); name == "_")
      spec.dims.push_back(std::nullopt);
    else if (auto known = extents.find(name); known != extents.end())
      spec.dims.push_back(known->second);
    else {
      extents.emplace(name, plan::sym(spec.name + ".dim." + std::to_string(spec.dims.size())));
      spec.dims.push_back(std::nullopt);
    }
  }
  return spec;
}

Result<Package> describeSignature(attn::KernelOp kernel) {
  Package package;
  package.spec_name = kernel.getSymName().str();
  NamedExtents extents = extentsOf(kernel);
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    auto tensor = dyn_cast<RankedTensorType>(kernel.getArgumentTypes()[i]);
    if (kernel.argumentRole(i) == "input") {
      package.dtype = dtypeOf(tensor.getElementType());
      if (kernel.argumentName(i) == "q")
        package.head_dim = tensor.getDimSize(3);
      if (kernel.argumentName(i) == "v")
        package.head_dim_v = tensor.getDimSize(3);
    } else if (tensor) {
      package.tensor_params.push_back(tensorParam(kernel, i, extents));
    } else {
      package.scalar_params.push_back(scalarParam(kernel, i));
    }
  }
  package.inputs = standard_inputs(package.dtype);
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    auto type = cast<RankedTensorType>(kernel.getResultTypes()[i]);
    std::string name = kernel.resultName(i).str();
    package.outputs.push_back(type.getRank() == 4 ? output_spec(name, dtypeOf(type.getElementType()))
                                                  : row_output_spec(name));
  }
  return package;
}

// ---- plan ----------------------------------------------------------------------------------------------

/// Operands are called by their own name in a package: a tensor "param.slope" of a kernel is "slope" there.
static std::string symbolName(StringRef name) {
  if (name.contains(".dim.") || name.contains(".stride."))
    name.consume_front("param.");
  return name.str();
}

namespace {
struct PlanReader {
  llvm::DenseMap<Value, plan::Expr> known;
  std::optional<Error> failure;

  plan::Expr expr(Value value) {
    if (auto it = known.find(value); it != known.end())
      return it->second;
    plan::Expr result = compute(value);
    known.try_emplace(value, result);
    return result;
  }

  plan::Expr compute(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return plan::Expr(constant.getBitWidth() == 1 ? int64_t(constant.getZExtValue())
                                                    : constant.getSExtValue());
    Operation* op = value.getDefiningOp();
    auto a = [&] { return expr(op->getOperand(0)); };
    auto b = [&] { return expr(op->getOperand(1)); };
    return llvm::TypeSwitch<Operation*, plan::Expr>(op)
        .Case([&](tile::SizeOp size) { return plan::sym(symbolName(size.getName())); })
        .Case([&](arith::AddIOp) { return a() + b(); })
        .Case([&](arith::SubIOp) { return a() - b(); })
        .Case([&](arith::MulIOp) { return a() * b(); })
        .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(
            [&](auto) { return plan::floordiv(a(), b()); })
        .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>([&](auto) { return plan::ceildiv(a(), b()); })
        .Case<arith::RemSIOp, arith::RemUIOp>([&](auto) { return plan::mod(a(), b()); })
        .Case<arith::MinSIOp, arith::MinUIOp>([&](auto) { return plan::min(a(), b()); })
        .Case<arith::MaxSIOp, arith::MaxUIOp>([&](auto) { return plan::max(a(), b()); })
        .Case([&](arith::AndIOp) { return plan::both(a(), b()); })
        .Case([&](arith::OrIOp) { return plan::either(a(), b()); })
        .Case<arith::ExtUIOp>([&](auto) { return a(); })
        .Case([&](arith::SelectOp) { return plan::select(a(), b(), expr(op->getOperand(2))); })
        .Case([&](arith::CmpIOp cmp) { return compare(cmp.getPredicate(), a(), b()); })
        .Default([&](Operation* other) {
          failure = internal_error("a plan computes with '" + other->getName().getStringRef().str() +
                                   "', which packages cannot say");
          return plan::Expr(0);
        });
  }

  plan::Expr compare(arith::CmpIPredicate predicate, plan::Expr a, plan::Expr b) {
    using P = arith::CmpIPredicate;
    switch (predicate) {
    case P::eq:
      return plan::eq(a, b);
    case P::ne:
      return plan::eq(plan::eq(a, b), 0);
    case P::slt:
    case P::ult:
      return plan::lt(a, b);
    case P::sle:
    case P::ule:
      return plan::le(a, b);
    case P::sgt:
    case P::ugt:
      return plan::lt(b, a);
    case P::sge:
    case P::uge:
      return plan::le(b, a);
    }
    llvm_unreachable("all predicates are listed");
  }
};
} // namespace

static plan::Slot readSlot(StringRef text) {
  auto [kind, name] = text.split(':');
  if (kind == "value")
    return plan::Slot::value(plan::sym(symbolName(name)));
  if (kind == "param")
    return plan::Slot::param(name.str());
  if (kind == "scratch")
    return plan::Slot::scratch(name.str());
  int64_t rows = 0; // of a map, with its colon before the name
  if (kind == "map" && !name.consumeInteger(10, rows))
    name = name.drop_front();
  name.consume_front("param.");
  return kind == "map" ? plan::Slot::map(name.str(), rows) : plan::Slot::pointer(name.str());
}

Result<plan::Plan> readPlan(tile::PlanOp op) {
  plan::Plan result;
  PlanReader reader;
  ModuleOp module = op->getParentOfType<ModuleOp>();
  for (Operation& nested : op.getBody().front()) {
    if (auto value = dyn_cast<tile::ValueOp>(nested)) {
      result.values.push_back({value.getName().str(), reader.expr(value.getValue())});
      reader.known.insert_or_assign(value.getValue(), plan::sym(value.getName().str()));
    } else if (auto scratch = dyn_cast<tile::ScratchOp>(nested)) {
      result.scratch.push_back({scratch.getName().str(), reader.expr(scratch.getBytes())});
    } else if (auto launch = dyn_cast<tile::LaunchOp>(nested)) {
      Operation* function = module.lookupSymbol(launch.getKernel());
      plan::Launch kernel{launch.getKernel().str(), reader.expr(launch.getGrid())};
      if (auto bytes = function->getAttrOfType<IntegerAttr>(kWorkerScratchAttr))
        kernel.worker_scratch = plan::Expr(bytes.getInt());
      for (Attribute slot : function->getAttrOfType<ArrayAttr>(tile::kSlotsAttr))
        kernel.slots.push_back(readSlot(cast<StringAttr>(slot).getValue()));
      if (launch.getWhen())
        kernel.when = reader.expr(launch.getWhen());
      result.kernels.push_back(std::move(kernel));
    }
  }
  if (reader.failure)
    return *reader.failure;
  return result;
}

} // namespace attile
