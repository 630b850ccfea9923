//===- Keys.cpp - the loops over keys ----------------------------------------===//

#include "compiler/conversion/attn-to-tile/Keys.h"
#include "compiler/analysis/mask.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

std::string attile::attn_to_tile::summaryName(StringRef name) { return (name + ".summary").str(); }

namespace {
/// The mask analysis writes into our kernel.
class Host : public analysis::MaskHost {
public:
  explicit Host(KernelBuilder& k) : k(k) {}

  Value size(OpBuilder&, Location, StringRef name) override { return k.size(name); }
  Value scalar(OpBuilder& b, Location, Value captured) override { return k.captured(b, captured); }
  Value element(OpBuilder& b, Location loc, Value tensor, ValueRange indices) override {
    Value buffer = k.operand(tensor);
    return tile::LookupOp::create(b, loc, tile::widened(elementType(buffer)), buffer, indices);
  }
  std::pair<Value, Value> bounds(OpBuilder& b, Location loc, Value tensor, ValueRange leading, Value lo,
                                 Value hi) override {
    Value buffer = k.operand(tensor);
    StringRef name = k.variant.kernel.argumentName(cast<BlockArgument>(tensor).getArgNumber());
    Type type = KernelBuilder::global({ShapedType::kDynamic, ShapedType::kDynamic, 2}, k.i64());
    Value summary = k.argument(summaryName(name), type);
    auto range =
        tile::RangeOfOp::create(b, loc, k.i64(), k.i64(), summary, buffer, leading, lo, hi, kSummaryBlock);
    return {range.getMin(), range.getMax()};
  }

private:
  static Type elementType(Value buffer) { return cast<tile::BufferType>(buffer.getType()).getElementType(); }
  KernelBuilder& k;
};
} // namespace

/// This block's share of [lo, hi): whole tiles, so that no tile is cut twice.
static std::pair<Value, Value> shareOfKeys(KernelBuilder& k, const RowTile& rows, Value lo, Value hi) {
  if (getConstantIntValue(rows.splits) == 1)
    return {lo, hi};
  Value keys = k.number(k.keys);
  Value base = k.mul(k.div(lo, keys), keys);
  Value share = k.ceil(k.max(k.sub(hi, base), k.number(0)), rows.splits);
  Value chunk = k.mul(k.ceil(share, keys), keys);
  Value start = k.add(base, k.mul(rows.split, chunk));
  return {k.max(lo, start), k.min(hi, k.add(start, chunk))};
}

static void visitRange(KernelBuilder& k, Value lo, Value hi, analysis::RowFacts* facts, TileBody body) {
  auto visit = tile::VisitOp::create(k.b, k.loc, lo, hi, k.keys);
  OpBuilder::InsertionGuard guard(k.b);
  Block* classify = k.b.createBlock(&visit.getClassify(), {}, {k.i64(), k.i64()}, {k.loc, k.loc});
  Value any = k.flag(true), all = any;
  if (facts) {
    analysis::TileClass tile = facts->emitClassify(k.b, classify->getArgument(0), classify->getArgument(1));
    any = tile.any, all = tile.all;
  }
  tile::YieldOp::create(k.b, k.loc, ValueRange{any, all});
  Block* inside =
      k.b.createBlock(&visit.getBody(), {}, {k.i64(), k.i64(), k.b.getI1Type()}, {k.loc, k.loc, k.loc});
  body(inside->getArgument(0), inside->getArgument(1), inside->getArgument(2));
  tile::YieldOp::create(k.b, k.loc);
}

/// A loop over the slots of the block table around the visit: entries must ascend, a negative one ends the
/// list.
static void visitListed(KernelBuilder& k, const RowTile& rows, Value lo, Value hi, analysis::RowFacts* facts,
                        TileBody body) {
  attn::FoldOp fold = k.variant.fold;
  Value table = k.operand(fold.getTable());
  auto name = k.variant.kernel.argumentName(cast<BlockArgument>(fold.getTable()).getArgNumber());
  int64_t rank = cast<tile::BufferType>(table.getType()).getRank();
  Value slots = k.size((name + ".dim." + Twine(rank - 1)).str());
  Value kBlock = k.number(*fold.getKBlock()), zero = k.number(0), none = k.number(-1);
  // The head is the same for all rows where the indices depend on it (Variant::packsHeads).
  SmallVector<Value> at = k.inlineScalars(k.b, fold.getBlocks(), {rows.b, rows.hLo, rows.kvH, rows.qBlock});

  auto loop = scf::ForOp::create(k.b, k.loc, zero, slots, k.number(1), ValueRange{none, k.flag(true)});
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(loop.getBody());
  Value last = loop.getRegionIterArg(0), live = loop.getRegionIterArg(1);
  at.push_back(loop.getInductionVar());
  Value entry = tile::LookupOp::create(k.b, k.loc, k.i64(), table, at);
  live = k.both(live, k.less(none, entry));
  Value active = k.both(live, k.less(last, entry));
  // Clamped before it is multiplied: any number may stand in a table.
  Value block = k.min(k.max(entry, zero), k.size("kv_len"));
  Value first = k.mul(block, kBlock);
  Value from = k.max(lo, first), to = k.min(hi, k.add(first, kBlock));
  visitRange(k, from, k.select(active, to, from), facts, body);
  scf::YieldOp::create(k.b, k.loc, ValueRange{k.select(active, entry, last), live});
}

