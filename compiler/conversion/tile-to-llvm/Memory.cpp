//===- Memory.cpp - buffers and what moves them ----------------------------------===//
#include "compiler/conversion/tile-to-llvm/KernelLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attile {

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

int64_t bytesOf(Type element) {
  return element.isInteger(1) ? 1 : int64_t(element.getIntOrFloatBitWidth()) / 8;
}

LogicalResult lowerAlloc(KernelLowering& k, tile::AllocOp op) {
  tile::BufferType type = op.getType();
  if (type.getSpace() != tile::Space::Local)
    return op.emitOpError("allocates in space '")
           << stringifySpace(type.getSpace()) << "', a CPU worker has only local memory";
  Buffer buffer;
  buffer.type = type;
  buffer.packed = true;
  ArrayRef<int64_t> shape = type.getShape();
  int64_t elements = 0;
  if (shape.size() == 1) {
    elements = roundUp(shape[0], k.panel());
    buffer.strides = {k.constant(int64_t(1))};
  } else {
    int64_t rows = shape[0], columns = shape[1];
    switch (type.getLayout()) {
    case tile::LayoutKind::RowMajor: // rows up to a whole register block of a dot may be read
      rows = roundUp(rows, k.schedule ? k.schedule.getScoreKeys() : 1);
      break;
    case tile::LayoutKind::RowPairs:
      rows = roundUp(rows, 2);
      break;
    case tile::LayoutKind::ColMajor:
      rows = roundUp(rows, k.panel());
      break;
    case tile::LayoutKind::ColPairs:
      rows = roundUp(rows, k.panel());
      columns = roundUp(columns, 2);
      break;
    case tile::LayoutKind::ColWords:
      columns = roundUp(columns, kGroupWords * kWordBytes / bytesOf(type.getElementType()));
      break;
    default:
      return op.emitOpError("has layout '")
             << stringifyLayoutKind(type.getLayout()) << "', which no CPU buffer has";
    }
    elements = rows * columns;
    buffer.columns = columns;
    buffer.strides = {k.constant(columns), k.constant(int64_t(1))};
  }
  for (int64_t extent : shape)
    buffer.sizes.push_back(k.constant(extent));
  buffer.base = k.allocate(elements * bytesOf(type.getElementType()));
  k.define(op.getResult(), buffer);
  return success();
}

LogicalResult lowerSlice(KernelLowering& k, tile::SliceOp op) {
  const Buffer source = k.buffer(op.getSource());
  Buffer result = source;
  result.type = op.getType();
  int64_t rank = op.getType().getRank();
  // The last two dimensions of a packed tile are not strided unless it is row_major.
  bool strided = !source.packed || source.layout() == tile::LayoutKind::RowMajor;
  int64_t free = strided ? source.type.getRank() : source.type.getRank() - 2;
  Value offset = k.constant(int64_t(0));
  for (auto [i, index] : llvm::enumerate(op.getOffsets())) {
    if (int64_t(i) < free)
      offset = k.add(offset, k.mul(k.scalar(index), source.strides[i]));
    else if (!matchPattern(index, m_Zero()))
      return op.emitOpError("moves into a buffer of layout '")
             << stringifyLayoutKind(source.layout()) << "', only a window at 0 is known there";
  }
  result.base = k.at(source.base, source.element(), offset);
  result.strides.assign(source.strides.end() - rank, source.strides.end());
  result.sizes.clear();
  unsigned next = 0;
  for (int64_t d = 0; d < rank; ++d)
    result.sizes.push_back(op.getType().isDynamicDim(d) ? k.scalar(op.getSizes()[next++])
                                                        : k.constant(op.getType().getShape()[d]));
  k.define(op.getResult(), result);
  return success();
}

