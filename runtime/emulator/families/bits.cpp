// Bits of integers: logic, shifts, fields, counting (PTX ISA, "Logic and Shift Instructions" and parts of
// "Integer Arithmetic Instructions").
#include "emulator/families/bit_math.h"
#include "emulator/families/lanewise.h"

namespace emu {
namespace {

using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;

// ---- logic ----

constexpr auto conjunction = [](auto a, auto b) { return a & b; };
constexpr auto disjunction = [](auto a, auto b) { return a | b; };
constexpr auto exclusive = [](auto a, auto b) { return a ^ b; };
constexpr auto complement = [](auto a) { return ~a; };
constexpr auto is_zero = [](auto a) { return a == 0 ? 1 : 0; };

// The table as masks: which of the eight combinations of bits of a, b and c give 1.
struct Lut {
  u32 minterm[8];
  explicit Lut(std::int64_t table) {
    for (int i = 0; i < 8; ++i)
      minterm[i] = table >> i & 1 ? ~u32(0) : 0;
  }
  u32 operator()(u32 a, u32 b, u32 c) const {
    auto choose = [](u32 by, u32 one, u32 zero) { return (by & one) | (~by & zero); };
    auto by_c = [&](int i) { return choose(c, minterm[i + 1], minterm[i]); };
    return choose(a, choose(b, by_c(6), by_c(4)), choose(b, by_c(2), by_c(0)));
  }
};

// Slots: d, perhaps p, a, b, c, the table, perhaps q. Bits of `flags`: and, or.
Flow lop3(Group& group, const Instruction& instruction, Mask mask) {
  const u32* a = lanes<u32>(group.frame, instruction.operand(1));
  const u32* b = lanes<u32>(group.frame, instruction.operand(2));
  const u32* c = lanes<u32>(group.frame, instruction.operand(3));
  u32* d = lanes<u32>(group.frame, instruction.operand(0));
  const Lut lut(instruction.immediate);
  each_lane(d, mask, [=](int i) { return lut(a[i], b[i], c[i]); });
  if (instruction.flags == 0)
    return Flow::go;
  const Mask q = source_predicate(group, instruction, 5);
  const Mask holds = lanes_where(mask, [=](int i) { return d[i] != 0; });
  write_predicate(group, instruction.operand(0, 1), mask, instruction.flags == 1 ? holds & q : holds | q);
  return Flow::go;
}

void decode_lop3(Decoding& d) {
  const ptx::Operand& table = d.statement.operands[4];
  if (!table.is(ptx::Operand::Kind::integer) || table.value < 0 || table.value > 255)
    return d.fail("the table of lop3 is no constant from 0 to 255");
  d.out.execute = lop3;
  d.out.immediate = table.value;
  d.out.flags = static_cast<u64>(d.which({"and", "or"})) + 1;
}

// ---- choosing ----

// d and a of the type, the others of 32 bits.
template <auto op> void decode_shift(Decoding& d) {
  d.out.execute = with_bits(d.type(), []<class T>() -> Execute { return lanewise<op, T, T, u32>; });
}
void decode_shift_right(Decoding& d) {
  d.out.execute =
      with_integer(d.type(), []<class T>() -> Execute { return lanewise<shift_right, T, T, u32>; });
}

// Of 32 and 64 bits only; `Make<T>::value` is the semantic function.
template <template <class> class Make> void decode_long_bits(Decoding& d) {
  d.out.execute = ptx::bits(d.type()) == 32 ? Make<u32>::value : Make<u64>::value;
}
template <template <class> class Make> void decode_long(Decoding& d) {
  if (!ptx::is_signed(d.type()))
    return decode_long_bits<Make>(d);
  d.out.execute = ptx::bits(d.type()) == 32 ? Make<s32>::value : Make<std::int64_t>::value;
}
template <class T> struct Count {
  static constexpr Execute value = lanewise<population, u32, T>;
};
template <class T> struct LeadingZeros {
  static constexpr Execute value = lanewise<leading_zeros, u32, T>;
};
template <class T> struct Reverse {
  static constexpr Execute value = lanewise<reverse, T, T>;
};
template <class T> struct Find {
  static constexpr Execute value = lanewise<find_first, u32, T>;
};
template <class T> struct FindShift {
  static constexpr Execute value = lanewise<find_shift, u32, T>;
};
template <class T> struct Extract {
  static constexpr Execute value = lanewise<extract, T, T, u32, u32>;
};
template <class T> struct Insert {
  static constexpr Execute value = lanewise<insert, T, T, T, u32, u32>;
};

} // namespace

std::span<const Entry> bit_entries() {
#define BITS "(.b16|.b32|.b64)"
  constexpr auto compute = Kind::compute;
  constexpr auto copy = Kind::copy;
  constexpr auto integer = Class::integer;
  static constexpr Entry entries[] = {
      {"and" BITS, "=t0 t0 t0", decode_bits<conjunction, 2>, copy, integer},
      {"or" BITS, "=t0 t0 t0", decode_bits<disjunction, 2>, copy, integer},
      {"xor" BITS, "=t0 t0 t0", decode_bits<exclusive, 2>, copy, integer},
      {"not" BITS, "=t0 t0", decode_bits<complement, 1>, copy, integer},
      {"cnot" BITS, "=t0 t0", decode_bits<is_zero, 1>, compute, integer},
      {"lop3.b32", "=t0 t0 t0 t0 b32", decode_lop3, copy, integer},
      {"lop3(.and|.or).b32", "=t0|pred t0 t0 t0 b32 pred", decode_lop3, copy, integer},
      {"shl" BITS, "=t0 t0 u32", decode_shift<shift_left>, copy, integer},
      {"shr(.b16|.b32|.b64|.u16|.u32|.u64|.s16|.s32|.s64)", "=t0 t0 u32", decode_shift_right, copy, integer},
      {"shf.l.clamp.b32", "=t0 t0 t0 u32", decode_lanewise<funnel_left<true>, u32, u32, u32, u32>, copy,
       integer},
      {"shf.l.wrap.b32", "=t0 t0 t0 u32", decode_lanewise<funnel_left<false>, u32, u32, u32, u32>, copy,
       integer},
      {"shf.r.clamp.b32", "=t0 t0 t0 u32", decode_lanewise<funnel_right<true>, u32, u32, u32, u32>, copy,
       integer},
      {"shf.r.wrap.b32", "=t0 t0 t0 u32", decode_lanewise<funnel_right<false>, u32, u32, u32, u32>, copy,
       integer},
      {"prmt.b32", "=t0 t0 t0 t0", decode_lanewise<permute, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.f4e", "=t0 t0 t0 t0", decode_lanewise<permute_by<f4e>, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.b4e", "=t0 t0 t0 t0", decode_lanewise<permute_by<b4e>, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.rc8", "=t0 t0 t0 t0", decode_lanewise<permute_by<rc8>, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.ecl", "=t0 t0 t0 t0", decode_lanewise<permute_by<ecl>, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.ecr", "=t0 t0 t0 t0", decode_lanewise<permute_by<ecr>, u32, u32, u32, u32>, copy, integer},
      {"prmt.b32.rc16", "=t0 t0 t0 t0", decode_lanewise<permute_by<rc16>, u32, u32, u32, u32>, copy, integer},
      {"popc(.b32|.b64)", "=u32 t0", decode_long_bits<Count>, compute, integer},
      {"clz(.b32|.b64)", "=u32 t0", decode_long_bits<LeadingZeros>, compute, integer},
      {"brev(.b32|.b64)", "=t0 t0", decode_long_bits<Reverse>, compute, integer},
      {"bfind(.u32|.u64|.s32|.s64)", "=u32 t0", decode_long<Find>, compute, integer},
      {"bfind.shiftamt(.u32|.u64|.s32|.s64)", "=u32 t0", decode_long<FindShift>, compute, integer},
      {"bfe(.u32|.u64|.s32|.s64)", "=t0 t0 u32 u32", decode_long<Extract>, copy, integer},
      {"bfi(.b32|.b64)", "=t0 t0 t0 u32 u32", decode_long_bits<Insert>, copy, integer},
      {"bmsk.clamp.b32", "=t0 u32 u32", decode_lanewise<bit_mask<true>, u32, u32, u32>, compute, integer},
      {"bmsk.wrap.b32", "=t0 u32 u32", decode_lanewise<bit_mask<false>, u32, u32, u32>, compute, integer},
      {"szext.clamp.u32", "=t0 t0 u32", decode_lanewise<extend<true>, u32, u32, u32>, compute, integer},
      {"szext.clamp.s32", "=t0 t0 u32", decode_lanewise<extend<true>, s32, s32, u32>, compute, integer},
      {"szext.wrap.u32", "=t0 t0 u32", decode_lanewise<extend<false>, u32, u32, u32>, compute, integer},
      {"szext.wrap.s32", "=t0 t0 u32", decode_lanewise<extend<false>, s32, s32, u32>, compute, integer},
      {"fns.b32", "=t0 b32 b32 s32", decode_lanewise<find_nth, u32, u32, u32, s32>, compute, integer},
  };
  return entries;
#undef BITS
}

} // namespace emu
