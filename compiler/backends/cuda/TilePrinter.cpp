//===- TilePrinter.cpp - tile operations as calls of templates/ ---------------------------===//
#include "compiler/backends/cuda/KernelPrinter.h"
#include "compiler/backends/cuda/PrepareForEmission.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attile::cuda {

using tile::BufferType;
using tile::Space;

static BufferType typeOf(Value buffer) { return cast<BufferType>(buffer.getType()); }

/// "Fragment<float, 16, 64>" and its like.
static std::string objectType(BufferType type, int64_t warpRows, bool panels) {
  std::string element = typeName(type.getElementType());
  ArrayRef<int64_t> shape = type.getShape();
  auto warp = std::to_string(warpRows);
  if (type.getSpace() == Space::Shared) {
    ArrayRef<int64_t> tile = shape.take_back(2);
    std::string text = (panels ? "PanelTile<" : "SharedTile<") + element + ", " + std::to_string(tile[0]) +
                       ", " + std::to_string(paddedColumns(tile[1])) + ">";
    return shape.size() == 3 ? "Staged<" + text + ", " + std::to_string(shape[0]) + ">" : text;
  }
  if (shape.size() == 1)
    return "RowFragment<" + element + ", " + warp + ">";
  bool packed = type.getElementType().isBF16() || type.getElementType().isF16();
  return (packed ? "Operand<" : "Fragment<") + element + ", " + warp + ", " +
         std::to_string(paddedColumns(shape[1])) + ">";
}

/// The template argument `Columns` of functions that move a tile with padding; else nothing.
static std::string columnsOf(BufferType type, StringRef before) {
  if (type.getRank() != 2 || type.getShape()[1] == paddedColumns(type.getShape()[1]))
    return {};
  return (before + std::to_string(type.getShape()[1])).str();
}

static std::string bracketed(const std::string& arguments) {
  return arguments.empty() ? arguments : "<" + arguments + ">";
}

std::string KernelPrinter::buffer(Value value) const {
  auto known = buffers.find(value);
  return known == buffers.end() ? "/* unknown buffer */" : known->second;
}

/// Scratch is dense: the product of the inner extents.
std::string KernelPrinter::stride(Value buffer, unsigned dim) const {
  std::string name = argumentName(buffer).str();
  if (!isScratch(buffer))
    return ids.lookup(name + ".stride." + std::to_string(dim));
  BufferType type = typeOf(buffer);
  int64_t fixed = 1;
  std::string text;
  for (int64_t d = dim + 1; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      text += ids.lookup(name + ".dim." + std::to_string(d)) + " * ";
    else
      fixed *= type.getShape()[d];
  return text + std::to_string(fixed) + "LL";
}

std::string KernelPrinter::pointer(tile::SliceOp slice) const {
  std::string result = buffer(slice.getSource());
  for (auto [d, offset] : llvm::enumerate(slice.getOffsets()))
    if (!matchPattern(offset, m_Zero()))
      result += " + " + text(offset) + " * " + stride(slice.getSource(), d);
  return result;
}

/// A buffer with its extents and strides, as lookups want it.
std::string KernelPrinter::dims(Value buffer) const {
  BufferType type = typeOf(buffer);
  std::string name = argumentName(buffer).str(), extents, strides;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    bool unknown = type.isDynamicDim(d);
    std::string extent = !unknown                      ? std::to_string(type.getShape()[d])
                         : d == 0 && isScratch(buffer) ? "0" // as many as there are; never asked for
                                                       : ids.lookup(name + ".dim." + std::to_string(d));
    extents += (d ? ", " : "") + extent;
    strides += (d ? ", " : "") + stride(buffer, d);
  }
  return "make_global(" + this->buffer(buffer) + ", " + extents + ", " + strides + ")";
}

