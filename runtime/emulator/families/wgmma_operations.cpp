// Compiled once for each level of the host; see numeric/host.h for what may stand here.
//
// The sums of a warpgroup, m64nN, are gathered from the registers of its four warps, added to, and scattered.
// Warp w has rows 16 w to 16 w + 15, as isa/fragment.h lays out a product of 16 rows.
#include "emulator/families/wgmma.h"
#include "emulator/numeric/formats.h"

#include <cstring>

namespace emu {
inline namespace EMU_HOST {
namespace {

constexpr int rows = WarpgroupFactors::rows, warp_rows = 16;
constexpr int most_sums = rows * WarpgroupFactors::most_columns;

// f(slot, where the pair begins that lane 0 has) for the pairs of sums of a warp: lane 4 g + t has a pair g
// rows and 2 t columns from there.
template <class F> void for_pairs(const WarpgroupProduct& product, int warp, F f) {
  const int n = product.shape.n;
  for (int p = 0; p < n / 4; ++p) {
    const Element first = pair_of_fragment(2, p, 0);
    f(p, (warp_rows * warp + first.row) * n + first.column);
  }
}

/// Eight sums: of eight lanes, or of a row.
template <class T> struct EightOf {
  using Type [[gnu::vector_size(8 * sizeof(T))]] = T;
};
template <class T> using Eight = EightOf<T>::Type;

template <class T> Eight<T> load(const T* from) {
  Eight<T> eight;
  std::memcpy(&eight, from, sizeof eight);
  return eight;
}
template <class T> void store(T* to, Eight<T> eight) { std::memcpy(to, &eight, sizeof eight); }

template <class T>
void gather(const WarpgroupProduct& product, const Instruction& in, int warp, std::byte* frame, T* to) {
  const int n = product.shape.n;
  for_pairs(product, warp, [&](int p, int begin) {
    const T *even = lanes<T>(frame, in.operand(0, 2 * p)), *odd = lanes<T>(frame, in.operand(0, 2 * p + 1));
    T* row = to + begin;
    for (int lane = 0; lane < warp_size; lane += 8, row += 2 * n) { // two rows
      const Eight<T> x = load(even + lane), y = load(odd + lane);
      store<T>(row, __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11));
      store<T>(row + n, __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15));
    }
  });
}

template <class T>
void scatter(const WarpgroupProduct& product, const Instruction& in, int warp, std::byte* frame,
             const T* from) {
  const int n = product.shape.n;
  for_pairs(product, warp, [&](int p, int begin) {
    T *even = lanes<T>(frame, in.operand(0, 2 * p)), *odd = lanes<T>(frame, in.operand(0, 2 * p + 1));
    const T* row = from + begin;
    for (int lane = 0; lane < warp_size; lane += 8, row += 2 * n) {
      const Eight<T> x = load(row), y = load(row + n);
      store<T>(even + lane, __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14));
      store<T>(odd + lane, __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15));
    }
  });
}

// Pairs of f16 in a register: four lanes have eight elements of a row.
void gather(const WarpgroupProduct& product, const Instruction& in, int warp, std::byte* frame,
            std::uint16_t* to) {
  for_pairs(product, warp, [&](int p, int begin) {
    const std::byte* from = lanes<std::byte>(frame, in.operand(0, p));
    for (int g = 0; g < 8; ++g)
      std::memcpy(to + begin + g * product.shape.n, from + 16 * g, 16);
  });
}

void scatter(const WarpgroupProduct& product, const Instruction& in, int warp, std::byte* frame,
             const std::uint16_t* from) {
  for_pairs(product, warp, [&](int p, int begin) {
    std::byte* to = lanes<std::byte>(frame, in.operand(0, p));
    for (int g = 0; g < 8; ++g)
      std::memcpy(to + 16 * g, from + begin + g * product.shape.n, 16);
  });
}

void multiply(const WarpgroupProduct& product, const WarpgroupFactors& factors, float* sums,
              bool truncating) {
  numeric::multiply_f32(product.shape, product.a, factors.a, product.b, factors.b, sums, sums,
                        truncating ? product.truncating : numeric::Accumulation());
}

void multiply(const WarpgroupProduct& product, const WarpgroupFactors& factors, std::uint16_t* sums,
              bool truncating) {
  numeric::multiply_f16(product.shape, product.a, factors.a, product.b, factors.b, sums, sums,
                        truncating ? product.truncating : numeric::Accumulation());
}

void multiply(const WarpgroupProduct& product, const WarpgroupFactors& factors, std::int32_t* sums, bool) {
  if (product.of == ProductOf::bits) {
    numeric::multiply_b1(product.shape, numeric::BitOperation::and_popc,
                         reinterpret_cast<const std::uint32_t*>(factors.a),
                         reinterpret_cast<const std::uint32_t*>(factors.b), sums, sums);
    return;
  }
  numeric::multiply_s8(product.shape, product.a_signed, reinterpret_cast<const std::uint8_t*>(factors.a),
                       product.b_signed, reinterpret_cast<const std::uint8_t*>(factors.b), sums, sums,
                       product.satfinite);
}

template <class T>
void multiply_sums(const WarpgroupProduct& product, const Instruction& in, const WarpgroupFactors& factors,
                   const WarpgroupFrames& frames, unsigned accumulates, bool truncating) {
  alignas(64) T sums[most_sums];
  const int n = product.shape.n;
  for (int warp = 0; warp < int(warps_of_warpgroup); ++warp)
    if ((accumulates >> warp & 1) != 0)
      gather(product, in, warp, frames.of[warp], sums);
    else
      std::memset(sums + warp * warp_rows * n, 0, sizeof(T) * static_cast<std::size_t>(warp_rows * n));
  multiply(product, factors, sums, truncating);
  for (int warp = 0; warp < int(warps_of_warpgroup); ++warp)
    scatter(product, in, warp, frames.of[warp], sums);
}

} // namespace

// D = A B, plus D of the warps for which `accumulates` has a bit.
void multiply_warpgroup(const WarpgroupProduct& product, const Instruction& in,
                        const WarpgroupFactors& factors, const WarpgroupFrames& frames, unsigned accumulates,
                        bool truncating) {
  if (product.of != ProductOf::floats)
    multiply_sums<std::int32_t>(product, in, factors, frames, accumulates, truncating);
  else if (product.packed_d)
    multiply_sums<std::uint16_t>(product, in, factors, frames, accumulates, truncating);
  else
    multiply_sums<float>(product, in, factors, frames, accumulates, truncating);
}

} // namespace EMU_HOST
} // namespace emu
