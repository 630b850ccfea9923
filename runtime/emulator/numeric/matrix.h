// The cores of matrix instructions: d = a b + c for one tile (mma.sync, wgmma). Who calls gathers the
// fragments:
//
//   a   m x k, row by row                          c, d   m x n, row by row; may be the same memory
//   b   n x k, column by column of the k x n matrix, as mma.sync's `.col`: k is contiguous in both
//
// n is a multiple of 8 and at most 256, m at most 64, k at most 64 (256 for integers).
//
// Accumulation. The ISA leaves order, rounding and width open ("at least single precision"). Two models:
// - exact: products exact, their sum with c in double, rounded once to the type of d (to nearest even);
// - truncating, what hardware was found to do: the products of a group and the accumulator are aligned to the
// largest
//   exponent among them (of a product the sum of its factors' exponents, not normalised), cut off toward zero
//   `fraction_bits` bits below it, added exactly; the sum is cut off toward zero to f32 (rounded to nearest
//   even for an f16 result), then the next group follows. Sources of model and figures: Fasi, Higham,
//   Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ CS 7:e330 (2021); Xie et al.,
//   "MMA-Sim", arXiv:2511.10909 (2025). Not modelled: what those report of the least exponent kept in
//   alignment.
//   Compiled for sm_90 and sm_100, an mma.sync of 8-bit factors converts them to f16 (so ptxas does): that is
//   modelled, but not that it takes every other pair of k first, and adds c last.
// NaN results are canonical; infinities behave as in the exact sum.
#pragma once

#include "emulator/numeric/host.h"
#include "emulator/numeric/types.h"

#include <cstdint>

namespace emu::numeric {

// Elements lie in 16 bits (f16, bf16), 32 (tf32: the register, of which the low 13 bits are ignored) or 8
// (the rest).
enum class MatrixFormat : std::uint8_t { f16, bf16, tf32, e4m3, e5m2, e3m2, e2m3, e2m1 };

struct MatrixShape {
  int m, n, k;
};

struct Accumulation {
  int group = 0;          // products added at once; 0: the exact model
  int fraction_bits = 0;  // kept below the largest exponent
  int result_bits = 23;   // of the significand of an f32 result, the rest is zero
  bool by_halves = false; // 8-bit factors are f16 by then

  // As measured for mma.sync of `sm` (70, 75, 80, 86, 89, 90, 100, 120), or for wgmma, on elements of
  // `format` in an instruction with this k.
  static Accumulation of_mma(int sm, MatrixFormat format, int k);
  static Accumulation of_wgmma(MatrixFormat format, int k);
};

enum class BitOperation : std::uint8_t { and_popc, xor_popc };

inline namespace EMU_HOST {

void multiply_f32(MatrixShape, MatrixFormat a_format, const void* a, MatrixFormat b_format, const void* b,
                  const float* c, float* d, Accumulation = {});
void multiply_f16(MatrixShape, MatrixFormat a_format, const void* a, MatrixFormat b_format, const void* b,
                  const std::uint16_t* c, std::uint16_t* d, Accumulation = {});
// A chain of fused multiply-adds in ascending k.
void multiply_f64(MatrixShape, const double* a, const double* b, const double* c, double* d,
                  Round = Round::rn);
// u8 or s8 elements; sums wrap, or saturate.
void multiply_s8(MatrixShape, bool a_signed, const std::uint8_t* a, bool b_signed, const std::uint8_t* b,
                 const std::int32_t* c, std::int32_t* d, bool satfinite = false);
// k counts bits: a row of a or column of b is k / 32 words. Wraps.
void multiply_b1(MatrixShape, BitOperation, const std::uint32_t* a, const std::uint32_t* b,
                 const std::int32_t* c, std::int32_t* d);

} // namespace EMU_HOST

// 4-bit integers, two to a byte with the lower index in the low bits, to bytes for multiply_s8.
void unpack_nibbles(const std::uint8_t* packed, int count, bool is_signed, std::uint8_t* bytes);

} // namespace emu::numeric
