#include <attile/random.h>

#include <cmath>
#include <fmt/core.h>
#include <numbers>

namespace attile {

namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes well.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15u;

/// A tensor of f(index), index counting elements.
template <class F> Result<Tensor> generate(DType dtype, std::span<const std::int64_t> shape, F f) {
  Result<Tensor> tensor = Tensor::zeros(dtype, shape);
  if (!tensor)
    return tensor;
  std::int64_t count = tensor->view().elements();
  auto fill = [&](auto* data, auto round) {
    for (std::int64_t i = 0; i < count; ++i)
      data[i] = round(f(static_cast<std::uint64_t>(i)));
  };
  void* data = tensor->view().data;
  switch (dtype) {
  case DType::f32:
    fill(static_cast<float*>(data), [](auto x) { return static_cast<float>(x); });
    break;
  case DType::f16:
    fill(static_cast<f16*>(data), [](auto x) { return to_f16(static_cast<float>(x)); });
    break;
  case DType::bf16:
    fill(static_cast<bf16*>(data), [](auto x) { return to_bf16(static_cast<float>(x)); });
    break;
  case DType::i32:
    fill(static_cast<std::int32_t*>(data), [](auto x) { return static_cast<std::int32_t>(x); });
    break;
  case DType::i64:
    fill(static_cast<std::int64_t*>(data), [](auto x) { return static_cast<std::int64_t>(x); });
    break;
  case DType::u8:
    fill(static_cast<std::uint8_t*>(data), [](auto x) { return static_cast<std::uint8_t>(x); });
    break;
  }
  return tensor;
}

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

Result<void> expect_float(DType dtype) {
  if (is_float(dtype))
    return {};
  return user_error(fmt::format("expected a float dtype for random floats, got {}", name(dtype)));
}

} // namespace

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  return mix(mix(seed + golden_ratio) + (index + 1) * golden_ratio);
}

double random_uniform(std::uint64_t seed, std::uint64_t index) {
  return static_cast<double>(random_bits(seed, index) >> 11) * 0x1p-53;
}

double random_normal(std::uint64_t seed, std::uint64_t index) {
  double radius = random_uniform(seed, 2 * index), angle = random_uniform(seed, 2 * index + 1);
  return std::sqrt(-2 * std::log1p(-radius)) * std::cos(2 * std::numbers::pi * angle);
}

std::uint64_t named_seed(std::uint64_t seed, std::string_view name) {
  for (char c : name)
    seed = mix(seed * golden_ratio + static_cast<unsigned char>(c) + 1);
  return seed;
}

Result<Tensor> random_normals(DType dtype, std::span<const std::int64_t> shape, std::uint64_t seed) {
  if (Result<void> result = expect_float(dtype); !result)
    return result.error();
  return generate(dtype, shape, [=](std::uint64_t i) { return random_normal(seed, i); });
}

Result<Tensor> random_integers(DType dtype, std::span<const std::int64_t> shape, std::int64_t low,
                               std::int64_t high, std::uint64_t seed) {
  std::int64_t least = dtype == DType::u8 ? 0 : dtype == DType::i32 ? INT32_MIN : INT64_MIN;
  std::int64_t most = dtype == DType::u8    ? 256
                      : dtype == DType::i32 ? std::int64_t(INT32_MAX) + 1
                                            : INT64_MAX;
  if (low >= high || low < least || high > most)
    return user_error(
        fmt::format("expected a range low:high of {} with low < high, got {}:{}", name(dtype), low, high));
  std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return generate(
      dtype, shape, [=](std::uint64_t i) { // the high half of a product: no modulo bias worth naming
        auto offset =
            static_cast<std::uint64_t>((static_cast<unsigned __int128>(random_bits(seed, i)) * range) >> 64);
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
      });
}

Result<Tensor> random_floats(DType dtype, std::span<const std::int64_t> shape, double low, double high,
                             std::uint64_t seed) {
  if (Result<void> result = expect_float(dtype); !result)
    return result.error();
  if (!(low <= high) || !std::isfinite(high - low))
    return user_error(fmt::format("expected a range low:high with low <= high, got {}:{}", low, high));
  return generate(dtype, shape,
                  [=](std::uint64_t i) { return low + (high - low) * random_uniform(seed, i); });
}

} // namespace attile
