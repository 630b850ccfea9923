//===- Kernel.cpp - entry, slots, control flow ---------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attile {

KernelLowering::KernelLowering(tile::KernelOp kernel, const VectorTarget& target, OpBuilder& builder)
    : kernel(kernel), schedule(kernel.getScheduleAttr()), target(target),
      lanes(schedule ? std::min(target.lanes, schedule.getDotRows()) : target.lanes), b(builder),
      loc(kernel.getLoc()) {}

// ---- small helpers ---------------------------------------------------------------------------------

Value KernelLowering::constant(int64_t value) { return arith::ConstantIntOp::create(b, loc, value, 64); }
Value KernelLowering::constant(float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}
Value KernelLowering::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
Value KernelLowering::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
Value KernelLowering::min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
Value KernelLowering::max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(loc, x, y); }

Value KernelLowering::at(Value base, Type element, Value index) {
  Type stored = element.isInteger(1) ? Type(b.getI8Type()) : element;
  return LLVM::GEPOp::create(b, loc, base.getType(), stored, base, ArrayRef<LLVM::GEPArg>{index},
                             LLVM::GEPNoWrapFlags::inbounds);
}

/// Alignment that every access may assume: that of one element.
static unsigned alignmentOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (isa<LLVM::LLVMPointerType>(element))
    return 8;
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

Value KernelLowering::load(Value pointer, Type type) {
  return LLVM::LoadOp::create(b, loc, type, pointer, alignmentOf(type));
}
void KernelLowering::store(Value value, Value pointer) {
  LLVM::StoreOp::create(b, loc, value, pointer, alignmentOf(value.getType()));
}

SmallVector<Value> KernelLowering::loop(Value lo, Value hi, int64_t step, ValueRange init,
                                        llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value stride = constant(step);
  auto loop = scf::ForOp::create(b, loc, lo, hi, stride, init);
  OpBuilder::InsertionGuard guard(b);
  if (init.empty())
    b.setInsertionPoint(loop.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> carried = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, loc, carried);
  return SmallVector<Value>(loop.getResults());
}
void KernelLowering::loop(Value lo, Value hi, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(lo, hi, step, {}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>{};
  });
}
void KernelLowering::when(Value condition, llvm::function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
}

Value KernelLowering::splat(Value scalar, VectorType type) {
  return vector::BroadcastOp::create(b, loc, type, scalar);
}
Value KernelLowering::splat(Value scalar) { return splat(scalar, vectorOf(scalar.getType())); }

// ---- entry -------------------------------------------------------------------------------------------

Value KernelLowering::slot(StringRef kind, StringRef name, Type type) {
  std::string key = (kind + ":" + name).str();
  auto [it, isNew] = slotValues.try_emplace(key);
  if (!isNew)
    return it->second;
  OpBuilder::InsertionGuard guard(b);
  b.restoreInsertionPoint(slotPoint);
  Value index = constant(int64_t(slotNames.size()));
  Value value = load(at(entry->getArgument(0), b.getI64Type(), index), type);
  slotPoint = b.saveInsertionPoint();
  slotNames.push_back(b.getStringAttr(key));
  return it->second = value;
}

Value KernelLowering::size(StringRef name) { return slot("value", name, b.getI64Type()); }

Value KernelLowering::allocate(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  b.restoreInsertionPoint(slotPoint);
  Value pointer = at(entry->getArgument(2), b.getI8Type(), constant(scratchBytes));
  slotPoint = b.saveInsertionPoint();
  scratchBytes += (bytes + 63) / 64 * 64;
  return pointer;
}

bool KernelLowering::configureTiles(ArrayRef<TileShape> shapes) {
  if (!tileShapes.empty())
    return ArrayRef<TileShape>(tileShapes) == shapes;
  tileShapes.assign(shapes.begin(), shapes.end());
  std::array<uint8_t, 64> bytes{
      1}; // of palette 1: the bytes of a row from 16 on, two for each, the rows from 48 on
  for (auto [i, shape] : llvm::enumerate(shapes))
    bytes[16 + 2 * i] = uint8_t(shape.bytes), bytes[48 + i] = uint8_t(shape.rows);
  Value memory = allocate(sizeof bytes);
  OpBuilder::InsertionGuard guard(b);
  b.restoreInsertionPoint(slotPoint);
  auto type = VectorType::get({int64_t(bytes.size())}, b.getI8Type());
  store(arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<uint8_t>(bytes))), memory);
  LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.x86.ldtilecfg"), ValueRange{memory});
  slotPoint = b.saveInsertionPoint();
  return true;
}

const Buffer& KernelLowering::buffer(Value value) const { return buffers.find(value)->second; }

