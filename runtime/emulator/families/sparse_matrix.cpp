// mma.sp: products with a matrix A of which half is stored (PTX ISA, "Matrix multiply-accumulate operation
// using mma.sp instruction with sparse matrix A").
//
// A row of A is a sequence of chunks of four units, of which the fragments hold two: a unit is an element, of
// tf32 a half of one, of 4-bit integers two. Four bits of metadata a chunk say which ones: the number of the
// first in the low two bits, of the second in the high ones. With g = lane / 4 and t = lane % 4, the lanes of
// row g (and g + 8) that give metadata are, for a row of
//   4 chunks    t = selector: row g in the low half of the word, row g + 8 in the high half
//   8 chunks    t = 2 selector: the first four chunks of both rows, likewise; t = 2 selector + 1: the others.
//               Of 8 and 4 bits: t = 2 selector has row g, the next one row g + 8
//   16 chunks   t = 0 and 1: the first eight chunks of row g and of row g + 8; t = 2 and 3: the others
// Who contributes, and which bits have a meaning, is the ISA's text ("Sparse matrix storage"); which bits of
// whom are in its figures, and were taken from code that runs on hardware: CUTLASS's host_reorder.h and
// mma_sparse_tensor_op.h for k of 32 (f16, bf16), 16 (tf32), 64 (8 bits) and 128 (4 bits), its ELayout in
// mma_traits_sm120_sparse.hpp for 64 as well. The shapes of half that k are halves of these.
#include "emulator/exec/groups.h"
#include "emulator/families/matrix.h"
#include "emulator/families/matrix_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/formats.h"

#include <array>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace emu {
namespace {

constexpr int rows = 16, columns = 8;

struct SparseProduct : Product {
  int element_bytes = 0; ///< as numeric/matrix.h wants them
  int element_bits = 0;  ///< in registers
  int chunks = 0;        ///< of a row
  int selector = 0;
  bool ordered = false;
};

// The four bits of a chunk.
std::uint32_t metadata_of(const std::uint32_t* words, const SparseProduct& product, int row, int chunk) {
  const int first = row % 8 * 4, high = row / 8, per_row = product.chunks;
  const bool halves = per_row == 4 || (per_row == 8 && product.element_bits >= 16);
  if (halves) {
    const int lane = first + (per_row == 4 ? product.selector : 2 * product.selector + chunk / 4);
    return words[lane] >> (16 * high + chunk % 4 * 4) & 15;
  }
  const int lane = first + high + 2 * (per_row == 8 ? product.selector : chunk / 8);
  return words[lane] >> (chunk % 8 * 4) & 15;
}

// tf32 knows two values; else there are two units, in ascending order if so asked.
bool meaningful(const SparseProduct& product, std::uint32_t bits) {
  const std::uint32_t first = bits & 3, second = bits >> 2;
  if (product.a == numeric::MatrixFormat::tf32 && product.of == ProductOf::floats)
    return bits == 0b0100 || bits == 0b1110;
  return product.ordered ? first < second : first != second;
}

/// Elements of a matrix, row by row (or column by column), k contiguous.
class Elements {
public:
  Elements(Group& group, const Instruction& in, int operand, int blocks, int k, const SparseProduct& product,
           bool is_signed)
      : k(k), bytes(product.element_bytes) {
    const int words = k * product.element_bits / 32, count = 8 * blocks * k;
    std::array<std::uint32_t, rows * 16> packed{};
    for (int j = 0; j < in.parts(operand); ++j) {
      const auto* from = lanes<std::uint32_t>(group.frame, in.operand(operand, j));
      for (int lane = 0; lane < warp_size; ++lane) {
        const Element at = word_of_fragment(blocks, j, lane);
        packed.data()[at.row * words + at.column] = from[lane];
      }
    }
    if (product.nibbles)
      numeric::unpack_nibbles(reinterpret_cast<const std::uint8_t*>(packed.data()), count, is_signed,
                              data.data());
    else
      std::memcpy(data.data(), packed.data(),
                  static_cast<std::size_t>(count) * static_cast<std::size_t>(bytes));
  }
  const std::uint8_t* at(int line, int element) const {
    return data.data() + static_cast<std::ptrdiff_t>(line * k + element) * bytes;
  }

private:
  alignas(64) std::array<std::uint8_t, rows * 64> data{};
  int k, bytes;
};

// One row: its stored elements by those of B that the metadata selects. The products take eight rows: these
// are equal.
class Row {
public:
  explicit Row(const SparseProduct& product) : product(product), stored(product.shape.k / 2) {}

