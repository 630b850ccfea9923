//===- Generic.cpp - elementwise work with query rows across lanes -----------------===//
//
// Each value of the region is computed where it varies: once (uniform), once per row (a few vectors outside
// of the column loop), once per column (a scalar), or per element (vectors inside the loop). Integers are
// computed in 32 bits wherever their range proves that exact. Where rows are fewer than lanes, a vector holds
// the rows of several columns.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"
#include "compiler/transforms/tile/Ranges.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

#include <limits>

using namespace mlir;

namespace attile {
namespace {

enum Varies : unsigned { Never = 0, ByRow = 1, ByColumn = 2, ByBoth = 3 };

class GenericLowering {
public:
  GenericLowering(KernelLowering& k, tile::GenericOp op)
      : k(k), op(op), vectors(k.vectorsPerPanel() % 2 ? 1 : 2), columns(columnsOfVector()),
        perVector(columns * k.lanes) {}
  LogicalResult run();

private:
  // ---- where values vary
  void classify();
  Varies of(Value value) const { return Varies(varies.lookup(value)); }

  // ---- values
  VectorType vectorOf(Type element) const { return VectorType::get({perVector}, element); }
  Value splat(Value scalar) { return k.splat(scalar, vectorOf(scalar.getType())); }
  /// A vector with the rows of each column: vectors of rows, one or one for each column.
  Value joined(ArrayRef<Value> rows);
  /// Of the column at `i` of those that a vector holds.
  Value asScalar(Value value, int64_t i = 0);
  /// Vector `v` of a value, with integers 32 or 64 bits wide.
  Value asVector(Value value, int64_t v, unsigned bits);
  Value perColumn(Value value, llvm::function_ref<Value(int64_t)> scalar);
  Value narrowNumber(int32_t n) { return arith::ConstantIntOp::create(k.b, k.loc, k.b.getI32Type(), n); }
  unsigned widthOf(Value value) { return ranges.of(value).narrow() ? 32 : 64; }
  Value withWidth(Value vector, unsigned width);

  // ---- emission
  LogicalResult emit(Varies level);
  LogicalResult emitScalar(Operation* op, Varies level);
  LogicalResult emitVector(Operation* op);
  Value emitCompare(arith::CmpIOp cmp, int64_t v);
  Value emitVectorOp(Operation* op, int64_t v);
  Value gatherLanes(tile::LookupOp lookup, int64_t v);
  Value divide(Operation* op, int64_t v);
  Value divideByRow(Operation* op, int64_t v);

  // ---- memory
  int64_t columnsOfVector();
  Value rowsOf(Value vector, int64_t i);
  Value columnsThatCount(Value first, Value count);
  Value elementPointer(const Buffer& buffer, Value column, int64_t v);
  Value loadElement(const Buffer& buffer, Value column, int64_t v);
  void storeOutputs(Value column);
  void panelBody(Value r0);
  Value combine(tile::Combiner combiner, Value acc, Value x);
  std::pair<Value, Value> columnsOf(Value r0, Value count);

