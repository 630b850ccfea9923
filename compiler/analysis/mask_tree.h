//===- mask_tree.h - the mask region as a normalised expression graph -----===//
//
// Integer sums are kept as affine forms over Z/2^64 (exact under wrapping), so that terms cancel before
// intervals are taken; comparisons are reduced to <= and ==. Each node knows, whatever the run-time values
// are, bounds of its value, and whether it is one value per box of rows (a point).
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_ANALYSIS_MASK_TREE_H
#define ATTILE_COMPILER_ANALYSIS_MASK_TREE_H

#include "compiler/analysis/mask.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVector.h"

#include <deque>
#include <map>
#include <optional>
#include <tuple>

namespace attile::analysis::detail {

/// Positions and sizes are below this.
inline constexpr double kMaxSize = 2147483648.0;
/// Sums of two values of at most this magnitude cannot wrap.
inline constexpr int64_t kSafe = int64_t(1) << 61;

/// Kinds serve i64, i1 and f32 alike; the node's type tells.
enum class Kind {
  Variable, ///< index: 0..4 for b, h, kv_h, q, k
  Size,     ///< name
  Scalar,   ///< value: captured
  Constant, ///< i1: constant; f32: real
  Affine,   ///< constant + sum of coefficients[i] * operands[i]; an i64 constant has no operands
  Add,      ///< f32 only
  Div,      ///< f32 only
  Mul,      ///< operands 0 and 1
  FloorDiv, ///< as attn.floordiv
  FloorMod, ///< as attn.floormod
  Min,
  Max,
  Abs,
  And, ///< bits, or logic
  Or,
  Xor,
  Not,       ///< i1 only
  Select,    ///< operands: condition, then, else
  Lookup,    ///< value: the tensor; operands: indices
  FromBool,  ///< i64 0 or 1
  FromInt,   ///< f32 of an i64
  LessEqual, ///< operands 0 <= 1; a third operand, if there, is 0 minus 1 with terms cancelled
  Equal,     ///< likewise
  Less,      ///< f32 only: ordered <
  Opaque     ///< op: not understood; evaluated as it is when its operands are points
};

struct Expr {
  Kind kind;
  mlir::Type type;
  llvm::SmallVector<const Expr*, 4> operands = {};
  llvm::SmallVector<int64_t, 4> coefficients = {};
  int64_t constant = 0;
  double real = 0;
  mlir::Value value = {};
  mlir::Operation* op = nullptr;
  llvm::StringRef name = {};

  bool usesRow = false;          ///< depends on q, or on h where a box has several heads
  bool usesKey = false;          ///< depends on k
  bool point = false;            ///< one exactly known value per box
  const Expr* rowPart = nullptr; ///< of an affine form that uses k: the sum of constant and terms that do not
  double min = 0, max = 0;       ///< i64: bounds of the value
  double width = 0;              ///< i64: bound of (hi - lo) of the interval that is emitted, before wrapping

  /// True when the value is known to lie within +-limit.
  bool within(double limit) const { return min >= -limit && max <= limit; }
  bool safe() const { return within(double(kSafe)); }
  bool isConstant() const { return kind == Kind::Affine && operands.empty(); }
};

/// A variable whose quotient and remainder by the same divisor are both read. Over a range that is cut where
/// the quotient changes they are independent: each part is a box of quotients and remainders, and nothing is
/// lost.
struct Split {
  const Expr* offset;  ///< a point: the dividend is the variable plus it
  const Expr* divisor; ///< a point
};

/// The graph; nodes are unique and live as long as the tree.
class MaskTree {
public:
  MaskTree(mlir::Region& mask, MaskOptions options);

  const Expr* root() const { return rootExpr; }
  const llvm::SetVector<mlir::Value>& summarized() const { return tensors; }
  /// Nodes in order of creation: operands before their users.
  const std::deque<Expr>& nodes() const { return exprs; }
  const std::optional<Split>& keySplit() const { return splits[0]; }
  const std::optional<Split>& rowSplit() const { return splits[1]; }

private:
  using Terms = std::map<const Expr*, int64_t>;

  const Expr* intern(Expr expr);
  const Expr* make(Kind kind, mlir::Type type, llvm::ArrayRef<const Expr*> operands);
  const Expr* constant(int64_t value);
  const Expr* boolean(bool value);
  const Expr* affine(const Terms& terms, int64_t constant);
  /// a * x + b * y
  const Expr* combine(const Expr* x, int64_t a, const Expr* y, int64_t b);
  const Expr* negate(const Expr* condition);
  const Expr* compare(Kind kind, const Expr* lhs, const Expr* rhs);
  const Expr* minMax(Kind kind, const Expr* lhs, const Expr* rhs);
  const Expr* absolute(const Expr* operand);
  const Expr* multiply(const Expr* lhs, const Expr* rhs);
  const Expr* divide(Kind kind, const Expr* lhs, const Expr* rhs);
  const Expr* logic(Kind kind, const Expr* lhs, const Expr* rhs);
  const Expr* select(const Expr* condition, const Expr* lhs, const Expr* rhs);
  void setBounds(Expr& expr) const;
  std::optional<Split> findSplit(int64_t variable);

  const Expr* read(mlir::Value value);
  const Expr* readOp(mlir::Operation* op);
  const Expr* readIntegerOp(mlir::Operation* op);
  const Expr* readRealOp(mlir::Operation* op);
  const Expr* readConstant(mlir::Operation* op);
  const Expr* readLookup(mlir::Operation* op);
  const Expr* readIntegerCompare(mlir::Operation* op);
  const Expr* readRealCompare(mlir::Operation* op);
  const Expr* opaque(mlir::Operation* op);

  using Key = std::tuple<Kind, const void*, std::vector<const void*>, std::vector<int64_t>, int64_t, double,
                         const void*, const void*, std::string>;
  mlir::Region& region;
  mlir::Type i64, i1, f32;
  std::deque<Expr> exprs;
  std::map<Key, const Expr*> unique;
  llvm::DenseMap<const Expr*, unsigned> order;
  llvm::DenseMap<mlir::Value, const Expr*> values;
  llvm::SetVector<mlir::Value> tensors;
  bool oneHead;
  const Expr* rootExpr = nullptr;
  std::optional<Split> splits[2];
};

} // namespace attile::analysis::detail

#endif // ATTILE_COMPILER_ANALYSIS_MASK_TREE_H