void KernelPrinter::tileOperation(Operation& op) {
  llvm::TypeSwitch<Operation*>(&op)
      .Case([&](tile::SizeOp size) { text.name(size.getResult(), ids.lookup(size.getName())); })
      .Case([&](tile::BlockIndexOp index) { text.name(index.getResult(), "(i64)blockIdx.x"); })
      .Case([&](tile::AllocOp alloc) { allocate(alloc); })
      .Case([&](tile::SliceOp slice) { // of global memory it is printed where it is used
        if (typeOf(slice.getSource()).getSpace() == Space::Shared)
          buffers[slice.getResult()] =
              buffer(slice.getSource()) + ".stage(" + text.whole(slice.getOffsets()[0]) + ")";
      })
      .Case([&](tile::LookupOp lookup) {
        std::string indices;
        for (Value index : lookup.getIndices())
          indices += ", " + text.whole(index);
        std::string name = fresh("x");
        line("const " + typeName(lookup.getType()) + " " + name + " = lookup(" + dims(lookup.getBuffer()) +
                 indices + ");",
             op.getLoc());
        text.name(lookup.getResult(), name);
      })
      .Case([&](tile::FillOp fill) {
        line("fill(" + buffer(fill.getDest()) + ", " + text.whole(fill.getValue()) + ");");
      })
      .Case([&](tile::CopyOp copy) { this->copy(copy); })
      .Case([&](tile::CopyAsyncOp copy) { copy.getBarrier() ? bringRows(copy) : copyAsync(copy); })
      .Case([&](tile::WaitOp wait) { this->wait(wait); })
      .Case<tile::SyncOp, tile::RolesOp, tile::RoleIndexOp, tile::BarrierAllocOp, tile::BarrierArriveOp,
            tile::BarrierWaitOp>([&](auto other) { roleOperation(*other); })
      .Case([&](tile::ResidualOp residual) {
        line("residual(" + buffer(residual.getDest()) + ", " + buffer(residual.getSource()) + ");");
      })
      .Case([&](tile::GatherOp gather) { this->gather(gather); })
      .Case([&](tile::ScatterOp scatter) { this->scatter(scatter); })
      .Case([&](tile::DotOp dot) { this->dot(dot); })
      .Case([&](tile::DotAsyncOp dot) {
        line(Twine(dot.getTransposeB() ? "start_dot_nt(" : "start_dot_nn(") + buffer(dot.getAcc()) + ", " +
             buffer(dot.getLhs()) + ", " + buffer(dot.getRhs()) + ");");
      })
      .Case([&](tile::GenericOp generic) { this->generic(generic); })
      .Case([&](tile::RangeOfOp range) { rangeOf(range); })
      .Case([&](tile::SummarizeOp summarize) {
        line("summarize(" + dims(summarize.getSummary()) + ", " + dims(summarize.getSource()) + ", " +
             text.whole(summarize.getRow()) + ", " + std::to_string(summarize.getBlock()) + ");");
      });
}

void KernelPrinter::allocate(tile::AllocOp op) {
  std::string name = fresh(op->getAttrOfType<StringAttr>(kId).getValue());
  buffers[op.getResult()] = name;
  BufferType type = op.getType();
  std::string object = objectType(type, warpRows(), usesWarpgroups(kernel));
  if (type.getSpace() != Space::Shared)
    return line(object + " " + name + ";");
  std::string offset = std::to_string(op->getAttrOfType<IntegerAttr>(kOffset).getInt());
  line("const " + object + " " + name + "{reinterpret_cast<" + typeName(type.getElementType()) +
       "*>(shared + " + offset + ")};");
}

void KernelPrinter::copy(tile::CopyOp op) {
  auto from = op.getSource().getDefiningOp<tile::SliceOp>(), to = op.getDest().getDefiningOp<tile::SliceOp>();
  if (to)
    return line("store" + bracketed(columnsOf(to.getType(), "")) + "(" + pointer(to) + ", " +
                buffer(op.getSource()) + ");");
  std::string dest = buffer(op.getDest());
  if (from)
    return line("load" + bracketed(columnsOf(from.getType(), "")) + "(" + dest + ", " + pointer(from) + ");");
  bool same = typeOf(op.getDest()).getElementType() == typeOf(op.getSource()).getElementType();
  if (same)
    return line(dest + " = " + buffer(op.getSource()) + ";");
  line("round(" + dest + ", " + buffer(op.getSource()) + ");");
}

