#include "tests/unit/mask_machine.h"

#include "dialect/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/TypeSwitch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

using namespace mlir;
using namespace attile;
using namespace attile::test;

namespace {

struct Number {
  int64_t i = 0;
  double f = 0;
};
using Slots = std::vector<Number>;
using Step = std::function<void(Slots&)>;

/// Turns operations into steps over numbered slots.
class Assembler {
public:
  Inputs* inputs = nullptr;
  llvm::DenseMap<Value, size_t> slots;

  size_t slot(Value value) { return slots.try_emplace(value, slots.size()).first->second; }

  std::vector<Step> assemble(Block& block) {
    std::vector<Step> steps;
    for (Operation& op : block)
      if (!isa<attn::YieldOp>(op))
        steps.push_back(step(&op));
    return steps;
  }

private:
  Step step(Operation* op);
  Step integerStep(Operation* op);
  Step realStep(Operation* op);
  Step lookup(Operation* op);
  Step bounds(Operation* op);

  Step integers(Operation* op, std::function<int64_t(int64_t, int64_t)> f) {
    size_t a = slot(op->getOperand(0)), b = slot(op->getOperand(op->getNumOperands() - 1)),
           r = slot(op->getResult(0));
    return [=](Slots& s) { s[r].i = f(s[a].i, s[b].i); };
  }
  /// f32 results are rounded on request; f64 ones (of the analysis) are not.
  Step reals(Operation* op, std::function<double(double, double)> f) {
    size_t a = slot(op->getOperand(0)), b = slot(op->getOperand(op->getNumOperands() - 1)),
           r = slot(op->getResult(0));
    bool isSingle = op->getResult(0).getType().isF32();
    return [=, this](Slots& s) {
      double x = f(s[a].f, s[b].f);
      s[r].f = isSingle && inputs->singlePrecision ? double(float(x)) : x;
    };
  }
};

int64_t wrapped(uint64_t value) { return static_cast<int64_t>(value); }
uint64_t bits(int64_t value) { return static_cast<uint64_t>(value); }

const Tensor& tensorOf(const Inputs& inputs, Value value) {
  return inputs.tensors[cast<BlockArgument>(value).getArgNumber()];
}

/// Offset of clamped indices, or -1 when a dimension is empty.
int64_t offsetOf(const Tensor& tensor, ArrayRef<int64_t> indices) {
  int64_t offset = 0;
  for (auto [extent, index] : llvm::zip(tensor.shape, indices)) {
    if (extent == 0)
      return -1;
    offset = offset * extent + std::clamp<int64_t>(index, 0, extent - 1);
  }
  return offset;
}

Step Assembler::lookup(Operation* op) {
  auto lookup = cast<attn::LookupOp>(op);
  SmallVector<size_t> indices;
  for (Value index : lookup.getIndices())
    indices.push_back(slot(index));
  size_t result = slot(lookup.getResult());
  Value source = lookup.getTensor();
  bool isBool = lookup.getResult().getType().isInteger(1);
  return [=, this](Slots& s) {
    const Tensor& tensor = tensorOf(*inputs, source);
    SmallVector<int64_t> at;
    for (size_t index : indices)
      at.push_back(s[index].i);
    int64_t offset = offsetOf(tensor, at);
    s[result] = {};
    if (offset < 0)
      return;
    if (!tensor.reals.empty())
      s[result].f = tensor.reals[offset];
    else
      s[result].i = isBool ? tensor.integers[offset] != 0 : tensor.integers[offset];
  };
}

/// call @bounds(tensor, leading..., lo, hi)
Step Assembler::bounds(Operation* op) {
  SmallVector<size_t> operands;
  for (Value operand : op->getOperands().drop_front())
    operands.push_back(slot(operand));
  size_t low = slot(op->getResult(0)), high = slot(op->getResult(1));
  Value source = op->getOperand(0);
  return [=, this](Slots& s) {
    const Tensor& tensor = tensorOf(*inputs, source);
    SmallVector<int64_t> at;
    for (size_t operand : ArrayRef(operands).drop_back(2))
      at.push_back(s[operand].i);
    int64_t lo = s[operands[operands.size() - 2]].i, hi = s[operands.back()].i, extent = tensor.shape.back();
    EXPECT_LE(lo, hi) << "bounds of an empty range";
    s[low] = s[high] = {};
    at.push_back(0);
    int64_t row = offsetOf(tensor, at);
    if (row < 0)
      return;
    int64_t block = inputs->summaryBlock;
    lo = std::clamp<int64_t>(lo, 0, extent - 1) / block * block;
    hi = std::min((std::clamp<int64_t>(hi, 0, extent - 1) / block + 1) * block, extent);
    auto [min, max] =
        std::minmax_element(tensor.integers.begin() + row + lo, tensor.integers.begin() + row + hi);
    s[low].i = *min;
    s[high].i = *max;
  };
}

Step Assembler::realStep(Operation* op) {
  if (auto compared = dyn_cast<arith::CmpFOp>(op)) {
    size_t a = slot(op->getOperand(0)), b = slot(op->getOperand(1)), r = slot(op->getResult(0));
    arith::CmpFPredicate predicate = compared.getPredicate();
    return [=](Slots& s) { s[r].i = arith::applyCmpPredicate(predicate, APFloat(s[a].f), APFloat(s[b].f)); };
  }
  return llvm::TypeSwitch<Operation*, Step>(op)
      .Case<arith::AddFOp>([&](auto) { return reals(op, [](double a, double b) { return a + b; }); })
      .Case<arith::SubFOp>([&](auto) { return reals(op, [](double a, double b) { return a - b; }); })
      .Case<arith::MulFOp>([&](auto) { return reals(op, [](double a, double b) { return a * b; }); })
      .Case<arith::DivFOp>([&](auto) { return reals(op, [](double a, double b) { return a / b; }); })
      .Case<arith::MinNumFOp>(
          [&](auto) { return reals(op, [](double a, double b) { return std::fmin(a, b); }); })
      .Case<arith::MaxNumFOp>(
          [&](auto) { return reals(op, [](double a, double b) { return std::fmax(a, b); }); })
      .Case<arith::MinimumFOp>([&](auto) {
        return reals(
            op, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b); });
      })
      .Case<arith::MaximumFOp>([&](auto) {
        return reals(
            op, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); });
      })
      .Case<arith::NegFOp>([&](auto) { return reals(op, [](double a, double) { return -a; }); })
      .Case<arith::ExtFOp>([&](auto) { return reals(op, [](double a, double) { return a; }); })
      .Case<math::AbsFOp>([&](auto) { return reals(op, [](double a, double) { return std::fabs(a); }); })
      .Case<math::ExpOp>([&](auto) { return reals(op, [](double a, double) { return std::exp(a); }); });
}

