//===- KernelLowering.h - state shared by the lowerings of tile operations ----===//
//
// One KernelLowering walks one tile.kernel in order and writes its function. Buffers become a pointer with
// sizes and strides (all i64, strides in elements); scalars are cloned; control flow (scf) is cloned around
// its lowered body.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_CONVERSION_KERNELLOWERING_H
#define ATTILE_CONVERSION_KERNELLOWERING_H

#include "compiler/conversion/tile-to-llvm/TileToLLVM.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace attile {

/// A lowered buffer. Packed col_major buffers of rank 2 are stored as panels of `panel` rows: element (r, c)
/// lies at
/// ((r / panel) * columns + c) * panel + r % panel. col_pairs keeps columns 2i and 2i+1 of a row side by
/// side:
/// (((r / panel) * columns / 2 + c / 2) * panel + r % panel) * 2 + c % 2. row_pairs: ((r / 2) * columns + c)
/// * 2 + r % 2. col_words keeps as many columns of a row side by side as are in 64 bits.
struct Buffer {
  mlir::Value base;
  mlir::SmallVector<mlir::Value> sizes, strides;
  tile::BufferType type;
  int64_t columns = 0; ///< allocated columns of a packed buffer of rank 2 or more
  bool packed = false; ///< laid out by us, as its type says: local memory and plan scratch

  mlir::Type element() const { return type.getElementType(); }
  tile::LayoutKind layout() const { return type.getLayout(); }
  bool isLocal() const { return type.getSpace() == tile::Space::Local; }
};

/// Of buffers in col_words: bytes of a word, and how many words dots take at a time; columns that a tile
/// lacks for the last of these are 0.
inline constexpr int64_t kWordBytes = 8, kGroupWords = 4;

/// Of a tile register: what is used of its 16 rows of 64 bytes.
struct TileShape {
  int64_t rows, bytes;
  bool operator==(const TileShape&) const = default;
};

class KernelLowering {
public:
  KernelLowering(tile::KernelOp kernel, const VectorTarget& target, mlir::OpBuilder& builder);
  mlir::LogicalResult run();

