// Compiled once for each level of the host; see numeric/host.h for what may stand here.
//
// The fragments of a warp's lanes, as isa/fragment.h describes them, are gathered into matrices, multiplied,
// and scattered.
#include "emulator/families/matrix_operations.h"
#include "emulator/numeric/formats.h"

#include <cstring>

namespace emu {
inline namespace EMU_HOST {
namespace {

constexpr int most_words = 16 * 16; // of A or B: m16 in 16 words, m32 in 8
constexpr int most_sums = 16 * 16;

// Registers of A or B to rows of words; `words` is a row's, `blocks` how many rows there are, by 8.
template <class Word>
void gather(const Group& group, const Instruction& in, int operand, int blocks, int words, Word* to) {
  int j = 0;
  for (int word = 0; word < words; word += 4)
    for (int row = 0; row < 8 * blocks; row += 8, ++j) {
      const Word* from = lanes<Word>(group.frame, in.operand(operand, j));
      for (int g = 0; g < 8; ++g)
        std::memcpy(to + (row + g) * words + word, from + 4 * g, 4 * sizeof(Word));
    }
}

/// A and B as words of T, which have `element_bits` bits an element.
template <class Word> struct Factors {
  alignas(64) Word a[most_words], b[most_words];
  Factors(const Group& group, const Instruction& in, const Product& product, int element_bits) {
    const int words = product.shape.k * element_bits / static_cast<int>(8 * sizeof(Word));
    gather(group, in, 1, product.row_blocks, words, a);
    gather(group, in, 2, product.column_blocks, words, b);
  }
};

// mma.sync always has 8 columns; what does the work knows that when it is compiled, and has 0 for others.
constexpr int usual_columns = 8;
template <int columns> int columns_of(const Product& product) {
  return columns != 0 ? columns : product.shape.n;
}

// Elements of C, two registers for a pair.
template <int columns, class T>
void gather_sums(const Group& group, const Instruction& in, const Product& product, T* to) {
  const int n = columns_of<columns>(product);
  for (int i = 0; i < in.parts(3); ++i) {
    const T* from = lanes<T>(group.frame, in.operand(3, i));
    const Element first = pair_of_fragment(product.row_blocks, i / 2, 0);
    T* block = to + first.row * n + first.column + i % 2;
    for (int lane = 0; lane < warp_size; ++lane)
      block[lane / 4 * n + 2 * (lane % 4)] = from[lane];
  }
}

template <int columns, class T>
void scatter_sums(Group& group, const Instruction& in, const Product& product, const T* from) {
  const int n = columns_of<columns>(product);
  for (int i = 0; i < in.parts(0); ++i) {
    T* to = lanes<T>(group.frame, in.operand(0, i));
    const Element first = pair_of_fragment(product.row_blocks, i / 2, 0);
    const T* block = from + first.row * n + first.column + i % 2;
    for (int lane = 0; lane < warp_size; ++lane)
      // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): as many sums were gathered or computed
      to[lane] = block[lane / 4 * n + 2 * (lane % 4)];
  }
}

// Pairs of f16 in a register: four are eight elements of a row.
template <int columns>
void gather_pairs(const Group& group, const Instruction& in, const Product& product, std::uint16_t* to) {
  const int n = columns_of<columns>(product);
  for (int i = 0; i < in.parts(3); ++i) {
    const Element first = pair_of_fragment(product.row_blocks, i, 0);
    const auto* from = lanes<std::uint32_t>(group.frame, in.operand(3, i));
    for (int g = 0; g < 8; ++g)
      std::memcpy(to + (first.row + g) * n + first.column, from + 4 * g, 16);
  }
}

template <int columns>
void scatter_pairs(Group& group, const Instruction& in, const Product& product, const std::uint16_t* from) {
  const int n = columns_of<columns>(product);
  for (int i = 0; i < in.parts(0); ++i) {
    const Element first = pair_of_fragment(product.row_blocks, i, 0);
    auto* to = lanes<std::uint32_t>(group.frame, in.operand(0, i));
    for (int g = 0; g < 8; ++g)
      std::memcpy(to + 4 * g, from + (first.row + g) * n + first.column, 16);
  }
}

numeric::Accumulation accumulation(const Group& group, const Product& product) {
  return truncating_matrix(group) ? product.truncating : numeric::Accumulation{};
}

int bits_of(numeric::MatrixFormat format) {
  using enum numeric::MatrixFormat;
  return format == tf32 ? 32 : format == f16 || format == bf16 ? 16 : 8;
}

template <int columns> Flow multiply_floats(Group& group, const Instruction& in, const Product& product) {
  const Factors<std::uint32_t> factors(group, in, product, bits_of(product.a));
  alignas(64) std::uint16_t halves[most_sums];
  const int count = product.shape.m * product.shape.n;
  if (product.packed_c)
    gather_pairs<columns>(group, in, product, halves);
  if (product.packed_c && product.packed_d) {
    numeric::multiply_f16(product.shape, product.a, factors.a, product.b, factors.b, halves, halves,
                          accumulation(group, product));
    scatter_pairs<columns>(group, in, product, halves);
    return Flow::go;
  }
  alignas(64) float sums[most_sums];
  if (!product.packed_c)
    gather_sums<columns>(group, in, product, sums);
  for (int i = 0; i < count && product.packed_c; ++i)
    sums[i] = numeric::widen<numeric::F16>(halves[i]);
  numeric::multiply_f32(product.shape, product.a, factors.a, product.b, factors.b, sums, sums,
                        accumulation(group, product));
  if (!product.packed_d) {
    scatter_sums<columns>(group, in, product, sums);
    return Flow::go;
  }
  for (int i = 0; i < count; ++i)
    halves[i] = numeric::narrow<numeric::F16>(sums[i]);
  scatter_pairs<columns>(group, in, product, halves);
  return Flow::go;
}

template <int columns> Flow multiply_doubles(Group& group, const Instruction& in, const Product& product) {
  const Factors<double> factors(group, in, product, 64);
  alignas(64) double sums[most_sums];
  gather_sums<columns>(group, in, product, sums);
  numeric::multiply_f64(product.shape, factors.a, factors.b, sums, sums, product.round);
  scatter_sums<columns>(group, in, product, sums);
  return Flow::go;
}

template <int columns> Flow multiply_integers(Group& group, const Instruction& in, const Product& product) {
  const Factors<std::uint32_t> factors(group, in, product, product.nibbles ? 4 : 8);
  alignas(64) std::uint8_t a_bytes[16 * 64], b_bytes[8 * 64];
  alignas(64) std::int32_t sums[most_sums];
  gather_sums<columns>(group, in, product, sums);
  const auto* left = reinterpret_cast<const std::uint8_t*>(factors.a);
  const auto* right = reinterpret_cast<const std::uint8_t*>(factors.b);
  if (product.nibbles) {
    numeric::unpack_nibbles(left, product.shape.m * product.shape.k, product.a_signed, a_bytes);
    numeric::unpack_nibbles(right, product.shape.n * product.shape.k, product.b_signed, b_bytes);
    left = a_bytes;
    right = b_bytes;
  }
  numeric::multiply_s8(product.shape, product.a_signed, left, product.b_signed, right, sums, sums,
                       product.satfinite);
  scatter_sums<columns>(group, in, product, sums);
  return Flow::go;
}

template <int columns> Flow multiply_bits(Group& group, const Instruction& in, const Product& product) {
  const Factors<std::uint32_t> factors(group, in, product, 1);
  alignas(64) std::int32_t sums[most_sums];
  gather_sums<columns>(group, in, product, sums);
  numeric::multiply_b1(product.shape, product.bits, factors.a, factors.b, sums, sums);
  scatter_sums<columns>(group, in, product, sums);
  return Flow::go;
}

// ---- m8n8k4 of f16: four products, each of four lanes and the four that are 16 above (PTX ISA, "Matrix
// Fragments for mma.m8n8k4 with .f16 floating point type") ----

/// Row or column l of A or B is lane l's of the eight, or l is the element and the lane's number in its four
/// the k.
struct QuadFactor {
  int line, k;
};
QuadFactor factor_of(int lane, int i, bool lines_by_lane) {
  const int high = lane / 16 * 4;
  return lines_by_lane ? QuadFactor{lane % 4 + high, i} : QuadFactor{i + high, lane % 4};
}

Element quad_sum(int lane, int i, bool packed) {
  const int high = lane / 16 * 4;
  return packed ? Element{lane % 4 + high, i}
                : Element{(lane & 1) + (i & 2) + high, (i & 4) + (lane & 2) + (i & 1)};
}

// Element i of a lane, of those in registers of two.
std::uint16_t& half_of(Group& group, Slot slot, int lane, int i) {
  return lanes<std::uint16_t>(group.frame, slot)[2 * lane + i % 2];
}

struct Quad {
  alignas(64) std::uint16_t a[8 * 4], b[8 * 4], halves[8 * 8];
  alignas(64) float sums[8 * 8];
};

Flow multiply_quads(Group& group, const Instruction& in, const Product& product) {
  Quad quads[4];
  for (int lane = 0; lane < warp_size; ++lane) {
    Quad& quad = quads[lane % 16 / 4];
    for (int i = 0; i < 4; ++i) {
      const QuadFactor a = factor_of(lane, i, !product.a_by_column),
                       b = factor_of(lane, i, !product.b_by_row);
      quad.a[a.line * 4 + a.k] = half_of(group, in.operand(1, i / 2), lane, i);
      quad.b[b.line * 4 + b.k] = half_of(group, in.operand(2, i / 2), lane, i);
    }
    for (int i = 0; i < 8; ++i) {
      const Element at = quad_sum(lane, i, product.packed_c);
      if (product.packed_c)
        quad.halves[at.row * 8 + at.column] = half_of(group, in.operand(3, i / 2), lane, i);
      else
        quad.sums[at.row * 8 + at.column] = lanes<float>(group.frame, in.operand(3, i))[lane];
    }
  }
  for (Quad& quad : quads) {
    for (int i = 0; i < 64 && product.packed_c && !product.packed_d; ++i)
      quad.sums[i] = numeric::widen<numeric::F16>(quad.halves[i]);
    if (product.packed_d)
      numeric::multiply_f16(product.shape, product.a, quad.a, product.b, quad.b, quad.halves, quad.halves,
                            accumulation(group, product));
    else
      numeric::multiply_f32(product.shape, product.a, quad.a, product.b, quad.b, quad.sums, quad.sums,
                            accumulation(group, product));
  }
  for (int lane = 0; lane < warp_size; ++lane)
    for (int i = 0; i < 8; ++i) {
      const Quad& quad = quads[lane % 16 / 4];
      const Element at = quad_sum(lane, i, product.packed_d);
      if (product.packed_d)
        half_of(group, in.operand(0, i / 2), lane, i) = quad.halves[at.row * 8 + at.column];
      else
        lanes<float>(group.frame, in.operand(0, i))[lane] = quad.sums[at.row * 8 + at.column];
    }
  return Flow::go;
}

template <auto multiply> Flow all_together(Group& group, const Instruction& in, Mask mask) {
  const Flow flow = whole_warp(group, in, mask);
  return flow == Flow::go ? multiply(group, in, static_cast<const Product&>(*in.extra)) : flow;
}

template <int columns> Execute choose(ProductOf of) {
  switch (of) {
  case ProductOf::floats:
    return all_together<multiply_floats<columns>>;
  case ProductOf::doubles:
    return all_together<multiply_doubles<columns>>;
  case ProductOf::integers:
    return all_together<multiply_integers<columns>>;
  case ProductOf::quads:
    return all_together<multiply_quads>;
  case ProductOf::bits:
    break;
  }
  return all_together<multiply_bits<columns>>;
}

} // namespace

Execute choose_product(const Product& product) {
  return product.shape.n == usual_columns ? choose<usual_columns>(product.of) : choose<0>(product.of);
}

} // namespace EMU_HOST
} // namespace emu