Step Assembler::integerStep(Operation* op) {
  if (auto compared = dyn_cast<arith::CmpIOp>(op)) {
    arith::CmpIPredicate predicate = compared.getPredicate();
    unsigned width = compared.getLhs().getType().getIntOrFloatBitWidth();
    return integers(op, [=](int64_t a, int64_t b) -> int64_t {
      return arith::applyCmpPredicate(predicate, APInt(width, bits(a), true, true),
                                      APInt(width, bits(b), true, true));
    });
  }
  return llvm::TypeSwitch<Operation*, Step>(op)
      .Case<arith::AddIOp>(
          [&](auto) { return integers(op, [](auto a, auto b) { return wrapped(bits(a) + bits(b)); }); })
      .Case<arith::SubIOp>(
          [&](auto) { return integers(op, [](auto a, auto b) { return wrapped(bits(a) - bits(b)); }); })
      .Case<arith::MulIOp>(
          [&](auto) { return integers(op, [](auto a, auto b) { return wrapped(bits(a) * bits(b)); }); })
      .Case<arith::MinSIOp>([&](auto) { return integers(op, [](auto a, auto b) { return std::min(a, b); }); })
      .Case<arith::MaxSIOp>([&](auto) { return integers(op, [](auto a, auto b) { return std::max(a, b); }); })
      .Case<arith::AndIOp>([&](auto) { return integers(op, [](auto a, auto b) { return a & b; }); })
      .Case<arith::OrIOp>([&](auto) { return integers(op, [](auto a, auto b) { return a | b; }); })
      .Case<arith::XOrIOp>([&](auto) { return integers(op, [](auto a, auto b) { return a ^ b; }); })
      .Case<arith::ShLIOp>(
          [&](auto) { return integers(op, [](auto a, auto b) { return wrapped(bits(a) << (b & 63)); }); })
      .Case<arith::ShRSIOp>([&](auto) { return integers(op, [](auto a, auto b) { return a >> (b & 63); }); })
      .Case<arith::ExtUIOp>([&](auto) { return integers(op, [](auto a, auto) { return a & 1; }); })
      .Case<math::AbsIOp>(
          [&](auto) { return integers(op, [](auto a, auto) { return a < 0 ? wrapped(0 - bits(a)) : a; }); })
      .Case<attn::FloorDivOp>([&](auto) { return integers(op, attn::floorDiv); })
      .Case<attn::FloorModOp>([&](auto) { return integers(op, attn::floorMod); })
      .Case<arith::FloorDivSIOp>([&](auto) {
        return integers(op, [](int64_t a, int64_t b) {
          EXPECT_FALSE(b == 0 || (a == INT64_MIN && b == -1)) << "emitted code divides " << a << " by " << b;
          return attn::floorDiv(a, b);
        });
      })
      .Default([&](Operation*) { return Step(); });
}