/// Scratch is dense; an inner extent that is dynamic is the plan's value "<name>.dim.<i>".
void KernelLowering::bindScratch(Buffer& buffer, StringRef name) {
  tile::BufferType type = buffer.type;
  buffer.base = slot("scratch", name, LLVM::LLVMPointerType::get(b.getContext()));
  buffer.packed = true;
  buffer.columns = type.getRank() >= 2 && !type.isDynamicDim(type.getRank() - 1) ? type.getShape().back() : 0;
  OpBuilder::InsertionGuard guard(b);
  b.restoreInsertionPoint(slotPoint);
  buffer.sizes.resize(type.getRank());
  buffer.strides.resize(type.getRank());
  Value stride = constant(int64_t(1));
  for (int64_t d = type.getRank() - 1; d >= 0; --d) {
    buffer.strides[d] = stride;
    if (d == 0 && type.isDynamicDim(0)) // as many as there are; never asked for
      buffer.sizes[d] = constant(int64_t(0));
    else
      buffer.sizes[d] =
          type.isDynamicDim(d) ? size((name + ".dim." + Twine(d)).str()) : constant(type.getShape()[d]);
    stride = mul(stride, buffer.sizes[d]);
  }
  slotPoint = b.saveInsertionPoint();
}

void KernelLowering::bindArguments() {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  llvm::StringSet<> scratch;
  for (auto plan : kernel->getParentOfType<ModuleOp>().getOps<tile::PlanOp>())
    for (auto buffer : plan.getBody().getOps<tile::ScratchOp>())
      scratch.insert(buffer.getName());
  for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments())) {
    StringRef name = kernel.argumentName(i);
    auto type = dyn_cast<tile::BufferType>(argument.getType());
    if (!type) {
      // Scalars: int and bool parameters are 64 bits wide, f32 ones have their bits in the low half.
      name.consume_front("param.");
      Value value =
          slot("param", name, argument.getType().isF32() ? Type(b.getF32Type()) : Type(b.getI64Type()));
      if (argument.getType().isInteger(1)) {
        OpBuilder::InsertionGuard guard(b);
        b.restoreInsertionPoint(slotPoint);
        value = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value, constant(int64_t(0)));
        slotPoint = b.saveInsertionPoint();
      }
      scalars.map(argument, value);
      continue;
    }
    Buffer buffer;
    buffer.type = type;
    if (scratch.contains(name)) {
      bindScratch(buffer, name);
      define(argument, buffer);
      continue;
    }
    buffer.base = slot("pointer", name, pointer);
    for (int64_t d = 0; d < type.getRank(); ++d) {
      buffer.sizes.push_back(type.isDynamicDim(d) ? size((name + ".dim." + Twine(d)).str())
                                                  : constant(type.getShape()[d]));
      buffer.strides.push_back(size((name + ".stride." + Twine(d)).str()));
    }
    define(argument, buffer);
  }
}

LogicalResult KernelLowering::run() {
  // Transposing the last columns of a tile may read as much as a square of vectors past it.
  const int64_t kOverread = lanes * panel() * 4;
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointer, b.getI64Type(), pointer});
  b.setInsertionPoint(kernel);
  function = LLVM::LLVMFuncOp::create(b, loc, kernel.getSymName(), type);
  entry = function.addEntryBlock(b);
  // Slots are loaded and scratch is addressed at the top; the anchor keeps that point before the body.
  b.setInsertionPointToStart(entry);
  Operation* anchor = LLVM::ReturnOp::create(b, loc, ValueRange{});
  slotPoint = OpBuilder::InsertPoint(entry, anchor->getIterator());
  bindArguments();
  b.setInsertionPointToEnd(entry);
  // The body follows the anchor while it is written.
  if (failed(lowerBlock(kernel.getBody().front())))
    return failure();
  anchor->erase();
  b.setInsertionPointToEnd(entry);
  if (!tileShapes.empty()) // what they hold is saved at every switch of threads
    LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.x86.tilerelease"), ValueRange{});
  LLVM::ReturnOp::create(b, loc, ValueRange{});
  function->setAttr(tile::kSlotsAttr, b.getArrayAttr(slotNames));
  function->setAttr(kWorkerScratchAttr, b.getI64IntegerAttr(scratchBytes + kOverread));
  kernel.erase();
  return success();
}

// ---- dispatch ----------------------------------------------------------------------------------------

LogicalResult KernelLowering::cloneStructured(Operation* op) {
  for (Value operand : op->getOperands())
    if (isa<tile::BufferType>(operand.getType()))
      return op->emitOpError("carries a buffer through control flow, which the CPU lowering does not know");
  Operation* copy = b.cloneWithoutRegions(*op, scalars);
  for (auto [from, to] : llvm::zip(op->getRegions(), copy->getRegions())) {
    for (Block& block : from) {
      Block* target = new Block();
      to.push_back(target);
      for (BlockArgument argument : block.getArguments())
        scalars.map(argument, target->addArgument(argument.getType(), argument.getLoc()));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(target);
      if (failed(lowerBlock(block)))
        return failure();
    }
  }
  return success();
}

LogicalResult KernelLowering::lowerBlock(Block& block) {
  for (Operation& op : block)
    if (failed(lowerOne(&op)))
      return failure();
  return success();
}

