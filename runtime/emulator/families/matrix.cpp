// mma.sync (PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions").
#include "emulator/exec/groups.h"
#include "emulator/exec/launch.h"
#include "emulator/families/matrix_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/host.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <string_view>

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  Execute choose_product(ProductOf of);                                                                      \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

bool truncating_matrix(const Group& group) { return group.warp->block->launch->options.truncating_matrix; }

namespace {

using numeric::MatrixFormat;

MatrixFormat format_of(ptx::Type type) {
  using enum ptx::Type;
  switch (type) {
  case bf16:
    return MatrixFormat::bf16;
  case tf32:
    return MatrixFormat::tf32;
  case e4m3:
    return MatrixFormat::e4m3;
  case e5m2:
    return MatrixFormat::e5m2;
  default:
    return MatrixFormat::f16;
  }
}

// The digits at the front of `text`, which they are taken from.
int take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? number : 0;
}

// "m16n8k16"
numeric::MatrixShape shape_of(const Decoding& d) {
  numeric::MatrixShape shape = {};
  for (std::string_view modifier : d.statement.opcode->modifiers)
    if (modifier.size() > 1 && modifier[0] == 'm' && modifier[1] >= '0' && modifier[1] <= '9')
      for (int* extent : {&shape.m, &shape.n, &shape.k}) {
        modifier.remove_prefix(1);
        *extent = take_number(modifier);
      }
  return shape;
}

// Registers that a warp needs for `bits` bits of a matrix, by `width` bits a register.
bool has_registers(const Decoding& d, int operand, int bits, int width) {
  return d.out.parts(operand) == bits / (warp_size * width);
}

int target_number(const Decoding& d) {
  std::string_view target = d.module.target;
  target.remove_prefix(std::min(target.find('_'), target.size() - 1) + 1);
  return take_number(target);
}

void decode_mma(Decoding& d) {
  const ptx::Type sum = d.type(0), a = d.type(1), b = d.type(2), c = d.type(3);
  Product product;
  product.shape = shape_of(d);
  product.a = format_of(a);
  product.b = format_of(b);
  product.a_signed = ptx::is_signed(a) || a == ptx::Type::s4;
  product.b_signed = ptx::is_signed(b) || b == ptx::Type::s4;
  product.nibbles = a == ptx::Type::u4 || a == ptx::Type::s4;
  product.satfinite = d.has("satfinite");
  product.bits = d.has("xor") ? numeric::BitOperation::xor_popc : numeric::BitOperation::and_popc;
  constexpr numeric::Round rounds[] = {numeric::Round::rn, numeric::Round::rz, numeric::Round::rm,
                                       numeric::Round::rp};
  product.round = rounds[std::max(0, d.which({"rn", "rz", "rm", "rp"}))];
  product.truncating = numeric::Accumulation::of_hardware(target_number(d), product.a, product.shape.k);
  const auto& [m, n, k] = product.shape;
  const int word = sum == ptx::Type::f64 ? 64 : 32;
  const int element = a == ptx::Type::tf32 ? 32 : ptx::bits(a), sum_bits = ptx::bits(sum);
  if (sum != c)
    return d.fail(
        fmt::format("D is {} and C is {}: this emulator has them of one type", ptx::name(sum), ptx::name(c)));
  if (!has_registers(d, 1, m * k * element, word) || !has_registers(d, 2, n * k * element, word) ||
      !has_registers(d, 0, m * n * sum_bits, word) || !has_registers(d, 3, m * n * sum_bits, word))
    return d.fail(fmt::format("fragments of {}, {}, {} and {} registers do not fit m{}n{}k{}", d.out.parts(0),
                              d.out.parts(1), d.out.parts(2), d.out.parts(3), m, n, k));
  d.out.flops = static_cast<std::uint32_t>(2 * m * n * k);
  product.f16_sum = sum == ptx::Type::f16;
  const bool whole = ptx::is_signed(sum);
  product.of = sum == ptx::Type::f64 ? ProductOf::doubles
               : a == ptx::Type::b1  ? ProductOf::bits
               : whole               ? ProductOf::integers
                                     : ProductOf::floats;
  d.out.execute = EMU_CHOOSE_HOST(choose_product)(product.of);
  d.attach(std::move(product));
}

} // namespace

Flow whole_warp(Group& group, const Instruction& instruction, Mask mask) {
  // Lanes that come in several groups meet here; one that a guard leaves out never comes.
  const bool together = mask == group.mask;
  const Flow flow = together ? meet(group, instruction, group.warp->alive) : Flow::go;
  if (flow == Flow::go && (!together || group.mask != all_lanes))
    return fault(group, instruction, __builtin_ctz(mask), Status::illegal_instruction,
                 fmt::format("lanes 0x{:08x} of the warp execute this: expected all 32",
                             together ? group.mask : mask));
  return flow;
}

std::span<const Entry> mma_entries() {
  constexpr auto matrix = Kind::matrix;
  constexpr auto tensor = Class::tensor;
  constexpr auto words = "=n*b32 n*b32 n*b32 n*b32";
  static constexpr Entry entries[] = {
      {"mma.sync.aligned(.m16n8k8|.m16n8k16).row.col.f16.f16.f16.f16", words, decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m16n8k8|.m16n8k16).row.col.f32(.f16|.bf16)(.f16|.bf16).f32", words, decode_mma,
       matrix, tensor},
      {"mma.sync.aligned(.m16n8k4|.m16n8k8).row.col.f32.tf32.tf32.f32", words, decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m16n8k16|.m16n8k32).row.col(.f16|.f32)(.e4m3|.e5m2)(.e4m3|.e5m2)(.f16|.f32)", words,
       decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m8n8k4|.m16n8k4|.m16n8k8|.m16n8k16).row.col{.rn|.rz|.rm|.rp}.f64.f64.f64.f64",
       "=n*f64 n*f64 n*f64 n*f64", decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m8n8k16|.m16n8k16|.m16n8k32).row.col{.satfinite}.s32(.u8|.s8)(.u8|.s8).s32", words,
       decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m8n8k32|.m16n8k32|.m16n8k64).row.col{.satfinite}.s32(.u4|.s4)(.u4|.s4).s32", words,
       decode_mma, matrix, tensor},
      {"mma.sync.aligned(.m8n8k128|.m16n8k128|.m16n8k256).row.col.s32.b1.b1.s32(.and|.xor).popc", words,
       decode_mma, matrix, tensor},
  };
  return entries;
}

} // namespace emu