Step Assembler::step(Operation* op) {
  if (isa<attn::LookupOp>(op))
    return lookup(op);
  if (isa<func::CallOp>(op))
    return bounds(op);
  if (auto size = dyn_cast<attn::SizeOp>(op)) {
    size_t r = slot(op->getResult(0));
    return [this, r, name = size.getName().str()](Slots& s) { s[r].i = inputs->sizes.at(name); };
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Number number;
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      number.i = integer.getType().isInteger(1) ? integer.getValue().getBoolValue() : integer.getInt();
    else
      number.f = cast<FloatAttr>(constant.getValue()).getValueAsDouble();
    return [number, r = slot(op->getResult(0))](Slots& s) { s[r] = number; };
  }
  if (isa<arith::SelectOp>(op)) {
    size_t c = slot(op->getOperand(0)), a = slot(op->getOperand(1)), b = slot(op->getOperand(2)),
           r = slot(op->getResult(0));
    return [=](Slots& s) { s[r] = s[c].i ? s[a] : s[b]; };
  }
  if (isa<arith::SIToFPOp>(op)) {
    size_t a = slot(op->getOperand(0)), r = slot(op->getResult(0));
    bool isSingle = op->getResult(0).getType().isF32();
    return [=, this](Slots& s) {
      s[r].f = isSingle && inputs->singlePrecision ? double(float(s[a].i)) : double(s[a].i);
    };
  }
  if (isa<FloatType>(op->getOperand(0).getType()))
    return realStep(op);
  Step step = integerStep(op);
  EXPECT_TRUE(step) << "no evaluation of " << op->getName().getStringRef().str();
  return step;
}

/// Lets the analysis emit attn.size, attn.lookup and calls of @bounds.
struct TestHost : analysis::MaskHost {
  Value size(OpBuilder& builder, Location loc, StringRef name) override {
    return attn::SizeOp::create(builder, loc, builder.getI64Type(), name);
  }
  Value scalar(OpBuilder&, Location, Value captured) override { return captured; }
  Value element(OpBuilder& builder, Location loc, Value tensor, ValueRange indices) override {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    Type type = isa<FloatType>(element) ? Type(builder.getF32Type())
                : element.isInteger(8)  ? builder.getI1Type()
                                        : builder.getI64Type();
    return attn::LookupOp::create(builder, loc, type, tensor, indices);
  }
  std::pair<Value, Value> bounds(OpBuilder& builder, Location loc, Value tensor, ValueRange leading, Value lo,
                                 Value hi) override {
    EXPECT_TRUE(llvm::is_contained(summarized, tensor)) << "bounds of a tensor that was not announced";
    SmallVector<Value> operands{tensor};
    llvm::append_range(operands, leading);
    operands.append({lo, hi});
    Type i64 = builder.getI64Type();
    auto call = func::CallOp::create(builder, loc, "bounds", TypeRange{i64, i64}, operands);
    return {call.getResult(0), call.getResult(1)};
  }
  SmallVector<Value> summarized;
};

} // namespace

struct Machine::Implementation {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  Block rows, keys, classes;
  std::optional<analysis::MaskAnalysis> analysis;
  Assembler assembler;
  Inputs inputs;
  Slots slots;
  std::vector<Step> maskSteps, rowSteps, keySteps, classSteps;
  size_t maskResult = 0, lo = 0, hi = 0, any = 0, all = 0;
  std::vector<size_t> maskArguments, boxArguments, keyArguments;

  ~Implementation() {
    // Users before definitions.
    for (Block* block : {&classes, &keys, &rows}) {
      block->dropAllReferences();
      block->dropAllDefinedValueUses();
    }
  }

  void parse(const std::string& captures, const std::string& body) {
    context.loadDialect<arith::ArithDialect, math::MathDialect, func::FuncDialect, attn::AttnDialect>();
    std::string text = "func.func @f(" + captures +
                       ") {\n %m = attn.mask {\n ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):\n" +
                       body + "\n } : tensor<?x?x?x?xi1>\n return\n}\n";
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      llvm::report_fatal_error(llvm::Twine("cannot parse\n") + text);
    function = *module->getOps<func::FuncOp>().begin();
  }

