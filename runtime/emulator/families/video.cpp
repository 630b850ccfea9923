// Video instructions (PTX ISA, "Scalar Video Instructions" and "SIMD Video Instructions").
//
// Where a result that was not saturated leaves the range of the destination's type, what .min and .max
// compare with c is its low 32 bits, as a number of that type: the ISA says no more than that "the sign of
// the intermediate result depends on dtype".
#include "emulator/families/lanewise.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {
namespace {

using u32 = std::uint32_t;
using s64 = std::int64_t;
using Wide = __int128;
using Operation = s64 (*)(s64, s64);

// ---- the parts of operands ----

/// Bits of a register, as a number.
struct Field {
  int bit = 0, bits = 32;
  bool is_signed = false;
  s64 of(std::uint64_t value) const {
    const std::uint64_t up = value << (64 - bit - bits);
    return is_signed ? static_cast<s64>(up) >> (64 - bits) : static_cast<s64>(up >> (64 - bits));
  }
  u32 mask() const { return static_cast<u32>(((std::uint64_t(1) << bits) - 1) << bit); }
};

s64 saturate_to(s64 value, int bits, bool is_signed) {
  const s64 beyond = s64(1) << (is_signed ? bits - 1 : bits);
  return std::clamp(value, is_signed ? -beyond : 0, beyond - 1);
}

s64 wrap_to(s64 value, int bits, bool is_signed) {
  return Field{.bits = bits, .is_signed = is_signed}.of(static_cast<std::uint64_t>(value));
}

// ---- operations on numbers ----

s64 add(s64 a, s64 b) { return a + b; }
s64 sub(s64 a, s64 b) { return a - b; }
s64 difference(s64 a, s64 b) { return a < b ? b - a : a - b; }
s64 least(s64 a, s64 b) { return std::min(a, b); }
s64 greatest(s64 a, s64 b) { return std::max(a, b); }
s64 average(s64 a, s64 b) { return (a + b + (a + b >= 0 ? 1 : 0)) >> 1; }
s64 first(s64 a, s64) { return a; }
s64 clamped(s64 b) { return std::min<s64>(b, 32); }
s64 left_clamped(s64 a, s64 b) { return static_cast<s64>(static_cast<std::uint64_t>(a) << clamped(b)); }
s64 left_wrapped(s64 a, s64 b) { return static_cast<s64>(static_cast<std::uint64_t>(a) << (b & 31)); }
s64 right_clamped(s64 a, s64 b) { return a >> clamped(b); }
s64 right_wrapped(s64 a, s64 b) { return a >> (b & 31); }

Operation comparison(const Decoding& d) {
  constexpr Operation operations[] = {
      [](s64 a, s64 b) -> s64 { return a == b; }, [](s64 a, s64 b) -> s64 { return a != b; },
      [](s64 a, s64 b) -> s64 { return a < b; },  [](s64 a, s64 b) -> s64 { return a <= b; },
      [](s64 a, s64 b) -> s64 { return a > b; },  [](s64 a, s64 b) -> s64 { return a >= b; }};
  return operations[d.which({"eq", "ne", "lt", "le", "gt", "ge"})];
}

// ---- scalar ----

struct Scalar : Extra {
  Operation operation = nullptr;
  Operation second = first; ///< with c
  Field a, b, d;            ///< d is signed as the result is
  bool saturates = false, merges = false;
};

Flow scalar(Group& group, const Instruction& instruction, Mask mask) {
  const auto& video = static_cast<const Scalar&>(*instruction.extra);
  const u32* a = lanes<u32>(group.frame, instruction.operand(1));
  const u32* b = lanes<u32>(group.frame, instruction.operand(2));
  const u32* c = instruction.parts(3) > 0 ? lanes<u32>(group.frame, instruction.operand(3)) : a;
  each_lane(lanes<u32>(group.frame, instruction.operand(0)), mask, [&](int i) {
    s64 result = wrap_to(video.operation(video.a.of(a[i]), video.b.of(b[i])), 34, true);
    if (video.saturates)
      result = saturate_to(result, video.d.bits, video.d.is_signed);
    if (video.merges)
      return (static_cast<u32>(result) << video.d.bit & video.d.mask()) | (c[i] & ~video.d.mask());
    return static_cast<u32>(
        video.second(wrap_to(result, 32, video.d.is_signed), wrap_to(c[i], 32, video.d.is_signed)));
  });
  return Flow::go;
}

// The part that the operand names with .b2 or .h1; all of it without.
Field field(Decoding& d, const ptx::Operand& operand, bool is_signed) {
  if (operand.component == ptx::Component::none)
    return {.is_signed = is_signed};
  const int bits = operand.component == ptx::Component::bytes ? 8 : 16;
  const int bit = operand.selection * bits;
  if (operand.selected != 1 || bit + bits > 32)
    d.fail(fmt::format("'{}': expected one of .b0 to .b3, .h0 and .h1", operand.text));
  return {.bit = bit, .bits = bits, .is_signed = is_signed};
}

void no_negation(Decoding& d) {
  if (d.out.negated != 0)
    d.fail("operands cannot be negated here");
}

void decode_scalar(Decoding& d, Operation operation, int first_source_type, bool is_signed) {
  constexpr Operation seconds[] = {add, least, greatest};
  const auto& operands = d.statement.operands;
  const int second = d.which({"add", "min", "max"});
  Scalar video;
  video.operation = operation;
  video.second = seconds[std::max(0, second)];
  if (second < 0)
    video.second = first;
  video.d = field(d, operands[0], is_signed);
  video.a = field(d, operands[1], ptx::is_signed(d.type(first_source_type)));
  video.b = field(d, operands[2], ptx::is_signed(d.type(first_source_type + 1)));
  video.merges = operands[0].component != ptx::Component::none;
  video.saturates = d.has("sat");
  no_negation(d);
  if (video.merges && second >= 0)
    d.fail("it has a second operation and merges: expected one of both");
  else if ((operands.size() == 4) != (video.merges || second >= 0))
    d.fail(fmt::format("'{}' has {} operands, expected {}", d.statement.opcode->text, operands.size(),
                       operands.size() == 4 ? 3 : 4));
  else if (operands.size() == 4 && operands[3].component != ptx::Component::none)
    d.fail(fmt::format("'{}' has a selector: expected a whole register", operands[3].text));
  d.attach(video);
  d.out.execute = scalar;
}

template <Operation operation> void decode_arithmetic(Decoding& d) {
  decode_scalar(d, operation, 1, ptx::is_signed(d.type(0)));
}
template <Operation clamp, Operation wrap> void decode_shift(Decoding& d) {
  decode_scalar(d, d.has("clamp") ? clamp : wrap, 1, ptx::is_signed(d.type(0)));
}
void decode_set(Decoding& d) { decode_scalar(d, comparison(d), 0, false); }

// ---- vmad ----

struct Product : Extra {
  Field a, b;
  bool negated = false, c_negated = false, plus_one = false, saturates = false;
  int scale = 0;
  bool is_signed() const { return a.is_signed || b.is_signed || negated || c_negated; }
};

Flow multiply_add(Group& group, const Instruction& instruction, Mask mask) {
  const auto& video = static_cast<const Product&>(*instruction.extra);
  const u32* a = lanes<u32>(group.frame, instruction.operand(1));
  const u32* b = lanes<u32>(group.frame, instruction.operand(2));
  const u32* c = lanes<u32>(group.frame, instruction.operand(3));
  each_lane(lanes<u32>(group.frame, instruction.operand(0)), mask, [&](int i) {
    Wide sum = Wide(video.a.of(a[i])) * video.b.of(b[i]);
    if (video.negated)
      sum = -sum;
    sum += wrap_to(video.c_negated ? ~c[i] : c[i], 32, video.is_signed());
    if (video.c_negated || video.plus_one)
      ++sum;
    sum >>= video.scale;
    if (video.saturates) {
      const Wide beyond = Wide(1) << (video.is_signed() ? 31 : 32);
      sum = std::clamp(sum, video.is_signed() ? -beyond : Wide(0), beyond - 1);
    }
    return static_cast<u32>(sum);
  });
  return Flow::go;
}

void decode_product(Decoding& d) {
  const auto& operands = d.statement.operands;
  const auto negated = [&](int i) { return (d.out.negated >> i & 1) != 0; };
  Product video;
  video.a = field(d, operands[1], ptx::is_signed(d.type(1)));
  video.b = field(d, operands[2], ptx::is_signed(d.type(2)));
  video.negated = negated(1) != negated(2);
  video.c_negated = negated(3);
  video.plus_one = d.has("po");
  video.saturates = d.has("sat");
  video.scale = d.has("shr7") ? 7 : d.has("shr15") ? 15 : 0;
  if (video.plus_one)
    no_negation(d);
  if (video.negated && video.c_negated)
    d.fail("the product and c are negated: expected one of both at most");
  if (operands[0].component != ptx::Component::none || operands[3].component != ptx::Component::none)
    d.fail("d and c are whole registers here");
  d.attach(video);
  d.out.execute = multiply_add;
}

// ---- two half-words or four bytes ----

struct Parts : Extra {
  Operation operation = nullptr;
  int count = 2;
  Field a[4], b[4]; ///< of the eight bytes that the registers a and b are together
  u32 written = 0;  ///< a bit for each part
  bool is_signed = false, saturates = false, accumulates = false;
  int bits() const { return 32 / count; }
};

Flow parts(Group& group, const Instruction& instruction, Mask mask) {
  const auto& video = static_cast<const Parts&>(*instruction.extra);
  const u32* a = lanes<u32>(group.frame, instruction.operand(1));
  const u32* b = lanes<u32>(group.frame, instruction.operand(2));
  const u32* c = lanes<u32>(group.frame, instruction.operand(3));
  each_lane(lanes<u32>(group.frame, instruction.operand(0)), mask, [&](int i) {
    const std::uint64_t sources = a[i] | std::uint64_t(b[i]) << 32;
    u32 result = c[i];
    for (int part = 0; part < video.count; ++part) {
      if ((video.written >> part & 1) == 0)
        continue;
      s64 value = video.operation(video.a[part].of(sources), video.b[part].of(sources));
      if (video.saturates)
        value = saturate_to(value, video.bits(), video.is_signed);
      const Field place = {.bit = part * video.bits(), .bits = video.bits()};
      result = video.accumulates
                   ? result + static_cast<u32>(value)
                   : (result & ~place.mask()) | (static_cast<u32>(value) << place.bit & place.mask());
    }
    return result;
  });
  return Flow::go;
}

// The digits behind .b or .h, the first of them for the highest part.
bool select(const ptx::Operand& operand, int bits, Field (&fields)[4], bool is_signed, int unselected) {
  const int count = 32 / bits;
  const bool given = operand.component != ptx::Component::none;
  if (given && (operand.component != (bits == 8 ? ptx::Component::bytes : ptx::Component::halves) ||
                operand.selected != count))
    return false;
  for (int part = 0; part < count; ++part) {
    const int chosen = given ? operand.selection >> 4 * part & 15 : unselected + part;
    if (chosen >= 2 * count)
      return false;
    fields[part] = {.bit = chosen * bits, .bits = bits, .is_signed = is_signed};
  }
  return true;
}

// A bit for each part that is written; 0 if that is not what `operand` says.
u32 written_parts(const ptx::Operand& operand, int bits) {
  const int count = 32 / bits;
  if (operand.component == ptx::Component::none)
    return (1u << count) - 1;
  if (operand.component != (bits == 8 ? ptx::Component::bytes : ptx::Component::halves))
    return 0;
  u32 written = 0;
  for (int i = 0; i < operand.selected; ++i)
    written |= 1u << (operand.selection >> 4 * i & 15);
  return written < 1u << count ? written : 0;
}

template <int count> void decode_parts(Decoding& d, Operation operation, int first_source_type) {
  const auto& operands = d.statement.operands;
  const char* kind = count == 4 ? ".b and four digits up to 7" : ".h and two digits up to 3";
  Parts video;
  video.operation = operation;
  video.count = count;
  video.is_signed = first_source_type == 1 && ptx::is_signed(d.type(0));
  video.saturates = d.has("sat");
  video.accumulates = d.has("add");
  video.written = written_parts(operands[0], video.bits());
  no_negation(d);
  if (video.written == 0)
    d.fail(fmt::format("'{}': expected a mask of {}", operands[0].text, count == 4 ? ".b3210" : ".h10"));
  if (!select(operands[1], video.bits(), video.a, ptx::is_signed(d.type(first_source_type)), 0))
    d.fail(fmt::format("'{}': expected {}", operands[1].text, kind));
  if (!select(operands[2], video.bits(), video.b, ptx::is_signed(d.type(first_source_type + 1)), count))
    d.fail(fmt::format("'{}': expected {}", operands[2].text, kind));
  if (operands[3].component != ptx::Component::none)
    d.fail(fmt::format("'{}' has a selector: expected a whole register", operands[3].text));
  d.attach(video);
  d.out.execute = parts;
}

template <int count, Operation operation> void decode_parts_arithmetic(Decoding& d) {
  decode_parts<count>(d, operation, 1);
}
template <int count> void decode_parts_set(Decoding& d) { decode_parts<count>(d, comparison(d), 0); }

} // namespace

