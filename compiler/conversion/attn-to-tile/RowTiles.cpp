//===- RowTiles.cpp - row tiles: planned, decoded ---------------------------===//

#include "compiler/conversion/attn-to-tile/RowTiles.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

static Value planSize(Arithmetic& a, StringRef name) {
  return tile::SizeOp::create(a.b, a.loc, a.b.getI64Type(), name);
}

/// Query tiles. With a block table a tile stays within one of its query blocks; the last of these may be cut.
static Value planQueries(Arithmetic& a, Variant& variant, Value qPerTile, Value qLen) {
  std::optional<uint64_t> qBlock = variant.fold.getQBlock();
  if (!qBlock)
    return a.ceil(qLen, qPerTile);
  Value block = a.number(*qBlock);
  Value perBlock = a.ceil(block, qPerTile);
  tile::ValueOp::create(a.b, a.loc, value::blockTiles, perBlock);
  return a.add(a.mul(a.div(qLen, block), perBlock), a.ceil(a.rem(qLen, block), qPerTile));
}

/// Splits the keys where row tiles alone do not occupy the threads, into ranges worth a block each.
static Value planSplits(Arithmetic& a, Variant& variant, Value tiles, Value perThread) {
  Value wanted = a.ceil(a.mul(planSize(a, "threads"), perThread), a.max(tiles, a.number(1)));
  Value worth = a.ceil(planSize(a, "kv_len"), a.number(variant.splitKeys));
  return a.max(a.min(wanted, worth), a.number(1));
}

Grid attile::attn_to_tile::planRowTiles(Arithmetic& a, Variant& variant, bool split,
                                        std::optional<FewRows> fewRows) {
  Value one = a.number(1), rows = a.number(variant.schedule.getRows());
  Value kvHeads = planSize(a, "kv_heads"), qLen = planSize(a, "q_len");
  Value group = a.div(planSize(a, "heads"), kvHeads), few, many;
  Value perThread = a.number(variant.blocksPerThread);
  if (fewRows) {
    Value all = variant.packsHeads() ? a.mul(group, qLen) : qLen;
    few = a.less(all, a.number(fewRows->most + 1));
    many = a.less(a.number(fewRows->most), all);
    rows = a.select(few, a.number(fewRows->tile), rows);
    perThread = a.select(few, a.number(fewRows->blocksPerThread), perThread);
  }
  Value qPerTile = a.min(a.max(qLen, one), rows);
  if (std::optional<uint64_t> qBlock = variant.fold.getQBlock())
    qPerTile = a.min(qPerTile, a.number(*qBlock));
  Value headsPerTile = variant.packsHeads() ? a.max(a.min(group, a.div(rows, qPerTile)), one) : one;
  Value headTiles = a.ceil(group, headsPerTile);
  Value qTiles = planQueries(a, variant, qPerTile, qLen);
  Value tiles = a.mul(a.mul(planSize(a, "batch"), kvHeads), a.mul(headTiles, qTiles));
  Value splits = split ? planSplits(a, variant, tiles, perThread) : one;
  std::pair<StringRef, Value> named[] = {{value::qPerTile, qPerTile},
                                         {value::headsPerTile, headsPerTile},
                                         {value::headTiles, headTiles},
                                         {value::qTiles, qTiles},
                                         {value::splits, splits}};
  for (auto [name, number] : named)
    tile::ValueOp::create(a.b, a.loc, name, number);
  return {tiles, splits, rows, few, many};
}

/// First query and number of queries of query tile `index`. (There is one: bounds change nothing, but tell
/// what the products may be, and so do those of heads.)
static std::pair<Value, Value> queriesOf(KernelBuilder& k, Value index, Value qPerTile, RowTile& tile) {
  Value qLen = k.size("q_len");
  std::optional<uint64_t> qBlock = k.variant.fold.getQBlock();
  if (!qBlock) {
    Value first = k.max(k.min(k.mul(index, qPerTile), qLen), k.number(0));
    return {first, k.min(qPerTile, k.sub(qLen, first))};
  }
  Value perBlock = k.size(value::blockTiles), block = k.number(*qBlock);
  tile.qBlock = k.div(index, perBlock);
  Value start = k.min(k.mul(tile.qBlock, block), qLen);
  Value first = k.min(k.add(start, k.mul(k.rem(index, perBlock), qPerTile)), qLen);
  Value past = k.min(k.add(start, block), qLen);
  return {first, k.min(qPerTile, k.sub(past, first))};
}

/// Fills row_h and row_q; rows past `count` repeat the last valid one, so that any, all and extrema over the
/// tile are right.
static void fillRows(KernelBuilder& k, RowTile& tile, Value qCount) {
  tile.rowH = k.alloc({k.rows}, k.i64());
  tile.rowQ = k.alloc({k.rows}, k.i64());
  Value last = k.sub(tile.count, k.number(1));
  k.generic({.outs = {tile.rowH, tile.rowQ}}, [&](OpBuilder& b, ValueRange) -> SmallVector<Value> {
    Arithmetic a(b, k.loc);
    Value row = a.min(tile::IndexOp::create(b, k.loc, k.i64(), 0), last);
    return {a.add(tile.hLo, a.div(row, qCount)), a.add(tile.qLo, a.rem(row, qCount))};
  });
}

/// The row tile that comes at `index` (see AttnToTileOptions::ascendingTiles).
static Value tileInOrder(KernelBuilder& k, Value index, Value tiles) {
  int64_t run = k.variant.ascendingTiles;
  if (run == 1)
    return k.sub(k.sub(tiles, k.number(1)), index);
  Value size = k.number(run), before = k.mul(k.div(index, size), size);
  Value first = k.max(k.sub(tiles, k.add(before, size)), k.number(0));
  return k.add(first, k.sub(index, before));
}

RowTile attile::attn_to_tile::decodeRowTile(KernelBuilder& k, bool split) {
  RowTile tile;
  Value one = k.number(1);
  tile.block = tile::BlockIndexOp::create(k.b, k.loc, k.i64());
  tile.splits = split ? k.size(value::splits) : one;
  tile.split = k.rem(tile.block, tile.splits);
  tile.tile = k.div(tile.block, tile.splits);
  Value qTiles = k.size(value::qTiles), headTiles = k.size(value::headTiles), kvHeads = k.size("kv_heads");
  Value qTile = tileInOrder(k, k.rem(tile.tile, qTiles), qTiles);
  Value rest = k.div(tile.tile, qTiles);
  Value headTile = k.rem(rest, headTiles);
  rest = k.div(rest, headTiles);
  tile.kvH = k.rem(rest, kvHeads);
  tile.b = k.div(rest, kvHeads);

  Value group = k.div(k.size("heads"), kvHeads), headsPerTile = k.size(value::headsPerTile);
  Value hOffset = k.min(k.mul(headTile, headsPerTile), group);
  Value hCount = k.min(headsPerTile, k.sub(group, hOffset));
  tile.hLo = k.add(k.min(k.mul(tile.kvH, group), k.size("heads")), hOffset);
  tile.hHi = k.sub(k.add(tile.hLo, hCount), one);
  auto [qLo, qCount] = queriesOf(k, qTile, k.size(value::qPerTile), tile);
  tile.qLo = qLo;
  tile.qHi = k.sub(k.add(qLo, qCount), one);
  tile.count = k.max(k.min(k.mul(hCount, qCount), k.number(k.rows)), k.number(0));
  fillRows(k, tile, qCount);
  return tile;
}