  KernelLowering& k;
  tile::GenericOp op;
  int64_t vectors;   ///< that are worked on together: two hide latencies, more only cost compile time
  int64_t columns;   ///< that a vector holds the rows of
  int64_t perVector; ///< lanes of a vector: rows times columns
  Ranges ranges;
  llvm::DenseMap<Value, unsigned> varies;
  llvm::DenseSet<Value> exact; ///< floats that something jumps with: the last place matters
  llvm::DenseMap<Value, SmallVector<Value>> scalars; ///< one, or one for each of the columns
  llvm::DenseMap<Value, SmallVector<Value>> lanes;   ///< vectors of ByRow and ByBoth values
  Value row0;                                        ///< first row of the vectors that are worked on
  SmallVector<Value> indices;                        ///< of the columns that are worked on
  Value panelStart, rowInPanel;
  bool failedOp = false;
};

void GenericLowering::classify() {
  Block& body = op.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), op.getInputs())) {
    varies[argument] = cast<tile::BufferType>(input.getType()).getRank() == 2 ? ByBoth : ByRow;
    if (argument.getType().isInteger(64)) // local integer buffers hold positions
      ranges.set(argument, {0, kMaxLength});
  }
  for (Operation& nested : body.without_terminator()) {
    unsigned where = Never;
    if (auto index = dyn_cast<tile::IndexOp>(nested)) {
      where = index.getDim() == 0 ? ByRow : ByColumn;
      ranges.set(index.getResult(), {0, index.getDim() == 0 ? int64_t(op.getRows()) : kMaxLength});
    }
    for (Value operand : nested.getOperands())
      where |= varies.lookup(operand);
    for (Value result : nested.getResults())
      varies[result] = where;
  }
  for (Operation& nested : llvm::reverse(body.without_terminator()))
    if (isa<arith::CmpFOp, arith::FPToSIOp, arith::RemFOp, math::FloorOp, math::CeilOp, math::PowFOp>(
            nested) ||
        llvm::any_of(nested.getResults(), [&](Value result) { return exact.contains(result); }))
      exact.insert_range(nested.getOperands());
}

// ---- values --------------------------------------------------------------------------------------------

Value GenericLowering::withWidth(Value vector, unsigned width) {
  auto type = cast<VectorType>(vector.getType());
  unsigned now = type.getElementTypeBitWidth();
  if (!type.getElementType().isInteger() || now == 1 || now == width)
    return vector;
  VectorType wanted = type.clone(k.b.getIntegerType(width));
  return width < now ? Value(arith::TruncIOp::create(k.b, k.loc, wanted, vector))
                     : Value(arith::ExtSIOp::create(k.b, k.loc, wanted, vector));
}

Value GenericLowering::joined(ArrayRef<Value> rows) {
  if (columns == 1)
    return rows[0];
  SmallVector<int64_t> mask;
  for (int64_t lane = 0; lane < perVector; ++lane)
    mask.push_back(rows.size() == 1 ? lane % k.lanes : lane);
  return vector::ShuffleOp::create(k.b, k.loc, rows.front(), rows.back(), mask);
}

Value GenericLowering::asScalar(Value value, int64_t i) {
  auto known = scalars.find(value);
  if (known == scalars.end())
    return k.scalar(value);
  return known->second.size() == 1 ? known->second[0] : known->second[i];
}

Value GenericLowering::asVector(Value value, int64_t v, unsigned bits) {
  if (of(value) & ByRow)
    return withWidth(lanes[value][v], bits);
  auto scalar = [&](int64_t i) {
    Value x = asScalar(value, i);
    return x.getType().isInteger(64) && bits == 32
               ? Value(arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), x))
               : x;
  };
  return perColumn(value, scalar);
}

/// The vector of what `scalar` is for each column of a value, or for all of them.
Value GenericLowering::perColumn(Value value, llvm::function_ref<Value(int64_t)> scalar) {
  if (of(value) == Never || columns == 1)
    return splat(scalar(0));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < columns; ++i)
    rows.push_back(k.splat(scalar(i)));
  return joined(rows);
}

// ---- operations ------------------------------------------------------------------------------------------

Value GenericLowering::combine(tile::Combiner combiner, Value acc, Value x) {
  auto pick = [&](arith::CmpFPredicate predicate) -> Value {
    // One instruction on x86; a NaN in x leaves acc, and reaches the result through the weights.
    Value better = arith::CmpFOp::create(k.b, k.loc, predicate, x, acc);
    return arith::SelectOp::create(k.b, k.loc, better, x, acc);
  };
  switch (combiner) {
  case tile::Combiner::Add:
    return arith::AddFOp::create(k.b, k.loc, acc, x);
  case tile::Combiner::Mul:
    return arith::MulFOp::create(k.b, k.loc, acc, x);
  case tile::Combiner::Max:
    return pick(arith::CmpFPredicate::OGT);
  case tile::Combiner::Min:
    return pick(arith::CmpFPredicate::OLT);
  }
  llvm_unreachable("all combiners are listed");
}

