// Arithmetic of f16 and bf16 (PTX ISA, "Half Precision Floating Point Instructions" and "... Comparison
// Instructions").
#include "emulator/families/compare.h"
#include "emulator/families/half_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/host.h"

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  Execute choose_half(const HalfChoice& choice, std::uint64_t flags);                                        \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

namespace {

using Operation = HalfOperation;

bool is_pair(ptx::Type type) { return type == ptx::Type::f16x2 || type == ptx::Type::bf16x2; }
bool is_bf16(ptx::Type type) { return type == ptx::Type::bf16 || type == ptx::Type::bf16x2; }

HalfFlags read_flags(const Decoding& d) {
  HalfFlags flags;
  flags.modifiers = {.ftz = d.has("ftz"), .sat = d.has("sat"), .relu = d.has("relu")};
  flags.min_max = {.ftz = d.has("ftz"), .nan = d.has("NaN"), .xorsign_abs = d.has("abs")};
  return flags;
}

void apply(Decoding& d, Operation operation, ptx::Type type, const HalfFlags& flags) {
  d.out.flags |= flags.pack();
  d.out.execute = EMU_CHOOSE_HOST(choose_half)({operation, is_bf16(type), is_pair(type)}, flags.pack());
}

template <Operation operation> void decode(Decoding& d) { apply(d, operation, d.type(), read_flags(d)); }

template <Operation operation> void decode_comparison(Decoding& d) {
  HalfFlags flags = read_flags(d);
  flags.compare = static_cast<numeric::Compare>(
      d.which({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"}));
  const int combined = d.which({"and", "or", "xor"});
  d.out.flags = combined < 0 ? 0 : static_cast<std::uint64_t>(combined) + 1;
  if (operation == Operation::set) {
    const ptx::Type result = d.type(0);
    flags.gives_f16 = result == ptx::Type::f16 || result == ptx::Type::f16x2;
    flags.gives_bf16 = is_bf16(result);
    if (result == ptx::Type::f32)
      d.out.flags |= gives_float;
  }
  apply(d, operation, d.type(operation == Operation::set ? 1 : 0), flags);
}

} // namespace

std::span<const Entry> half_entries() {
#define F16 "(.f16|.f16x2)"
#define BF16 "(.bf16|.bf16x2)"
#define ANY "(.f16|.f16x2|.bf16|.bf16x2)"
#define OP "(.eq|.ne|.lt|.le|.gt|.ge|.equ|.neu|.ltu|.leu|.gtu|.geu|.num|.nan)"
#define COMBINE "(.and|.or|.xor)"
#define OF_SCALARS "(.f16|.bf16|.u16|.s16|.u32|.s32)(.f16|.bf16)"
#define OF_F16X2 "(.f16x2|.u32|.s32).f16x2"
#define OF_BF16X2 "(.bf16x2|.u32|.s32).bf16x2"
  constexpr auto compute = Kind::compute;
  constexpr auto half = Class::half;
  constexpr auto special = Class::special;
  constexpr auto compare = Class::compare;
  static constexpr Entry entries[] = {
      {"add{.rn}{.ftz}{.sat}" ANY, "=t0 t0 t0", decode<Operation::add>, compute, half},
      {"sub{.rn}{.ftz}{.sat}" ANY, "=t0 t0 t0", decode<Operation::sub>, compute, half},
      {"mul{.rn}{.ftz}{.sat}" ANY, "=t0 t0 t0", decode<Operation::mul>, compute, half},
      {"fma.rn{.ftz}{.sat}{.relu}" ANY, "=t0 t0 t0 t0", decode<Operation::fma>, compute, half},
      {"neg{.ftz}" ANY, "=t0 t0", decode<Operation::neg>, compute, half},
      {"abs{.ftz}" ANY, "=t0 t0", decode<Operation::abs>, compute, half},
      {"min{.ftz}{.NaN}{.xorsign}{.abs}" ANY, "=t0 t0 t0", decode<Operation::min>, compute, half},
      {"max{.ftz}{.NaN}{.xorsign}{.abs}" ANY, "=t0 t0 t0", decode<Operation::max>, compute, half},
      {"ex2.approx" F16, "=t0 t0", decode<Operation::ex2>, compute, special},
      {"ex2.approx.ftz" BF16, "=t0 t0", decode<Operation::ex2>, compute, special},
      {"tanh.approx" ANY, "=t0 t0", decode<Operation::tanh>, compute, special},
      {"setp" OP "{.ftz}" ANY, "=pred|pred t0 t0", decode_comparison<Operation::setp>, compute, compare},
      {"setp" OP COMBINE "{.ftz}" ANY, "=pred|pred t0 t0 pred", decode_comparison<Operation::setp>, compute,
       compare},
      {"set" OP "{.ftz}" OF_SCALARS, "=t0 t1 t1", decode_comparison<Operation::set>, compute, compare},
      {"set" OP "{.ftz}" OF_F16X2, "=t0 t1 t1", decode_comparison<Operation::set>, compute, compare},
      {"set" OP OF_BF16X2, "=t0 t1 t1", decode_comparison<Operation::set>, compute, compare},
      {"set" OP COMBINE "{.ftz}" OF_SCALARS, "=t0 t1 t1 pred", decode_comparison<Operation::set>, compute,
       compare},
      {"set" OP COMBINE "{.ftz}" OF_F16X2, "=t0 t1 t1 pred", decode_comparison<Operation::set>, compute,
       compare},
      {"set" OP COMBINE OF_BF16X2, "=t0 t1 t1 pred", decode_comparison<Operation::set>, compute, compare},
  };
  return entries;
#undef F16
#undef BF16
#undef ANY
#undef OP
#undef COMBINE
#undef OF_SCALARS
#undef OF_F16X2
#undef OF_BF16X2
}

} // namespace emu
