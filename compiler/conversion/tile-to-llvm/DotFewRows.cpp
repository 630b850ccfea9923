//===- DotFewRows.cpp - products for fewer rows than a vector has lanes ------------===//
//
// Decoding has a handful of query rows, half a vector, and is bound by memory if the cores keep up. Keys and
// values are read where they lie, each element once: neighbouring channels of a key, or columns of a value,
// lie across the lanes, and every row is multiplied with them while they are in registers. Scores need the
// sum over the lanes then: the products of all rows with a few keys are as many vectors as a vector has
// lanes, and are added by transposing them.
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
  bool pairs; ///< 16-bit operands, two per f32 lane
  int64_t rows, lanes;
  int64_t width; ///< elements of a vector of channels or columns

  FewRowsDot(KernelLowering& k, tile::DotOp op)
      : k(k), op(op), acc(k.buffer(op.getAcc())), lhs(k.buffer(op.getLhs())), rhs(k.buffer(op.getRhs())),
        pairs(!k.target.dotBf16.empty() && lhs.element().isBF16()), rows(k.lanes), lanes(k.target.lanes),
        width(pairs ? 2 * lanes : lanes) {}

  /// What one lane holds: an f32, or a pair of bf16 as an i32.
  Type unit() { return pairs ? Type(k.b.getI32Type()) : Type(k.b.getF32Type()); }
  VectorType wide(Type element) { return VectorType::get({lanes}, element); }
  Value zeros(VectorType type) { return arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(type)); }
  Value shuffle(Value a, Value b, ArrayRef<int64_t> mask) {
    return vector::ShuffleOp::create(k.b, k.loc, a, b, mask);
  }
  Value sum(Value a, Value b) { return arith::AddFOp::create(k.b, k.loc, a, b); }

  Value rowOf(const Buffer& buffer, Value row) {
    return k.at(buffer.base, buffer.element(), k.mul(row, buffer.strides[0]));
  }
  /// `valid` elements from column c of a row, as the dot multiplies them; the others are 0.
  Value loadRow(const Buffer& buffer, Value row, Value c, int64_t valid) {
    Value part = loadPart(k, k.at(row, buffer.element(), c), buffer.element(), width, valid);
    return pairs ? part : k.toF32(part);
  }
  /// Asks for `width` elements of the row as far from `row` as the next tile is, while this tile is
  /// multiplied. A prefetch never faults.
  void prefetch(Value row, Value c) {
    Value next = k.at(row, rhs.element(), k.mul(rhs.strides[0], k.schedule.getKeys()));
    for (int64_t byte = 0; byte < width * bytesOf(rhs.element()); byte += 64)
      LLVM::Prefetch::create(k.b, k.loc,
                             k.at(k.at(next, rhs.element(), c), k.b.getI8Type(), k.constant(byte)), 0, 1, 1);
  }

  /// Lane i of the result is the sum of the lanes of parts[i].
  Value sumsOfLanes(SmallVector<Value> parts) {
    for (int64_t half = lanes / 2; half; half /= 2) {
      // Runs of 2 * half lanes, of one part each, become runs of half, of parts[i] and its partner in turn.
      SmallVector<int64_t> kept, moved;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        bool second = lane / half % 2;
        kept.push_back(second ? lanes + lane : lane);
        moved.push_back(second ? lanes + lane - half : lane + half);
      }
      SmallVector<Value> next;
      for (int64_t i = 0; i < half; ++i)
        next.push_back(
            sum(shuffle(parts[i], parts[i + half], kept), shuffle(parts[i], parts[i + half], moved)));
      parts = std::move(next);
    }
    return parts[0];
  }

  /// scores[r, key]: `score_keys` keys a block. Past the last key it is repeated.
  void scores() {
    int64_t block = k.schedule.getScoreKeys(), columns = lhs.type.getShape()[1];
    int64_t whole = columns / width * width;
    Value zero = k.constant(int64_t(0)), last = k.add(rhs.sizes[0], -1);
    SmallVector<Value> queries;
    for (int64_t r = 0; r < rows; ++r)
      queries.push_back(rowOf(lhs, k.constant(r)));
    k.loop(zero, rhs.sizes[0], block, [&](Value key) {
      SmallVector<Value> keys;
      for (int64_t j = 0; j < block; ++j)
        keys.push_back(rowOf(rhs, k.min(k.add(key, j), last)));
      auto step = [&](Value c, int64_t valid, ValueRange carried) {
        SmallVector<Value> numbers, next(carried);
        for (Value row : keys) {
          numbers.push_back(loadRow(rhs, row, c, valid));
          prefetch(row, c);
        }
        for (int64_t r = 0; r < rows; ++r) {
          Value query = loadRow(lhs, queries[r], c, valid);
          for (int64_t j = 0; j < block; ++j)
            next[j * rows + r] = multiplyAdd(k, pairs, query, numbers[j], carried[j * rows + r]);
        }
        return next;
      };
      SmallVector<Value> sums(block * rows, zeros(wide(k.b.getF32Type())));
      if (whole)
        sums = k.loop(zero, k.constant(whole), width, sums,
                      [&](Value c, ValueRange carried) { return step(c, width, carried); });
      if (columns > whole)
        sums = step(k.constant(whole), columns - whole, sums);
      for (int64_t i = 0; i < block * rows; i += lanes) // rows across lanes, key after key
        k.store(sumsOfLanes({sums.begin() + i, sums.begin() + i + lanes}),
                k.at(acc.base, acc.element(), k.add(k.mul(key, rows), i)));
    });
  }

  /// Columns of two rows of values as pairs, one vector for the lower and one for the upper half of each 128
  /// bits: what a CPU does in one instruction each.
  SmallVector<Value> paired(Value a, Value b) {
    SmallVector<int64_t> masks[2];
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t i = 0; i < lanes; ++i) {
        int64_t column = i / 4 * 8 + half * 4 + i % 4;
        masks[half].append({column, width + column});
      }
    return {shuffle(a, b, masks[0]), shuffle(a, b, masks[1])};
  }
  /// The columns of what was multiplied with two such vectors, in order.
  SmallVector<Value> ordered(Value lower, Value upper) {
    SmallVector<int64_t> masks[2];
    for (int64_t column = 0; column < width; ++column)
      masks[column / lanes].push_back(column / 8 * 4 + column % 4 + (column % 8 < 4 ? 0 : lanes));
    return {shuffle(lower, upper, masks[0]), shuffle(lower, upper, masks[1])};
  }

  /// acc[:, c0 .. c0 + count): sums of all rows stay in registers while the values are walked.
  void outputBlock(Value c0, int64_t count) {
    int64_t parts = (count + width - 1) / width; // vectors of a row of values
    auto valid = [&](int64_t i, int64_t size) { return std::min(size, count - i * size); };
    auto step = [&](Value t, bool hasSecond, ValueRange carried) {
      Value row = rowOf(rhs, pairs ? k.mul(t, 2) : t);
      SmallVector<Value> values, next;
      for (int64_t i = 0; i < parts; ++i) {
        Value c = k.add(c0, i * width), first = loadRow(rhs, row, c, valid(i, width));
        prefetch(row, c);
        if (!pairs) {
          values.push_back(first);
          continue;
        }
        Value second = zeros(VectorType::get({width}, rhs.element()));
        if (hasSecond) {
          Value below = k.at(row, rhs.element(), rhs.strides[0]);
          second = loadRow(rhs, below, c, valid(i, width));
          prefetch(below, c);
        }
        values.append(paired(first, second));
      }
      for (int64_t r = 0; r < rows; ++r) {
        Value weight = k.load(k.at(lhs.base, unit(), k.add(k.mul(t, rows), r)), unit());
        for (Value value : values)
          next.push_back(multiplyAdd(k, pairs, k.splat(weight, wide(unit())), value, carried[next.size()]));
      }
      return next;
    };
    Value zero = k.constant(int64_t(0)), whole = rhs.sizes[0];
    SmallVector<Value> sums(rows * parts * (pairs ? 2 : 1), zeros(wide(k.b.getF32Type())));
    if (pairs)
      whole = arith::ShRUIOp::create(k.b, k.loc, whole, k.constant(int64_t(1)));
    sums = k.loop(zero, whole, 1, sums, [&](Value t, ValueRange carried) { return step(t, true, carried); });
    if (pairs) // an odd row at the end has no partner
      sums =
          k.loop(whole, k.add(whole, arith::AndIOp::create(k.b, k.loc, rhs.sizes[0], k.constant(int64_t(1)))),
                 1, sums, [&](Value t, ValueRange carried) { return step(t, false, carried); });
    int64_t perRow = int64_t(sums.size()) / rows;
    for (int64_t r = 0; r < rows; ++r) {
      SmallVector<Value> row(sums.begin() + r * perRow, sums.begin() + (r + 1) * perRow);
      for (int64_t i = 0; pairs && i < perRow; i += 2)
        llvm::copy(ordered(row[i], row[i + 1]), row.begin() + i);
      for (int64_t i = 0; i < perRow && valid(i, lanes) > 0; ++i)
        addTo(rowOf(acc, k.constant(r)), r, k.add(c0, i * lanes), row[i], valid(i, lanes));
    }
  }

  void addTo(Value row, int64_t r, Value c, Value sums, int64_t valid) {
    Value pointer = k.at(row, acc.element(), c);
    if (op.getAccumulate()) {
      Value old = loadPart(k, pointer, acc.element(), lanes, valid);
      if (Value rescale = op.getRescale()) {
        const Buffer& factors = k.buffer(rescale);
        Value factor = k.load(k.at(factors.base, factors.element(), k.constant(r)), factors.element());
        sums = LLVM::FMulAddOp::create(k.b, k.loc, old, k.splat(factor, wide(factors.element())), sums);
      } else {
        sums = sum(old, sums);
      }
    }
    storePart(k, sums, pointer, valid);
  }

  void outputs() {
    int64_t block = k.schedule.getValueCols(), columns = acc.columns, whole = columns / block * block;
    if (whole)
      k.loop(k.constant(int64_t(0)), k.constant(whole), block, [&](Value c0) { outputBlock(c0, block); });
    if (columns > whole)
      outputBlock(k.constant(whole), columns - whole);
  }

  bool known() {
    using tile::LayoutKind;
    bool scores = op.getTransposeB();
    LayoutKind rowTile = pairs ? LayoutKind::ColPairs : LayoutKind::ColMajor;
    return acc.type.getShape()[0] == rows && rhs.layout() == LayoutKind::RowMajor &&
           acc.layout() == (scores ? LayoutKind::ColMajor : LayoutKind::RowMajor) &&
           lhs.layout() == (scores ? LayoutKind::RowMajor : rowTile) &&
           (pairs ? rhs.element().isBF16() : lhs.element().isF32()) &&
           (scores ? k.schedule.getScoreKeys() * rows : k.schedule.getValueCols()) %
                   (scores ? lanes : width) ==
               0;
  }
};

} // namespace

LogicalResult lowerDotFewRows(KernelLowering& k, tile::DotOp op) {
  FewRowsDot dot(k, op);
  if (!dot.known())
    return op.emitOpError("has ") << k.lanes
                                  << " rows, fewer than a vector has lanes: expected rows of channels and "
                                     "weights with rows across lanes, got "
                                  << dot.acc.type << ", " << dot.lhs.type << ", " << dot.rhs.type;
  if (op.getTransposeB())
    dot.scores();
  else
    dot.outputs();
  return success();
}

} // namespace attile
