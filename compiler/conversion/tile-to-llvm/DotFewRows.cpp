//===- DotFewRows.cpp - products for fewer rows than a vector has lanes ------------===//
//
// Decoding has a handful of query rows and is bound by memory, if no lane is wasted. With half a vector of
// rows, each row takes two lanes (`phases`), that work on neighbouring units of the contracted dimension
// (scores) or on neighbouring columns (output): a broadcast then brings two numbers of a key or value row at
// once. Rows come from and go to ordinary col_major buffers; the other arrangement lives within one dot.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attile {
namespace {

struct FewRowsDot {
  KernelLowering& k;
  tile::DotOp op;
  const Buffer acc, lhs, rhs;
  bool pairs; ///< 16-bit operands, two per unit
  int64_t phases;

  FewRowsDot(KernelLowering& k, tile::DotOp op)
      : k(k), op(op), acc(k.buffer(op.getAcc())), lhs(k.buffer(op.getLhs())), rhs(k.buffer(op.getRhs())),
        pairs(lhs.layout() == tile::LayoutKind::ColPairs), phases(k.target.lanes / k.lanes) {}

  Type unit() { return pairs ? Type(k.b.getI32Type()) : Type(k.b.getF32Type()); }
  VectorType wide(Type element) { return VectorType::get({k.target.lanes}, element); }
  Value zeros() { return arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(wide(k.b.getF32Type()))); }

  /// Lane r * phases + p of the result is lane r of part p.
  Value spread(ArrayRef<Value> parts) {
    Value joined = parts[0];
    SmallVector<int64_t> mask;
    for (int64_t r = 0; r < k.lanes; ++r)
      for (int64_t p = 0; p < phases; ++p)
        mask.push_back((parts.size() == 1 ? 0 : p * k.lanes) + r);
    if (parts.size() == 1)
      return vector::ShuffleOp::create(k.b, k.loc, joined, joined, mask);
    return vector::ShuffleOp::create(k.b, k.loc, parts[0], parts[1], mask);
  }
  /// Lane r of the result is lane r * phases + p of `vector`.
  Value phase(Value vector, int64_t p) {
    SmallVector<int64_t> mask;
    for (int64_t r = 0; r < k.lanes; ++r)
      mask.push_back(r * phases + p);
    return vector::ShuffleOp::create(k.b, k.loc, vector, vector, mask);
  }
  /// `phases` neighbouring units, repeated for every row.
  Value broadcast(Value pointer) {
    Value few = k.load(pointer, VectorType::get({phases}, unit()));
    SmallVector<int64_t> mask;
    for (int64_t r = 0; r < k.lanes; ++r)
      for (int64_t p = 0; p < phases; ++p)
        mask.push_back(p);
    return vector::ShuffleOp::create(k.b, k.loc, few, few, mask);
  }

  /// Copies `count` row vectors of `buffer`, unit by unit: `together` of them spread over one wide vector.
  Value arrange(const Buffer& buffer, Value count, int64_t capacity, int64_t together) {
    Value arranged = k.allocate((capacity + phases) * k.target.lanes * 4);
    k.loop(k.constant(int64_t(0)), count, together, [&](Value t) {
      SmallVector<Value> parts;
      for (int64_t p = 0; p < together; ++p)
        parts.push_back(k.load(k.at(buffer.base, unit(), k.mul(k.add(t, p), k.lanes)), k.vectorOf(unit())));
      Value position = arith::DivUIOp::create(k.b, k.loc, t, k.constant(together));
      k.store(spread(parts), k.at(arranged, unit(), k.mul(position, k.target.lanes)));
    });
    return arranged;
  }

  /// The global rows that the staged operand was copied from, if they can be told.
  const Buffer* stagedFrom() {
    auto window = op.getRhs().getDefiningOp<tile::SliceOp>();
    for (Operation* user : window.getSource().getUsers())
      if (auto copy = dyn_cast<tile::CopyOp>(user); copy && copy.getDest() == window.getSource())
        return &k.buffer(copy.getSource());
    return nullptr;
  }

  /// Asks for a line of what the next tile will stage, while this one is multiplied: `row` counts from this
  /// tile's first, `byte` from the row's. A prefetch never faults.
  void prefetch(const Buffer& source, Value row, Value byte) {
    Value next = k.add(row, k.schedule.getKeys());
    Value pointer = k.at(source.base, source.element(), k.mul(next, source.strides[0]));
    LLVM::Prefetch::create(k.b, k.loc, k.at(pointer, k.b.getI8Type(), byte), 0, 1, 1);
  }