Value emitLookup(KernelLowering& k, const Buffer& buffer, ValueRange indices, Type type) {
  Value offset = k.constant(int64_t(0));
  for (auto [i, index] : llvm::enumerate(indices)) {
    // An empty dimension clamps to element 0: the runtime then passes a pointer to zeros.
    Value clamped = k.max(k.min(index, k.add(buffer.sizes[i], -1)), k.constant(int64_t(0)));
    offset = k.add(offset, k.mul(clamped, buffer.strides[i]));
  }
  Value value = k.load(k.at(buffer.base, buffer.element(), offset), buffer.element());
  if (isa<FloatType>(value.getType()))
    return k.toF32(value);
  if (type.isInteger(1))
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, value,
                                 arith::ConstantIntOp::create(k.b, k.loc, value.getType(), 0));
  return value.getType() == type ? value : Value(arith::ExtSIOp::create(k.b, k.loc, type, value));
}

LogicalResult lowerLookup(KernelLowering& k, tile::LookupOp op) {
  auto indices = llvm::map_to_vector(op.getIndices(), [&](Value v) { return k.scalar(v); });
  k.scalars.map(op.getResult(), emitLookup(k, k.buffer(op.getBuffer()), indices, op.getType()));
  return success();
}

LogicalResult lowerFill(KernelLowering& k, tile::FillOp op) {
  const Buffer& dest = k.buffer(op.getDest());
  if (!dest.isLocal())
    return op.emitOpError("fills a buffer that is not local");
  if (!isa<FloatType>(dest.element()) && !dest.element().isInteger(64))
    return op.emitOpError("fills ") << dest.type << ", on a CPU only floats and i64 are filled";
  int64_t elements = roundUp(dest.type.getShape()[0], k.panel()) * (dest.columns ? dest.columns : 1);
  Value scalar = k.scalar(op.getValue());
  Value vector = k.splat(isa<FloatType>(dest.element()) ? k.fromF32(scalar, dest.element()) : scalar);
  k.loop(k.constant(int64_t(0)), k.constant(elements), k.lanes,
         [&](Value i) { k.store(vector, k.at(dest.base, dest.element(), i)); });
  return success();
}

// ---- copy: rows of a global operand to local memory ---------------------------------------------------

Value loadPart(KernelLowering& k, Value pointer, Type element, int64_t width, int64_t valid) {
  auto type = VectorType::get({width}, element);
  if (valid >= width)
    return k.load(pointer, type);
  SmallVector<bool> bits(width, false);
  std::fill_n(bits.begin(), valid, true);
  Value mask = arith::ConstantOp::create(
      k.b, k.loc, DenseElementsAttr::get(type.clone(k.b.getI1Type()), ArrayRef<bool>(bits)));
  Value zero = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(k.b, k.loc, type, pointer, mask, zero,
                                    k.b.getI32IntegerAttr(bytesOf(element)));
}

void storePart(KernelLowering& k, Value vector, Value pointer, int64_t valid) {
  auto type = cast<VectorType>(vector.getType());
  if (valid >= type.getNumElements())
    return k.store(vector, pointer);
  SmallVector<bool> bits(type.getNumElements(), false);
  std::fill_n(bits.begin(), valid, true);
  Value mask = arith::ConstantOp::create(
      k.b, k.loc, DenseElementsAttr::get(type.clone(k.b.getI1Type()), ArrayRef<bool>(bits)));
  LLVM::MaskedStoreOp::create(k.b, k.loc, vector, pointer, mask, bytesOf(type.getElementType()));
}

void forColumns(KernelLowering& k, int64_t columns, int64_t width,
                llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = columns / width * width;
  if (whole)
    k.loop(k.constant(int64_t(0)), k.constant(whole), width, [&](Value c) { body(c, width); });
  if (columns > whole)
    body(k.constant(whole), columns - whole);
}

void copyRow(KernelLowering& k, Value from, Type fromElement, Value to, Type toElement, int64_t columns) {
  // Whole registers of the wider element.
  int64_t width = k.target.lanes * 4 / std::max(bytesOf(fromElement), bytesOf(toElement));
  forColumns(k, columns, width, [&](Value c, int64_t valid) {
    Value v = loadPart(k, k.at(from, fromElement, c), fromElement, width, valid);
    if (fromElement != toElement)
      v = k.fromF32(k.toF32(v), toElement);
    storePart(k, v, k.at(to, toElement, c), valid);
  });
}

