//===- Rows.cpp - query and output rows, between memory and lanes ------------------===//
//
// In memory the channels of a row are neighbours, in local buffers the rows of a channel are. A few rows at a
// time are staged in scratch as f32 (or as pairs of 16-bit elements), and squares of lanes x lanes units are
// transposed in registers, by a function that all gathers and scatters of the image share.
//
//===----------------------------------------------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attile {
namespace {

/// log2(lanes) rounds of interleaving row i with row i + lanes / 2.
SmallVector<Value> transposed(KernelLowering& k, SmallVector<Value> rows) {
  int64_t lanes = k.lanes;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    low.append({i, lanes + i});
    high.append({lanes / 2 + i, lanes + lanes / 2 + i});
  }
  for (int64_t round = 1; round < lanes; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < lanes / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef<int64_t>(low), ArrayRef<int64_t>(high)})
        next.push_back(vector::ShuffleOp::create(k.b, k.loc, rows[i], rows[i + lanes / 2], mask));
    rows = std::move(next);
  }
  return rows;
}

/// (from, from_stride, to, to_stride, n): to[j][i] = from[i][j] for i < lanes, j < n; strides in 32-bit
/// units.
LLVM::LLVMFuncOp transposeFunction(KernelLowering& k, ModuleOp module) {
  std::string name = "attile_transpose_" + std::to_string(k.lanes);
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(k.b.getContext());
  Type i64 = k.b.getI64Type(), unit = k.b.getF32Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(k.b.getContext()),
                                          {pointer, i64, pointer, i64, i64});
  auto function = LLVM::LLVMFuncOp::create(k.b, k.loc, name, type, LLVM::Linkage::Internal);
  function.setNoInline(true);
  Block* entry = function.addEntryBlock(k.b);
  k.b.setInsertionPointToStart(entry);
  auto argument = [&](unsigned i) -> Value { return entry->getArgument(i); };
  SmallVector<Value> rows;
  for (int64_t i = 0; i < k.lanes; ++i)
    rows.push_back(k.load(k.at(argument(0), unit, k.mul(argument(1), i)), k.vectorOf(unit)));
  rows = transposed(k, rows);
  // Columns past n land on column n - 1, which is written last.
  Value last = k.add(argument(4), -1);
  for (int64_t j = k.lanes - 1; j >= 0; --j)
    k.store(rows[j], k.at(argument(2), unit, k.mul(k.min(k.constant(j), last), argument(3))));
  LLVM::ReturnOp::create(k.b, k.loc, ValueRange{});
  return function;
}

/// Pointer to row r of a global operand: [batch, row_h[r], row_q[r], 0].
Value rowPointer(KernelLowering& k, const Buffer& global, Value batch, Value rowH, Value rowQ, Value r) {
  auto index = [&](Value rows) {
    const Buffer& buffer = k.buffer(rows);
    return k.load(k.at(buffer.base, buffer.element(), r), buffer.element());
  };
  Value offset = k.add(k.mul(k.scalar(batch), global.strides[0]),
                       k.add(k.mul(index(rowH), global.strides[1]), k.mul(index(rowQ), global.strides[2])));
  return k.at(global.base, global.element(), offset);
}

/// A row tile in lanes, as units of 32 bits: f32, or pairs of 16-bit elements; and `lanes` of its rows in
/// scratch.
struct LaneTile {
  KernelLowering& k;
  const Buffer& buffer;
  bool pairs;
  int64_t width; ///< units of a staged row: whole vectors
  Value stage;

  LaneTile(KernelLowering& k, const Buffer& buffer)
      : k(k), buffer(buffer), pairs(buffer.layout() == tile::LayoutKind::ColPairs),
        width((units() + k.lanes - 1) / k.lanes * k.lanes) {}