void attile::attn_to_tile::visitKeys(KernelBuilder& k, const RowTile& rows, TileBody body) {
  Value lo = k.number(0), hi = k.size("kv_len");
  Host host(k);
  std::optional<analysis::RowFacts> facts;
  if (k.variant.masked) {
    bool heads = Variant::readsArgument(k.variant.fold.getMask(), 1);
    analysis::RowBox box{rows.b, rows.hLo, heads ? rows.hHi : rows.hLo, rows.kvH, rows.qLo, rows.qHi};
    facts.emplace(k.variant.mask->emitRowFacts(k.b, k.loc, box, host));
    analysis::KeyRange range = facts->emitKeyRange(k.b);
    lo = range.lo, hi = range.hi;
  }
  std::tie(lo, hi) = shareOfKeys(k, rows, lo, hi);
  if (k.variant.fold.getTable())
    visitListed(k, rows, lo, hi, facts ? &*facts : nullptr, body);
  else
    visitRange(k, lo, hi, facts ? &*facts : nullptr, body);
}

// ---- the mask of one tile ---------------------------------------------------------------------------

RowInputs::RowInputs(KernelBuilder& k, const RowTile& rows, Region& region, unsigned firstIndex)
    : rows(rows), loc(k.loc), readsH(Variant::readsArgument(region, firstIndex + 1)),
      readsQ(region.getNumArguments() > firstIndex + 3 && Variant::readsArgument(region, firstIndex + 3)) {
  if (readsH)
    buffers.push_back(rows.rowH);
  if (readsQ)
    buffers.push_back(rows.rowQ);
}

SmallVector<Value> RowInputs::indices(OpBuilder& b, ValueRange elements, Value k0) const {
  Value h = readsH ? elements.front() : rows.hLo, q = readsQ ? elements.back() : rows.qLo;
  SmallVector<Value> result{rows.b, h, rows.kvH};
  if (!k0) // a region per row, of (b, h, kv_h)
    return result;
  Arithmetic a(b, loc);
  result.append({q, a.add(k0, tile::IndexOp::create(b, loc, b.getI64Type(), 1))});
  return result;
}

MaskBuffers MaskBuffers::allocate(KernelBuilder& k) {
  MaskBuffers mask{k.alloc({k.rows, k.keys}, k.b.getI1Type()), {}, {}};
  if (k.variant.schedule.getDotRows() < k.rows)
    mask.first = k.alloc({k.rows}, k.i64()), mask.last = k.alloc({k.rows}, k.i64());
  return mask;
}

SmallVector<Value> MaskBuffers::spans() const {
  return first ? SmallVector<Value>{first, last} : SmallVector<Value>{};
}

Visibility attile::attn_to_tile::evaluateMask(KernelBuilder& k, const RowTile& rows, Value k0, Value n,
                                              Value full, const MaskBuffers& mask) {
  Type flags[] = {k.b.getI1Type(), k.b.getI1Type()};
  auto branch = scf::IfOp::create(k.b, k.loc, flags, full, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  if (mask.first) {
    tile::FillOp::create(k.b, k.loc, mask.first, k.number(0));
    tile::FillOp::create(k.b, k.loc, mask.last, n);
  }
  Value yes = k.flag(true);
  scf::YieldOp::create(k.b, k.loc, ValueRange{yes, yes});
  k.b.setInsertionPointToStart(branch.elseBlock());
  Region& region = k.variant.fold.getMask();
  RowInputs inputs(k, rows, region, 0);
  auto element = [&](OpBuilder& b, ValueRange in) {
    return k.inlineScalars(b, region, inputs.indices(b, in, k0));
  };
  k.generic({.cols = n, .ins = inputs.buffers, .outs = {mask.visible}}, element);
  auto both = tile::AnyAllOp::create(k.b, k.loc, flags, mask.visible, n);
  if (mask.first)
    tile::SpansOp::create(k.b, k.loc, mask.first, mask.last, mask.visible, n,
                          k.variant.schedule.getDotRows());
  scf::YieldOp::create(k.b, k.loc, ValueRange{both.getAny(), both.getAll()});
  return {branch.getResult(0), branch.getResult(1)};
}