/// Integer quotient or remainder of vectors. In 32 bits by a float64 quotient, which is exact after rounding
/// down; in 64 bits lane by lane.
Value GenericLowering::divide(Operation* op, int64_t v) {
  Value n = op->getOperand(0), d = op->getOperand(1);
  bool narrow = widthOf(n) == 32 && widthOf(d) == 32 && widthOf(op->getResult(0)) == 32;
  unsigned width = narrow ? 32 : 64;
  Value x = asVector(n, v, width), y = asVector(d, v, width);
  bool floors = isa<arith::FloorDivSIOp>(op), remainder = isa<arith::RemSIOp>(op);
  if (!narrow) {
    OperationState state(k.loc, op->getName(), {x, y}, {x.getType()});
    return k.b.create(state)->getResult(0);
  }
  VectorType type = cast<VectorType>(x.getType()), f64 = type.clone(k.b.getF64Type());
  auto real = [&](Value i) { return arith::SIToFPOp::create(k.b, k.loc, f64, i).getResult(); };
  Value quotient = arith::DivFOp::create(k.b, k.loc, real(x), real(y));
  bool sameSign = ranges.of(n).nonNegative() && ranges.of(d).nonNegative();
  if (floors && !sameSign)
    quotient = math::FloorOp::create(k.b, k.loc, quotient);
  Value q = arith::FPToSIOp::create(k.b, k.loc, type, quotient); // rounds toward zero
  if (!remainder)
    return q;
  return arith::SubIOp::create(k.b, k.loc, x, arith::MulIOp::create(k.b, k.loc, q, y));
}

/// Quotients by what is one number a row: its reciprocal (the loop over columns does not contain it) costs
/// half a unit in the last place. It is that of the divisor times a power of two, so that it is never
/// subnormal: that would be 0.
Value GenericLowering::divideByRow(Operation* op, int64_t v) {
  Value x = asVector(op->getOperand(0), v, 32), divisor = asVector(op->getOperand(1), v, 32);
  auto number = [&](float n) { return splat(k.constant(n)); };
  auto mul = [&](Value a, Value b) -> Value { return arith::MulFOp::create(k.b, k.loc, a, b); };
  Value size = math::AbsFOp::create(k.b, k.loc, divisor), power = number(1);
  auto powerWhere = [&](arith::CmpFPredicate predicate, float bound) {
    Value beyond = arith::CmpFOp::create(k.b, k.loc, predicate, size, number(bound));
    power = arith::SelectOp::create(k.b, k.loc, beyond, number(1 / bound), power);
  };
  powerWhere(arith::CmpFPredicate::OGT, 0x1p64f);
  powerWhere(arith::CmpFPredicate::OLT, 0x1p-64f);
  Value inverse = arith::DivFOp::create(k.b, k.loc, number(1), mul(divisor, power));
  return mul(mul(x, power), inverse);
}

Value GenericLowering::emitCompare(arith::CmpIOp cmp, int64_t v) {
  Value x = cmp.getLhs(), y = cmp.getRhs();
  if (x.getType().isInteger(1))
    return arith::CmpIOp::create(k.b, k.loc, cmp.getPredicate(), asVector(x, v, 64), asVector(y, v, 64));
  bool signedOrEqual = cmp.getPredicate() < arith::CmpIPredicate::ult; // what clamping and narrowing keep
  bool narrowX = signedOrEqual && widthOf(x) == 32, narrowY = signedOrEqual && widthOf(y) == 32;
  // A scalar of any size compares with a narrow vector as its value clamped to 32 bits does.
  auto clamped = [&](Value value) {
    return perColumn(value, [&](int64_t i) -> Value {
      Value scalar =
          k.min(k.max(asScalar(value, i), k.constant(int64_t(INT32_MIN))), k.constant(int64_t(INT32_MAX)));
      return arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), scalar);
    });
  };
  Value a, b;
  if (narrowX && (narrowY || !(of(y) & ByRow))) {
    a = asVector(x, v, 32);
    b = narrowY ? asVector(y, v, 32) : clamped(y);
  } else if (narrowY && !(of(x) & ByRow)) {
    a = clamped(x);
    b = asVector(y, v, 32);
  } else {
    a = asVector(x, v, 64);
    b = asVector(y, v, 64);
  }
  return arith::CmpIOp::create(k.b, k.loc, cmp.getPredicate(), a, b);
}

