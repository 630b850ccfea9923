// Kernels whose tiles the copy engine moves: kernels/tma_*.cu.
#include "kernel_cases.h"
#include "kernel_data.h"

#include "emulator/exec/tensor_map.h"

#include <algorithm>
#include <array>

namespace emu::test {
namespace {

struct alignas(128) Map {
  std::array<std::byte, TensorMap::size> bytes;
};

/// A row-major matrix, and how boxes of it are copied.
struct Matrix {
  TensorMap::Type type = TensorMap::Type::f32;
  const void* data = nullptr;
  std::uint64_t columns = 0, rows = 0;
  std::uint32_t box_columns = 0, box_rows = 0;
  TensorMap::Swizzle swizzle = TensorMap::Swizzle::none;
};

/// A map of it is the kernel's next parameter.
void pass_map(Arguments& arguments, const Matrix& matrix) {
  TensorMap map = {.type = matrix.type,
                   .rank = 2,
                   .address = reinterpret_cast<std::uintptr_t>(matrix.data),
                   .dims = {matrix.columns, matrix.rows, 1, 1, 1},
                   .box = {matrix.box_columns, matrix.box_rows, 1, 1, 1},
                   .swizzle = matrix.swizzle};
  map.strides[0] = matrix.columns * map.element_bytes();
  Map bytes;
  map.encode(bytes.bytes.data());
  arguments.pass(bytes);
}

void prepare_pipeline(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t rows = 128, columns = 212, tiles = 7; // the last tile hangs over
  const std::vector<float> a = whole_floats(rows * columns, random), w = whole_floats(tiles * 32, random);
  pass_map(arguments, {.data = arguments.array(a),
                       .columns = columns,
                       .rows = rows,
                       .box_columns = 32,
                       .box_rows = 64,
                       .swizzle = TensorMap::Swizzle::span_128});
  arguments.input(w);
  const float* y = arguments.output<float>(rows);
  arguments.pass(static_cast<int>(tiles));
  std::vector<float> wanted(rows);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < columns; ++k)
      wanted[i] += a[i * columns + k] * w[k];
  arguments.verify = [=] { return differs(y, wanted); };
}

void prepare_reduction(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t size = 32, inner = 64;
  const std::vector<float> a = whole_floats(size * inner, random), b = whole_floats(inner * size, random),
                           before = whole_floats(size * size, random);
  const float* c = arguments.array(before);
  pass_map(arguments, {.data = c, .columns = size, .rows = size, .box_columns = size, .box_rows = size});
  arguments.input(a);
  arguments.input(b);
  arguments.pass(static_cast<int>(inner));
  std::vector<float> wanted = before;
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j)
      for (std::size_t k = 0; k < inner; ++k)
        wanted[i * size + j] += a[i * inner + k] * b[k * size + j];
  arguments.verify = [=] { return differs(c, wanted); };
}

void prepare_persistent(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t tiles = 11, tile = 256;
  const std::vector<float> x = whole_floats(tiles * tile, random);
  arguments.input(x);
  const float* y = arguments.output<float>(tiles * tile);
  arguments.input(std::vector<int>{0});
  arguments.pass(static_cast<int>(tiles));
  std::vector<float> wanted(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    wanted[i] = 2 * x[i] + static_cast<float>(i / tile);
  arguments.verify = [=] { return differs(y, wanted); };
}

// The blocks of a cluster have vectors of their own, clusters rows of their own.
template <std::size_t cluster> void prepare_multicast(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t rows = 128, columns = 164, tiles = 6;
  const std::vector<float> a = whole_floats(rows * columns, random),
                           w = whole_floats(cluster * tiles * 32, random);
  pass_map(arguments, {.data = arguments.array(a),
                       .columns = columns,
                       .rows = rows,
                       .box_columns = 32,
                       .box_rows = 64 / cluster,
                       .swizzle = TensorMap::Swizzle::span_128});
  arguments.input(w);
  const float* y = arguments.output<float>(rows * cluster);
  arguments.pass(static_cast<int>(tiles));
  std::vector<float> wanted(rows * cluster);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t rank = 0; rank < cluster; ++rank)
      for (std::size_t k = 0; k < columns; ++k)
        wanted[(i / 64 * cluster + rank) * 64 + i % 64] += a[i * columns + k] * w[rank * tiles * 32 + k];
  arguments.verify = [=] { return differs(y, wanted); };
}

void prepare_product(Arguments& arguments, std::mt19937_64& random) {
  constexpr std::size_t m = 128, n = 64, k = 704;
  const std::vector<float> a = whole_floats(m * k, random), b = whole_floats(n * k, random);
  const auto pass_operand = [&](const std::vector<float>& values, std::uint32_t rows,
                                std::uint32_t box_rows) {
    std::vector<std::uint16_t> bits(values.size());
    std::ranges::transform(values, bits.begin(), bf16_of);
    pass_map(arguments, {.type = TensorMap::Type::bf16,
                         .data = arguments.array(bits),
                         .columns = k,
                         .rows = rows,
                         .box_columns = 64,
                         .box_rows = box_rows,
                         .swizzle = TensorMap::Swizzle::span_128});
  };
  pass_operand(a, m, 64);
  pass_operand(b, n, 32);
  const float* d = arguments.array(std::vector<float>(m * n));
  pass_map(arguments, {.data = d, .columns = n, .rows = m, .box_columns = 32, .box_rows = 64});
  arguments.pass(static_cast<int>(k / 64));
  std::vector<float> wanted(m * n);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t l = 0; l < k; ++l)
        wanted[i * n + j] += a[i * k + l] * b[j * k + l];
  arguments.verify = [=] { return differs(d, wanted); };
}

// By clusters of so many blocks, two of them.
template <std::uint32_t size> KernelCase multicast() {
  KernelCase one = {"tma_multicast_" + std::to_string(size),
                    "tma_multicast.cu",
                    "tma_multicast",
                    "sm_90a",
                    {2 * size, 1, 1},
                    {96, 1, 1},
                    prepare_multicast<size>,
                    "-DCLUSTER=" + std::to_string(size)};
  one.cluster = {size, 1, 1};
  return one;
}

} // namespace

std::vector<KernelCase> bulk_cases() {
  const auto named = [](const std::string& name, Dim3 grid, Dim3 threads, auto prepare) {
    return KernelCase{name, name + ".cu", name, "sm_90a", grid, threads, prepare};
  };
  return {named("tma_pipeline", {2, 1, 1}, {96, 1, 1}, prepare_pipeline),
          named("tma_reduce", {4, 1, 1}, {128, 1, 1}, prepare_reduction),
          named("tma_persistent", {3, 1, 1}, {96, 1, 1}, prepare_persistent),
          named("matmul_tma_wgmma", {2, 2, 1}, {160, 1, 1}, prepare_product),
          multicast<2>(),
          multicast<4>()};
}

} // namespace emu::test
