// The oracle: what a spec means, evaluated literally in float64, and how far a kernel is from it.
#pragma once

#include <attile/compiler.h>
#include <functional>

namespace attile {

/// How far outputs are from the reference, and how far they may be.
struct Accuracy {
  bool ok = false;
  double rel_err = 0; ///< ||o - ref|| / ||ref|| over all compared rows (||o|| if ref is 0)
  double bound = 0;   ///< of rel_err: f32: 2e-6 * max(1, max|s| / 16); f16, bf16: 1.5 x the error of rounding
                      ///< ref, plus 2e-6
  double max_abs_err = 0; ///< of an element of o
  double lse_err = 0;     ///< greatest |x - ref| / max(1, |ref|) of lse and max; 0 if there are none
  double lse_bound = 0;
  bool misplaced = false;                ///< infinities or NaNs are not where the reference has them
  std::int64_t rows = 0, total_rows = 0; ///< compared, and there are
  std::int64_t nan_rows = 0; ///< of those compared: scores or values are NaN or infinite, NaN is right there
  /// Why nothing could be verified, for reasons that lie in the spec and the inputs: numbers beyond f32, or a
  /// bound that accepts anything. Then it is not ok. Empty: it was verified.
  std::string unverified = {};
  std::vector<std::string> problems = {}; ///< why it is not ok, for people
  std::vector<std::string> clamped = {};  ///< lookups that were out of range, and clamped
};

struct CheckOptions {
  std::int64_t max_scores = std::int64_t{1} << 24; ///< with more than this, rows are sampled
  std::uint64_t seed = 0;                          ///< of the sample
  int threads = 0;                                 ///< 0: all that there are
  std::function<void(double)> progress = {};       ///< told the fraction that is done, now and then
};

/// Which keys a row sees, for pictures and for counting. Not thread-safe; make one for each thread.
class VisibleKeys {
public:
  /// out[i] = 1 if query row (b, h, q) sees key k + i, else 0.
  void read(std::int64_t b, std::int64_t h, std::int64_t q, std::int64_t k, std::span<std::uint8_t> out);

private:
  friend class Reference;
  struct Impl;
  explicit VisibleKeys(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<Impl> impl;
};

/// Interprets one attention of a spec; knows nothing of the passes. Copies share it.
class Reference {
public:
  static Result<Reference> create(const Spec& spec, const CompileOptions& options = {});

  /// Compares outputs ("o", "lse", "max") with float64 on the same inputs.
  Result<Accuracy> check(const Operands& operands,
                         const std::map<std::string, ConstTensorView, std::less<>>& outputs,
                         const CheckOptions& options = {}) const;

  /// Every output of every row, rounded to f32: o [batch, heads, q_len, dim], others [batch, heads, q_len].
  Result<std::map<std::string, Tensor, std::less<>>> evaluate(const Operands& operands,
                                                              int threads = 0) const;

  /// The mask of a launch; of the operands, q, k and v are not needed. Views must outlive it.
  Result<VisibleKeys> visible_keys(const Shape& shape, const Operands& operands) const;

private:
  struct Impl;
  explicit Reference(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<const Impl> impl;
};

} // namespace attile