Value GenericLowering::gatherLanes(tile::LookupOp lookup, int64_t v) {
  const Buffer& buffer = k.buffer(lookup.getBuffer());
  Type type = lookup.getType();
  bool byColumn = of(lookup.getResult()) & ByColumn;
  VectorType rows = byColumn ? vectorOf(type) : k.vectorOf(type);
  Value result = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(rows));
  SmallVector<Value> wide; // null: not by row
  for (Value index : lookup.getIndices())
    wide.push_back(of(index) & ByRow ? asVector(index, v, 64) : Value());
  for (int64_t lane = 0; lane < rows.getNumElements(); ++lane) {
    SmallVector<Value> at;
    for (auto [index, vector] : llvm::zip(lookup.getIndices(), wide))
      at.push_back(vector ? Value(vector::ExtractOp::create(k.b, k.loc, vector, lane))
                          : asScalar(index, lane / k.lanes));
    result = vector::InsertOp::create(k.b, k.loc, emitLookup(k, buffer, at, type), result, lane);
  }
  return byColumn ? result : joined(result);
}

Value GenericLowering::emitVectorOp(Operation* op, int64_t v) {
  if (auto lookup = dyn_cast<tile::LookupOp>(op))
    return gatherLanes(lookup, v);
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return emitCompare(cmp, v);
  if (isa<arith::DivSIOp, arith::FloorDivSIOp, arith::RemSIOp>(op))
    return divide(op, v);
  if (isa<arith::DivFOp>(op) && of(op->getResult(0)) == ByBoth && of(op->getOperand(1)) == ByRow &&
      !exact.contains(op->getResult(0)))
    return divideByRow(op, v);
  if (auto index = dyn_cast<tile::IndexOp>(op)) {
    SmallVector<int64_t> rows(perVector);
    for (auto [i, s] : llvm::enumerate(rows))
      s = v * k.lanes + int64_t(i) % k.lanes;
    VectorType type = vectorOf(k.b.getI64Type());
    Value step = arith::ConstantOp::create(k.b, k.loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(rows)));
    return arith::AddIOp::create(k.b, k.loc, splat(row0), step);
  }
  // Everything else is elementwise by name: the same op on vectors.
  unsigned width = 32;
  auto isInt = [](Value value) { return value.getType().isInteger(64); };
  for (Value value :
       llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
    if (isInt(value))
      width = std::max(width, widthOf(value));
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(asVector(operand, v, width));
  Type element = op->getResult(0).getType();
  if (isInt(op->getResult(0)))
    element = k.b.getIntegerType(width);
  if (isa<arith::ShRSIOp>(op) && width == 32) // by 32 and more, as by 31: only the sign is left
    operands[1] = arith::MinSIOp::create(k.b, k.loc, operands[1], splat(narrowNumber(31)));
  VectorType type = vectorOf(element);
  if (Value value = emitMath(k, op, operands, type))
    return value;
  OperationState state(k.loc, op->getName(), operands, {type}, op->getAttrs());
  return k.b.create(state)->getResult(0);
}

LogicalResult GenericLowering::emitVector(Operation* op) {
  if (op->getNumResults() != 1 || op->getNumRegions())
    return op->emitOpError("has no vector form");
  SmallVector<Value> parts;
  for (int64_t v = 0; v < vectors; ++v)
    parts.push_back(emitVectorOp(op, v));
  lanes[op->getResult(0)] = std::move(parts);
  return success();
}

