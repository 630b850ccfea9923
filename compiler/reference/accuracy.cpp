#include "compiler/reference/accuracy.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>

namespace attile::reference {
namespace {

double element(const ConstTensorView& view, int64_t offset) {
  switch (view.dtype) {
  case DType::f32:
    return static_cast<const float*>(view.data)[offset];
  case DType::f16:
    return to_f32(static_cast<const f16*>(view.data)[offset]);
  default:
    return to_f32(static_cast<const bf16*>(view.data)[offset]);
  }
}

double rounded(double x, DType dtype) {
  float single = static_cast<float>(x);
  return dtype == DType::f16    ? to_f32(to_f16(single))
         : dtype == DType::bf16 ? to_f32(to_bf16(single))
                                : single;
}

/// Sums over the elements of o.
struct Norms {
  double error = 0, exact = 0, rounding = 0;
};

double greatest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

/// Kernels compute in f32: what that cannot hold, or resolve, is no measure of them.
std::string whyUnverified(const Accuracy& result, double score, double state) {
  constexpr double limit = std::numeric_limits<float>::max();
  if (!result.agrees() && std::max(score, state) > limit)
    return fmt::format("nothing was verified: {} reach {:.1e}, and f32 ends at {:.1e}",
                       score > limit ? "scores" : "lifts or states of the fold", std::max(score, state),
                       limit);
  if (result.bound > kLargestBound || (!result.agrees() && result.lseBound > kLargestBound))
    return fmt::format(
        "nothing was verified: scores reach {:.1e}, whose rounding to f32 alone may change the "
        "result by {:.1e} of itself",
        score, result.lseBound);
  return {};
}

} // namespace

Result<Accuracy> compare(const RowResults& reference, std::span<const Row> rows,
                         const std::map<std::string, ConstTensorView, std::less<>>& outputs) {
  Accuracy result;
  double maxScore = greatest(reference.maxAbsScore);
  result.lseBound = result.bound = 2e-6 * std::max(1.0, maxScore / 16);

  Norms norms;
  bool sixteenBit = false;
  for (const RowResults::Output& expected : reference.outputs) {
    auto given = outputs.find(expected.name);
    if (given == outputs.end())
      continue;
    const ConstTensorView& view = given->second;
    const bool isVector = view.rank == 4;
    if (view.rank != 3 && view.rank != 4)
      return usage_error(
          fmt::format("output '{}' has shape {}, expected rank 3 or 4", expected.name, shape_text(view)));
    if (isVector && view.shape[3] != expected.width)
      return usage_error(fmt::format("output '{}' has shape {}, expected {} channels", expected.name,
                                     shape_text(view), expected.width));
    sixteenBit |= isVector && view.dtype != DType::f32;
    for (size_t r = 0; r < rows.size(); ++r)
      for (int64_t c = 0; c < expected.width; ++c) {
        int64_t offset = rows[r].b * view.stride[0] + rows[r].h * view.stride[1] +
                         rows[r].q * view.stride[2] + (isVector ? c * view.stride[3] : 0);
        bool allowed = !reference.mayBeNaN.empty() && reference.mayBeNaN[r];
        double exact = expected.values[r * expected.width + c], x = element(view, offset);
        double stored = rounded(exact, view.dtype); // may overflow the output's type, which is then right
        if (!std::isfinite(stored) || !std::isfinite(x)) {
          bool same = std::isnan(x) ? std::isnan(stored) || allowed : stored == x;
          if (!same && !result.nonFiniteMismatch)
            result.nonFiniteMismatch = rows[r];
          continue;
        }
        double error = std::fabs(x - exact);
        if (!isVector) {
          result.lseErr = std::max(result.lseErr, error / std::max(1.0, std::fabs(exact)));
          continue;
        }
        result.maxAbsErr = std::max(result.maxAbsErr, error);
        norms.error += error * error;
        norms.exact += exact * exact;
        norms.rounding += (stored - exact) * (stored - exact);
      }
  }
  double scale = norms.exact > 0 ? std::sqrt(norms.exact) : 1;
  result.relErr = std::sqrt(norms.error) / scale;
  if (sixteenBit)
    result.bound = 1.5 * std::sqrt(norms.rounding) / scale + 2e-6;
  result.unverified = whyUnverified(result, maxScore, greatest(reference.maxAbsState));
  return result;
}

} // namespace attile::reference
