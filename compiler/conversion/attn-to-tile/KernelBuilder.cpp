//===- KernelBuilder.cpp - arguments, generics and scalar code of a kernel -----===//

#include "compiler/conversion/attn-to-tile/KernelBuilder.h"
#include "compiler/conversion/attn-to-tile/Hoist.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

// ---- arithmetic -----------------------------------------------------------------------------------

Value Arithmetic::number(int64_t value) { return arith::ConstantIntOp::create(b, loc, value, 64); }
Value Arithmetic::real(double value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value)));
}
Value Arithmetic::flag(bool value) { return arith::ConstantIntOp::create(b, loc, value, 1); }
Value Arithmetic::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
Value Arithmetic::sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
Value Arithmetic::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
Value Arithmetic::div(Value x, Value y) { return b.createOrFold<arith::DivSIOp>(loc, x, y); }
Value Arithmetic::rem(Value x, Value y) { return b.createOrFold<arith::RemSIOp>(loc, x, y); }
Value Arithmetic::ceil(Value x, Value y) { return b.createOrFold<arith::CeilDivSIOp>(loc, x, y); }
Value Arithmetic::min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
Value Arithmetic::max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(loc, x, y); }
Value Arithmetic::equal(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, y);
}
Value Arithmetic::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, x, y);
}
Value Arithmetic::both(Value x, Value y) { return b.createOrFold<arith::AndIOp>(loc, x, y); }
Value Arithmetic::select(Value c, Value x, Value y) { return b.createOrFold<arith::SelectOp>(loc, c, x, y); }

// ---- the kernel -----------------------------------------------------------------------------------

KernelBuilder::KernelBuilder(OpBuilder& module, Variant& variant, const Twine& name)
    : Arithmetic(module, variant.fold.getLoc()), variant(variant), rows(variant.schedule.getRows()),
      keys(variant.schedule.getKeys()) {
  auto type = b.getFunctionType({}, {});
  kernel = tile::KernelOp::create(b, loc, b.getStringAttr(name), TypeAttr::get(type), ArrayAttr(),
                                  ArrayAttr(), variant.schedule);
  entry = b.createBlock(&kernel.getBody());
}

tile::BufferType KernelBuilder::local(ArrayRef<int64_t> shape, Type element) {
  return tile::BufferType::get(shape, element, tile::Space::Local);
}
tile::BufferType KernelBuilder::global(ArrayRef<int64_t> shape, Type element) {
  return tile::BufferType::get(shape, element, tile::Space::Global);
}

Value KernelBuilder::argument(StringRef name, Type type) {
  Value& known = arguments[name];
  if (!known) {
    known = entry->addArgument(type, loc);
    names.push_back(name.str());
  }
  return known;
}

Value KernelBuilder::operand(Value attnArgument) {
  auto argument = cast<BlockArgument>(attnArgument);
  StringRef name = variant.kernel.argumentName(argument.getArgNumber());
  if (auto tensor = dyn_cast<RankedTensorType>(argument.getType()))
    return this->argument(name, global(tensor.getShape(), tensor.getElementType()));
  return this->argument(("param." + name).str(), argument.getType());
}

Value KernelBuilder::output(unsigned i) {
  auto tensor = cast<RankedTensorType>(variant.kernel.getResultTypes()[i]);
  return argument(variant.kernel.resultName(i), global(tensor.getShape(), tensor.getElementType()));
}

Value KernelBuilder::size(StringRef name) {
  Value& known = sizes[name];
  if (!known) {
    OpBuilder top = OpBuilder::atBlockBegin(entry);
    known = tile::SizeOp::create(top, loc, i64(), name);
  }
  return known;
}

Value KernelBuilder::alloc(ArrayRef<int64_t> shape, Type element) {
  OpBuilder top = OpBuilder::atBlockBegin(entry);
  return tile::AllocOp::create(top, loc, local(shape, element));
}

void KernelBuilder::generic(const Generic& shape, Body body) {
  SmallVector<Attribute> combiners =
      llvm::map_to_vector(shape.combiners, [&](tile::Combiner combiner) -> Attribute {
        return tile::CombinerAttr::get(b.getContext(), combiner);
      });
  llvm::SetVector<Value> inputs(shape.ins.begin(), shape.ins.end()); // each buffer is read once
  auto op =
      tile::GenericOp::create(b, loc, rows, shape.cols, shape.within, inputs.getArrayRef(), shape.outs,
                              shape.reduces, combiners.empty() ? ArrayAttr() : b.getArrayAttr(combiners));
  OpBuilder::InsertionGuard guard(b);
  Block* block = b.createBlock(&op.getBody());
  DenseMap<Value, Value> element;
  for (Value input : inputs)
    element[input] =
        block->addArgument(tile::widened(cast<tile::BufferType>(input.getType()).getElementType()), loc);
  SmallVector<Value> elements = llvm::map_to_vector(shape.ins, [&](Value input) { return element[input]; });
  SmallVector<Value> results = body(b, elements);
  tile::YieldOp::create(b, loc, results);
}

