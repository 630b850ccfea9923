// cvt (PTX ISA, "Data Movement and Conversion Instructions: cvt" and "cvt.pack").
#include "emulator/exec/state.h"
#include "emulator/families/convert_operations.h"
#include "emulator/isa/table.h"
#include "emulator/numeric/host.h"

#include <algorithm>

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  Execute choose_conversion(const ConvertChoice& choice);                                                    \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

std::uint64_t flags_of(const ConvertOptions& options) {
  const auto bit = [](bool set, int at) { return std::uint64_t(set) << at; };
  return static_cast<std::uint64_t>(options.round) | static_cast<std::uint64_t>(options.overflow) << 3 |
         bit(options.integral, 4) | bit(options.ftz, 5) | bit(options.sat, 6) | bit(options.relu, 7) |
         bit(options.stochastic, 8);
}

ConvertOptions options_of(std::uint64_t flags) {
  const auto bit = [=](int at) { return (flags >> at & 1) != 0; };
  return {.round = static_cast<numeric::Round>(flags & 7),
          .overflow = static_cast<numeric::Overflow>(flags >> 3 & 1),
          .integral = bit(4),
          .ftz = bit(5),
          .sat = bit(6),
          .relu = bit(7),
          .stochastic = bit(8)};
}

namespace {

// Of packed types, the element.
Number number_of(ptx::Type type) {
  using enum ptx::Type;
  switch (type) {
  case s8:
    return Number::s8;
  case u8:
    return Number::u8;
  case s16:
    return Number::s16;
  case u16:
    return Number::u16;
  case s32:
    return Number::s32;
  case u32:
    return Number::u32;
  case s64:
    return Number::s64;
  case u64:
    return Number::u64;
  case f16:
  case f16x2:
    return Number::f16;
  case bf16:
  case bf16x2:
    return Number::bf16;
  case f64:
    return Number::f64;
  case tf32:
    return Number::tf32;
  case e4m3x2:
    return Number::e4m3;
  case e5m2x2:
    return Number::e5m2;
  case e2m1x2:
    return Number::e2m1;
  case e2m3x2:
    return Number::e2m3;
  case e3m2x2:
    return Number::e3m2;
  case ue8m0x2:
    return Number::ue8m0;
  default:
    return Number::f32;
  }
}

bool is_integer(Number number) { return number <= Number::u64; }

ConvertOptions read_options(const Decoding& d) {
  constexpr numeric::Round rounds[] = {numeric::Round::rn, numeric::Round::rz, numeric::Round::rm,
                                       numeric::Round::rp, numeric::Round::rna};
  ConvertOptions options;
  const int whole = d.which({"rni", "rzi", "rmi", "rpi"});
  options.integral = whole >= 0;
  options.round = rounds[std::max(0, whole >= 0 ? whole : d.which({"rn", "rz", "rm", "rp", "rna"}))];
  options.overflow = d.has("satfinite") ? numeric::Overflow::finite : numeric::Overflow::infinity;
  options.ftz = d.has("ftz");
  options.sat = d.has("sat");
  options.relu = d.has("relu");
  options.stochastic = d.has("rs");
  return options;
}

void decode_convert(Decoding& d, bool packed) {
  const ConvertChoice choice = {
      .to = number_of(d.type(0)), .from = number_of(d.type(1)), .packed = packed, .options = read_options(d)};
  if (!is_integer(choice.to) && is_integer(choice.from) && d.which({"rn", "rz", "rm", "rp"}) < 0)
    return d.fail("an integer becomes a float by .rn, .rz, .rm or .rp: none is given");
  const bool narrows = !packed && !is_integer(choice.to) && !is_integer(choice.from) &&
                       ptx::bits(d.type(0)) < ptx::bits(d.type(1));
  if (narrows && d.which({"rn", "rz", "rm", "rp", "rna", "rs"}) < 0)
    return d.fail("a float becomes a narrower one by .rn, .rz, .rm or .rp: none is given");
  d.out.flags = flags_of(choice.options);
  d.out.execute = EMU_CHOOSE_HOST(choose_conversion)(choice);
  if (d.out.execute == nullptr)
    d.fail("this conversion does not exist");
}

void decode_scalar(Decoding& d) { decode_convert(d, false); }
void decode_packed(Decoding& d) { decode_convert(d, true); }

// cvt.pack: two integers, saturated, beside what is in c.
std::uint32_t saturated(std::int32_t x, int bits, bool is_signed) {
  const std::int64_t high = (std::int64_t(1) << (is_signed ? bits - 1 : bits)) - 1,
                     low = is_signed ? -high - 1 : 0;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(x, low, high)) & ((1u << bits) - 1);
}