  void emit(bool oneHead) {
    auto mask = *function.getOps<attn::MaskOp>().begin();
    Location loc = function.getLoc();
    Type i64 = IntegerType::get(&context, 64);
    analysis.emplace(mask.getBody(), analysis::MaskOptions{oneHead});
    TestHost host;
    llvm::append_range(host.summarized, analysis->summarizedTensors());
    for (int i = 0; i != 6; ++i)
      rows.addArgument(i64, loc);
    for (int i = 0; i != 2; ++i)
      classes.addArgument(i64, loc);
    auto row = [&](unsigned i) { return rows.getArgument(i); };
    OpBuilder builder(&context);
    builder.setInsertionPointToEnd(&rows);
    auto facts = analysis->emitRowFacts(
        builder, loc, {row(0), row(1), oneHead ? row(1) : row(2), row(3), row(4), row(5)}, host);
    builder.setInsertionPointToEnd(&keys);
    analysis::KeyRange range = facts.emitKeyRange(builder);
    builder.setInsertionPointToEnd(&classes);
    analysis::TileClass tile = facts.emitClassify(builder, classes.getArgument(0), classes.getArgument(1));

    llvm::SmallPtrSet<Operation*, 4> results;
    for (Value value : {range.lo, range.hi, tile.any, tile.all})
      results.insert(value.getDefiningOp());
    for (Block* block : {&classes, &keys, &rows})
      for (Operation& op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (op.use_empty() && !results.contains(&op))
          op.erase();

    assembler.inputs = &inputs;
    for (BlockArgument argument : function.getArguments())
      assembler.slot(argument);
    auto arguments = [&](Block& block, std::vector<size_t>& list) {
      for (BlockArgument argument : block.getArguments())
        list.push_back(assembler.slot(argument));
    };
    arguments(mask.getBody().front(), maskArguments);
    arguments(rows, boxArguments);
    arguments(classes, keyArguments);
    maskSteps = assembler.assemble(mask.getBody().front());
    rowSteps = assembler.assemble(rows);
    keySteps = assembler.assemble(keys);
    classSteps = assembler.assemble(classes);
    maskResult = assembler.slot(mask.getBody().front().getTerminator()->getOperand(0));
    lo = assembler.slot(range.lo);
    hi = assembler.slot(range.hi);
    any = assembler.slot(tile.any);
    all = assembler.slot(tile.all);
    slots.resize(assembler.slots.size());
  }

  void set(const std::vector<size_t>& arguments, std::initializer_list<int64_t> values) {
    for (auto [slot, value] : llvm::zip(arguments, values))
      slots[slot].i = value;
  }
  void run(const std::vector<Step>& steps) {
    for (const Step& step : steps)
      step(slots);
  }
};

Machine::Machine(const std::string& captures, const std::string& body, bool oneHead)
    : self(std::make_unique<Implementation>()) {
  self->parse(captures, body);
  self->emit(oneHead);
}
Machine::~Machine() = default;

size_t Machine::classifyCost() const {
  return llvm::count_if(self->classes, [](Operation& op) { return !isa<arith::ConstantOp>(op); });
}

void Machine::bind(const Inputs& inputs) {
  self->inputs = inputs;
  for (BlockArgument argument : self->function.getArguments()) {
    unsigned i = argument.getArgNumber();
    if (!isa<RankedTensorType>(argument.getType()))
      self->slots[self->assembler.slot(argument)] = {inputs.integers[i], inputs.reals[i]};
  }
}

bool Machine::visible(int64_t b, int64_t h, int64_t kvH, int64_t q, int64_t k) {
  self->set(self->maskArguments, {b, h, kvH, q, k});
  self->run(self->maskSteps);
  return self->slots[self->maskResult].i != 0;
}

void Machine::enter(const Box& box) {
  self->set(self->boxArguments, {box.b, box.h0, box.h1, box.kvH, box.q0, box.q1});
  self->run(self->rowSteps);
}

std::pair<int64_t, int64_t> Machine::keyRange() {
  self->run(self->keySteps);
  return {self->slots[self->lo].i, self->slots[self->hi].i};
}

Verdict Machine::classify(int64_t k0, int64_t k1) {
  self->set(self->keyArguments, {k0, k1});
  self->run(self->classSteps);
  return {self->slots[self->any].i != 0, self->slots[self->all].i != 0};
}
