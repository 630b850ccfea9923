// wgmma.mma_async as semantic functions, of which the arithmetic is compiled for each level of the host
// (numeric/host.h).
#pragma once

#include "emulator/exec/warpgroup.h"
#include "emulator/families/matrix_operations.h"

namespace emu {

/// What a wgmma.mma_async multiplies, and how.
struct WarpgroupProduct : ProductFragments {
  ProductOf of = ProductOf::floats;
  numeric::MatrixShape shape = {};
  numeric::MatrixFormat a = numeric::MatrixFormat::f16, b = numeric::MatrixFormat::f16;
  bool a_signed = false, b_signed = false, satfinite = false;
  bool a_in_registers = false;
  bool a_mn_major = false, b_mn_major = false; ///< in shared memory
  bool negated = false;                        ///< one of A and B is multiplied by -1
  int element_bits = 16;                       ///< of A and B
  numeric::Accumulation truncating = {};
};

/// Rows of A and columns of B, of 32 bytes each: as many elements as an instruction's k, whatever their type.
struct WarpgroupFactors {
  static constexpr int rows = 64, most_columns = 256, line_bytes = 32;
  alignas(64) std::byte a[rows * line_bytes];
  alignas(64) std::byte b[most_columns * line_bytes];
};

/// The registers of the four warps.
struct WarpgroupFrames {
  std::byte* of[warps_of_warpgroup];
};

/// All lanes of the warp, together with three other warps.
Flow multiply_by_warpgroup(Group& group, const Instruction& instruction, Mask mask);

} // namespace emu