/// dest row_major: each row converted; rows past the source become 0.
static void copyRows(KernelLowering& k, const Buffer& dest, const Buffer& source) {
  int64_t columns = dest.type.getShape()[1];
  Value n = source.sizes[0];
  auto row = [&](Value r) { return k.at(dest.base, dest.element(), k.mul(r, dest.columns)); };
  k.loop(k.constant(int64_t(0)), n, 1, [&](Value r) {
    Value from = k.at(source.base, source.element(), k.mul(r, source.strides[0]));
    copyRow(k, from, source.element(), row(r), dest.element(), columns);
  });
  Value zero = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(k.vectorOf(dest.element())));
  k.loop(n, k.constant(dest.type.getShape()[0]), 1, [&](Value r) {
    forColumns(k, columns, k.lanes,
               [&](Value c, int64_t valid) { storePart(k, zero, k.at(row(r), dest.element(), c), valid); });
  });
}

/// dest row_pairs, 16-bit: rows 2i and 2i+1 interleaved; the partner of a last odd row is 0.
static void copyRowPairs(KernelLowering& k, const Buffer& dest, const Buffer& source) {
  int64_t columns = dest.type.getShape()[1], width = k.target.lanes * 2;
  Value n = source.sizes[0];
  auto type = VectorType::get({width}, source.element());
  Value zero = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(type));
  auto pair = [&](Value first, bool hasSecond) {
    Value a = k.at(source.base, source.element(), k.mul(first, source.strides[0]));
    Value c = hasSecond ? k.at(a, source.element(), source.strides[0]) : Value();
    Value to = k.at(dest.base, dest.element(), k.mul(first, dest.columns));
    forColumns(k, columns, width, [&](Value column, int64_t valid) {
      auto part = [&](Value row) {
        return loadPart(k, k.at(row, source.element(), column), source.element(), width, valid);
      };
      Value both = vector::InterleaveOp::create(k.b, k.loc, part(a), hasSecond ? part(c) : zero);
      storePart(k, both, k.at(to, dest.element(), k.mul(column, 2)), 2 * valid);
    });
  };
  Value whole = arith::AndIOp::create(k.b, k.loc, n, k.constant(int64_t(-2)));
  k.loop(k.constant(int64_t(0)), whole, 2, [&](Value r) { pair(r, true); });
  k.when(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, whole, n), [&] { pair(whole, false); });
}

/// Both packed and of one layout: all elements in order.
static void copyPacked(KernelLowering& k, const Buffer& dest, const Buffer& source) {
  int64_t elements =
      roundUp(dest.type.getShape()[0], k.panel()) * (dest.type.getRank() == 2 ? dest.columns : 1);
  k.loop(k.constant(int64_t(0)), k.constant(elements), k.lanes, [&](Value i) {
    Value v = k.load(k.at(source.base, source.element(), i), k.vectorOf(source.element()));
    k.store(v, k.at(dest.base, dest.element(), i));
  });
}

