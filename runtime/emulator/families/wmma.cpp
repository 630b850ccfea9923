// wmma.load, wmma.store (PTX ISA, "Matrix multiply-accumulate operation using wmma instructions"): a matrix
// between memory and the fragment of a warp. isa/fragment.h says which lane has what; wmma.mma is in
// matrix.cpp.
#include "emulator/exec/access.h"
#include "emulator/exec/groups.h"
#include "emulator/families/matrix.h"
#include "emulator/families/matrix_operations.h"
#include "emulator/families/modifiers.h"
#include "emulator/isa/fragment.h"
#include "emulator/isa/table.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <type_traits>

namespace emu {
namespace {

constexpr int most_bytes = 1024; // of a matrix

// A lane accesses a part of a line. False if the lanes do not agree on the matrix.
bool find_lines(Group& group, const Instruction& instruction, int operand, const FragmentLines& matrix,
                Access& access) {
  access.mask = all_lanes;
  addresses(group, instruction, operand, access);
  const auto least = static_cast<std::uint32_t>(matrix.line_bytes * 8 / matrix.element_bits);
  std::uint32_t strides[warp_size];
  std::fill_n(strides, warp_size, least);
  if (instruction.parts(2) > 0)
    std::memcpy(strides, lanes<std::uint32_t>(group.frame, instruction.operand(2)), sizeof strides);
  const std::uint64_t base = access.address[0];
  for (int lane = 0; lane < warp_size; ++lane)
    if (access.address[lane] != base || strides[lane] != strides[0]) {
      fault(group, instruction, lane, Status::illegal_instruction,
            fmt::format(
                "address 0x{:x} and stride {}: lane 0 has 0x{:x} and {}, expected the same in all lanes",
                access.address[lane], strides[lane], base, strides[0]));
      return false;
    }
  if (strides[0] < least) {
    fault(group, instruction, 0, Status::illegal_instruction,
          fmt::format("stride {}: expected at least {}, the elements of a line", strides[0], least));
    return false;
  }
  const std::uint64_t stride =
      std::uint64_t(strides[0]) * static_cast<std::uint64_t>(matrix.element_bits) / 8;
  const int count = matrix.lines * matrix.line_bytes / matrix.chunk;
  for (int lane = 0; lane < count; ++lane) {
    const int at = lane * matrix.chunk, line = at / matrix.line_bytes;
    access.address[lane] =
        base + static_cast<unsigned>(line) * stride + static_cast<unsigned>(at % matrix.line_bytes);
  }
  access.space = static_cast<Space>(instruction.space);
  access.bytes = static_cast<std::uint32_t>(matrix.chunk);
  access.align = static_cast<std::uint32_t>(matrix.align);
  access.mask = count == warp_size ? all_lanes : (Mask(1) << count) - 1;
  return true;
}

// f(register, place, size) for each part of the fragment: where it is in the register, and in the lines.
template <int bytes, class F>
void for_parts(Group& group, const Instruction& instruction, int operand, const FragmentLines& matrix, F f) {
  const std::uint16_t* place = matrix.places.data();
  for (int j = 0; j < instruction.parts(operand); ++j) {
    const Slot slot = instruction.operand(operand, j);
    for (int i = 0; i < warp_size * slot.bytes; i += bytes)
      f(group.frame + slot.offset + i, *place++, std::integral_constant<std::size_t, bytes>());
  }
}

template <class F>
void for_parts(Group& group, const Instruction& instruction, int operand, const FragmentLines& matrix, F f) {
  switch (matrix.part_bytes) {
  case 1:
    return for_parts<1>(group, instruction, operand, matrix, f);
  case 2:
    return for_parts<2>(group, instruction, operand, matrix, f);
  case 4:
    return for_parts<4>(group, instruction, operand, matrix, f);
  default:
    return for_parts<8>(group, instruction, operand, matrix, f);
  }
}

Flow load_fragment(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = whole_warp(group, instruction, mask); flow != Flow::go)
    return flow;
  const auto& matrix = static_cast<const FragmentLines&>(*instruction.extra);
  Access access;
  access.doing = Doing::read;
  if (!find_lines(group, instruction, 1, matrix, access) || !resolve(group, instruction, access))
    return Flow::fault;
  std::byte lines[most_bytes] = {};
  for_lanes(access.mask, [&](int lane) {
    std::memcpy(lines + lane * matrix.chunk, access.host[lane], static_cast<std::size_t>(matrix.chunk));
  });
  for_parts(group, instruction, 0, matrix,
            [&](std::byte* reg, int at, auto size) { std::memcpy(reg, lines + at, size); });
  return Flow::go;
}

Flow store_fragment(Group& group, const Instruction& instruction, Mask mask) {
  if (const Flow flow = whole_warp(group, instruction, mask); flow != Flow::go)
    return flow;
  const auto& matrix = static_cast<const FragmentLines&>(*instruction.extra);
  Access access;
  access.doing = Doing::write;
  if (!find_lines(group, instruction, 0, matrix, access) || !resolve(group, instruction, access))
    return Flow::fault;
  std::byte lines[most_bytes];
  for_parts(group, instruction, 1, matrix,
            [&](const std::byte* reg, int at, auto size) { std::memcpy(lines + at, reg, size); });
  ++group.warp->block->changes;
  for_lanes(access.mask, [&](int lane) {
    std::memcpy(access.host[lane], lines + lane * matrix.chunk, static_cast<std::size_t>(matrix.chunk));
  });
  return Flow::go;
}

/// The matrix that an instruction names, with rows of A, C and D, and columns of B, as rows.
struct Named {
  int rows = 0, columns = 0;
  bool sums = false;       ///< C or D
  bool row_by_row = false; ///< in memory
  int bits = 0;            ///< of an element
  int word = 0;            ///< bits of a register
  int registers = 0;       ///< without repetition
};

Named named_matrix(const Decoding& d) {
  const numeric::MatrixShape shape = shape_of(d);
  const ptx::Type type = d.type();
  Named named;
  named.bits = type == ptx::Type::tf32 ? 32 : ptx::bits(type);
  named.word = type == ptx::Type::f64 ? 64 : 32;
  const bool b = d.has("b");
  named.sums = d.has("c") || d.has("d");
  named.rows = b ? shape.n : shape.m;
  named.columns = named.sums ? shape.n : shape.k;
  named.row_by_row = d.has(b ? "col" : "row");
  named.registers = named.rows * named.columns * named.bits / (warp_size * named.word);
  return named;
}

// Which element a part of a register is.
Element cell_of(const Named& named, int reg, int lane, int part) {
  const int per_register = named.word / named.bits;
  if (named.sums) {
    const Element cell = pair_of_fragment(named.rows / 8, per_register == 2 ? reg : reg / 2, lane);
    return {cell.row, cell.column + (per_register == 2 ? part : reg % 2)};
  }
  const Element cell = word_of_fragment(named.rows / 8, reg % named.registers, lane);
  return {cell.row, cell.column * per_register + part};
}

template <Execute execute, int operand> void decode_fragment(Decoding& d) {
  const Named named = named_matrix(d);
  const int registers = registers_of_wmma(d.type(), named.sums, named.registers);
  if (d.out.parts(operand) != registers)
    return d.fail(fmt::format("the fragment has {} registers, expected {}", d.out.parts(operand), registers));
  FragmentLines matrix;
  matrix.lines = named.row_by_row ? named.rows : named.columns;
  matrix.element_bits = named.bits;
  matrix.line_bytes = (named.row_by_row ? named.columns : named.rows) * named.bits / 8;
  matrix.chunk = std::min(matrix.line_bytes, 32); // what checks follow bytes of
  matrix.align = std::min(registers * named.word / 8, 16);
  matrix.part_bytes = (named.row_by_row ? named.word : named.bits) / 8;
  const int parts = named.word / 8 / matrix.part_bytes;
  for (int reg = 0; reg < registers; ++reg)
    for (int lane = 0; lane < warp_size; ++lane)
      for (int part = 0; part < parts; ++part) {
        const Element cell = cell_of(named, reg, lane, part);
        const int element =
            named.row_by_row ? cell.row * named.columns + cell.column : cell.column * named.rows + cell.row;
        matrix.places.push_back(static_cast<std::uint16_t>(element * named.bits / 8));
      }
  const int space = d.which({"global", "shared", "shared::cta"});
  d.out.space = static_cast<std::uint8_t>(space < 0    ? Space::generic
                                          : space == 0 ? Space::global
                                                       : Space::shared);
  d.out.execute = execute;
  d.attach(std::move(matrix));
}

} // namespace

