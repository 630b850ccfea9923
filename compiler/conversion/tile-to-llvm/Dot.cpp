//===- Dot.cpp - register-blocked products with query rows across lanes ----------===//
//
// A block of `dot_rows` rows (a few vectors) times a few keys or output columns stays in registers, while the
// inner loop walks the contracted dimension: each step loads the rows' vectors, broadcasts one number per key
// or column, and issues their product of fused multiply-adds.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attile {

Value multiplyAdd(KernelLowering& k, bool pairs, Value a, Value b, Value sum) {
  if (!pairs)
    return LLVM::FMulAddOp::create(k.b, k.loc, a, b, sum);
  auto bf16 = VectorType::get({2 * k.target.lanes}, k.b.getBF16Type());
  auto name = k.b.getStringAttr(k.target.dotBf16);
  return LLVM::CallIntrinsicOp::create(k.b, k.loc, sum.getType(), name,
                                       ValueRange{sum, vector::BitCastOp::create(k.b, k.loc, bf16, a),
                                                  vector::BitCastOp::create(k.b, k.loc, bf16, b)})
      .getResult(0);
}

namespace {

struct DotLowering {
  KernelLowering& k;
  tile::DotOp op;
  const Buffer acc, lhs, rhs;
  int64_t panel, vectors;
  bool pairs; ///< 16-bit operands, two per lane and step (vdpbf16ps)

  DotLowering(KernelLowering& k, tile::DotOp op)
      : k(k), op(op), acc(k.buffer(op.getAcc())), lhs(k.buffer(op.getLhs())), rhs(k.buffer(op.getRhs())),
        panel(k.panel()), vectors(k.vectorsPerPanel()),
        pairs(lhs.type.getLayout() == tile::LayoutKind::ColPairs) {}

  /// A vector of rows at column c of a col_major buffer, `base` being its panel.
  Value rowsPointer(const Buffer& buffer, Value base, Value c, int64_t vector) {
    return k.at(base, buffer.element(), k.add(k.mul(c, panel), vector * k.lanes));
  }

  /// What one lane holds per step: an f32, or a pair of bf16 as an i32.
  Type unit() { return pairs ? Type(k.b.getI32Type()) : Type(k.b.getF32Type()); }

  /// One step of the inner loop: rows' vectors at contracted position t against the numbers at `numbers`.
  SmallVector<Value> step(Value rows, Value t, ArrayRef<Value> numbers, ValueRange sums) {
    SmallVector<Value> a, result;
    for (int64_t v = 0; v < vectors; ++v)
      a.push_back(k.load(k.at(rows, unit(), k.add(k.mul(t, panel), v * k.lanes)), k.vectorOf(unit())));
    for (Value pointer : numbers) {
      Value number = k.splat(k.load(pointer, unit()));
      for (int64_t v = 0; v < vectors; ++v)
        result.push_back(multiplyAdd(k, pairs, a[v], number, sums[result.size()]));
    }
    return result;
  }

  /// Asks for a part of a row of keys or values, read where it lies, as far from `row` as the next tile is,
  /// while this tile is multiplied. A prefetch never faults.
  void prefetch(Value row, Value column) {
    Value next = k.at(row, rhs.element(), k.mul(rhs.strides[0], k.schedule.getKeys()));
    LLVM::Prefetch::create(k.b, k.loc, k.at(next, rhs.element(), column), 0, 1, 1);
  }

  /// The keys [first, last) that the panel of rows at r0 needs, `n` being all.
  std::pair<Value, Value> span(Value r0, Value n) {
    if (op.getWithin().empty())
      return {k.constant(int64_t(0)), n};
    auto of = [&](Value rows) {
      const Buffer& buffer = k.buffer(rows);
      return k.load(k.at(buffer.base, buffer.element(), r0), buffer.element());
    };
    return {of(op.getWithin()[0]), of(op.getWithin()[1])};
  }

  /// Whole blocks of keys around [first, last) that stay within the tile.
  std::pair<Value, Value> blocks(std::pair<Value, Value> span, int64_t block) {
    if (op.getWithin().empty())
      return span;
    auto [first, last] = span;
    Value keys = arith::SubIOp::create(k.b, k.loc, last, first);
    Value whole = k.mul(arith::DivUIOp::create(k.b, k.loc, k.add(keys, block - 1), k.constant(block)), block);
    Value lo = k.min(first, arith::SubIOp::create(k.b, k.loc, k.constant(acc.columns), whole));
    return {lo, k.add(lo, whole)};
  }

  /// A row of keys. Where they lie in memory the last one is repeated.
  Value keyRow(Value key) {
    Value row = rhs.packed ? key : k.min(key, k.add(rhs.sizes[0], -1));
    return k.at(rhs.base, rhs.element(), k.mul(row, rhs.strides[0]));
  }

