// What of matrix.h does not depend on the instruction set of the host.
#include "emulator/numeric/matrix.h"

namespace emu::numeric {

Accumulation Accumulation::of_hardware(int sm, MatrixFormat format, int k) {
  bool eight_bits =
      format != MatrixFormat::f16 && format != MatrixFormat::bf16 && format != MatrixFormat::tf32;
  Accumulation result{.group = k, .fraction_bits = sm >= 90 ? 25 : 24};
  if (sm >= 80 && sm < 90) { // in halves: 4 products of tf32, 8 of 16 bits, 16 of 8 bits
    int widest = format == MatrixFormat::tf32 ? 4 : eight_bits ? 16 : 8;
    result.group = k < widest ? k : widest;
  }
  if (eight_bits && (sm == 89 || sm == 90))
    result.fraction_bits = result.result_bits = 13;
  return result;
}

void unpack_nibbles(const std::uint8_t* packed, int count, bool is_signed, std::uint8_t* bytes) {
  for (int i = 0; i < count; ++i) {
    int value = packed[i / 2] >> (i % 2 * 4) & 15;
    bytes[i] = static_cast<std::uint8_t>(is_signed ? (value ^ 8) - 8 : value);
  }
}

} // namespace emu::numeric