std::span<const Entry> wmma_entries() {
#define SPACE "{.global|.shared|.shared::cta}"
#define SHAPES "(.m16n16k16|.m8n32k16|.m32n8k16)"
#define LOAD Kind::memory, Class::memory
  constexpr auto load = decode_fragment<load_fragment, 0>;
  constexpr auto store = decode_fragment<store_fragment, 1>;
  static constexpr Entry entries[] = {
      {"wmma.load(.a|.b).sync.aligned" SHAPES "(.row|.col)" SPACE "(.f16|.bf16|.s8|.u8)", "=n*b32 mem b32?",
       load, LOAD},
      {"wmma.load(.a|.b).sync.aligned.m16n16k8(.row|.col)" SPACE ".tf32", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load(.a|.b).sync.aligned.m8n8k4(.row|.col)" SPACE ".f64", "=n*f64 mem b32?", load, LOAD},
      {"wmma.load.a.sync.aligned.m8n8k32.row" SPACE "(.s4|.u4)", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.b.sync.aligned.m8n8k32.col" SPACE "(.s4|.u4)", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.a.sync.aligned.m8n8k128.row" SPACE ".b1", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.b.sync.aligned.m8n8k128.col" SPACE ".b1", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.c.sync.aligned" SHAPES "(.row|.col)" SPACE "(.f16|.f32|.s32)", "=n*b32 mem b32?", load,
       LOAD},
      {"wmma.load.c.sync.aligned.m16n16k8(.row|.col)" SPACE ".f32", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.c.sync.aligned(.m8n8k32|.m8n8k128)(.row|.col)" SPACE ".s32", "=n*b32 mem b32?", load, LOAD},
      {"wmma.load.c.sync.aligned.m8n8k4(.row|.col)" SPACE ".f64", "=n*f64 mem b32?", load, LOAD},
      {"wmma.store.d.sync.aligned" SHAPES "(.row|.col)" SPACE "(.f16|.f32|.s32)", "mem n*b32 b32?", store,
       LOAD},
      {"wmma.store.d.sync.aligned.m16n16k8(.row|.col)" SPACE ".f32", "mem n*b32 b32?", store, LOAD},
      {"wmma.store.d.sync.aligned(.m8n8k32|.m8n8k128)(.row|.col)" SPACE ".s32", "mem n*b32 b32?", store,
       LOAD},
      {"wmma.store.d.sync.aligned.m8n8k4(.row|.col)" SPACE ".f64", "mem n*f64 b32?", store, LOAD},
  };
  return entries;
#undef SPACE
#undef SHAPES
#undef LOAD
}

} // namespace emu
