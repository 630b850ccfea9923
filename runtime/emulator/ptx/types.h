// Fundamental types and state spaces of PTX, by the names that the text uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace emu::ptx {

enum class Type : std::uint8_t {
  // clang-format off
  b1, b8, b16, b32, b64, b128,
  u2, u4, u8, u16, u32, u64, u8x4, u16x2,
  s2, s4, s8, s16, s32, s64, s8x4, s16x2,
  f16, f32, f64, f16x2, f32x2, bf16, bf16x2, tf32,
  e4m3, e5m2, e4m3x2, e5m2x2, e4m3x4, e5m2x4,
  e2m1, e2m3, e3m2, e2m1x2, e2m3x2, e3m2x2, e2m1x4, e2m3x4, e3m2x4,
  ue8m0, ue8m0x2, ue4m3,
  pred,
  // clang-format on
};

enum class Space : std::uint8_t {
  generic,
  reg,
  constant,
  global,
  local,
  param,
  param_entry, ///< param::entry
  param_func,  ///< param::func
  shared,
  shared_cta,     ///< shared::cta
  shared_cluster, ///< shared::cluster
};

/// Without a dot: "f16x2", "pred"; nothing if it is no type.
std::optional<Type> type_named(std::string_view name);
std::string_view name(Type type);
/// Of one element; a predicate has 1.
int bits(Type type);
/// u8 to u64, or s8 to s64; packed types are neither.
bool is_unsigned(Type type);
bool is_signed(Type type);

/// Without a dot: "shared::cluster"; nothing if it is no space.
std::optional<Space> space_named(std::string_view name);
std::string_view name(Space space);

} // namespace emu::ptx
