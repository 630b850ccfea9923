// Which boxes of rows and keys a mask hides or shows entirely, by the analysis that kernels find their tiles
// by.
#pragma once

#include <attile/compiler.h>
#include <span>

namespace attile {

/// Decides without a look at single scores, as far as the mask can be solved. Not thread-safe.
class MaskBoxes {
public:
  enum class Class : std::uint8_t { empty, full, unknown };

  /// The mask of a launch; of the operands, q, k and v are not needed. Views must outlive it.
  static Result<MaskBoxes> create(const Spec& spec, const CompileOptions& options, const Shape& shape,
                                  const Operands& operands);

  /// Of rows [q0, q1) of (b, h), and for each i the keys [k0[i], k1[i]); none is empty. Promises: what is
  /// `empty` or `full` is so; `unknown` may be anything.
  void classify(std::int64_t b, std::int64_t h, std::int64_t q0, std::int64_t q1,
                std::span<const std::int64_t> k0, std::span<const std::int64_t> k1, std::span<Class> out);

private:
  struct Impl;
  explicit MaskBoxes(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}
  std::shared_ptr<Impl> impl;
};

} // namespace attile