  bool known() const {
    return buffer.packed &&
           (pairs ? bytesOf(buffer.element()) == 2
                  : buffer.layout() == tile::LayoutKind::ColMajor && buffer.element().isF32());
  }
  int64_t units() const { return buffer.columns / (pairs ? 2 : 1); }
  Type element() { return pairs ? buffer.element() : Type(k.b.getF32Type()); }
  int64_t columns() const { return buffer.type.getShape()[1]; }

  void allocate() { stage = k.allocate(width * k.lanes * 4); }
  Value stagedRow(Value i) { return k.at(stage, k.b.getF32Type(), k.mul(i, width)); }

  /// Between the staged rows and rows [r0, r0 + lanes) in lanes.
  void transpose(Value r0, bool intoLanes, ModuleOp module) {
    LLVM::LLVMFuncOp function = transposeFunction(k, module);
    Value panel = arith::DivUIOp::create(k.b, k.loc, r0, k.constant(k.panel()));
    Value lane = arith::RemUIOp::create(k.b, k.loc, r0, k.constant(k.panel()));
    Value rows = k.at(buffer.base, k.b.getF32Type(), k.add(k.mul(panel, units() * k.panel()), lane));
    k.loop(k.constant(int64_t(0)), k.constant(units()), k.lanes, [&](Value c) {
      Value inLanes = k.at(rows, k.b.getF32Type(), k.mul(c, k.panel()));
      Value staged = k.at(stage, k.b.getF32Type(), c);
      Value laneStride = k.constant(k.panel()), stageStride = k.constant(width);
      Value count = k.min(k.constant(k.lanes), arith::SubIOp::create(k.b, k.loc, k.constant(units()), c));
      if (intoLanes)
        LLVM::CallOp::create(k.b, k.loc, function,
                             ValueRange{staged, stageStride, inLanes, laneStride, count});
      else // columns past the last read what follows in memory, and land in the padding of the staged rows
        LLVM::CallOp::create(k.b, k.loc, function,
                             ValueRange{inLanes, laneStride, staged, stageStride, k.constant(k.lanes)});
    });
  }
};

/// Row statistics: one f32 a row.
void scatterStatistic(KernelLowering& k, tile::ScatterOp op) {
  const Buffer& source = k.buffer(op.getSource());
  const Buffer& dest = k.buffer(op.getDest());
  k.loop(k.constant(int64_t(0)), k.scalar(op.getCount()), 1, [&](Value r) {
    Value value = k.load(k.at(source.base, source.element(), r), source.element());
    k.store(k.fromF32(value, dest.element()),
            rowPointer(k, dest, op.getBatch(), op.getRowH(), op.getRowQ(), r));
  });
}

} // namespace

/// Into col_words, zeros behind the last column. Not a place where time is spent: a block does it once.
static void gatherWords(KernelLowering& k, tile::GatherOp op) {
  const Buffer& source = k.buffer(op.getSource());
  const Buffer& dest = k.buffer(op.getDest());
  int64_t rows = dest.type.getShape()[0], width = 2 * k.target.lanes, columns = dest.type.getShape()[1];
  int64_t words = dest.columns * bytesOf(dest.element()) / kWordBytes;
  Type word = k.b.getI64Type();
  Value zero = k.constant(int64_t(0));
  Value stage = k.allocate((dest.columns + width) * bytesOf(dest.element()));
  k.loop(zero, k.constant(rows), 1, [&](Value r) {
    Value from = rowPointer(k, source, op.getBatch(), op.getRowH(), op.getRowQ(), r);
    forColumns(k, columns, width, [&](Value c, int64_t valid) {
      Value part = loadPart(k, k.at(from, source.element(), c), source.element(), width, valid);
      if (source.element() != dest.element())
        part = k.fromF32(k.toF32(part), dest.element());
      k.store(part, k.at(stage, dest.element(), c));
    });
    k.loop(zero, k.constant(words), 1, [&](Value w) {
      k.store(k.load(k.at(stage, word, w), word), k.at(dest.base, word, k.add(k.mul(w, rows), r)));
    });
  });
}