// ---- scalar code ----------------------------------------------------------------------------------

/// attn.floordiv: rounded down, x / 0 = 0. Powers of two are shifts.
static Value floorDivide(Arithmetic& a, Value x, Value y) {
  if (std::optional<int64_t> constant = getConstantIntValue(y)) {
    if (*constant == 0)
      return a.number(0);
    if (*constant == -1) // the quotient of the least integer would trap
      return a.sub(a.number(0), x);
    if (llvm::isPowerOf2_64(*constant) && *constant > 0)
      return a.b.createOrFold<arith::ShRSIOp>(a.loc, x, a.number(llvm::Log2_64(*constant)));
    return a.b.createOrFold<arith::FloorDivSIOp>(a.loc, x, y);
  }
  Value zero = a.equal(y, a.number(0)), minus = a.equal(y, a.number(-1));
  Value safe = a.select(a.b.createOrFold<arith::OrIOp>(a.loc, zero, minus), a.number(1), y);
  Value quotient = a.b.createOrFold<arith::FloorDivSIOp>(a.loc, x, safe);
  return a.select(zero, a.number(0), a.select(minus, a.sub(a.number(0), x), quotient));
}

/// attn.floormod: the sign of y, x mod 0 = 0.
static Value floorModulo(Arithmetic& a, Value x, Value y) {
  std::optional<int64_t> constant = getConstantIntValue(y);
  if (constant && *constant > 0 && llvm::isPowerOf2_64(*constant))
    return a.b.createOrFold<arith::AndIOp>(a.loc, x, a.number(*constant - 1));
  Value rest = a.sub(x, a.mul(floorDivide(a, x, y), y));
  return constant && *constant != 0 ? rest : a.select(a.equal(y, a.number(0)), a.number(0), rest);
}

Value KernelBuilder::captured(OpBuilder& at, Value value) {
  IRMapping mapping;
  return captured(at, value, mapping);
}

Value KernelBuilder::captured(OpBuilder& at, Value value, IRMapping& mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  if (isa<BlockArgument>(value)) {
    mapping.map(value, operand(value));
  } else {
    Operation* op = value.getDefiningOp(); // scalar code outside of the fold
    lowerScalar(at, *op, mapping);
  }
  return mapping.lookup(value);
}

void KernelBuilder::lowerScalar(OpBuilder& at, Operation& op, IRMapping& mapping) {
  auto operands =
      llvm::map_to_vector(op.getOperands(), [&](Value value) { return captured(at, value, mapping); });
  Arithmetic a(at, op.getLoc());
  Value result;
  if (auto size = dyn_cast<attn::SizeOp>(op)) {
    result = this->size(size.getName());
  } else if (isa<attn::LookupOp>(op)) {
    result = tile::LookupOp::create(at, op.getLoc(), op.getResult(0).getType(), operands[0],
                                    ValueRange(operands).drop_front());
  } else if (isa<attn::FloorDivOp>(op)) {
    result = floorDivide(a, operands[0], operands[1]);
  } else if (isa<attn::FloorModOp>(op)) {
    result = floorModulo(a, operands[0], operands[1]);
  } else {
    Operation* copy = at.clone(op, mapping);
    SmallVector<Value> folded;
    if (op.hasTrait<OpTrait::ConstantLike>() || failed(at.tryFold(copy, folded)) || folded.empty())
      return;
    result = folded.front();
    copy->erase();
  }
  mapping.map(op.getResult(0), result);
}

SmallVector<Value> KernelBuilder::inlineScalars(OpBuilder& at, Region& region, ValueRange arguments) {
  IRMapping mapping;
  Block& block = region.front();
  mapping.map(block.getArguments(), arguments);
  for (Operation& op : block.without_terminator())
    lowerScalar(at, op, mapping);
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return captured(at, value, mapping); });
}

tile::KernelOp KernelBuilder::finish() {
  tile::ReturnOp::create(b, loc);
  kernel.setFunctionType(b.getFunctionType(entry->getArgumentTypes(), {}));
  for (auto [i, name] : llvm::enumerate(names))
    kernel.setArgAttr(i, tile::kNameAttr, b.getStringAttr(name));
  hoistInvariants(kernel);
  return kernel;
}