std::span<const Entry> video_entries() {
#define SIGN "(.u32|.s32)"
#define SIGNS SIGN SIGN SIGN
#define SECOND "{.add|.min|.max}"
#define COMPARE "(.eq|.ne|.lt|.le|.gt|.ge)"
#define SCALAR "=sel sel sel sel?"
#define PARTS "=sel sel sel sel"
#define AS Kind::compute, Class::integer
#define ARITHMETIC(name, operation) {name SIGNS "{.sat}" SECOND, SCALAR, decode_arithmetic<operation>, AS}
#define TWO_AND_FOUR(name, operation)                                                                        \
  {name "2" SIGNS "{.sat}", PARTS, decode_parts_arithmetic<2, operation>, AS},                               \
      {name "2" SIGNS ".add", PARTS, decode_parts_arithmetic<2, operation>, AS},                             \
      {name "4" SIGNS "{.sat}", PARTS, decode_parts_arithmetic<4, operation>, AS}, {                         \
    name "4" SIGNS ".add", PARTS, decode_parts_arithmetic<4, operation>, AS                                  \
  }
  static constexpr Entry entries[] = {
      ARITHMETIC("vadd", add),
      ARITHMETIC("vsub", sub),
      ARITHMETIC("vabsdiff", difference),
      ARITHMETIC("vmin", least),
      ARITHMETIC("vmax", greatest),
      {"vshl" SIGN SIGN ".u32{.sat}(.clamp|.wrap)" SECOND, SCALAR, decode_shift<left_clamped, left_wrapped>,
       AS},
      {"vshr" SIGN SIGN ".u32{.sat}(.clamp|.wrap)" SECOND, SCALAR, decode_shift<right_clamped, right_wrapped>,
       AS},
      {"vset" SIGN SIGN COMPARE SECOND, SCALAR, decode_set, AS},
      {"vmad" SIGNS "{.sat}{.shr7|.shr15}", PARTS, decode_product, AS},
      {"vmad" SIGNS ".po{.sat}{.shr7|.shr15}", PARTS, decode_product, AS},
      TWO_AND_FOUR("vadd", add),
      TWO_AND_FOUR("vsub", sub),
      TWO_AND_FOUR("vavrg", average),
      TWO_AND_FOUR("vabsdiff", difference),
      TWO_AND_FOUR("vmin", least),
      TWO_AND_FOUR("vmax", greatest),
      {"vset2" SIGN SIGN COMPARE "{.add}", PARTS, decode_parts_set<2>, AS},
      {"vset4" SIGN SIGN COMPARE "{.add}", PARTS, decode_parts_set<4>, AS},
  };
  return entries;
#undef SIGN
#undef SIGNS
#undef SECOND
#undef COMPARE
#undef SCALAR
#undef PARTS
#undef AS
#undef ARITHMETIC
#undef TWO_AND_FOUR
}

} // namespace emu
