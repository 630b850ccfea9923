// Compiled once for each level of the host; see numeric/host.h for what may stand here.
//
// The fragments of a warp's lanes are gathered into matrices, multiplied, and scattered. All layouts of
// mma.sync are one scheme (PTX ISA, "Matrix Fragments for mma"). A row of A, and a column of B, is a sequence
// of words of 32 bits (of 64 for f64) that hold its elements in ascending k. With g = lane / 4 and t = lane %
// 4, register j of A holds word t + 4 (j / h) of row g + 8 (j % h), where h = m / 8; register j of B holds
// word t + 4 j of column g; elements of C and D lie in pairs 2t, 2t + 1 of rows g + 8 i.
#include "emulator/families/matrix_operations.h"

#include <cstring>

namespace emu {
inline namespace EMU_HOST {
namespace {

constexpr int most_words = 16 * 16; // of a tile: m16, k in 16 words

// Registers of A or B to rows of words; `halves` is m / 8, or 1 for B.
template <class Word>
void gather(const Group& group, const Instruction& in, int operand, int halves, Word* to) {
  const int registers = in.parts(operand), row_words = 4 * registers / halves;
  for (int j = 0; j < registers; ++j) {
    const Word* from = lanes<Word>(group.frame, in.operand(operand, j));
    for (int g = 0; g < 8; ++g)
      std::memcpy(to + (g + 8 * (j % halves)) * row_words + 4 * (j / halves), from + 4 * g, 4 * sizeof(Word));
  }
}

// Elements of C: two a register row of 8 columns.
template <class T> void gather_sums(const Group& group, const Instruction& in, int operand, T* to) {
  for (int i = 0; i < in.parts(operand); ++i) {
    const T* from = lanes<T>(group.frame, in.operand(operand, i));
    for (int lane = 0; lane < warp_size; ++lane)
      to[(lane / 4 + 8 * (i / 2)) * 8 + 2 * (lane % 4) + i % 2] = from[lane];
  }
}

template <class T> void scatter_sums(Group& group, const Instruction& in, const T* from) {
  for (int i = 0; i < in.parts(0); ++i) {
    T* to = lanes<T>(group.frame, in.operand(0, i));
    for (int lane = 0; lane < warp_size; ++lane)
      // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): as many sums were gathered or computed
      to[lane] = from[(lane / 4 + 8 * (i / 2)) * 8 + 2 * (lane % 4) + i % 2];
  }
}

// Pairs of f16 in a register are words, four a row.
void gather_pairs(const Group& group, const Instruction& in, int operand, std::uint16_t* to) {
  for (int i = 0; i < in.parts(operand); ++i)
    std::memcpy(to + 64 * i, lanes<std::uint32_t>(group.frame, in.operand(operand, i)), 128);
}

void scatter_pairs(Group& group, const Instruction& in, const std::uint16_t* from) {
  for (int i = 0; i < in.parts(0); ++i)
    std::memcpy(lanes<std::uint32_t>(group.frame, in.operand(0, i)), from + 64 * i, 128);
}

numeric::Accumulation accumulation(const Group& group, const Product& product) {
  return truncating_matrix(group) ? product.truncating : numeric::Accumulation{};
}

Flow multiply_floats(Group& group, const Instruction& in, const Product& product) {
  alignas(64) std::uint32_t a[most_words], b[most_words];
  gather(group, in, 1, product.shape.m / 8, a);
  gather(group, in, 2, 1, b);
  if (!product.f16_sum) {
    alignas(64) float sums[128];
    gather_sums(group, in, 3, sums);
    numeric::multiply_f32(product.shape, product.a, a, product.b, b, sums, sums,
                          accumulation(group, product));
    scatter_sums(group, in, sums);
  } else {
    alignas(64) std::uint16_t sums[128];
    gather_pairs(group, in, 3, sums);
    numeric::multiply_f16(product.shape, product.a, a, product.b, b, sums, sums,
                          accumulation(group, product));
    scatter_pairs(group, in, sums);
  }
  return Flow::go;
}

Flow multiply_doubles(Group& group, const Instruction& in, const Product& product) {
  alignas(64) double a[most_words], b[most_words], sums[128];
  gather(group, in, 1, product.shape.m / 8, a);
  gather(group, in, 2, 1, b);
  gather_sums(group, in, 3, sums);
  numeric::multiply_f64(product.shape, a, b, sums, sums, product.round);
  scatter_sums(group, in, sums);
  return Flow::go;
}

Flow multiply_integers(Group& group, const Instruction& in, const Product& product) {
  alignas(64) std::uint32_t a[most_words], b[most_words];
  alignas(64) std::uint8_t a_bytes[16 * 64], b_bytes[8 * 64];
  alignas(64) std::int32_t sums[128];
  gather(group, in, 1, product.shape.m / 8, a);
  gather(group, in, 2, 1, b);
  gather_sums(group, in, 3, sums);
  const auto* left = reinterpret_cast<const std::uint8_t*>(a);
  const auto* right = reinterpret_cast<const std::uint8_t*>(b);
  if (product.nibbles) {
    numeric::unpack_nibbles(left, product.shape.m * product.shape.k, product.a_signed, a_bytes);
    numeric::unpack_nibbles(right, product.shape.n * product.shape.k, product.b_signed, b_bytes);
    left = a_bytes;
    right = b_bytes;
  }
  numeric::multiply_s8(product.shape, product.a_signed, left, product.b_signed, right, sums, sums,
                       product.satfinite);
  scatter_sums(group, in, sums);
  return Flow::go;
}

Flow multiply_bits(Group& group, const Instruction& in, const Product& product) {
  alignas(64) std::uint32_t a[most_words], b[most_words];
  alignas(64) std::int32_t sums[128];
  gather(group, in, 1, product.shape.m / 8, a);
  gather(group, in, 2, 1, b);
  gather_sums(group, in, 3, sums);
  numeric::multiply_b1(product.shape, product.bits, a, b, sums, sums);
  scatter_sums(group, in, sums);
  return Flow::go;
}

template <auto multiply> Flow all_together(Group& group, const Instruction& in, Mask mask) {
  const Flow flow = whole_warp(group, in, mask);
  return flow == Flow::go ? multiply(group, in, static_cast<const Product&>(*in.extra)) : flow;
}

} // namespace

Execute choose_product(ProductOf of) {
  switch (of) {
  case ProductOf::floats:
    return all_together<multiply_floats>;
  case ProductOf::doubles:
    return all_together<multiply_doubles>;
  case ProductOf::integers:
    return all_together<multiply_integers>;
  case ProductOf::bits:
    break;
  }
  return all_together<multiply_bits>;
}

} // namespace EMU_HOST
} // namespace emu
