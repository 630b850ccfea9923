// Strided views of tensors in memory, and a small owning tensor.
#pragma once

#include <array>
#include <attile/numeric.h>
#include <attile/result.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace attile {

enum class DType : std::uint8_t { f32, f16, bf16, i32, i64, u8 }; ///< booleans are u8, 0 or 1

std::string_view name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
std::int64_t size_of(DType dtype); ///< bytes of an element

template <class T> constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, f16>)
    return DType::f16;
  else if constexpr (std::is_same_v<T, bf16>)
    return DType::bf16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return DType::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DType::i64;
  else {
    static_assert(std::is_same_v<T, std::uint8_t> || std::is_same_v<T, bool>, "no DType for this type");
    return DType::u8;
  }
}

inline constexpr int max_rank = 8;
using Extents = std::array<std::int64_t, max_rank>;

/// A view of a tensor that someone else owns: element [i, j, ...] lies at data + (i*stride[0] + j*stride[1] +
/// ...) elements. Strides may be 0 (broadcast, inputs only) or negative. `Void` is void or const void.
template <class Void> struct BasicTensorView {
  Void* data = nullptr;
  DType dtype = DType::f32;
  int rank = 0;
  Extents shape{};  ///< in elements; the first `rank` count
  Extents stride{}; ///< in elements

  BasicTensorView() = default;
  /// A dense view, last dimension fastest.
  BasicTensorView(Void* data, DType dtype, std::span<const std::int64_t> shape);
  BasicTensorView(Void* data, DType dtype, std::initializer_list<std::int64_t> shape)
      : BasicTensorView(data, dtype, std::span(shape.begin(), shape.size())) {}
  /// The same with the dtype of a typed pointer: TensorView(floats, {batch, heads, len, dim}).
  template <class T>
    requires(!std::is_void_v<T> && (std::is_const_v<Void> || !std::is_const_v<T>))
  BasicTensorView(T* data, std::initializer_list<std::int64_t> shape)
      : BasicTensorView(data, dtype_of<std::remove_const_t<T>>(), shape) {}
  /// A view to write through is also a view to read from. (A template, so that it stays in the header: the
  /// rest is instantiated in the library.)
  template <class Other>
    requires(std::is_const_v<Void> && std::is_void_v<Other> && !std::is_const_v<Other>)
  BasicTensorView(const BasicTensorView<Other>& other)
      : data(other.data), dtype(other.dtype), rank(other.rank), shape(other.shape), stride(other.stride) {}

  std::int64_t elements() const; ///< product of the shape
  bool is_contiguous() const;    ///< dense with the last dimension fastest
  /// The same tensor with dimensions a and b exchanged; both must be below rank.
  /// A [batch, len, heads, dim] tensor becomes Attile's [batch, heads, len, dim] by transposed(1, 2).
  BasicTensorView transposed(int a, int b) const;
  /// Elements [begin, end) of dimension d.
  BasicTensorView slice(int d, std::int64_t begin, std::int64_t end) const;
};

extern template struct BasicTensorView<void>;
extern template struct BasicTensorView<const void>;
using TensorView = BasicTensorView<void>;
using ConstTensorView = BasicTensorView<const void>;

/// "[2, 8, 128, 64]"
std::string shape_text(std::span<const std::int64_t> extents);
inline std::string shape_text(const ConstTensorView& view) {
  return shape_text(std::span(view.shape.data(), static_cast<std::size_t>(view.rank)));
}

/// The bytes from the lowest to one past the highest element, relative to `data`; an Error if offsets leave
/// 63 bits. An empty tensor has an empty range.
struct ByteRange {
  std::int64_t begin = 0, end = 0;
};
Result<ByteRange> byte_range(const ConstTensorView& view);

/// A dense tensor that owns its memory, which is 64-byte aligned and zeroed.
class Tensor {
public:
  Tensor() = default;
  /// An Error if the shape has a negative extent or more than max_rank of them, or memory is lacking.
  static Result<Tensor> zeros(DType dtype, std::span<const std::int64_t> shape);
  static Result<Tensor> zeros(DType dtype, std::initializer_list<std::int64_t> shape) {
    return zeros(dtype, std::span(shape.begin(), shape.size()));
  }

  TensorView view() { return layout; }
  ConstTensorView view() const { return layout; }
  std::span<std::byte> bytes();
  std::span<const std::byte> bytes() const;
  /// The elements as T, whose dtype must be the tensor's.
  template <class T> T* data() {
    assert(dtype_of<T>() == layout.dtype);
    return static_cast<T*>(layout.data);
  }
  template <class T> const T* data() const {
    assert(dtype_of<T>() == layout.dtype);
    return static_cast<const T*>(layout.data);
  }

private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> memory;
  TensorView layout;
};

/// A dense copy of `view`, converted elementwise (to 16-bit floats: round to nearest even; floats to integers
/// truncate).
Result<Tensor> converted(const ConstTensorView& view, DType dtype);

} // namespace attile