  /// False if the metadata has no meaning: `chunk` is which.
  bool select(const Elements& a, const Elements& b, const std::uint32_t* metadata, int row, int& chunk) {
    const int per_chunk = stored / product.chunks;
    for (chunk = 0; chunk < product.chunks; ++chunk) {
      const std::uint32_t bits = metadata_of(metadata, product, row, chunk);
      if (!meaningful(product, bits))
        return false;
      for (int i = 0; i < per_chunk; ++i) {
        const int unit = static_cast<int>(per_chunk == 1 || i < per_chunk / 2 ? bits & 3 : bits >> 2);
        const int in_chunk = per_chunk == 1 ? unit / 2 : per_chunk == 2 ? unit : 2 * unit + i % 2;
        const int j = chunk * per_chunk + i;
        for (int line = 0; line < 8; ++line) {
          copy(left, line, j, a.at(row, j));
          copy(right, line, j, b.at(line, 2 * per_chunk * chunk + in_chunk));
        }
      }
    }
    return true;
  }

  void multiply(float* sums, numeric::Accumulation model) const {
    numeric::multiply_f32(shape(), product.a, left.data(), product.b, right.data(), sums, sums, model);
  }
  void multiply(std::uint16_t* sums, numeric::Accumulation model) const {
    numeric::multiply_f16(shape(), product.a, left.data(), product.b, right.data(), sums, sums, model);
  }
  void multiply(std::int32_t* sums, numeric::Accumulation) const {
    numeric::multiply_s8(shape(), product.a_signed, left.data(), product.b_signed, right.data(), sums, sums,
                         product.satfinite);
  }

private:
  using Lines = std::array<std::uint8_t, columns * 64>;
  numeric::MatrixShape shape() const { return {8, columns, stored}; }
  void copy(Lines& to, int line, int element, const std::uint8_t* from) const {
    std::memcpy(to.data() + static_cast<std::ptrdiff_t>(line * stored + element) * product.element_bytes,
                from, static_cast<std::size_t>(product.element_bytes));
  }
  const SparseProduct& product;
  int stored;
  alignas(64) Lines left{}, right{};
};

// Sum i of a lane, in the registers of `operand`.
template <class T> T& sum_of(Group& group, const Instruction& in, int operand, int i, int lane) {
  constexpr int in_register = 4 / sizeof(T);
  return lanes<T>(group.frame, in.operand(operand, i / in_register))[lane * in_register + i % in_register];
}

template <class T> Flow multiply_sparse(Group& group, const Instruction& in, Mask mask) {
  if (const Flow flow = whole_warp(group, in, mask); flow != Flow::go)
    return flow;
  const auto& product = static_cast<const SparseProduct&>(*in.extra);
  const Elements a(group, in, 1, rows / 8, product.shape.k / 2, product, product.a_signed),
      b(group, in, 2, columns / 8, product.shape.k, product, product.b_signed);
  const auto* metadata = lanes<std::uint32_t>(group.frame, in.operand(4));
  const numeric::Accumulation model = truncating_matrix(group) ? product.truncating : numeric::Accumulation{};
  alignas(64) std::array<std::array<T, std::size_t{columns} * 8>, rows> sums{};
  constexpr int sums_of_lane = rows * columns / warp_size;
  for (int lane = 0; lane < warp_size; ++lane)
    for (int i = 0; i < sums_of_lane; ++i) {
      const Element at = pair_of_fragment(rows / 8, i / 2, lane);
      sums[static_cast<std::size_t>(at.row)].data()[at.column + i % 2] = sum_of<T>(group, in, 3, i, lane);
    }
  for (int row = 0; row < rows; ++row) {
    Row one(product);
    int chunk = 0;
    if (!one.select(a, b, metadata, row, chunk))
      return fault(group, in, row % 8 * 4, Status::illegal_instruction,
                   fmt::format("the metadata of row {}, chunk {}, is {:#06b}: expected {}", row, chunk,
                               metadata_of(metadata, product, row, chunk),
                               product.element_bits == 32 ? "0b0100 or 0b1110"
                               : product.ordered          ? "two numbers in ascending order"
                                                          : "two different numbers"));
    one.multiply(sums[static_cast<std::size_t>(row)].data(), model);
  }
  for (int lane = 0; lane < warp_size; ++lane)
    for (int i = 0; i < sums_of_lane; ++i) {
      const Element at = pair_of_fragment(rows / 8, i / 2, lane);
      sum_of<T>(group, in, 0, i, lane) = sums[static_cast<std::size_t>(at.row)].data()[at.column + i % 2];
    }
  return Flow::go;
}

// Lanes whose metadata counts.
Mask contributing(const SparseProduct& product) {
  Mask quad = 15;
  if (product.chunks == 4)
    quad = 1u << product.selector;
  else if (product.chunks == 8)
    quad = 3u << 2 * product.selector;
  return quad * 0x11111111u;
}

void decode_sparse(Decoding& d) {
  const MatrixTypes types = types_of(d);
  SparseProduct product;
  static_cast<Product&>(product) = product_of(d, types);
  const auto& [m, n, k] = product.shape;
  const bool tf32 = types.a == ptx::Type::tf32;
  product.element_bits = tf32 ? 32 : ptx::bits(types.a);
  product.element_bytes = std::max(1, product.element_bits / 8);
  product.chunks = k / (tf32 ? 2 : product.nibbles ? 8 : 4);
  product.ordered = d.has("sp::ordered_metadata");
  product.truncating = numeric::Accumulation::of_mma(target_number(d), product.a, k / 2);
  if (types.d != types.c || (product.element_bits >= 16 && types.a != types.b))
    return d.fail(fmt::format("elements of {}, {}, {} and {}: expected the same of D and C, and of A and B",
                              ptx::name(types.d), ptx::name(types.a), ptx::name(types.b),
                              ptx::name(types.c)));
  const int sums = m * n * ptx::bits(types.d) / (32 * warp_size);
  const std::array<int, 4> found = {d.out.parts(0), d.out.parts(1), d.out.parts(2), d.out.parts(3)};
  const std::array<int, 4> expected = {sums, m * k / 2 * product.element_bits / (32 * warp_size),
                                       n * k * product.element_bits / (32 * warp_size), sums};
  if (found != expected)
    return d.fail(fmt::format("fragments of {} registers do not fit m{}n{}k{} with a sparse A: expected {}",
                              fmt::join(found, ", "), m, n, k, fmt::join(expected, ", ")));
  const ptx::Operand& selector = d.statement.operands[5];
  const int most = product.chunks == 4 ? 3 : product.chunks == 8 ? 1 : 0;
  if (!selector.is(ptx::Operand::Kind::integer) || selector.value < 0 || selector.value > most)
    return d.fail(fmt::format("the sparsity selector is '{}': expected {}", selector.text,
                              most == 0 ? "0" : fmt::format("a constant from 0 to {}", most)));
  product.selector = static_cast<int>(selector.value);
  product.metadata_lanes = contributing(product);
  d.out.flops = static_cast<std::uint32_t>(m * n * k);
  d.out.execute = product.of == ProductOf::integers ? multiply_sparse<std::int32_t>
                  : product.packed_d                ? multiply_sparse<std::uint16_t>
                                                    : multiply_sparse<float>;
  d.attach(std::move(product));
}

} // namespace

