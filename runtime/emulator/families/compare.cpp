// Comparison and selection of integers; logic of predicates.
#include "emulator/families/compare.h"
#include "emulator/families/lanewise.h"

namespace emu {
namespace {

// ---- setp, set ----

constexpr auto equal = [](auto a, auto b) { return a == b; };
constexpr auto unequal = [](auto a, auto b) { return a != b; };
constexpr auto less = [](auto a, auto b) { return a < b; };
constexpr auto less_equal = [](auto a, auto b) { return a <= b; };
constexpr auto greater = [](auto a, auto b) { return a > b; };
constexpr auto greater_equal = [](auto a, auto b) { return a >= b; };

template <auto op, class T>
Mask compare(const Group& group, const Instruction& instruction, int first, Mask mask) {
  const T* a = lanes<T>(group.frame, instruction.operand(first));
  const T* b = lanes<T>(group.frame, instruction.operand(first + 1));
  return lanes_where(mask, [=](int i) { return op(a[i], b[i]); });
}

template <auto op, class T> Flow set_predicate(Group& group, const Instruction& instruction, Mask mask) {
  set_predicates(group, instruction, mask, compare<op, T>(group, instruction, 1, mask));
  return Flow::go;
}

template <auto op, class T> Flow set_bits(Group& group, const Instruction& instruction, Mask mask) {
  set_register(group, instruction, mask, compare<op, T>(group, instruction, 1, mask));
  return Flow::go;
}

template <auto op> Execute comparison(ptx::Type type, bool to_predicate, bool sign_matters) {
  const auto choose = [=]<class T>() -> Execute {
    return to_predicate ? set_predicate<op, T> : set_bits<op, T>;
  };
  return sign_matters ? with_integer(type, choose) : with_bits(type, choose);
}

Execute comparison(int which, ptx::Type type, bool to_predicate) {
  const bool sign_matters = which < 6; // lower, and the like, are of unsigned numbers
  switch (which) {
  case 0:
    return comparison<equal>(type, to_predicate, false);
  case 1:
    return comparison<unequal>(type, to_predicate, false);
  case 2:
  case 6:
    return comparison<less>(type, to_predicate, sign_matters);
  case 3:
  case 7:
    return comparison<less_equal>(type, to_predicate, sign_matters);
  case 4:
  case 8:
    return comparison<greater>(type, to_predicate, sign_matters);
  default:
    return comparison<greater_equal>(type, to_predicate, sign_matters);
  }
}

// `type` is what is compared.
void decode_comparison(Decoding& d, ptx::Type type, bool to_predicate) {
  const int which = d.which({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"});
  d.out.execute = comparison(which, type, to_predicate);
  const int how = d.which({"and", "or", "xor"});
  if (how >= 0)
    d.out.flags = static_cast<std::uint64_t>(how) + 1;
}

void decode_setp(Decoding& d) { decode_comparison(d, d.type(), true); }
void decode_set(Decoding& d) {
  decode_comparison(d, d.type(1), false);
  if (d.type(0) == ptx::Type::f32)
    d.out.flags |= gives_float;
}

// ---- selp, slct ----

template <class T> Flow select(Group& group, const Instruction& instruction, Mask mask) {
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  const T* b = lanes<T>(group.frame, instruction.operand(2));
  const Mask chosen = source_predicate(group, instruction, 3);
  each_lane(lanes<T>(group.frame, instruction.operand(0)), mask,
            [=](int i) { return chosen >> i & 1 ? a[i] : b[i]; });
  return Flow::go;
}

constexpr auto by_sign = [](auto a, auto b, std::int32_t c) { return c >= 0 ? a : b; };
constexpr auto by_float = [](auto a, auto b, float c) { return c >= 0 ? a : b; };
// With .ftz a negative subnormal is a zero.
constexpr auto by_flushed = [](auto a, auto b, float c) { return c > -0x1p-126F ? a : b; };

void decode_select(Decoding& d) {
  d.out.execute = with_bits(d.type(), []<class T>() -> Execute { return select<T>; });
}
template <auto op, class C> void decode_slct(Decoding& d) {
  d.out.execute = with_bits(d.type(), []<class T>() -> Execute { return lanewise<op, T, T, T, C>; });
}

// ---- logic of predicates ----

template <Combine how> Flow logic(Group& group, const Instruction& instruction, Mask mask) {
  write_predicate(
      group, instruction.operand(0), mask,
      combine(how, source_predicate(group, instruction, 1), source_predicate(group, instruction, 2)));
  return Flow::go;
}

Flow copy(Group& group, const Instruction& instruction, Mask mask) {
  write_predicate(group, instruction.operand(0), mask, source_predicate(group, instruction, 1));
  return Flow::go;
}

Flow negate(Group& group, const Instruction& instruction, Mask mask) {
  write_predicate(group, instruction.operand(0), mask, ~source_predicate(group, instruction, 1));
  return Flow::go;
}

} // namespace

std::span<const Entry> compare_entries() {
#define INTEGER "(.u16|.u32|.u64|.s16|.s32|.s64)"
#define BITS "(.b16|.b32|.b64)"
#define ANY "(.b16|.b32|.b64|.u16|.u32|.u64|.s16|.s32|.s64|.f32|.f64)"
#define OP "(.eq|.ne|.lt|.le|.gt|.ge|.lo|.ls|.hi|.hs)"
#define COMBINE "(.and|.or|.xor)"
  constexpr auto compute = Kind::compute;
  constexpr auto compare = Class::compare;
  static constexpr Entry entries[] = {
      {"setp" OP INTEGER, "=pred|pred t0 t0", decode_setp, compute, compare},
      {"setp(.eq|.ne)" BITS, "=pred|pred t0 t0", decode_setp, compute, compare},
      {"setp" OP COMBINE INTEGER, "=pred|pred t0 t0 pred", decode_setp, compute, compare},
      {"setp(.eq|.ne)" COMBINE BITS, "=pred|pred t0 t0 pred", decode_setp, compute, compare},
      {"set" OP "(.u32|.s32|.f32)" INTEGER, "=t0 t1 t1", decode_set, compute, compare},
      {"set(.eq|.ne)(.u32|.s32|.f32)" BITS, "=t0 t1 t1", decode_set, compute, compare},
      {"set" OP COMBINE "(.u32|.s32|.f32)" INTEGER, "=t0 t1 t1 pred", decode_set, compute, compare},
      {"set(.eq|.ne)" COMBINE "(.u32|.s32|.f32)" BITS, "=t0 t1 t1 pred", decode_set, compute, compare},
      {"selp" ANY, "=t0 t0 t0 pred", decode_select, Kind::copy, compare},
      {"slct" ANY ".s32", "=t0 t0 t0 s32", decode_slct<by_sign, std::int32_t>, compute, compare},
      {"slct" ANY ".f32", "=t0 t0 t0 f32", decode_slct<by_float, float>, compute, compare},
      {"slct.ftz" ANY ".f32", "=t0 t0 t0 f32", decode_slct<by_flushed, float>, compute, compare},
      {"and.pred", "=pred pred pred", decode_as<logic<Combine::conjunction>>, Kind::copy, compare},
      {"or.pred", "=pred pred pred", decode_as<logic<Combine::disjunction>>, Kind::copy, compare},
      {"xor.pred", "=pred pred pred", decode_as<logic<Combine::exclusive>>, Kind::copy, compare},
      {"not.pred", "=pred pred", decode_as<negate>, Kind::copy, compare},
      {"mov.pred", "=pred pred", decode_as<copy>, Kind::copy, Class::move},
  };
  return entries;
#undef INTEGER
#undef BITS
#undef ANY
#undef OP
#undef COMBINE
}

} // namespace emu
