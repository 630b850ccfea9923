// wgmma (PTX ISA, "Asynchronous Warpgroup Level Matrix Multiply-Accumulate Instructions").
#include "emulator/families/wgmma.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/async.h"
#include "emulator/families/matrix.h"
#include "emulator/families/modifiers.h"

#include <fmt/format.h>

namespace emu {
namespace {

constexpr int a_operand = 1, scale_operand = 3;

// ---- fence, commit_group, wait_group ----

// Whatever the order of accesses to registers is here: the fence is the checks' affair.
Flow fence(Group& group, const Instruction& in, Mask mask) {
  const Flow flow = whole_warp(group, in, mask);
  if (Checker* checker = group.warp->block->launch->checker; checker != nullptr && flow == Flow::go)
    checker->matrix_fence(group);
  return flow;
}

Flow commit(Group& group, const Instruction& in, Mask mask) {
  const Flow flow = whole_warp(group, in, mask);
  if (flow != Flow::go)
    return flow;
  if (Checker* checker = group.warp->block->launch->checker)
    checker->matrix_commits(group);
  ++group.warp->matrix_groups;
  return flow;
}

Flow wait(Group& group, const Instruction& in, Mask mask) {
  const Flow flow = whole_warp(group, in, mask);
  if (flow != Flow::go)
    return flow;
  Block& block = *group.warp->block;
  const auto keep = static_cast<std::uint64_t>(in.immediate);
  if (Checker* checker = block.launch->checker)
    checker->matrix_waits(group, static_cast<std::uint32_t>(keep));
  const std::uint32_t committed = group.warp->matrix_groups;
  if (committed > keep)
    block.async->finish(group.warp->index / warps_of_warpgroup, Chain::matrix,
                        committed - static_cast<std::uint32_t>(keep));
  return flow;
}

// ---- decoders ----

// The 1 or -1, or 0 or 1, that operand `operand` is.
bool is_second(Decoding& d, int operand, std::int64_t first, std::int64_t second, std::string_view what) {
  const std::int64_t value = constant_operand(d, operand);
  if (d.error.empty() && value != first && value != second)
    d.fail(fmt::format("{} is {}: expected {} or {}", what, value, first, second));
  return value == second;
}

void decode_scales(Decoding& d, WarpgroupProduct& product) {
  if (d.out.operands <= scale_operand + 1)
    return;
  const bool a = is_second(d, 4, 1, -1, "imm-scale-a"),
             b = d.error.empty() && is_second(d, 5, 1, -1, "imm-scale-b");
  product.negated = a != b;
  if (d.error.empty() && d.out.operands == 8)
    product.a_mn_major = is_second(d, 6, 0, 1, "imm-trans-a");
  if (d.error.empty() && d.out.operands > 6)
    product.b_mn_major = is_second(d, d.out.operands - 1, 0, 1, "imm-trans-b");
}

// 16-bit types have an immediate for each transposition, of matrices in shared memory.
int expected_operands(const WarpgroupProduct& product, bool halves) {
  if (product.of != ProductOf::floats)
    return 4;
  return !halves ? 6 : product.a_in_registers ? 7 : 8;
}

// Whether A is four registers of 32 bits, or a descriptor.
bool is_factor(const Decoding& d) {
  const int parts = d.out.parts(a_operand);
  for (int part = 0; part < parts; ++part)
    if (d.slot(a_operand, part).bytes != (parts == 1 ? 8 : 4))
      return false;
  return parts == 1 || parts == 4;
}

void decode_multiply(Decoding& d) {
  WarpgroupProduct product;
  product.shape = shape_of(d);
  const ptx::Type sum = d.type(0), a = d.type(1), b = d.type(2);
  product.a = matrix_format_of(a);
  product.b = matrix_format_of(b);
  product.a_signed = ptx::is_signed(a);
  product.b_signed = ptx::is_signed(b);
  product.satfinite = d.has("satfinite");
  product.of = a == ptx::Type::b1    ? ProductOf::bits
               : ptx::is_signed(sum) ? ProductOf::integers
                                     : ProductOf::floats;
  product.packed_d = product.packed_c = sum == ptx::Type::f16;
  product.element_bits = a == ptx::Type::tf32 ? 32 : ptx::bits(a);
  product.a_in_registers = d.out.parts(a_operand) == 4;
  product.truncating = numeric::Accumulation::of_wgmma(product.a, product.shape.k);
  if (!is_factor(d))
    return d.fail(fmt::format("'{}' is no A: expected 4 registers of 32 bits, or a descriptor of 64",
                              d.statement.operands[a_operand].text));
  const auto& [m, n, k] = product.shape;
  if (const int found = d.out.parts(0), expected = n / (product.packed_d ? 4 : 2); found != expected)
    return d.fail(fmt::format("D has {} registers: expected {} for m{}n{}k{}", found, expected, m, n, k));
  const bool halves = product.element_bits == 16;
  if (const int expected = expected_operands(product, halves); d.out.operands != expected)
    return d.fail(fmt::format("{} operands: expected {}", d.out.operands, expected));
  decode_scales(d, product);
  d.out.flops = static_cast<std::uint32_t>(2 * m * n * k / static_cast<int>(warps_of_warpgroup));
  d.out.partial = d.out.holds = true; // D is read as well
  d.out.execute = multiply_by_warpgroup;
  d.attach(std::move(product));
}

void decode_wait(Decoding& d) {
  d.out.execute = wait;
  decode_kept_groups(d);
}

} // namespace

std::span<const Entry> wgmma_entries() {
// Every 8 columns, and those that integers have.
#define BY_16(k)                                                                                             \
  ".m64n8" k "|.m64n16" k "|.m64n24" k "|.m64n32" k "|.m64n48" k "|.m64n64" k "|.m64n80" k "|.m64n96" k      \
  "|.m64n112" k "|.m64n128" k "|.m64n144" k "|.m64n160" k "|.m64n176" k "|.m64n192" k "|.m64n208" k          \
  "|.m64n224" k "|.m64n240" k "|.m64n256" k
#define BY_8(k)                                                                                              \
  "(" BY_16(k) "|.m64n40" k "|.m64n56" k "|.m64n72" k "|.m64n88" k "|.m64n104" k "|.m64n120" k "|.m64n136" k \
               "|.m64n152" k "|.m64n168" k "|.m64n184" k "|.m64n200" k "|.m64n216" k "|.m64n232" k           \
               "|.m64n248" k ")"
#define MULTIPLY decode_multiply, Kind::warpgroup, Class::tensor
#define WGMMA "wgmma.mma_async.sync.aligned"
  static constexpr Entry entries[] = {
      {WGMMA BY_8("k16") "(.f16|.f32).f16.f16", "=n*b32 any b64 pred s32 s32 s32 s32?", MULTIPLY},
      {WGMMA BY_8("k16") ".f32.bf16.bf16", "=n*b32 any b64 pred s32 s32 s32 s32?", MULTIPLY},
      {WGMMA BY_8("k8") ".f32.tf32.tf32", "=n*b32 any b64 pred s32 s32", MULTIPLY},
      {WGMMA BY_8("k32") "(.f16|.f32)(.e4m3|.e5m2)(.e4m3|.e5m2)", "=n*b32 any b64 pred s32 s32", MULTIPLY},
      {WGMMA "(" BY_16("k32") "){.satfinite}.s32(.u8|.s8)(.u8|.s8){.satfinite}", "=n*b32 any b64 pred",
       MULTIPLY},
      {WGMMA "(" BY_16("k256") ").s32.b1.b1.and.popc", "=n*b32 any b64 pred", MULTIPLY},
      {"wgmma.fence.sync.aligned", "", decode_as<fence>, Kind::sync, Class::sync},
      {"wgmma.commit_group.sync.aligned", "", decode_as<commit>, Kind::sync, Class::async},
      {"wgmma.wait_group.sync.aligned", "u32", decode_wait, Kind::sync, Class::async},
  };
  return entries;
#undef BY_16
#undef BY_8
#undef MULTIPLY
#undef WGMMA
}

} // namespace emu