Flow pack_integers(Group& group, const Instruction& instruction, Mask mask) {
  const int bits = static_cast<int>(instruction.flags & 31);
  const bool is_signed = (instruction.flags >> 5 & 1) != 0, with_c = instruction.operands == 4;
  const auto* a = lanes<std::int32_t>(group.frame, instruction.operand(1));
  const auto* b = lanes<std::int32_t>(group.frame, instruction.operand(2));
  const auto* c = with_c ? lanes<std::uint32_t>(group.frame, instruction.operand(3)) : nullptr;
  auto* d = lanes<std::uint32_t>(group.frame, instruction.operand(0));
  for_lanes(mask, [&](int i) {
    const std::uint32_t above = with_c && 2 * bits < 32 ? c[i] << (2 * bits) : 0;
    d[i] = above | saturated(a[i], bits, is_signed) << bits | saturated(b[i], bits, is_signed);
  });
  return Flow::go;
}

void decode_pack(Decoding& d) {
  const ptx::Type type = d.type(0);
  d.out.flags = static_cast<std::uint64_t>(ptx::bits(type)) | std::uint64_t(ptx::is_signed(type)) << 5;
  d.out.execute = pack_integers;
}

} // namespace

std::span<const Entry> convert_entries() {
#define INTEGER "(.u8|.s8|.u16|.s16|.u32|.s32|.u64|.s64)"
#define FLOAT "(.f16|.bf16|.f32|.f64)"
#define ROUND "{.rn|.rz|.rm|.rp}"
#define WHOLE "(.rni|.rzi|.rmi|.rpi)"
#define BYTES "(.e4m3x2|.e5m2x2|.e2m3x2|.e3m2x2)"
  constexpr auto compute = Kind::compute;
  constexpr auto convert = Class::convert;
  static constexpr Entry entries[] = {
      {"cvt{.sat}" INTEGER INTEGER, "=r0 r1", decode_scalar, Kind::copy, convert},
      {"cvt" WHOLE "{.ftz}{.sat}" INTEGER FLOAT, "=r0 r1", decode_scalar, compute, convert},
      {"cvt" ROUND "{.ftz}{.sat}" FLOAT INTEGER, "=r0 r1", decode_scalar, compute, convert},
      {"cvt" WHOLE "{.ftz}{.sat}" FLOAT FLOAT, "=r0 r1", decode_scalar, compute, convert},
      {"cvt" ROUND "{.ftz}{.sat}" FLOAT FLOAT, "=r0 r1", decode_scalar, compute, convert},
      {"cvt(.rn|.rz){.relu}{.satfinite}(.f16|.bf16).f32", "=r0 t1", decode_scalar, compute, convert},
      {"cvt.rna{.satfinite}.tf32.f32", "=b32 f32", decode_scalar, compute, convert},
      {"cvt(.rn|.rz){.relu}{.satfinite}.tf32.f32", "=b32 f32", decode_scalar, compute, convert},
      {"cvt(.rn|.rz){.satfinite}.relu.tf32.f32", "=b32 f32", decode_scalar, compute, convert},
      {"cvt(.rn|.rz){.relu}{.satfinite}(.f16x2|.bf16x2).f32", "=b32 f32 f32", decode_packed, compute,
       convert},
      {"cvt.rs{.relu}{.satfinite}(.f16x2|.bf16x2).f32", "=b32 f32 f32 b32", decode_packed, compute, convert},
      {"cvt.rn.satfinite{.relu}" BYTES ".f32", "=b16 f32 f32", decode_packed, compute, convert},
      {"cvt.rn.satfinite{.relu}" BYTES "(.f16x2|.bf16x2)", "=b16 b32", decode_packed, compute, convert},
      {"cvt.rn{.relu}(.f16x2|.bf16x2)" BYTES, "=b32 b16", decode_packed, compute, convert},
      {"cvt.rn.satfinite{.relu}.e2m1x2.f32", "=b8 f32 f32", decode_packed, compute, convert},
      {"cvt.rn.satfinite{.relu}.e2m1x2(.f16x2|.bf16x2)", "=b8 b32", decode_packed, compute, convert},
      {"cvt.rn{.relu}(.f16x2|.bf16x2).e2m1x2", "=b32 b8", decode_packed, compute, convert},
      {"cvt(.rz|.rp){.satfinite}.ue8m0x2.f32", "=b16 f32 f32", decode_packed, compute, convert},
      {"cvt.rn.bf16x2.ue8m0x2", "=b32 b16", decode_packed, compute, convert},
      {"cvt.pack.sat(.u16|.s16).s32", "=b32 s32 s32", decode_pack, compute, convert},
      {"cvt.pack.sat(.u8|.s8|.u4|.s4|.u2|.s2).s32.b32", "=b32 s32 s32 b32", decode_pack, compute, convert},
  };
  return entries;
#undef INTEGER
#undef FLOAT
#undef ROUND
#undef WHOLE
#undef BYTES
}

} // namespace emu
