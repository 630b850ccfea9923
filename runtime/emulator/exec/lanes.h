// Registers of a warp: one value a lane, lanes side by side, so that an instruction is a loop over 32 values
// that the host's vector unit runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace emu {

inline constexpr int warp_size = 32;
/// One bit a lane; lane 0 is the lowest.
using Mask = std::uint32_t;
inline constexpr Mask all_lanes = 0xffffffffu;

/// Where a register or a constant lies in a frame. A predicate is one Mask; everything else is 32 values of
/// `bytes` bytes (16-bit registers take 2 bytes a lane, 8-bit ones, too).
struct Slot {
  std::uint32_t offset = 0;
  std::uint16_t bytes = 0; ///< a lane; 0: a predicate
  bool constant =
      false;           ///< an immediate, an address or a special register that never changes: always defined
  bool absent = false; ///< an operand left out, or the sink `_`
  std::uint32_t size() const { return bytes == 0 ? sizeof(Mask) : bytes * warp_size; }
};

template <class T> T* lanes(std::byte* frame, Slot slot) { return reinterpret_cast<T*>(frame + slot.offset); }

inline Mask& predicate(std::byte* frame, Slot slot) { return *reinterpret_cast<Mask*>(frame + slot.offset); }

// Slots are equal or apart, so lane i of a result depends on no other lane: loops over lanes may be
// vectorised.
#if defined(__clang__)
#define EMU_LANES _Pragma("clang loop vectorize(assume_safety) interleave(disable)")
#else
#define EMU_LANES _Pragma("GCC ivdep")
#endif

// A loop over lanes becomes vector code only if what it calls is inlined, however large.
#define EMU_FLATTEN [[gnu::flatten]]

/// d[i] = f(i) for the lanes of `mask`.
template <class D, class F> EMU_FLATTEN inline void each_lane(D* d, Mask mask, F f) {
  if (mask == all_lanes) {
    EMU_LANES
    for (int i = 0; i < warp_size; ++i)
      d[i] = f(i);
    return;
  }
  EMU_LANES
  for (int i = 0; i < warp_size; ++i) {
    const D value = f(i);
    d[i] = (mask >> i & 1) ? value : d[i];
  }
}

/// The lanes of `mask` for which f(i) holds.
template <class F> EMU_FLATTEN inline Mask lanes_where(Mask mask, F f) {
  alignas(warp_size) std::uint8_t holds[warp_size];
  EMU_LANES
  for (int i = 0; i < warp_size; ++i)
    holds[i] = f(i) ? 1 : 0;
  Mask result = 0;
  for (int i = 0; i < warp_size; i += 8) { // eight bytes of 0 or 1 to eight bits
    std::uint64_t eight;
    std::memcpy(&eight, holds + i, sizeof eight);
    result |= static_cast<Mask>((eight * 0x0102040810204080) >> 56) << i;
  }
  return result & mask;
}

/// Calls f(i) for the lanes of `mask`, lowest first.
template <class F> inline void for_lanes(Mask mask, F f) {
  for (; mask; mask &= mask - 1)
    f(__builtin_ctz(mask));
}

} // namespace emu
