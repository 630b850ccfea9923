// Conversion of whole tensors between dtypes.
#include <attile/tensor.h>

#include <cmath>
#include <limits>

namespace attile {

namespace {

template <class To, class From> To convert(From x) {
  if constexpr (std::is_same_v<From, f16> || std::is_same_v<From, bf16>) {
    if constexpr (std::is_same_v<From, To>)
      return x;
    else
      return convert<To>(to_f32(x));
  } else if constexpr (std::is_same_v<To, f16>) {
    return to_f16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, bf16>) {
    return to_bf16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<From, float> && std::is_integral_v<To>) {
    // Out of range would be undefined: saturate, and let NaN be 0.
    constexpr double low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double high = static_cast<double>(std::numeric_limits<To>::max());
    if (std::isnan(x))
      return 0;
    if (x <= low)
      return std::numeric_limits<To>::min();
    return x >= high ? std::numeric_limits<To>::max() : static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
void convert_all(const ConstTensorView& from, int d, std::int64_t offset, To*& to) {
  if (d == from.rank) {
    *to++ = convert<To>(static_cast<const From*>(from.data)[offset]);
    return;
  }
  for (std::int64_t i = 0; i < from.shape[d]; ++i)
    convert_all<To, From>(from, d + 1, offset + i * from.stride[d], to);
}

/// Calls f with a value of the C++ type of `dtype`.
template <class F> void with_type(DType dtype, F f) {
  switch (dtype) {
  case DType::f32:
    return f(float{});
  case DType::f16:
    return f(f16{});
  case DType::bf16:
    return f(bf16{});
  case DType::i32:
    return f(std::int32_t{});
  case DType::i64:
    return f(std::int64_t{});
  case DType::u8:
    return f(std::uint8_t{});
  }
}

} // namespace

Result<Tensor> converted(const ConstTensorView& view, DType dtype) {
  Result<Tensor> result =
      Tensor::zeros(dtype, std::span(view.shape.data(), static_cast<std::size_t>(view.rank)));
  if (!result || result->view().elements() == 0)
    return result;
  with_type(dtype, [&](auto to) {
    with_type(view.dtype, [&](auto from) {
      auto* out = static_cast<decltype(to)*>(result->view().data);
      convert_all<decltype(to), decltype(from)>(view, 0, 0, out);
    });
  });
  return result;
}

} // namespace attile