LogicalResult lowerGather(KernelLowering& k, tile::GatherOp op) {
  const Buffer& source = k.buffer(op.getSource());
  const Buffer& dest = k.buffer(op.getDest());
  LaneTile tile(k, dest);
  Value zero = k.constant(int64_t(0)), lanes = k.constant(k.lanes),
        rows = k.constant(dest.type.getShape()[0]);
  // Rows past count repeat a valid one: the row indices are clamped.
  if (dest.packed && dest.layout() == tile::LayoutKind::ColWords) {
    gatherWords(k, op);
    return success();
  }
  if (dest.packed && dest.layout() == tile::LayoutKind::RowMajor) {
    k.loop(zero, rows, 1, [&](Value r) {
      Value from = rowPointer(k, source, op.getBatch(), op.getRowH(), op.getRowQ(), r);
      copyRow(k, from, source.element(), k.at(dest.base, dest.element(), k.mul(r, dest.columns)),
              dest.element(), tile.columns());
    });
    return success();
  }
  if (!tile.known())
    return op.emitOpError("destination ") << dest.type << " has rows neither across lanes nor one by one";
  tile.allocate();
  k.loop(zero, rows, k.lanes, [&](Value r0) {
    k.loop(zero, lanes, 1, [&](Value i) {
      Value from = rowPointer(k, source, op.getBatch(), op.getRowH(), op.getRowQ(), k.add(r0, i));
      copyRow(k, from, source.element(), tile.stagedRow(i), tile.element(), tile.columns());
    });
    tile.transpose(r0, true, op->getParentOfType<ModuleOp>());
  });
  return success();
}

void copyBetweenLanes(KernelLowering& k, const Buffer& dest, const Buffer& source, ModuleOp module) {
  bool intoLanes = dest.layout() == tile::LayoutKind::ColMajor;
  const Buffer& rows = intoLanes ? source : dest;
  LaneTile tile(k, intoLanes ? dest : source);
  tile.allocate();
  Value zero = k.constant(int64_t(0)), lanes = k.constant(k.lanes);
  k.loop(zero, k.constant(rows.type.getShape()[0]), k.lanes, [&](Value r0) {
    auto each = [&](llvm::function_ref<void(Value, Value)> body) {
      k.loop(zero, lanes, 1, [&](Value i) {
        body(k.at(rows.base, rows.element(), k.mul(k.add(r0, i), rows.columns)), tile.stagedRow(i));
      });
    };
    auto copy = [&](Value from, Value to) {
      copyRow(k, from, rows.element(), to, rows.element(), tile.columns());
    };
    if (intoLanes)
      each([&](Value row, Value staged) { copy(row, staged); });
    tile.transpose(r0, intoLanes, module);
    if (!intoLanes)
      each([&](Value row, Value staged) { copy(staged, row); });
  });
}

LogicalResult lowerScatter(KernelLowering& k, tile::ScatterOp op) {
  const Buffer& dest = k.buffer(op.getDest());
  const Buffer& source = k.buffer(op.getSource());
  if (source.type.getRank() == 1) {
    scatterStatistic(k, op);
    return success();
  }
  LaneTile tile(k, source);
  if (!tile.known() || tile.pairs)
    return op.emitOpError("source ") << source.type << " does not have rows across lanes";
  tile.allocate();
  Value zero = k.constant(int64_t(0)), count = k.scalar(op.getCount());
  k.loop(zero, count, k.lanes, [&](Value r0) {
    tile.transpose(r0, false, op->getParentOfType<ModuleOp>());
    Value rows = k.min(k.constant(k.lanes), arith::SubIOp::create(k.b, k.loc, count, r0));
    k.loop(zero, rows, 1, [&](Value i) {
      Value to = rowPointer(k, dest, op.getBatch(), op.getRowH(), op.getRowQ(), k.add(r0, i));
      copyRow(k, tile.stagedRow(i), tile.element(), to, dest.element(), tile.columns());
    });
  });
  return success();
}

} // namespace attile
