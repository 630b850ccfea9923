// mma.sync and wmma.mma (PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions").
#include "emulator/families/matrix.h"
#include "emulator/exec/groups.h"
#include "emulator/exec/launch.h"
#include "emulator/families/matrix_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/host.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string_view>

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  Execute choose_product(const Product& product);                                                            \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

bool truncating_matrix(const Group& group) { return group.warp->block->launch->options.truncating_matrix; }

namespace {

// The digits at the front of `text`, which they are taken from.
int take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? number : 0;
}

// Registers of the operands D, A, B, C, as many as their matrices need.
std::array<int, 4> registers_of(const Product& product, const MatrixTypes& types, bool wmma) {
  const auto& [m, n, k] = product.shape;
  const int word = types.d == ptx::Type::f64 ? 64 : 32;
  const int products = product.of == ProductOf::quads ? 4 : 1;
  auto needed = [=](ptx::Type type, int elements) {
    return products * elements * (type == ptx::Type::tf32 ? 32 : ptx::bits(type)) / (warp_size * word);
  };
  const int a = needed(types.a, m * k), b = needed(types.b, n * k);
  return {needed(types.d, m * n), wmma ? registers_of_wmma(types.a, false, a) : a,
          wmma ? registers_of_wmma(types.b, false, b) : b, needed(types.c, m * n)};
}

// m8n8k4 of f16 is four products, in a layout of their own.
void make_quads(const Decoding& d, Product& product) {
  const auto& modifiers = d.statement.opcode->modifiers;
  auto is_layout = [](std::string_view modifier) { return modifier == "row" || modifier == "col"; };
  const auto a = std::ranges::find_if(modifiers, is_layout),
             b = std::find_if(a + 1, modifiers.end(), is_layout);
  product.a_by_column = *a == "col";
  product.b_by_row = *b == "row";
  product.row_blocks = product.column_blocks = 0;
  product.of = ProductOf::quads;
}

void decode_product(Decoding& d) {
  const MatrixTypes types = types_of(d);
  const bool wmma = d.statement.opcode->mnemonic == "wmma";
  Product product = product_of(d, types);
  const bool quads = product.of == ProductOf::quads;
  if (types.d != types.c && !wmma && !quads)
    return d.fail(
        fmt::format("D is {} and C is {}: expected the same", ptx::name(types.d), ptx::name(types.c)));
  if (types.a != types.b && wmma)
    return d.fail(
        fmt::format("A is {} and B is {}: expected the same", ptx::name(types.a), ptx::name(types.b)));
  const auto& [m, n, k] = product.shape;
  const std::array<int, 4> found = {d.out.parts(0), d.out.parts(1), d.out.parts(2), d.out.parts(3)};
  const std::array<int, 4> expected = registers_of(product, types, wmma);
  if (found != expected)
    return d.fail(fmt::format("fragments of {} registers do not fit m{}n{}k{}: expected {}",
                              fmt::join(found, ", "), m, n, k, fmt::join(expected, ", ")));
  d.out.flops = static_cast<std::uint32_t>(2 * m * n * k * (quads ? 4 : 1));
  d.out.execute = EMU_CHOOSE_HOST(choose_product)(product);
  d.attach(std::move(product));
}

} // namespace

int target_number(const Decoding& d) {
  std::string_view target = d.module.target;
  target.remove_prefix(std::min(target.find('_'), target.size() - 1) + 1);
  return take_number(target);
}

MatrixTypes types_of(const Decoding& d) {
  const auto& modifiers = d.statement.opcode->modifiers;
  const bool all =
      std::ranges::count_if(modifiers, [](auto name) { return ptx::type_named(name).has_value(); }) == 4;
  return all ? MatrixTypes{d.type(0), d.type(1), d.type(2), d.type(3)}
             : MatrixTypes{d.type(0), ptx::Type::f16, ptx::Type::f16, d.type(1)};
}

