// ldmatrix, stmatrix, movmatrix: 8 x 8 matrices between the lanes of a warp and shared memory (PTX ISA,
// "Warp-level matrix load instruction: ldmatrix", "stmatrix", "movmatrix").
//
// Row r of matrix i begins at the address that lane 8 i + r gives. Of a row of 16-bit elements, lane l holds
// elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4; with .trans of the transposed matrix.
#include "emulator/exec/access.h"
#include "emulator/families/matrix_operations.h"
#include "emulator/isa/table.h"

#include <cstring>

namespace emu {
namespace {

constexpr std::uint64_t transposed = 1;
constexpr int rows = 8;

// An 8 x 8 matrix of 16 bits, row by row, is what 32 lanes of 32 bits are.
using Matrix = std::uint16_t[rows * rows];

void transpose(Matrix& matrix) {
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < r; ++c)
      std::swap(matrix[rows * r + c], matrix[rows * c + r]);
}

Access row_access(const Group& group, const Instruction& instruction, int operand, int matrices,
                  Doing doing) {
  Access access;
  access.space = static_cast<Space>(instruction.space);
  access.doing = doing;
  access.bytes = 16;
  access.mask = matrices == 4 ? all_lanes : (Mask(1) << (rows * matrices)) - 1;
  addresses(group, instruction, operand, access);
  return access;
}

Flow load_matrices(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = whole_warp(group, instruction, mask); flow != Flow::go)
    return flow;
  const int matrices = instruction.parts(0);
  Access access = row_access(group, instruction, 1, matrices, Doing::read);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  for (int i = 0; i < matrices; ++i) {
    Matrix matrix = {};
    for (int r = 0; r < rows; ++r)
      if (access.mask >> (rows * i + r) & 1)
        std::memcpy(matrix + rows * r, access.host[rows * i + r], 16);
    if (instruction.flags & transposed)
      transpose(matrix);
    std::memcpy(lanes<std::uint32_t>(group.frame, instruction.operand(0, i)), matrix, sizeof matrix);
  }
  return Flow::go;
}

Flow store_matrices(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = whole_warp(group, instruction, mask); flow != Flow::go)
    return flow;
  const int matrices = instruction.parts(1);
  Access access = row_access(group, instruction, 0, matrices, Doing::write);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  for (int i = 0; i < matrices; ++i) {
    Matrix matrix;
    std::memcpy(matrix, lanes<std::uint32_t>(group.frame, instruction.operand(1, i)), sizeof matrix);
    if (instruction.flags & transposed)
      transpose(matrix);
    for (int r = 0; r < rows; ++r)
      if (access.mask >> (rows * i + r) & 1)
        std::memcpy(access.host[rows * i + r], matrix + rows * r, 16);
  }
  ++group.warp->block->changes;
  return Flow::go;
}

Flow transpose_matrix(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = whole_warp(group, instruction, mask); flow != Flow::go)
    return flow;
  Matrix matrix;
  std::memcpy(matrix, lanes<std::uint32_t>(group.frame, instruction.operand(1)), sizeof matrix);
  transpose(matrix);
  std::memcpy(lanes<std::uint32_t>(group.frame, instruction.operand(0)), matrix, sizeof matrix);
  return Flow::go;
}

template <Execute execute, int operand> void decode_matrices(Decoding& d) {
  const int wanted = d.has("x4") ? 4 : d.has("x2") ? 2 : 1;
  if (d.out.parts(operand) != wanted)
    return d.fail("the count of registers is not that of the matrices");
  const int space = d.which({"shared", "shared::cta"});
  d.out.space = static_cast<std::uint8_t>(space < 0 ? Space::generic : Space::shared);
  d.out.flags = d.has("trans") ? transposed : 0;
  d.out.execute = execute;
}

void decode_transpose(Decoding& d) { d.out.execute = transpose_matrix; }

} // namespace

std::span<const Entry> shared_matrix_entries() {
#define SHARED "{.shared|.shared::cta}"
  static constexpr Entry entries[] = {
      {"ldmatrix.sync.aligned.m8n8(.x1|.x2|.x4){.trans}" SHARED ".b16", "=n*b32 mem",
       decode_matrices<load_matrices, 0>, Kind::memory, Class::shared_matrix},
      {"stmatrix.sync.aligned.m8n8(.x1|.x2|.x4){.trans}" SHARED ".b16", "mem n*b32",
       decode_matrices<store_matrices, 1>, Kind::memory, Class::shared_matrix},
      {"movmatrix.sync.aligned.m8n8.trans.b16", "=b32 b32", decode_transpose, Kind::copy,
       Class::shared_matrix},
  };
  return entries;
#undef SHARED
}

} // namespace emu