void KernelPrinter::copyAsync(tile::CopyAsyncOp op) {
  auto slice = op.getSource().getDefiningOp<tile::SliceOp>();
  unsigned rank = typeOf(slice.getSource()).getRank();
  std::string rows = slice.getSizes().empty() ? std::to_string(slice.getType().getShape()[0])
                                              : "(int)" + text(slice.getSizes()[0]);
  line("copy_rows_async<" + std::to_string(kernel->getAttrOfType<IntegerAttr>(kThreads).getInt() / 32) +
       columnsOf(slice.getType(), ", false, ") + ">(" + buffer(op.getDest()) + ", " + pointer(slice) + ", " +
       stride(slice.getSource(), rank - 2) + ", " + rows + ");");
  line("commit_copies();");
}

void KernelPrinter::dot(tile::DotOp op) {
  std::string acc = buffer(op.getAcc());
  if (op.getRescale())
    line("scale_rows(" + acc + ", " + buffer(op.getRescale()) + ");");
  if (!op.getTransposeB() && !op.getAccumulate())
    line("fill(" + acc + ", 0.0f);");
  line(Twine(op.getTransposeB() ? "dot_nt(" : "dot_nn(") + acc + ", " + buffer(op.getLhs()) + ", " +
       buffer(op.getRhs()) + ");");
}

void KernelPrinter::wait(tile::WaitOp op) {
  std::string pending = std::to_string(op->getAttrOfType<IntegerAttr>(kPending).getInt()), accs;
  if (op.getOf().empty())
    return line("wait_copies<" + pending + ">();");
  for (Value computed : op.getComputed())
    line("settle(" + buffer(computed) + ");");
  for (Value acc : op.getOf())
    accs += (accs.empty() ? "" : ", ") + buffer(acc);
  line("wait_products<" + pending + ">(" + accs + ");");
}

void KernelPrinter::gather(tile::GatherOp op) {
  std::string offsets = std::to_string(op->getAttrOfType<IntegerAttr>(kOffset).getInt());
  Value source = op.getSource();
  std::string meeting = role ? std::to_string(roleThreads) + ", " + std::to_string(role) : "";
  std::string columns = columnsOf(op.getDest().getType(), role ? ", " : "false, ");
  line("gather_rows" + bracketed(meeting + columns) + "(" + buffer(op.getDest()) + ", " + buffer(source) +
       " + " + text(op.getBatch()) + " * " + stride(source, 0) + ", " + stride(source, 1) + ", " +
       stride(source, 2) + ", " + buffer(op.getRowH()) + ", " + buffer(op.getRowQ()) +
       ", reinterpret_cast<i64*>(shared + " + offsets + "), (int)" + text(op.getCount()) + ");");
}

void KernelPrinter::scatter(tile::ScatterOp op) {
  Value dest = op.getDest();
  line("scatter_rows" + bracketed(columnsOf(op.getSource().getType(), "false, ")) + "(" + buffer(dest) +
       " + " + text(op.getBatch()) + " * " + stride(dest, 0) + ", " + stride(dest, 1) + ", " +
       stride(dest, 2) + ", " + buffer(op.getRowH()) + ", " + buffer(op.getRowQ()) + ", " +
       buffer(op.getSource()) + ", (int)" + text(op.getCount()) + ");");
}

void KernelPrinter::rangeOf(tile::RangeOfOp op) {
  std::string min = fresh("lo"), max = fresh("hi"), indices;
  for (Value index : op.getIndices())
    indices += text.whole(index) + ", ";
  line("i64 " + min + ", " + max + ";");
  line("range_of(" + min + ", " + max + ", " + dims(op.getSummary()) + ", " + dims(op.getSource()) + ", " +
           indices + text.whole(op.getLo()) + ", " + text.whole(op.getHi()) + ", " +
           std::to_string(op.getBlock()) + ");",
       op.getLoc());
  text.name(op.getMin(), min);
  text.name(op.getMax(), max);
}

} // namespace attile::cuda
