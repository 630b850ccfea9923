//===- mask.h - which keys a box of rows sees, as scalar code -------------===//
//
// The mask region of an `attn.fold` says for one (b, h, kv_h, q, k) whether key k is visible. MaskAnalysis
// turns it into straight-line scalar code (arith on i64, i1 and f64) over *boxes* of rows and *ranges* of
// keys:
//
//   * which keys a box of rows can see at all, solved from the mask's inequalities, not searched;
//   * whether any, and whether all, pairs of a box and a range of keys are visible.
//
// Nothing is materialised and nothing is assumed about run-time values: int params may be any i64, arithmetic
// wraps as in the kernel. What cannot be decided is (any = true, all = false), never wrong.
//
//   MaskAnalysis analysis(fold.getMask(), {.oneHead = true});
//   RowFacts rows = analysis.emitRowFacts(builder, loc, box, host);   // once per box of rows
//   KeyRange keys = rows.emitKeyRange(builder);                       // at the same place, or later
//   TileClass tile = rows.emitClassify(builder, k0, k1);              // as often as needed, e.g. in
//   tile.visit
//
// Two things hold for the emitted code: it has no control flow, and division is arith.floordivsi by a divisor
// that is never zero (a lowering to LLVM runs arith-expand). Redundant constants are left to CSE.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_ANALYSIS_MASK_H
#define ATTILE_COMPILER_ANALYSIS_MASK_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"
#include "mlir/IR/Value.h"

#include <memory>
#include <utility>

namespace attile::analysis {

/// Rows (b, h, kv_h, q) with h in [hLo, hHi] and q in [qLo, qHi]; all i64, bounds included, lo <= hi.
/// Where a box always has one head (or one query), pass the same value twice: it is then treated as a point.
struct RowBox {
  mlir::Value b, hLo, hHi, kvH, qLo, qHi;
};

/// Keys [lo, hi), with 0 <= lo <= hi <= kv_len.
struct KeyRange {
  mlir::Value lo, hi;
};

/// Two i1: any = false promises that no pair of row and key is visible, all = true that every pair is.
struct TileClass {
  mlir::Value any, all;
};

/// What the analysis needs from the form that it emits into. Implemented by the conversion (and by tests).
class MaskHost {
public:
  virtual ~MaskHost() = default;

  /// The run-time size `name` of an `attn.size`, as i64.
  virtual mlir::Value size(mlir::OpBuilder& builder, mlir::Location loc, llvm::StringRef name) = 0;

  /// The counterpart of a captured scalar (i64, i1 or f32).
  virtual mlir::Value scalar(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value captured) = 0;

  /// tensor[indices...] as `attn.lookup` reads it: indices clamped, the element widened to i64, f32 or i1.
  virtual mlir::Value element(mlir::OpBuilder& builder, mlir::Location loc, mlir::Value tensor,
                              mlir::ValueRange indices) = 0;

  /// i64 bounds (min, max), both included, of tensor[leading..., i] for i in [lo, hi], with lo <= hi and all
  /// indices clamped as a lookup's are. May be wider, never narrower. Called for `summarizedTensors()` only.
  /// For a tensor of bools (i8) the bounds of its elements, or of their truth values, do.
  virtual std::pair<mlir::Value, mlir::Value> bounds(mlir::OpBuilder& builder, mlir::Location loc,
                                                     mlir::Value tensor, mlir::ValueRange leading,
                                                     mlir::Value lo, mlir::Value hi) = 0;
};

/// What the caller promises about every RowBox.
struct MaskOptions {
  bool oneHead = true; ///< hLo and hHi are the same value
};

namespace detail {
class MaskTree;
class RowState;
} // namespace detail

/// Facts about one box of rows, emitted once; what depends on keys is emitted where it is asked for.
/// Refers to its MaskAnalysis and to the host, which must outlive it.
class RowFacts {
public:
  ~RowFacts();
  RowFacts(RowFacts&&) noexcept;
  RowFacts& operator=(RowFacts&&) noexcept;

  /// The keys that some row of the box may see.
  KeyRange emitKeyRange(mlir::OpBuilder& builder);

  /// Classifies the keys [k0, k1), 0 <= k0 < k1 <= kv_len (i64), against the whole box. May be called in
  /// several places; each must be dominated by the place of emitRowFacts.
  TileClass emitClassify(mlir::OpBuilder& builder, mlir::Value k0, mlir::Value k1);

private:
  friend class MaskAnalysis;
  explicit RowFacts(std::unique_ptr<detail::RowState> state);
  std::unique_ptr<detail::RowState> state;
};

class MaskAnalysis {
public:
  /// `mask` takes (b, h, kv_h, q, k : i64) and yields one i1; an empty region sees everything. The region is
  /// read now and not changed; captured values are identified by their SSA values.
  explicit MaskAnalysis(mlir::Region& mask, MaskOptions options = {});
  ~MaskAnalysis();

  /// Captured tensors whose last dimension is asked for by ranges (MaskHost::bounds), each once, in order of
  /// appearance. These need min/max summaries.
  llvm::ArrayRef<mlir::Value> summarizedTensors() const;

  /// True when every pair is visible whatever the sizes and params are: no mask, or a constant one.
  bool alwaysVisible() const;

  /// Emits what depends on the rows only, at the builder's insertion point.
  RowFacts emitRowFacts(mlir::OpBuilder& builder, mlir::Location loc, const RowBox& box,
                        MaskHost& host) const;

private:
  std::unique_ptr<detail::MaskTree> tree;
};

} // namespace attile::analysis

#endif // ATTILE_COMPILER_ANALYSIS_MASK_H
