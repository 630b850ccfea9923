// What of matrix.h does not depend on the instruction set of the host.
#include "emulator/numeric/matrix.h"

namespace emu::numeric {

namespace {

bool has_eight_bits(MatrixFormat format) {
  return format != MatrixFormat::f16 && format != MatrixFormat::bf16 && format != MatrixFormat::tf32;
}

} // namespace

Accumulation Accumulation::of_mma(int sm, MatrixFormat format, int k) {
  const bool eight_bits = has_eight_bits(format);
  Accumulation result{.fraction_bits = sm < 75 ? 23 : sm < 90 ? 24 : 25};
  int widest = k;
  if (sm < 80) // f16 alone
    widest = sm < 75 ? 4 : 8;
  else if (sm < 90)
    widest = format == MatrixFormat::tf32 ? 4 : eight_bits ? 16 : 8;
  else if (eight_bits && sm < 120)
    widest = 16;
  result.group = k < widest ? k : widest;
  if (eight_bits && sm == 89)
    result.fraction_bits = result.result_bits = 13;
  result.by_halves = eight_bits && sm >= 90 && sm < 120;
  return result;
}

Accumulation Accumulation::of_wgmma(MatrixFormat format, int k) {
  if (has_eight_bits(format))
    return {.group = k, .fraction_bits = 13, .result_bits = 13};
  return {.group = k, .fraction_bits = 25};
}

void unpack_nibbles(const std::uint8_t* packed, int count, bool is_signed, std::uint8_t* bytes) {
  for (int i = 0; i < count; ++i) {
    int value = packed[i / 2] >> (i % 2 * 4) & 15;
    bytes[i] = static_cast<std::uint8_t>(is_signed ? (value ^ 8) - 8 : value);
  }
}

} // namespace emu::numeric