  // ---- helpers for all lowerings
  mlir::Value constant(int64_t value);
  mlir::Value constant(float value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return b ? add(a, constant(b)) : a; }
  mlir::Value mul(mlir::Value a, int64_t b) { return b == 1 ? a : mul(a, constant(b)); }
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// base + index elements of `element`.
  mlir::Value at(mlir::Value base, mlir::Type element, mlir::Value index);
  mlir::Value load(mlir::Value pointer, mlir::Type type);
  void store(mlir::Value value, mlir::Value pointer);
  /// for (i = lo; i < hi; i += step) body(i, carried) -> carried.
  mlir::SmallVector<mlir::Value>
  loop(mlir::Value lo, mlir::Value hi, int64_t step, mlir::ValueRange init,
       llvm::function_ref<mlir::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  void loop(mlir::Value lo, mlir::Value hi, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  /// if (condition) then().
  void when(mlir::Value condition, llvm::function_ref<void()> then);

  mlir::VectorType vectorOf(mlir::Type element) const { return mlir::VectorType::get({lanes}, element); }
  mlir::Value splat(mlir::Value scalar);
  mlir::Value splat(mlir::Value scalar, mlir::VectorType type);
  /// f32 from a 16-bit float (scalar or vector), and back with round to nearest even.
  mlir::Value toF32(mlir::Value value);
  mlir::Value fromF32(mlir::Value value, mlir::Type element);

  mlir::Value size(llvm::StringRef name);
  const Buffer& buffer(mlir::Value value) const;
  mlir::Value scalar(mlir::Value value) { return scalars.lookupOrDefault(value); }
  /// Rows that a register block of a dot covers: the panel of col_major buffers.
  int64_t panel() const { return schedule ? schedule.getDotRows() : lanes; }
  int64_t vectorsPerPanel() const { return panel() / lanes; }

  mlir::LogicalResult lowerBlock(mlir::Block& block);
  mlir::LogicalResult lowerOne(mlir::Operation* op);

  tile::KernelOp kernel;
  tile::ScheduleAttr schedule; ///< null for kernels without dots
  const VectorTarget& target;
  /// Rows that a vector holds: all lanes, or fewer where a block has fewer rows (see DotFewRows.cpp).
  int64_t lanes;
  mlir::OpBuilder& b;
  mlir::Location loc;
  mlir::IRMapping scalars;

private:
  mlir::LogicalResult cloneStructured(mlir::Operation* op);
  mlir::Value slot(llvm::StringRef kind, llvm::StringRef name, mlir::Type type);
  void bindArguments();
  void bindScratch(Buffer& buffer, llvm::StringRef name);

  mlir::LLVM::LLVMFuncOp function;
  mlir::Block* entry = nullptr;
  mlir::OpBuilder::InsertPoint slotPoint;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::StringMap<mlir::Value> slotValues;
  mlir::SmallVector<mlir::Attribute> slotNames;
  int64_t scratchBytes = 0;
  mlir::SmallVector<TileShape> tileShapes;

public:
  void define(mlir::Value value, Buffer buffer) { buffers[value] = std::move(buffer); }
  /// `bytes` of worker scratch, 64-byte aligned.
  mlir::Value allocate(int64_t bytes);
  /// Gives the tile registers their shapes for as long as the kernel runs; false if they have others.
  bool configureTiles(mlir::ArrayRef<TileShape> shapes);
};

// ---- one family of operations a file; each lowers its op at the builder's insertion point
mlir::LogicalResult lowerAlloc(KernelLowering& k, tile::AllocOp op);
mlir::LogicalResult lowerSlice(KernelLowering& k, tile::SliceOp op);
mlir::LogicalResult lowerLookup(KernelLowering& k, tile::LookupOp op);
mlir::LogicalResult lowerFill(KernelLowering& k, tile::FillOp op);
mlir::LogicalResult lowerCopy(KernelLowering& k, tile::CopyOp op);
mlir::LogicalResult lowerResidual(KernelLowering& k, tile::ResidualOp op);
mlir::LogicalResult lowerGather(KernelLowering& k, tile::GatherOp op);
mlir::LogicalResult lowerScatter(KernelLowering& k, tile::ScatterOp op);
mlir::LogicalResult lowerDot(KernelLowering& k, tile::DotOp op);
/// The same for blocks of fewer rows than a vector has lanes.
mlir::LogicalResult lowerDotFewRows(KernelLowering& k, tile::DotOp op);
/// The same for scores of bf16, by tile registers.
mlir::LogicalResult lowerDotTiles(KernelLowering& k, tile::DotOp op);
mlir::LogicalResult lowerGeneric(KernelLowering& k, tile::GenericOp op);
mlir::LogicalResult lowerAnyAll(KernelLowering& k, tile::AnyAllOp op);
mlir::LogicalResult lowerSpans(KernelLowering& k, tile::SpansOp op);
mlir::LogicalResult lowerVisit(KernelLowering& k, tile::VisitOp op);
mlir::LogicalResult lowerSummarize(KernelLowering& k, tile::SummarizeOp op);
mlir::LogicalResult lowerRangeOf(KernelLowering& k, tile::RangeOfOp op);

/// Loads a vector of `width` elements at `pointer`, only the first `valid` of them from memory (the others
/// are 0).
mlir::Value loadPart(KernelLowering& k, mlir::Value pointer, mlir::Type element, int64_t width,
                     int64_t valid);
/// Stores the first `valid` elements of `vector`.
void storePart(KernelLowering& k, mlir::Value vector, mlir::Value pointer, int64_t valid);
/// body(first column, how many are valid) for each vector of `width` columns; the last one may be partial.
void forColumns(KernelLowering& k, int64_t columns, int64_t width,
                llvm::function_ref<void(mlir::Value, int64_t)> body);
/// to[c] = from[c] for c < columns, converted.
void copyRow(KernelLowering& k, mlir::Value from, mlir::Type fromElement, mlir::Value to,
             mlir::Type toElement, int64_t columns);
/// Between local f32 tiles, one with rows and one with columns across lanes.
void copyBetweenLanes(KernelLowering& k, const Buffer& dest, const Buffer& source, mlir::ModuleOp module);
/// acc + a * b of f32 vectors, or of vectors of bf16 pairs (as i32) with both products added.
mlir::Value multiplyAdd(KernelLowering& k, bool pairs, mlir::Value a, mlir::Value b, mlir::Value sum);
/// Size of an element in memory.
int64_t bytesOf(mlir::Type element);

/// An element of a global buffer at clamped indices, widened (see tile.lookup); 0 if a dimension is empty.
mlir::Value emitLookup(KernelLowering& k, const Buffer& buffer, mlir::ValueRange indices, mlir::Type type);

/// Elementary functions on f32 scalars or vectors, without calls. Null for an op it does not know.
mlir::Value emitMath(KernelLowering& k, mlir::Operation* op, mlir::ValueRange operands, mlir::Type type);

} // namespace attile

#endif
