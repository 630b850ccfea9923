//===- TestMaskAnalysis.cpp - shows what the mask analysis emits -----------===//
//
// --test-mask-analysis replaces a module's contents by one function per attn.mask and per mask of an
// attn.fold: from a box of rows, a range of keys and the captured values to the key range and the tile's
// class. Element reads stay attn.lookup, ranges of a tensor are calls of
// @bounds_of_N, N being the argument. Only attile-opt has this
// pass.
//
//===----------------------------------------------------------------------===//

#include "compiler/analysis/mask.h"
#include "dialect/attn/Attn.h"
#include "tools/attile-opt/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace attile;

namespace {

struct Host : analysis::MaskHost {
  Value size(OpBuilder& builder, Location loc, StringRef name) override {
    return attn::SizeOp::create(builder, loc, builder.getI64Type(), name);
  }
  Value scalar(OpBuilder&, Location, Value captured) override { return captures.lookup(captured); }
  Value element(OpBuilder& builder, Location loc, Value tensor, ValueRange indices) override {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    Type type = isa<FloatType>(element) ? Type(builder.getF32Type())
                : element.isInteger(8)  ? Type(builder.getI1Type())
                                        : Type(builder.getI64Type());
    return attn::LookupOp::create(builder, loc, type, captures.lookup(tensor), indices);
  }
  std::pair<Value, Value> bounds(OpBuilder& builder, Location loc, Value tensor, ValueRange leading, Value lo,
                                 Value hi) override {
    SmallVector<Value> operands{captures.lookup(tensor)};
    llvm::append_range(operands, leading);
    operands.append({lo, hi});
    Type i64 = builder.getI64Type();
    auto argument = cast<BlockArgument>(operands.front());
    std::string name = "bounds_of_" + std::to_string(argument.getArgNumber());
    auto module = argument.getOwner()->getParentOp()->getParentOfType<ModuleOp>();
    if (!module.lookupSymbol(name)) {
      OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
      auto type = top.getFunctionType(ValueRange(operands).getTypes(), {i64, i64});
      func::FuncOp::create(top, loc, name, type).setPrivate();
    }
    auto call = func::CallOp::create(builder, loc, name, TypeRange{i64, i64}, operands);
    return {call.getResult(0), call.getResult(1)};
  }
  IRMapping captures;
};

struct TestMaskAnalysis : PassWrapper<TestMaskAnalysis, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestMaskAnalysis)
  TestMaskAnalysis() = default;
  TestMaskAnalysis(const TestMaskAnalysis& other) : PassWrapper(other) {}
  Option<bool> oneHead{*this, "one-head", llvm::cl::desc("a box has one head"), llvm::cl::init(true)};

  StringRef getArgument() const final { return "test-mask-analysis"; }
  StringRef getDescription() const final {
    return "Emit key ranges and tile classes of each mask as a function";
  }
  void getDependentDialects(DialectRegistry& registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect>();
  }

  void runOnOperation() override {
    SmallVector<Region*> masks;
    getOperation().walk([&](Operation* op) {
      if (auto mask = dyn_cast<attn::MaskOp>(op))
        masks.push_back(&mask.getBody());
      if (auto fold = dyn_cast<attn::FoldOp>(op))
        masks.push_back(&fold.getMask());
    });
    SmallVector<Operation*> old;
    for (Operation& op : *getOperation().getBody())
      old.push_back(&op);
    for (auto [i, mask] : llvm::enumerate(masks))
      emit(*mask, i);
    for (Operation* op : old)
      op->erase();
  }

  void emit(Region& mask, size_t index) {
    Location loc = mask.getLoc();
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(mask, captured);
    SmallVector<Type> types(8, builder.getI64Type());
    for (Value value : captured)
      types.push_back(value.getType());
    Type i64 = builder.getI64Type(), i1 = builder.getI1Type();
    auto function = func::FuncOp::create(builder, loc, "mask_" + std::to_string(index),
                                         builder.getFunctionType(types, {i64, i64, i1, i1}));
    Block* block = function.addEntryBlock();
    builder.setInsertionPointToEnd(block);
    Host host;
    host.captures.map(captured.getArrayRef(), block->getArguments().drop_front(8));
    auto in = [&](unsigned i) { return block->getArgument(i); };

    analysis::MaskAnalysis analysis(mask, {oneHead});
    for (Value tensor : analysis.summarizedTensors())
      function.setArgAttr(cast<BlockArgument>(host.captures.lookup(tensor)).getArgNumber(), "attn.summarized",
                          builder.getUnitAttr());
    auto rows = analysis.emitRowFacts(builder, loc,
                                      {in(0), in(1), oneHead ? in(1) : in(2), in(3), in(4), in(5)}, host);
    analysis::KeyRange keys = rows.emitKeyRange(builder);
    analysis::TileClass tile = rows.emitClassify(builder, in(6), in(7));
    func::ReturnOp::create(builder, loc, ValueRange{keys.lo, keys.hi, tile.any, tile.all});
  }
};

} // namespace

void attile::registerTestMaskAnalysis() { PassRegistration<TestMaskAnalysis>(); }
