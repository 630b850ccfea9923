//===- DotTiles.cpp - scores of few rows by tile registers (AMX) -------------------===//
//
// A tile register holds 16 rows of 64 bytes. 16 keys, where they lie, are a left operand as they are: 32
// channels of bf16 each. The queries in pairs of channels, 16 pairs by all rows, are the right one, and the
// products are the scores, rows across lanes, key after key. One instruction then does what takes 16 keys x
// 32 channels / 2 multiply-adds and the widening of the keys without it. Products are exact and sums are f32.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

using namespace mlir;

namespace attile {
namespace {

constexpr int64_t kTileRows = 16, kTileBytes = 64;
constexpr int64_t kKeys = 2 * kTileRows;      // a step: two tiles of keys share the queries
constexpr int64_t kChannels = kTileBytes / 2; // of bf16

/// Numbers of the registers: of two blocks of keys, and of the queries; the last channels have a shape of
/// their own.
enum Register : int64_t { Sums = 0, Keys = 2, Queries = 4, LastKeys = 5, LastQueries = 7 };

struct TileDot {
  KernelLowering& k;
  const Buffer acc, lhs, rhs;
  int64_t rows, columns;

  TileDot(KernelLowering& k, tile::DotOp op)
      : k(k), acc(k.buffer(op.getAcc())), lhs(k.buffer(op.getLhs())), rhs(k.buffer(op.getRhs())),
        rows(k.lanes), columns(lhs.type.getShape()[1]) {}

  bool known() const {
    using tile::LayoutKind;
    return k.target.tilesBf16 && rows * 4 <= kTileBytes && k.panel() == rows && columns % 2 == 0 &&
           acc.type.getShape()[0] == rows && acc.columns % kKeys == 0 &&
           lhs.layout() == LayoutKind::ColPairs && acc.layout() == LayoutKind::ColMajor &&
           rhs.layout() == LayoutKind::RowMajor && lhs.element().isBF16() && rhs.element().isBF16();
  }

  SmallVector<TileShape> shapes() const {
    int64_t last = columns % kChannels;
    TileShape sums{kTileRows, rows * 4}, keys{kTileRows, kTileBytes}, lastKeys{kTileRows, last * 2};
    SmallVector<TileShape> all{sums, sums, keys, keys, {kTileRows, rows * 4}};
    if (last)
      all.append({lastKeys, lastKeys, {last / 2, rows * 4}});
    return all;
  }

  void call(StringRef name, ArrayRef<int64_t> registers, ValueRange operands = {}) {
    SmallVector<Value> all;
    for (int64_t number : registers)
      all.push_back(arith::ConstantIntOp::create(k.b, k.loc, k.b.getI8Type(), number));
    all.append(operands.begin(), operands.end());
    LLVM::CallIntrinsicOp::create(k.b, k.loc, k.b.getStringAttr(("llvm.x86." + name).str()), all);
  }
  Value bytesAt(Value base, Value bytes) { return k.at(base, k.b.getI8Type(), bytes); }

  /// Where a step's keys lie, and the bytes from one to the next.
  struct Rows {
    Value base, stride;
  };

  /// Adds the products of channels from c on. Those of the keys as far away as the next tile is are asked for
  /// meanwhile; a prefetch never faults.
  void multiply(const Rows& keys, Value ahead, Value c, int64_t keyTiles, int64_t queryTile) {
    Value bytes = k.mul(c, 2), next = bytesAt(ahead, bytes);
    for (int64_t i = 0; i < kKeys; ++i)
      LLVM::Prefetch::create(k.b, k.loc, bytesAt(next, k.mul(keys.stride, i)), 0, 1, 1);
    call("tileloadd64", {queryTile}, {k.at(lhs.base, lhs.element(), k.mul(c, rows)), k.constant(rows * 4)});
    for (int64_t i = 0; i < 2; ++i) {
      Value first = bytesAt(keys.base, k.mul(keys.stride, i * kTileRows));
      call("tileloadd64", {keyTiles + i}, {bytesAt(first, bytes), keys.stride});
      call("tdpbf16ps", {Sums + i, keyTiles + i, queryTile});
    }
  }

  Value keyAt(Value key) { return k.at(rhs.base, rhs.element(), k.mul(key, rhs.strides[0])); }

  /// [key, key + kKeys): where they lie, or copied if some are past the last one, which is repeated.
  Rows rowsOf(Value key, Value scratch) {
    Value n = rhs.sizes[0];
    Value beyond = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sgt, k.add(key, kKeys), n);
    k.when(beyond, [&] {
      k.loop(k.constant(int64_t(0)), k.constant(kKeys), 1, [&](Value i) {
        copyRow(k, keyAt(k.min(k.add(key, i), k.add(n, -1))), rhs.element(),
                k.at(scratch, rhs.element(), k.mul(i, columns)), rhs.element(), columns);
      });
    });
    auto select = [&](Value x, Value y) -> Value {
      return arith::SelectOp::create(k.b, k.loc, beyond, x, y);
    };
    return {select(scratch, keyAt(key)), select(k.constant(columns * 2), k.mul(rhs.strides[0], 2))};
  }

  void run() {
    int64_t whole = columns / kChannels * kChannels;
    Value zero = k.constant(int64_t(0)), scratch = k.allocate(kKeys * columns * 2);
    k.loop(zero, rhs.sizes[0], kKeys, [&](Value key) {
      Rows keys = rowsOf(key, scratch);
      Value ahead = keyAt(k.add(key, k.schedule.getKeys()));
      for (int64_t i = 0; i < 2; ++i)
        call("tilezero", {Sums + i});
      if (whole)
        k.loop(zero, k.constant(whole), kChannels, [&](Value c) { multiply(keys, ahead, c, Keys, Queries); });
      if (columns > whole)
        multiply(keys, ahead, k.constant(whole), LastKeys, LastQueries);
      for (int64_t i = 0; i < 2; ++i)
        call("tilestored64", {Sums + i},
             {k.at(acc.base, acc.element(), k.mul(k.add(key, i * kTileRows), rows)), k.constant(rows * 4)});
    });
  }
};

} // namespace

LogicalResult lowerDotTiles(KernelLowering& k, tile::DotOp op) {
  TileDot dot(k, op);
  if (!dot.known() || !k.configureTiles(dot.shapes()))
    return op.emitOpError("cannot be multiplied by tile registers: ")
           << dot.acc.type << ", " << dot.lhs.type << ", " << dot.rhs.type;
  dot.run();
  return success();
}

} // namespace attile
