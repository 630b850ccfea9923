//===- Summary.cpp - hierarchical minima and maxima of captured tensors ----------------===//
//
// Level 0 has one (min, max) pair per block of elements, level 1 one per block of those, and so on up to a
// single pair; the levels of a row lie one after the other. A query walks up: at each level it takes the
// blocks at both ends that do not fill a parent, so it reads at most two blocks' worth of pairs a level.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

using namespace mlir;

namespace attile {
namespace {

constexpr StringLiteral kRangeOf = "attile_range_of";

struct MinMax {
  Value min, max;
};

/// Widens [acc.min, acc.max] by the pairs at slots [first, past) of `summary`.
MinMax foldPairs(KernelLowering& k, Value summary, Value first, Value past, MinMax acc) {
  auto out = k.loop(first, past, 1, {acc.min, acc.max}, [&](Value i, ValueRange carried) {
    Value pair = k.at(summary, k.b.getI64Type(), k.mul(i, 2));
    Value lo = k.load(pair, k.b.getI64Type());
    Value hi = k.load(k.at(pair, k.b.getI64Type(), k.constant(int64_t(1))), k.b.getI64Type());
    return SmallVector<Value>{k.min(carried[0], lo), k.max(carried[1], hi)};
  });
  return {out[0], out[1]};
}

/// The range query as a function of the image: (summary of the row, elements, lo, hi, block) -> {min, max}.
LLVM::LLVMFuncOp rangeFunction(KernelLowering& k, ModuleOp module) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(kRangeOf))
    return existing;
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(module.getBody());
  Type i64 = k.b.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(k.b.getContext());
  auto pair = LLVM::LLVMStructType::getLiteral(k.b.getContext(), {i64, i64});
  auto type = LLVM::LLVMFunctionType::get(pair, {pointer, i64, i64, i64, i64});
  auto function = LLVM::LLVMFuncOp::create(k.b, k.loc, kRangeOf, type, LLVM::Linkage::Internal);
  Block* entry = function.addEntryBlock(k.b);
  k.b.setInsertionPointToStart(entry);
  Value summary = entry->getArgument(0), n = entry->getArgument(1), block = entry->getArgument(4);
  auto div = [&](Value a) { return arith::DivSIOp::create(k.b, k.loc, a, block).getResult(); };
  auto ceil = [&](Value a) { return arith::CeilDivSIOp::create(k.b, k.loc, a, block).getResult(); };
  Value a = div(entry->getArgument(2)), z = div(entry->getArgument(3));
  Value none = k.constant(INT64_MAX), least = k.constant(INT64_MIN);
  SmallVector<Value> init{a, z, k.constant(int64_t(0)), ceil(n), none, least};
  SmallVector<Type> types(init.size(), i64);
  SmallVector<Location> locs(init.size(), k.loc);
  auto walk = scf::WhileOp::create(k.b, k.loc, types, init);
  {
    OpBuilder::InsertionGuard inner(k.b);
    Block* before = k.b.createBlock(&walk.getBefore(), {}, types, locs);
    Value more = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sle, before->getArgument(0),
                                       before->getArgument(1));
    scf::ConditionOp::create(k.b, k.loc, more, before->getArguments());
    Block* after = k.b.createBlock(&walk.getAfter(), {}, types, locs);
    Value first = after->getArgument(0), last = after->getArgument(1), base = after->getArgument(2),
          count = after->getArgument(3);
    Value past = k.add(last, 1);
    Value leftEnd = k.min(k.mul(ceil(first), block), past);
    Value rightStart = k.max(k.mul(div(past), block), leftEnd);
    MinMax acc{after->getArgument(4), after->getArgument(5)};
    acc = foldPairs(k, summary, k.add(base, first), k.add(base, leftEnd), acc);
    acc = foldPairs(k, summary, k.add(base, rightStart), k.add(base, past), acc);
    scf::YieldOp::create(k.b, k.loc,
                         ValueRange{ceil(leftEnd), k.add(div(rightStart), -1), k.add(base, count),
                                    ceil(count), acc.min, acc.max});
  }
  Value result = LLVM::UndefOp::create(k.b, k.loc, pair);
  result = LLVM::InsertValueOp::create(k.b, k.loc, result, walk.getResult(4), ArrayRef<int64_t>{0});
  result = LLVM::InsertValueOp::create(k.b, k.loc, result, walk.getResult(5), ArrayRef<int64_t>{1});
  LLVM::ReturnOp::create(k.b, k.loc, result);
  return function;
}

/// The row of `source` that `indices` (or a linear row) name, clamped: (pointer to its first element, linear
/// row).
Value linearRow(KernelLowering& k, const Buffer& source, ValueRange indices) {
  Value row = k.constant(int64_t(0));
  for (auto [i, index] : llvm::enumerate(indices)) {
    Value clamped = k.max(k.min(index, k.add(source.sizes[i], -1)), k.constant(int64_t(0)));
    row = k.add(k.mul(row, source.sizes[i]), clamped);
  }
  return row;
}

