#include <attile/random.h>

#include "cpu/workers.h"
#include <algorithm>
#include <attile/cpu_info.h>
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

/// Box-Muller: a pair of uniforms gives elements 2*pair and 2*pair + 1.
std::pair<double, double> normal_pair(std::uint64_t seed, std::uint64_t pair) {
  double radius = std::sqrt(-2 * std::log1p(-random_uniform(seed, 2 * pair)));
  double angle = 2 * std::numbers::pi * random_uniform(seed, 2 * pair + 1);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

template <class To> To rounded(double x) {
  if constexpr (std::is_same_v<To, f16>)
    return to_f16(static_cast<float>(x));
  else if constexpr (std::is_same_v<To, bf16>)
    return to_bf16(static_cast<float>(x));
  else
    return static_cast<To>(x);
}
template <class To> To rounded(std::int64_t x) {
  if constexpr (std::is_integral_v<To>)
    return static_cast<To>(x);
  else
    return rounded<To>(static_cast<double>(x));
}

/// Calls fill(typed data, begin, end) for the parts of a new tensor, on all threads if it is large.
template <class Fill>
Result<Tensor> generate(DType dtype, std::span<const std::int64_t> shape, const Fill& fill) {
  Result<Tensor> tensor = Tensor::zeros(dtype, shape);
  if (!tensor)
    return tensor;
  constexpr std::int64_t part = 1 << 16; // even: pairs of normals stay together
  std::int64_t count = tensor->view().elements();
  void* data = tensor->view().data;
  cpu::Workers workers(cpu_info().threads);
  Result<void> result = workers.run((count + part - 1) / part, [&](int, std::int64_t index) {
    std::int64_t begin = index * part, end = std::min(count, begin + part);
    switch (dtype) {
    case DType::f32:
      return fill(static_cast<float*>(data), begin, end);
    case DType::f16:
      return fill(static_cast<f16*>(data), begin, end);
    case DType::bf16:
      return fill(static_cast<bf16*>(data), begin, end);
    case DType::i32:
      return fill(static_cast<std::int32_t*>(data), begin, end);
    case DType::i64:
      return fill(static_cast<std::int64_t*>(data), begin, end);
    case DType::u8:
      return fill(static_cast<std::uint8_t*>(data), begin, end);
    }
  });
  if (!result)
    return result.error();
  return tensor;
}

/// The same for elements that depend on their index alone.
template <class F>
Result<Tensor> generate_each(DType dtype, std::span<const std::int64_t> shape, const F& f) {
  return generate(dtype, shape, [&]<class T>(T* data, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      data[i] = rounded<T>(f(static_cast<std::uint64_t>(i)));
  });
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
  auto [even, odd] = normal_pair(seed, index / 2);
  return index % 2 ? odd : even;
}

std::uint64_t named_seed(std::uint64_t seed, std::string_view name) {
  for (char c : name)
    seed = mix(seed * golden_ratio + static_cast<unsigned char>(c) + 1);
  return seed;
}

Result<Tensor> random_normals(DType dtype, std::span<const std::int64_t> shape, std::uint64_t seed) {
  if (Result<void> result = expect_float(dtype); !result)
    return result.error();
  return generate(dtype, shape, [seed]<class T>(T* data, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += 2) {
      auto [even, odd] = normal_pair(seed, static_cast<std::uint64_t>(i / 2));
      data[i] = rounded<T>(even);
      if (i + 1 < end)
        data[i + 1] = rounded<T>(odd);
    }
  });
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
  return generate_each(
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
  return generate_each(dtype, shape,
                       [=](std::uint64_t i) { return low + (high - low) * random_uniform(seed, i); });
}

} // namespace attile