LogicalResult KernelLowering::lowerOne(Operation* op) {
  Location outer = std::exchange(loc, op->getLoc());
  LogicalResult result =
      llvm::TypeSwitch<Operation*, LogicalResult>(op)
          .Case([&](tile::ReturnOp) { return success(); })
          .Case([&](tile::BlockIndexOp index) {
            scalars.map(index.getResult(), entry->getArgument(1));
            return success();
          })
          .Case([&](tile::SizeOp s) {
            scalars.map(s.getResult(), size(s.getName()));
            return success();
          })
          .Case([&](tile::AllocOp o) { return lowerAlloc(*this, o); })
          .Case([&](tile::SliceOp o) { return lowerSlice(*this, o); })
          .Case([&](tile::LookupOp o) { return lowerLookup(*this, o); })
          .Case([&](tile::FillOp o) { return lowerFill(*this, o); })
          .Case([&](tile::CopyOp o) { return lowerCopy(*this, o); })
          .Case([&](tile::ResidualOp o) { return lowerResidual(*this, o); })
          .Case([&](tile::GatherOp o) { return lowerGather(*this, o); })
          .Case([&](tile::ScatterOp o) { return lowerScatter(*this, o); })
          .Case([&](tile::DotOp o) { return lowerDot(*this, o); })
          .Case([&](tile::GenericOp o) { return lowerGeneric(*this, o); })
          .Case([&](tile::AnyAllOp o) { return lowerAnyAll(*this, o); })
          .Case([&](tile::SpansOp o) { return lowerSpans(*this, o); })
          .Case([&](tile::VisitOp o) { return lowerVisit(*this, o); })
          .Case([&](tile::SummarizeOp o) { return lowerSummarize(*this, o); })
          .Case([&](tile::RangeOfOp o) { return lowerRangeOf(*this, o); })
          .Default([&](Operation* other) -> LogicalResult {
            if (isa<tile::TileDialect>(other->getDialect()))
              return other->emitOpError("has no CPU lowering");
            if (other->getNumRegions())
              return cloneStructured(other);
            if (Value value = other->getNumResults() == 1 && isa<math::MathDialect>(other->getDialect())
                                  ? emitMath(*this, other,
                                             llvm::map_to_vector(other->getOperands(),
                                                                 [&](Value v) { return scalar(v); }),
                                             other->getResult(0).getType())
                                  : Value()) {
              scalars.map(other->getResult(0), value);
              return success();
            }
            b.clone(*other, scalars);
            return success();
          });
  loc = outer;
  return result;
}

LogicalResult lowerKernelsToVector(ModuleOp module, const VectorTarget& target) {
  OpBuilder builder(module.getContext());
  for (auto kernel : llvm::make_early_inc_range(module.getOps<tile::KernelOp>()))
    if (failed(KernelLowering(kernel, target, builder).run()))
      return failure();
  return success();
}

namespace {
struct TileToVectorPass : PassWrapper<TileToVectorPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TileToVectorPass)
  TileToVectorPass() = default;
  TileToVectorPass(const TileToVectorPass& other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "convert-tile-to-vector"; }
  StringRef getDescription() const override { return "tile kernels as vector code for a CPU"; }
  void getDependentDialects(DialectRegistry& registry) const override {
    registry.insert<LLVM::LLVMDialect, vector::VectorDialect, scf::SCFDialect, arith::ArithDialect,
                    math::MathDialect>();
  }
  void runOnOperation() override {
    VectorTarget target{lanes, dotBf16, scaleByPower, reciprocal, convertsF16, fusesMultiplyAdd, tilesBf16};
    if (failed(lowerKernelsToVector(getOperation(), target)))
      signalPassFailure();
  }
  Option<int64_t> lanes{*this, "lanes", llvm::cl::desc("f32 lanes of a vector register"), llvm::cl::init(16)};
  Option<std::string> dotBf16{*this, "dot-bf16", llvm::cl::desc("intrinsic for dots of bf16 pairs")};
  Option<std::string> scaleByPower{*this, "scale-by-power", llvm::cl::desc("intrinsic for x * 2^n")};
  Option<std::string> reciprocal{*this, "reciprocal", llvm::cl::desc("intrinsic for 1 / x within 2^-14")};
  Option<bool> fusesMultiplyAdd{*this, "fma", llvm::cl::desc("the CPU has fused multiply-adds"),
                                llvm::cl::init(true)};
  Option<bool> convertsF16{*this, "converts-f16", llvm::cl::desc("the CPU converts f16 (F16C)"),
                           llvm::cl::init(true)};
  Option<bool> tilesBf16{*this, "tiles-bf16", llvm::cl::desc("the CPU multiplies tiles of bf16 (AMX)"),
                         llvm::cl::init(false)};
};
} // namespace

void registerTileToVectorPass() { PassRegistration<TileToVectorPass>(); }

} // namespace attile
