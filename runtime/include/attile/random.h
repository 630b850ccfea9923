// Random numbers that depend on a seed and a position alone: the same from any number of threads, in any
// order.
#pragma once

#include <attile/result.h>
#include <attile/tensor.h>
#include <cstdint>

namespace attile {

/// Counter-based: element `index` of stream `seed`, 64 well-mixed bits.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index);
/// In [0, 1), a multiple of 2^-53.
double random_uniform(std::uint64_t seed, std::uint64_t index);
/// Mean 0, variance 1 (Box-Muller; elements 2i and 2i + 1 share a pair of uniforms).
double random_normal(std::uint64_t seed, std::uint64_t index);

/// A seed for an operand: differs between names, so that q and k are independent.
std::uint64_t named_seed(std::uint64_t seed, std::string_view name);

/// Standard normals, rounded to `dtype`, which must be a float.
Result<Tensor> random_normals(DType dtype, std::span<const std::int64_t> shape, std::uint64_t seed);
/// Integers, or floats with integer values where `dtype` is a float, uniform in [low, high); booleans are [0,
/// 2).
Result<Tensor> random_integers(DType dtype, std::span<const std::int64_t> shape, std::int64_t low,
                               std::int64_t high, std::uint64_t seed);
/// Floats uniform in [low, high), rounded to `dtype`.
Result<Tensor> random_floats(DType dtype, std::span<const std::int64_t> shape, double low, double high,
                             std::uint64_t seed);

} // namespace attile
