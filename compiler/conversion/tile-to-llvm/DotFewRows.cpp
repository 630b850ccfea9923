//===- DotFewRows.cpp - products for fewer rows than a vector has lanes ------------===//
//
// Decoding has a handful of query rows, half a vector, and is bound by memory if the cores keep up. Keys and
// values are read once, and every row is multiplied with them while they are in registers.
//
// Scores: 64 bits of a key, two f32 or four bf16 of it, are broadcast to all rows, whose lanes hold the same
// channels (col_words). A sum then lies in the two lanes of a row, not in a whole vector. Keys are widened
// into scratch, a few channels of a few keys at a time, since 16-bit elements cannot be broadcast as f32.
//
// Outputs: neighbouring columns of a value lie across the lanes, and a row's weight is broadcast.
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

  FewRowsDot(KernelLowering& k, tile::DotOp op)
      : k(k), op(op), acc(k.buffer(op.getAcc())), lhs(k.buffer(op.getLhs())), rhs(k.buffer(op.getRhs())),
        pairs(!k.target.dotBf16.empty() && lhs.element().isBF16()), rows(k.lanes), lanes(k.target.lanes) {}

  /// Of keys and values in registers: the bits of bf16, which not every CPU knows as a type.
  Type element() { return rhs.element().isBF16() ? Type(k.b.getI16Type()) : rhs.element(); }
  /// What one lane holds: an f32, or a pair of bf16 as an i32.
  Type unit() { return pairs ? Type(k.b.getI32Type()) : Type(k.b.getF32Type()); }
  VectorType wide(Type element) { return VectorType::get({lanes}, element); }
  Value zeros(VectorType type) { return arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(type)); }
  Value shuffle(Value a, Value b, ArrayRef<int64_t> mask) {
    return vector::ShuffleOp::create(k.b, k.loc, a, b, mask);
  }
  Value sum(Value a, Value b) { return arith::AddFOp::create(k.b, k.loc, a, b); }
  Value bits(Value vector, VectorType type) { return vector::BitCastOp::create(k.b, k.loc, type, vector); }

  Value rowOf(const Buffer& buffer, Value row) {
    return k.at(buffer.base, buffer.element(), k.mul(row, buffer.strides[0]));
  }
  /// `valid` elements from column c of a row of keys or values; the others are 0. The same of the row as far
  /// from it as the next tile is are asked for, while this tile is multiplied. A prefetch never faults.
  Value load(Value row, Value c, int64_t width, int64_t valid) {
    Value next = k.at(row, rhs.element(), k.mul(rhs.strides[0], k.schedule.getKeys()));
    for (int64_t byte = 0; byte < width * bytesOf(rhs.element()); byte += 64)
      LLVM::Prefetch::create(k.b, k.loc,
                             k.at(k.at(next, rhs.element(), c), k.b.getI8Type(), k.constant(byte)), 0, 1, 1);
    return loadPart(k, k.at(row, rhs.element(), c), element(), width, valid);
  }

  /// Elements of two vectors of 16 bits side by side, one vector for the lower and one for the upper half of
  /// each 128 bits: what a CPU does in one instruction each.
  SmallVector<Value> paired(Value a, Value b) {
    SmallVector<int64_t> masks[2];
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t i = 0; i < lanes; ++i) {
        int64_t column = i / 4 * 8 + half * 4 + i % 4;
        masks[half].append({column, 2 * lanes + column});
      }
    return {shuffle(a, b, masks[0]), shuffle(a, b, masks[1])};
  }
  /// bf16 as f32, in the order of `paired`: an f32 has them in its upper half.
  SmallVector<Value> widened(Value halves) {
    Value zero = zeros(VectorType::get({2 * lanes}, element()));
    return llvm::map_to_vector(paired(zero, halves),
                               [&](Value v) { return bits(v, wide(k.b.getF32Type())); });
  }
  /// Lanes of a and b in the order that their elements had before `paired`.
  SmallVector<Value> ordered(Value lower, Value upper) {
    SmallVector<int64_t> masks[2];
    for (int64_t column = 0; column < 2 * lanes; ++column)
      masks[column / lanes].push_back(column / 8 * 4 + column % 4 + (column % 8 < 4 ? 0 : lanes));
    return {shuffle(lower, upper, masks[0]), shuffle(lower, upper, masks[1])};
  }

  /// In their order.
  Value inF32(Value vector) {
    auto type = VectorType::get(cast<VectorType>(vector.getType()).getShape(), rhs.element());
    return k.toF32(rhs.element().isBF16() ? bits(vector, type) : vector);
  }

  // ---- scores ------------------------------------------------------------------------------------------

  /// Channels [c, c + valid) of a block of keys.
  struct Piece {
    Value key, c;
    int64_t valid;
  };
  int64_t chunk() { return 2 * lanes; } ///< the most channels of a piece
  int64_t elementsOfWord() { return kWordBytes / bytesOf(lhs.element()); }

  /// A key's channels of a piece, as they are multiplied, at `to`; the rest of the chunk is 0.
  void stage(Value key, const Piece& piece, Value to) {
    Value row = rowOf(rhs, k.min(key, k.add(rhs.sizes[0], -1)));
    SmallVector<Value> vectors;
    if (rhs.element().isBF16()) {
      Value halves = load(row, piece.c, chunk(), piece.valid);
      vectors = pairs ? SmallVector<Value>{halves} : widened(halves);
    } else {
      for (int64_t i = 0; i < chunk(); i += lanes)
        vectors.push_back(piece.valid > i
                              ? inF32(load(row, k.add(piece.c, i), lanes, std::min(lanes, piece.valid - i)))
                              : zeros(wide(k.b.getF32Type())));
    }
    for (auto [i, vector] : llvm::enumerate(vectors))
      k.store(vector, k.at(to, wide(unit()), k.constant(int64_t(i))));
  }
  /// Where a key's chunk is staged.
  Value stagedKey(Value buffer, Value key) { return k.at(buffer, k.b.getF32Type(), k.mul(key, chunk())); }
  /// Where word `i` of group `group` of a staged chunk lies, in words.
  Value stagedWord(Value group, int64_t i) {
    if (pairs || !rhs.element().isBF16())
      return k.add(k.mul(group, kGroupWords), i);
    // Widened bf16: half of the group's words are in the lower vector, half in the upper one.
    int64_t half = kGroupWords / 2;
    return k.add(k.mul(group, half), i < half ? i : lanes / 2 + i - half);
  }

  /// Adds the products of all rows with a staged piece to `sums`, one vector a key, and stages the next piece
  /// meanwhile: stores and conversions take no time beside multiply-adds.
  SmallVector<Value> multiply(const Piece& piece, Value staged, const Piece& next, Value free,
                              ValueRange sums) {
    Type f64 = k.b.getF64Type(); // any type of 64 bits
    auto words = VectorType::get({rows}, f64);
    int64_t block = k.schedule.getScoreKeys(), group = kGroupWords * elementsOfWord();
    int64_t groups = (piece.valid + group - 1) / group, keys = (block + groups - 1) / groups;
    Value first = arith::DivUIOp::create(k.b, k.loc, piece.c, k.constant(elementsOfWord()));
    return k.loop(k.constant(int64_t(0)), k.constant(groups), 1, sums, [&](Value g, ValueRange carried) {
      for (int64_t i = 0; i < keys; ++i) {
        Value key = k.min(k.add(k.mul(g, keys), i), k.constant(block - 1));
        stage(k.add(next.key, key), next, stagedKey(free, key));
      }
      SmallVector<Value> results(carried);
      for (int64_t i = 0; i < kGroupWords; ++i) {
        Value word = k.add(first, k.add(k.mul(g, kGroupWords), i));
        Value queries = bits(k.load(k.at(lhs.base, words, word), words), wide(unit()));
        for (auto [j, sum] : llvm::enumerate(results)) {
          Value number = k.load(k.at(stagedKey(staged, k.constant(int64_t(j))), f64, stagedWord(g, i)), f64);
          sum = multiplyAdd(k, pairs, queries, bits(k.splat(number, words), wide(unit())), sum);
        }
      }
      return results;
    });
  }

  /// scores[r, key]: `score_keys` keys a block, in pieces of a chunk. Past the last key it is repeated.
  void scores() {
    int64_t block = k.schedule.getScoreKeys(), columns = lhs.type.getShape()[1];
    int64_t chunks = (columns + chunk() - 1) / chunk();
    Value zero = k.constant(int64_t(0)), size = k.constant(block * chunk());
    Value scratch = k.allocate(2 * block * chunk() * 4);
    auto half = [&](Value offset) { return k.at(scratch, k.b.getF32Type(), offset); };
    auto pieceAt = [&](Value key, int64_t i) {
      return Piece{key, k.constant(i * chunk()), std::min(chunk(), columns - i * chunk())};
    };
    SmallVector<int64_t> even, odd;
    for (int64_t i = 0; i < lanes; ++i)
      even.push_back(2 * i), odd.push_back(2 * i + 1);

    k.loop(zero, k.constant(block), 1,
           [&](Value j) { stage(j, pieceAt(zero, 0), stagedKey(half(zero), j)); });
    k.loop(zero, rhs.sizes[0], block, {zero}, [&](Value key, ValueRange outer) {
      // The offset of the half of the scratch that is staged, and the sums.
      SmallVector<Value> state{outer[0]};
      state.append(block, zeros(wide(k.b.getF32Type())));
      auto step = [&](const Piece& piece, const Piece& next, ValueRange carried) {
        Value other = arith::SubIOp::create(k.b, k.loc, size, carried[0]);
        SmallVector<Value> result{other};
        result.append(multiply(piece, half(carried[0]), next, half(other), carried.drop_front()));
        return result;
      };
      int64_t alike = chunks - (columns % chunk() ? 2 : 1); // whole pieces before whole ones
      if (alike > 0)
        state = k.loop(zero, k.constant(alike * chunk()), chunk(), state, [&](Value c, ValueRange carried) {
          return step({key, c, chunk()}, {key, k.add(c, chunk()), chunk()}, carried);
        });
      for (int64_t i = std::max<int64_t>(alike, 0); i < chunks; ++i)
        state = step(pieceAt(key, i), i + 1 < chunks ? pieceAt(key, i + 1) : pieceAt(k.add(key, block), 0),
                     state);
      ArrayRef<Value> sums = ArrayRef<Value>(state).drop_front();
      for (int64_t j = 0; j < block; j += 2) // rows across lanes, key after key
        k.store(sum(shuffle(sums[j], sums[j + 1], even), shuffle(sums[j], sums[j + 1], odd)),
                k.at(acc.base, acc.element(), k.mul(k.add(key, j), rows)));
      return SmallVector<Value>{state[0]};
    });
  }

  // ---- outputs -----------------------------------------------------------------------------------------

  /// acc[:, c0 .. c0 + count): sums of all rows stay in registers while the values are walked.
  void outputBlock(Value c0, int64_t count) {
    // bf16 are read two for a lane, which `paired` keeps apart until the end.
    bool apart = pairs || (rhs.element().isBF16() && count > lanes);
    int64_t width = apart ? 2 * lanes : lanes; // columns of a vector of values
    int64_t parts = (count + width - 1) / width;
    auto valid = [&](int64_t i, int64_t size) { return std::min(size, count - i * size); };
    auto step = [&](Value t, bool hasSecond, ValueRange carried) {
      Value row = rowOf(rhs, pairs ? k.mul(t, 2) : t);
      SmallVector<Value> values, next;
      for (int64_t i = 0; i < parts; ++i) {
        Value c = k.add(c0, i * width), first = load(row, c, width, valid(i, width));
        if (!pairs) {
          values.append(apart ? widened(first) : SmallVector<Value>{inF32(first)});
          continue;
        }
        Value second = hasSecond ? load(k.at(row, rhs.element(), rhs.strides[0]), c, width, valid(i, width))
                                 : zeros(VectorType::get({width}, element()));
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
    SmallVector<Value> sums(rows * parts * (apart ? 2 : 1), zeros(wide(k.b.getF32Type())));
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
      for (int64_t i = 0; apart && i < perRow; i += 2)
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
    LayoutKind weights = pairs ? LayoutKind::ColPairs : LayoutKind::ColMajor;
    return acc.type.getShape()[0] == rows && 2 * rows == lanes && rhs.layout() == LayoutKind::RowMajor &&
           acc.layout() == (scores ? LayoutKind::ColMajor : LayoutKind::RowMajor) &&
           lhs.layout() == (scores ? LayoutKind::ColWords : weights) &&
           (pairs ? rhs.element().isBF16() : lhs.element().isF32()) &&
           (scores ? k.schedule.getScoreKeys() % 2 : k.schedule.getValueCols() % (2 * lanes)) == 0;
  }
};

} // namespace

LogicalResult lowerDotFewRows(KernelLowering& k, tile::DotOp op) {
  FewRowsDot dot(k, op);
  if (op.getTransposeB() && dot.lhs.layout() == tile::LayoutKind::ColPairs)
    return lowerDotTiles(k, op);
  if (!dot.known())
    return op.emitOpError("has ") << k.lanes
                                  << " rows, fewer than a vector has lanes: expected words of "
                                     "channels and weights with rows across lanes, got "
                                  << dot.acc.type << ", " << dot.lhs.type << ", " << dot.rhs.type;
  if (op.getTransposeB())
    dot.scores();
  else
    dot.outputs();
  return success();
}

} // namespace attile