LogicalResult GenericLowering::emitScalar(Operation* op, Varies level) {
  bool known = isa<tile::IndexOp, tile::LookupOp>(op);
  if (!known && (op->getNumResults() != 1 || op->getNumRegions()))
    return op->emitOpError("has no scalar form");
  SmallVector<Value> results;
  for (int64_t i = 0; i < (level == ByColumn ? columns : 1); ++i) {
    auto operand = [&](Value v) { return asScalar(v, i); };
    if (isa<tile::IndexOp>(op)) {
      results.push_back(indices[i]);
    } else if (auto lookup = dyn_cast<tile::LookupOp>(op)) {
      auto at = llvm::map_to_vector(lookup.getIndices(), operand);
      results.push_back(emitLookup(k, k.buffer(lookup.getBuffer()), at, lookup.getType()));
    } else {
      auto operands = llvm::map_to_vector(op->getOperands(), operand);
      Value value = emitMath(k, op, operands, op->getResult(0).getType());
      if (!value) {
        OperationState state(k.loc, op->getName(), operands, op->getResultTypes(), op->getAttrs());
        value = k.b.create(state)->getResult(0);
      }
      results.push_back(value);
    }
  }
  scalars[op->getResult(0)] = std::move(results);
  return success();
}

LogicalResult GenericLowering::emit(Varies level) {
  for (Operation& nested : op.getBody().front().without_terminator()) {
    Varies where = nested.getNumResults() ? of(nested.getResult(0)) : Never;
    if (where != level)
      continue;
    Location outer = std::exchange(k.loc, nested.getLoc());
    LogicalResult result = level & ByRow ? emitVector(&nested) : emitScalar(&nested, level);
    k.loc = outer;
    if (failed(result))
      return failure();
  }
  return success();
}

// ---- memory ----------------------------------------------------------------------------------------------

/// A vector holds all its lanes, unless columns next to each other do not lie so, as those of a tile that has
/// an odd number of them, or whose bits begin within bytes.
int64_t GenericLowering::columnsOfVector() {
  int64_t most = k.target.lanes / k.lanes;
  bool fits = op.getCols() && most == 2 && k.panel() == k.lanes;
  for (Value operand :
       llvm::concat<Value>(SmallVector<Value>(op.getInputs()), SmallVector<Value>(op.getOutputs()))) {
    const Buffer& buffer = k.buffer(operand);
    if (buffer.type.getRank() == 2)
      fits &= buffer.columns % 2 == 0 && (!buffer.element().isInteger(1) || k.lanes % 8 == 0);
  }
  return fits ? 2 : 1;
}

/// Where vector `v` of the rows lies at `column` (null: rank 1).
Value GenericLowering::elementPointer(const Buffer& buffer, Value column, int64_t v) {
  int64_t panel = k.panel(), lane = v * k.lanes;
  if (!column)
    return k.at(buffer.base, buffer.element(), k.add(row0, lane));
  Value position =
      k.add(k.add(k.mul(panelStart, buffer.columns), k.mul(column, panel)), k.add(rowInPanel, lane));
  if (buffer.element().isInteger(1)) // one bit per element, at least a byte per vector
    return k.at(buffer.base, k.b.getI8Type(),
                k.mul(arith::DivUIOp::create(k.b, k.loc, position, k.constant(k.lanes)),
                      std::max<int64_t>(1, k.lanes / 8)));
  return k.at(buffer.base, buffer.element(), position);
}

Value GenericLowering::loadElement(const Buffer& buffer, Value column, int64_t v) {
  Value pointer = elementPointer(buffer, column, v);
  if (!buffer.element().isInteger(1)) {
    Value x = column ? k.load(pointer, vectorOf(buffer.element()))
                     : joined(k.load(pointer, k.vectorOf(buffer.element())));
    return isa<FloatType>(buffer.element()) ? k.toF32(x) : x;
  }
  int64_t bits = std::max<int64_t>(8, perVector);
  Value word = LLVM::LoadOp::create(k.b, k.loc, VectorType::get({1}, k.b.getIntegerType(bits)), pointer, 1);
  Value mask = vector::BitCastOp::create(k.b, k.loc, VectorType::get({bits}, k.b.getI1Type()), word);
  if (bits == perVector)
    return mask;
  return vector::ExtractStridedSliceOp::create(k.b, k.loc, mask, ArrayRef<int64_t>{0},
                                               ArrayRef<int64_t>{perVector}, ArrayRef<int64_t>{1});
}