  /// scores[r, key] = sum_c q[r, c] * key[key, c]: `score_keys` keys a block.
  void scores() {
    int64_t block = k.schedule.getScoreKeys();
    int64_t depth = lhs.columns / (pairs ? 2 : 1);
    Value zero = k.constant(int64_t(0));
    Value none = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(k.vectorOf(k.b.getF32Type())));
    k.loop(zero, k.constant(acc.type.getShape()[0]), panel, [&](Value r0) {
      Value q = k.at(lhs.base, lhs.element(), k.mul(r0, lhs.columns));
      Value s = k.at(acc.base, acc.element(), k.mul(r0, acc.columns));
      auto [first, last] = blocks(span(r0, rhs.sizes[0]), block);
      k.loop(first, last, block, [&](Value key) {
        SmallVector<Value> init(block * vectors, none), keys;
        for (int64_t j = 0; j < block; ++j)
          keys.push_back(keyRow(k.add(key, j)));
        if (!rhs.packed) // each panel of rows asks for its share of the channels
          for (Value row : keys)
            for (int64_t c = 0, share = lhs.columns * panel / acc.type.getShape()[0]; c < share;
                 c += 64 / bytesOf(rhs.element()))
              prefetch(row,
                       k.add(arith::DivUIOp::create(k.b, k.loc, k.mul(r0, share), k.constant(panel)), c));
        auto sums = k.loop(zero, k.constant(depth), 1, init, [&](Value t, ValueRange carried) {
          auto numbers = llvm::map_to_vector(keys, [&](Value row) { return k.at(row, unit(), t); });
          return step(q, t, numbers, carried);
        });
        for (int64_t j = 0; j < block; ++j)
          for (int64_t v = 0; v < vectors; ++v)
            k.store(sums[j * vectors + v], rowsPointer(acc, s, k.add(key, j), v));
      });
    });
  }

  /// Steps of the inner loop over the keys of a span: pairs of them where operands are pairs.
  std::pair<Value, Value> steps(std::pair<Value, Value> span) {
    if (!pairs)
      return span;
    Value one = k.constant(int64_t(1));
    return {arith::ShRUIOp::create(k.b, k.loc, span.first, one),
            arith::ShRUIOp::create(k.b, k.loc, k.add(span.second, 1), one)};
  }

  /// One block of `count` output columns from column c0: o[r, c] = o * rescale + sum_t w[r, t] * v[t, c]. The
  /// sum starts from zero and meets the old value last: rounding errors then grow with the tiles, not with
  /// the keys.
  void outputBlock(Value w, Value o, std::pair<Value, Value> keys, ArrayRef<Value> factors, Value c0,
                   int64_t count) {
    Value none = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(k.vectorOf(k.b.getF32Type())));
    Value stride = pairs ? k.constant(rhs.columns) : rhs.strides[0]; // units from one step to the next
    SmallVector<Value> init(count * vectors, none);
    auto sums = k.loop(keys.first, keys.second, 1, init, [&](Value t, ValueRange carried) {
      Value row = k.at(rhs.base, unit(), k.mul(t, stride));
      if (!rhs.packed)
        prefetch(row, c0);
      SmallVector<Value> numbers;
      for (int64_t j = 0; j < count; ++j)
        numbers.push_back(k.at(row, unit(), k.add(c0, j)));
      return step(w, t, numbers, carried);
    });
    for (int64_t j = 0; j < count; ++j)
      for (int64_t v = 0; v < vectors; ++v) {
        Value pointer = rowsPointer(acc, o, k.add(c0, j), v), sum = sums[j * vectors + v];
        if (op.getAccumulate()) {
          Value old = k.load(pointer, k.vectorOf(k.b.getF32Type()));
          sum = factors.empty() ? Value(arith::AddFOp::create(k.b, k.loc, old, sum))
                                : Value(LLVM::FMulAddOp::create(k.b, k.loc, old, factors[v], sum));
        }
        k.store(sum, pointer);
      }
  }

  void outputs() {
    int64_t block = k.schedule.getValueCols();
    int64_t columns = acc.columns, whole = columns / block * block;
    Value zero = k.constant(int64_t(0));
    k.loop(zero, k.constant(acc.type.getShape()[0]), panel, [&](Value r0) {
      Value w = k.at(lhs.base, lhs.element(), k.mul(r0, lhs.columns));
      Value o = k.at(acc.base, acc.element(), k.mul(r0, acc.columns));
      auto keys = steps(span(r0, rhs.sizes[0]));
      SmallVector<Value> factors;
      if (Value rescale = op.getRescale()) {
        const Buffer& buffer = k.buffer(rescale);
        for (int64_t v = 0; v < vectors; ++v)
          factors.push_back(k.load(k.at(buffer.base, buffer.element(), k.add(r0, v * k.lanes)),
                                   k.vectorOf(k.b.getF32Type())));
      }
      if (whole)
        k.loop(zero, k.constant(whole), block,
               [&](Value c0) { outputBlock(w, o, keys, factors, c0, block); });
      if (columns > whole)
        outputBlock(w, o, keys, factors, k.constant(whole), columns - whole);
    });
  }
};

} // namespace

LogicalResult lowerDot(KernelLowering& k, tile::DotOp op) {
  if (k.lanes < k.target.lanes)
    return lowerDotFewRows(k, op);
  DotLowering dot(k, op);
  bool lanes = dot.lhs.type.getLayout() == tile::LayoutKind::ColMajor && dot.lhs.element().isF32();
  bool unit = dot.rhs.element().isF32() && dot.rhs.type.getLayout() == tile::LayoutKind::RowMajor;
  if (dot.pairs) {
    lanes = !k.target.dotBf16.empty() && dot.lhs.element().isBF16();
    auto wanted = op.getTransposeB() ? tile::LayoutKind::RowMajor : tile::LayoutKind::RowPairs;
    unit = dot.rhs.element().isBF16() && dot.rhs.isLocal() && dot.rhs.type.getLayout() == wanted;
  }
  if (!lanes || !unit || dot.acc.type.getLayout() != tile::LayoutKind::ColMajor)
    return op.emitOpError("operands have layouts that the CPU lowering does not multiply: ")
           << dot.acc.type << ", " << dot.lhs.type << ", " << dot.rhs.type;
  if (op.getTransposeB())
    dot.scores();
  else
    dot.outputs();
  return success();
}

} // namespace attile
