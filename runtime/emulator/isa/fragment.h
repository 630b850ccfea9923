// Matrices in the registers of a warp: what mma.sync fixes (PTX ISA, "Matrix Fragments for mma"), and what
// this emulator chose for wmma, where the ISA leaves it open.
//
// A row of A, and a column of B, is a sequence of words of 32 bits (of 64 for f64) that hold its elements in
// ascending k. With g = lane / 4, t = lane % 4 and h blocks of 8 such rows, register j holds word t + 4 (j /
// h) of row g + 8 (j % h). Elements of C and D lie in pairs: pair p (two registers, or one of two halves) has
// columns 2t and 2t + 1 of the (p / h)-th block of 8 columns, in row g + 8 (p % h). wmma has each element of
// A and B of f16 more than once: their registers repeat.
#pragma once

#include "emulator/isa/instruction.h"

#include <cstdint>
#include <vector>

namespace emu {

struct Element {
  int row, column;
};

/// Row and word of register j of A, or column and word of B; `blocks` is h.
constexpr Element word_of_fragment(int blocks, int j, int lane) {
  return {lane / 4 + 8 * (j % blocks), lane % 4 + 4 * (j / blocks)};
}
/// The first element of pair p of C and D.
constexpr Element pair_of_fragment(int blocks, int p, int lane) {
  return {lane / 4 + 8 * (p % blocks), 2 * (lane % 4) + 8 * (p / blocks)};
}

/// Of an instruction D = A B + C.
struct ProductFragments : Extra {
  int row_blocks = 0, column_blocks = 0;   ///< of 8, of A and of B; 0: another layout
  bool packed_d = false, packed_c = false; ///< two elements in a register
  std::uint32_t metadata_lanes = 0;        ///< of mma.sp: whose register of operand 4 counts
};

/// Of an instruction that moves a fragment from or to memory: rows or columns of a matrix that begin a stride
/// apart.
struct FragmentLines : Extra {
  int lines = 0, line_bytes = 0;
  int chunk = 0; ///< bytes that one lane accesses: lane i those from i * chunk on, the lines laid end to end
  int part_bytes = 0; ///< a register has one part or several, which lie apart
  int align = 0;      ///< of a line
  int element_bits = 0;
  std::vector<std::uint16_t>
      places; ///< of the parts, in the lines laid end to end: by register, lane, and part
};

} // namespace emu