static void storeMask(KernelLowering& k, Value mask, Value pointer) {
  int64_t lanes = cast<VectorType>(mask.getType()).getNumElements(), bits = std::max<int64_t>(8, lanes);
  if (bits != lanes) {
    Value none =
        arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(VectorType::get({bits}, k.b.getI1Type())));
    mask = vector::InsertStridedSliceOp::create(k.b, k.loc, mask, none, ArrayRef<int64_t>{0},
                                                ArrayRef<int64_t>{1});
  }
  Value word = vector::BitCastOp::create(k.b, k.loc, VectorType::get({1}, k.b.getIntegerType(bits)), mask);
  LLVM::StoreOp::create(k.b, k.loc, word, pointer, 1);
}

void GenericLowering::storeOutputs(Value column) {
  auto yield = cast<tile::YieldOp>(op.getBody().front().getTerminator());
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    const Buffer& buffer = k.buffer(output);
    for (int64_t v = 0; v < vectors; ++v) {
      Value x = asVector(yield.getValues()[i], v, 64);
      bool everyColumn = buffer.type.getRank() == 2;
      Value pointer = elementPointer(buffer, everyColumn ? column : Value(), v);
      if (!everyColumn)
        x = rowsOf(x, 0);
      if (buffer.element().isInteger(1))
        storeMask(k, x, pointer);
      else
        k.store(buffer.element().isF32()           ? x
                : isa<FloatType>(buffer.element()) ? k.fromF32(x, buffer.element())
                                                   : x,
                pointer);
    }
  }
}

/// The rows of the column at `i` of those that a vector holds.
Value GenericLowering::rowsOf(Value vector, int64_t i) {
  if (columns == 1)
    return vector;
  return vector::ExtractStridedSliceOp::create(k.b, k.loc, vector, ArrayRef<int64_t>{i * k.lanes},
                                               ArrayRef<int64_t>{k.lanes}, ArrayRef<int64_t>{1});
}

/// The lanes of a vector whose column, from `first` on, is less than `count`.
Value GenericLowering::columnsThatCount(Value first, Value count) {
  SmallVector<int32_t> offsets;
  for (int64_t lane = 0; lane < perVector; ++lane)
    offsets.push_back(int32_t(lane / k.lanes));
  VectorType type = vectorOf(k.b.getI32Type());
  Value left =
      arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), arith::SubIOp::create(k.b, k.loc, count, first));
  Value offset =
      arith::ConstantOp::create(k.b, k.loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(offsets)));
  return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, offset, splat(left));
}

static float neutral(tile::Combiner combiner) {
  switch (combiner) {
  case tile::Combiner::Add:
    return 0;
  case tile::Combiner::Mul:
    return 1;
  case tile::Combiner::Max:
    return -std::numeric_limits<float>::infinity();
  case tile::Combiner::Min:
    return std::numeric_limits<float>::infinity();
  }
  llvm_unreachable("all combiners are listed");
}

static bool addsOrMultiplies(tile::Combiner combiner) {
  return combiner == tile::Combiner::Add || combiner == tile::Combiner::Mul;
}

/// The columns that the rows at r0 need, `count` being all. Dots of pairs take even columns with the odd ones
/// behind them: both are computed.
std::pair<Value, Value> GenericLowering::columnsOf(Value r0, Value count) {
  if (op.getWithin().empty())
    return {k.constant(int64_t(0)), count};
  auto of = [&](Value rows) {
    const Buffer& buffer = k.buffer(rows);
    return k.load(k.at(buffer.base, buffer.element(), r0), buffer.element());
  };
  auto even = [&](Value column) -> Value {
    return arith::AndIOp::create(k.b, k.loc, column, k.constant(int64_t(-2)));
  };
  return {even(of(op.getWithin()[0])), k.min(even(k.add(of(op.getWithin()[1]), 1)), count)};
}