std::span<const Entry> sparse_mma_entries() {
#define SPARSE "mma(.sp|.sp::ordered_metadata).sync.aligned"
  constexpr auto matrix = Kind::matrix;
  constexpr auto tensor = Class::tensor;
  constexpr auto words = "=n*b32 n*b32 n*b32 n*b32 b32 any";
  static constexpr Entry entries[] = {
      {SPARSE "(.m16n8k16|.m16n8k32).row.col.f16.f16.f16.f16", words, decode_sparse, matrix, tensor},
      {SPARSE "(.m16n8k16|.m16n8k32).row.col.f32(.f16|.bf16)(.f16|.bf16).f32", words, decode_sparse, matrix,
       tensor},
      {SPARSE "(.m16n8k8|.m16n8k16).row.col.f32.tf32.tf32.f32", words, decode_sparse, matrix, tensor},
      {SPARSE ".m16n8k64.row.col.f32(.e4m3|.e5m2)(.e4m3|.e5m2).f32", words, decode_sparse, matrix, tensor},
      {SPARSE "(.m16n8k32|.m16n8k64).row.col{.satfinite}.s32(.u8|.s8)(.u8|.s8).s32", words, decode_sparse,
       matrix, tensor},
      {SPARSE "(.m16n8k64|.m16n8k128).row.col{.satfinite}.s32(.u4|.s4)(.u4|.s4).s32", words, decode_sparse,
       matrix, tensor},
  };
  return entries;
#undef SPARSE
}

} // namespace emu
