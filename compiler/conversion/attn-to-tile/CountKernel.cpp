//===- CountKernel.cpp - counts tiles and scores instead of computing -------===//

#include "compiler/conversion/attn-to-tile/Kernels.h"
#include "compiler/conversion/attn-to-tile/Keys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

namespace {
/// Counters are rows of f32, exact up to 2^24: each row counts for itself, so that a generic can add to them.
class Counter {
public:
  Counter(KernelBuilder& k, const RowTile& rows) : k(k), rows(rows) {
    for (Value& counter : counters) {
      counter = k.alloc({k.rows}, k.f32());
      tile::FillOp::create(k.b, k.loc, counter, k.real(0));
    }
    if (k.variant.masked)
      mask = MaskBuffers::allocate(k);
  }

  void visit(Value k0, Value n, Value full);
  void store();

private:
  Value toFloat(Value n) { return arith::SIToFPOp::create(k.b, k.loc, k.f32(), n); }
  Value plus(OpBuilder& b, Value x, Value y) { return arith::AddFOp::create(b, k.loc, x, y); }
  Value& at(Count count) { return counters[static_cast<int64_t>(count)]; }
  void count(Value k0, Value n, Value all);
  void addVisible(Value n, Value all);

  KernelBuilder& k;
  const RowTile& rows;
  Value counters[5];
  MaskBuffers mask;
};
} // namespace

void Counter::visit(Value k0, Value n, Value full) {
  if (!k.variant.masked)
    return count(k0, n, {});
  Visibility seen = evaluateMask(k, rows, k0, n, full, mask);
  auto branch = scf::IfOp::create(k.b, k.loc, seen.any, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  count(k0, n, seen.all);
}

/// A tile that the range of keys or the block table cuts is partial: some of its keys are hidden.
void Counter::count(Value k0, Value n, Value all) {
  Value keys = k.number(k.keys), last = k.equal(k.add(k0, n), k.size("kv_len"));
  Value reaches = k.b.createOrFold<arith::OrIOp>(k.loc, k.equal(n, keys), last);
  Value whole = k.both(k.equal(k.rem(k0, keys), k.number(0)), reaches);
  Value full = all ? k.both(all, whole) : whole;
  Value one = k.real(1), zero = k.real(0), cols = toFloat(n);
  Value asFull = k.select(full, one, zero), asPartial = k.select(full, zero, one);
  SmallVector<Value> buffers{at(Count::Full), at(Count::Partial), at(Count::Executed)}, ins = buffers;
  llvm::append_range(ins, mask.spans());
  k.generic({.ins = ins, .outs = buffers}, [&](OpBuilder& b, ValueRange in) -> SmallVector<Value> {
    Value executed = cols;
    if (mask.first)
      executed = arith::SIToFPOp::create(b, k.loc, k.f32(), Arithmetic(b, k.loc).sub(in[4], in[3]));
    return {plus(b, in[0], asFull), plus(b, in[1], asPartial), plus(b, in[2], executed)};
  });
  addVisible(n, all);
}

void Counter::addVisible(Value n, Value all) {
  Value cols = toFloat(n);
  auto addAll = [&] {
    k.generic({.ins = {at(Count::Visible)}, .outs = {at(Count::Visible)}},
              [&](OpBuilder& b, ValueRange in) -> SmallVector<Value> { return {plus(b, in[0], cols)}; });
  };
  if (!all)
    return addAll();
  auto branch = scf::IfOp::create(k.b, k.loc, all, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  addAll();
  k.b.setInsertionPointToStart(branch.elseBlock());
  k.generic(
      {.cols = n, .ins = {mask.visible}, .reduces = {at(Count::Visible)}, .combiners = {tile::Combiner::Add}},
      [&](OpBuilder& b, ValueRange in) -> SmallVector<Value> {
        Arithmetic a(b, k.loc);
        return {a.select(in[0], a.real(1), a.real(0))};
      });
}

/// Tiles count once a row tile, scores once a valid row.
void Counter::store() {
  Value tiles = toFloat(k.ceil(k.size("kv_len"), k.number(k.keys)));
  SmallVector<Value> buffers(std::begin(counters), std::end(counters));
  k.generic({.ins = buffers, .outs = buffers}, [&](OpBuilder& b, ValueRange in) -> SmallVector<Value> {
    Arithmetic a(b, k.loc);
    Value row = tile::IndexOp::create(b, k.loc, k.i64(), 0), zero = a.real(0);
    Value first = a.equal(row, a.number(0)), valid = a.less(row, rows.count);
    Value visited = plus(b, in[0], in[1]);
    Value empty = arith::MaximumFOp::create(b, k.loc, arith::SubFOp::create(b, k.loc, tiles, visited), zero);
    return {a.select(first, in[0], zero), a.select(first, in[1], zero), a.select(first, empty, zero),
            a.select(valid, in[3], zero), a.select(valid, in[4], zero)};
  });
  Value target = k.argument("counts", KernelBuilder::global({ShapedType::kDynamic, 5, k.rows}, k.f32()));
  for (auto [i, counter] : llvm::enumerate(counters)) {
    Value row = tile::SliceOp::create(k.b, k.loc, KernelBuilder::global({k.rows}, k.f32()), target,
                                      ValueRange{rows.block, k.number(i), k.number(0)}, ValueRange{});
    tile::CopyOp::create(k.b, k.loc, row, counter);
  }
}

tile::KernelOp attile::attn_to_tile::writeCountKernel(OpBuilder& builder, Variant& variant) {
  KernelBuilder k(builder, variant, variant.prefix + "_count_main");
  RowTile rows = decodeRowTile(k, /*split=*/false);
  Counter counter(k, rows);
  visitKeys(k, rows, [&](Value k0, Value n, Value full) { counter.visit(k0, n, full); });
  counter.store();
  return k.finish();
}