void GenericLowering::panelBody(Value r0) {
  row0 = r0;
  rowInPanel = arith::RemUIOp::create(k.b, k.loc, r0, k.constant(k.panel()));
  panelStart = arith::SubIOp::create(k.b, k.loc, r0, rowInPanel);
  Block& body = op.getBody().front();
  auto yield = cast<tile::YieldOp>(body.getTerminator());
  auto load = [&](unsigned rank, Value column) {
    for (auto [argument, input] : llvm::zip(body.getArguments(), op.getInputs())) {
      const Buffer& buffer = k.buffer(input);
      if (buffer.type.getRank() != rank)
        continue;
      lanes[argument].clear();
      for (int64_t v = 0; v < vectors; ++v)
        lanes[argument].push_back(loadElement(buffer, column, v));
    }
  };
  load(1, {});
  failedOp |= failed(emit(ByRow));
  if (failedOp)
    return;
  if (!op.getCols()) {
    storeOutputs({});
    return;
  }

  // Sums start from the neutral element and meet the old value last: rounding errors then do not grow with
  // it.
  auto combinerOf = [&](int64_t i) { return cast<tile::CombinerAttr>((*op.getCombiners())[i]).getValue(); };
  auto loadOld = [&](int64_t i, int64_t v) {
    return k.load(elementPointer(k.buffer(op.getReduces()[i]), {}, v), k.vectorOf(k.b.getF32Type()));
  };
  Value count = k.scalar(op.getCols());
  SmallVector<Value> init;
  for (int64_t i = 0, n = op.getReduces().size(); i < n; ++i)
    for (int64_t v = 0; v < vectors; ++v)
      init.push_back(addsOrMultiplies(combinerOf(i)) ? splat(k.constant(neutral(combinerOf(i))))
                                                     : joined(loadOld(i, v)));
  auto step = [&](Value c, ValueRange carried) {
    indices = {c};
    for (int64_t i = 1; i < columns; ++i) // past the last column it is repeated, and counts no more
      indices.push_back(k.min(k.add(c, i), k.add(count, -1)));
    load(2, c);
    failedOp |= failed(emit(ByColumn)) || failed(emit(ByBoth));
    if (failedOp) // what follows would read values that were not written
      return SmallVector<Value>(carried);
    SmallVector<Value> next;
    Value counts = op.getReduces().empty() || columns == 1 ? Value() : columnsThatCount(c, count);
    for (int64_t i = 0, n = op.getReduces().size(); i < n; ++i) {
      for (int64_t v = 0; v < vectors; ++v) {
        Value x = asVector(yield.getValues()[op.getOutputs().size() + i], v, 64);
        if (counts) // rather than the result: that would lengthen the chain from one sum to the next
          x = arith::SelectOp::create(k.b, k.loc, counts, x, splat(k.constant(neutral(combinerOf(i)))));
        next.push_back(combine(combinerOf(i), carried[i * vectors + v], x));
      }
    }
    storeOutputs(c);
    return next;
  };
  auto [first, last] = columnsOf(r0, count);
  auto sums = k.loop(first, last, columns, init, step);
  for (auto [i, reduce] : llvm::enumerate(op.getReduces()))
    for (int64_t v = 0; v < vectors; ++v) {
      Value sum = rowsOf(sums[i * vectors + v], 0);
      for (int64_t c = 1; c < columns; ++c)
        sum = combine(combinerOf(i), sum, rowsOf(sums[i * vectors + v], c));
      if (addsOrMultiplies(combinerOf(i)))
        sum = combine(combinerOf(i), loadOld(i, v), sum);
      k.store(sum, elementPointer(k.buffer(reduce), {}, v));
    }
}

LogicalResult GenericLowering::run() {
  for (Value operand :
       llvm::concat<Value>(SmallVector<Value>(op.getInputs()), SmallVector<Value>(op.getOutputs()))) {
    const Buffer& buffer = k.buffer(operand);
    if (buffer.type.getRank() == 2 && buffer.type.getLayout() != tile::LayoutKind::ColMajor)
      return op.emitOpError("takes ") << buffer.type << ", whose rows do not lie across lanes";
  }
  classify();
  failedOp |= failed(emit(Never));
  k.loop(k.constant(int64_t(0)), k.constant(int64_t(op.getRows())), vectors * k.lanes,
         [&](Value r0) { panelBody(r0); });
  return failure(failedOp);
}

} // namespace