/// f32 weights, rows across lanes, to pairs of 16-bit ones, or of what rounding leaves of them; the partner
/// of a last odd column is 0.
static void copyColPairs(KernelLowering& k, const Buffer& dest, const Buffer& source, bool residual) {
  int64_t panel = k.panel(), lanes = k.lanes;
  Value zero = k.constant(int64_t(0)), n = source.sizes[1];
  Value none = arith::ConstantOp::create(k.b, k.loc, k.b.getZeroAttr(k.vectorOf(dest.element())));
  auto interleaved = [&](Value halves) -> Value {
    SmallVector<int64_t> mask;
    for (int64_t i = 0; i < lanes; ++i)
      mask.append({i, lanes + i});
    return vector::ShuffleOp::create(k.b, k.loc, halves, halves, mask);
  };
  k.loop(zero, k.constant(dest.type.getShape()[0]), panel, [&](Value r0) {
    Value from = k.at(source.base, source.element(), k.mul(r0, source.columns));
    Value to = k.at(dest.base, dest.element(), k.mul(r0, dest.columns));
    auto pair = [&](Value c, bool hasSecond) {
      for (int64_t lane = 0; lane < panel; lane += lanes) {
        Value a = k.at(from, source.element(), k.add(k.mul(c, panel), lane));
        auto narrow = [&](Value pointer, int64_t size) {
          Value exact = k.load(pointer, VectorType::get({size}, source.element()));
          Value rounded = k.fromF32(exact, dest.element());
          if (!residual)
            return rounded;
          return k.fromF32(arith::SubFOp::create(k.b, k.loc, exact, k.toF32(rounded)), dest.element());
        };
        Value both;
        if (hasSecond && panel == lanes && lanes < k.target.lanes) // two columns are one vector
          both = interleaved(narrow(a, 2 * lanes));
        else
          both = vector::InterleaveOp::create(
              k.b, k.loc, narrow(a, lanes),
              hasSecond ? narrow(k.at(a, source.element(), k.constant(panel)), lanes) : none);
        k.store(both, k.at(to, dest.element(), k.add(k.mul(c, panel), 2 * lane)));
      }
    };
    Value whole = arith::AndIOp::create(k.b, k.loc, n, k.constant(int64_t(-2)));
    k.loop(zero, whole, 2, [&](Value c) { pair(c, true); });
    k.when(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne, whole, n),
           [&] { pair(whole, false); });
  });
}

LogicalResult lowerCopy(KernelLowering& k, tile::CopyOp op) {
  const Buffer& dest = k.buffer(op.getDest());
  const Buffer& source = k.buffer(op.getSource());
  using tile::LayoutKind;
  bool sameElement = dest.element() == source.element();
  auto dense = [](const Buffer& b) { return b.packed || (b.type.getRank() == 1 && !b.type.isDynamicDim(0)); };
  // Whole tiles of f32 whose rows move into or out of lanes.
  auto turns = [](const Buffer& a, const Buffer& b) {
    auto known = [](const Buffer& x) { return x.packed && x.isLocal() && x.element().isF32(); };
    auto is = [&](LayoutKind x, LayoutKind y) { return a.layout() == x && b.layout() == y; };
    return known(a) && known(b) && a.type.getShape() == b.type.getShape() && a.type.getRank() == 2 &&
           (is(LayoutKind::ColMajor, LayoutKind::RowMajor) || is(LayoutKind::RowMajor, LayoutKind::ColMajor));
  };
  if (dense(dest) && dense(source) && dest.layout() == source.layout() && sameElement &&
      (dest.type.getRank() == 1 || dest.columns == source.columns))
    copyPacked(k, dest, source);
  else if (turns(dest, source))
    copyBetweenLanes(k, dest, source, op->getParentOfType<ModuleOp>());
  else if (dest.layout() == LayoutKind::ColPairs && source.packed && source.layout() == LayoutKind::ColMajor)
    copyColPairs(k, dest, source, false);
  else if (dest.isLocal() && !source.packed && dest.layout() == LayoutKind::RowMajor &&
           dest.type.getRank() == 2)
    copyRows(k, dest, source);
  else if (dest.isLocal() && !source.packed && dest.layout() == LayoutKind::RowPairs && sameElement)
    copyRowPairs(k, dest, source);
  else
    return op.emitOpError("has no CPU lowering from ") << source.type << " to " << dest.type;
  return success();
}

LogicalResult lowerResidual(KernelLowering& k, tile::ResidualOp op) {
  const Buffer& dest = k.buffer(op.getDest());
  const Buffer& source = k.buffer(op.getSource());
  if (dest.layout() != tile::LayoutKind::ColPairs || !source.packed ||
      source.layout() != tile::LayoutKind::ColMajor)
    return op.emitOpError("has no CPU lowering from ") << source.type << " to " << dest.type;
  copyColPairs(k, dest, source, true);
  return success();
}

} // namespace attile