Value rowOfSource(KernelLowering& k, const Buffer& source, Value row) {
  Value offset = k.constant(int64_t(0));
  for (int64_t d = source.type.getRank() - 2; d >= 0; --d) {
    Value extent = k.max(source.sizes[d], k.constant(int64_t(1)));
    offset = k.add(offset, k.mul(arith::RemSIOp::create(k.b, k.loc, row, extent), source.strides[d]));
    row = arith::DivSIOp::create(k.b, k.loc, row, extent);
  }
  return k.at(source.base, source.element(), offset);
}

} // namespace

LogicalResult lowerSummarize(KernelLowering& k, tile::SummarizeOp op) {
  const Buffer& summary = k.buffer(op.getSummary());
  const Buffer& source = k.buffer(op.getSource());
  Value row = k.scalar(op.getRow()), n = source.sizes.back(), block = k.constant(int64_t(op.getBlock()));
  Type i64 = k.b.getI64Type();
  Value out = k.at(summary.base, i64, k.mul(row, summary.strides[0]));
  Value elements = rowOfSource(k, source, row);
  Value none = k.constant(INT64_MAX), least = k.constant(INT64_MIN), zero = k.constant(int64_t(0));
  auto ceil = [&](Value a) { return arith::CeilDivSIOp::create(k.b, k.loc, a, block).getResult(); };
  auto put = [&](Value slot, Value lo, Value hi) {
    Value pair = k.at(out, i64, k.mul(slot, 2));
    k.store(lo, pair);
    k.store(hi, k.at(pair, i64, k.constant(int64_t(1))));
  };
  Value slots = ceil(n);
  k.loop(zero, slots, 1, [&](Value slot) {
    Value first = k.mul(slot, block), past = k.min(k.add(first, block), n);
    auto bounds = k.loop(first, past, 1, {none, least}, [&](Value i, ValueRange carried) {
      Value x = k.load(k.at(elements, source.element(), k.mul(i, source.strides.back())), source.element());
      if (x.getType() != i64)
        x = arith::ExtSIOp::create(k.b, k.loc, i64, x);
      return SmallVector<Value>{k.min(carried[0], x), k.max(carried[1], x)};
    });
    put(slot, bounds[0], bounds[1]);
  });
  // Levels above: from `base` with `count` slots to base + count, while there is more than one.
  auto walk = scf::WhileOp::create(k.b, k.loc, TypeRange{i64, i64}, ValueRange{zero, slots});
  OpBuilder::InsertionGuard guard(k.b);
  Block* before = k.b.createBlock(&walk.getBefore(), {}, {i64, i64}, {k.loc, k.loc});
  scf::ConditionOp::create(k.b, k.loc,
                           arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sgt,
                                                 before->getArgument(1), k.constant(int64_t(1))),
                           before->getArguments());
  Block* after = k.b.createBlock(&walk.getAfter(), {}, {i64, i64}, {k.loc, k.loc});
  Value base = after->getArgument(0), count = after->getArgument(1);
  Value next = k.add(base, count), parents = ceil(count);
  k.loop(zero, parents, 1, [&](Value slot) {
    Value first = k.mul(slot, block), past = k.min(k.add(first, block), count);
    MinMax bounds = foldPairs(k, out, k.add(base, first), k.add(base, past), {none, least});
    put(k.add(next, slot), bounds.min, bounds.max);
  });
  scf::YieldOp::create(k.b, k.loc, ValueRange{next, parents});
  return success();
}

LogicalResult lowerRangeOf(KernelLowering& k, tile::RangeOfOp op) {
  const Buffer& summary = k.buffer(op.getSummary());
  const Buffer& source = k.buffer(op.getSource());
  auto indices = llvm::map_to_vector(op.getIndices(), [&](Value v) { return k.scalar(v); });
  Value row = linearRow(k, source, indices);
  Value n = source.sizes.back(), zero = k.constant(int64_t(0)), last = k.max(k.add(n, -1), zero);
  auto clamp = [&](Value v) { return k.max(k.min(k.scalar(v), last), zero); };
  // An empty tensor reads as 0; it has no summary, so the query's range is empty.
  Value extent = n;
  for (Value size : ArrayRef<Value>(source.sizes).drop_back())
    extent = k.min(extent, size);
  Value empty = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::eq, extent, zero);
  Value block = k.constant(int64_t(op.getBlock()));
  Value first = arith::SelectOp::create(k.b, k.loc, empty, block, clamp(op.getLo()));
  Value pointer = k.at(summary.base, k.b.getI64Type(), k.mul(row, summary.strides[0]));
  auto call = LLVM::CallOp::create(k.b, k.loc, rangeFunction(k, op->getParentOfType<ModuleOp>()),
                                   ValueRange{pointer, n, first, clamp(op.getHi()), block});
  auto part = [&](int64_t i) {
    return LLVM::ExtractValueOp::create(k.b, k.loc, call.getResult(), ArrayRef<int64_t>{i}).getResult();
  };
  k.scalars.map(op.getMin(), arith::SelectOp::create(k.b, k.loc, empty, zero, part(0)));
  k.scalars.map(op.getMax(), arith::SelectOp::create(k.b, k.loc, empty, zero, part(1)));
  return success();
}

} // namespace attile
