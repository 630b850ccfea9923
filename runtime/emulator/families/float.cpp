// Arithmetic of f32 and f64 (PTX ISA, "Floating Point Instructions").
#include "emulator/exec/launch.h"
#include "emulator/families/compare.h"
#include "emulator/families/float_operations.h"
#include "emulator/families/seed.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/host.h"

#include <algorithm>

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  Execute choose_float(const FloatChoice& choice);                                                           \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

std::uint64_t approximation_seed(const Group& group) { return group.warp->block->launch->options.seed; }

std::uint64_t flags_of(const FloatChoice& choice) {
  const auto bit = [](bool set, int at) { return std::uint64_t(set) << at; };
  return static_cast<std::uint64_t>(choice.modifiers.round) << 8 | bit(choice.modifiers.ftz, 11) |
         bit(choice.modifiers.sat, 12) | bit(choice.min_max.nan, 13) | bit(choice.min_max.xorsign_abs, 14) |
         static_cast<std::uint64_t>(choice.property) << 16;
}

namespace {

using Operation = FloatOperation;

FloatWidth width_of(ptx::Type type) {
  return type == ptx::Type::f64     ? FloatWidth::f64
         : type == ptx::Type::f32x2 ? FloatWidth::f32x2
                                    : FloatWidth::f32;
}

FloatChoice choice_of(const Decoding& d, Operation operation, ptx::Type type) {
  constexpr numeric::Round rounds[] = {numeric::Round::rn, numeric::Round::rz, numeric::Round::rm,
                                       numeric::Round::rp};
  FloatChoice choice = {.operation = operation, .width = width_of(type)};
  choice.modifiers.round = rounds[std::max(0, d.which({"rn", "rz", "rm", "rp"}))];
  choice.modifiers.ftz = d.has("ftz");
  choice.modifiers.sat = d.has("sat");
  choice.min_max = {.ftz = d.has("ftz"), .nan = d.has("NaN"), .xorsign_abs = d.has("abs")};
  return choice;
}

void apply(Decoding& d, const FloatChoice& choice) {
  d.out.flags |= flags_of(choice);
  d.out.execute = EMU_CHOOSE_HOST(choose_float)(choice);
}

template <Operation operation> void decode(Decoding& d) { apply(d, choice_of(d, operation, d.type())); }

template <Operation of_two, Operation of_three> void decode_extremum(Decoding& d) {
  apply(d, choice_of(d, d.out.operands == 4 ? of_three : of_two, d.type()));
}

void decode_testp(Decoding& d) {
  FloatChoice choice = choice_of(d, Operation::testp, d.type());
  choice.property = static_cast<numeric::TestProperty>(
      d.which({"finite", "infinite", "number", "notanumber", "normal", "subnormal"}));
  apply(d, choice);
}

// `type` is what is compared.
template <Operation operation> void decode_comparison(Decoding& d) {
  FloatChoice choice = choice_of(d, operation, d.type(operation == Operation::set ? 1 : 0));
  choice.compare = static_cast<numeric::Compare>(
      d.which({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"}));
  const int combined = d.which({"and", "or", "xor"});
  d.out.flags = combined < 0 ? 0 : static_cast<std::uint64_t>(combined) + 1;
  if (operation == Operation::set && d.type(0) == ptx::Type::f32)
    d.out.flags |= gives_float;
  apply(d, choice);
}

} // namespace

std::span<const Entry> float_entries() {
#define ROUND "{.rn|.rz|.rm|.rp}"
#define OP "(.eq|.ne|.lt|.le|.gt|.ge|.equ|.neu|.ltu|.leu|.gtu|.geu|.num|.nan)"
#define COMBINE "(.and|.or|.xor)"
  constexpr auto compute = Kind::compute;
  constexpr auto floating = Class::floating;
  constexpr auto special = Class::special;
  constexpr auto compare = Class::compare;
  static constexpr Entry entries[] = {
      {"add" ROUND "{.ftz}{.sat}.f32", "=t0 t0 t0", decode<Operation::add>, compute, floating},
      {"add" ROUND "(.f64|.f32x2)", "=t0 t0 t0", decode<Operation::add>, compute, floating},
      {"add" ROUND ".ftz.f32x2", "=t0 t0 t0", decode<Operation::add>, compute, floating},
      {"sub" ROUND "{.ftz}{.sat}.f32", "=t0 t0 t0", decode<Operation::sub>, compute, floating},
      {"sub" ROUND "(.f64|.f32x2)", "=t0 t0 t0", decode<Operation::sub>, compute, floating},
      {"sub" ROUND ".ftz.f32x2", "=t0 t0 t0", decode<Operation::sub>, compute, floating},
      {"mul" ROUND "{.ftz}{.sat}.f32", "=t0 t0 t0", decode<Operation::mul>, compute, floating},
      {"mul" ROUND "(.f64|.f32x2)", "=t0 t0 t0", decode<Operation::mul>, compute, floating},
      {"mul" ROUND ".ftz.f32x2", "=t0 t0 t0", decode<Operation::mul>, compute, floating},
      {"fma" ROUND "{.ftz}{.sat}.f32", "=t0 t0 t0 t0", decode<Operation::fma>, compute, floating},
      {"fma" ROUND "(.f64|.f32x2)", "=t0 t0 t0 t0", decode<Operation::fma>, compute, floating},
      {"fma" ROUND ".ftz.f32x2", "=t0 t0 t0 t0", decode<Operation::fma>, compute, floating},
      {"mad" ROUND "{.ftz}{.sat}.f32", "=t0 t0 t0 t0", decode<Operation::fma>, compute, floating},
      {"mad" ROUND ".f64", "=t0 t0 t0 t0", decode<Operation::fma>, compute, floating},
      {"div(.rn|.rz|.rm|.rp){.ftz}.f32", "=t0 t0 t0", decode<Operation::div>, compute, floating},
      {"div(.rn|.rz|.rm|.rp).f64", "=t0 t0 t0", decode<Operation::div>, compute, floating},
      {"div.approx{.ftz}.f32", "=t0 t0 t0", decode<Operation::div_approx>, compute, special},
      {"div.full{.ftz}.f32", "=t0 t0 t0", decode<Operation::div_full>, compute, special},
      {"rcp(.rn|.rz|.rm|.rp){.ftz}.f32", "=t0 t0", decode<Operation::rcp>, compute, floating},
      {"rcp(.rn|.rz|.rm|.rp).f64", "=t0 t0", decode<Operation::rcp>, compute, floating},
      {"rcp.approx{.ftz}.f32", "=t0 t0", decode<Operation::rcp_approx>, compute, special},
      {"rcp.approx.ftz.f64", "=t0 t0", decode<Operation::rcp_approx>, compute, special},
      {"sqrt(.rn|.rz|.rm|.rp){.ftz}.f32", "=t0 t0", decode<Operation::sqrt>, compute, floating},
      {"sqrt(.rn|.rz|.rm|.rp).f64", "=t0 t0", decode<Operation::sqrt>, compute, floating},
      {"sqrt.approx{.ftz}.f32", "=t0 t0", decode<Operation::sqrt_approx>, compute, special},
      {"rsqrt.approx{.ftz}.f32", "=t0 t0", decode<Operation::rsqrt_approx>, compute, special},
      {"rsqrt.approx{.ftz}.f64", "=t0 t0", decode<Operation::rsqrt_approx>, compute, special},
      {"sin.approx{.ftz}.f32", "=t0 t0", decode<Operation::sin>, compute, special},
      {"cos.approx{.ftz}.f32", "=t0 t0", decode<Operation::cos>, compute, special},
      {"lg2.approx{.ftz}.f32", "=t0 t0", decode<Operation::lg2>, compute, special},
      {"ex2.approx{.ftz}.f32", "=t0 t0", decode<Operation::ex2>, compute, special},
      {"tanh.approx.f32", "=t0 t0", decode<Operation::tanh>, compute, special},
      {"abs{.ftz}.f32", "=t0 t0", decode<Operation::abs>, compute, floating},
      {"abs.f64", "=t0 t0", decode<Operation::abs>, compute, floating},
      {"neg{.ftz}.f32", "=t0 t0", decode<Operation::neg>, compute, floating},
      {"neg.f64", "=t0 t0", decode<Operation::neg>, compute, floating},
      {"min{.ftz}{.NaN}{.xorsign}{.abs}.f32", "=t0 t0 t0 t0?",
       decode_extremum<Operation::min, Operation::min3>, compute, floating},
      {"min.f64", "=t0 t0 t0", decode<Operation::min>, compute, floating},
      {"max{.ftz}{.NaN}{.xorsign}{.abs}.f32", "=t0 t0 t0 t0?",
       decode_extremum<Operation::max, Operation::max3>, compute, floating},
      {"max.f64", "=t0 t0 t0", decode<Operation::max>, compute, floating},
      {"copysign(.f32|.f64)", "=t0 t0 t0", decode<Operation::copysign>, compute, floating},
      {"testp(.finite|.infinite|.number|.notanumber|.normal|.subnormal)(.f32|.f64)", "=pred t0", decode_testp,
       compute, compare},
      {"setp" OP "{.ftz}.f32", "=pred|pred t0 t0", decode_comparison<Operation::setp>, compute, compare},
      {"setp" OP ".f64", "=pred|pred t0 t0", decode_comparison<Operation::setp>, compute, compare},
      {"setp" OP COMBINE "{.ftz}.f32", "=pred|pred t0 t0 pred", decode_comparison<Operation::setp>, compute,
       compare},
      {"setp" OP COMBINE ".f64", "=pred|pred t0 t0 pred", decode_comparison<Operation::setp>, compute,
       compare},
      {"set" OP "{.ftz}(.u32|.s32|.f32).f32", "=t0 t1 t1", decode_comparison<Operation::set>, compute,
       compare},
      {"set" OP "(.u32|.s32|.f32).f64", "=t0 t1 t1", decode_comparison<Operation::set>, compute, compare},
      {"set" OP COMBINE "{.ftz}(.u32|.s32|.f32).f32", "=t0 t1 t1 pred", decode_comparison<Operation::set>,
       compute, compare},
      {"set" OP COMBINE "(.u32|.s32|.f32).f64", "=t0 t1 t1 pred", decode_comparison<Operation::set>, compute,
       compare},
  };
  return entries;
#undef ROUND
#undef OP
#undef COMBINE
}

} // namespace emu
