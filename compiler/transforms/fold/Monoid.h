//===- Monoid.h - the linear form of a monoid -------------------------------===//
//
// Many monoids merge like this: some fields are *gauges*, g' = G(a.g, b.g) with one associative G (max, min,
// +, *), and the others are *sums* that are brought to the common gauge and added:
//
//     f' = a.f * W(a.g.., g'..) + b.f * W(b.g.., g'..)           (no gauge: W = 1)
//
// with lift.f a weight c(scores), or value * c(scores). Then a whole tile of keys is merged at once: reduce
// the gauges, weigh each key by c * W(lift.g, g'), sum. LinearMonoid proves that a monoid is of this form by
// reading its regions.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_COMPILER_TRANSFORMS_FOLD_MONOID_H
#define ATTILE_COMPILER_TRANSFORMS_FOLD_MONOID_H

#include "dialect/attn/Attn.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>

namespace attile::fold {

/// A field that reduces by one combiner.
struct Gauge {
  unsigned field;
  mlir::Operation* combiner; ///< the op in the merge region, of two f32
  double identity;           ///< its neutral element
  mlir::Value lifted;        ///< of the scores, in the scratch block
  bool
  unbounded() const; ///< the identity is infinite: no score reaches it, and it may not enter a difference
};

/// value * factor(scores), or the factor alone.
struct Term {
  std::optional<unsigned> value; ///< index among the values
  mlir::Value factor;            ///< in the scratch block
};

/// A field that is rescaled and added.
struct Sum {
  unsigned field;
  llvm::SmallVector<Term, 1> terms;   ///< lift, a sum of them; exactly one, without value, for a row field
  mlir::Value weight;                 ///< W over `from` and `to` of the scratch block; null is 1
  llvm::SmallVector<unsigned> gauges; ///< which gauges W reads
};

/// The form, with its expressions over the arguments of one scratch block.
class LinearMonoid {
public:
  /// Reads the monoid, whose lift takes `scores` scores and then values. A refusal is a located diagnostic
  /// that says which law could not be shown, and a remedy; `user` is the op that wants the form, for a note.
  static mlir::FailureOr<LinearMonoid> derive(attn::MonoidOp monoid, unsigned scores, mlir::Operation* user);

  llvm::ArrayRef<Gauge> gauges() const { return gaugeFields; }
  llvm::ArrayRef<Sum> sums() const { return sumFields; }

  // Arguments of the scratch block.
  mlir::Value from(unsigned gauge) const; ///< W's first argument: the gauge that a state has
  mlir::Value to(unsigned gauge) const;   ///< W's second argument: the gauge that it gets
  mlir::Value score(unsigned i) const;

  /// W is 0 for a state at the identity of all its (unbounded) gauges, whatever finite gauge it is brought
  /// to: such states and masked keys drop out by themselves.
  bool vanishesAtIdentity(const Sum& sum) const;

private:
  struct Reader;
  mlir::OwningOpRef<mlir::ModuleOp> scratch; ///< its block holds the expressions
  unsigned numGauges = 0;
  llvm::SmallVector<Gauge> gaugeFields;
  llvm::SmallVector<Sum> sumFields;
};

} // namespace attile::fold

#endif // ATTILE_COMPILER_TRANSFORMS_FOLD_MONOID_H
