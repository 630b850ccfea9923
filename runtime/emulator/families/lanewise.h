// Semantic functions of instructions whose lanes compute each for itself, made from the function of one lane:
//
//     constexpr auto add = [](auto a, auto b) { return a + b; };
//     lanewise<add, std::uint32_t, std::uint32_t, std::uint32_t>
#pragma once

#include "emulator/exec/state.h"
#include "emulator/families/compare.h"
#include "emulator/isa/table.h"

#include <utility>

namespace emu {

template <auto op, class D, class... S> inline void map(D* d, Mask mask, const S*... s) {
  each_lane(d, mask, [=](int i) { return static_cast<D>(op(s[i]...)); });
}

/// The first slot is of D, those that follow are of S...
template <auto op, class D, class... S>
Flow lanewise(Group& group, const Instruction& instruction, Mask mask) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    map<op>(lanes<D>(group.frame, instruction.slot[0]), mask,
            lanes<S>(group.frame, instruction.slot[1 + I])...);
  }(std::index_sequence_for<S...>());
  return Flow::go;
}

template <auto op, class D, class... S> void decode_lanewise(Decoding& d) {
  d.out.execute = lanewise<op, D, S...>;
}

template <Execute execute> void decode_as(Decoding& d) { d.out.execute = execute; }

/// lanewise with `sources` operands of the type of the result.
template <auto op, class T, int sources> constexpr Execute uniform() {
  if constexpr (sources == 1)
    return lanewise<op, T, T>;
  else if constexpr (sources == 2)
    return lanewise<op, T, T, T>;
  else
    return lanewise<op, T, T, T, T>;
}

/// f.operator()<T>() for the unsigned T of as many bits as `type` has: 16, 32 or 64.
template <class F> constexpr Execute with_bits(ptx::Type type, F f) {
  switch (ptx::bits(type)) {
  case 16:
    return f.template operator()<std::uint16_t>();
  case 32:
    return f.template operator()<std::uint32_t>();
  default:
    return f.template operator()<std::uint64_t>();
  }
}

/// f.operator()<T>() for the integer type: 16, 32 or 64 bits, signed or not.
template <class F> constexpr Execute with_integer(ptx::Type type, F f) {
  if (!ptx::is_signed(type))
    return with_bits(type, f);
  return with_bits(type, [f]<class T>() { return f.template operator()<std::make_signed_t<T>>(); });
}

/// Operands of one type, whose sign does not matter; and for which it does.
template <auto op, int sources> void decode_bits(Decoding& d) {
  d.out.execute = with_bits(d.type(), []<class T>() { return uniform<op, T, sources>(); });
}
template <auto op, int sources> void decode_integers(Decoding& d) {
  d.out.execute = with_integer(d.type(), []<class T>() { return uniform<op, T, sources>(); });
}

} // namespace emu
