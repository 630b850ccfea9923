#include <attile/tensor.h>

#include "core/memory.h"
#include <cstring>
#include <fmt/core.h>
#include <utility>

namespace attile {

namespace {
struct DTypeFact {
  DType dtype;
  std::string_view name;
  std::int64_t size;
};
constexpr DTypeFact facts[] = {{DType::f32, "f32", 4}, {DType::f16, "f16", 2}, {DType::bf16, "bf16", 2},
                               {DType::i32, "i32", 4}, {DType::i64, "i64", 8}, {DType::u8, "u8", 1}};
} // namespace

std::string_view name(DType dtype) { return facts[static_cast<int>(dtype)].name; }

std::int64_t size_of(DType dtype) { return facts[static_cast<int>(dtype)].size; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeFact& fact : facts)
    if (fact.name == name)
      return fact.dtype;
  return std::nullopt;
}

template <class Void>
BasicTensorView<Void>::BasicTensorView(Void* data, DType dtype, std::span<const std::int64_t> extents)
    : data(data), dtype(dtype), rank(static_cast<int>(extents.size())) {
  assert(rank <= max_rank);
  std::int64_t step = 1;
  for (int i = rank - 1; i >= 0; --i) {
    shape[i] = extents[i];
    stride[i] = step;
    // An absurd shape may wrap around here; byte_range refuses it before anyone uses the strides.
    step =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(extents[i]));
  }
}

template <class Void> std::int64_t BasicTensorView<Void>::elements() const {
  std::int64_t product = 1;
  for (int i = 0; i < rank; ++i)
    product *= shape[i];
  return product;
}

template <class Void> bool BasicTensorView<Void>::is_contiguous() const {
  std::int64_t step = 1;
  for (int i = rank - 1; i >= 0; --i) {
    if (shape[i] == 0)
      return true;
    if (shape[i] != 1 && stride[i] != step)
      return false;
    step *= shape[i];
  }
  return true;
}

template <class Void> BasicTensorView<Void> BasicTensorView<Void>::transposed(int a, int b) const {
  assert(a >= 0 && a < rank && b >= 0 && b < rank);
  BasicTensorView view = *this;
  std::swap(view.shape[a], view.shape[b]);
  std::swap(view.stride[a], view.stride[b]);
  return view;
}

template <class Void>
BasicTensorView<Void> BasicTensorView<Void>::slice(int d, std::int64_t begin, std::int64_t end) const {
  assert(d >= 0 && d < rank && 0 <= begin && begin <= end && end <= shape[d]);
  BasicTensorView view = *this;
  using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
  view.data = static_cast<Byte*>(data) + begin * stride[d] * size_of(dtype);
  view.shape[d] = end - begin;
  return view;
}

template struct BasicTensorView<void>;
template struct BasicTensorView<const void>;

std::string shape_text(std::span<const std::int64_t> extents) {
  std::string text = "[";
  for (std::size_t i = 0; i < extents.size(); ++i)
    text += (i ? ", " : "") + std::to_string(extents[i]);
  return text + "]";
}

Result<ByteRange> byte_range(const ConstTensorView& view) {
  for (int i = 0; i < view.rank; ++i)
    if (view.shape[i] == 0)
      return ByteRange{};
  std::int64_t low = 0, high = 0, reach = 0;
  bool overflow = false;
  for (int i = 0; i < view.rank; ++i) {
    overflow |= __builtin_mul_overflow(view.shape[i] - 1, view.stride[i], &reach);
    overflow |= __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high);
  }
  std::int64_t size = size_of(view.dtype);
  ByteRange range;
  overflow |= __builtin_mul_overflow(low, size, &range.begin);
  overflow |= __builtin_add_overflow(high, 1, &high);
  overflow |= __builtin_mul_overflow(high, size, &range.end);
  if (overflow)
    return user_error(
        fmt::format("shape {} with stride {} spans more than 2^63 bytes", shape_text(view),
                    shape_text(std::span(view.stride.data(), static_cast<std::size_t>(view.rank)))));
  return range;
}

void Tensor::Free::operator()(void* memory) const { FreeMemory()(memory); }

Result<Tensor> Tensor::zeros(DType dtype, std::span<const std::int64_t> shape) {
  if (shape.size() > static_cast<std::size_t>(max_rank))
    return user_error(
        fmt::format("expected a tensor of rank at most {}, got rank {}", max_rank, shape.size()));
  for (std::int64_t extent : shape)
    if (extent < 0)
      return user_error(fmt::format("negative extent in tensor shape {}", shape_text(shape)));
  Tensor tensor;
  tensor.layout = TensorView(nullptr, dtype, shape);
  Result<ByteRange> range = byte_range(tensor.layout);
  if (!range)
    return range.error();
  std::size_t bytes = static_cast<std::size_t>(range->end);
  Memory memory = allocate(range->end);
  if (!memory)
    return environment_error(fmt::format("not enough memory for a tensor {} of {} ({} bytes)",
                                         shape_text(shape), name(dtype), bytes));
  std::memset(memory.get(), 0, bytes);
  tensor.layout.data = memory.get();
  tensor.memory.reset(memory.release());
  return tensor;
}

std::span<std::byte> Tensor::bytes() {
  return {static_cast<std::byte*>(layout.data),
          static_cast<std::size_t>(layout.elements() * size_of(layout.dtype))};
}

std::span<const std::byte> Tensor::bytes() const { return const_cast<Tensor*>(this)->bytes(); }

} // namespace attile
