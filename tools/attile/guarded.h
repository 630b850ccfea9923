// Views for a case: strided in different ways, with outputs that show what was written.
#pragma once

#include <attile/tensor.h>
#include <memory>
#include <span>
#include <string>

namespace attile::cli {

/// A view into a larger allocation that is filled with a pattern: NaNs that no computation makes.
class Guarded {
public:
  /// `layout` is dense, bshd or odd; a view of rank 4 is [batch, heads, len, dim], of rank 3 [batch, heads,
  /// len].
  static Result<Guarded> make(DType dtype, std::span<const std::int64_t> shape, const std::string& layout);

  TensorView view() const { return place; }
  /// Copies a tensor of the same shape into the view.
  void assign(const ConstTensorView& source);
  /// Empty if every element of the view, and nothing else, has been written since `make`; else what is wrong.
  std::string damage() const;

private:
  Tensor memory; ///< elements as bytes, the view inside
  TensorView place;
};

} // namespace attile::cli