  /// scores[r, key]: `score_keys` keys a block; the lanes of a row are added at the end.
  void scores() {
    int64_t block = k.schedule.getScoreKeys(), units = lhs.columns / (pairs ? 2 : 1);
    int64_t rowUnits = rhs.columns / (pairs ? 2 : 1);
    Value zero = k.constant(int64_t(0));
    Value q = arrange(lhs, k.constant(units), units, phases);
    const Buffer* source = stagedFrom();
    int64_t rowBytes = source ? source->type.getShape()[1] * bytesOf(source->element()) : 0;
    k.loop(zero, rhs.sizes[0], block, [&](Value key) {
      Value numbers = k.at(rhs.base, rhs.element(), k.mul(key, rhs.columns));
      SmallVector<Value> init(block, zeros());
      auto sums = k.loop(zero, k.constant(units / phases), 1, init, [&](Value t, ValueRange carried) {
        Value rows = k.load(k.at(q, unit(), k.mul(t, k.target.lanes)), wide(unit()));
        Value at = k.at(numbers, unit(), k.mul(t, phases));
        if (source) { // this block's share of the next tile, a few lines a step
          int64_t lines = (rowBytes + 63) / 64, share = (block * lines * phases + units - 1) / units;
          for (int64_t i = 0; i < share; ++i) {
            Value line = k.add(k.mul(t, share), i);
            Value row = arith::DivUIOp::create(k.b, k.loc, line, k.constant(lines));
            Value inRow = arith::RemUIOp::create(k.b, k.loc, line, k.constant(lines));
            prefetch(*source, k.add(key, row), k.mul(inRow, 64));
          }
        }
        SmallVector<Value> next;
        for (int64_t j = 0; j < block; ++j)
          next.push_back(
              multiplyAdd(k, pairs, rows, broadcast(k.at(at, unit(), k.constant(j * rowUnits))), carried[j]));
        return next;
      });
      for (int64_t j = 0; j < block; ++j) {
        Value sum = phase(sums[j], 0);
        for (int64_t p = 1; p < phases; ++p)
          sum = arith::AddFOp::create(k.b, k.loc, sum, phase(sums[j], p));
        k.store(sum, k.at(acc.base, acc.element(), k.mul(k.add(key, j), k.lanes)));
      }
    });
  }

  /// `count` accumulators of `phases` columns each, from column c0.
  void outputBlock(Value weights, Value depth, Value factor, Value c0, int64_t count) {
    Value zero = k.constant(int64_t(0));
    const Buffer* source = stagedFrom();
    SmallVector<Value> init(count, zeros());
    auto sums = k.loop(zero, depth, 1, init, [&](Value t, ValueRange carried) {
      Value w = k.load(k.at(weights, unit(), k.mul(t, k.target.lanes)), wide(unit()));
      Value numbers = k.at(rhs.base, unit(), k.add(k.mul(t, rhs.columns), c0));
      if (source) // the same columns of the next tile
        for (int64_t row = 0; row < (pairs ? 2 : 1); ++row)
          for (int64_t byte = 0; byte < count * phases * bytesOf(source->element()); byte += 64)
            prefetch(*source, k.add(k.mul(t, pairs ? 2 : 1), row),
                     k.add(k.mul(c0, bytesOf(source->element())), byte));
      SmallVector<Value> next;
      for (int64_t j = 0; j < count; ++j)
        next.push_back(
            multiplyAdd(k, pairs, w, broadcast(k.at(numbers, unit(), k.constant(j * phases))), carried[j]));
      return next;
    });
    for (int64_t j = 0; j < count; ++j)
      for (int64_t p = 0; p < phases; ++p) {
        Value pointer = k.at(acc.base, acc.element(), k.mul(k.add(c0, j * phases + p), k.lanes));
        Value sum = phase(sums[j], p);
        if (op.getAccumulate()) {
          Value old = k.load(pointer, k.vectorOf(k.b.getF32Type()));
          sum = factor ? Value(LLVM::FMulAddOp::create(k.b, k.loc, old, factor, sum))
                       : Value(arith::AddFOp::create(k.b, k.loc, old, sum));
        }
        k.store(sum, pointer);
      }
  }

  void outputs() {
    int64_t block = k.schedule.getValueCols() / phases * phases, columns = acc.columns;
    int64_t whole = columns / block * block;
    Value zero = k.constant(int64_t(0)), depth = rhs.sizes[0], factor;
    if (pairs)
      depth = arith::ShRUIOp::create(k.b, k.loc, k.add(depth, 1), k.constant(int64_t(1)));
    Value weights = arrange(lhs, depth, lhs.columns / (pairs ? 2 : 1), 1);
    if (Value rescale = op.getRescale())
      factor = k.load(k.buffer(rescale).base, k.vectorOf(k.b.getF32Type()));
    if (whole)
      k.loop(zero, k.constant(whole), block,
             [&](Value c0) { outputBlock(weights, depth, factor, c0, block / phases); });
    if (columns > whole)
      outputBlock(weights, depth, factor, k.constant(whole), (columns - whole) / phases);
  }
};

} // namespace

LogicalResult lowerDotFewRows(KernelLowering& k, tile::DotOp op) {
  FewRowsDot dot{k, op};
  int64_t units = dot.lhs.columns / (dot.pairs ? 2 : 1);
  if (dot.phases != 2 || dot.acc.type.getShape()[0] != k.lanes || !dot.rhs.isLocal() ||
      (op.getTransposeB() ? units : dot.acc.columns) % dot.phases)
    return op.emitOpError("has ") << k.lanes
                                  << " rows, fewer than a vector has lanes: expected half a vector, staged "
                                  << "operands and an even extent, got " << dot.acc.type << ", "
                                  << dot.rhs.type;
  if (op.getTransposeB())
    dot.scores();
  else
    dot.outputs();
  return success();
}

} // namespace attile
