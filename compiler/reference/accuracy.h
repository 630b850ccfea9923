#pragma once

#include "compiler/reference/interpreter.h"

/// How far a kernel's outputs are from the reference, and how far they may be: the contract of design.md,
/// section 4 (Numerics), as `attile run --check` and the conformance suite measure it.
namespace attile::reference {

/// A bound beyond this accepts about anything.
inline constexpr double kLargestBound = 1e-2;

struct Accuracy {
  double relErr = 0; ///< ||o - ref|| / ||ref|| over all compared rows (||o|| if ref is 0)
  double bound =
      0; ///< f32: 2e-6 * max(1, max|s| / 16); f16, bf16: 1.5 x the error of rounding ref, plus 2e-6
  double maxAbsErr = 0; ///< of an element of o
  double lseErr =
      0; ///< greatest |x - ref| / max(1, |ref|) of the row outputs (lse, max); 0 if there are none
  double lseBound = 0; ///< 2e-6 * max(1, max|s| / 16)
  /// Where the reference is not finite, the output must be the same infinity or NaN; first row that differs.
  /// NaN is right in rows that may be NaN, too.
  std::optional<Row> nonFiniteMismatch;

  /// Why nothing could be verified, for reasons that lie in the spec and the inputs; empty: it was.
  std::string unverified;

  bool ok() const { return unverified.empty() && agrees(); }
  bool agrees() const { return relErr <= bound && lseErr <= lseBound && !nonFiniteMismatch; }
};

/// Compares `outputs`, by the names of the kernel's results: o [batch, heads, q_len, dv], row outputs
/// [batch, heads, q_len]. Outputs that are not given are not compared. `rows` are those of `reference`.
Result<Accuracy> compare(const RowResults& reference, std::span<const Row> rows,
                         const std::map<std::string, ConstTensorView, std::less<>>& outputs);

} // namespace attile::reference