LogicalResult lowerGeneric(KernelLowering& k, tile::GenericOp op) { return GenericLowering(k, op).run(); }

LogicalResult lowerAnyAll(KernelLowering& k, tile::AnyAllOp op) {
  const Buffer& buffer = k.buffer(op.getTile());
  int64_t bytesPerVector = std::max<int64_t>(1, k.lanes / 8);
  int64_t rows = buffer.type.getShape()[0], panel = k.panel();
  // Unused bits of a byte are 0 for "any"; "all" compares with the lanes that exist.
  Type word = k.b.getIntegerType(8 * bytesPerVector);
  Value zero = k.constant(int64_t(0));
  auto number = [&](int64_t n) -> Value { return arith::ConstantIntOp::create(k.b, k.loc, word, n); };
  int64_t full = k.lanes >= 64 ? -1 : (int64_t(1) << k.lanes) - 1;
  SmallVector<Value> seen{number(0), number(full)};
  seen = k.loop(zero, k.constant(rows), panel, seen, [&](Value r0, ValueRange outer) {
    return k.loop(
        zero, k.mul(k.scalar(op.getCols()), k.vectorsPerPanel()), 1, outer, [&](Value i, ValueRange carried) {
          Value vector =
              k.add(arith::DivUIOp::create(k.b, k.loc, k.mul(r0, buffer.columns), k.constant(k.lanes)), i);
          Value bits = k.load(k.at(buffer.base, k.b.getI8Type(), k.mul(vector, bytesPerVector)), word);
          return SmallVector<Value>{arith::OrIOp::create(k.b, k.loc, carried[0], bits),
                                    arith::AndIOp::create(k.b, k.loc, carried[1], bits)};
        });
  });
  k.scalars.map(op.getAny(), arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, seen[0], number(0)));
  k.scalars.map(op.getAll(),
                arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, seen[1], number(full)));
  return success();
}

LogicalResult lowerSpans(KernelLowering& k, tile::SpansOp op) {
  const Buffer& tile = k.buffer(op.getTile());
  int64_t panel = k.panel(), group = op.getGroup();
  if (group != panel)
    return op.emitOpError("has groups of ") << group << " rows, expected those of a dot: " << panel;
  // The flags of a group's rows lie side by side in each column.
  int64_t bytes = k.vectorsPerPanel() * std::max<int64_t>(1, k.lanes / 8);
  Type word = k.b.getIntegerType(8 * bytes);
  Value none = arith::ConstantIntOp::create(k.b, k.loc, word, 0);
  Value zero = k.constant(int64_t(0)), n = k.scalar(op.getCols());
  k.loop(zero, k.constant(tile.type.getShape()[0]), panel, [&](Value r0) {
    Value index = arith::DivUIOp::create(k.b, k.loc, r0, k.constant(panel));
    Value flags = k.at(tile.base, k.b.getI8Type(), k.mul(index, tile.columns * bytes));
    auto span = k.loop(zero, n, 1, {n, zero}, [&](Value c, ValueRange carried) {
      Value bits = k.load(k.at(flags, k.b.getI8Type(), k.mul(c, bytes)), word);
      Value some = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, bits, none);
      Value first = arith::SelectOp::create(k.b, k.loc, some, k.min(carried[0], c), carried[0]);
      Value last = arith::SelectOp::create(k.b, k.loc, some, k.add(c, 1), carried[1]);
      return SmallVector<Value>{first, last};
    });
    span[0] = k.min(span[0], span[1]);
    for (auto [value, rows] : llvm::zip(span, ValueRange{op.getFirst(), op.getLast()}))
      for (int64_t v = 0; v < k.vectorsPerPanel(); ++v)
        k.store(k.splat(value), k.at(k.buffer(rows).base, k.b.getI64Type(), k.add(r0, v * k.lanes)));
  });
  return success();
}

} // namespace attile
