// Compiled once for each level of the host; see numeric/host.h for what may stand here.
#include "emulator/families/convert_operations.h"
#include "emulator/exec/state.h"
#include "emulator/numeric/arithmetic.h"
#include "emulator/numeric/half.h"
#include "emulator/numeric/integers.h"

#include <type_traits>

namespace emu {
inline namespace EMU_HOST {
namespace {

using numeric::Overflow;
using numeric::Round;
using Options = ConvertOptions;

// A 16-bit float, told from an integer and from the other format.
template <class F> struct Half {
  std::uint16_t bits;
};
using HalfF16 = Half<numeric::F16>;
using HalfBF16 = Half<numeric::BF16>;

template <class T> struct Format {
  using F = void;
};
template <class T> struct Format<Half<T>> {
  using F = T;
};
template <class T> using FormatOf = Format<T>::F;
template <class T> constexpr bool is_half = !std::is_void_v<FormatOf<T>>;

// ---- one value ----

template <class T> EMU_INLINE auto value_of(T a, bool ftz) {
  if constexpr (is_half<T>)
    return numeric::widen<FormatOf<T>>(a.bits);
  else if constexpr (std::is_same_v<T, float>)
    return numeric::flush_if(ftz, a);
  else
    return a;
}

template <class D> EMU_INLINE D finish(D value, Options o) {
  if constexpr (is_half<D>)
    return {numeric::half_modify<FormatOf<D>>(value.bits, {.sat = o.sat, .relu = o.relu})};
  else if constexpr (std::is_same_v<D, float>)
    return o.sat ? numeric::saturate(numeric::flush_if(o.ftz, value)) : numeric::flush_if(o.ftz, value);
  else
    return o.sat ? numeric::saturate(value) : value;
}

template <class D, class S> EMU_INLINE D from_integer(S a, Options o) {
  if constexpr (std::is_integral_v<D>)
    return o.sat ? numeric::saturate_integer<D>(a) : static_cast<D>(a);
  else if constexpr (is_half<D>)
    return finish(D{numeric::from_integer<FormatOf<D>>(a, o.round)}, o);
  else if constexpr (std::is_same_v<D, float>)
    return finish(numeric::integer_to_f32(a, o.round), o);
  else
    return finish(numeric::integer_to_f64(a, o.round), o);
}

template <class D, class X> EMU_INLINE D from_float(X x, Options o) {
  if constexpr (std::is_integral_v<D>) {
    return numeric::to_integer<D>(x, o.round);
  } else {
    const X rounded = o.integral ? numeric::round_integral(x, o.round) : x;
    const Round round = o.integral ? Round::rn : o.round;
    if constexpr (is_half<D>)
      return finish(D{numeric::narrow<FormatOf<D>>(rounded, round, o.overflow)}, o);
    else if constexpr (std::is_same_v<D, float> && sizeof(X) == 8)
      return finish(numeric::to_f32(rounded, round), o);
    else if constexpr (std::is_same_v<D, float>)
      return finish(numeric::canonical(rounded), o);
    else
      return finish(static_cast<double>(rounded), o);
  }
}

template <class D, class S> EMU_INLINE D convert(S a, Options o) {
  if constexpr (std::is_integral_v<S>)
    return from_integer<D>(a, o);
  else
    return from_float<D>(value_of(a, o.ftz), o);
}

// ---- registers, which may be wider than what they hold ----

template <class T> EMU_INLINE void read(T* to, std::byte* frame, Slot slot) {
  using Bits = std::conditional_t<
      sizeof(T) == 1, std::uint8_t,
      std::conditional_t<sizeof(T) == 2, std::uint16_t,
                         std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  const auto from = [&]<class Wide>(const Wide* lanes) {
    for (int i = 0; i < warp_size; ++i)
      to[i] = __builtin_bit_cast(T, static_cast<Bits>(lanes[i]));
  };
  switch (slot.bytes) {
  case 1:
    return from(lanes<std::uint8_t>(frame, slot));
  case 2:
    return from(lanes<std::uint16_t>(frame, slot));
  case 4:
    return from(lanes<std::uint32_t>(frame, slot));
  default:
    return from(lanes<std::uint64_t>(frame, slot));
  }
}

// Extended by its sign, or by zeros.
template <class T> EMU_INLINE void write(const T* from, std::byte* frame, Slot slot, Mask mask) {
  const auto wide = [&](int i) -> std::uint64_t {
    if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(from[i]));
    else if constexpr (sizeof(T) == 2)
      return __builtin_bit_cast(std::uint16_t, from[i]);
    else if constexpr (sizeof(T) == 4)
      return __builtin_bit_cast(std::uint32_t, from[i]);
    else
      return __builtin_bit_cast(std::uint64_t, from[i]);
  };
  switch (slot.bytes) {
  case 1:
    return each_lane(lanes<std::uint8_t>(frame, slot), mask,
                     [&](int i) { return static_cast<std::uint8_t>(wide(i)); });
  case 2:
    return each_lane(lanes<std::uint16_t>(frame, slot), mask,
                     [&](int i) { return static_cast<std::uint16_t>(wide(i)); });
  case 4:
    return each_lane(lanes<std::uint32_t>(frame, slot), mask,
                     [&](int i) { return static_cast<std::uint32_t>(wide(i)); });
  default:
    return each_lane(lanes<std::uint64_t>(frame, slot), mask, wide);
  }
}

template <class D> constexpr Options usual() {
  return {.round = std::is_integral_v<D> ? Round::rz : Round::rn, .integral = std::is_integral_v<D>};
}

// `plain`: the usual rounding and no other modifier, so that the loop has no branches.
template <class D, class S, bool plain>
Flow convert_lanes(Group& group, const Instruction& instruction, Mask mask) {
  const Options options = plain ? usual<D>() : options_of(instruction.flags);
  S a[warp_size];
  D d[warp_size];
  read(a, group.frame, instruction.slot[1]);
  EMU_LANES
  for (int i = 0; i < warp_size; ++i)
    d[i] = convert<D>(a[i], options);
  write(d, group.frame, instruction.slot[0], mask);
  return Flow::go;
}

template <class D, class S> Execute choose_modifiers(const ConvertChoice& choice) {
  return flags_of(choice.options) == flags_of(usual<D>()) ? convert_lanes<D, S, true>
                                                          : convert_lanes<D, S, false>;
}

template <class D> Execute choose_source(const ConvertChoice& choice) {
  switch (choice.from) {
  case Number::s8:
    return choose_modifiers<D, std::int8_t>(choice);
  case Number::u8:
    return choose_modifiers<D, std::uint8_t>(choice);
  case Number::s16:
    return choose_modifiers<D, std::int16_t>(choice);
  case Number::u16:
    return choose_modifiers<D, std::uint16_t>(choice);
  case Number::s32:
    return choose_modifiers<D, std::int32_t>(choice);
  case Number::u32:
    return choose_modifiers<D, std::uint32_t>(choice);
  case Number::s64:
    return choose_modifiers<D, std::int64_t>(choice);
  case Number::u64:
    return choose_modifiers<D, std::uint64_t>(choice);
  case Number::f16:
    return choose_modifiers<D, HalfF16>(choice);
  case Number::bf16:
    return choose_modifiers<D, HalfBF16>(choice);
  case Number::f32:
    return choose_modifiers<D, float>(choice);
  case Number::f64:
    return choose_modifiers<D, double>(choice);
  default:
    return nullptr;
  }
}

// ---- tf32, and two elements at a time ----

Flow to_tf32(Group& group, const Instruction& instruction, Mask mask) {
  const Options o = options_of(instruction.flags);
  const float* a = lanes<float>(group.frame, instruction.slot[1]);
  each_lane(lanes<std::uint32_t>(group.frame, instruction.slot[0]), mask,
            [=](int i) { return numeric::to_tf32(a[i], o.round, o.overflow, o.relu); });
  return Flow::go;
}

template <class F> EMU_INLINE std::uint32_t narrowed(float x, Options o, std::uint32_t random) {
  using Bits = F::Bits;
  Bits bits;
  if (o.stochastic)
    bits = numeric::narrow_stochastic<F>(x, random, F::mantissa_bits == 10 ? 13 : 16, o.overflow);
  else
    bits = numeric::narrow<F>(x, o.round, o.overflow);
  return o.relu ? numeric::relu<F>(bits) : bits;
}

// d, a, b: a becomes the upper element.
template <class F, int bits> Flow pack(Group& group, const Instruction& instruction, Mask mask) {
  const Options o = options_of(instruction.flags);
  const float* a = lanes<float>(group.frame, instruction.slot[1]);
  const float* b = lanes<float>(group.frame, instruction.slot[2]);
  const std::uint32_t* random =
      o.stochastic ? lanes<std::uint32_t>(group.frame, instruction.slot[3]) : nullptr;
  std::uint32_t d[warp_size];
  for (int i = 0; i < warp_size; ++i) {
    const std::uint32_t upper = random ? random[i] >> 16 : 0, lower = random ? random[i] & 0xffff : 0;
    d[i] = narrowed<F>(a[i], o, upper) << bits | narrowed<F>(b[i], o, lower);
  }
  write(d, group.frame, instruction.slot[0], mask);
  return Flow::go;
}

// The usual conversion of scores: rounded to nearest, nothing else.
template <class F> Flow pack_plain(Group& group, const Instruction& instruction, Mask mask) {
  const float* a = lanes<float>(group.frame, instruction.slot[1]);
  const float* b = lanes<float>(group.frame, instruction.slot[2]);
  each_lane(lanes<std::uint32_t>(group.frame, instruction.slot[0]), mask, [=](int i) {
    return static_cast<std::uint32_t>(numeric::narrow<F>(a[i])) << 16 | numeric::narrow<F>(b[i]);
  });
  return Flow::go;
}

// Two elements of one register to two of another, through float.
template <class D, int d_bits, class S, int s_bits>
Flow repack(Group& group, const Instruction& instruction, Mask mask) {
  const Options o = options_of(instruction.flags);
  std::uint32_t a[warp_size], d[warp_size];
  read(a, group.frame, instruction.slot[1]);
  for (int i = 0; i < warp_size; ++i) {
    const auto element = [&](int shift) {
      return narrowed<D>(numeric::widen<S>(a[i] >> shift & ((1u << s_bits) - 1)), o, 0);
    };
    d[i] = element(s_bits) << d_bits | element(0);
  }
  write(d, group.frame, instruction.slot[0], mask);
  return Flow::go;
}

Flow pack_ue8m0(Group& group, const Instruction& instruction, Mask mask) {
  const Options o = options_of(instruction.flags);
  const float* a = lanes<float>(group.frame, instruction.slot[1]);
  const float* b = lanes<float>(group.frame, instruction.slot[2]);
  std::uint32_t d[warp_size];
  for (int i = 0; i < warp_size; ++i)
    d[i] = std::uint32_t(numeric::to_ue8m0(a[i], o.round, o.overflow)) << 8 |
           numeric::to_ue8m0(b[i], o.round, o.overflow);
  write(d, group.frame, instruction.slot[0], mask);
  return Flow::go;
}

Flow unpack_ue8m0(Group& group, const Instruction& instruction, Mask mask) {
  std::uint32_t a[warp_size], d[warp_size];
  read(a, group.frame, instruction.slot[1]);
  for (int i = 0; i < warp_size; ++i)
    d[i] = std::uint32_t(numeric::ue8m0_to_bf16(static_cast<std::uint8_t>(a[i] >> 8))) << 16 |
           numeric::ue8m0_to_bf16(static_cast<std::uint8_t>(a[i]));
  write(d, group.frame, instruction.slot[0], mask);
  return Flow::go;
}

template <class S, int bits> Execute choose_unpack(Number to) {
  return to == Number::f16 ? repack<numeric::F16, 16, S, bits> : repack<numeric::BF16, 16, S, bits>;
}

template <class D, int bits> Execute choose_small(Number from) {
  return from == Number::f32   ? pack<D, bits>
         : from == Number::f16 ? repack<D, bits, numeric::F16, 16>
                               : repack<D, bits, numeric::BF16, 16>;
}

Execute choose_packed(const ConvertChoice& choice) {
  const bool plain = flags_of(choice.options) == flags_of(Options{});
  switch (choice.from) {
  case Number::e4m3:
    return choose_unpack<numeric::E4M3, 8>(choice.to);
  case Number::e5m2:
    return choose_unpack<numeric::E5M2, 8>(choice.to);
  case Number::e2m1:
    return choose_unpack<numeric::E2M1, 4>(choice.to);
  case Number::e2m3:
    return choose_unpack<numeric::E2M3, 8>(choice.to);
  case Number::e3m2:
    return choose_unpack<numeric::E3M2, 8>(choice.to);
  case Number::ue8m0:
    return unpack_ue8m0;
  default:
    break;
  }
  switch (choice.to) {
  case Number::f16:
    return plain ? pack_plain<numeric::F16> : pack<numeric::F16, 16>;
  case Number::bf16:
    return plain ? pack_plain<numeric::BF16> : pack<numeric::BF16, 16>;
  case Number::e4m3:
    return choose_small<numeric::E4M3, 8>(choice.from);
  case Number::e5m2:
    return choose_small<numeric::E5M2, 8>(choice.from);
  case Number::e2m1:
    return choose_small<numeric::E2M1, 4>(choice.from);
  case Number::e2m3:
    return choose_small<numeric::E2M3, 8>(choice.from);
  case Number::e3m2:
    return choose_small<numeric::E3M2, 8>(choice.from);
  case Number::ue8m0:
    return pack_ue8m0;
  default:
    return nullptr;
  }
}

} // namespace

Execute choose_conversion(const ConvertChoice& choice) {
  if (choice.packed)
    return choose_packed(choice);
  switch (choice.to) {
  case Number::s8:
    return choose_source<std::int8_t>(choice);
  case Number::u8:
    return choose_source<std::uint8_t>(choice);
  case Number::s16:
    return choose_source<std::int16_t>(choice);
  case Number::u16:
    return choose_source<std::uint16_t>(choice);
  case Number::s32:
    return choose_source<std::int32_t>(choice);
  case Number::u32:
    return choose_source<std::uint32_t>(choice);
  case Number::s64:
    return choose_source<std::int64_t>(choice);
  case Number::u64:
    return choose_source<std::uint64_t>(choice);
  case Number::f16:
    return choose_source<HalfF16>(choice);
  case Number::bf16:
    return choose_source<HalfBF16>(choice);
  case Number::f32:
    return choose_source<float>(choice);
  case Number::f64:
    return choose_source<double>(choice);
  case Number::tf32:
    return to_tf32;
  default:
    return nullptr;
  }
}

} // namespace EMU_HOST
} // namespace emu
