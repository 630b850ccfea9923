#include "tools/attile/guarded.h"

#include <cstring>
#include <fmt/core.h>
#include <vector>

namespace attile::cli {
namespace {

constexpr std::int64_t guard = 67; ///< elements before and after the view

/// A quiet NaN with an unusual payload.
std::uint32_t pattern(DType dtype) {
  return dtype == DType::f32 ? 0x7fe5c3a1u : dtype == DType::f16 ? 0x7e5bu : 0x7fdbu;
}

bool is_pattern(const std::byte* element, DType dtype) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, element, static_cast<std::size_t>(size_of(dtype))); // little endian, as all targets
  return bits == pattern(dtype);
}

/// Calls visit(offset in elements) for every element of a view.
template <class Visit> void for_each(const ConstTensorView& view, Visit visit) {
  Extents index{};
  for (std::int64_t i = 0, n = view.elements(); i < n; ++i) {
    std::int64_t offset = 0;
    for (int d = 0; d < view.rank; ++d)
      offset += index[static_cast<std::size_t>(d)] * view.stride[static_cast<std::size_t>(d)];
    visit(offset);
    for (int d = view.rank; d-- > 0;) {
      if (++index[static_cast<std::size_t>(d)] < view.shape[static_cast<std::size_t>(d)])
        break;
      index[static_cast<std::size_t>(d)] = 0;
    }
  }
}

/// Strides by layout, last dimension always 1 where there is a head dimension.
Extents strides(std::span<const std::int64_t> shape, const std::string& layout) {
  std::vector<std::size_t> order; // fastest first
  bool rows = shape.size() == 3;
  if (layout == "bshd")
    order = rows ? std::vector<std::size_t>{1, 2, 0} : std::vector<std::size_t>{3, 1, 2, 0};
  else
    order = rows ? std::vector<std::size_t>{2, 1, 0} : std::vector<std::size_t>{3, 2, 1, 0};
  Extents stride{};
  std::int64_t step = layout == "odd" && rows ? 3 : 1;
  for (std::size_t dim : order) {
    stride[dim] = step;
    step *= shape[dim];
    if (layout == "odd")
      step += step % 2 ? 4 : 7; // odd, and larger than needed
  }
  return stride;
}

} // namespace

Result<Guarded> Guarded::make(DType dtype, std::span<const std::int64_t> shape, const std::string& layout) {
  Guarded result;
  TensorView view(nullptr, dtype, shape);
  view.stride = strides(shape, layout);
  std::int64_t last = 0;
  for (std::size_t d = 0; d < shape.size(); ++d)
    last += (shape[d] - 1) * view.stride[d];
  Result<Tensor> memory = Tensor::zeros(DType::u8, {(last + 1 + 2 * guard) * size_of(dtype)});
  if (!memory)
    return std::move(memory).error();
  result.memory = std::move(*memory);
  std::span<std::byte> bytes = result.memory.bytes();
  std::uint32_t bits = pattern(dtype);
  for (std::size_t i = 0; i < bytes.size(); i += static_cast<std::size_t>(size_of(dtype)))
    std::memcpy(bytes.data() + i, &bits, static_cast<std::size_t>(size_of(dtype)));
  view.data = bytes.data() + guard * size_of(dtype);
  result.place = view;
  return result;
}

void Guarded::assign(const ConstTensorView& source) {
  std::int64_t size = size_of(place.dtype), from = 0;
  Result<Tensor> dense = converted(source, place.dtype);
  if (!dense)
    return;
  const std::byte* bytes = dense->bytes().data();
  for_each(place, [&](std::int64_t offset) {
    std::memcpy(static_cast<std::byte*>(place.data) + offset * size, bytes + from,
                static_cast<std::size_t>(size));
    from += size;
  });
}

std::string Guarded::damage() const {
  std::int64_t size = size_of(place.dtype), base = guard, unwritten = 0, outside = 0;
  std::span<const std::byte> bytes = memory.bytes();
  std::vector<bool> inside(bytes.size() / static_cast<std::size_t>(size));
  for_each(place, [&](std::int64_t offset) { inside[static_cast<std::size_t>(base + offset)] = true; });
  for (std::size_t i = 0; i < inside.size(); ++i) {
    bool untouched = is_pattern(bytes.data() + i * static_cast<std::size_t>(size), place.dtype);
    unwritten += inside[i] && untouched;
    outside += !inside[i] && !untouched;
  }
  if (unwritten)
    return fmt::format("{} elements were not written", unwritten);
  if (outside)
    return fmt::format("{} elements outside the view were written", outside);
  return {};
}

} // namespace attile::cli