Product product_of(const Decoding& d, const MatrixTypes& types) {
  Product product;
  product.shape = shape_of(d);
  product.a = matrix_format_of(types.a);
  product.b = matrix_format_of(types.b);
  product.a_signed = ptx::is_signed(types.a);
  product.b_signed = ptx::is_signed(types.b);
  product.nibbles = types.a == ptx::Type::u4 || types.a == ptx::Type::s4;
  product.satfinite = d.has("satfinite");
  product.bits = d.has("xor") ? numeric::BitOperation::xor_popc : numeric::BitOperation::and_popc;
  constexpr numeric::Round rounds[] = {numeric::Round::rn, numeric::Round::rz, numeric::Round::rm,
                                       numeric::Round::rp};
  product.round = rounds[std::max(0, d.which({"rn", "rz", "rm", "rp"}))];
  product.truncating = numeric::Accumulation::of_mma(target_number(d), product.a, product.shape.k);
  product.row_blocks = product.shape.m / 8;
  product.column_blocks = product.shape.n / 8;
  product.packed_d = types.d == ptx::Type::f16;
  product.packed_c = types.c == ptx::Type::f16;
  product.of = types.d == ptx::Type::f64  ? ProductOf::doubles
               : types.a == ptx::Type::b1 ? ProductOf::bits
               : ptx::is_signed(types.d)  ? ProductOf::integers
                                          : ProductOf::floats;
  if (types.a == ptx::Type::f16 && product.shape.k == 4)
    make_quads(d, product);
  return product;
}

numeric::MatrixFormat matrix_format_of(ptx::Type type) {
  using enum ptx::Type;
  using numeric::MatrixFormat;
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
#define SHAPES "(.m16n16k16|.m8n32k16|.m32n8k16)"
#define LAYOUTS "(.row|.col)(.row|.col)"
  constexpr auto matrix = Kind::matrix;
  constexpr auto tensor = Class::tensor;
  constexpr auto words = "=n*b32 n*b32 n*b32 n*b32";
  static constexpr Entry entries[] = {
      {"mma.sync.aligned.m8n8k4" LAYOUTS ".f16.f16.f16.f16", words, decode_product, matrix, tensor},
      {"mma.sync.aligned.m8n8k4" LAYOUTS ".f32.f16.f16(.f16|.f32)", words, decode_product, matrix, tensor},
      {"mma.sync.aligned(.m16n8k8|.m16n8k16).row.col.f16.f16.f16.f16", words, decode_product, matrix, tensor},
      {"mma.sync.aligned(.m16n8k8|.m16n8k16).row.col.f32(.f16|.bf16)(.f16|.bf16).f32", words, decode_product,
       matrix, tensor},
      {"mma.sync.aligned(.m16n8k4|.m16n8k8).row.col.f32.tf32.tf32.f32", words, decode_product, matrix,
       tensor},
      {"mma.sync.aligned(.m16n8k16|.m16n8k32).row.col(.f16|.f32)(.e4m3|.e5m2)(.e4m3|.e5m2)(.f16|.f32)", words,
       decode_product, matrix, tensor},
      {"mma.sync.aligned(.m8n8k4|.m16n8k4|.m16n8k8|.m16n8k16).row.col{.rn|.rz|.rm|.rp}.f64.f64.f64.f64",
       "=n*f64 n*f64 n*f64 n*f64", decode_product, matrix, tensor},
      {"mma.sync.aligned(.m8n8k16|.m16n8k16|.m16n8k32).row.col{.satfinite}.s32(.u8|.s8)(.u8|.s8).s32", words,
       decode_product, matrix, tensor},
      {"mma.sync.aligned(.m8n8k32|.m16n8k32|.m16n8k64).row.col{.satfinite}.s32(.u4|.s4)(.u4|.s4).s32", words,
       decode_product, matrix, tensor},
      {"mma.sync.aligned(.m8n8k128|.m16n8k128|.m16n8k256).row.col.s32.b1.b1.s32(.and|.xor).popc", words,
       decode_product, matrix, tensor},
      {"wmma.mma.sync.aligned" SHAPES LAYOUTS "(.f16|.f32)(.f16|.f32)", words, decode_product, matrix,
       tensor},
      {"wmma.mma.sync.aligned" SHAPES LAYOUTS ".f32.bf16.bf16.f32", words, decode_product, matrix, tensor},
      {"wmma.mma.sync.aligned.m16n16k8" LAYOUTS ".f32.tf32.tf32.f32", words, decode_product, matrix, tensor},
      {"wmma.mma.sync.aligned.m8n8k4" LAYOUTS "{.rn|.rz|.rm|.rp}.f64.f64.f64.f64", "=n*f64 n*f64 n*f64 n*f64",
       decode_product, matrix, tensor},
      {"wmma.mma.sync.aligned" SHAPES LAYOUTS "{.satfinite}.s32(.u8|.s8)(.u8|.s8).s32", words, decode_product,
       matrix, tensor},
      {"wmma.mma.sync.aligned.m8n8k32.row.col{.satfinite}.s32(.u4|.s4)(.u4|.s4).s32", words, decode_product,
       matrix, tensor},
      {"wmma.mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32(.and|.xor).popc", words, decode_product, matrix,
       tensor},
  };
  return entries;
#undef SHAPES
#undef LAYOUTS
}

} // namespace emu
